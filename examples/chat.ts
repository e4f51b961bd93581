// deno run --allow-net=127.0.0.1:1234 --allow-read=examples,handlers,server,mod.ts --allow-run=deno examples/chat.ts
//
// A chat with rooms, which is the same program on the event loop, in threads and in
// processes: its handlers share no memory. What a member types is posted to the
// server, which alone knows the members. It answers the one, and broadcasts to the
// room. The first argument is the port, which belongs in --allow-net too, the second
// `--threads` or `--processes`. Without that, --allow-net is all it needs.
//
// Talk to it with `nc 127.0.0.1 1234`: /nick NAME, /join ROOM, /who, /quit.

import {
  ForkingTCPServer,
  LimitOverrunError,
  type MessageSender,
  type RequestServer,
  run,
  StreamRequestHandler,
  TCPServer,
  ThreadingTCPServer,
} from "../mod.ts";

/** What handlers are configured with. */
interface Config {
  readonly longestLine: number;
}

/** What a handler posts: its member comes, goes, or has typed a line. */
interface Posted {
  /** Which member, a number that nobody else has. */
  readonly id: string;
  readonly is: "come" | "gone" | "line";
  readonly text?: string;
}

/** What the server sends to handlers. */
type Sent =
  /** For one member, who may be in another room from now on. */
  | { readonly to: string; readonly text: string; readonly room: string }
  /** For all in a room but one. */
  | { readonly room: string; readonly but: string; readonly text: string };

