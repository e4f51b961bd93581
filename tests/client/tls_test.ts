import { deepStrictEqual, rejects, strictEqual } from "node:assert";
import { connect, type ConnectOptions } from "../../handlers/client/mod.ts";
import {
  encodeProxyHeader,
  TCPServer,
  TLSServer,
  UnixStreamServer,
} from "../../mod.ts";
import {
  CertificateAuthority,
  selfSignedCertificate,
  serveForTest,
} from "../../server/testing/mod.ts";
import { Folder, Program, testWith } from "../_program.ts";
import { LOOPBACK } from "../_loopback.ts";
import {
  bracket,
  echo,
  LARGE,
  openssl,
  pattern,
  sha256,
} from "../peers/_peers.ts";

const python = new Program("python3", "python3");

const authority = await CertificateAuthority.make();
const { cert: ca } = authority;

/** An error of the program's own, which nobody else can make. */
class Leaving extends Error {
  constructor() {
    super("leaving");
  }
}

/** The error of a handshake that fails for what the server has shown. */
function refusal(expected: RegExp): (error: Error) => boolean {
  return (error) =>
    error instanceof Deno.errors.InvalidData &&
    /^Cannot connect to [\w.:]+ \(handshake\): /.test(error.message) &&
    expected.test(error.message);
}

Deno.test("a client in TLS tells what the handshake has agreed upon, and so does the server", async () => {
  const own = await authority.issue({ subject: "alice", names: [] });
  const seen = Promise.withResolvers<unknown[]>();
  await using served = await serveForTest(async ({ tls, rfile, wfile }) => {
    const { serverName, alpnProtocol, peerCertificate, authorized } = tls!;
    const { subject } = peerCertificate!;
    seen.resolve([serverName, alpnProtocol, subject, authorized]);
    await wfile.write(`<${await rfile.readLine()}>\n`);
  }, {
    server: TLSServer,
    address: {
      ...await authority.issue({ subject: "the server" }),
      ...{ clientAuth: "require", ca, alpnProtocols: ["one", "two"] },
    },
  });
  const tls = { ca, ...own, alpnProtocols: ["two"], serverName: "localhost" };
  // The same options again are not checked again.
  for (let i = 0; i < 2; i++) {
    await using client = await connect(served.addr, { tls });
    await client.wfile.write("x\n");
    strictEqual(await client.rfile.readLine(), "<x>");
    deepStrictEqual(await seen.promise, ["localhost", "two", "CN=alice", true]);
    const { protocol, alpnProtocol, serverName, authorized, peerCertificate } =
      client.tls!;
    deepStrictEqual(
      [protocol, alpnProtocol, serverName, authorized],
      ["TLSv1.3", "two", "localhost", true],
    );
    strictEqual(peerCertificate?.subject, "CN=the server");
    strictEqual(client.addr.hostname, "127.0.0.1");
    await client.wfile.closeWrite();
    strictEqual(await client.rfile.read(), null);
  }
});

Deno.test("a server is refused that nobody trusted has signed for the name that was asked for", async () => {
  const foreign = await CertificateAuthority.make();
  const cases: [
    shown: { cert: string; key: string },
    tls: ConnectOptions["tls"],
    expected: RegExp | undefined,
  ][] = [
    [await authority.issue(), { ca }, undefined],
    [await authority.issue(), { ca: [foreign.cert, ca] }, undefined],
    [await authority.issue(), { ca: foreign.cert + ca }, undefined],
    [await authority.issue(), { ca: foreign.cert }, /unable to verify/],
    [await authority.issue(), true, /unable to verify/],
    [await authority.issue({ days: -1 }), { ca }, /see that it is valid now$/],
    [
      await authority.issue({ names: ["example.org", "10.0.0.1"] }),
      { ca },
      /it is not for 127\.0\.0\.1, but for example\.org, 10\.0\.0\.1; if this is the server that is meant, have the TLS option serverName be a name that it has$/,
    ],
    [
      await authority.issue({ names: ["example.org"] }),
      { ca, serverName: "www.example.org" },
      /it is not for www\.example\.org, but for example\.org; if this is .* serverName/,
    ],
    [
      await authority.issue({ names: ["*.example.org"] }),
      { ca, serverName: "WWW.example.org." },
      undefined,
    ],
    [
      await authority.issue({ names: ["*.example.org"] }),
      { ca, serverName: "a.b.example.org" },
      /it is not for a\.b\.example\.org/,
    ],
    // What it names besides counts for nothing (RFC 9525, section 2).
    [
      await authority.issue({ names: [], subject: "localhost" }),
      { ca, serverName: "localhost" },
      /it is not for localhost, but for no host$/,
    ],
    [await selfSignedCertificate(), { ca }, /self-signed|unable to verify/],
  ];
  const own = await selfSignedCertificate();
  cases.push([own, { ca: own.cert }, undefined]);
  for (const [shown, tls, expected] of cases) {
    await using served = await serveForTest(bracket, {
      ...{ server: TLSServer, address: shown, allowErrors: true },
    });
    const connecting = connect(served.addr, { tls: tls! });
    if (expected !== undefined) await rejects(connecting, refusal(expected));
    else {
      await using client = await connecting;
      await client.wfile.write("x\n");
      strictEqual(await client.rfile.readLine(), "<x>");
    }
  }
});

