import { ok, rejects, strictEqual } from "node:assert";
import { StreamReader, StreamWriter } from "../../../mod.ts";

/** So often a loop may go round without a turn of the event loop, at the most. */
const PATIENCE = 100_000;

const FAILED = new Deno.errors.ConnectionReset("gone");

/** Every read, and every way to read nothing. */
const READS: Readonly<
  Record<string, (rfile: StreamReader) => Promise<unknown>>
> = {
  "read()": (rfile) => rfile.read(),
  "read(0)": (rfile) => rfile.read(0),
  "read(10)": (rfile) => rfile.read(10),
  "read(-1)": (rfile) => rfile.read(-1),
  "readAll()": (rfile) => rfile.readAll(),
  "readInto()": (rfile) => rfile.readInto(new Uint8Array(1)),
  "readInto() an empty buffer": (rfile) => rfile.readInto(new Uint8Array(0)),
  "readLine()": (rfile) => rfile.readLine(),
  "readExactly(0)": (rfile) => rfile.readExactly(0),
  "readExactly(1)": (rfile) => rfile.readExactly(1),
  "readExactly() more than the limit": (rfile) => rfile.readExactly(1e9),
  "readUntil()": (rfile) => rfile.readUntil("\n"),
  "readUntil() nothing": (rfile) => rfile.readUntil(""),
  "peek(0)": (rfile) => rfile.peek(0),
  "peek(1)": (rfile) => rfile.peek(1),
  "iteration": (rfile) => rfile[Symbol.asyncIterator]().next(),
};

/** Every write, and every way to write nothing. */
const WRITES: Readonly<
  Record<string, (wfile: StreamWriter) => Promise<unknown>>
> = {
  "write()": (wfile) => wfile.write("x"),
  "write() nothing": (wfile) => wfile.write(""),
  "write() what is no data": (wfile) => wfile.write(1 as unknown as string),
  "flush()": (wfile) => wfile.flush(),
  "closeWrite()": (wfile) => wfile.closeWrite(),
};

/** Does something again and again, until a timer has come. */
async function untilTurn(act: () => Promise<unknown>): Promise<void> {
  let turned = false;
  const timer = setTimeout(() => turned = true);
  let rounds = 0;
  while (!turned && rounds++ < PATIENCE) {
    try {
      await act();
    } catch {
      // Whether it fails is not the question.
    }
  }
  clearTimeout(timer);
  ok(turned, `no turn of the event loop in ${PATIENCE} rounds`);
}

/** The states of a reader in which calls may get nothing. */
const READERS: Readonly<Record<string, () => Promise<StreamReader>>> = {
  "has ended": async () => {
    const rfile = new StreamReader({ read: () => Promise.resolve(null) });
    strictEqual(await rfile.read(), null);
    return rfile;
  },
  "has failed": async () => {
    const rfile = new StreamReader({ read: () => Promise.reject(FAILED) });
    await rfile.read().catch(() => {});
    return rfile;
  },
};

for (const [state, make] of Object.entries(READERS)) {
  for (const [name, read] of Object.entries(READS)) {
    Deno.test(`StreamReader.${name} in a loop leaves the event loop its turns where the stream ${state}`, async () => {
      const rfile = await make();
      await untilTurn(() => read(rfile));
    });
  }
}

Deno.test("StreamReader leaves the event loop its turns where peeks find the same again and again before the end", async () => {
  let reads = 0;
  const rfile = new StreamReader({
    read: (buffer) =>
      Promise.resolve(reads++ === 0 ? (buffer.set([97, 98]), 2) : null),
  });
  strictEqual((await rfile.peek(3))!.length, 2);
  await untilTurn(() => rfile.peek(1));
  strictEqual((await rfile.readAll()).length, 2);
});

Deno.test("StreamReader leaves the event loop its turns where reads are refused since another waits", async () => {
  const { promise, resolve } = Promise.withResolvers<null>();
  const rfile = new StreamReader({ read: () => promise });
  const waiting = rfile.readLine();
  for (const name of ["read()", "readAll()", "readLine()", "peek(1)"]) {
    await untilTurn(() => rejects(READS[name]!(rfile), Deno.errors.Busy));
  }
  resolve(null);
  strictEqual(await waiting, null);
});

Deno.test("StreamReader leaves the event loop its turns where a line is refused again and again", async () => {
  const rfile = new StreamReader({
    read: (buffer) => Promise.resolve(buffer.fill(97).length),
  }, { limit: 8 });
  await untilTurn(() => rfile.readLine());
  await untilTurn(() => rfile.readAll());
  await untilTurn(() => rfile.readUntil("\n"));
});

/** The states of a writer in which calls may change nothing. */
const WRITERS: Readonly<Record<string, () => Promise<StreamWriter>>> = {
  "has ended": async () => {
    const wfile = new StreamWriter({
      write: (data) => Promise.resolve(data.length),
    });
    await wfile.closeWrite();
    return wfile;
  },
  "has failed": async () => {
    const wfile = new StreamWriter({ write: () => Promise.reject(FAILED) });
    await wfile.write("x").catch(() => {});
    return wfile;
  },
  "has failed at once": async () => {
    const wfile = new StreamWriter({
      writeSync() {
        throw FAILED;
      },
    });
    await wfile.write("x").catch(() => {});
    return wfile;
  },
};

for (const [state, make] of Object.entries(WRITERS)) {
  for (const [name, write] of Object.entries(WRITES)) {
    Deno.test(`StreamWriter.${name} in a loop leaves the event loop its turns where the stream ${state}`, async () => {
      const wfile = await make();
      await untilTurn(() => write(wfile));
    });
  }
}

Deno.test("StreamWriter leaves the event loop its turns where writes are refused since too much waits", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const wfile = new StreamWriter({
    async write(data) {
      await promise;
      return data.length;
    },
  }, { limit: 0 });
  const first = wfile.write("x");
  await untilTurn(() => wfile.write("x"));
  resolve();
  await first;
});
