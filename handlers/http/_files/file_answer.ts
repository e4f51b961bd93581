import { AT_ONCE, encodeAtOnce } from "../_compression/encoder.ts";
import { hasRoom } from "../_compression/encode_stream.ts";
import {
  AS_IT_IS,
  type FileForm,
  fileForm,
  type SentFile,
} from "../_compression/file_form.ts";
import { variantValidators } from "../_compression/stored_variant.ts";
import { weakTag } from "../_compression/variants.ts";
import type {
  CompleteCompression,
  ContentCoding,
} from "../http_compression.ts";
import { HTTPError } from "../http_error.ts";
import {
  type ByteRange,
  contentRange,
  parseByteRanges,
} from "./byte_ranges.ts";
import { MultipartRanges, type RangePart } from "./multipart_ranges.ts";
import { type OpenForm, openForm } from "./open_form.ts";
import { checkPreconditions, isRangeWanted } from "./preconditions.ts";
import { type Validators, validatorsOf } from "./validators.ts";
import { wholeFile } from "./whole_file.ts";

/** What is asked of a file. */
export interface FileRequest {
  /** HEAD is told what GET would be, but for its ranges. */
  readonly method: string;
  readonly headers: Headers;
}

/** What is sent of a file as it is: the whole, or parts of it. */
export interface FileParts {
  readonly kind: "parts";
  readonly parts: readonly RangePart[];
  /** What goes behind the last part; ASCII. */
  readonly end: string;
  /** The length of all, in bytes. */
  readonly length: number;
}

/** The content of an answer. */
export type FileContent =
  | FileParts
  /** What was compressed already. */
  | { readonly kind: "bytes"; readonly bytes: Uint8Array<ArrayBuffer> }
  /** The whole file, compressed as it is sent; `size` is what it has, in bytes. */
  | {
    readonly kind: "encoded";
    readonly coding: ContentCoding;
    readonly size: number;
  };

type Fields = readonly (readonly [name: string, value: string])[];

/** What a request for a file is answered with. */
export interface FileAnswer {
  readonly status: 200 | 206 | 304;
  /** Names and values. */
  readonly headers: Fields;
  /** `undefined` where none is sent. */
  readonly content: FileContent | undefined;
}

/** The file too, which is open until whoever sends the answer closes it. */
export interface OpenAnswer extends FileAnswer {
  readonly file: Deno.FsFile;
}

/**
 * Decides what a request for a file is answered with, and opens that.
 *
 * @param found The file.
 * @param request What is asked of it.
 * @param compression How it may be compressed, if at all.
 * @param dateText How a time in milliseconds is written.
 * @throws {HTTPError} If a condition is not met (412), the file has nothing of
 * the ranges (416), is gone (404) or may not be read (403).
 */
export async function answerFile(
  found: SentFile,
  request: FileRequest,
  compression: CompleteCompression | undefined,
  dateText: (time: number) => string,
): Promise<OpenAnswer> {
  const wanted = compression === undefined ? AS_IT_IS : await fileForm(
    found,
    request.headers.get("accept-encoding") ?? undefined,
    compression,
  );
  const open = await openForm(found, wanted);
  try {
    const answer = new FileAnswering(open, found.type, compression, dateText);
    return { file: open.file, ...await answer.to(request) };
  } catch (error) {
    open.file.close();
    throw error;
  }
}

class FileAnswering {
  readonly #file: Deno.FsFile;
  readonly #size: number;
  readonly #form: FileForm;
  readonly #type: string;
  readonly #compression: CompleteCompression | undefined;
  readonly #dateText: (time: number) => string;
  /** Those of what is sent as it is. */
  readonly #validators: Validators;
  /** Those of what is compressed when it is sent, where it is. */
  readonly #sentValidators: Validators;

  constructor(
    { file, info, form }: OpenForm,
    type: string,
    compression: CompleteCompression | undefined,
    dateText: (time: number) => string,
  ) {
    this.#file = file;
    this.#size = info.size;
    this.#form = form;
    this.#type = type;
    this.#compression = compression;
    this.#dateText = dateText;
    const { coding, stored } = form;
    const own = validatorsOf(info, Date.now());
    this.#validators = stored === undefined
      ? own
      : variantValidators(own, stored.coding);
    // Who has a part of what was compressed cannot go on with what is not.
    this.#sentValidators = coding === undefined
      ? this.#validators
      : { ...own, etag: weakTag(own.etag), isDateStrong: false };
  }

