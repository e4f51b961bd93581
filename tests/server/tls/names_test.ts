import {
  deepStrictEqual,
  match,
  rejects,
  strictEqual,
  throws,
} from "node:assert";
import {
  type StreamRequestHandler,
  type TLSCertificate,
  TLSServer,
  type TLSServerAddress,
  type TLSServerOptions,
} from "../../../mod.ts";
import { patiently } from "../../_patience.ts";
import { Folder } from "../../_program.ts";
import { serveForTest, type TestServer } from "../../../server/testing/mod.ts";
import type { Certificate } from "../../_certificate.ts";
import { Authority } from "./_authority.ts";

/** Says under which name it was asked. */
const tellName = ({ tls, wfile }: StreamRequestHandler) =>
  wfile.write(String(tls?.serverName));

/** What clients of one authority get. */
class Site implements AsyncDisposable {
  readonly folder = new Folder();
  authority!: Authority;
  served!: TestServer<TLSServer>;

  static async start(
    more: (site: Site) => Promise<Partial<TLSServerAddress>>,
    options: TLSServerOptions = {},
  ): Promise<Site> {
    const site = new Site();
    site.authority = await Authority.make(site.folder);
    const { cert, key } = await site.issue("default.test");
    site.served = await serveForTest(tellName, {
      server: TLSServer,
      address: { cert, key, ...await more(site) },
      options,
    });
    return site;
  }

  get server(): TLSServer {
    return this.served.server;
  }

  /** A certificate for one name. */
  issue(name: string): Promise<Certificate> {
    return this.authority.issue(name, [name]);
  }

  /** Connects to a name, and fails unless the certificate is for it. */
  async ask(hostname: string): Promise<string> {
    const client = await Deno.startTls(
      await Deno.connect(this.server.addr),
      { hostname, caCerts: [this.authority.cert] },
    );
    return await new Response(
      client.readable as ReadableStream<Uint8Array<ArrayBuffer>>,
    ).text();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.served[Symbol.asyncDispose]();
    await this.folder[Symbol.asyncDispose]();
  }
}

Deno.test(
  "TLSServer shows the certificate of the name that a client asks for",
  async () => {
    await using site = await Site.start(async (site) => {
      const issue = async (name: string) => {
        const { cert, key } = await site.issue(name);
        return { cert, key };
      };
      return {
        contexts: {
          "one.test": await issue("one.test"),
          "Two.Test": await issue("two.test"),
          "*.wild.test": await issue("*.wild.test"),
          "exact.wild.test": await issue("exact.wild.test"),
        },
      };
    });
    for (
      const name of ["one.test", "two.test", "any.wild.test", "exact.wild.test"]
    ) strictEqual(await site.ask(name), name);
    strictEqual(await site.ask("default.test"), "default.test");
    // A star is for one label (RFC 9525, section 6.3), and not for none.
    await rejects(site.ask("two.labels.wild.test"), /not valid for name/);
    await rejects(site.ask("wild.test"), /not valid for name/);
    for (const error of await site.served.untilErrors(2)) {
      match(String(error), /received fatal alert: BadCertificate$/);
    }
    strictEqual(await site.ask("one.test"), "one.test");
  },
);

Deno.test(
  "resolveContext() finds certificates, later too, and what it throws is reported",
  async () => {
    const asked: string[] = [];
    await using site = await Site.start(async (site) => {
      const found = await site.issue("found.test");
      const other = await site.issue("other.test");
      return {
        resolveContext(name) {
          asked.push(name);
          if (name === "found.test") return found;
          if (name === "wrong.test") return { ...found, key: other.key };
          if (name === "late.test") return Promise.resolve(undefined);
          if (name === "bad.test") throw new Error("no such site");
        },
      };
    });
    strictEqual(await site.ask("Found.test"), "found.test");
    await rejects(site.ask("late.test"), /not valid for name/);
    await rejects(site.ask("bad.test"), /fatal alert: InternalError/);
    await rejects(site.ask("wrong.test"), /fatal alert: InternalError/);
    strictEqual(await site.ask("found.test"), "found.test");
    deepStrictEqual(asked, [
      ...["found.test", "late.test", "bad.test", "wrong.test", "found.test"],
    ]);
    const reported = (await site.served.untilErrors(3)).map(String);
    deepStrictEqual(
      reported.filter((error) => !error.includes("fatal alert")),
      [
        "Error: no such site",
        "InvalidData: Cannot use cert and key: the key does not belong to the first certificate of cert",
      ],
    );
  },
);

Deno.test(
  "a client that leaves while resolveContext() waits is forgotten",
  async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const asked = Promise.withResolvers<void>();
    await using site = await Site.start(() =>
      Promise.resolve({
        resolveContext: () => (asked.resolve(), promise),
      }), { handshakeTimeout: 50 });
    using client = await Deno.startTls(await Deno.connect(site.server.addr), {
      hostname: "slow.test",
      caCerts: [site.authority.cert],
    });
    const shaken = rejects(client.handshake());
    await patiently(asked.promise, () => "the name");
    await shaken;
    resolve(undefined);
    const [error] = await site.served.untilErrors();
    strictEqual(
      (error as Error).message,
      "The TLS handshake took longer than handshakeTimeout, 50 ms",
    );
  },
);

Deno.test(
  "setCertificate() changes what new clients see, and a bad one changes nothing",
  async () => {
    await using site = await Site.start(() => Promise.resolve({}));
    const renewed = await site.issue("renewed.test");
    const other = await site.issue("other.test");
    strictEqual(await site.ask("default.test"), "default.test");
    throws(
      () => site.server.setCertificate({ ...renewed, key: other.key }),
      {
        name: "TypeError",
        message: /unknown key "file"/,
      },
    );
    const { cert, key } = renewed;
    throws(
      () => site.server.setCertificate({ cert, key: other.key }),
      {
        name: "InvalidData",
        message:
          "Cannot use cert and key: the key does not belong to the first certificate of cert",
      },
    );
    throws(
      () => site.server.setCertificate({ cert: "/etc/cert.pem", key }),
      { name: "InvalidData", message: /cert: it must be PEM text/ },
    );
    strictEqual(await site.ask("default.test"), "default.test");
    site.server.setCertificate({ cert, key });
    strictEqual(await site.ask("renewed.test"), "renewed.test");
    await rejects(site.ask("default.test"), /not valid for name/);
    match(
      String(await site.served.untilErrors()),
      /received fatal alert: BadCertificate$/,
    );
  },
);

Deno.test(
  "a renewal in the middle of handshakes breaks none of them",
  async () => {
    await using site = await Site.start(() => Promise.resolve({}));
    const same: TLSCertificate[] = [];
    for (let i = 0; i < 2; i++) {
      const { cert, key } = await site.issue("default.test");
      same.push({ cert, key });
    }
    let done = 0;
    const answers = Array.from({ length: 40 }, async (_, i) => {
      const answer = await site.ask("default.test");
      site.server.setCertificate(same[i % 2]!);
      done++;
      return answer;
    });
    deepStrictEqual(
      await Promise.all(answers),
      Array(40).fill("default.test"),
    );
    strictEqual(done, 40);
    deepStrictEqual(site.served.errors, []);
  },
);
