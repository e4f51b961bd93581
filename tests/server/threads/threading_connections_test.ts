import { deepStrictEqual, match, strictEqual } from "node:assert";
import { once } from "node:events";
import { connect } from "node:net";
import { ThreadingUnixStreamServer } from "../../../mod.ts";
import { serveForTest } from "../../../server/testing/mod.ts";
import { patiently } from "../../_patience.ts";
import { Folder } from "../../_program.ts";
import { ask, LOOPBACK, readAll } from "../../_loopback.ts";
import { Random } from "../bridge/_random.ts";
import { testBoth, testMain } from "./_accept_modes.ts";
import {
  Bare,
  checksum,
  Obedient,
  pattern,
  Piped,
} from "./_threading_handlers.ts";
import { order, startThreads, Threads } from "./_threads.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** What a handler in the one thread of a server said. */
const told = (server: Threads) =>
  patiently(
    ask(server.addr, "what was told\n"),
    () => "what a handler tells",
  );

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += await conn.write(bytes.subarray(done));
  }
}

async function readBytes(conn: Deno.Conn): Promise<Uint8Array> {
  return await new Response(
    conn.readable as ReadableStream<Uint8Array<ArrayBuffer>>,
  ).bytes();
}

testBoth(
  "a client may end its side first and still gets the whole answer",
  async () => {
    await using served = await startThreads();
    const bytes = pattern(3_000_000);
    const client = await order(served.addr, "everything");
    await writeAll(client, bytes);
    await client.closeWrite();
    strictEqual(await readAll(client), `${bytes.length} ${checksum(bytes)}`);
  },
);

testBoth(
  "a handler may end its side first, read on, and write no more",
  async () => {
    await using served = await startThreads();
    const client = await order(served.addr, "end before reading");
    const buffer = new Uint8Array(100);
    strictEqual(await client.read(buffer), 5);
    strictEqual(await client.read(buffer), null);
    await client.write(encode("0123456789"));
    await client.closeWrite();
    strictEqual(await told(served.server), "10 BrokenPipe");
    client.close();
  },
);

testBoth("a handler may close its connection, once", async () => {
  await using served = await startThreads();
  const client = await order(served.addr, "close");
  strictEqual(await readAll(client), "");
  strictEqual(await told(served.server), "BadResource BadResource");
});

testBoth(
  "what a handler wrote before it closed its connection arrives",
  async () => {
    await using served = await startThreads();
    strictEqual(await ask(served.addr, "write and close\n"), "last words");
  },
);

testBoth("a million bytes arrive, awaited or not", async () => {
  await using served = await startThreads();
  for (const how of ["", " unawaited"]) {
    const client = await order(served.addr, `write a million bytes${how}`);
    deepStrictEqual(await readBytes(client), pattern(1_000_000));
  }
  deepStrictEqual(served.errors, []);
});

testBoth(
  "readable and writable carry a connection's bytes unchanged",
  async () => {
    await using served = await serveForTest(Piped, {
      server: Threads,
      options: { workers: 1 },
    });
    const client = await Deno.connect(served.addr);
    const bytes = pattern(2_000_000);
    const [, echoed] = await Promise.all([
      writeAll(client, bytes).then(() => client.closeWrite()),
      readBytes(client),
    ]);
    strictEqual(echoed.length, bytes.length);
    strictEqual(checksum(echoed), checksum(bytes));
  },
);

/** Wraps its connections in some that are not this module's. */
class Wrapping extends Threads {
  readonly read = new Set<ArrayBufferLike>();
  readonly written: Uint8Array[] = [];

  override async getRequest(): Promise<[Deno.TcpConn, Deno.NetAddr]> {
    const [accepted, address] = await super.getRequest();
    const own = {
      localAddr: accepted.localAddr,
      remoteAddr: accepted.remoteAddr,
      read: (buffer: Uint8Array) => {
        this.read.add(buffer.buffer);
        return accepted.read(buffer);
      },
      write: (data: Uint8Array) => {
        this.written.push(data);
        return accepted.write(data);
      },
      closeWrite: () => accepted.closeWrite(),
      close: () => accepted.close(),
    } as Deno.TcpConn;
    return [own, address];
  }
}

testMain(
  "connections of one's own get no memory that is shared or used again",
  async () => {
    await using served = await serveForTest(Obedient, {
      server: Wrapping,
      options: { workers: 1 },
    });
    const { server } = served;
    const bytes = pattern(1_000_000);
    const client = await order(server.addr, "everything");
    await writeAll(client, bytes);
    await client.closeWrite();
    strictEqual(await readAll(client), `${bytes.length} ${checksum(bytes)}`);
    server.written.length = 0;
    const reader = await order(server.addr, "write a million bytes");
    strictEqual(checksum(await readBytes(reader)), checksum(bytes));
    for (const { buffer } of server.written) {
      strictEqual(buffer instanceof ArrayBuffer, true);
    }
    const written = new Blob(server.written as Uint8Array<ArrayBuffer>[]);
    strictEqual(checksum(await written.bytes()), checksum(bytes));
    for (const memory of server.read) {
      strictEqual(memory instanceof ArrayBuffer, true);
    }
  },
);

