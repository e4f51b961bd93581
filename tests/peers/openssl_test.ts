import { serveForTest, type TestServer } from "../../server/testing/mod.ts";
import { deepStrictEqual, match, strictEqual } from "node:assert";
import { TLSServer } from "../../mod.ts";
import type { TLSServerAddress, TLSServerOptions } from "../../mod.ts";
import { type Child, Folder, type Output, testWith } from "../_program.ts";
import { LOOPBACK } from "../_loopback.ts";
import { type Certificate, makeCertificate } from "../_certificate.ts";
import { bracket, LARGE, openssl, pattern, sha256 } from "./_peers.ts";

/** A server, the folder with its certificate, and clients that trust it. */
class Secured implements AsyncDisposable {
  readonly served: TestServer<TLSServer>;
  readonly folder: Folder;
  readonly #certificate: Certificate;

  private constructor(
    served: TestServer<TLSServer>,
    folder: Folder,
    certificate: Certificate,
  ) {
    this.served = served;
    this.folder = folder;
    this.#certificate = certificate;
  }

  static async start(
    handler: ConstructorParameters<typeof TLSServer>[1] = bracket,
    address: Partial<TLSServerAddress> = {},
    options: TLSServerOptions = {},
  ): Promise<Secured> {
    const folder = new Folder();
    const certificate = await makeCertificate(folder);
    const { cert, key } = certificate;
    const server = new TLSServer(
      { ...LOOPBACK, cert, key, ...address },
      handler,
      options,
    );
    return new Secured(
      await serveForTest(server, { gracePeriod: 0 }),
      folder,
      certificate,
    );
  }

  get server(): TLSServer {
    return this.served.server;
  }

  /** Starts `openssl s_client`, which prints what it receives. */
  client(...args: string[]): Child {
    const trusted = this.#certificate.file;
    return openssl.start(
      ...["s_client", "-connect", `127.0.0.1:${this.server.addr.port}`],
      ...["-servername", "localhost", "-CAfile", trusted],
      ...["-verify_return_error", ...args],
    );
  }

  /** Sends a line, awaits the answer, and ends TLS as is proper. */
  async talk(...args: string[]): Promise<Output> {
    await using child = this.client("-brief", ...args);
    await child.send("hello\n");
    await child.until("<hello>\n");
    return await child.output();
  }

  /** Starts a client that does not get through its handshake. */
  async refused(...args: string[]): Promise<Output> {
    await using child = this.client("-brief", ...args);
    const output = await child.output();
    strictEqual(output.code, 1, output.stderr);
    return output;
  }

  /** Connects without TLS. */
  plain(): Promise<Deno.TcpConn> {
    return Deno.connect(this.server.addr);
  }

  /** Whether it serves still, and has reported just the errors expected. */
  async goesOn(...errors: RegExp[]): Promise<void> {
    strictEqual((await this.talk()).code, 0);
    const reported = errors.length === 0
      ? []
      : await this.served.untilErrors(errors.length);
    strictEqual(this.served.errors.join("\n"), "");
    errors.forEach((error, i) => match(String(reported[i]), error));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.served[Symbol.asyncDispose]();
    await this.folder[Symbol.asyncDispose]();
  }
}

testWith(
  [openssl],
  "openssl verifies the certificate, talks and ends with close_notify",
  async () => {
    let ended = false;
    await using secured = await Secured.start(async (handler) => {
      await bracket(handler);
      ended = true;
    });
    const { code, stderr } = await secured.talk();
    strictEqual(code, 0, stderr);
    match(stderr, /Verification: OK/);
    await secured.server.shutdown();
    // The handler saw an end, not a connection that broke.
    strictEqual(ended, true);
    deepStrictEqual(secured.served.errors, []);
  },
);

testWith([openssl], "TLSServer speaks TLS 1.2 and 1.3", async () => {
  await using secured = await Secured.start();
  for (const version of ["1.2", "1.3"]) {
    const { code, stderr } = await secured.talk(
      `-tls${version.replace(".", "_")}`,
    );
    strictEqual(code, 0, stderr);
    match(stderr, new RegExp(`Protocol version: TLSv${version}\n`));
  }
  await secured.goesOn();
});

testWith(
  [openssl],
  "TLSServer refuses TLS 1.1 with an alert and goes on",
  async () => {
    await using secured = await Secured.start();
    // openssl itself offers that version at its lowest security level only.
    const { stderr } = await secured.refused(
      ...["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"],
    );
    match(stderr, /alert/);
    await secured.goesOn(/^InvalidData: peer is incompatible/);
  },
);

testWith(
  [openssl],
  "TLSServer chooses a protocol by ALPN, and tells its handler",
  async () => {
    const chosen: (string | null)[] = [];
    await using secured = await Secured.start(
      async (handler) => {
        const { request } = handler as unknown as { request: Deno.TlsConn };
        chosen.push((await request.handshake()).alpnProtocol);
        await bracket(handler);
      },
      { alpnProtocols: ["wire/2", "wire/1"] },
    );
    strictEqual((await secured.talk("-alpn", "wire/1,wire/2")).code, 0);
    strictEqual((await secured.talk("-alpn", "h2,wire/1")).code, 0);
    // Without ALPN a client is served all the same (RFC 7301, section 3.1).
    strictEqual((await secured.talk()).code, 0);
    deepStrictEqual(chosen, ["wire/2", "wire/1", null]);
  },
);

