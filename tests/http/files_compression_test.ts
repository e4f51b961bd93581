// Files that are compressed as they are sent, and those that are compressed already.

import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { wholeFile } from "../../handlers/http/_files/whole_file.ts";
import { CGIHTTPRequestHandler, HTTPServer } from "../../server/http/mod.ts";
import { type ServedOptions, serveForTest } from "../../server/testing/mod.ts";
import { isDisconnect } from "../_loopback.ts";
import { Child, Folder, testWith } from "../_program.ts";
import { requestOf } from "./_cgi_site.ts";
import { ALONE, curl } from "./_curl.ts";
import { decoded, wordy } from "./_decoded.ts";
import {
  type FilesOptions,
  FilesSite,
  LONG_AGO,
  LONG_AGO_TEXT,
} from "./_files_site.ts";
import { replyTo } from "./_replies.ts";

const GZIP = "Accept-Encoding: gzip";
const BR = "Accept-Encoding: br";
const ALL = "Accept-Encoding: gzip, deflate, br";

const TEXT = wordy(5000);
const LONG = wordy(300_000);

function site(
  files: Readonly<Record<string, string>>,
  options: FilesOptions = {},
  servedOptions: ServedOptions = {},
): Promise<FilesSite> {
  return FilesSite.serve(
    files,
    { compression: true, ...options },
    servedOptions,
  );
}

/** Writes a file that is compressed already. What is in it tells it from others. */
async function store(
  site: FilesSite,
  name: string,
  text: string,
  date: Date = LONG_AGO,
): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  await Deno.writeFile(
    site.at(name),
    name.endsWith(".br") ? brotliCompressSync(bytes) : gzipSync(bytes),
  );
  await site.age(name, date);
}

Deno.test("a file is compressed as it is sent, short and long, to GET and HEAD", async () => {
  await using files = await site({ "a.txt": TEXT, "b.txt": LONG });
  for (const [name, text] of [["/a.txt", TEXT], ["/b.txt", LONG]] as const) {
    for (const coding of ["br", "gzip"]) {
      const accept = `Accept-Encoding: ${coding}`;
      const reply = await files.get(name, accept);
      strictEqual(reply.status, 200);
      strictEqual(reply.headers.get("content-encoding"), coding);
      strictEqual(reply.headers.get("vary"), "Accept-Encoding");
      strictEqual(
        reply.headers.get("content-type"),
        "text/plain;charset=utf-8",
      );
      strictEqual(reply.headers.get("accept-ranges"), null);
      strictEqual(
        reply.headers.get("content-length"),
        text === TEXT ? `${reply.body.length}` : null,
      );
      match(reply.headers.get("etag")!, /^W\/"[^"]+"$/);
      strictEqual(decoded(reply), text);
      const head = await files.head(name, accept);
      for (const [field, value] of reply.headers) {
        if (field === "date" || field === "transfer-encoding") continue;
        strictEqual(head.headers.get(field), value, field);
      }
    }
    const plain = await files.get(name);
    strictEqual(plain.headers.get("content-encoding"), null);
    strictEqual(plain.headers.get("vary"), "Accept-Encoding");
    strictEqual(plain.headers.get("accept-ranges"), "bytes");
    strictEqual(plain.body, text);
  }
  deepStrictEqual(files.served.errors, []);
});

Deno.test("what is too short, empty or of another type is sent as it is", async () => {
  await using files = await site({
    ...{ "a.txt": wordy(1023), "b.png": TEXT, "c.txt": "", "d": TEXT },
    "e.svg": TEXT,
  });
  const expected: Record<string, readonly (string | null)[]> = {
    "/a.txt": [null, "Accept-Encoding"],
    "/b.png": [null, null],
    "/c.txt": [null, "Accept-Encoding"],
    "/d": [null, null],
    "/e.svg": ["br", "Accept-Encoding"],
  };
  for (const [name, [coding, vary]] of Object.entries(expected)) {
    const { headers } = await files.get(name, ALL);
    strictEqual(headers.get("content-encoding"), coding, name);
    strictEqual(headers.get("vary"), vary, name);
  }
  const forced = await files.get(
    "/b.png",
    "Accept-Encoding: gzip, identity;q=0",
  );
  strictEqual(decoded(forced), TEXT);
  strictEqual(forced.headers.get("content-encoding"), "gzip");
});

