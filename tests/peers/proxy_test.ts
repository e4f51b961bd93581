// The PROXY protocol, as programs write and read it that nobody here wrote.

import { deepStrictEqual, match, strictEqual } from "node:assert";
import {
  encodeProxyHeader,
  type ProxyHeader,
  TLSServer,
  UnixStreamServer,
} from "../../mod.ts";
import {
  FetchRequestHandler,
  HTTPServer,
  HTTPSServer,
} from "../../server/http/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { Folder, Program, testWith } from "../_program.ts";
import { patiently } from "../_patience.ts";
import { LOOPBACK } from "../_loopback.ts";
import {
  bytes,
  FOUR,
  joined,
  LOCAL,
  SIX,
  tcp,
  told,
} from "../server/proxy/_clients.ts";
import { Teller } from "../server/proxy/_told_handler.ts";
import { Front, haproxy } from "./_haproxy.ts";
import { makeCertificate } from "../_certificate.ts";

const curl = new Program("curl", "curl");
const python = new Program("python3", "python3");
const socat = new Program("socat", "socat");

const proxyProtocol = { mode: "require", trust: LOCAL } as const;

/** Tells whose a request is. */
class Whose extends FetchRequestHandler {
  override fetch(): Response {
    const { hostname } = this.clientAddress as Deno.NetAddr;
    const { version, source } = this.proxy!;
    return Response.json({ hostname, version, source });
  }
}

testWith(
  [curl],
  "curl --haproxy-protocol is served over HTTP and HTTPS",
  async () => {
    await using folder = new Folder();
    const { cert, key, file } = await makeCertificate(folder);
    await using plain = await serveForTest(Whose, {
      server: HTTPServer,
      options: { proxyProtocol },
    });
    await using encrypted = await serveForTest(
      new HTTPSServer({ ...LOOPBACK, cert, key }, Whose, { proxyProtocol }),
    );
    for (
      const url of [
        `http://127.0.0.1:${plain.addr.port}/`,
        `https://localhost:${encrypted.addr.port}/`,
      ]
    ) {
      const answer = await curl.run([
        ...["-q", "-sS", "--noproxy", "*", "--max-time", "40", "-4"],
        ...["--cacert", file, "--haproxy-protocol", url],
      ]);
      const { hostname, version, source } = JSON.parse(answer);
      deepStrictEqual([hostname, version], ["127.0.0.1", 1]);
      strictEqual(source.hostname, "127.0.0.1");
    }
  },
);

/** Writes a header of version 2 by Python's `struct`, and a line behind it. */
const PYTHON = `
import socket, struct, sys
address, port, family = sys.argv[1], int(sys.argv[2]), sys.argv[3]
source = socket.inet_pton(getattr(socket, family), sys.argv[4])
kind = 0x11 if family == "AF_INET" else 0x21
body = source + source + struct.pack("!HH", 4660, 22136)
body += struct.pack("!BH", 0x02, 11) + b"example.org"
body += struct.pack("!BH", 0x04, 3) + bytes(3)
head = b"\\r\\n\\r\\n\\0\\r\\nQUIT\\n" + struct.pack("!BBH", 0x21, kind, len(body))
with socket.create_connection((address, port)) as connection:
    connection.sendall(head + body + b"from Python")
    connection.shutdown(socket.SHUT_WR)
    while part := connection.recv(4096):
        sys.stdout.buffer.write(part)
`;

testWith([python], "headers that Python packs are read", async () => {
  await using served = await serveForTest(Teller, {
    options: { proxyProtocol },
  });
  for (
    const [family, given, told] of [
      ["AF_INET", "192.0.2.7", "192.0.2.7"],
      ["AF_INET6", "2001:db8:0:0:1::7", "2001:db8::1:0:0:7"],
    ] as const
  ) {
    const seen = JSON.parse(
      await python.run([
        ...["-c", PYTHON, "127.0.0.1", `${served.addr.port}`],
        ...[family, given],
      ]),
    );
    deepStrictEqual(seen.client, tcp(told, 4660));
    deepStrictEqual(seen.sent, "from Python");
    deepStrictEqual(seen.proxy.tlvs, { authority: "example.org" });
  }
});

testWith([socat], "a line that socat passes on is read", async () => {
  await using served = await serveForTest(Teller, {
    options: { proxyProtocol },
  });
  const seen = JSON.parse(
    await socat.run(
      ["-t", "40", "-", `TCP4:127.0.0.1:${served.addr.port}`],
      "PROXY TCP6 2001:DB8::7 ::1 4660 22136\r\nfrom socat",
    ),
  );
  deepStrictEqual(
    [seen.client, seen.sent],
    [tcp("2001:db8::7", 4660), "from socat"],
  );
});

