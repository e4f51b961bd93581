import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert";
import {
  ForkingTCPServer,
  type StartTLSOptions,
  TCPServer,
  type TCPServerOptions,
  ThreadingTCPServer,
} from "../../../mod.ts";
import type { TLSCertificate } from "../../../mod.ts";
import { connect } from "../../../handlers/client/mod.ts";
import {
  selfSignedCertificate,
  serveForTest,
  type TestServer,
} from "../../../server/testing/mod.ts";
import { Looping, Upgrading } from "./_starttls_handler.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** Reads a line, byte by byte, so that nothing behind it is taken. */
async function readLine(conn: Deno.Conn): Promise<string> {
  const byte = new Uint8Array(1);
  let line = "";
  while (await conn.read(byte) !== null) {
    if (byte[0] === 10) return line;
    line += String.fromCharCode(byte[0]!);
  }
  throw new Deno.errors.UnexpectedEof(`after ${JSON.stringify(line)}`);
}

/** A server, and clients of it. */
class Site implements AsyncDisposable {
  readonly certificate: TLSCertificate;
  readonly served: TestServer<TCPServer>;

  private constructor(
    certificate: TLSCertificate,
    served: TestServer<TCPServer>,
  ) {
    this.certificate = certificate;
    this.served = served;
  }

  static async start(
    Server: unknown = TCPServer,
    options: TCPServerOptions = {},
    Handler: typeof Upgrading = Upgrading,
  ): Promise<Site> {
    return new Site(
      await selfSignedCertificate(),
      await serveForTest(Handler, {
        server: Server as typeof TCPServer,
        options,
      }),
    );
  }

  get server(): TCPServer {
    return this.served.server;
  }

  /** Connects, and sends lines without TLS. */
  async connect(lines: string): Promise<Deno.TcpConn> {
    const client = await Deno.connect(this.server.addr);
    await client.write(encode(`${JSON.stringify(this.certificate)}\n${lines}`));
    return client;
  }

