// The rows of README.md about CPython's test_socket and test_epoll: each of its
// tests once, with a test here that exists, or why there is none.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";

const FOLDER = import.meta.dirname!;
const README = await Deno.readTextFile(`${FOLDER}/README.md`);

/** The cells of the rows of a section. */
function rows(section: string): string[][] {
  return README.split(`### ${section}\n`)[1]!.split("\n## ")[0]!
    .split("\n### ")[0]!.split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}

const epoll = rows("test_epoll");
const socket = rows("test_socket");

const names = (cell: string) =>
  Array.from(cell.matchAll(/`(\w+)`/g), ([, name]) => name!);

Deno.test("each of CPython's tests has one row", () => {
  const ofEpoll = epoll.flatMap(([theirs]) => names(theirs!));
  const ofSocket = socket.flatMap(([inClass, theirs]) =>
    names(theirs!).map((name) => `${names(inClass!)[0]}.${name}`)
  );
  // Of CPython 3.11, those that are made by assigning a name to another's too.
  strictEqual(ofEpoll.length, 10);
  strictEqual(ofSocket.length, 327);
  for (const all of [ofEpoll, ofSocket]) {
    strictEqual(new Set(all).size, all.length);
    for (const name of all) match(name, /^(\w+\.)?test\w+$/);
  }
});

Deno.test("each row names tests that exist, or says why there are none", async () => {
  const unknown: string[] = [];
  for (const here of [...epoll, ...socket].map((cells) => cells.at(-1)!)) {
    const claims = [...here.matchAll(/(\w+): ("[^"]+"(?:, "[^"]+")*)/g)];
    ok(
      claims.length > 0 || /^do(es)? not apply: /.test(here),
      `Neither a test nor a reason: ${here}`,
    );
    for (const [, file, tests] of claims) {
      const name = file === "own_process"
        ? "_own_process.ts"
        : `${file}_test.ts`;
      const source = await Deno.readTextFile(`${FOLDER}/${name}`);
      for (const [, test] of tests!.matchAll(/"([^"]+)"/g)) {
        // A name may begin with what it is about, and end with the form of call.
        const starts = ['"', "`", "} ", "}: "].some((before) =>
          source.includes(`${before}${test}`)
        );
        if (!starts) unknown.push(`${file}: ${test}`);
      }
    }
  }
  deepStrictEqual(unknown, []);
});
