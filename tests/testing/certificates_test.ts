import { deepStrictEqual, match, rejects, strictEqual } from "node:assert";
import { X509Certificate } from "node:crypto";
import { TLSServer } from "../../mod.ts";
import {
  CertificateAuthority,
  type CertificateOptions,
  selfSignedCertificate,
  serveForTest,
} from "../../server/testing/mod.ts";
import { Folder, Program, testWith } from "../_program.ts";
import { bracket, openssl } from "../peers/_peers.ts";

const python = new Program("python3", "python3");

const NAMES = ["localhost", "*.example.org", "127.0.0.1", "::1"];
const DAY = 24 * 60 * 60 * 1000;

/** Writes text to a file of a folder. */
async function write(folder: Folder, name: string, text: string) {
  await Deno.writeTextFile(folder.at(name), text);
  return folder.at(name);
}

testWith(
  [openssl],
  "openssl reads a certificate and its key, and finds nothing wrong",
  async () => {
    await using folder = new Folder();
    const { cert, key } = await selfSignedCertificate({
      names: NAMES,
      days: 3,
    });
    const text = await openssl.run(["x509", "-noout", "-text"], cert);
    for (
      const expected of [
        /Version: 3 \(0x2\)/,
        /Serial Number:\s+([\da-f]{2}:){15}[\da-f]{2}\n/,
        /Signature Algorithm: ecdsa-with-SHA256/,
        /Issuer: CN = localhost\n/,
        /Subject: CN = localhost\n/,
        /ASN1 OID: prime256v1/,
        /X509v3 Basic Constraints: critical\s+CA:FALSE/,
        /X509v3 Key Usage: critical\s+Digital Signature\n/,
        /TLS Web Server Authentication, TLS Web Client Authentication/,
        /DNS:localhost, DNS:\*\.example\.org, IP Address:127\.0\.0\.1, IP Address:0:0:0:0:0:0:0:1/,
      ]
    ) match(text, expected);
    const file = await write(folder, "cert", cert);
    match(
      await openssl.run(["verify", "-x509_strict", "-CAfile", file, file]),
      /: OK\n$/,
    );
    await openssl.run(["pkey", "-check", "-noout"], key);
    // The key is that of the certificate.
    strictEqual(
      await openssl.run(["pkey", "-pubout"], key),
      await openssl.run(["x509", "-pubkey", "-noout"], cert),
    );
  },
);

testWith(
  [openssl],
  "openssl verifies what an authority has signed, for servers and clients",
  async () => {
    await using folder = new Folder();
    const authority = await CertificateAuthority.make({ subject: "Böse & Co" });
    const ca = await write(folder, "ca", authority.cert);
    const { cert } = await authority.issue({ names: NAMES });
    const leaf = await write(folder, "leaf", cert);
    const verify = (...args: string[]) =>
      openssl.run(["verify", "-x509_strict", "-CAfile", ca, ...args]);
    for (const purpose of ["sslserver", "sslclient"]) {
      match(await verify("-purpose", purpose, leaf), /: OK\n$/);
    }
    for (const name of ["localhost", "a.example.org"]) {
      match(await verify("-verify_hostname", name, leaf), /: OK\n$/);
    }
    match(await verify("-verify_ip", "::1", leaf), /: OK\n$/);
    match(await verify(ca), /: OK\n$/);
    for (
      const wrong of [
        ["-verify_hostname", "example.org", leaf],
        // One that was issued may sign no other.
        ["-purpose", "crlsign", leaf],
      ]
    ) await rejects(verify(...wrong));
    const expired = await authority.issue({ days: -1 });
    await rejects(
      verify(await write(folder, "expired", expired.cert)),
      /certificate has expired/,
    );
    const foreign = await CertificateAuthority.make({ subject: "Böse & Co" });
    const other = await write(folder, "other", (await foreign.issue()).cert);
    await rejects(verify(other), /verification failed/);
  },
);

testWith(
  [openssl],
  "certificates of the years after 2049, and of fractions of a day",
  async () => {
    const far = await selfSignedCertificate({ days: 20_000 });
    const until = new Date(Date.now() + 20_000 * DAY);
    match(
      await openssl.run(["x509", "-noout", "-enddate"], far.cert),
      new RegExp(`${until.getUTCFullYear()} GMT\n$`),
    );
    const short = new X509Certificate(
      (await selfSignedCertificate({ days: 0.5 })).cert,
    );
    const left = Date.parse(short.validTo) - Date.now();
    strictEqual(left > 0.4 * DAY && left <= 0.5 * DAY, true, String(left));
  },
);