  async to(request: FileRequest): Promise<FileAnswer> {
    const status = checkPreconditions(request.headers, this.#validators);
    if (status === 412) throw new HTTPError(412);
    if (status === 304) {
      const headers = this.#validatorFields(this.#sentValidators);
      return { status, headers, content: undefined };
    }
    const ranges = this.#ranges(request);
    if (ranges?.length === 1) return this.#range(ranges[0]!);
    if (ranges !== undefined && this.#form.stored === undefined) {
      return this.#multipart(ranges);
    }
    const isHead = request.method === "HEAD";
    const { coding } = this.#form;
    return coding !== undefined &&
        (this.#size <= AT_ONCE || hasRoom(this.#compression!))
      ? await this.#encoded(coding, isHead)
      : this.#whole(isHead);
  }

  /** What of the file is asked for; `undefined` if that is all of it. */
  #ranges({ method, headers }: FileRequest): ByteRange[] | undefined {
    const header = headers.get("range");
    const { isDateStrong } = this.#sentValidators;
    // RFC 9110, section 14.2: it has a meaning for GET alone.
    if (
      header === null || method !== "GET" ||
      !isRangeWanted(headers, { ...this.#validators, isDateStrong })
    ) return undefined;
    const ranges = parseByteRanges(header, this.#size);
    if (ranges?.length !== 0) return ranges;
    throw new HTTPError(416, undefined, {
      headers: { "Content-Range": contentRange(undefined, this.#size) },
    });
  }

  #whole(isHead: boolean): FileAnswer {
    const length = this.#size;
    return {
      status: 200,
      headers: this.#fileFields(this.#type, length),
      content: length === 0 || isHead ? undefined : partOf({ from: 0, length }),
    };
  }

  #range(range: ByteRange): FileAnswer {
    return {
      status: 206,
      headers: [
        ["Content-Range", contentRange(range, this.#size)],
        ...this.#fileFields(this.#type, range.length),
      ],
      content: partOf(range),
    };
  }

  #multipart(ranges: readonly ByteRange[]): FileAnswer {
    const { contentType, length, parts, end } = new MultipartRanges(
      ranges,
      this.#type,
      this.#size,
    );
    return {
      status: 206,
      headers: this.#fileFields(contentType, length),
      content: { kind: "parts", parts, end, length },
    };
  }

  async #encoded(coding: ContentCoding, isHead: boolean): Promise<FileAnswer> {
    const size = this.#size;
    const bytes = size <= AT_ONCE
      ? encodeAtOnce(
        await wholeFile(this.#file, size).readAll(),
        coding,
        this.#compression!,
      )
      : undefined;
    const headers: Fields = [
      ["Content-Type", this.#type],
      ...lengthFields(bytes?.length),
      ["Content-Encoding", coding],
      ...this.#validatorFields(this.#sentValidators),
    ];
    const content: FileContent = bytes === undefined
      ? { kind: "encoded", coding, size }
      : { kind: "bytes", bytes };
    return { status: 200, headers, content: isHead ? undefined : content };
  }

  #fileFields(type: string, length: number): Fields {
    const { stored } = this.#form;
    return [
      ["Content-Type", type],
      ...lengthFields(length),
      ...(stored === undefined
        ? NO_FIELDS
        : [["Content-Encoding", stored.coding]] as const),
      ["Accept-Ranges", "bytes"],
      ...this.#validatorFields(this.#validators),
    ];
  }

  #validatorFields({ etag, lastModified }: Validators): Fields {
    return [
      ...(this.#form.varies ? VARY : NO_FIELDS),
      ["Last-Modified", this.#dateText(lastModified)],
      ["ETag", etag],
    ];
  }
}

const NO_FIELDS: Fields = [];
const VARY: Fields = [["Vary", "Accept-Encoding"]];

function lengthFields(length: number | undefined): Fields {
  return length === undefined
    ? NO_FIELDS
    : [["Content-Length", String(length)]];
}

function partOf(range: ByteRange): FileParts {
  const { length } = range;
  return { kind: "parts", parts: [{ before: "", range }], end: "", length };
}