  /** Connects and goes on in TLS. */
  async upgrade(lines = ""): Promise<Deno.TlsConn> {
    const plain = await this.connect(`before\n${lines}STARTTLS\n`);
    strictEqual(await readLine(plain), "before undefined");
    strictEqual(await readLine(plain), "220");
    return await Deno.startTls(plain, {
      hostname: "localhost",
      caCerts: [this.certificate.cert],
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.served[Symbol.asyncDispose]();
  }
}

for (
  const [where, Server] of [
    ["on the event loop", TCPServer],
    ["in a thread", ThreadingTCPServer],
    ["in a process", ForkingTCPServer],
  ] as const
) {
  Deno.test(
    `a handler ${where} goes on in TLS when its client asks for it`,
    async () => {
      await using site = await Site.start(Server);
      const client = await site.upgrade();
      await client.write(encode("after\nagain\n"));
      strictEqual(await readLine(client), "after TLSv1.3");
      match(await readLine(client), /^TypeError: .*speaks it already$/);
      await client.closeWrite();
      // It ends in TLS too: without close_notify this would fail.
      strictEqual(await client.read(new Uint8Array(1)), null);
      client.close();
      await site.server.shutdown();
      deepStrictEqual(site.served.errors, []);
    },
  );

  Deno.test(
    `what a client sends ahead of its handshake is taken for nothing ${where}`,
    async () => {
      await using site = await Site.start(Server);
      using eager = await site.connect("STARTTLS\ninjected\n");
      strictEqual(await readLine(eager), "220");
      await rejects(readLine(eager));
      const [error] = await site.served.untilErrors();
      match(
        String(error),
        /^InvalidData: Cannot start TLS: 9 bytes are unread that came without/,
      );
      using late = await site.connect("STARTTLS\n");
      strictEqual(await readLine(late), "220");
      await late.write(encode("injected\n"));
      const rest = await new Response(
        late.readable as ReadableStream<Uint8Array<ArrayBuffer>>,
      ).bytes().catch(() => new Uint8Array(0));
      ok(!new TextDecoder().decode(rest).includes("injected"));
      match(String(await site.served.untilErrors()), /^InvalidData/);
    },
  );
}

Deno.test(
  "a handler whose reader reads ahead goes on in TLS, and sees its client leave",
  async () => {
    await using site = await Site.start(TCPServer, { idleTimeout: 60_000 });
    const client = await site.upgrade("watch\n");
    await client.write(encode("after\n"));
    strictEqual(await readLine(client), "after TLSv1.3");
    client.close();
    await site.server.shutdown();
  },
);

Deno.test(
  "a client that is silent after the go-ahead is given up",
  async () => {
    const certificate = await selfSignedCertificate();
    await using served = await serveForTest(
      (handler) => handler.startTLS({ ...certificate, handshakeTimeout: 50 }),
    );
    using client = await Deno.connect(served.addr);
    const n = await client.read(new Uint8Array(1)).catch(() => null);
    strictEqual(n, null);
    const [error] = await served.untilErrors();
    strictEqual(
      (error as DOMException).message,
      "The TLS handshake took longer than handshakeTimeout, 50 ms",
    );
  },
);

Deno.test("startTLS refuses options that it does not have, by name", async () => {
  await using served = await serveForTest(
    (handler) =>
      handler.startTLS(
        { cert: "", key: "", handshakeTimout: 50 } as StartTLSOptions,
      ),
  );
  using client = await Deno.connect(served.addr);
  await client.read(new Uint8Array(1)).catch(() => null);
  const [error] = await served.untilErrors();
  strictEqual(
    (error as Error).message,
    'Cannot start TLS: unknown option "handshakeTimout"; did you mean "handshakeTimeout"?',
  );
});

for (
  const [way, Server, options] of [
    ["on the event loop", TCPServer, {}],
    ["in threads that accept", ThreadingTCPServer, { accept: "threads" }],
    ["in threads where main accepts", ThreadingTCPServer, { accept: "main" }],
    ["in processes", ForkingTCPServer, {}],
  ] as const
) {
  Deno.test(`a loop over the lines of before takes none behind the handshake, ${way}`, async () => {
    await using site = await Site.start(
      Server,
      options as TCPServerOptions,
      Looping,
    );
    const client = await site.connect("before\nSTARTTLS\n");
    strictEqual(await readLine(client), "before undefined");
    strictEqual(await readLine(client), "220");
    const secured = await Deno.startTls(client, {
      hostname: "localhost",
      caCerts: [site.certificate.cert],
    });
    await secured.handshake();
    await secured.write(encode("protected\n"));
    strictEqual(
      await secured.read(new Uint8Array(100)).catch(() => null),
      null,
    );
    secured.close();
    match(
      String(await site.served.untilErrors()),
      /^BadResource: Cannot read: the connection goes on in TLS, take rfile anew$/,
    );
  });
}

Deno.test("a kept reader, its stream and its lines refuse to be read behind a handshake, and its client's too", async () => {
  const certificate = await selfSignedCertificate();
  const refused: string[] = [];
  await using served = await serveForTest(async (handler) => {
    const { rfile } = handler;
    const lines = rfile.lines();
    strictEqual((await lines.next()).value, "STARTTLS");
    handler.wfile.write("220\n");
    await handler.startTLS(certificate);
    for (
      const read of [
        () => rfile.readLine(),
        () => rfile.read(),
        () => rfile.readInto(new Uint8Array(9)),
        () => lines.next(),
        () => rfile.readable.getReader().read(),
      ]
    ) await read().catch((error) => void refused.push(error.name));
    const line = await handler.rfile.readLine();
    await handler.wfile.write(`${line} ${refused.length}\n`);
  });
  await using client = await connect(served.addr);
  const { rfile } = client;
  await client.wfile.write("STARTTLS\n");
  strictEqual(await rfile.readLine(), "220");
  await client.startTLS({ ca: certificate.cert, serverName: "localhost" });
  await client.wfile.write("hello\n");
  await rejects(rfile.readLine(), Deno.errors.BadResource);
  strictEqual(await client.rfile.readLine(), "hello 5");
  deepStrictEqual(refused, Array(5).fill("BadResource"));
});