Deno.test("without compression nothing changes, whatever lies beside a file", async () => {
  await using files = await site({ "a.txt": TEXT }, { compression: false });
  await store(files, "a.txt.br", TEXT);
  const reply = await files.get("/a.txt", ALL);
  strictEqual(reply.headers.get("content-encoding"), null);
  strictEqual(reply.headers.get("vary"), null);
  strictEqual(reply.body, TEXT);
});

Deno.test("If-None-Match finds a file in the form that the client has", async () => {
  await using files = await site({ "a.txt": TEXT });
  await files.age("a.txt");
  await files.untilStrong("/a.txt");
  const plain = (await files.get("/a.txt")).headers.get("etag")!;
  match(plain, /^"/);
  const weak = (await files.get("/a.txt", GZIP)).headers.get("etag")!;
  strictEqual(weak, `W/${plain}`);
  for (const tag of [plain, weak]) {
    const reply = await files.get("/a.txt", GZIP, `If-None-Match: ${tag}`);
    strictEqual(reply.status, 304);
    strictEqual(reply.headers.get("etag"), weak);
    strictEqual(reply.headers.get("vary"), "Accept-Encoding");
    strictEqual(reply.headers.get("content-encoding"), null);
    const other = await files.get("/a.txt", `If-None-Match: ${tag}`);
    strictEqual(other.status, 304);
    strictEqual(other.headers.get("etag"), plain);
    strictEqual(other.headers.get("vary"), "Accept-Encoding");
  }
  const since = await files.get(
    "/a.txt",
    GZIP,
    `If-Modified-Since: ${LONG_AGO_TEXT}`,
  );
  strictEqual(since.status, 304);
  const changed = await files.get("/a.txt", GZIP, 'If-None-Match: W/"other"');
  strictEqual(decoded(changed), TEXT);
  strictEqual(
    (await files.get("/a.txt", GZIP, `If-Match: ${weak}`)).status,
    412,
  );
});

Deno.test("a range is never compressed, and goes on with what is not", async () => {
  await using files = await site({ "a.txt": LONG });
  await files.age("a.txt");
  await files.untilStrong("/a.txt");
  const plain = (await files.get("/a.txt")).headers.get("etag")!;
  const part = await files.get("/a.txt", GZIP, "Range: bytes=10-19");
  strictEqual(part.status, 206);
  strictEqual(part.headers.get("content-encoding"), null);
  strictEqual(part.headers.get("vary"), "Accept-Encoding");
  strictEqual(part.headers.get("etag"), plain);
  strictEqual(part.body, LONG.slice(10, 20));
  const several = await files.get("/a.txt", GZIP, "Range: bytes=0-1,10-11");
  strictEqual(several.status, 206);
  strictEqual(several.headers.get("content-encoding"), null);
  match(several.headers.get("content-type")!, /^multipart\/byteranges/);
  // Who has it as it is goes on.
  const on = await files.get(
    "/a.txt",
    GZIP,
    "Range: bytes=10-19",
    `If-Range: ${plain}`,
  );
  strictEqual(on.status, 206);
  // Who has it compressed would put together what belongs to nothing.
  for (const validator of [`W/${plain}`, LONG_AGO_TEXT]) {
    const reply = await files.get(
      "/a.txt",
      GZIP,
      "Range: bytes=10-19",
      `If-Range: ${validator}`,
    );
    strictEqual(reply.status, 200, validator);
    strictEqual(reply.headers.get("content-encoding"), "gzip");
    strictEqual(decoded(reply), LONG);
  }
  // Without a coding the date is that of the only form.
  const dated = await files.get(
    "/a.txt",
    "Range: bytes=10-19",
    `If-Range: ${LONG_AGO_TEXT}`,
  );
  strictEqual(dated.status, 206);
  strictEqual(
    (await files.get("/a.txt", GZIP, "Range: bytes=999999-")).status,
    416,
  );
});

Deno.test("a file beside another is sent in its place, with the type of that and its own tag", async () => {
  await using files = await site({ "app.js": TEXT });
  await files.age("app.js");
  await store(files, "app.js.br", "of br");
  await store(files, "app.js.gz", "of gzip");
  await files.untilStrong("/app.js", GZIP);
  const tags = new Set<string>();
  for (
    const [accept, coding, text] of [
      [BR, "br", "of br"],
      [GZIP, "gzip", "of gzip"],
      [ALL, "br", "of br"],
      ["Accept-Encoding: gzip, br;q=0.5", "gzip", "of gzip"],
      ["Accept-Encoding: identity;q=0.9, br;q=0.5", null, TEXT],
      ["Accept-Encoding: br;q=0, *", "gzip", "of gzip"],
    ] as const
  ) {
    const reply = await files.get("/app.js", accept);
    strictEqual(reply.headers.get("content-encoding"), coding, accept);
    strictEqual(decoded(reply), text);
    strictEqual(
      reply.headers.get("content-type"),
      "text/javascript;charset=utf-8",
    );
    strictEqual(reply.headers.get("vary"), "Accept-Encoding");
    strictEqual(reply.headers.get("content-length"), `${reply.body.length}`);
    strictEqual(reply.headers.get("accept-ranges"), "bytes");
    const etag = reply.headers.get("etag")!;
    match(
      etag,
      coding === null ? /^"[^"]+"$/ : new RegExp(`^"[^"]+-${coding}"$`),
    );
    tags.add(etag);
    const head = await files.head("/app.js", accept);
    for (const [field, value] of reply.headers) {
      if (field !== "date") strictEqual(head.headers.get(field), value, field);
    }
    const again = await files.get("/app.js", accept, `If-None-Match: ${etag}`);
    strictEqual(again.status, 304);
    strictEqual(again.headers.get("etag"), etag);
    strictEqual(again.headers.get("vary"), "Accept-Encoding");
  }
  strictEqual(tags.size, 3);
});

Deno.test("ranges of what is compressed already are those of its bytes", async () => {
  await using files = await site({ "app.js": TEXT });
  await files.age("app.js");
  await store(files, "app.js.gz", LONG);
  await files.untilStrong("/app.js", GZIP);
  const bytes = await Deno.readFile(files.at("app.js.gz"));
  const whole = await files.get("/app.js", GZIP);
  const etag = whole.headers.get("etag")!;
  const part = (range: string, ...headers: readonly string[]) =>
    files.get("/app.js", GZIP, `Range: bytes=${range}`, ...headers);
  const first = await part("0-99", `If-Range: ${etag}`);
  strictEqual(first.status, 206);
  strictEqual(first.headers.get("content-encoding"), "gzip");
  strictEqual(
    first.headers.get("content-range"),
    `bytes 0-99/${bytes.length}`,
  );
  strictEqual(
    first.headers.get("content-type"),
    "text/javascript;charset=utf-8",
  );
  const rest = await part("100-");
  strictEqual(
    decoded({ ...first, body: first.body + rest.body }),
    LONG,
  );
  // The tag of another form gets all of this one.
  const plain = (await files.get("/app.js")).headers.get("etag")!;
  const other = await part("0-99", `If-Range: ${plain}`);
  strictEqual(other.status, 200);
  strictEqual(decoded(other), LONG);
  // Several parts would each have to say that they are of something encoded.
  const several = await part("0-1,50-51");
  strictEqual(several.status, 200);
  strictEqual(decoded(several), LONG);
  strictEqual((await part(`${bytes.length}-`)).status, 416);
});

Deno.test("of what lies beside a file only one of two, the other is compressed if it is liked better", async () => {
  await using files = await site({ "a.css": TEXT });
  await files.age("a.css");
  await store(files, "a.css.gz", "stored");
  const ask = async (accept: string) => {
    const reply = await files.get("/a.css", `Accept-Encoding: ${accept}`);
    return [reply.headers.get("content-encoding"), decoded(reply)];
  };
  deepStrictEqual(await ask("gzip, br"), ["gzip", "stored"]);
  deepStrictEqual(await ask("gzip;q=0.5, br"), ["br", TEXT]);
  deepStrictEqual(await ask("br"), ["br", TEXT]);
  deepStrictEqual(await ask("deflate"), [null, TEXT]);
});

Deno.test("what lies beside a file does not count: what is older, a link or a folder, and of a type that is not compressed", async () => {
  await using files = await site({
    ...{ "old.css": TEXT, "link.css": TEXT, "dir.css": TEXT },
    ...{ "dir.css.gz/": "", "image.png": TEXT },
  });
  for (const name of ["link.css", "dir.css", "image.png"]) {
    await files.age(name);
  }
  await store(files, "old.css.gz", "of an earlier one");
  await Deno.symlink(files.beside("secret"), files.at("link.css.gz"));
  await store(files, "image.png.gz", "stored");
  for (const name of ["old.css", "link.css", "dir.css"]) {
    const reply = await files.get(`/${name}`, GZIP);
    strictEqual(reply.status, 200, name);
    match(reply.headers.get("etag")!, /^W\//);
    strictEqual(decoded(reply), TEXT, name);
  }
  const image = await files.get("/image.png", GZIP);
  strictEqual(image.headers.get("content-encoding"), null);
  strictEqual(image.body, TEXT);
});

Deno.test("a file whose other form cannot be read is sent itself", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("a.css"), TEXT);
  await Deno.writeFile(folder.at("a.css.gz"), gzipSync("stored"), { mode: 0 });
  const program = `
    import { HTTPServer, SimpleHTTPRequestHandler } from ${
    JSON.stringify(import.meta.resolve("../../server/http/mod.ts"))
  };
    class Site extends SimpleHTTPRequestHandler {
      static directory = ${JSON.stringify(folder.path)};
      static compression = true;
      logMessage() {}
    }
    const server = new HTTPServer({ hostname: "127.0.0.1", port: 0 }, Site);
    server.serveForever();
    const response = await fetch("http://127.0.0.1:" + server.addr.port + "/a.css", {
      headers: { "Accept-Encoding": "gzip" },
    });
    console.log(response.status, (await response.text()).length);
    await server.shutdown();
  `;
  // Where root runs the tests, only a permission keeps it from reading.
  await using child = new Child(Deno.execPath(), [
    ...["run", "--no-prompt", "--allow-net", `--allow-read=${folder.path}`],
    ...[`--deny-read=${folder.at("a.css.gz")}`, "-"],
  ]);
  await child.send(program);
  const { stdout, stderr } = await child.output();
  strictEqual(
    new TextDecoder().decode(stdout),
    `200 ${TEXT.length}\n`,
    stderr,
  );
});

Deno.test("an index page is compressed, and what lies beside it sent", async () => {
  await using files = await site({
    "index.html": TEXT,
    "sub/index.html": LONG,
  });
  await files.age("index.html");
  await store(files, "index.html.br", "stored");
  strictEqual(decoded(await files.get("/", BR)), "stored");
  strictEqual(decoded(await files.get("/sub/", BR)), LONG);
});

Deno.test("listings are compressed, those that are sent as they are made too", async () => {
  const many = Object.fromEntries(
    Array.from({ length: 1500 }, (_, i) => [`many/file ${i}.txt`, ""]),
  );
  await using files = await site({ ...many, "few/a": "", "few/b": "" });
  for (const name of ["/many/", "/few/"]) {
    for (const coding of ["br", "gzip"]) {
      const accept = `Accept-Encoding: ${coding}`;
      const reply = await files.get(name, accept);
      strictEqual(reply.headers.get("content-encoding"), coding);
      strictEqual(reply.headers.get("vary"), "Accept-Encoding");
      strictEqual(
        decoded(reply),
        (await files.get(name)).body.replaceAll(
          /[\x80-\xff]+/g,
          (text) =>
            new TextDecoder().decode(
              Uint8Array.from(text, (character) => character.charCodeAt(0)),
            ),
        ),
      );
      const head = await files.head(name, accept);
      strictEqual(head.headers.get("content-encoding"), coding);
      strictEqual(
        head.headers.get("content-length"),
        reply.headers.get("content-length"),
      );
    }
  }
});

Deno.test("a file that is cut short while it is compressed is found out", async () => {
  await using folder = new Folder();
  const path = folder.at("file");
  await Deno.writeTextFile(path, LONG);
  using file = await Deno.open(path, { read: true, write: true });
  const source = wholeFile(file, LONG.length);
  await source.read();
  await file.truncate(70_000);
  await rejects(
    async () => {
      while (await source.read() !== undefined);
    },
    /^Error: Cannot send 300000 bytes of a file: it was cut short and ended after 70000$/,
  );
});

Deno.test("past maxStreams a file is sent as it is, with the tag of that", async () => {
  await using files = await site({ "a.txt": LONG, "b.txt": TEXT }, {
    compression: { maxStreams: 0 },
  });
  await files.age("a.txt");
  await files.untilStrong("/a.txt");
  const reply = await files.get("/a.txt", GZIP);
  strictEqual(reply.headers.get("content-encoding"), null);
  strictEqual(reply.headers.get("vary"), "Accept-Encoding");
  match(reply.headers.get("etag")!, /^"/);
  strictEqual(reply.body, LONG);
  // What is short takes no memory that stays.
  strictEqual(decoded(await files.get("/b.txt", GZIP)), TEXT);
});

Deno.test("many clients that leave a long file leave its compressors ended", async () => {
  await using files = await site({ "a.txt": wordy(5_000_000) }, {
    compression: { maxStreams: 2 },
  }, { allowErrors: isDisconnect });
  for (let round = 0; round < 3; round++) {
    await Promise.all(Array.from({ length: 8 }, async () => {
      using connection = await files.connect();
      await connection.write(
        new TextEncoder().encode(requestOf("GET /a.txt", [GZIP])),
      );
      await connection.read(new Uint8Array(100));
    }));
  }
  // As soon as they have been found to be gone, there is room again.
  let coding: string | null = null;
  for (let i = 0; coding === null && i < 200; i++) {
    using connection = await files.connect();
    await connection.write(
      new TextEncoder().encode(requestOf("GET /a.txt", [GZIP])),
    );
    const buffer = new Uint8Array(2000);
    const n = await connection.read(buffer);
    coding = /^Content-Encoding: (\w+)/m.exec(
      new TextDecoder().decode(buffer.subarray(0, n!)),
    )?.[1] ?? null;
  }
  strictEqual(coding, "gzip");
});

Deno.test("files of a CGI server are compressed, and what scripts print is not", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("a.txt"), TEXT);
  await Deno.mkdir(folder.at("cgi-bin"));
  await Deno.writeTextFile(
    folder.at("cgi-bin/s"),
    `#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'; cat "$SCRIPT_FILENAME.txt"\n`,
    { mode: 0o755 },
  );
  await Deno.writeTextFile(folder.at("cgi-bin/s.txt"), TEXT);
  await using served = await serveForTest(
    class extends CGIHTTPRequestHandler<Deno.NetAddr> {
      static override readonly directory = folder.path;
      static override readonly compression = true;
      static override readonly cgiUser = "server";
      override logMessage() {}
    },
    { server: HTTPServer },
  );
  const get = (path: string) =>
    replyTo(served.addr, requestOf(`GET ${path}`, [GZIP]));
  strictEqual(decoded(await get("/a.txt")), TEXT);
  strictEqual((await get("/a.txt")).headers.get("content-encoding"), "gzip");
  const script = await get("/cgi-bin/s");
  strictEqual(script.headers.get("content-encoding"), null);
  strictEqual(script.body, TEXT);
});

testWith(
  [curl],
  "curl reads a file in each form, and goes on where it was cut off",
  async () => {
    await using files = await site({ "a.txt": LONG });
    await files.age("a.txt");
    await store(files, "a.txt.gz", LONG);
    await using folder = new Folder();
    const out = folder.at("out");
    for (const coding of ["br", "gzip", "identity"]) {
      const text = await curl.run([
        ...[...ALONE, "--compressed", "-H", `Accept-Encoding: ${coding}`],
        files.url("/a.txt"),
      ]);
      strictEqual(text, LONG, coding);
    }
    // As bytes, without decompressing them.
    const bytes = await Deno.readFile(files.at("a.txt.gz"));
    await Deno.writeFile(out, bytes.subarray(0, 1000));
    await curl.run([
      ...[...ALONE, "-H", "Accept-Encoding: gzip", "--continue-at", "-"],
      ...["--output", out, files.url("/a.txt")],
    ]);
    deepStrictEqual(await Deno.readFile(out), bytes);
    // By its tag, a file that has not changed is not sent again.
    const args = [
      ...[...ALONE, "--compressed", "--output", out, "-w", "%{http_code}"],
      ...["--etag-save", folder.at("tag"), "--etag-compare", folder.at("tag")],
      files.url("/a.txt"),
    ];
    strictEqual(await curl.run(args), "200");
    strictEqual(await curl.run(args), "304");
    ok((await Deno.stat(out)).size > 0);
  },
);
