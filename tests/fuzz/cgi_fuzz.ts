import { deepStrictEqual, ok } from "node:assert";
import {
  headerLine,
  statusLine,
} from "../../handlers/http/_connection/head.ts";
import {
  MAX_HEADER_SIZE,
  readHeaderBlock,
} from "../../handlers/http/_cgi/header_block.ts";
import { parseResponseHeader } from "../../handlers/http/_cgi/response_header.ts";
import { ScriptError } from "../../handlers/http/_cgi/script_error.ts";
import {
  below,
  bytesOf,
  concat,
  inRound,
  mutate,
  oneOf,
  pieces,
  type Random,
  random,
  withinTurn,
} from "./_fuzzing.ts";

const FIELDS = [
  ...["Content-Type: text/plain", "content-type:text/html", "Status: 200 OK"],
  ...["Status: 404", "Status: 99", "Status: 200 \x01", "Location: /a?b#c"],
  ...["Location: http://a/", "Content-Length: 3", "Content-Length: -1", "X: y"],
  ...["X-CGI-A: b", "Transfer-Encoding: chunked", "Set-Cookie: a=\xe9", ": x"],
  ...[
    "no field",
    " folded",
    "X\t: y",
    "X: \0",
    "Connection: close",
    "A:\t b \t",
  ],
];

function output(next: Random): Uint8Array {
  const ending = oneOf(next, ["\n", "\r\n"]);
  const fields = Array.from(
    { length: below(next, oneOf(next, [4, 120])) },
    () => oneOf(next, FIELDS),
  );
  const body = oneOf(next, [
    "",
    "body",
    "\n\n",
    "\r\n\r\n",
    "x".repeat(20_000),
  ]);
  return bytesOf([...fields, "", body].join(ending));
}

/** What comes of a script's output: its header and the rest, or why not. */
async function readBlock(parts: readonly Uint8Array[]) {
  const left = [...parts];
  let beyond = 0;
  try {
    const { header, body } = await readHeaderBlock(() => {
      const part = left.shift();
      ok(
        part !== undefined || ++beyond < 10,
        "The end was read again and again",
      );
      return Promise.resolve(part ?? null);
    });
    return { header: header.slice(), body: concat(body, ...left) };
  } catch (error) {
    if (error instanceof ScriptError) return error.message;
    throw error;
  }
}

/**
 * Tries what scripts print: it is the same however it is cut, and whatever is
 * taken for a header can be sent as one.
 *
 * @param seed What chance begins with.
 * @param rounds How many inputs are tried.
 */
export async function fuzzScriptOutput(
  seed: number,
  rounds: number,
): Promise<void> {
  const next = random(seed);
  for (let round = 0; round < rounds; round++) {
    const whole = output(next);
    const input = next() < 0.3
      ? whole
      : mutate(next, whole, FIELDS.map(bytesOf));
    await inRound(seed, round, input, async () => {
      const found = await readBlock([input]);
      deepStrictEqual(await readBlock(pieces(next, input)), found);
      if (typeof found === "string") return;
      ok(found.header.length <= MAX_HEADER_SIZE);
      const { header } = found;
      try {
        const response = withinTurn(header, () => parseResponseHeader(header));
        statusLine(response.status, response.reason);
        for (const [name, value] of response.fields) headerLine(name, value);
      } catch (error) {
        if (!(error instanceof ScriptError)) throw error;
      }
    });
  }
}
