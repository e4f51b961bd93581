// Handlers for tests of servers with threads: what the threads import.

import {
  BaseRequestHandler,
  DatagramRequestHandler,
  type RequestServer,
  StreamRequestHandler,
} from "../../../handlers/mod.ts";
import { loopForEver } from "./_loop_for_ever.ts";

/** Says which thread a handler runs in: every thread has a module of its own. */
const thread = crypto.randomUUID();

const encoder = new TextEncoder();
const never = () => new Promise<never>(() => {});

/** What a handler does, by what the first line says. */
const orders: Readonly<Record<string, (handler: Obedient) => unknown>> = {
  // Answers.
  "what was told": async ({ wfile }) => {
    const told = await telling.promise;
    telling = Promise.withResolvers();
    await wfile.write(told);
  },
  "thread": ({ wfile }) => wfile.write(thread),
  "thread, then lines": async ({ rfile, wfile }) => {
    await wfile.write(thread);
    for await (const line of rfile) await wfile.write(`<${line}>\n`);
  },
  "lines": async ({ rfile, wfile }) => {
    for await (const line of rfile) await wfile.write(`<${line}>\n`);
  },
  "everything": async ({ rfile, wfile }) => {
    rfile.limit = Number.MAX_SAFE_INTEGER;
    const all = await rfile.readAll();
    await wfile.write(`${all.length} ${checksum(all)}`);
  },
  "write a million bytes": ({ wfile }) => wfile.write(pattern(1_000_000)),
  "write a million bytes unawaited": ({ wfile }) =>
    void wfile.write(pattern(1_000_000)),
  "handshake": async ({ wfile, request }) => {
    const infos = "handshake" in request
      ? await Promise.all([
        (request as Deno.TlsConn).handshake(),
        (request as Deno.TlsConn).handshake(),
      ])
      : "none";
    await wfile.write(JSON.stringify(infos));
  },
  "addresses": ({ wfile, request, clientAddress, server }) =>
    wfile.write(JSON.stringify({
      local: request.localAddr,
      remote: request.remoteAddr,
      client: clientAddress,
      server: server.addr,
    })),
  // The connection itself.
  "end before reading": async ({ rfile, wfile, request }) => {
    await wfile.write("ended");
    await wfile.closeWrite();
    const rest = await rfile.readAll();
    const refused = await request.write(encoder.encode("x"))
      .then(() => "written", (error: Error) => error.name);
    tell(`${rest.length} ${refused}`);
  },
  "close": ({ request }) => {
    request.close();
    const again = (use: () => unknown) => {
      try {
        use();
        return "allowed";
      } catch (error) {
        return (error as Error).name;
      }
    };
    tell(
      again(() => request.close()),
      again(() => (request as Deno.TcpConn).setNoDelay()),
    );
  },
  "write and close": async ({ request }) => {
    await request.write(encoder.encode("last words"));
    request.close();
  },
  "options": async ({ request, rfile, wfile }) => {
    (request as Deno.TcpConn).setNoDelay();
    (request as Deno.TcpConn).setKeepAlive(false);
    request.ref();
    request.unref();
    await wfile.write("set");
    await wfile.write(`${await rfile.readLine()}`);
  },
  "writes at once": async ({ request }) => {
    // More than the window, so that the last ones wait for credit.
    const writes: Promise<number>[] = [];
    for (let i = 0; i < 100; i++) {
      writes.push(request.write(new Uint8Array(8_192).fill(i)));
    }
    // What the credit leaves over of one is not written.
    tell(JSON.stringify(await Promise.all(writes)));
  },
  // Errors.
  "throw": () => {
    throw new Deno.errors.PermissionDenied("thrown by Obedient", {
      cause: new RangeError("its cause"),
    });
  },
  "throw what cannot be looked at": () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    throw proxy;
  },
  "throw a giant": () => {
    const error = Object.assign(new Error("\0".repeat(200_000)), {
      name: "\0".repeat(200_000),
      stack: "\0".repeat(200_000),
      code: "\0".repeat(200_000),
    });
    error.cause = error;
    throw error;
  },
  "throw text": () => {
    throw "just text";
  },
  // Shutting down.
  "shut down": async ({ server, wfile }) => {
    await server.shutdown();
    await wfile.write("shut down");
  },
  "shut down badly": async ({ server, wfile }) => {
    const error = await server.shutdown({ gracePeriod: -1 })
      .catch((error) => error);
    await wfile.write(`${error}`);
  },
  "shut down misspelt": async ({ server, wfile }) => {
    const error = await server.shutdown({ gracePeriodd: 1 } as object)
      .catch((error) => error);
    await wfile.write(`${error}`);
  },
  "shut down later": ({ server }) => {
    setTimeout(() => server.shutdown());
  },
  // Signals.
  "signal": async ({ signal, wfile }) => {
    const aborted = new Promise<void>((resolve) =>
      signal.addEventListener("abort", () => resolve())
    );
    await wfile.write("waiting");
    await aborted;
    tell(`${signal.reason.name}`);
  },
  "shut down when aborted": async ({ signal, server, wfile }) => {
    const aborted = new Promise<void>((resolve) =>
      signal.addEventListener("abort", () => resolve())
    );
    await wfile.write("waiting");
    await aborted;
    await server.shutdown();
  },
  "log later": async ({ wfile }) => {
    await wfile.write("soon");
    await new Promise((resolve) => setTimeout(resolve, 100));
    console.log("over");
  },
  // Bad behaviour.
  "never return": never,
  "never read": never,
  "write without end": async ({ request }) => {
    const data = new Uint8Array(64 * 1024);
    while (true) await request.write(data);
  },
  "self.close()": () => {
    self.close();
    return never();
  },
  "Deno.exit()": () => {
    Deno.exit(1);
  },
  "answer before the end": async ({ wfile }) => {
    await ending.promise;
    await wfile.write("answered");
  },
  "end soon": async ({ wfile }) => {
    await wfile.write("soon");
    setTimeout(() => {
      ending.resolve();
      setTimeout(() => self.close(), 10);
    }, 20);
    await never();
  },
  "throw later": () => {
    setTimeout(() => {
      throw new TypeError("uncaught");
    });
    return never();
  },
  "throw after the end": () => {
    setTimeout(() => {
      throw new Error("left running");
    });
  },
  "reject": () => {
    Promise.reject(new RangeError("unhandled"));
    return never();
  },
  "loop": loopForEver,
  // Only in a process of its own, which ends with its test.
  "loop without sleep": () => {
    for (;;);
  },
  "use up the memory": useUpTheMemory,
  "use up the memory after a timer": async () => {
    await new Promise((resolve) => setTimeout(resolve));
    useUpTheMemory();
  },
  "spin for 5 ms": ({ wfile }) => {
    const until = performance.now() + 5;
    while (performance.now() < until);
    return wfile.write("spun");
  },
  "transfer what is read into": async ({ request, wfile }) => {
    const buffer = new Uint8Array(8);
    const reading = request.read(buffer);
    buffer.buffer.transfer();
    await wfile.write("transferred");
    await reading;
  },
  "leave a loop of reads behind": ({ rfile, wfile }) => {
    (async () => {
      for await (const line of rfile) void line;
    })();
    return wfile.write("left");
  },
  "leave a loop of bare reads behind": ({ request, wfile }) => {
    (async () => {
      while (await request.read(new Uint8Array(1)) !== null);
    })();
    return wfile.write("left");
  },
  "leave a pipe behind": ({ request, wfile }) => {
    request.readable.pipeTo(request.writable);
    return wfile.write("left");
  },
  "leave a read behind": ({ request, wfile }) => {
    request.read(new Uint8Array(1));
    return wfile.write("left");
  },
};