for (const action of ["read", "write"] as const) {
  testMain(
    `a connection whose ${action}() does nothing fails alone`,
    async () => {
      const server = new Threads(LOOPBACK, Obedient, {
        workers: 1,
        onError() {},
      });
      const getRequest = server.getRequest.bind(server);
      let isFirst = true;
      server.getRequest = async () => {
        const accepted = await getRequest();
        if (isFirst) accepted[0][action] = () => Promise.resolve(0);
        isFirst = false;
        return accepted;
      };
      await using served = await serveForTest(server);
      strictEqual(await ask(server.addr, "write a million bytes\n"), "");
      match(String(await served.untilErrors()), /\(\) (gave|took) 0;/);
      strictEqual(await ask(server.addr, "write and close\n"), "last words");
    },
  );
}

/** Has a handler set options, and goes on. */
async function setOptions(
  address: Deno.ConnectOptions | Deno.UnixConnectOptions,
): Promise<void> {
  const client = await order(address as Deno.ConnectOptions, "options");
  strictEqual(await client.read(new Uint8Array(10)), 3);
  await client.write(encode("more\n"));
  strictEqual(await readAll(client), "more");
}

testBoth("options of the socket are set from a thread", async () => {
  await using served = await startThreads();
  await setOptions(served.addr);
  deepStrictEqual(served.errors, []);
});

Deno.test("an option that a kind of socket does not have is let pass", async () => {
  await using folder = new Folder();
  for (const options of [{}, { idleTimeout: 60_000 }]) {
    await using served = await serveForTest(
      new ThreadingUnixStreamServer(
        { path: folder.at("s") },
        Obedient,
        { workers: 1, ...options },
      ),
    );
    await setOptions(served.addr as Deno.UnixConnectOptions);
  }
});

testBoth(
  "writes made at once keep their order, those too that wait for credit",
  async () => {
    await using served = await startThreads();
    const received = await readBytes(
      await order(served.addr, "writes at once"),
    );
    const sizes: number[] = JSON.parse(await told(served.server));
    deepStrictEqual(
      received,
      Uint8Array.from(sizes.flatMap((n, i) => new Array(n).fill(i))),
    );
    strictEqual(sizes.every((n) => n > 0), true);
  },
);

testBoth(
  "forty clients that write, read and pause at random get back what they sent",
  async () => {
    const SIZE = 400_000;
    await using served = await serveForTest(Bare, {
      server: Threads,
      options: { workers: 2 },
    });
    await Promise.all(Array.from({ length: 40 }, async (_, i) => {
      const random = new Random(i + 1);
      const pause = () =>
        random.oneIn(10)
          ? new Promise<void>((done) => setTimeout(done))
          : Promise.resolve();
      const client = await Deno.connect(served.addr);
      const bytes = pattern(SIZE, i + 1);
      const write = async () => {
        for (let done = 0; done < SIZE;) {
          const end = done + 1 +
            random.below(random.pick([10, 1_000, 100_000]));
          done += await client.write(bytes.subarray(done, end));
          await pause();
        }
        await client.closeWrite();
      };
      const read = async () => {
        const echoed = new Uint8Array(SIZE + 1);
        let filled = 0;
        while (true) {
          const end = filled + 1 +
            random.below(random.pick([10, 1_000, 100_000]));
          const n = await client.read(echoed.subarray(filled, end));
          if (n === null) return echoed.subarray(0, filled);
          filled += n;
          await pause();
        }
      };
      const [, echoed] = await Promise.all([write(), read()]);
      client.close();
      strictEqual(echoed.length, SIZE);
      strictEqual(checksum(echoed), checksum(bytes));
    }));
    deepStrictEqual(served.errors, []);
  },
);

testBoth(
  "a read that a handler leaves behind harms no other request",
  async () => {
    await using served = await startThreads();
    const thread = await ask(served.addr, "thread\n");
    strictEqual(await ask(served.addr, "leave a read behind\n"), "left");
    strictEqual(await ask(served.addr, "thread\n"), thread);
  },
);

// The signal of a handler.

testBoth(
  "a handler's signal tells that the client has reset its connection",
  async () => {
    await using served = await startThreads();
    // Deno's close() sends FIN before RST, and a reader sees the end first.
    const client = connect(served.addr.port, served.addr.hostname);
    client.write("signal\n");
    client.once("data", () => client.resetAndDestroy());
    await once(client, "close");
    strictEqual(await told(served.server), "ConnectionReset");
  },
);

testBoth("a handler's signal tells of a requestTimeout", async () => {
  await using served = await startThreads({ requestTimeout: 500 });
  strictEqual(await readAll(await order(served.addr, "signal")), "waiting");
  strictEqual(await told(served.server), "TimeoutError");
  const [error] = await served.untilErrors() as Error[];
  strictEqual(
    error!.message,
    "The request took longer than requestTimeout, 500 ms",
  );
});

testBoth("a handler's signal tells of an idleTimeout", async () => {
  await using served = await startThreads({ idleTimeout: 500 });
  strictEqual(await readAll(await order(served.addr, "signal")), "waiting");
  strictEqual(await told(served.server), "TimeoutError");
  match(String(await served.untilErrors()), /longer than idleTimeout, 500 ms$/);
});

testBoth(
  "a handler's signal tells of a shutdown past its grace period",
  async () => {
    await using served = await startThreads();
    const client = await order(served.addr, "signal");
    await client.read(new Uint8Array(100));
    const told = await order(served.addr, "what was told");
    await served.server.shutdown({ gracePeriod: 50 });
    strictEqual(await client.read(new Uint8Array(100)), null);
    client.close();
    told.close();
    const errors = await served.untilErrors(2) as Error[];
    deepStrictEqual(errors.map(({ name }) => name), [
      "AbortError",
      "AbortError",
    ]);
  },
);
