import { deepStrictEqual, rejects, strictEqual } from "node:assert";
import { Folder } from "../_program.ts";
import {
  findScript,
  type Script,
  scriptFolder,
} from "../../handlers/http/_cgi/find_script.ts";
import { parseTargetPath } from "../../handlers/http/_files/target_path.ts";

/** A folder that is served, with `cgi-bin` in it. */
class Site extends Folder {
  readonly root = Deno.realPathSync(this.path);

  constructor() {
    super();
    Deno.mkdirSync(this.at("cgi-bin/sub"), { recursive: true });
    Deno.mkdirSync(this.at("outside"));
    this.script("cgi-bin/hello");
    this.script("cgi-bin/sub/nested");
    this.script("outside/program");
  }

  /** Adds a file, executable unless it shall not be. */
  script(name: string, mode = 0o755): void {
    Deno.writeTextFileSync(this.at(name), "#!/bin/sh\n", { mode });
  }

  link(from: string, to: string): void {
    Deno.symlinkSync(to, this.at(from));
  }

  find(path: string, folder = "cgi-bin"): Promise<Script> {
    const root = { path: this.root, realPath: this.root };
    return findScript(root, [folder], parseTargetPath(path));
  }

  async refuses(path: string, status: number, folder?: string) {
    await rejects(
      this.find(path, folder),
      { name: "HTTPError", status },
      path,
    );
  }
}

Deno.test("scriptFolder() tells the paths of folders of scripts", () => {
  const folder = (path: string, ...folders: string[]) =>
    scriptFolder(parseTargetPath(path).names, folders);
  for (const path of ["/cgi-bin", "/cgi-bin/", "/cgi-bin/a/b"]) {
    for (const written of ["/cgi-bin", "cgi-bin", "//cgi-bin/"]) {
      deepStrictEqual(folder(path, "/a/b", written), ["cgi-bin"]);
    }
  }
  deepStrictEqual(folder("/a/b/c", "/cgi-bin", "/a/b"), ["a", "b"]);
  deepStrictEqual(folder("/a", "/"), []);
  for (const path of ["/", "/cgi-bin2/a", "/a/cgi-bin/b", "/CGI-BIN/a"]) {
    strictEqual(folder(path, "/cgi-bin"), undefined);
  }
});

Deno.test("findScript() finds the first file on the way and gives the rest", async () => {
  await using site = new Site();
  const found: Record<string, [name: string, pathInfo: string]> = {
    "/cgi-bin/hello": ["/cgi-bin/hello", ""],
    "/cgi-bin/hello/": ["/cgi-bin/hello", "/"],
    "/cgi-bin/hello/a/b%20c": ["/cgi-bin/hello", "/a/b c"],
    "/cgi-bin/hello/a/": ["/cgi-bin/hello", "/a/"],
    "/cgi-bin/sub/nested/x": ["/cgi-bin/sub/nested", "/x"],
  };
  for (const [path, [name, pathInfo]] of Object.entries(found)) {
    deepStrictEqual(await site.find(path), {
      file: site.root + name,
      name,
      pathInfo,
      isUnparsed: false,
    });
  }
});

Deno.test("findScript() answers 404 where nothing is", async () => {
  await using site = new Site();
  site.link("cgi-bin/dangling", "nowhere");
  site.link("cgi-bin/loop", "loop");
  for (
    const path of [
      "/cgi-bin/none",
      "/cgi-bin/none/x",
      "/cgi-bin/dangling",
      "/cgi-bin/loop",
      `/cgi-bin/${"x".repeat(300)}`,
    ]
  ) await site.refuses(path, 404);
  await site.refuses("/htbin/hello", 404, "htbin");
});

Deno.test("findScript() answers 403 to what is no executable file", async () => {
  await using site = new Site();
  site.script("cgi-bin/data", 0o644);
  Deno.mkdirSync(site.at("cgi-bin/empty"));
  await new Deno.Command("mkfifo", {
    args: ["-m", "755", site.at("cgi-bin/fifo")],
  })
    .output();
  for (
    const path of [
      "/cgi-bin",
      "/cgi-bin/sub",
      "/cgi-bin/empty",
      "/cgi-bin/data",
      "/cgi-bin/data/x",
      "/cgi-bin/fifo",
    ]
  ) await site.refuses(path, 403);
});

Deno.test("findScript() follows links within the folder of scripts and none out of it", async () => {
  await using site = new Site();
  site.link("cgi-bin/inside", "sub/nested");
  site.link("cgi-bin/absolute", `${site.root}/cgi-bin/hello`);
  // The name is kept: it is what --allow-run grants.
  strictEqual(
    (await site.find("/cgi-bin/inside/x")).file,
    `${site.root}/cgi-bin/inside`,
  );
  strictEqual(
    (await site.find("/cgi-bin/absolute")).name,
    "/cgi-bin/absolute",
  );
  site.link("cgi-bin/shell", "/bin/sh");
  site.link("cgi-bin/up", "../outside");
  site.link("cgi-bin/root", "/");
  site.link("cgi-bin/twice", "up");
  for (
    const path of [
      "/cgi-bin/shell",
      "/cgi-bin/up/program",
      "/cgi-bin/root/bin/sh",
      "/cgi-bin/twice/program",
    ]
  ) await site.refuses(path, 403);
});

Deno.test("findScript() runs nothing in a folder that is a link out of the site", async () => {
  await using site = new Site();
  site.link("htbin", "/bin");
  await site.refuses("/htbin/sh", 403, "htbin");
});

Deno.test("findScript() tells scripts whose headers nobody parses", async () => {
  await using site = new Site();
  site.script("cgi-bin/nph-push");
  site.script("cgi-bin/push-nph-");
  strictEqual((await site.find("/cgi-bin/nph-push/a")).isUnparsed, true);
  strictEqual((await site.find("/cgi-bin/push-nph-")).isUnparsed, false);
});
