import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { ask, readAll } from "../_loopback.ts";
import { unharmed, type Victim } from "./_unharmed.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** The ways to a server of connections. */
const STREAMS = ["tcp", "unix"] as const;

/** Connects so that the connection can be reset. */
async function open(victim: Victim, way: "tcp" | "unix"): Promise<Socket> {
  const socket = way === "tcp"
    ? connect(victim.tcp.port, victim.tcp.hostname)
    : connect(victim.unix.path);
  await once(socket, "connect");
  return socket;
}

/**
 * Resets a connection. A Unix socket does so when it closes and has something
 * that was not read; there is no other way.
 */
async function reset(socket: Socket, way: "tcp" | "unix"): Promise<void> {
  const closed = once(socket, "close");
  if (way === "tcp") socket.resetAndDestroy();
  else socket.destroy();
  await closed;
}

function times<T>(n: number, fn: (i: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: n }, (_, i) => fn(i)));
}

for (const step of ["setup", "handle", "finish"]) {
  for (const how of ["throw", "reject"]) {
    Deno.test(`a handler that fails in ${step} (${how}) harms nobody`, async () => {
      const errors = await unharmed(async (victim) => {
        for (const way of STREAMS) {
          await times(50, () => ask(victim[way], `${how} in ${step}\n`));
        }
      });
      deepStrictEqual(errors, Array(100).fill(`Error: failed in ${step}`));
    });
  }
}

Deno.test("handlers that never return are ended by requestTimeout and harm nobody", async () => {
  const errors = await unharmed(async (victim) => {
    const answers = await Promise.all(
      STREAMS.map((way) => times(20, () => ask(victim[way], "never return\n"))),
    );
    deepStrictEqual(answers.flat(), Array(40).fill(""));
  }, { options: { requestTimeout: 500 }, errors: 40 });
  strictEqual(errors.length, 40);
  for (const error of errors) {
    match(error, /^TimeoutError: The request took longer than requestTimeout/);
  }
});

Deno.test("a handler that writes after it has closed its connection harms nobody", async () => {
  const errors = await unharmed(async (victim) => {
    for (const way of STREAMS) {
      await times(50, () => ask(victim[way], "close and write\n"));
    }
  });
  strictEqual(errors.length, 100);
  for (const error of errors) match(error, /^BadResource/);
});

Deno.test("clients that reset while they are flooded harm nobody", async () => {
  const errors = await unharmed(async (victim) => {
    for (const way of STREAMS) {
      await times(50, async () => {
        const socket = await open(victim, way);
        socket.write("flood\n");
        await once(socket, "data");
        await reset(socket, way);
      });
    }
  });
  strictEqual(errors.length, 100);
  for (const error of errors) match(error, /^(ConnectionReset|BrokenPipe)/);
});

/** What a server may report of a client that reset; the last one of accept. */
const GONE = /^(ConnectionReset|BrokenPipe|NotConnected)/;

/** How far a client comes before it resets. */
const STAGES: Record<string, (socket: Socket) => Promise<unknown> | void> = {
  "once connected": () => {},
  "in the middle of its line": (socket) => void socket.write("half a li"),
  "after its line": (socket) => void socket.write("a line\n"),
  "after its end": (socket) => void socket.end("all of it\n"),
  "with its answer": (socket) => {
    socket.write("a line\n");
    return once(socket, "data");
  },
  "with the start of its answer": (socket) => {
    socket.write("reply at length\nand this is left unread");
    return once(socket, "data");
  },
  "after its answer": (socket) => {
    socket.end("a line\n");
    socket.resume();
    return once(socket, "end");
  },
};

for (const [stage, reach] of Object.entries(STAGES)) {
  Deno.test(`clients that reset ${stage} harm nobody`, async () => {
    const errors = await unharmed(async (victim) => {
      for (const way of STREAMS) {
        await times(100, async () => {
          const socket = await open(victim, way);
          await reach(socket);
          await reset(socket, way);
        });
      }
    });
    for (const error of errors) match(error, GONE);
  });
}

Deno.test("2,000 connections opened and reset at once harm nobody", async () => {
  const errors = await unharmed(async (victim) => {
    const sockets = await times(2_000, () => open(victim, "tcp"));
    await Promise.all(sockets.map((socket) => reset(socket, "tcp")));
  });
  for (const error of errors) match(error, GONE);
});

Deno.test("clients that send a byte from time to time are ended by requestTimeout", async () => {
  const requestTimeout = 500;
  const errors = await unharmed(async (victim) => {
    await Promise.all(STREAMS.map((way) =>
      times(20, async () => {
        // Before: it may be accepted long before it knows that it is connected.
        const started = performance.now();
        const client = await Deno.connect(victim[way] as Deno.ConnectOptions);
        // Never idle for long, and never at the end of its line.
        const dripping = setInterval(
          () => client.write(encode("a")).catch(() => {}),
          20,
        );
        await readAll(client).catch(() => {});
        clearInterval(dripping);
        const took = performance.now() - started;
        ok(took > requestTimeout - 50, `ended after ${took} ms`);
      })
    ));
  }, { options: { requestTimeout, idleTimeout: 250 }, errors: 40 });
  strictEqual(errors.length, 40);
  for (const error of errors) {
    match(error, /^TimeoutError: The request took longer than requestTimeout/);
  }
});

