// poll/README.md says of every name of Python's `socket` what it is here: the
// tables are compared with CPython's names, and with ours.

import { deepStrictEqual, ok } from "node:assert";
import * as poll from "../../poll/mod.ts";
import { Program, testWith } from "../_program.ts";
import "./_open_libc.ts";

const python = new Program("python3", "python3");

const HEADING = "## Python's `socket`, name by name\n";

interface Row {
  readonly theirs: readonly string[];
  /** What is here, as the table has it. */
  readonly here: string;
}

const README = await Deno.readTextFile(
  new URL("../../poll/README.md", import.meta.url),
);

/** The two tables below the heading: methods, then functions. */
const [methods, functions] = README.split(HEADING)[1]!.split("\n## ")[0]!
  .split(/\n\| -+ \| -+ +\|\n|\n\| -+ +\| -+ +\|\n/).slice(1)
  .map((table) =>
    table.split("\n\n")[0]!.split("\n").map((line): Row => {
      const [, theirs, here] = line.split("|");
      return { theirs: quoted(theirs!), here: here!.trim() };
    })
  );

function quoted(cell: string): string[] {
  return Array.from(cell.matchAll(/`([\w.]+)`/g), ([, name]) => name!);
}

function hasMethod(name: string): boolean {
  using socket = new poll.Socket();
  return name in socket;
}

const camelCase = (name: string) =>
  name.toLowerCase().replace(/_(\w)/g, (_, letter) => letter.toUpperCase());

/** What CPython prints as JSON. */
async function ask(code: string): Promise<unknown> {
  return JSON.parse(
    await python.run(["-I", "-c", `import json, select, socket\n${code}`]),
  );
}

testWith(
  [python],
  "the tables have every method and function of CPython's socket, each once",
  async () => {
    for (
      const [rows, names] of [
        [
          methods!,
          await ask(
            `print(json.dumps([n for n in dir(socket.socket) if n[0] != "_"]))`,
          ),
        ],
        [
          functions!,
          await ask(
            `print(json.dumps([n for n in dir(socket) if n[0] != "_"
    and callable(getattr(socket, n))
    and not isinstance(getattr(socket, n), type)]))`,
          ),
        ],
      ] as const
    ) {
      deepStrictEqual(
        rows.flatMap(({ theirs }) => theirs).sort(),
        (names as string[]).sort(),
      );
    }
  },
);

Deno.test("what the tables name is here", () => {
  const unknown = [...methods!, ...functions!]
    .filter(({ here }) => !here.startsWith("missing"))
    .flatMap(({ theirs, here }) => here === "the same" ? theirs : quoted(here))
    .map((name) => name.replace("Socket.", ""))
    .filter((name) =>
      !hasMethod(name) && !(name in poll) && !(name in poll.Socket) &&
      // A part of what `recvmsg` returns.
      name !== "fds"
    );
  deepStrictEqual(unknown, []);
  for (const { theirs, here } of methods!) {
    if (here === "the same") ok(theirs.every(hasMethod), theirs.join());
  }
});

/** What CPython's `test3542SocketOptions` looks for. */
const OPTIONS_OF_RFC_3542 = [
  ...["CHECKSUM", "DONTFRAG", "DSTOPTS", "HOPLIMIT", "HOPOPTS", "NEXTHOP"],
  ...["PATHMTU", "PKTINFO", "RECVDSTOPTS", "RECVHOPLIMIT", "RECVHOPOPTS"],
  ...["RECVPATHMTU", "RECVPKTINFO", "RECVRTHDR", "RECVTCLASS", "RTHDR"],
  ...["RTHDRDSTOPTS", "RTHDR_TYPE_0", "TCLASS", "USE_MIN_MTU"],
].map((name) => `IPV6_${name}`);

Deno.test("of CPython's crucial constants two are missing, of RFC 3542's all but six", () => {
  deepStrictEqual(
    [
      ...["AF_INET", "AF_INET6", "SOCK_STREAM", "SOCK_DGRAM", "SOCK_RAW"],
      ...["SOCK_RDM", "SOCK_SEQPACKET", "SOL_SOCKET", "SO_REUSEADDR"],
    ].filter((name) => !(name in poll)),
    ["SOCK_RAW", "SOCK_RDM"],
  );
  deepStrictEqual(
    OPTIONS_OF_RFC_3542.filter((name) => name in poll),
    [
      "HOPLIMIT",
      "PKTINFO",
      "RECVHOPLIMIT",
      "RECVPKTINFO",
      "RECVTCLASS",
      "TCLASS",
    ]
      .map((name) => `IPV6_${name}`),
  );
});

Deno.test("what the tables call missing is not here", () => {
  const missing = (rows: readonly Row[]) =>
    rows.filter(({ here }) => here.startsWith("missing"))
      .flatMap(({ theirs }) => theirs).map(camelCase);
  const gone = missing(methods!);
  ok(gone.length > 3);
  deepStrictEqual(gone.filter(hasMethod), []);
  const absent = missing(functions!);
  ok(absent.length > 10);
  deepStrictEqual(absent.filter((name) => name in poll), []);
});

testWith(
  [python],
  "constants that CPython has, too, have its values",
  async () => {
    const theirs = await ask(
      `print(json.dumps({n: int(getattr(m, n)) for m in (socket, select)
    for n in dir(m) if n.isupper() and isinstance(getattr(m, n), int)}))`,
    ) as Record<string, number>;
    const shared = Object.entries(poll).filter((
      entry,
    ): entry is [string, number] =>
      typeof entry[1] === "number" && entry[0] in theirs
    );
    ok(shared.length > 100, `${shared.length} constants`);
    const unlike = shared.filter(([name, value]) =>
      value >>> 0 !== theirs[name]! >>> 0
    );
    deepStrictEqual(unlike, []);
    const tcp = Object.keys(theirs).filter((name) => name.startsWith("TCP_"));
    deepStrictEqual(tcp.filter((name) => !(name in poll)), []);
  },
);