Deno.test("of a refused certificate's names the first are told", async () => {
  const names = Array.from({ length: 100 }, (_, i) => `n${i}.example.org`);
  await using served = await serveForTest(bracket, {
    server: TLSServer,
    address: await authority.issue({ names }),
    allowErrors: true,
  });
  await rejects(
    connect(served.addr, { tls: { ca, serverName: "x.test" } }),
    refusal(/but for n0\.example\.org, .*n7\.example\.org, …; /),
  );
});

testWith(
  [openssl],
  "a certificate of version 1 is refused that only says who has signed it",
  async () => {
    // Deno's node:tls takes it: the issuer's name is that of one of ca.
    await using folder = new Folder();
    const at = (name: string) => folder.at(name);
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
    await openssl.run([
      ...["req", "-x509", "-nodes", "-subj", "/CN=Test authority", ...key],
      ...["-keyout", at("forger.key"), "-out", at("forger.pem")],
    ]);
    await openssl.run([
      ...["req", "-new", "-nodes", "-subj", "/CN=localhost", ...key],
      ...["-keyout", at("key"), "-out", at("csr")],
    ]);
    await openssl.run([
      ...[
        "x509",
        "-req",
        "-in",
        at("csr"),
        "-CAcreateserial",
        "-out",
        at("pem"),
      ],
      ...["-CA", at("forger.pem"), "-CAkey", at("forger.key")],
    ]);
    await using served = await serveForTest(bracket, {
      server: TLSServer,
      address: {
        cert: await Deno.readTextFile(at("pem")),
        key: await Deno.readTextFile(at("key")),
      },
      allowErrors: true,
    });
    await rejects(
      connect(served.addr, { tls: { ca, serverName: "localhost" } }),
      refusal(/it is not one of X\.509, version 3$/),
    );
  },
);

Deno.test("8 MiB come through TLS both ways, as they are", async () => {
  await using served = await serveForTest(echo, { server: TLSServer });
  await using client = await served.connect();
  const bytes = pattern(LARGE);
  const sent = client.wfile.write(bytes).then(() => client.wfile.closeWrite());
  client.rfile.limit = LARGE;
  strictEqual(sha256(await client.rfile.readAll()), sha256(bytes));
  await sent;
});

Deno.test("TLS goes over Unix sockets, and behind a PROXY header", async () => {
  await using folder = new Folder();
  const certificate = await selfSignedCertificate();
  const path = folder.at("s");
  await using unix = await serveForTest(
    new UnixStreamServer({ path }, async (handler) => {
      await handler.startTLS(certificate);
      await handler.wfile.write("hello\n");
    }),
  );
  const tls = { ca: certificate.cert, serverName: "localhost" };
  {
    await using client = await connect({ path }, { tls });
    strictEqual(await client.rfile.readLine(), "hello");
    strictEqual(unix.errors.length, 0);
  }
  await using served = await serveForTest(async (handler) => {
    await handler.wfile.write(`${handler.clientAddress.hostname}\n`);
  }, {
    server: TLSServer,
    options: { proxyProtocol: { mode: "require", trust: ["127.0.0.1/32"] } },
  });
  const source = { transport: "tcp", hostname: "192.0.2.7", port: 7 } as const;
  const proxyHeader = encodeProxyHeader({ source, destination: served.addr });
  await using client = await served.connect({ proxyHeader });
  strictEqual(await client.rfile.readLine(), "192.0.2.7");
});