function useUpTheMemory(): never {
  const kept: number[][] = [];
  for (;;) kept.push(new Array(100_000).fill(Math.random()));
}

/** What handlers say that no client can see; the next request asks for it. */
let telling = Promise.withResolvers<string>();

function tell(...what: string[]): void {
  telling.resolve(what.join(" "));
}

/** Settled shortly before a thread is ended. */
const ending = Promise.withResolvers<void>();

/** Does what the first line says. */
export class Obedient extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    const line = await this.rfile.readLine();
    if (line === null) return;
    await orders[line]!(this);
  }
}

/** As {@linkcode Obedient}, but it fails in `setup`, and in `finish` as well. */
export class FailingAround extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override setup() {
    throw new Error("failed in setup");
  }

  override finish() {
    throw new Error("failed in finish");
  }
}

/** Is never made, but keeps its connection, and tells what becomes of it. */
export class Unmade extends BaseRequestHandler<Deno.Conn> {
  static override readonly moduleUrl: string = import.meta.url;

  constructor(
    request: Deno.Conn,
    clientAddress: Deno.Addr,
    server: RequestServer,
  ) {
    super(request, clientAddress, server);
    if (kept !== undefined) return;
    kept = request;
    throw new Error("failed in constructor");
  }

  override async handle() {
    const refused = await kept!.write(encoder.encode("x"))
      .then(() => "written", (error: Error) => error.name);
    await this.request.write(encoder.encode(refused));
  }
}