Deno.test("clients that take nothing of a flood are ended by idleTimeout", async () => {
  let errors: string[] = [];
  await unharmed(async (victim) => {
    const clients: Deno.Conn[] = [];
    for (const way of STREAMS) {
      for (let i = 0; i < 20; i++) {
        const address = victim[way] as Deno.ConnectOptions;
        const client = await Deno.connect(address);
        await client.write(encode("flood\n"));
        clients.push(client);
      }
    }
    errors = await victim.reported(clients.length);
    for (const client of clients) client.close();
  }, { options: { idleTimeout: 300 } });
  strictEqual(errors.length, 40);
  for (const error of errors) {
    match(error, /^TimeoutError: The connection was idle for longer than/);
  }
});

Deno.test("lines of 10 MB without an end are refused and harm nobody", async () => {
  const line = new Uint8Array(10_000_000).fill(0x61);
  const errors = await unharmed(async (victim) => {
    for (const way of STREAMS) {
      await times(5, async () => {
        const client = await Deno.connect(victim[way] as Deno.ConnectOptions);
        let sent = 0;
        while (sent < line.length) {
          sent += await client.write(line.subarray(sent));
        }
        strictEqual(await readAll(client), "");
      });
    }
  });
  deepStrictEqual(
    errors,
    Array(10).fill(
      "LimitOverrunError: Cannot read a line: it is longer than 65536 bytes; raise the reader's limit to allow it, or take what has come by read()",
    ),
  );
});

/** Lines that are not UTF-8 (RFC 3629), and how they are to be read. */
const NOT_UTF8: readonly (readonly [number[], string])[] = [
  [[0xff], "\ufffd"],
  // A continuation byte without a start, a start without continuation.
  [[0x80], "\ufffd"],
  [[0xc3], "\ufffd"],
  [[0xc3, 0x41], "\ufffdA"],
  // "/" in two bytes: overlong.
  [[0xc0, 0xaf], "\ufffd\ufffd"],
  // A surrogate, and a code point past the last.
  [[0xed, 0xa0, 0x80], "\ufffd\ufffd\ufffd"],
  [[0xf4, 0x90, 0x80, 0x80], "\ufffd\ufffd\ufffd\ufffd"],
  // Three of the four bytes of an emoji.
  [[0xf0, 0x9f, 0x98], "\ufffd"],
  // UTF-16 has a zero byte in every character of ASCII.
  [[0x41, 0x00, 0x42], "A\0B"],
];

Deno.test("lines that are not UTF-8 are answered and harm nobody", async () => {
  const sent = NOT_UTF8.flatMap(([bytes]) => [...bytes, 0x0a]);
  const expected = NOT_UTF8.map(([, text]) => `<${text}>\n`).join("");
  const errors = await unharmed(async (victim) => {
    for (const way of STREAMS) {
      // Whole, and cut into single bytes.
      for (const step of [sent.length, 1]) {
        const client = await Deno.connect(victim[way] as Deno.ConnectOptions);
        for (let i = 0; i < sent.length; i += step) {
          await client.write(new Uint8Array(sent.slice(i, i + step)));
        }
        await client.closeWrite();
        strictEqual(await readAll(client), expected);
      }
    }
  });
  deepStrictEqual(errors, []);
});

Deno.test(
  "datagrams of 0 and of 65,507 bytes are answered and harm nobody",
  async () => {
    const errors = await unharmed(async (victim) => {
      const socket = Deno.listenDatagram({
        ...{ transport: "udp", hostname: "127.0.0.1", port: 0 },
      });
      for (let i = 0; i < 100; i++) {
        for (const size of [0, 65_507]) {
          const payload = new Uint8Array(size).fill(i);
          await socket.send(payload, victim.udp);
          deepStrictEqual((await socket.receive())[0], payload);
        }
      }
      socket.close();
    });
    deepStrictEqual(errors, []);
  },
);

Deno.test("datagrams whose senders are gone harm nobody", async () => {
  await unharmed(async (victim) => {
    for (let i = 0; i < 200; i++) {
      const socket = Deno.listenDatagram({
        ...{ transport: "udp", hostname: "127.0.0.1", port: 0 },
      });
      await socket.send(encode("answer me"), victim.udp);
      socket.close();
    }
  });
});

Deno.test(
  "servers that cannot be constructed leave nothing behind",
  async () => {
    let errors: string[] = [];
    await unharmed(async (victim) => {
      errors = await victim.order("failToConstruct");
    });
    const expected = [
      ...[/^AddrInUse: .*127\.0\.0\.1:\d+/, /^AddrInUse: .*127\.0\.0\.1:\d+/],
      ...[/^RangeError: .*99999/, /^RangeError: .*99999/, /^RangeError: .*-1/],
      /^InvalidData/,
      /^RangeError: .*maxConnections .* received 0$/,
      /^RangeError: .*maxConnections .* received -1$/,
      /^RangeError: .*maxConnections .* received NaN$/,
      ...[/^TypeError: .*too long/, /^TypeError: .*too long/],
      ...[/^NotFound: .*does not exist/, /^NotFound: .*does not exist/],
      /^RangeError: .*mode/,
      ...[/^AddrInUse: .*not a socket/, /^AddrInUse: .*not a socket/],
      /no\.such\.host\.invalid.*must resolve/,
    ];
    strictEqual(errors.length, expected.length);
    expected.forEach((pattern, i) => match(errors[i]!, pattern));
  },
);