Deno.test("an end without close_notify is an error, and an end with it is none", async () => {
  await using served = await serveForTest(async ({ wfile, request, rfile }) => {
    await wfile.write("part");
    if (await rfile.readLine() === "cut") request[Symbol.dispose]();
  }, { server: TLSServer, allowErrors: true });
  {
    await using client = await served.connect();
    await client.wfile.write("end\n");
    strictEqual((await client.rfile.readAll()).length, 4);
  }
  // A relay that ends the connection in the middle.
  await using relay = await serveForTest(
    new TCPServer(LOOPBACK, async ({ rfile, wfile }) => {
      using upstream = await Deno.connect(served.addr);
      const writing = rfile.readable.pipeTo(upstream.writable).catch(() => {});
      const buffer = new Uint8Array(64 * 1024);
      for (let reads = 0; reads < 3; reads++) {
        const n = await upstream.read(buffer);
        await wfile.write(buffer.slice(0, n!));
        if (reads === 1) break;
      }
      rfile.cancel();
      await writing;
    }),
    { allowErrors: true },
  );
  await using client = await connect(relay.addr, {
    tls: { ca: served.certificate!.cert },
  });
  await rejects(client.rfile.readAll(), Deno.errors.UnexpectedEof);
});

Deno.test("startTLS() of client and server go on in TLS", async () => {
  const certificate = await selfSignedCertificate();
  await using served = await serveForTest(
    new TCPServer(LOOPBACK, async (handler) => {
      strictEqual(await handler.rfile.readLine(), "STARTTLS");
      handler.wfile.write("go\n");
      await handler.startTLS(certificate);
      await handler.wfile.write(`<${await handler.rfile.readLine()}>\n`);
    }),
  );
  await using client = await connect(served.addr);
  await client.wfile.write("STARTTLS\n");
  strictEqual(await client.rfile.readLine(), "go");
  await client.startTLS({ ca: certificate.cert });
  await client.wfile.write("x\n");
  strictEqual(await client.rfile.readLine(), "<x>");
  strictEqual(client.tls?.protocol, "TLSv1.3");
  await rejects(client.startTLS(), /^TypeError: .*speaks it already$/);
});

Deno.test("startTLS() refuses what came before it unread, and leaves the connection", async () => {
  await using served = await serveForTest(
    new TCPServer(LOOPBACK, async ({ rfile, wfile }) => {
      await wfile.write("go\ninjected\n");
      await rfile.read();
    }),
  );
  await using client = await connect(served.addr);
  strictEqual(await client.rfile.readLine(), "go");
  await rejects(
    client.startTLS({ ca }),
    (error: Error) =>
      error instanceof Deno.errors.InvalidData &&
      /^Cannot start TLS: 9 bytes are unread .* a server that sends/.test(
        error.message,
      ),
  );
  strictEqual(await client.rfile.readLine(), "injected");
});

Deno.test("startTLS() ends with its time, its signal and a server that leaves", async () => {
  using listener = Deno.listen(LOOPBACK);
  const cases: [() => object, unknown][] = [
    [
      () => ({ timeout: 20 }),
      /TimeoutError: Cannot start TLS with .* \(handshake\): .* 20 ms$/,
    ],
    [() => ({ signal: AbortSignal.timeout(20) }), /TimeoutError/],
    [() => ({ signal: AbortSignal.abort(new Error("no")) }), /^Error: no$/],
    [
      () => {
        const leaving = new AbortController();
        setTimeout(() => leaving.abort(new Leaving()), 20);
        return { signal: leaving.signal };
      },
      Leaving,
    ],
  ];
  for (const [options, expected] of cases) {
    const client = await connect(listener.addr);
    using peer = await listener.accept();
    const starting = client.startTLS({ ca, ...options() });
    await rejects(starting, expected as RegExp);
    client.abort();
    while (await peer.read(new Uint8Array(4096)) !== null);
  }
  const client = await connect(listener.addr);
  const starting = rejects(
    client.startTLS({ ca }),
    (error: Error) =>
      error instanceof Deno.errors.UnexpectedEof ||
      error instanceof Deno.errors.ConnectionReset,
  );
  (await listener.accept()).close();
  await starting;
});

