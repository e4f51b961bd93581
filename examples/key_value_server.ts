// deno run --allow-net=127.0.0.1:6379 examples/key_value_server.ts
//
// Keys and values in memory, for every client of Redis: it speaks its protocol,
// RESP2 (https://redis.io/docs/latest/develop/reference/protocol-spec/), and the
// commands PING, ECHO, GET, SET (with EX, PX, NX, XX), DEL, EXISTS, INCR, TTL,
// DBSIZE, FLUSHALL and QUIT.
//
//     redis-cli -p 6379 set greeting hello
//     redis-cli -p 6379 get greeting
//
// Another port is the first argument, and belongs in --allow-net too.

import {
  IncompleteReadError,
  LimitOverrunError,
  run,
  StreamRequestHandler,
  TCPServer,
} from "../mod.ts";

/** The most that one command may have, in bytes and in words. */
const LARGEST_COMMAND = 1024 * 1024;
const MOST_WORDS = 1024;
/** The most that all keys and values may have together, in bytes. */
const LARGEST_STORE = 64 * 1024 * 1024;
/** How much may wait to be sent to a client that does not read, in bytes. */
const MOST_UNSENT = 64 * 1024;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

type Bytes = Uint8Array<ArrayBuffer>;
type Reply = string | number | Bytes | null;

/** What a client has done wrong, as it is told. */
class CommandError extends Error {}

/** What a client sends that is no command: nothing behind it can be read. */
class ProtocolError extends Error {}

interface Entry {
  readonly value: Bytes;
  /** When it goes, in milliseconds since the epoch. */
  readonly expires: number;
}

/** The keys and their values. */
class Store {
  readonly #entries = new Map<string, Entry>();
  #size = 0;

  get count(): number {
    this.#removeExpired();
    return this.#entries.size;
  }

  get(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.expires > Date.now()) return entry;
    this.delete(key);
    return undefined;
  }

  set(key: string, value: Bytes, expires = Infinity): void {
    this.delete(key);
    const size = sizeOf(key, value);
    if (this.#size + size > LARGEST_STORE) this.#removeExpired();
    if (this.#size + size > LARGEST_STORE) {
      throw new CommandError(
        `OOM ${LARGEST_STORE} bytes are used; delete some keys`,
      );
    }
    this.#size += size;
    this.#entries.set(key, { value, expires });
  }

  delete(key: string): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#size -= sizeOf(key, entry.value);
    return this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
    this.#size = 0;
  }

  #removeExpired(): void {
    const now = Date.now();
    for (const [key, { expires }] of this.#entries) {
      if (expires <= now) this.delete(key);
    }
  }
}

/** What an entry takes, with some 100 bytes for the objects around it. */
function sizeOf(key: string, value: Bytes): number {
  return 2 * key.length + value.length + 100;
}

/** The server has what all of its clients share. */
class KeyValueServer extends TCPServer {
  readonly store = new Store();
}

class Client extends StreamRequestHandler<Deno.NetAddr, KeyValueServer> {
  override async handle() {
    this.rfile.limit = LARGEST_COMMAND;
    try {
      for (let words; (words = await this.#command()) !== null;) {
        if (words.length === 0) continue;
        this.#reply(words);
        if (isQuit(words)) return;
        // Who sends many commands at once gets many answers in one packet, and who
        // reads none of them is not read from.
        if (this.wfile.bufferedAmount > MOST_UNSENT) await this.wfile.flush();
      }
    } catch (error) {
      if (error instanceof IncompleteReadError) return;
      const isTheirs = error instanceof ProtocolError ||
        error instanceof LimitOverrunError;
      if (!isTheirs) throw error;
      this.wfile.write(`-ERR Protocol error: ${error.message}\r\n`);
    }
  }

  /** Reads the words of one command. */
  async #command(): Promise<Bytes[] | null> {
    const line = await this.rfile.readLine();
    if (line === null) return null;
    // Somebody types it.
    if (!line.startsWith("*")) {
      return line.split(/\s+/).filter((word) => word !== "").map((word) =>
        encoder.encode(word)
      );
    }
    const words: Bytes[] = [];
    let left = LARGEST_COMMAND;
    for (let count = lengthIn(line, MOST_WORDS); count > 0; count--) {
      const head = await this.rfile.readLine();
      if (!head?.startsWith("$")) throw new ProtocolError("expected '$'");
      const size = lengthIn(head, left);
      left -= size;
      const word = await this.rfile.readExactly(size + 2);
      words.push(word.subarray(0, size));
    }
    return words;
  }

