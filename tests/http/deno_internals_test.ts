// What of Deno is used that has no public name: which of it is not as it was.

import { ok, strictEqual } from "node:assert";
import * as common from "node:_http_common";
import {
  Callback,
  Llhttp,
  methodName,
} from "../../handlers/http/_connection/llhttp.ts";
import { makesLazyRequests } from "../../handlers/http/_connection/served_request.ts";
import { canReadWhole } from "../../handlers/http/_connection/static_body.ts";

const SEE =
  'see "What Deno has no name for" in ARCHITECTURE.md for the way out of it';

Deno.test("node:_http_common has the parser of llhttp", () => {
  const { HTTPParser, methods } = common as unknown as Record<string, unknown>;
  strictEqual(
    typeof HTTPParser,
    "function",
    `node:_http_common has no class HTTPParser any more; ${SEE}`,
  );
  ok(
    Array.isArray(methods),
    `node:_http_common has no array methods any more; ${SEE}`,
  );
});

Deno.test("the parser of llhttp calls what it is said to call", () => {
  const told: string[] = [];
  class Parser extends Llhttp {
    [Callback.MessageBegin]() {
      told.push("begin");
    }
    [Callback.HeadersComplete](
      major: number,
      minor: number,
      headers: readonly string[],
      method: number,
      target: string,
      _status: undefined,
      _phrase: undefined,
      upgrade: boolean,
      keepAlive: boolean,
    ): number {
      told.push(
        `${methodName(method)} ${target} ${major}.${minor}`,
        headers.join("|"),
        `${upgrade} ${keepAlive}`,
      );
      return 0;
    }
    [Callback.Body](chunk: Uint8Array) {
      told.push(new TextDecoder().decode(chunk));
      strictEqual(
        `${chunk.byteOffset} ${chunk.buffer.byteLength}`,
        `0 ${chunk.length}`,
        `a part of a body is not in memory of its own; ${SEE}`,
      );
    }
    [Callback.MessageComplete]() {
      told.push("complete");
    }
  }
  const parser = new Parser();
  parser.initialize(Llhttp.REQUEST, undefined, 1_000, 0);
  const bytes = new TextEncoder().encode(
    "POST /a HTTP/1.1\r\nHost: b\r\nContent-Length: 2\r\n\r\nxy",
  );
  strictEqual(
    parser.execute(bytes),
    bytes.length,
    `execute() does not say how many bytes it took; ${SEE}`,
  );
  strictEqual(
    told.join("\n"),
    "begin\nPOST /a 1.1\nHost|b|Content-Length|2\nfalse true\nxy\ncomplete",
    `the callbacks of HTTPParser are others, or get others; ${SEE}`,
  );
  const wrong = parser.execute(new TextEncoder().encode("GET\0"));
  ok(
    typeof wrong !== "number" && typeof wrong.code === "string" &&
      wrong.code.startsWith("HPE_") && typeof wrong.reason === "string",
    `execute() does not say what is wrong, by code and reason; ${SEE}`,
  );
});

Deno.test("a Response tells what it was made of", () => {
  ok(
    canReadWhole(),
    `Response keeps what it was made of under other names: all bodies are read as streams, which is slower; ${SEE}`,
  );
});

Deno.test("a Request can be one that is made when it is asked for", () => {
  ok(
    makesLazyRequests,
    `a Request that is not made by its constructor is not taken for one: whole ones are made, which is slower; ${SEE}`,
  );
});
