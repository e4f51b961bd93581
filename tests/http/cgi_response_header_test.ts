import { deepStrictEqual, rejects, strictEqual, throws } from "node:assert";
import {
  MAX_HEADER_SIZE,
  readHeaderBlock,
} from "../../handlers/http/_cgi/header_block.ts";
import {
  parseResponseHeader,
  type ScriptResponse,
} from "../../handlers/http/_cgi/response_header.ts";
import { ScriptError } from "../../handlers/http/_cgi/script_error.ts";

/** The bytes of a text, one a character. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Gives bytes in chunks of `size`, then the end. */
function inChunks(
  text: string,
  size: number,
): () => Promise<Uint8Array | null> {
  const bytes = bytesOf(text);
  let at = 0;
  return () => {
    if (at >= bytes.length) return Promise.resolve(null);
    return Promise.resolve(bytes.subarray(at, at += size));
  };
}

/** What `readHeaderBlock` takes, and all of the body. */
async function split(text: string, size: number): Promise<[string, string]> {
  const read = inChunks(text, size);
  const { header, body } = await readHeaderBlock(read);
  let rest = new TextDecoder().decode(body);
  for (let chunk; (chunk = await read()) !== null;) {
    rest += new TextDecoder().decode(chunk);
  }
  return [new TextDecoder().decode(header), rest];
}

function parse(header: string): ScriptResponse {
  return parseResponseHeader(bytesOf(header));
}

/** Asserts that a header is refused, and why. */
function refuses(header: string, why: RegExp): void {
  throws(() => parse(header), (error) => {
    strictEqual(error instanceof ScriptError, true);
    strictEqual((error as ScriptError).status, 502);
    strictEqual(why.test((error as Error).message), true, String(error));
    return true;
  });
}

Deno.test("readHeaderBlock() ends at the first empty line, however the bytes come", async () => {
  const outputs: Record<string, [string, string]> = {
    "A: b\n\nbody\n\nmore": ["A: b\n", "body\n\nmore"],
    "A: b\r\n\r\nbody": ["A: b\r\n", "body"],
    "A: b\r\nC: d\n\r\n": ["A: b\r\nC: d\n", ""],
    "A: b\n\n\n": ["A: b\n", "\n"],
    "\nbody": ["", "body"],
    "\r\nbody": ["", "body"],
    "A: b\r\r\n\r\n": ["A: b\r\r\n", ""],
  };
  for (const [output, expected] of Object.entries(outputs)) {
    for (let size = 1; size <= output.length; size++) {
      deepStrictEqual(await split(output, size), expected, `${size}`);
    }
  }
});

Deno.test("readHeaderBlock() refuses output that ends before the empty line", async () => {
  const refusals: Record<string, string> = {
    "": "it printed nothing",
    "Hello": "its output ended after 5 bytes, before the empty line",
    "A: b\n": "its output ended after 5 bytes, before the empty line",
    "A: b\r\n\r": "its output ended after 7 bytes, before the empty line",
  };
  for (const [output, why] of Object.entries(refusals)) {
    await rejects(readHeaderBlock(inChunks(output, 4)), (error) => {
      strictEqual((error as ScriptError).status, 502);
      strictEqual((error as Error).message.startsWith(why), true, `${error}`);
      return true;
    });
  }
});

Deno.test("readHeaderBlock() takes a header of 16 KiB with its empty line and no longer one", async () => {
  const line = "A: ";
  const fits = `${line}${"x".repeat(MAX_HEADER_SIZE - line.length - 2)}\n\n`;
  for (const size of [1, 1000, MAX_HEADER_SIZE, fits.length]) {
    deepStrictEqual(await split(fits + "body", size), [
      fits.slice(0, -1),
      "body",
    ]);
    await rejects(
      split("A" + fits, size),
      new ScriptError(502, "its header is longer than 16384 bytes"),
    );
  }
});

Deno.test("parseResponseHeader() gives status, reason and fields", () => {
  deepStrictEqual(
    parse("Status: 404 Not Here\r\nContent-Type: text/plain\nX-Y:  z \n"),
    {
      status: 404,
      reason: "Not Here",
      fields: [["Content-Type", "text/plain"], ["X-Y", "z"]],
      contentLength: undefined,
      localRedirect: undefined,
    },
  );
  strictEqual(parse("Content-Type: a/b\n").status, 200);
  strictEqual(parse("status: 204\n").status, 204);
  strictEqual(parse("Status: 204\n").reason, undefined);
  strictEqual(parse("Status: 200 \nContent-Length: 5\n").contentLength, 5);
});