testWith(
  [python],
  "CPython's ssl takes the certificates, by name and address, and strictly",
  async () => {
    await using folder = new Folder();
    const authority = await CertificateAuthority.make();
    const own = await authority.issue({ names: [], subject: "carol" });
    await using served = await serveForTest(async ({ tls, wfile }) => {
      await wfile.write(`${tls?.peerCertificate?.subject}\n`);
    }, {
      server: TLSServer,
      address: {
        ...await authority.issue(),
        ...{ clientAuth: "require", ca: authority.cert },
      },
    });
    const output = await python.run([
      "-c",
      `
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[1])
context.verify_flags |= ssl.VERIFY_X509_STRICT
context.load_cert_chain(sys.argv[2])
for name in ["localhost", "127.0.0.1"]:
    with socket.create_connection(("127.0.0.1", int(sys.argv[3]))) as raw:
        with context.wrap_socket(raw, server_hostname=name) as connection:
            print(connection.recv(100).decode(), end="")
`,
      await write(folder, "ca", authority.cert),
      await write(folder, "own", own.cert + own.key),
      String(served.addr.port),
    ]);
    strictEqual(output, "CN=carol\nCN=carol\n");
  },
);

Deno.test("Deno.connectTls takes a certificate that signs itself, and one that was issued", async () => {
  const authority = await CertificateAuthority.make();
  const cases = [
    [await authority.issue(), authority.cert],
    [await selfSignedCertificate(), undefined],
  ] as const;
  for (const [address, ca] of cases) {
    await using served = await serveForTest(bracket, {
      ...{ server: TLSServer, address },
    });
    for (const hostname of ["localhost", "127.0.0.1"]) {
      const conn = await Deno.connectTls({
        ...{ hostname, port: served.addr.port },
        caCerts: [ca ?? address.cert],
      });
      await conn.write(new TextEncoder().encode("x\n"));
      const buffer = new Uint8Array(10);
      strictEqual(await conn.read(buffer), 4);
      conn.close();
    }
  }
});

Deno.test("two certificates differ in their numbers and keys", async () => {
  const [one, two] = await Promise.all([
    selfSignedCertificate(),
    selfSignedCertificate(),
  ]);
  const numbers = [one, two].map(({ cert }) =>
    new X509Certificate(cert).serialNumber
  );
  strictEqual(new Set(numbers).size, 2);
  strictEqual(one.key === two.key, false);
});

Deno.test("all numbers of certificates are positive and 16 bytes long", async () => {
  const authority = await CertificateAuthority.make();
  for (let i = 0; i < 50; i++) {
    const { serialNumber } = new X509Certificate(
      (await authority.issue({ names: [] })).cert,
    );
    match(serialNumber, /^[4-7][\dA-F]{31}$/i);
  }
});

Deno.test("wrong options of certificates are refused", async () => {
  const wrong: [unknown, RegExp][] = [
    [{ name: "x" }, /unknown option "name"; did you mean "names"/],
    [{ names: "localhost" }, /names must be an array of hosts/],
    [{ names: [1] }, /names must be those of hosts .*received 1$/],
    [{ names: ["a b"] }, /names must be those of hosts/],
    [{ names: ["a,DNS:b"] }, /names must be those of hosts/],
    [{ names: ["bücher.example"] }, /in ASCII/],
    [{ names: [""] }, /names must be those of hosts|subject must be text/],
    [{ days: 0 }, /^RangeError: .*days must be a number/],
    [{ days: "1" }, /^RangeError: .*days must be a number/],
    [{ days: NaN }, /^RangeError: .*days must be a number/],
    [{ days: 1e9 }, /^RangeError: .*days must be a number/],
    [{ subject: "" }, /subject must be text/],
    [
      { subject: "x".repeat(65) },
      /^RangeError: .*65 characters and may have 64/,
    ],
    [null, /options must be an object/],
  ];
  const authority = await CertificateAuthority.make();
  for (const [given, expected] of wrong) {
    const options = given as CertificateOptions;
    await rejects(selfSignedCertificate(options), expected);
    await rejects(authority.issue(options), expected);
  }
  await rejects(
    CertificateAuthority.make({ names: [] } as object),
    /unknown option "names"/,
  );
  deepStrictEqual(Object.keys(await authority.issue()).sort(), ["cert", "key"]);
});
