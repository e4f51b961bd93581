import { escapeLine } from "../_escape_controls.ts";
import { checkKeys } from "../_known_keys.ts";
import {
  IncompleteReadError,
  LimitOverrunError,
} from "../streams/stream_errors.ts";
import { type ReadSource, StreamReader } from "../streams/stream_reader.ts";
import { StreamWriter, type WriteSink } from "../streams/stream_writer.ts";
import { answerCall } from "./_methods/answer_call.ts";
import { limitsOf } from "./_xml/limits.ts";
import {
  XMLRPCDispatcher,
  type XMLRPCDispatcherOptions,
} from "./xmlrpc_dispatcher.ts";

/** Where a CGI script has its request from, and where its answer goes. */
export interface CGIEnvironment {
  /**
   * The meta-variables.
   *
   * @default {Deno.env}
   */
  readonly env?: { get(name: string): string | undefined };
  /**
   * The body of the request.
   *
   * @default {Deno.stdin}
   */
  readonly stdin?: ReadSource;
  /**
   * Where the answer goes.
   *
   * @default {Deno.stdout}
   */
  readonly stdout?: WriteSink;
}

/** An answer to a request that came through CGI. */
export interface CGIResponse {
  /** The status and its phrase, as `404 Not Found`. */
  readonly status: string;
  /** The `Content-Type`. */
  readonly type: string;
  /** The body, sent as UTF-8. */
  readonly body: string;
}

const encoder = new TextEncoder();

/**
 * Answers one call of XML-RPC as a CGI script, RFC 3875: the request comes on
 * stdin, the answer goes to stdout. Functions are registered as with every
 * dispatcher.
 *
 * Needs `--allow-env=REQUEST_METHOD,CONTENT_LENGTH`.
 *
 * @example A CGI script
 * ```ts
 * import { CGIXMLRPCRequestHandler } from "@wire/socketserver/xmlrpc";
 *
 * const handler = new CGIXMLRPCRequestHandler();
 * handler.registerFunction((a: number, b: number) => a + b, { name: "add" });
 * if (Deno.env.has("GATEWAY_INTERFACE")) await handler.handleRequest();
 * ```
 */
export class CGIXMLRPCRequestHandler extends XMLRPCDispatcher {
  readonly #maxSize: number;

  /**
   * Constructs a new instance.
   *
   * @param options Those of a dispatcher. A request that is longer than
   * `maxSize` is answered with 413.
   * @throws {RangeError} If a limit is not a positive integer.
   */
  constructor(options: XMLRPCDispatcherOptions = {}) {
    super(options);
    this.#maxSize = limitsOf(options).maxSize;
  }

  /**
   * Answers the request.
   *
   * @param environment Where it is, if not where CGI has it.
   * @returns A promise that resolves when the answer is written.
   */
  async handleRequest(environment: CGIEnvironment = {}): Promise<void> {
    checkKeys(
      "key",
      environment,
      ["env", "stdin", "stdout"],
      undefined,
      "answer a call",
    );
    const { env = Deno.env, stdin = Deno.stdin, stdout = Deno.stdout } =
      environment;
    const method = env.get("REQUEST_METHOD");
    // Of an answer to HEAD, the web server leaves out the body.
    const response = method === "GET" || method === "HEAD"
      ? this.handleGet()
      : await this.#handlePost(env.get("CONTENT_LENGTH"), stdin);
    await respond(stdout, response);
  }

  /**
   * Answers GET: with an error, since calls are sent by POST.
   *
   * @returns The answer.
   */
  handleGet(): CGIResponse {
    return {
      status: "400 Bad Request",
      type: "text/plain",
      body: "XML-RPC calls are sent by POST\n",
    };
  }

  async #handlePost(
    contentLength: string | undefined,
    stdin: ReadSource,
  ): Promise<CGIResponse> {
    let body: Uint8Array;
    try {
      body = await readBody(contentLength, stdin, this.#maxSize);
    } catch (error) {
      if (!(error instanceof LimitOverrunError)) throw error;
      return {
        status: "413 Content Too Large",
        type: "text/plain",
        body: `A call has at most ${this.#maxSize} bytes\n`,
      };
    }
    return {
      status: "200 OK",
      type: "text/xml",
      // stderr is what a web server logs, a line for each message.
      body: await answerCall(
        this,
        body,
        (message) => console.error(escapeLine(message)),
      ),
    };
  }
}

/** Reads the body, whose end the server need not tell: RFC 3875, section 4.2. */
async function readBody(
  contentLength: string | undefined,
  stdin: ReadSource,
  maxSize: number,
): Promise<Uint8Array> {
  const reader = new StreamReader(stdin, {
    limit: Math.min(maxSize, Number.MAX_SAFE_INTEGER),
  });
  if (!/^[0-9]{1,15}$/.test(contentLength ?? "")) return await reader.readAll();
  try {
    return await reader.readExactly(Number(contentLength));
  } catch (error) {
    // As far as it came; that it is not all, the reader of XML will see.
    if (error instanceof IncompleteReadError) return error.partial;
    throw error;
  }
}

async function respond(
  stdout: WriteSink,
  { status, type, body }: CGIResponse,
): Promise<void> {
  const writer = new StreamWriter(stdout);
  const bytes = encoder.encode(body);
  writer.write(
    `Status: ${status}\nContent-Type: ${type}\nContent-Length: ${bytes.length}\n\n`,
  );
  await writer.write(bytes);
}
