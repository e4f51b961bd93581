import { notStrictEqual, strictEqual } from "node:assert";
import { Program, testWith } from "../_program.ts";
import { openssl } from "../peers/_peers.ts";
import { end, portOf, startExample } from "./_example.ts";

const curl = new Program("curl", "curl");

/** The certificate that a name is shown, by its fingerprint, and whom it names. */
async function shown(port: number, name: string): Promise<[string, string]> {
  const pem = await openssl.run([
    ...["s_client", "-connect", `127.0.0.1:${port}`, "-servername", name],
  ]);
  const [, subject, print] = /subject=CN = (\S+)\n.*Fingerprint=(\S+)/s.exec(
    await openssl.run(
      ["x509", "-noout", "-subject", "-fingerprint", "-sha256"],
      pem,
    ),
  )!;
  return [subject!, print!];
}

testWith(
  [openssl, curl],
  "https_two_names.ts shows each name's certificate, and renews them while it serves",
  async () => {
    await using child = startExample("https_two_names", { 8443: 0 }, [0]);
    const port = await portOf(child);
    const before = new Map<string, string>();
    for (const name of ["one.test", "two.test"]) {
      const page = await curl.run([
        ...["-sk", "--resolve", `${name}:${port}:127.0.0.1`],
        `https://${name}:${port}/`,
      ]);
      strictEqual(page, `This is ${name}\n`);
      const [subject, print] = await shown(port, name);
      strictEqual(subject, name);
      before.set(name, print);
    }
    child.kill("SIGHUP");
    await child.until("Renewed");
    for (const [name, print] of before) {
      const [subject, renewed] = await shown(port, name);
      strictEqual(subject, name);
      notStrictEqual(renewed, print);
    }
    strictEqual((await shown(port, "nobody.test"))[0], "one.test");
    strictEqual((await end(child)).code, 0);
  },
);
