import { createPrivateKey } from "node:crypto";
import type { CommandTLS } from "./command_options.ts";

/** The label of a private key in PEM, RFC 7468, and OpenSSL's mark of a password. */
const ENCRYPTED =
  /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m;
/** A private key in PEM, of which a file may hold more than the key. */
const PRIVATE_KEY = /-----BEGIN ([A-Z ]*PRIVATE KEY)-----[^]*?-----END \1-----/;

/**
 * Reads a certificate and its key.
 *
 * @param tls Where they are.
 * @returns Both in PEM format, the key decrypted.
 * @throws {TypeError} If there is no key, no password to an encrypted one, or
 * the password is not the right one.
 * @throws What reading throws.
 */
export async function readCertificate(
  { cert, key, passwordFile }: CommandTLS,
): Promise<{ readonly cert: string; readonly key: string }> {
  const [certText, keyText, password] = await Promise.all([
    Deno.readTextFile(cert),
    Deno.readTextFile(key),
    passwordFile === undefined ? undefined : Deno.readTextFile(passwordFile),
  ]);
  const [found] = PRIVATE_KEY.exec(keyText) ?? [];
  if (found === undefined) {
    throw new TypeError(
      `Cannot serve HTTPS: ${key} holds no private key in PEM format; name its file by --tls-key`,
    );
  }
  return {
    cert: certText,
    key: ENCRYPTED.test(found) ? decrypt(found, key, password) : found,
  };
}

function decrypt(
  key: string,
  path: string,
  password: string | undefined,
): string {
  if (password === undefined) {
    throw new TypeError(
      `Cannot serve HTTPS: the key in ${path} is encrypted; write its password to a file and name that by --tls-password-file`,
    );
  }
  try {
    // Editors end the file with a line feed, which is none of the password.
    const passphrase = password.replace(/\r?\n$/, "");
    return createPrivateKey({ key, passphrase })
      .export({ type: "pkcs8", format: "pem" }) as string;
  } catch (error) {
    throw new TypeError(
      `Cannot serve HTTPS: the key in ${path} cannot be decrypted with this password: ${
        (error as Error).message
      }`,
      { cause: error },
    );
  }
}
