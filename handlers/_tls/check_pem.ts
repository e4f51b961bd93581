import process from "node:process";

/** The longest protocol of ALPN, in bytes (RFC 7301, section 3.1). */
const LONGEST_PROTOCOL = 255;

/**
 * Checks that an option is text in PEM format.
 *
 * @param name What it is called in errors.
 * @throws {Deno.errors.InvalidData} If it is not.
 */
export function checkPEM(name: string, text: unknown): void {
  if (typeof text === "string" && text.includes("-----BEGIN")) return;
  throw new Deno.errors.InvalidData(
    `Cannot use ${name}: it must be PEM text, received ${
      Deno.inspect(text, { strAbbreviateSize: 40 })
    }; of a file, pass what Deno.readTextFile() gives`,
  );
}

/**
 * Checks the certificates of those who may sign others.
 *
 * @param ca One or several, in PEM format.
 * @returns All of them.
 * @throws {Deno.errors.InvalidData} If one is none.
 */
export function readAuthorities(
  ca: string | readonly string[],
): readonly string[] {
  const texts = typeof ca === "string" ? [ca] : [...ca];
  const { X509Certificate } = process.getBuiltinModule("node:crypto");
  texts.forEach((text, i) => {
    const name = typeof ca === "string" ? "ca" : `ca[${i}]`;
    checkPEM(name, text);
    try {
      new X509Certificate(text);
    } catch (error) {
      throw new Deno.errors.InvalidData(
        `Cannot use ${name}: it is not a certificate in PEM format`,
        { cause: error },
      );
    }
  });
  return texts;
}

/**
 * Checks the protocols of ALPN.
 *
 * @param action What fails otherwise.
 * @throws {TypeError} If one cannot be told to a peer.
 */
export function checkProtocols(action: string, protocols: unknown): void {
  const isOne = (name: unknown) => {
    if (typeof name !== "string") return false;
    const { length } = new TextEncoder().encode(name);
    return length > 0 && length <= LONGEST_PROTOCOL;
  };
  if (Array.isArray(protocols) && protocols.every(isOne)) return;
  throw new TypeError(
    `Cannot ${action}: alpnProtocols must be an array of names of 1 to ${LONGEST_PROTOCOL} bytes, received ${
      Deno.inspect(protocols, { strAbbreviateSize: 40 })
    }`,
  );
}