/** One member, wherever the server runs its handlers. */
export class ChatHandler
  extends StreamRequestHandler<Deno.NetAddr, RequestServer<Config, Posted>> {
  static override readonly moduleUrl: string = import.meta.url;
  readonly #id = crypto.randomUUID();
  #room = "";
  #answered = Promise.withResolvers<void>();

  override async setup() {
    this.rfile.limit = this.config.longestLine;
    await this.#ask("come");
  }

  override async handle() {
    try {
      for await (const line of this.rfile) {
        // What one member types must not steer the terminals of the others.
        const text = line.replace(/\p{Cc}/gu, "").trim();
        if (text === "/quit") return await this.wfile.write("* Bye\n");
        if (text.startsWith("/")) await this.#ask("line", text);
        else if (text !== "") {
          await this.server.post({ id: this.#id, is: "line", text });
        }
      }
    } catch (error) {
      if (!(error instanceof LimitOverrunError)) throw error;
      const { longestLine } = this.config;
      await this.wfile.write(
        `* Refused: a line has at most ${longestLine} bytes\n`,
      );
    }
  }

  override finish() {
    this.server.post({ id: this.#id, is: "gone" });
  }

  /**
   * Not awaited: one slow reader must not hold up the room. What it has not read
   * waits in its `wfile` up to a limit. Past it the write is refused: it is that
   * reader who misses the line, and whose end the server reports with a
   * LimitOverrunError.
   */
  override onMessage(message: Sent) {
    if ("to" in message) {
      if (message.to !== this.#id) return;
      this.#room = message.room;
      this.wfile.write(`* ${message.text}\n`);
      this.#answered.resolve();
    } else if (message.room === this.#room && message.but !== this.#id) {
      this.wfile.write(`${message.text}\n`);
    }
  }

  /** Awaits the answer: who asks without reading is not read from either. */
  async #ask(is: Posted["is"], text = "") {
    this.#answered = Promise.withResolvers();
    await this.server.post({ id: this.#id, is, text });
    await this.#answered.promise;
    await this.wfile.flush();
  }
}

/** Somebody connected. */
interface Member {
  readonly id: string;
  readonly from: MessageSender;
  nickname: string;
  room: string;
}

const LONGEST_NAME = 20;

/** Who is there, and in which room: in the server alone. */
class Lobby {
  readonly #broadcast: (message: Sent) => void;
  readonly #members = new Map<string, Member>();
  /** The places where members are, to hear of their end. */
  readonly #places = new Set<MessageSender>();
  #guests = 0;

  constructor(broadcast: (message: Sent) => void) {
    this.#broadcast = broadcast;
  }

  /** Takes what a handler posts. In a process it is not trusted. */
  take(message: unknown, from: MessageSender) {
    const { id, is, text } = message as Posted;
    const member = this.#members.get(id);
    if (typeof id !== "string" || (member?.from ?? from) !== from) return;
    if (is === "come" && member === undefined) return this.#enter(id, from);
    if (member === undefined) return;
    if (is === "gone") return this.#leave(member);
    if (is !== "line" || typeof text !== "string") return;
    if (text.startsWith("/")) this.#obey(member, text);
    else this.#tellRoom(member, `<${member.nickname}> ${text}`);
  }

  #enter(id: string, from: MessageSender) {
    let nickname;
    do nickname = `guest${++this.#guests}`; while (this.#holder(nickname));
    const member = { id, from, nickname, room: "lobby" };
    this.#members.set(id, member);
    this.#answer(member, `Welcome to ${member.room}, ${nickname}`);
    this.#tellRoom(member, `${nickname} joins`);
    if (this.#places.has(from)) return;
    this.#places.add(from);
    // A process may end without a word.
    void from.gone.then(() => {
      this.#places.delete(from);
      for (const member of [...this.#members.values()]) {
        if (member.from === from) this.#leave(member);
      }
    });
  }

  #leave(member: Member) {
    this.#members.delete(member.id);
    this.#tellRoom(member, `${member.nickname} leaves`);
  }

  #obey(member: Member, text: string) {
    const [command, name = ""] = text.split(/\s+(.*)/);
    switch (command) {
      case "/nick":
        return this.#rename(member, name);
      case "/join":
        return this.#join(member, name);
      case "/who":
        return this.#answer(
          member,
          [...this.#members.values()].filter(({ room }) => room === member.room)
            .map(({ nickname }) => nickname).sort().join(", "),
        );
      default:
        this.#answer(member, "Commands: /nick NAME, /join ROOM, /who, /quit");
    }
  }

  #rename(member: Member, name: string) {
    const holder = this.#holder(name);
    const fault = faultOf(name) ??
      (holder !== undefined && holder !== member
        ? "that nickname is taken"
        : undefined);
    if (fault !== undefined) return this.#answer(member, `Refused: ${fault}`);
    this.#tellRoom(member, `${member.nickname} is now ${name}`);
    member.nickname = name;
    this.#answer(member, `You are now ${name}`);
  }

  #join(member: Member, room: string) {
    const fault = faultOf(room);
    if (fault !== undefined) return this.#answer(member, `Refused: ${fault}`);
    this.#tellRoom(member, `${member.nickname} leaves`);
    member.room = room;
    this.#tellRoom(member, `${member.nickname} joins`);
    this.#answer(member, `You are in ${room}`);
  }

  #holder(nickname: string): Member | undefined {
    const key = nickname.toLowerCase();
    return this.#members.values()
      .find(({ nickname }) => nickname.toLowerCase() === key);
  }

  #answer({ id, from, room }: Member, text: string) {
    from.post({ to: id, text, room } satisfies Sent);
  }

  #tellRoom({ id, room }: Member, text: string) {
    this.#broadcast({ room, but: id, text });
  }
}

/** What is wrong with a nickname or the name of a room, if anything is. */
function faultOf(name: string): string | undefined {
  if (name === "") return "a name is missing";
  if (name.length > LONGEST_NAME) {
    return `a name has at most ${LONGEST_NAME} characters`;
  }
  if (!/^[\p{L}\p{N}_-]+$/u.test(name)) {
    return "a name has only letters, digits, _ and -";
  }
}

if (import.meta.main) {
  const [port = "1234", way] = Deno.args;
  const address = { hostname: "127.0.0.1", port: Number(port) };
  const lobby = new Lobby((message) => server.broadcast(message));
  const options = {
    config: { longestLine: 1024 },
    onMessage: (message: unknown, from: MessageSender) =>
      lobby.take(message, from),
    // Nobody reads nor writes for so long: the peer is gone, or stuck.
    idleTimeout: 60 * 60_000,
    onListen: ({ hostname, port }: Deno.NetAddr) =>
      console.log(`Listening on ${hostname}:${port}`),
  };
  const server: TCPServer = way === "--threads"
    ? new ThreadingTCPServer(address, ChatHandler, options)
    : way === "--processes"
    ? new ForkingTCPServer(address, ChatHandler, {
      ...options,
      maxChildren: navigator.hardwareConcurrency,
      requestsPerChild: Infinity,
      connectionsPerChild: 1_000,
    })
    : new TCPServer(address, ChatHandler, options);
  // A chat never ends by itself, so there is little to wait for.
  await run(server, { gracePeriod: 500 });
}
