import { deepStrictEqual, strictEqual, throws } from "node:assert";
import {
  folderPath,
  parseTargetPath,
  straightTarget,
} from "../../handlers/http/_files/target_path.ts";
import { HTTPError } from "../../handlers/http/http_error.ts";

function statusOf(target: string): number {
  try {
    parseTargetPath(target);
  } catch (error) {
    if (error instanceof HTTPError) return error.status;
    throw error;
  }
  return 200;
}

Deno.test("parseTargetPath() splits a path and decodes each name once", () => {
  const cases: [string, string[], boolean, string][] = [
    ["/", [], true, ""],
    ["/a", ["a"], false, ""],
    ["/a/", ["a"], true, ""],
    ["/a/b.txt?c=/../d", ["a", "b.txt"], false, "?c=/../d"],
    ["/a//b///", ["a", "b"], true, ""],
    ["/%61%20b", ["a b"], false, ""],
    ["/a%3Fb%23c%25", ["a?b#c%"], false, ""],
    ["/%C3%BC%F0%9F%98%80", ["ü😀"], false, ""],
    // The bytes of "ü", as some clients send them.
    ["/\xc3\xbc", ["ü"], false, ""],
    ["/a+b", ["a+b"], false, ""],
    ["/a#b?c", ["a"], false, ""],
    ["/a?b?c#d", ["a"], false, "?b?c"],
    ["http://example.test/a?b", ["a"], false, "?b"],
    ["HTTPS://example.test", [], true, ""],
    ["http://example.test?a", [], true, "?a"],
    ["//example.test/a", ["example.test", "a"], false, ""],
  ];
  for (const [target, names, isFolder, query] of cases) {
    deepStrictEqual(
      parseTargetPath(target),
      { names, isFolder, query },
      target,
    );
  }
});

Deno.test("parseTargetPath() resolves dots within the root", () => {
  const cases: [string, string[], boolean][] = [
    ["/./a", ["a"], false],
    ["/a/.", ["a"], true],
    ["/a/../b", ["b"], false],
    ["/a/%2e%2E/b", ["b"], false],
    ["/a/b/..", ["a"], true],
    // Names, however much they look like more.
    ["/...", ["..."], false],
    ["/..a", ["..a"], false],
    ["/%252e%252e/a", ["%2e%2e", "a"], false],
  ];
  for (const [target, names, isFolder] of cases) {
    deepStrictEqual(
      parseTargetPath(target),
      { names, isFolder, query: "" },
      target,
    );
  }
});

Deno.test("parseTargetPath() finds nothing outside the root", () => {
  const targets = [
    "/..",
    "/../a",
    "/a/../../b",
    "/%2e%2e/a",
    "/.%2e/a",
    "/a/./../../b",
    "/a//../../b",
    "http://example.test/../a",
    // A slash in a name would make it two.
    "/..%2fa",
    "/a%2F..%2F..%2Fb",
    "/%2fetc%2fpasswd",
    "/a%00",
    "/a%00.txt",
  ];
  for (const target of targets) strictEqual(statusOf(target), 404, target);
});

Deno.test("parseTargetPath() refuses what is no path, or not UTF-8", () => {
  for (const target of ["*", "", "a", "a:80", "ftp://host/", "?a", "http:/a"]) {
    strictEqual(statusOf(target), 400, target);
  }
  for (const target of ["/%", "/%z1", "/%ff", "/%C3", "/%ED%A0%80", "/\xff"]) {
    strictEqual(statusOf(target), 400, target);
  }
});

Deno.test("parseTargetPath() throws an HTTPError that says why", () => {
  throws(() => parseTargetPath("*"), {
    name: "HTTPError",
    message: "The request is not for a path",
  });
  throws(() => parseTargetPath("/%ff"), {
    name: "HTTPError",
    message: "The path is not UTF-8",
  });
});

Deno.test("folderPath() encodes names and never names a host", () => {
  strictEqual(folderPath([]), "/");
  strictEqual(folderPath(["a b", "ü", "c?#%"]), "/a%20b/%C3%BC/c%3F%23%25/");
  for (const target of ["//evil.test/", "/%5cevil.test/", "/\\evil.test/"]) {
    const path = folderPath(parseTargetPath(target).names);
    strictEqual(new URL(path, "http://own.test").host, "own.test", target);
  }
});

Deno.test("straightTarget() asks for the same without dots and doubled slashes", () => {
  const targets: Record<string, string> = {
    "/": "/",
    "//": "/",
    "/a/../b?c=/../d": "/b?c=/../d",
    "/a//b/.": "/a/b/",
    "/%61%20%3f/x": "/a%20%3F/x",
    "http://host/a/..": "/",
  };
  for (const [target, straight] of Object.entries(targets)) {
    strictEqual(straightTarget(parseTargetPath(target)), straight, target);
  }
});
