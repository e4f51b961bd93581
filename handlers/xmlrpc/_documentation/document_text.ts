import { XMLRPC_FAULT_CODES, XMLRPCFault } from "../xmlrpc_fault.ts";

/** Where an encoding is declared, if at all. */
const DECLARATION_BYTES = 256;
/** Of the XML declaration, XML 1.0, productions 23 and 80. */
const DECLARED =
  /^<\?xml\s[^>]*?\sencoding\s*=\s*(?:"([A-Za-z][\w.-]*)"|'([A-Za-z][\w.-]*)')/;

const latin1 = new TextDecoder("latin1");

/**
 * The text of an XML document: by its byte order mark, else by the encoding that
 * it declares, else UTF-8. The names of encodings are those of the WHATWG.
 *
 * @throws {XMLRPCFault} If the encoding is not known, or a byte does not belong
 * to it.
 */
export function documentText(bytes: Uint8Array): string {
  const encoding = markedEncoding(bytes) ?? declaredEncoding(bytes) ?? "utf-8";
  // To the WHATWG this is another name of windows-1252.
  if (/^(us-)?ascii$/i.test(encoding)) refuseHighBytes(bytes, encoding);
  let decoder: TextDecoder;
  try {
    decoder = new TextDecoder(encoding, { fatal: true });
  } catch (cause) {
    throw new XMLRPCFault(
      XMLRPC_FAULT_CODES.unsupportedEncoding,
      `Cannot read XML: the encoding "${encoding}" is not supported; use UTF-8`,
      { cause },
    );
  }
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new XMLRPCFault(
      XMLRPC_FAULT_CODES.invalidCharacter,
      `Cannot read XML: it is not valid ${encoding}`,
      { cause },
    );
  }
}

function markedEncoding(bytes: Uint8Array): string | undefined {
  const [first, second, third] = bytes;
  if (first === 0xef && second === 0xbb && third === 0xbf) return "utf-8";
  if (first === 0xfe && second === 0xff) return "utf-16be";
  if (first === 0xff && second === 0xfe) return "utf-16le";
  return undefined;
}

function declaredEncoding(bytes: Uint8Array): string | undefined {
  const start = latin1.decode(bytes.subarray(0, DECLARATION_BYTES));
  const [, double, single] = DECLARED.exec(start) ?? [];
  return double ?? single;
}

function refuseHighBytes(bytes: Uint8Array, encoding: string): void {
  const at = bytes.findIndex((byte) => byte > 0x7f);
  if (at < 0) return;
  throw new XMLRPCFault(
    XMLRPC_FAULT_CODES.invalidCharacter,
    `Cannot read XML: byte ${at} is ${bytes[at]}, which is not ${encoding}`,
  );
}
