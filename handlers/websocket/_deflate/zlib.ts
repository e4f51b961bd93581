import { createDeflateRaw, createInflateRaw } from "node:zlib";

// The streams of `node:zlib` do their work by a handle that is synchronous as well,
// and writes into memory of the caller's. So nothing has to wait, no more memory is
// taken than was given, and one handle can serve many connections. It is an internal
// of Node that Deno has too, and this is the only file that knows it. Without it the
// way out is the streams themselves: `write()`, `flush()` and `read()`.

/** What of a stream's handle is used, as `node_zlib.cc` of Node.js has it. */
interface Handle {
  writeSync(
    flush: number,
    input: Uint8Array,
    inputOffset: number,
    inputLength: number,
    output: Uint8Array,
    outputOffset: number,
    outputLength: number,
  ): void;
  reset(): void;
  onerror: (message: string, code: number) => void;
}

/** A stream of `node:zlib`, and what is behind it. */
interface Stream {
  readonly _handle: Handle;
  /** How much room is left in the output, and how much is left of the input. */
  readonly _writeState: Uint32Array;
  close(): void;
}

/** The least that a stream may hold by itself, in bytes: it holds nothing here. */
const UNUSED = 64;

/** Deflates or inflates. */
export class ZlibStream {
  /** How much room was left in the output. */
  outputLeft = 0;
  /** How much was left of the input. */
  inputLeft = 0;
  /** Whether what came could not be inflated. */
  failed = false;
  readonly #stream: Stream;

  /**
   * @param kind What it does.
   * @param windowBits How far it looks back: 2 to this power bytes, 9 to 15.
   * @param level How hard it tries, 0 to 9.
   * @throws {Deno.errors.NotSupported} If this Deno has no such handles.
   */
  constructor(kind: "deflate" | "inflate", windowBits: number, level: number) {
    const stream = kind === "deflate"
      ? createDeflateRaw({ windowBits, level, chunkSize: UNUSED })
      : createInflateRaw({ windowBits, chunkSize: UNUSED });
    this.#stream = stream as unknown as Stream;
    const { _handle, _writeState } = this.#stream;
    if (
      typeof _handle?.writeSync !== "function" ||
      !(_writeState instanceof Uint32Array)
    ) {
      stream.close();
      throw new Deno.errors.NotSupported(
        `Cannot ${kind} messages: this version of Deno has no _handle.writeSync in its node:zlib; leave out the option "deflate"`,
      );
    }
    _handle.onerror = () => this.failed = true;
  }

  /**
   * Goes on.
   *
   * @param flush One of zlib's constants.
   */
  write(
    flush: number,
    input: Uint8Array,
    inputOffset: number,
    output: Uint8Array,
    outputOffset: number,
  ): void {
    const { _handle, _writeState } = this.#stream;
    const inputLength = input.length - inputOffset;
    const outputLength = output.length - outputOffset;
    _handle.writeSync(
      ...[flush, input, inputOffset, inputLength] as const,
      ...[output, outputOffset, outputLength] as const,
    );
    this.outputLeft = _writeState[0]!;
    this.inputLeft = _writeState[1]!;
  }

  /** Forgets what it has seen. */
  reset(): void {
    this.failed = false;
    this.#stream._handle.reset();
  }

  /** Frees its memory. */
  close(): void {
    this.#stream.close();
  }
}
