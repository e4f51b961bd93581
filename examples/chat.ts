// deno run --allow-net=127.0.0.1:1234 examples/chat.ts
//
// Handlers that talk to each other: a chat with rooms. It shows when to await
// a write (a reply to the client that asked) and when not to (a broadcast).
//
// Talk to it with `nc 127.0.0.1 1234`: /nick NAME, /join ROOM, /who, /quit.
// Another port is the first argument, and belongs in --allow-net too.

import {
  LimitOverrunError,
  run,
  StreamRequestHandler,
  TCPServer,
} from "../mod.ts";

const LONGEST_LINE = 1024;
const LONGEST_NAME = 20;

/** Everybody connected, by nickname in lower case. */
const members = new Map<string, ChatHandler>();
let guests = 0;

export class ChatHandler extends StreamRequestHandler<Deno.NetAddr> {
  #nickname = "";
  #room = "lobby";

  override async setup() {
    this.rfile.limit = LONGEST_LINE;
    do {
      this.#nickname = `guest${++guests}`;
    } while (members.has(this.#nickname));
    members.set(this.#nickname, this);
    await this.#reply(`Welcome to ${this.#room}, ${this.#nickname}`);
    this.#broadcast(`${this.#nickname} joins`);
  }

  override async handle() {
    try {
      for await (const line of this.rfile) {
        // What one member types must not steer the terminals of the others.
        const text = line.replace(/\p{Cc}/gu, "").trim();
        if (text === "/quit") return await this.#reply("Bye");
        if (text.startsWith("/")) await this.#command(text);
        else if (text !== "") this.#broadcast(`<${this.#nickname}> ${text}`);
      }
    } catch (error) {
      if (!(error instanceof LimitOverrunError)) throw error;
      await this.#reply(`Refused: a line has at most ${LONGEST_LINE} bytes`);
    }
  }

  override finish() {
    const key = this.#nickname.toLowerCase();
    if (members.get(key) !== this) return;
    members.delete(key);
    this.#broadcast(`${this.#nickname} leaves`);
  }

  async #command(text: string) {
    const [command, name = ""] = text.split(/\s+(.*)/);
    switch (command) {
      case "/nick":
        return await this.#rename(name);
      case "/join":
        return await this.#join(name);
      case "/who":
        return await this.#reply(
          this.#others().map((member) => member.#nickname)
            .concat(this.#nickname).sort().join(", "),
        );
      default:
        await this.#reply("Commands: /nick NAME, /join ROOM, /who, /quit");
    }
  }

  async #rename(name: string) {
    const holder = members.get(name.toLowerCase());
    const fault = faultOf(name) ??
      (holder !== undefined && holder !== this
        ? "that nickname is taken"
        : undefined);
    if (fault !== undefined) return await this.#reply(`Refused: ${fault}`);
    this.#broadcast(`${this.#nickname} is now ${name}`);
    members.delete(this.#nickname.toLowerCase());
    members.set(name.toLowerCase(), this);
    this.#nickname = name;
    await this.#reply(`You are now ${name}`);
  }

  async #join(room: string) {
    const fault = faultOf(room);
    if (fault !== undefined) return await this.#reply(`Refused: ${fault}`);
    this.#broadcast(`${this.#nickname} leaves`);
    this.#room = room;
    this.#broadcast(`${this.#nickname} joins`);
    await this.#reply(`You are in ${room}`);
  }

  /** Awaited by its callers: who asks without reading is not read from either. */
  #reply(text: string): Promise<void> {
    return this.wfile.write(`* ${text}\n`);
  }

  /**
   * Not awaited: one slow reader must not hold up the room. What it has not
   * read waits in its `wfile` up to a limit. Past it the write is refused: it is
   * that reader who misses the line, and whose end the server reports with a
   * LimitOverrunError.
   */
  #broadcast(text: string) {
    for (const member of this.#others()) member.wfile.write(`${text}\n`);
  }

  #others(): ChatHandler[] {
    return [...members.values()].filter((member) =>
      member !== this && member.#room === this.#room
    );
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
  const port = Number(Deno.args[0] ?? 1234);
  const server = new TCPServer({ hostname: "127.0.0.1", port }, ChatHandler, {
    // Nobody reads nor writes for so long: the peer is gone, or stuck.
    idleTimeout: 60 * 60_000,
    onListen: ({ hostname, port }) =>
      console.log(`Listening on ${hostname}:${port}`),
  });
  // A chat never ends by itself, so there is little to wait for.
  await run(server, { gracePeriod: 500 });
}
