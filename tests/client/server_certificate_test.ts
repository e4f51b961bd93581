// What of a server's certificate is checked beside the engine.

import {
  deepStrictEqual,
  doesNotThrow,
  strictEqual,
  throws,
} from "node:assert";
import {
  certificateNames,
  isNamed,
} from "../../handlers/_tls/certificate_names.ts";
import { checkSigned } from "../../handlers/_tls/signed_chain.ts";
import { tagged } from "../../server/testing/_der.ts";
import {
  type Issuer,
  makeKey,
  signCertificate,
} from "../../server/testing/_x509.ts";
import { below, mutate, random } from "../fuzz/_fuzzing.ts";

const encoder = new TextEncoder();
const DAY = 24 * 60 * 60 * 1000;

function der(pem: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromBase64(pem.replace(/-----[^-]+-----|\n/g, ""));
}

function statement(
  subject: string,
  names: Uint8Array[] = [],
  isAuthority = false,
) {
  const from = new Date(Date.now() - DAY);
  return {
    subject,
    names,
    isAuthority,
    from,
    until: new Date(Date.now() + DAY),
  };
}

async function issuer(subject: string): Promise<Issuer & { cert: string }> {
  const key = await makeKey();
  const cert = await signCertificate(statement(subject, [], true), key);
  return { subject, key, cert };
}

Deno.test("names of a certificate are read one by one, whatever is in them", async () => {
  const names = [
    tagged(0x82, encoder.encode("a.example.org, DNS:b.example.org")),
    // Of other kinds: a URI and a mailbox.
    tagged(0x86, encoder.encode("http://x/, DNS:c.example.org")),
    tagged(0x81, encoder.encode("me@d.example.org")),
    tagged(0x87, Uint8Array.of(10, 0, 0, 1)),
  ];
  const cert = await signCertificate(statement("x", names), await makeKey());
  const found = certificateNames(der(cert));
  deepStrictEqual(found.dns, ["a.example.org, DNS:b.example.org"]);
  deepStrictEqual(found.ip, [Uint8Array.of(10, 0, 0, 1)]);
  for (const host of ["a", "b", "c", "d"]) {
    strictEqual(isNamed(found, `${host}.example.org`), false);
  }
  strictEqual(isNamed(found, "10.0.0.1"), true);
  strictEqual(isNamed(found, "10.0.0.2"), false);
});

Deno.test("names match as RFC 9525 has it", () => {
  const cases: [name: string, host: string, matches: boolean][] = [
    ["example.org", "EXAMPLE.org", true],
    ["example.org.", "example.org", true],
    ["*.example.org", "a.example.org", true],
    ["*.example.org", "a.b.example.org", false],
    ["*.example.org", "example.org", false],
    ["a*.example.org", "ab.example.org", false],
    ["*", "localhost", false],
    ["*.", "localhost", false],
    ["*.org", "example.org", false],
    ["*.*.org", "a.example.org", false],
    ["a.*.org", "a.example.org", false],
    ["127.0.0.1", "127.0.0.1", false],
    ["*.0.0.1", "127.0.0.1", false],
  ];
  for (const [name, host, matches] of cases) {
    strictEqual(
      isNamed({ dns: [name], ip: [] }, host),
      matches,
      `${name} ${host}`,
    );
  }
});

Deno.test("no bytes are a certificate but those of one", async () => {
  const names = [tagged(0x82, encoder.encode("localhost"))];
  const whole = der(
    await signCertificate(statement("x", names), await makeKey()),
  );
  deepStrictEqual(certificateNames(whole).dns, ["localhost"]);
  for (let length = 0; length < whole.length; length++) {
    throws(
      () => certificateNames(whole.subarray(0, length)),
      Deno.errors.InvalidData,
    );
  }
  const rng = random(1);
  for (let i = 0; i < 2000; i++) {
    const damaged = mutate(rng, whole);
    try {
      certificateNames(damaged.subarray(0, below(rng, damaged.length + 1)));
    } catch (error) {
      strictEqual((error as Error).constructor, Deno.errors.InvalidData);
    }
  }
});

Deno.test("only those of ca sign, through others who may", async () => {
  const root = await issuer("root");
  // Of the same name: what is signed by it says the same.
  const forger = await issuer("root");
  const key = await makeKey();
  const leaf = async (by: Issuer, more = {}) =>
    der(await signCertificate({ ...statement("leaf"), ...more }, key, by));
  const middle = { subject: "middle", key: await makeKey() };
  const middleBy = async (by: Issuer, isAuthority: boolean) =>
    der(
      await signCertificate(
        statement("middle", [], isAuthority),
        middle.key,
        by,
      ),
    );
  const taken: Uint8Array[][] = [
    [await leaf(root)],
    [await leaf(middle), await middleBy(root, true)],
    [
      await leaf(middle),
      await middleBy(forger, true),
      await middleBy(root, true),
    ],
    [der(root.cert)],
  ];
  for (const chain of taken) {
    doesNotThrow(() => checkSigned(chain, [root.cert]));
  }
  const past = { from: new Date(0), until: new Date(DAY) };
  const future = {
    from: new Date(Date.now() + DAY),
    until: new Date(Date.now() + 2 * DAY),
  };
  const refused: Uint8Array[][] = [
    [],
    [await leaf(forger)],
    [await leaf(forger), der(forger.cert)],
    [await leaf(middle)],
    // One that may not sign others.
    [await leaf(middle), await middleBy(root, false)],
    [await leaf(middle), await middleBy(forger, true)],
    [await leaf(root, past)],
    [await leaf(root, future)],
  ];
  for (const [i, chain] of refused.entries()) {
    throws(
      () => checkSigned(chain, [root.cert]),
      /^InvalidData: .*none of ca has signed it$/,
      String(i),
    );
  }
});

Deno.test("a chain that leads nowhere costs few signatures", async () => {
  const root = await issuer("root");
  const loops: Uint8Array[] = [];
  // Each may have signed each, by name, and none has.
  for (let i = 0; i < 12; i++) {
    const one = await makeKey();
    loops.push(der(
      await signCertificate(statement("x", [], true), one, {
        subject: "x",
        key: await makeKey(),
      }),
    ));
  }
  const { X509Certificate } = await import("node:crypto");
  const { verify } = X509Certificate.prototype;
  let calls = 0;
  X509Certificate.prototype.verify = function (key) {
    calls++;
    return verify.call(this, key);
  };
  try {
    throws(() => checkSigned(loops, [root.cert]), Deno.errors.InvalidData);
  } finally {
    X509Certificate.prototype.verify = verify;
  }
  strictEqual(calls > 0 && calls <= 16, true, String(calls));
});
