// What a subclass may change of SimpleHTTPRequestHandler, by CPython's names.
import { deepStrictEqual, match, strictEqual, throws } from "node:assert";
import {
  CGIHTTPRequestHandler,
  HTTPServer,
  SimpleHTTPRequestHandler,
} from "../../server/http/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { Folder } from "../_program.ts";
import { LOOPBACK } from "../_loopback.ts";
import { requestOf } from "./_cgi_site.ts";
import { type Reply, replyTo } from "./_replies.ts";

type Handler = typeof SimpleHTTPRequestHandler<Deno.NetAddr>;

class Server extends HTTPServer {
  get(target: string, ...headers: readonly string[]): Promise<Reply> {
    return replyTo(this.addr, requestOf(`GET ${target}`, headers));
  }
}

/** Two folders that are served, and a secret beside them. */
class Site extends Folder {
  constructor() {
    super();
    for (const name of ["a", "b", "b/sub"]) Deno.mkdirSync(this.at(name));
    Deno.writeTextFileSync(this.at("a/x.txt"), "in a");
    Deno.writeTextFileSync(this.at("b/x.txt"), "in b");
    Deno.writeTextFileSync(this.at("b/sub/y.odd"), "below b");
    Deno.writeTextFileSync(this.at("secret"), "secret");
    Deno.symlinkSync("../secret", this.at("b/out"));
    Deno.symlinkSync("x.txt", this.at("b/in"));
  }
}

class Quiet extends SimpleHTTPRequestHandler<Deno.NetAddr> {
  override logMessage(): void {}
}

Deno.test("directory is that of the instance: a field, a constructor's option, or set by a method", async () => {
  await using site = new Site();
  class Field extends Quiet {
    override directory = site.at("b");
  }
  class Option extends Quiet {
    constructor(...args: ConstructorParameters<typeof Quiet>) {
      super(args[0], args[1], args[2], { directory: site.at("b") });
    }
  }
  class ByHost extends Quiet {
    override doGET(): void | Promise<void> {
      const host = this.headers.get("host");
      this.directory = site.at(host === "example.test" ? "b" : "a");
      return super.doGET();
    }
  }
  for (const Handler of [Field, Option, ByHost] as Handler[]) {
    await using served = await serveForTest(Handler, { server: Server });
    const { server } = served;
    strictEqual((await server.get("/x.txt")).body, "in b");
    strictEqual((await server.get("/out")).status, 403);
    match((await server.get("/")).body, /<a href="sub\/">/);
    deepStrictEqual(served.errors, []);
  }
});

Deno.test("the option directory must be a path, and there is no other", async () => {
  await using server = new HTTPServer(LOOPBACK, Quiet);
  const make = (options: object) => () =>
    new Quiet(undefined as never, server.addr, server, options);
  throws(make({ directory: 5 }), {
    message: "Cannot serve files: directory must be a path, received 5",
  });
  throws(make({ directry: "a" }), {
    message: /unknown option "directry"; did you mean "directory"\?/,
  });
  strictEqual(make({})().directory, ".");
});

Deno.test("translatePath() says where the file of a target is", async () => {
  await using server = new HTTPServer(LOOPBACK, Quiet);
  const handler = new Quiet(undefined as never, server.addr, server, {
    directory: "/srv",
  });
  const paths: Record<string, string> = {
    "/a/b?c#d": "/srv/a/b",
    "//a/./b//../c/": "/srv/a/c/",
    "/%e4%bd%a0%20": "/srv/你 ",
    "/": "/srv/",
  };
  for (const [target, path] of Object.entries(paths)) {
    strictEqual(handler.translatePath(target), path, target);
  }
  for (const target of ["/..", "/a/../..", "/a%2fb", "/%00"]) {
    throws(() => handler.translatePath(target), { status: 404 });
  }
  throws(() => handler.translatePath("a"), { status: 400 });
});

Deno.test("translatePath() of a subclass leads targets elsewhere", async () => {
  await using site = new Site();
  for (const followSymlinks of ["inside", "never", "anywhere"] as const) {
    class Mapping extends Quiet {
      static override readonly directory = site.at("a");
      static override readonly followSymlinks = followSymlinks;
      override translatePath(target: string): string {
        const [, rest] = /^\/other(\/.*)$/.exec(target) ?? [];
        return rest === undefined
          ? super.translatePath(target)
          : `${site.at("b")}${rest}`;
      }
    }
    await using served = await serveForTest(Mapping, { server: Server });
    const { server } = served;
    const statuses = async (...targets: string[]) =>
      await Promise.all(
        targets.map(async (target) => (await server.get(target)).status),
      );
    strictEqual((await server.get("/x.txt")).body, "in a");
    strictEqual((await server.get("/other/x.txt")).body, "in b");
    strictEqual((await server.get("/other/sub/y.odd")).body, "below b");
    deepStrictEqual(
      await statuses("/other/none", "/other/x.txt/", "/none/x.txt"),
      [404, 404, 404],
    );
    // Nothing leads out of what was put in front.
    deepStrictEqual(
      await statuses(
        ...["/other/../secret", "/other/%2e%2e/secret", "/other//../../secret"],
        ...["/other/sub/../../secret", "/other/..%2fsecret"],
      ),
      [404, 404, 404, 404, 404],
    );
    strictEqual(
      (await server.get("/x/../other/./sub//..//x.txt")).body,
      "in b",
    );
    // Listings and redirections are of what was asked for.
    const listing = await server.get("/other/sub/");
    match(listing.body, /<title>Index of \/other\/sub\/<\/title>/);
    match(listing.body, /<a href="y\.odd">/);
    const redirect = await server.get("/other/sub");
    strictEqual(redirect.headers.get("location"), "/other/sub/");
    // A link leads to what is beside it, and no further, unless that is wanted.
    deepStrictEqual(
      await statuses("/other/in", "/other/out"),
      { inside: [200, 403], never: [403, 403], anywhere: [200, 200] }[
        followSymlinks
      ],
    );
    deepStrictEqual(served.errors, []);
  }
});