Deno.test("parseResponseHeader() keeps the bytes of a value", () => {
  const { fields } = parse("Content-Type: a/b\nX: \xc3\xa9\x80\x9f\xff\n");
  deepStrictEqual(fields[1], ["X", "\xc3\xa9\x80\x9f\xff"]);
});

Deno.test("parseResponseHeader() tells a local redirect from the client's", () => {
  strictEqual(parse("Location: /a?b=c\n").localRedirect, "/a?b=c");
  strictEqual(parse("Location: //a/b\n").localRedirect, "//a/b");
  for (
    const location of ["http://127.0.0.1/a", "a.html", "/a#b", "?b", ""]
  ) {
    const response = parse(`Location: ${location}\n`);
    strictEqual(response.localRedirect, undefined, location);
    strictEqual(response.status, 302);
    deepStrictEqual(response.fields, [["Location", location]]);
  }
  // With a status of its own it is meant for the client.
  const created = parse("Status: 201 Created\nLocation: /new\n");
  strictEqual(created.localRedirect, undefined);
  strictEqual(created.status, 201);
});

Deno.test("parseResponseHeader() leaves out what is the server's to say", () => {
  const { fields } = parse([
    "Content-Type: a/b",
    "Connection: upgrade",
    "Keep-Alive: timeout=5",
    "Transfer-Encoding: chunked",
    "Trailer: X",
    "TE: trailers",
    "Upgrade: x",
    "Proxy-Connection: close",
    "Date: now",
    "Server: me",
    "X-CGI-Sendfile: /etc/passwd",
    "Set-Cookie: a=b",
    "Set-Cookie: c=d",
  ].join("\n"));
  deepStrictEqual(fields, [
    ["Content-Type", "a/b"],
    ["Set-Cookie", "a=b"],
    ["Set-Cookie", "c=d"],
  ]);
});

Deno.test("parseResponseHeader() refuses what is no header", () => {
  const line = /^its header has the line ".*", which is no field$/;
  refuses("Hello World\n", line);
  refuses("HTTP/1.1 200 OK\nContent-Type: a/b\n", line);
  refuses("Content-Type : a/b\n", line);
  refuses("Content-Type: a/b\n folded\n", line);
  refuses("Content-Type: a/b\n\tX: folded\n", line);
  refuses(": empty\n", line);
  refuses("Content-Type: a/b\rX: y\n", line);
  refuses("Content-Type: a\0b\n", line);
  refuses("Content-Type: a\x1bb\n", line);
  refuses("X\xe9: y\nContent-Type: a/b\n", line);
});

Deno.test("parseResponseHeader() quotes no more than 100 characters", () => {
  throws(() => parse(`${"<".repeat(1000)}\n`), {
    message: `its header has the line "${"<".repeat(100)}…", which is no field`,
  });
});

Deno.test("parseResponseHeader() refuses a header that no rule of RFC 3875 allows", () => {
  const none = /^its header has none of Content-Type, Location and Status/;
  refuses("", none);
  refuses("X-Y: z\n", none);
  refuses("Content-Type: a/b\ncontent-type: c/d\n", /has two content-type/);
  refuses("Status: 200\nStatus: 200\n", /has two Status fields$/);
  refuses("Location: /a\nLocation: /b\n", /has two Location fields$/);
  refuses(
    "Status: 200\nContent-Length: 5\nContent-Length: 5\n",
    /has two Content-Length fields$/,
  );
  for (
    const length of ["", "-1", "+1", "1.5", "0x10", "5, 5", "9".repeat(16)]
  ) {
    refuses(
      `Status: 200\nContent-Length: ${length}\n`,
      /, which is no number$/,
    );
  }
  for (
    const status of [
      "",
      "20",
      "2000",
      "OK",
      "100 Continue",
      "101",
      "600",
      "200OK",
    ]
  ) {
    refuses(`Status: ${status}\n`, /, which is none of a response$/);
  }
});

Deno.test("parseResponseHeader() takes 100 fields and no more", () => {
  const fields = "X: y\n".repeat(99) + "Content-Type: a/b\n";
  strictEqual(parse(fields).fields.length, 100);
  refuses("X: y\n" + fields, /^its header has more than 100 fields$/);
});
