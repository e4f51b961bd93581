import { selfSignedCertificate } from "../server/testing/mod.ts";
import type { Folder } from "./_program.ts";

/** A certificate of localhost and its key, in PEM format, and their files. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
  readonly file: string;
  readonly keyFile: string;
}

/** Makes a certificate that signs itself, for programs that read it of a file. */
export async function makeCertificate(
  folder: Folder,
  name = "cert",
): Promise<Certificate> {
  return await writeCertificate(folder, name, await selfSignedCertificate());
}

/** Writes a certificate and its key to files. */
export async function writeCertificate(
  folder: Folder,
  name: string,
  { cert, key }: Pick<Certificate, "cert" | "key">,
): Promise<Certificate> {
  const file = folder.at(`${name}.pem`);
  const keyFile = folder.at(`${name}.key`);
  await Deno.writeTextFile(file, cert);
  await Deno.writeTextFile(keyFile, key);
  return { cert, key, file, keyFile };
}
