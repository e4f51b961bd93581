import { isGranted } from "../../_granted.ts";
import { contentOf } from "../_connection/content.ts";
import type { BaseHTTPRequestHandler } from "../base_http_request_handler.ts";
import type { Script } from "./find_script.ts";
import { readHeaderBlock } from "./header_block.ts";
import type { RequestBody } from "./request_body.ts";
import { parseResponseHeader, type ScriptResponse } from "./response_header.ts";
import { ScriptError } from "./script_error.ts";
import { ScriptProcess } from "./script_process.ts";
import { scriptUser, type UserSetting } from "./script_user.ts";
import { readUnparsed } from "./unparsed_response.ts";

/** How much may be printed that no client gets, in bytes. */
const MOST_DISCARDED = 1024 * 1024;

/** How a script is run. */
export interface ScriptOptions {
  /** All its variables. */
  readonly env: Record<string, string>;
  readonly body: RequestBody | undefined;
  /** How long it may neither take nor give anything, in milliseconds. */
  readonly timeout: number;
  /** Whom it runs as. */
  readonly user: UserSetting;
  /** Sends what it prints as it is, where that is a whole response. */
  readonly sendUnparsed: SendUnparsed;
}

/**
 * Sends bytes of a whole response.
 *
 * @param bytes The bytes.
 * @param status The status, with the first of them.
 */
export type SendUnparsed = (
  bytes: Uint8Array,
  status?: number,
) => Promise<void>;

/**
 * Answers a request with what a script prints.
 *
 * @param handler Whose request it is.
 * @param script The script.
 * @param options How it is run.
 * @returns The target that is to be answered instead, if the script says so.
 * @throws What failed after the answer was begun.
 */
export async function runScript(
  handler: BaseHTTPRequestHandler<Deno.Addr>,
  script: Script,
  options: ScriptOptions,
): Promise<string | undefined> {
  const log = (message: string) =>
    handler.logError(`CGI script ${script.name} ${message}`);
  let begun = false;
  try {
    await using process = start(handler, script, options, log);
    if (options.body !== undefined) void process.feed(options.body.read);
    const read = async () => {
      const chunk = await process.read();
      // How it ended may tell why that was all.
      if (chunk === null) await process.end();
      return chunk;
    };
    if (script.isUnparsed) {
      const { status, begin } = await readUnparsed(read);
      begun = true;
      await process.waitForClient(options.sendUnparsed(begin, status));
      for (let chunk; (chunk = await process.read()) !== null;) {
        await process.waitForClient(options.sendUnparsed(chunk));
      }
      await process.end();
      return;
    }
    const { header, body } = await readHeaderBlock(read);
    const response = parseResponseHeader(header);
    if (response.localRedirect !== undefined) {
      await process.end();
      return response.localRedirect;
    }
    begun = true;
    handler.sendResponse(response.status, response.reason);
    for (const [name, value] of response.fields) {
      handler.sendHeader(name, value);
    }
    handler.endHeaders();
    await sendBody(handler, response, body, process);
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error;
    const message = `failed: ${error.message}`;
    // Half an answer must not look like a whole one.
    if (begun) {
      throw new Error(`CGI script ${script.name} ${message}`, { cause: error });
    }
    log(message);
    await handler.sendError(error.status);
  }
}

function start(
  handler: BaseHTTPRequestHandler<Deno.Addr>,
  { file }: Script,
  { env, body, timeout, user: setting }: ScriptOptions,
  log: (message: string) => void,
): ScriptProcess {
  if (!isGranted({ name: "run", command: file })) {
    throw new ScriptError(
      403,
      `it requires run access; run the server again with --allow-run=${file}`,
    );
  }
  const { signal } = handler;
  const hasBody = body !== undefined;
  const user = scriptUser(setting, file);
  try {
    return new ScriptProcess({
      file,
      env,
      hasBody,
      timeout,
      signal,
      user,
      log,
    });
  } catch (error) {
    const { message } = error as Error;
    throw new ScriptError(
      500,
      user === undefined
        ? message
        : `it cannot be run as user ${user.uid} of group ${user.gid}: ${message}; let these read and run it, or set cgiUser of the handler class`,
    );
  }
}

/**
 * @throws {ScriptError} If the script does not print what it has announced.
 * @throws What writing throws.
 */
async function sendBody(
  { command, wfile }: BaseHTTPRequestHandler<Deno.Addr>,
  { status, contentLength }: ScriptResponse,
  begin: Uint8Array,
  process: ScriptProcess,
): Promise<void> {
  const hasBody = contentOf(command, status) === "any";
  let left = hasBody ? contentLength ?? Infinity : 0;
  let discarded = 0;
  let chunk: Uint8Array | null = begin;
  do {
    const wanted = chunk.subarray(0, left);
    left -= wanted.length;
    if (wanted.length > 0) await process.waitForClient(wfile.write(wanted));
    discarded += chunk.length - wanted.length;
    if (discarded > MOST_DISCARDED) {
      throw new ScriptError(
        502,
        `it printed more than ${MOST_DISCARDED} bytes behind its response`,
      );
    }
    chunk = await process.read();
  } while (chunk !== null);
  await process.end();
  if (left > 0 && left !== Infinity) {
    throw new ScriptError(
      502,
      `its output ended ${left} bytes before its Content-Length`,
    );
  }
}