for (const sends of ["send-proxy", "send-proxy-v2"] as const) {
  testWith(
    [haproxy],
    `HAProxy reads the headers of encodeProxyHeader(), and tells them on (${sends})`,
    async () => {
      await using folder = new Folder();
      await using served = await serveForTest(
        Teller,
        { options: { proxyProtocol } },
      );
      const options = sends === "send-proxy"
        ? ""
        : "proxy-v2-options crc32c,unique-id";
      await using front = await Front.start(
        folder,
        `unique-id-format %[uuid()]
  server tcp 127.0.0.1:${served.addr.port} ${sends} ${options}`,
        "accept-proxy",
      );
      const address = front.address as Deno.UnixAddr;
      for (
        const [header, ends] of [
          [encodeProxyHeader({ version: 1, ...FOUR }), FOUR],
          [encodeProxyHeader({ version: 1, ...SIX }), SIX],
          [encodeProxyHeader({ ...FOUR, checksum: true }), FOUR],
          [
            encodeProxyHeader({
              ...{ ...SIX, checksum: true },
              tlvs: { alpn: "h2", uniqueId: new Uint8Array(9) },
            }),
            SIX,
          ],
        ] as const
      ) {
        const seen = await told(address, joined(header, bytes("a line")));
        const { version, command, source, destination, tlvs } = seen
          .proxy as ProxyHeader;
        deepStrictEqual([seen.client, seen.sent], [ends.source, "a line"]);
        deepStrictEqual({ source, destination }, ends);
        deepStrictEqual(
          [version, command],
          [sends === "send-proxy" ? 1 : 2, "PROXY"],
        );
        if (version === 2) match(`${tlvs.uniqueId}`, /^([0-9a-f]{2}){36}$/);
      }
      deepStrictEqual(served.errors, []);
    },
  );
}

/** Connects to a path, tells who it is, and goes on in TLS. */
const PYTHON_TLS = `
import socket, ssl, sys
path, ca = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
context.set_alpn_protocols(["chat"])
with socket.socket(socket.AF_UNIX) as raw:
    raw.connect(path)
    raw.sendall(b"PROXY TCP4 192.0.2.7 192.0.2.11 56324 443\\r\\n")
    with context.wrap_socket(raw, server_hostname="localhost") as connection:
        connection.sendall(b"in TLS\\n")
        while part := connection.recv(4096):
            sys.stdout.buffer.write(part)
            if part.endswith(b"\\n"): break
`;

testWith(
  [haproxy, python],
  "HAProxy tells a TCPServer how its client speaks TLS, and passes TLS through to a TLSServer",
  async () => {
    await using folder = new Folder();
    const { cert, key, file } = await makeCertificate(folder);
    const pem = folder.at("both.pem");
    await Deno.writeTextFile(pem, cert + key);
    class OneLine extends Teller {
      override async handle() {
        const line = await this.rfile.readLine();
        const { clientAddress: client, proxy } = this;
        await this.wfile.write(JSON.stringify({ client, proxy, line }) + "\n");
      }
    }
    await using ended = await serveForTest(OneLine, {
      options: { proxyProtocol },
    });
    await using passed = await serveForTest(
      new TLSServer(
        { ...LOOPBACK, cert, key, alpnProtocols: ["chat"] },
        OneLine,
        { proxyProtocol },
      ),
    );
    const ask = async (front: Front) =>
      JSON.parse(
        await python.run([
          ...["-c", PYTHON_TLS, front.address.path, file],
        ]),
      );
    {
      await using front = await Front.start(
        folder,
        `server tcp 127.0.0.1:${ended.addr.port} send-proxy-v2-ssl-cn proxy-v2-options ssl,authority,ssl-cipher,cert-sig,cert-key,crc32c`,
        `accept-proxy ssl crt ${pem} alpn chat`,
      );
      const { client, proxy, line } = await ask(front);
      deepStrictEqual([client, line], [FOUR.source, "in TLS"]);
      const { ssl, alpn, authority } = (proxy as ProxyHeader).tlvs;
      deepStrictEqual([alpn, authority], ["chat", "localhost"]);
      const { cipher, ...rest } = ssl!;
      match(cipher!, /^TLS_/);
      deepStrictEqual(rest, {
        ...{ client: true, certificateInConnection: false },
        ...{ certificateInSession: false, verified: false },
        ...{ version: "TLSv1.3", signatureAlgorithm: "ecdsa-with-SHA256" },
        keyAlgorithm: "EC256",
      });
    }
    {
      await using front = await Front.start(
        folder,
        `server tcp 127.0.0.1:${passed.addr.port} send-proxy-v2`,
        "accept-proxy",
      );
      const { client, line } = await ask(front);
      deepStrictEqual([client, line], [FOUR.source, "in TLS"]);
    }
  },
);

testWith(
  [haproxy],
  "HAProxy's health checks with PROXY headers, and clients of its Unix socket, are served as who they are",
  async () => {
    await using folder = new Folder();
    const path = folder.at("server");
    const checked = Promise.withResolvers<void>();
    const commands: unknown[] = [];
    const sources: unknown[] = [];
    await using _ = await serveForTest(
      new UnixStreamServer({ path }, async ({ proxy, rfile, wfile }) => {
        const line = await rfile.readLine();
        if (line === "hello") sources.push(proxy?.source);
        if (line !== "ping") return;
        commands.push(proxy?.command);
        await wfile.write("pong\n");
        if (commands.length === 3) checked.resolve();
      }, {
        proxyProtocol: { mode: "require", trust: ["unix:"] },
        onError() {},
      }),
    );
    await using front = await Front.start(
      folder,
      `option tcp-check
  tcp-check connect send-proxy
  tcp-check send "ping\\n"
  tcp-check expect string pong
  server unix unix@${path} send-proxy-v2 check inter 20 fall 1 rise 1`,
    );
    await patiently(checked.promise, () => `3 health checks: ${commands}`);
    deepStrictEqual(commands.slice(0, 3), ["LOCAL", "LOCAL", "LOCAL"]);
    // The client of a Unix socket has no address that the protocol could tell.
    const client = await Deno.connect(front.address);
    await client.write(bytes("hello\n"));
    await new Response(client.readable).text();
    deepStrictEqual(sources, [undefined]);
    deepStrictEqual(_.errors, []);
  },
);
