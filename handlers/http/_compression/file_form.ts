import type {
  CompleteCompression,
  ContentCoding,
} from "../http_compression.ts";
import { AcceptedCodings } from "./accept_encoding.ts";
import { hasRoom } from "./encode_stream.ts";
import { AT_ONCE } from "./encoder.ts";
import { type StoredVariant, storedVariants } from "./stored_variant.ts";

/** In which form a file or a page is sent. */
export interface FileForm {
  /** The coding that it is compressed in when it is sent. */
  readonly coding?: ContentCoding;
  /** The file beside it that is sent in its place. */
  readonly stored?: StoredVariant;
  /** Whether other clients may get it in another form. */
  readonly varies: boolean;
}

/** As it is, for everybody. */
export const AS_IT_IS: FileForm = { varies: false };
/** As it is, for this client. */
export const NOT_ENCODED: FileForm = { varies: true };

/** What may be sent in several forms. */
export interface Sent {
  readonly type: string;
  /** In bytes, if it is known. */
  readonly size: number | undefined;
}

/**
 * The form that a client gets a page in.
 *
 * @param acceptEncoding The `Accept-Encoding` of its request.
 */
export function pageForm(
  page: Sent,
  acceptEncoding: string | undefined,
  settings: CompleteCompression,
): FileForm {
  const accepted = new AcceptedCodings(acceptEncoding);
  if (!mayVary(page, accepted, settings)) return AS_IT_IS;
  return encodedForm(page, accepted, accepted.best(settings.codings), settings);
}

/** A file that is there. */
export interface SentFile {
  readonly path: string;
  /** Its path without links, if that is known. */
  readonly realPath?: string | undefined;
  readonly info: Deno.FileInfo;
  readonly type: string;
}

/**
 * The form that a client gets a file in. Of those that it likes equally, what lies
 * beside the file costs least.
 *
 * @param acceptEncoding The `Accept-Encoding` of its request.
 */
export async function fileForm(
  { path, info, type }: SentFile,
  acceptEncoding: string | undefined,
  settings: CompleteCompression,
): Promise<FileForm> {
  const { codings, precompressed } = settings;
  const sent = { type, size: info.size };
  const accepted = new AcceptedCodings(acceptEncoding);
  if (!mayVary(sent, accepted, settings)) return AS_IT_IS;
  if (accepted.best(codings) === undefined) return NOT_ENCODED;
  const variants = precompressed
    ? await storedVariants(path, info, codings)
    : [];
  const coding = accepted.best([
    ...variants.map(({ coding }) => coding),
    ...codings,
  ]);
  const stored = variants.find((variant) => variant.coding === coding);
  return stored === undefined
    ? encodedForm(sent, accepted, coding, settings)
    : { stored, varies: true };
}

function mayVary(
  { type }: Sent,
  { refusesIdentity }: AcceptedCodings,
  { types }: CompleteCompression,
): boolean {
  return refusesIdentity || types.has(type);
}

function encodedForm(
  { size = Infinity }: Sent,
  { refusesIdentity }: AcceptedCodings,
  coding: ContentCoding | undefined,
  settings: CompleteCompression,
): FileForm {
  const leastSize = refusesIdentity ? 1 : settings.minSize;
  return coding === undefined || size < leastSize ||
      size > AT_ONCE && !hasRoom(settings)
    ? NOT_ENCODED
    : { coding, varies: true };
}