Deno.test("translatePath() does not lead to the source of a script", async () => {
  await using site = new Site();
  await Deno.mkdir(site.at("a/cgi-bin"));
  await Deno.writeTextFile(site.at("a/cgi-bin/script"), "#!/bin/sh\n", {
    mode: 0o755,
  });
  class Scripts extends CGIHTTPRequestHandler<Deno.NetAddr> {
    static override readonly directory = site.at("a");
    override translatePath(target: string): string {
      return super.translatePath(target.replace(/^\/elsewhere/, "/cgi-bin"));
    }
    override logMessage(): void {}
  }
  await using served = await serveForTest(Scripts, { server: Server });
  const { server } = served;
  for (const target of ["/elsewhere/script", "/elsewhere/script/"]) {
    strictEqual((await server.get(target)).status, 403, target);
  }
  strictEqual((await server.get("/elsewhere/")).status, 403);
});

Deno.test("listDirectory() answers for a directory, and lists another one where it is told to", async () => {
  await using site = new Site();
  const asked: string[] = [];
  class Listing extends Quiet {
    static override readonly directory = site.at("b");
    override async listDirectory(path: string): Promise<void> {
      asked.push(path);
      if (this.path === "/") return await super.listDirectory(site.at("b/sub"));
      const body = JSON.stringify([...Deno.readDirSync(path)].length);
      this.sendResponse(200);
      this.sendHeader("Content-Type", "application/json");
      this.sendHeader("Content-Length", String(body.length));
      this.endHeaders();
      await this.wfile.write(body);
    }
  }
  await using served = await serveForTest(Listing, { server: Server });
  const { server } = served;
  strictEqual((await server.get("/sub/")).body, "1");
  match((await server.get("/")).body, /<a href="y\.odd">/);
  deepStrictEqual(asked, [site.at("b/sub"), site.at("b")]);
  deepStrictEqual(served.errors, []);
});

Deno.test("defaultContentType and extraResponseHeaders are sent with what is found", async () => {
  await using site = new Site();
  class Extra extends Quiet {
    static override readonly directory = site.at("b");
    static override readonly defaultContentType = "text/x-default";
    static override readonly extraResponseHeaders = [
      ["Access-Control-Allow-Origin", "*"],
      ["X-Twice", "1"],
      ["X-Twice", "2"],
      ["x-content-type-options", "nosniff"],
    ] as const;
  }
  await using served = await serveForTest(Extra, { server: Server });
  const { server } = served;
  const file = await server.get("/sub/y.odd");
  strictEqual(file.headers.get("content-type"), "text/x-default");
  const etag = file.headers.get("etag")!;
  const found = [
    file,
    await server.get("/x.txt", "Range: bytes=1-2"),
    await server.get("/x.txt", "Range: bytes=0-0,2-2"),
    await server.get("/sub/y.odd", `If-None-Match: ${etag}`),
    await server.get("/"),
  ];
  deepStrictEqual(found.map(({ status }) => status), [200, 206, 206, 304, 200]);
  for (const { headers, status } of found) {
    const names = [
      "access-control-allow-origin",
      "x-twice",
      "x-content-type-options",
    ];
    deepStrictEqual(
      names.map((name) => headers.get(name)),
      ["*", "1, 2", "nosniff"],
      String(status),
    );
  }
  const missing = await server.get("/none");
  strictEqual(missing.headers.get("x-twice"), null);
});

Deno.test("headers that cannot be added are refused before anybody is served", () => {
  const wrong: unknown[] = [
    { A: "b" },
    ["A: b"],
    [["A"]],
    [["A", "b", "c"]],
    [["A", 1]],
    [["A b", "c"]],
    [["A", "b\r\nC: d"]],
    [["content-LENGTH", "5"]],
    [["Date", "today"]],
  ];
  for (const extraResponseHeaders of wrong) {
    class Wrong extends Quiet {
      static override readonly extraResponseHeaders =
        extraResponseHeaders as [];
    }
    throws(() => new HTTPServer(LOOPBACK, Wrong), TypeError);
  }
  class Wrong extends Quiet {
    static override readonly defaultContentType = "a\nb";
  }
  throws(() => new HTTPServer(LOOPBACK, Wrong), {
    message: /^Cannot serve files: defaultContentType must be one line/,
  });
});
