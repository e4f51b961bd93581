import type { Folder } from "../../_program.ts";
import { openssl } from "../../peers/_peers.ts";

/** A certificate and its key, in PEM format. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** A certificate that Deno's own client takes: one that signs no others. */
export async function makeCertificate(folder: Folder): Promise<Certificate> {
  await openssl.run([
    ...["req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost"],
    ...["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    ...["-addext", "subjectAltName=DNS:localhost"],
    ...["-addext", "basicConstraints=critical,CA:FALSE"],
    ...["-keyout", folder.at("key"), "-out", folder.at("cert")],
  ]);
  return {
    cert: await Deno.readTextFile(folder.at("cert")),
    key: await Deno.readTextFile(folder.at("key")),
  };
}
