import { createHash } from "node:crypto";
import type { StreamRequestHandler } from "../../mod.ts";
import { Program } from "../_program.ts";

export const openssl = new Program("openssl", "openssl");

/** 8 MiB, the size of the transfers. */
export const LARGE = 8 * 1024 * 1024;

/** Answers each line with itself between brackets. */
export async function bracket({ rfile, wfile }: StreamRequestHandler) {
  for await (const line of rfile) await wfile.write(`<${line}>\n`);
}

/** Sends everything back as it comes. */
export async function echo({ rfile, wfile }: StreamRequestHandler) {
  for await (const chunk of rfile.readable) await wfile.write(chunk);
}

/** Bytes that repeat only after a long while, so that none can be misplaced. */
export function pattern(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (let i = 0, x = 1; i < size; i++) {
    x = (Math.imul(x, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = x >>> 24;
  }
  return bytes;
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
