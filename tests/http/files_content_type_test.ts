import { deepStrictEqual, strictEqual } from "node:assert";
import { contentType } from "../../handlers/http/_files/content_type.ts";
import { HTTPServer, SimpleHTTPRequestHandler } from "../../server/http/mod.ts";
import { LOOPBACK, serve } from "../_serve.ts";
import { FilesSite } from "./_files_site.ts";

Deno.test("contentType() goes by the ending, in any case", () => {
  const types: [string, string][] = [
    ["a.html", "text/html;charset=utf-8"],
    ["A.HTM", "text/html;charset=utf-8"],
    ["a.js", "text/javascript;charset=utf-8"],
    ["a.css", "text/css;charset=utf-8"],
    ["a.txt", "text/plain;charset=utf-8"],
    ["a.md", "text/markdown;charset=utf-8"],
    ["a.json", "application/json"],
    ["a.svg", "image/svg+xml"],
    ["a.b.png", "image/png"],
    ["a.wasm", "application/wasm"],
    ["a.tar.gz", "application/gzip"],
    ["/a.txt/b.mp4", "video/mp4"],
    ["/.a.txt", "text/plain;charset=utf-8"],
  ];
  for (const [name, type] of types) {
    strictEqual(contentType(name, {}), type, name);
  }
});

Deno.test("contentType() knows nothing of a name without an ending", () => {
  for (
    const name of [
      ...["a", "", ".txt", "/a/.html", "/a.txt/b", "a.", "a.nope"],
      // Names that every object has.
      ...["a.constructor", "a.toString", "a.__proto__"],
    ]
  ) {
    strictEqual(contentType(name, {}), "application/octet-stream", name);
  }
});

Deno.test("contentType() prefers what it is given", () => {
  const own = { ".txt": "text/x-own", "": "text/x-none" };
  strictEqual(contentType("a.TXT", own), "text/x-own");
  strictEqual(contentType("a", own), "text/x-none");
  strictEqual(contentType("a.css", own), "text/css;charset=utf-8");
});

Deno.test("SimpleHTTPRequestHandler.extensionsMap adds types", async () => {
  await using site = new FilesSite({ "a.own": "" }, {
    extensionsMap: { ".own": "text/x-own" },
  });
  const { headers } = await site.get("/a.own");
  strictEqual(headers.get("content-type"), "text/x-own");
});

Deno.test("SimpleHTTPRequestHandler.guessType() can be overridden", async () => {
  const asked: string[] = [];
  await using server = serve(
    new HTTPServer(
      LOOPBACK,
      class extends SimpleHTTPRequestHandler {
        static override readonly directory = import.meta.dirname!;
        override guessType(path: string): string {
          asked.push(path);
          return path.endsWith("/print") ? "text/x-own" : super.guessType(path);
        }
        override logMessage() {}
      },
    ),
  );
  const type = async (target: string) => {
    const response = await fetch(
      `http://127.0.0.1:${server.addr.port}${target}`,
      { method: "HEAD" },
    );
    return response.headers.get("content-type");
  };
  strictEqual(await type("/_cgi_scripts/cgi-bin/print"), "text/x-own");
  strictEqual(
    await type("/_cgi_scripts//files/text%2Etxt"),
    "text/plain;charset=utf-8",
  );
  deepStrictEqual(asked, [
    "/_cgi_scripts/cgi-bin/print",
    "/_cgi_scripts/files/text.txt",
  ]);
});
