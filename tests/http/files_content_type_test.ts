import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { contentType } from "../../handlers/http/_files/content_type.ts";
import { HTTPServer, SimpleHTTPRequestHandler } from "../../server/http/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { Program, testWith } from "../_program.ts";
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

const python = new Program("python3", "python3");

/** Types that differ from those of CPython 3.11, and why. */
const DIFFERENT: Record<string, string> = {
  // RFC 9239.
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  // RFC 7303, and what it says of names that end in "+xml".
  ".xml": "application/xml",
  ".rdf": "application/rdf+xml",
  ".wsdl": "application/wsdl+xml",
  ".xsl": "application/xslt+xml",
  // RFC 6350, 3839, 4393 and 5334.
  ".vcf": "text/vcard",
  ".3gp": "video/3gpp",
  ".3gpp": "video/3gpp",
  ".3g2": "video/3gpp2",
  ".3gpp2": "video/3gpp2",
  ".opus": "audio/ogg",
  // As the standard "MIME Sniffing" has it.
  ".wav": "audio/wav",
  // Text, which browsers would otherwise offer to save.
  ".py": "text/plain",
  ".sh": "text/plain",
  ".tex": "text/plain",
  // RFC 2046 has no image/jpg.
  ".jpg": "image/jpeg",
};

testWith(
  [python],
  "contentType() knows every ending that Python's mimetypes does",
  async () => {
    // Its own tables, and not what files of this system add to them.
    const tables: Record<string, string>[] = JSON.parse(
      await python.run([
        "-I",
        "-c",
        `
import json, mimetypes
types = mimetypes.MimeTypes(())
print(json.dumps([*types.types_map, types.suffix_map, types.encodings_map]))
`,
      ]),
    );
    const [common, strict, suffixes, encodings] = tables;
    ok(Object.keys(strict!).length > 100);
    const nothing = "-";
    for (const [ending, type] of Object.entries({ ...common, ...strict })) {
      const found = contentType(`a${ending}`, {}, nothing).split(";")[0];
      // Later versions of Python may have come to the same opinion.
      if (found !== DIFFERENT[ending]) strictEqual(found, type, ending);
    }
    for (const ending of Object.keys({ ...suffixes, ...encodings })) {
      const found = contentType(`a${ending}`, {}, nothing);
      // What is compressed is sent as that, which is all that a client can use.
      match(
        found,
        /^application\/(gzip|x-(bzip2|xz|compress|brotli))$/,
        ending,
      );
    }
  },
);

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
  await using site = await FilesSite.serve({ "a.own": "" }, {
    extensionsMap: { ".own": "text/x-own" },
  });
  const { headers } = await site.get("/a.own");
  strictEqual(headers.get("content-type"), "text/x-own");
});

Deno.test("SimpleHTTPRequestHandler.guessType() can be overridden", async () => {
  const asked: string[] = [];
  await using served = await serveForTest(
    class extends SimpleHTTPRequestHandler {
      static override readonly directory = import.meta.dirname!;
      override guessType(path: string): string {
        asked.push(path);
        return path.endsWith("/print") ? "text/x-own" : super.guessType(path);
      }
      override logMessage() {}
    },
    { server: HTTPServer },
  );
  const type = async (target: string) => {
    const response = await fetch(
      `http://127.0.0.1:${served.addr.port}${target}`,
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
