import { gunzip, gzip } from "node:zlib";
import { HTTPError } from "../../http/http_error.ts";

/** Past the fastest, gzip gains little on XML and takes several times as long. */
const LEVEL = 1;

/** Compresses a response. */
export function compress(data: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    gzip(data, { level: LEVEL }, (error, result) => {
      if (error) reject(error);
      else resolve(result);
    });
  });
}

/**
 * Decompresses a request.
 *
 * @throws {HTTPError} If it is not gzip: 400; if it would be longer than `limit`
 * bytes: 413.
 */
export async function decompress(
  data: Uint8Array,
  limit: number,
): Promise<Uint8Array> {
  const result = await tryDecompress(data, limit);
  if (result !== undefined) return result;
  throw new HTTPError(
    413,
    `The request is longer than ${limit} bytes when it is decompressed`,
  );
}

/**
 * Decompresses a request, if it is not too long for that.
 *
 * @returns The request, or `undefined` if it would be longer than `limit` bytes.
 * @throws {HTTPError} If it is not gzip: 400.
 */
export function tryDecompress(
  data: Uint8Array,
  limit: number,
): Promise<Uint8Array | undefined> {
  return new Promise((resolve, reject) => {
    gunzip(data, { maxOutputLength: limit }, (error, result) => {
      if (!error) return resolve(result);
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ERR_BUFFER_TOO_LARGE") resolve(undefined);
      else {
        reject(
          new HTTPError(400, "The request is not gzip", { cause: error }),
        );
      }
    });
  });
}

/** Whether an `Accept-Encoding` has gzip in it: RFC 9110, section 12.5.3. */
export function acceptsGzip(header: string | null): boolean {
  for (const item of (header ?? "").toLowerCase().split(",")) {
    const [coding, ...parameters] = item.split(";").map((part) => part.trim());
    if (coding !== "gzip" && coding !== "x-gzip") continue;
    const weight = parameters.find((parameter) => parameter.startsWith("q="));
    return weight === undefined || Number(weight.slice(2)) > 0;
  }
  return false;
}