Deno.test("wrong options of TLS are refused before anything is sent", async () => {
  const { cert, key } = await selfSignedCertificate();
  const other = await selfSignedCertificate();
  const wrong: [object, RegExp][] = [
    [{ caCerts: [cert] }, /unknown TLS option "caCerts"/],
    [{ ca: "cert.pem" }, /^InvalidData: Cannot use ca: it must be PEM text/],
    [{ ca: [cert, key] }, /^InvalidData: Cannot use ca\[1\]: it is not a cert/],
    [{ cert }, /cert and key must be given together/],
    [{ cert, key: other.key }, /^InvalidData: .*does not belong/],
    [{ cert: key, key }, /^InvalidData: Cannot use cert and key: one of them/],
    [{ cert, key: "x" }, /^InvalidData: Cannot use key: it must be PEM text/],
    [{ alpnProtocols: "h2" }, /alpnProtocols must be an array/],
    [{ alpnProtocols: [""] }, /alpnProtocols must be an array of names of 1/],
    [{ serverName: "" }, /serverName must be the name of a host/],
    [{ serverName: "a b" }, /serverName must be the name of a host/],
    [{ serverName: 1 }, /serverName must be the name of a host/],
  ];
  using listener = Deno.listen(LOOPBACK);
  for (const [tls, expected] of wrong) {
    await rejects(connect(listener.addr, { tls }), expected, Deno.inspect(tls));
  }
  await using client = await connect(listener.addr);
  for (const [tls, expected] of wrong.slice(1)) {
    await rejects(client.startTLS(tls), expected, Deno.inspect(tls));
  }
});

testWith(
  [python],
  "CPython's ssl server takes our client and its certificate, in TLS 1.2 and 1.3",
  async () => {
    await using folder = new Folder();
    const write = async (name: string, text: string) => {
      await Deno.writeTextFile(folder.at(name), text);
      return folder.at(name);
    };
    const shown = await authority.issue();
    const own = await authority.issue({ subject: "bob", names: [] });
    const files = [
      await write("chain", shown.cert + shown.key),
      await write("ca", ca),
    ];
    for (const version of ["TLSv1_2", "TLSv1_3"]) {
      await using server = python.start(
        "-c",
        `
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1])
context.load_verify_locations(sys.argv[2])
context.verify_mode = ssl.CERT_REQUIRED
context.verify_flags |= ssl.VERIFY_X509_STRICT
context.minimum_version = context.maximum_version = ssl.TLSVersion.${version}
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
for _ in range(2):
    try:
        connection = context.wrap_socket(listener.accept()[0], server_side=True)
        line = connection.makefile().readline()
        name = connection.getpeercert()["subject"][0][0][1]
        connection.sendall(f"{name} {connection.version()} {line}".encode())
        connection.unwrap()
    except (ssl.SSLError, OSError) as error:
        print("failed", error, flush=True)
`,
        ...files,
      );
      const [port] = await server.until(/\d+\n/);
      const address = { hostname: "localhost", port: Number(port) };
      {
        await using client = await connect(address, { tls: { ca, ...own } });
        await client.wfile.write("x\n");
        strictEqual(
          await client.rfile.readLine(),
          `bob ${version.replace("_", ".")} x`,
        );
        strictEqual(client.tls?.protocol, version.replace("_", "."));
        strictEqual(await client.rfile.read(), null);
      }
      // Without a certificate TLS 1.2 fails in the handshake, 1.3 in the first read.
      const asking = async () => {
        await using client = await connect(address, { tls: { ca } });
        return await client.rfile.readLine();
      };
      await rejects(asking(), Deno.errors.InvalidData);
      await server.until("failed");
    }
  },
);

Deno.test("a handshake that the server refuses is an error that says so", async () => {
  await using served = await serveForTest(bracket, {
    server: TLSServer,
    address: { ...await authority.issue(), clientAuth: "require", ca },
    allowErrors: true,
  });
  const asking = async () => {
    await using client = await connect(served.addr, { tls: { ca } });
    return await client.rfile.readLine();
  };
  await rejects(asking(), Deno.errors.InvalidData);
});