let kept: Deno.Conn | undefined;

/** Works on the bare connection. */
export class Bare extends BaseRequestHandler<Deno.Conn> {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    const buffer = new Uint8Array(1_000);
    using connection = this.request;
    for (let n; (n = await connection.read(buffer)) !== null;) {
      let done = 0;
      while (done < n) {
        done += await connection.write(buffer.subarray(done, n));
      }
    }
  }
}

/** Sends everything back through streams. */
export class Piped extends BaseRequestHandler<Deno.Conn> {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    await this.request.readable.pipeTo(this.request.writable);
  }
}

/** Answers each datagram as it says. */
export class Datagrams extends DatagramRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    const text = new TextDecoder().decode(this.packet);
    switch (text) {
      case "thread":
        return void this.wfile.write(thread);
      case "throw":
        throw new TypeError("thrown by Datagrams");
      case "never return":
        return await never();
      case "self.close()":
        self.close();
        return await never();
      case "spin for a second": {
        const until = performance.now() + 1_000;
        while (performance.now() < until);
        return void this.wfile.write("spun");
      }
      case "send twice":
        await this.socket.send(encoder.encode("one"), this.clientAddress);
        return void this.wfile.write("two");
      case "send unawaited":
        return void this.socket.send(
          encoder.encode("sent"),
          this.clientAddress,
        );
      case "send to nowhere": {
        const error = await this.socket.send(
          this.packet,
          null as unknown as Deno.Addr,
        ).catch((error) => error);
        return void this.wfile.write(error.name);
      }
      case "send no bytes": {
        const error = await this.socket.send(
          "abc" as unknown as Uint8Array,
          this.clientAddress,
        ).catch((error) => error);
        return void this.wfile.write(error.name);
      }
      case "send too much": {
        const error = await this.socket.send(
          new Uint8Array(100_000),
          this.clientAddress,
        ).catch((error) => error);
        return void this.wfile.write(error.name);
      }
      case "reply when aborted":
        await new Promise<void>((resolve) =>
          this.signal.addEventListener("abort", () => resolve())
        );
        // Nobody is told whether it went out.
        await this.socket.send(this.packet, this.clientAddress)
          .catch(() => {});
        throw new Error("thrown when it was over");
      case "shut down":
        await this.server.shutdown();
        return void this.wfile.write("shut down");
    }
    this.wfile.write(`<${text}>`);
  }
}

/** Bytes that tell where they have been lost or exchanged. */
export function pattern(size: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let x = seed;
  for (let i = 0; i < size; i++) {
    // The minimal standard generator (Park and Miller, 1988).
    x = x * 48_271 % 2_147_483_647;
    bytes[i] = x;
  }
  return bytes;
}

/** Adler-32 (RFC 1950). */
export function checksum(bytes: Uint8Array): number {
  let a = 1;
  let b = 0;
  for (const byte of bytes) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  return (b << 16 | a) >>> 0;
}
