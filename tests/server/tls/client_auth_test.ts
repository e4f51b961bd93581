import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert";
import {
  type StreamRequestHandler,
  type TLSInfo,
  TLSServer,
  type TLSServerAddress,
} from "../../../mod.ts";
import { type Child, Folder, Program, testWith } from "../../_program.ts";
import { serveForTest, type TestServer } from "../../../server/testing/mod.ts";
import { openssl } from "../../peers/_peers.ts";
import type { Certificate } from "../../_certificate.ts";
import { Authority } from "./_authority.ts";

const curl = new Program("curl", "curl");

/** Keeps what handlers were told, and answers a line with whom it is to. */
class Told {
  readonly infos: TLSInfo[] = [];

  readonly handle = async ({ rfile, wfile, tls }: StreamRequestHandler) => {
    this.infos.push(tls!);
    await rfile.readLine();
    await wfile.write(`${tls!.authorized} ${tls!.peerCertificate?.subject}\n`);
    await rfile.readLine();
  };

  get last(): TLSInfo {
    return this.infos.at(-1)!;
  }
}

/** A server that asks for certificates, and authorities for both sides. */
class Guarded implements AsyncDisposable {
  readonly folder = new Folder();
  readonly told = new Told();
  authority!: Authority;
  #own!: Certificate;
  readonly #stack = new AsyncDisposableStack();

  static async start(): Promise<Guarded> {
    const guarded = new Guarded();
    guarded.authority = await Authority.make(guarded.folder);
    guarded.#own = await guarded.authority.issue("server");
    return guarded;
  }

  async serve(
    address: Partial<TLSServerAddress>,
  ): Promise<TestServer<TLSServer>> {
    const { cert, key } = this.#own;
    return this.#stack.use(
      await serveForTest(this.told.handle, {
        server: TLSServer,
        address: { cert, key, ...address },
      }),
    );
  }

  /** What a client with such a certificate is answered. */
  async ask(
    { addr }: TestServer<TLSServer>,
    certificate?: Certificate,
  ): Promise<string> {
    using client = await Deno.connectTls({
      hostname: "localhost",
      port: addr.port,
      caCerts: [this.authority.cert],
      ...certificate === undefined
        ? {}
        : { cert: certificate.cert, key: certificate.key },
    });
    await client.write(new TextEncoder().encode("who?\n"));
    const buffer = new Uint8Array(100);
    const n = await client.read(buffer);
    if (n === null) throw new Error("refused");
    return new TextDecoder().decode(buffer.subarray(0, n)).trim();
  }

  /** Starts OpenSSL's client. */
  client({ addr }: TestServer<TLSServer>, ...args: string[]): Child {
    return openssl.start(
      ...["s_client", "-connect", `127.0.0.1:${addr.port}`],
      ...["-servername", "localhost", "-CAfile", this.authority.file],
      ...args,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
    await this.folder[Symbol.asyncDispose]();
  }
}

const asArguments = ({ file, keyFile }: Certificate) => [
  ...["-cert", file, "-key", keyFile],
];