testWith(
  [openssl],
  "TLSServer refuses a client that offers no protocol of its own",
  async () => {
    await using secured = await Secured.start(bracket, {
      alpnProtocols: ["wire/1"],
    });
    const { stderr } = await secured.refused("-alpn", "h2");
    match(stderr, /no application protocol/);
    await secured.goesOn(/^InvalidData: .*protocol/);
  },
);

testWith(
  [openssl],
  "a client that distrusts the certificate is an error of its own",
  async () => {
    await using secured = await Secured.start();
    const other = await makeCertificate(secured.folder, "other");
    // The last one counts.
    const { stderr } = await secured.refused("-CAfile", other.file);
    match(stderr, /certificate verify failed/);
    await secured.goesOn(/^InvalidData: received fatal alert/);
  },
);

testWith([openssl], "a TLS session goes on after a key update", async () => {
  await using secured = await Secured.start();
  await using child = secured.client("-brief", "-tls1_3");
  await child.send("one\n");
  await child.until("<one>\n");
  // To s_client a line of just K is the command to ask for new keys.
  await child.send("K\n");
  await child.untilStderr("KEYUPDATE");
  await child.send("two\n");
  await child.until("<two>\n");
  strictEqual((await child.output()).code, 0);
  deepStrictEqual(secured.served.errors, []);
});

testWith([openssl], "TLSServer resumes a session", async () => {
  await using secured = await Secured.start();
  const session = secured.folder.at("session");
  strictEqual((await secured.talk("-sess_out", session)).code, 0);
  await using child = secured.client("-sess_in", session);
  await child.until("Reused, TLSv1.3");
  await child.send("again\n");
  await child.until("<again>\n");
  strictEqual((await child.output()).code, 0);
  deepStrictEqual(secured.served.errors, []);
});

testWith(
  [openssl],
  "openssl connects five times more with the session that it has",
  async () => {
    await using secured = await Secured.start();
    // In TLS 1.3 it would have to read first: the session comes behind the handshake.
    await using child = secured.client("-tls1_2", "-reconnect");
    for (let i = 0; i < 5; i++) await child.until("Reused, TLSv1.2");
    await child.send("again\n");
    await child.until("<again>\n");
    strictEqual((await child.output()).code, 0);
  },
);

testWith([openssl], "a reply of 8 MiB reaches openssl whole", async () => {
  const reply = pattern(LARGE);
  await using secured = await Secured.start(async ({ rfile, wfile }) => {
    await rfile.readLine();
    await wfile.write(reply);
  });
  // Ends when the server does, and not when its input does.
  await using child = secured.client("-brief", "-ign_eof");
  await child.send("all of it\n");
  const { code, stdout, stderr } = await child.output();
  strictEqual(code, 0, stderr);
  strictEqual(stdout.length, LARGE);
  strictEqual(sha256(stdout), sha256(reply));
  deepStrictEqual(secured.served.errors, []);
});

testWith(
  [openssl],
  "a client that speaks plain text to a TLSServer gets an alert and is closed",
  async () => {
    await using secured = await Secured.start();
    const client = await secured.plain();
    await client.write(new TextEncoder().encode("GET / HTTP/1.0\r\n\r\n"));
    const answer = await new Response(client.readable).bytes();
    // A fatal alert: content type 21, two bytes of version, two of length,
    // level 2 (RFC 8446, sections 5.1 and 6).
    strictEqual(answer[0], 21);
    strictEqual(answer[5], 2);
    await secured.goesOn(/^InvalidData/);
  },
);

testWith(
  [openssl],
  "a client that hangs in its handshake is given up after handshakeTimeout, and its place is free",
  async () => {
    await using secured = await Secured.start(bracket, {}, {
      handshakeTimeout: 1_000,
      maxConnections: 1,
    });
    using _silent = await secured.plain();
    using stuck = await secured.plain();
    // The head of a ClientHello whose 512 bytes never follow.
    await stuck.write(new Uint8Array([22, 3, 1, 2, 0, 1]));
    const timeout =
      /^TimeoutError: The TLS handshake took longer than handshakeTimeout, 1000 ms$/;
    await secured.goesOn(timeout, timeout);
  },
);

testWith(
  [openssl],
  "a TLS session cut short is an error, and no end of the stream",
  async () => {
    let ended = false;
    await using secured = await Secured.start(async (handler) => {
      await bracket(handler);
      ended = true;
    });
    {
      await using child = secured.client("-brief");
      await child.send("one\n");
      await child.until("<one>\n");
      // Killed: the kernel ends the connection, without close_notify.
      child.kill("SIGKILL");
      await child.output();
    }
    const [error] = await secured.served.untilErrors();
    match(String(error), /^UnexpectedEof: .*close_notify/);
    strictEqual(ended, false);
    await secured.goesOn();
  },
);