  #reply(words: readonly Bytes[]): void {
    const { wfile } = this;
    let reply: Reply;
    try {
      reply = execute(this.server.store, words);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      return void wfile.write(`-${error.message}\r\n`);
    }
    if (reply === null) wfile.write("$-1\r\n");
    else if (typeof reply === "number") wfile.write(`:${reply}\r\n`);
    else if (typeof reply === "string") wfile.write(`+${reply}\r\n`);
    else {
      wfile.write(`$${reply.length}\r\n`);
      wfile.write(reply);
      wfile.write("\r\n");
    }
  }
}

function isQuit([name]: readonly Bytes[]): boolean {
  return decoder.decode(name).toUpperCase() === "QUIT";
}

/** The length that follows the first character of a line. */
function lengthIn(line: string, most: number): number {
  const digits = line.slice(1);
  const length = Number(digits);
  if (/^\d{1,9}$/.test(digits) && length <= most) return length;
  throw new ProtocolError(`invalid length, at most ${most}`);
}

/** Does what a command says. */
function execute(store: Store, words: readonly Bytes[]): Reply {
  const [name, ...texts] = words.map((word) => decoder.decode(word));
  const command = COMMANDS[name!.toUpperCase()];
  if (command === undefined) {
    // A line break in it would end the answer.
    const printable = name!.slice(0, 40).replaceAll(/[^!-~]/g, "?");
    throw new CommandError(`ERR unknown command '${printable}'`);
  }
  if (texts.length < command.least || texts.length > command.most) {
    throw new CommandError(
      `ERR wrong number of arguments for '${name!.toLowerCase()}' command`,
    );
  }
  return command.run(store, texts, words.slice(1));
}

interface Command {
  /** How many arguments it takes. */
  readonly least: number;
  readonly most: number;
  run(store: Store, texts: readonly string[], bytes: readonly Bytes[]): Reply;
}

const COMMANDS: Readonly<Record<string, Command>> = Object.assign(
  Object.create(null),
  {
    PING: command(0, 1, (_store, _texts, [text]) => text ?? "PONG"),
    ECHO: command(1, 1, (_store, _texts, [text]) => text!),
    GET: command(1, 1, (store, [key]) => store.get(key!)?.value ?? null),
    SET: command(2, 5, set),
    DEL: command(
      1,
      MOST_WORDS,
      (store, keys) => countOf(keys, (key) => store.delete(key)),
    ),
    EXISTS: command(
      1,
      MOST_WORDS,
      (store, keys) => countOf(keys, (key) => store.get(key) !== undefined),
    ),
    INCR: command(1, 1, increment),
    TTL: command(1, 1, (store, [key]) => {
      const entry = store.get(key!);
      if (entry === undefined) return -2;
      if (entry.expires === Infinity) return -1;
      return Math.ceil((entry.expires - Date.now()) / 1_000);
    }),
    DBSIZE: command(0, 0, (store) => store.count),
    FLUSHALL: command(0, 1, (store) => {
      store.clear();
      return "OK";
    }),
    QUIT: command(0, 0, () => "OK"),
  },
);

function command(least: number, most: number, run: Command["run"]): Command {
  return { least, most, run };
}

function countOf(
  keys: readonly string[],
  isCounted: (key: string) => boolean,
): number {
  return keys.filter(isCounted).length;
}

function set(
  store: Store,
  [key, , ...options]: readonly string[],
  [, value]: readonly Bytes[],
): Reply {
  let expires = Infinity;
  let mustExist: boolean | undefined;
  for (let i = 0; i < options.length; i++) {
    switch (options[i]!.toUpperCase()) {
      case "EX":
        expires = Date.now() + 1_000 * timeIn(options[++i]);
        break;
      case "PX":
        expires = Date.now() + timeIn(options[++i]);
        break;
      case "NX":
        mustExist = false;
        break;
      case "XX":
        mustExist = true;
        break;
      default:
        throw new CommandError("ERR syntax error");
    }
  }
  const exists = store.get(key!) !== undefined;
  if (mustExist !== undefined && mustExist !== exists) return null;
  store.set(key!, value!, expires);
  return "OK";
}

function timeIn(text: string | undefined): number {
  const time = Number(text);
  if (Number.isSafeInteger(time) && time > 0) return time;
  throw new CommandError("ERR invalid expire time in 'set' command");
}

function increment(store: Store, [key]: readonly string[]): Reply {
  const entry = store.get(key!);
  const text = entry === undefined ? "0" : decoder.decode(entry.value);
  const next = Number(text) + 1;
  if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(next)) {
    throw new CommandError("ERR value is not an integer or out of range");
  }
  store.set(key!, encoder.encode(`${next}`), entry?.expires);
  return next;
}

if (import.meta.main) {
  const port = Number(Deno.args[0] ?? 6379);
  const server = new KeyValueServer({ hostname: "127.0.0.1", port }, Client, {
    onListen: ({ hostname, port }) =>
      console.log(`Listening on ${hostname}:${port}`),
  });
  await run(server);
}