testWith(
  [openssl],
  `clientAuth "require" serves those whose certificate is signed, and nobody else`,
  async () => {
    await using guarded = await Guarded.start();
    const { authority, folder, told } = guarded;
    const served = await guarded.serve({
      clientAuth: "require",
      ca: authority.cert,
    });
    const alice = await authority.issue("alice");
    const late = await authority.issue("late", ["localhost"], -1);
    const foreign = await (await Authority.make(folder, "foreign")).issue(
      "eve",
    );
    strictEqual(await guarded.ask(served, alice), "true CN=alice");
    const { peerCertificate, protocol, cipher, serverName, resumed } =
      told.last;
    match(peerCertificate!.issuer, /CN=authority/);
    strictEqual(peerCertificate!.subjectAltName, "DNS:localhost");
    strictEqual(peerCertificate!.pem.trim(), alice.cert.trim());
    match(peerCertificate!.fingerprint256, /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    ok(Date.parse(peerCertificate!.validTo) > Date.now());
    deepStrictEqual({ protocol, serverName, resumed }, {
      protocol: "TLSv1.3",
      serverName: "localhost",
      resumed: false,
    });
    match(cipher, /^TLS_/);
    for (const certificate of [undefined, late, foreign]) {
      await rejects(guarded.ask(served, certificate));
    }
    const errors = await served.untilErrors(3);
    match(String(errors[0]), /^InvalidData: peer sent no certificates/);
    match(
      String(errors[1]),
      /^InvalidData: The client's certificate was refused/,
    );
    match(
      String(errors[2]),
      /^InvalidData: The client's certificate was refused/,
    );
    strictEqual(told.infos.length, 1);
    strictEqual(await guarded.ask(served, alice), "true CN=alice");
  },
);

testWith(
  [openssl, curl],
  "clients whose certificate is refused see an alert, where there can be one",
  async () => {
    await using guarded = await Guarded.start();
    const { authority, folder } = guarded;
    const served = await guarded.serve({
      clientAuth: "require",
      ca: authority.cert,
    });
    const { file, keyFile } = await (await Authority.make(
      folder,
      "foreign",
    )).issue("eve");
    const eve = ["-cert", file, "-key", keyFile];
    for (
      const [args, said] of [
        [["-tls1_2", ...eve], /alert certificate unknown/],
        [["-tls1_3", ...eve], /unexpected eof/],
        [["-tls1_2"], /alert certificate required|alert number 116/],
        [["-tls1_3"], /alert certificate required/],
      ] as const
    ) {
      await using child = guarded.client(served, "-ign_eof", ...args);
      const { code, stderr } = await child.output();
      strictEqual(code, 1);
      match(stderr, said);
    }
    const { port } = served.addr;
    await using child = curl.start(
      ...["-sS", "--tls-max", "1.2", "--cacert", authority.file],
      ...["--cert", file, "--key", keyFile],
      `https://localhost:${port}/`,
    );
    const { code, stderr } = await child.output();
    strictEqual(code !== 0, true);
    match(stderr, /alert certificate unknown/);
    const errors = await served.untilErrors(5);
    strictEqual(errors.length, 5);
  },
);

testWith(
  [openssl, curl],
  "curl shows its certificate to a name of the server",
  async () => {
    await using guarded = await Guarded.start();
    const { authority } = guarded;
    const { cert, key } = await authority.issue("named", ["named.test"]);
    const served = await guarded.serve({
      ...{ clientAuth: "require", ca: authority.cert },
      contexts: { "named.test": { cert, key } },
    });
    const { file, keyFile } = await authority.issue("alice");
    const { port } = served.addr;
    const said = await curl.run([
      // The answer is no HTTP.
      ...["-sS", "--http0.9", "--cacert", authority.file],
      ...["--cert", file, "--key", keyFile],
      ...["--resolve", `named.test:${port}:127.0.0.1`],
      `https://named.test:${port}/`,
    ]);
    strictEqual(said, "true CN=alice\n");
    strictEqual(guarded.told.last.serverName, "named.test");
  },
);

testWith(
  [openssl],
  `clientAuth "request" serves everybody, and says who is authorized`,
  async () => {
    await using guarded = await Guarded.start();
    const { authority, folder } = guarded;
    const served = await guarded.serve({
      clientAuth: "request",
      ca: authority.cert,
    });
    const alice = await authority.issue("alice");
    const foreign = await (await Authority.make(folder, "foreign")).issue(
      "eve",
    );
    strictEqual(await guarded.ask(served), "false undefined");
    strictEqual(await guarded.ask(served, alice), "true CN=alice");
    strictEqual(await guarded.ask(served, foreign), "false CN=eve");
    const anybody = await guarded.serve({ clientAuth: "request" });
    strictEqual(await guarded.ask(anybody, alice), "false CN=alice");
    deepStrictEqual([...served.errors, ...anybody.errors], []);
  },
);

testWith(
  [openssl],
  "a server that asks for no certificate calls nobody authorized",
  async () => {
    await using guarded = await Guarded.start();
    const served = await guarded.serve({});
    const alice = await guarded.authority.issue("alice");
    strictEqual(await guarded.ask(served, alice), "false undefined");
  },
);

testWith(
  [openssl],
  "a name's own certificate leaves it to the server whom it asks for one",
  async () => {
    await using guarded = await Guarded.start();
    const { authority } = guarded;
    const { cert, key } = await authority.issue("named", ["localhost"]);
    const served = await guarded.serve({
      clientAuth: "require",
      ca: authority.cert,
      contexts: { localhost: { cert, key } },
    });
    await rejects(guarded.ask(served));
    const alice = await authority.issue("alice");
    strictEqual(await guarded.ask(served, alice), "true CN=alice");
    await served.untilErrors();
  },
);

for (const version of ["-tls1_2", "-tls1_3"]) {
  testWith(
    [openssl],
    `a session that goes on is authorized as it was before (${version})`,
    async () => {
      await using guarded = await Guarded.start();
      const { authority, folder, told } = guarded;
      const served = await guarded.serve({
        clientAuth: "require",
        ca: authority.cert,
      });
      const alice = asArguments(await authority.issue("alice"));
      const session = folder.at("session");
      for (const use of ["-sess_out", "-sess_in"]) {
        await using child = guarded.client(
          served,
          ...[version, ...alice, use, session],
        );
        await child.send("who?\n");
        await child.until("true CN=alice");
        await child.output();
      }
      deepStrictEqual(told.infos.map(({ resumed }) => resumed), [false, true]);
    },
  );

  testWith(
    [openssl],
    `no session makes a stranger's certificate one that is trusted (${version})`,
    async () => {
      await using guarded = await Guarded.start();
      const { authority, folder, told } = guarded;
      const asking = await guarded.serve({
        clientAuth: "request",
        ca: authority.cert,
      });
      const eve = asArguments(
        await (await Authority.make(folder, "foreign")).issue("eve"),
      );
      const session = folder.at("session");
      for (const use of ["-sess_out", "-sess_in"]) {
        await using child = guarded.client(
          asking,
          ...[version, ...eve, use, session],
        );
        await child.send("who?\n");
        await child.until("false CN=eve");
        await child.output();
      }
      // Tickets of one process open at all its servers.
      const requiring = await guarded.serve({
        clientAuth: "require",
        ca: authority.cert,
      });
      {
        await using child = guarded.client(
          requiring,
          ...[version, ...eve, "-sess_in", session],
        );
        await child.send("who?\n");
        ok(
          !String(new TextDecoder().decode((await child.output()).stdout))
            .includes("CN=eve\n"),
        );
      }
      deepStrictEqual(told.infos.map(({ resumed }) => resumed), [false, true]);
      match(
        String(await requiring.untilErrors()),
        /^InvalidData: The client's certificate was refused: it is not known any more/,
      );
    },
  );
}

testWith(
  [openssl],
  "a session of a server that asks nobody opens none that requires a certificate",
  async () => {
    await using guarded = await Guarded.start();
    const { authority, folder, told } = guarded;
    const open = await guarded.serve({});
    const session = folder.at("session");
    {
      await using child = guarded.client(open, "-sess_out", session);
      await child.send("who?\n");
      await child.until("false undefined");
      await child.output();
    }
    const requiring = await guarded.serve({
      clientAuth: "require",
      ca: authority.cert,
    });
    {
      await using child = guarded.client(requiring, "-sess_in", session);
      await child.send("who?\n");
      await child.output();
    }
    await requiring.untilErrors();
    strictEqual(told.infos.length, 1);
  },
);
