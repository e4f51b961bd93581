import { checkKeys } from "../_known_keys.ts";
import { checkBoolean, wrong } from "../_settings.ts";
import { MediaTypes } from "./_compression/media_types.ts";

/** A content coding that responses are sent in: RFC 9110, section 8.4.1; RFC 7932. */
export type ContentCoding = "br" | "gzip";

/** How the responses of a handler class are compressed. */
export interface HTTPCompression {
  /**
   * The codings that are used, the best first: of those that a client likes
   * equally, the first counts.
   *
   * @default {["br", "gzip"]}
   */
  readonly codings: readonly ContentCoding[];
  /**
   * From how many bytes on a response is compressed. One whose length is not known
   * when it begins is compressed.
   *
   * @default {1024}
   */
  readonly minSize: number;
  /**
   * Which media types are compressed: `"text/html"`, `"text/*"`, or by their suffix
   * `"*+json"`. By default those of text, JSON, XML, scripts, and of fonts and
   * images that are not compressed already.
   */
  readonly types: readonly string[];
  /**
   * How hard Brotli tries, 0 to 11.
   *
   * @default {4}
   */
  readonly brotliQuality: number;
  /**
   * How hard gzip tries, 1 to 9.
   *
   * @default {6}
   */
  readonly gzipLevel: number;
  /**
   * How many responses of unknown or more than 32 KiB length are being compressed
   * at once, in each thread and process: each takes 0.3 MiB with gzip and 1.3 MiB
   * with Brotli while its client takes it. Others are sent as they are.
   *
   * @default {64}
   */
  readonly maxStreams: number;
  /**
   * Whether a file is sent as the file beside it whose name has `.br` or `.gz`
   * behind it, where that is not older. It has a tag of its own, and ranges.
   *
   * @default {true}
   */
  readonly precompressed: boolean;
}

/** The settings of a handler class, all of them. */
export interface CompleteCompression
  extends Omit<HTTPCompression, "types" | "codings"> {
  readonly codings: readonly ContentCoding[];
  readonly types: MediaTypes;
}

const CODINGS: readonly string[] = ["br", "gzip"];

const DEFAULTS: HTTPCompression = {
  codings: ["br", "gzip"],
  minSize: 1024,
  types: [
    ...["text/*", "*+json", "*+xml"],
    ...["application/javascript", "application/json", "application/wasm"],
    ...["application/x-ndjson", "application/xml", "application/rtf"],
    ...["application/vnd.apple.mpegurl", "font/collection", "font/otf"],
    ...["font/ttf", "image/bmp", "image/vnd.microsoft.icon"],
  ],
  brotliQuality: 4,
  gzipLevel: 6,
  maxStreams: 64,
  precompressed: true,
};

const ACTION = "compress responses";

/** Adds the defaults to what is set, and checks it. */
function completeCompression(
  given: Partial<HTTPCompression>,
): CompleteCompression {
  checkKeys("setting", given, Object.keys(DEFAULTS), undefined, ACTION);
  const all: HTTPCompression = { ...DEFAULTS, ...given };
  const { codings, precompressed } = all;
  if (
    !Array.isArray(codings) ||
    !codings.every((coding) => CODINGS.includes(coding))
  ) {
    const what = 'a list of "br" and "gzip"';
    throw wrong(ACTION, "compression.codings", what, codings);
  }
  checkBoolean(ACTION, "compression.precompressed", precompressed);
  checkWhole("minSize", all.minSize, 0, Infinity);
  checkWhole("brotliQuality", all.brotliQuality, 0, 11);
  checkWhole("gzipLevel", all.gzipLevel, 1, 9);
  checkWhole("maxStreams", all.maxStreams, 0, Infinity);
  return { ...all, types: new MediaTypes(all.types) };
}

function checkWhole(
  name: keyof HTTPCompression,
  value: unknown,
  least: number,
  most: number,
): void {
  const isWhole = Number.isInteger(value) || value === Infinity;
  if (isWhole && value as number >= least && value as number <= most) return;
  const range = most === Infinity
    ? `a whole number of at least ${least}`
    : `a whole number from ${least} to ${most}`;
  throw new RangeError(
    `Cannot ${ACTION}: compression.${name} must be ${range}, received ${
      Deno.inspect(value)
    }`,
  );
}

/** That of the setting `true`. */
const ALL: Partial<HTTPCompression> = {};
const completed = new WeakMap<object, CompleteCompression>();

/**
 * The settings of a handler class, or of a response. What they are completed to
 * is remembered.
 *
 * @param holder What has them.
 * @returns All of them, or `undefined` where nothing is compressed.
 * @throws {RangeError} If a number is out of range.
 * @throws {TypeError} If one is of another type, or has an unknown name.
 * @ignore
 */
export function compressionOf(
  { compression = false }: {
    readonly compression?: Partial<HTTPCompression> | boolean;
  },
): CompleteCompression | undefined {
  if (compression === false) return undefined;
  const setting = compression === true ? ALL : compression;
  let settings = completed.get(setting);
  if (settings === undefined) {
    settings = completeCompression(setting);
    completed.set(setting, settings);
  }
  return settings;
}
