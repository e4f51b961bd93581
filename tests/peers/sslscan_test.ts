import { deepStrictEqual, match, strictEqual } from "node:assert";
import { TLSServer } from "../../mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { Folder, Program, testWith } from "../_program.ts";
import { isDisconnect, LOOPBACK } from "../_loopback.ts";
import { makeCertificate } from "../_certificate.ts";
import { bracket } from "./_peers.ts";

const sslscan = new Program("sslscan", "sslscan");

testWith(
  [sslscan],
  "sslscan finds TLS 1.2 and 1.3 with forward secrecy, and nothing that is known to be weak",
  async () => {
    await using folder = new Folder();
    const { cert, key } = await makeCertificate(folder);
    await using served = await serveForTest(
      new TLSServer({ ...LOOPBACK, cert, key }, bracket, { onError() {} }),
      {
        // It asks for what is refused, and leaves.
        allowErrors: (error) =>
          isDisconnect(error) || error instanceof Deno.errors.InvalidData,
      },
    );
    const found = await sslscan.run([
      // Groups are tried by handshakes that wait 3 seconds each for an end.
      ...["--no-colour", "--no-groups"],
      `127.0.0.1:${served.addr.port}`,
    ]);
    const versions = found.matchAll(/^(\S+) +(enabled|disabled)$/gm);
    deepStrictEqual(
      Object.fromEntries([...versions].map(([, name, is]) => [name, is])),
      {
        ...{ SSLv2: "disabled", SSLv3: "disabled" },
        ...{ "TLSv1.0": "disabled", "TLSv1.1": "disabled" },
        ...{ "TLSv1.2": "enabled", "TLSv1.3": "enabled" },
      },
    );
    match(found, /Session renegotiation not supported/);
    const suites = [
      ...found.matchAll(/^(?:Preferred|Accepted) +(\S+) +(\d+) bits +(\S+)/gm),
    ];
    strictEqual(suites.length > 0, true, found);
    for (const [, version, bits, suite] of suites) {
      match(suite!, version === "TLSv1.3" ? /^TLS_/ : /^ECDHE-/);
      match(suite!, /GCM|CHACHA20/);
      strictEqual(Number(bits) >= 128, true);
    }
    const vulnerable = found.split("\n").filter((line) =>
      line.includes("vulnerable") && !line.includes("not vulnerable")
    );
    deepStrictEqual(vulnerable, []);
  },
);
