import { deepStrictEqual, strictEqual } from "node:assert";
import { Program, testWith } from "../_program.ts";
import { FilesSite, SECRET } from "./_files_site.ts";

const mkfifo = new Program("mkfifo", "coreutils");

const FILES = {
  "a.txt": "a",
  "folder/b.txt": "b",
  // Names that look like ways out.
  "..%2fsecret": "a file of this name",
  "..\\secret": "another one",
};

Deno.test("SimpleHTTPRequestHandler serves nothing outside its directory", async () => {
  await using site = await FilesSite.serve(FILES);
  const targets = [
    "/../secret",
    "/folder/../../secret",
    "/./../secret",
    "//../secret",
    "/..//secret",
    "/%2e%2e/secret",
    "/.%2E/secret",
    "/%2e%2e%2fsecret",
    "/..%2fsecret",
    "/..%2Fsecret",
    "/folder/..%2f..%2fsecret",
    "/%252e%252e/secret",
    "/%252e%252e%255csecret",
    "/..%00/secret",
    "/%00/../secret",
    "/a.txt%00",
    "/..%5c..%5csecret",
    "/%c0%ae%c0%ae/secret",
    "/%c0%ae%c0%ae%c0%afsecret",
    "/%e0%80%ae%e0%80%ae/secret",
    "/..;/secret",
    "/....//secret",
    `/${site.beside("secret")}`,
    `/%2f${site.beside("secret")}`,
    `/file://${site.beside("secret")}`,
    "http://example.test/../secret",
    `/${"../".repeat(60)}etc/passwd`,
    `/${"a/".repeat(3000)}`,
    `/${"a".repeat(5000)}`,
  ];
  for (const target of targets) {
    const { status, body } = await site.get(target);
    strictEqual([400, 404].includes(status), true, `${status} ${target}`);
    strictEqual(body.includes(SECRET), false, target);
  }
  deepStrictEqual(site.served.errors, []);
});

Deno.test("SimpleHTTPRequestHandler takes names for what they are", async () => {
  await using site = await FilesSite.serve(FILES);
  strictEqual((await site.get("/..%252fsecret")).body, "a file of this name");
  strictEqual((await site.get("/..%5csecret")).body, "another one");
});

const LINKS = {
  file: "a.txt",
  folder: "folder",
  out: "../secret",
  root: "/",
  up: "..",
  nowhere: "nothing",
  itself: "itself",
  twice: "out-link",
};

async function linked(...options: Parameters<typeof FilesSite.serve>) {
  const site = await FilesSite.serve(...options);
  for (const [name, to] of Object.entries(LINKS)) {
    await Deno.symlink(to, site.at(`${name}-link`));
  }
  // A neighbour whose path begins as the directory's does.
  await Deno.mkdir(site.beside("site-2"));
  await Deno.writeTextFile(site.beside("site-2/a.txt"), SECRET);
  await Deno.symlink("../site-2", site.at("neighbour-link"));
  return site;
}

const LINK_TARGETS = [
  "/file-link",
  "/folder-link/",
  "/folder-link/b.txt",
  "/out-link",
  "/twice-link",
  "/root-link/etc/passwd",
  "/up-link/secret",
  "/neighbour-link/a.txt",
  "/nowhere-link",
  "/itself-link",
];

async function statuses(site: FilesSite): Promise<number[]> {
  const found: number[] = [];
  for (const target of LINK_TARGETS) {
    found.push((await site.get(target)).status);
  }
  return found;
}

Deno.test("SimpleHTTPRequestHandler follows links that stay inside", async () => {
  await using site = await linked(FILES);
  deepStrictEqual(await statuses(site), [
    ...[200, 200, 200, 403, 403, 403, 403, 403, 404, 404],
  ]);
  strictEqual((await site.get("/folder-link/b.txt")).body, "b");
  // Dots go up by the path of the request, not by where a link has led.
  strictEqual((await site.get("/folder-link/../a.txt")).body, "a");
});

Deno.test("SimpleHTTPRequestHandler follows all links if told to", async () => {
  await using site = await linked(FILES, { followSymlinks: "anywhere" });
  deepStrictEqual(await statuses(site), [
    ...[200, 200, 200, 200, 200, 200, 200, 200, 404, 404],
  ]);
});

Deno.test("SimpleHTTPRequestHandler follows no link if told to", async () => {
  await using site = await linked(FILES, { followSymlinks: "never" });
  deepStrictEqual(await statuses(site), [
    ...[403, 403, 403, 403, 403, 403, 403, 403, 404, 404],
  ]);
  strictEqual((await site.get("/a.txt")).status, 200);
});

Deno.test("SimpleHTTPRequestHandler lists the links it follows alone", async () => {
  await using site = await linked({});
  await Deno.writeTextFile(site.at("a.txt"), "a");
  await Deno.mkdir(site.at("folder"));
  const names = async () =>
    [...(await site.get("/")).body.matchAll(/href="([\w.-]+)\/?"/g)]
      .map(([, name]) => name);
  deepStrictEqual(await names(), [
    ...["folder", "folder-link", "a.txt", "file-link"],
  ]);
});

testWith(
  [mkfifo],
  "SimpleHTTPRequestHandler refuses pipes, sockets and devices unopened",
  async () => {
    await using site = await FilesSite.serve({ "a.txt": "a" }, {
      followSymlinks: "anywhere",
    });
    await mkfifo.run([site.at("pipe")]);
    // A pipe that is opened waits for its other end: none of these may hang.
    using _listener = Deno.listen({
      transport: "unix",
      path: site.at("socket"),
    });
    await Deno.symlink("/dev/zero", site.at("device"));
    await Deno.symlink("pipe", site.at("link"));
    for (const name of ["pipe", "socket", "device", "link"]) {
      strictEqual((await site.get(`/${name}`)).status, 403, name);
      strictEqual((await site.head(`/${name}`)).status, 403, name);
    }
    const { body } = await site.get("/");
    deepStrictEqual(
      [...body.matchAll(/href="([\w.]+)"/g)].map(([, name]) => name),
      ["a.txt"],
    );
  },
);

Deno.test("SimpleHTTPRequestHandler redirects to its own host alone", async () => {
  await using site = await FilesSite.serve({
    "evil.test/a": "",
    "x/evil.test/a": "",
  });
  for (
    const target of [
      "//evil.test",
      "///evil.test",
      "/.//evil.test",
      "//x/..//evil.test",
      "//evil.test/%2e",
      "http://evil.test//evil.test",
    ]
  ) {
    const { status, headers } = await site.get(target);
    if (target.endsWith("%2e")) {
      strictEqual(status, 200);
      continue;
    }
    strictEqual(status, 301, target);
    strictEqual(headers.get("location"), "/evil.test/", target);
  }
  const folder = site.at("\\evil.test");
  await Deno.mkdir(folder);
  strictEqual(
    (await site.get("/%5cevil.test")).headers.get("location"),
    "/%5Cevil.test/",
  );
});
