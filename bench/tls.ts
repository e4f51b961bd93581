/**
 * Compares servers of TLS, run in turn on one core under the load of a C program
 * with OpenSSL on the other: handshakes, how long a client waits for its first byte,
 * echoes, 1 GiB each way, and the memory of connections that wait.
 *
 * Options: `--rounds=N`, `--only=TEXT` for the rows whose name has the text,
 * `--short` to see only that everything works.
 */
import { benchOptions } from "./_options.ts";
import {
  compile,
  denoServer,
  holdConnections,
  isInstalled,
  peerServer,
  runLoad,
  Server,
  type ServerCommand,
} from "./_programs.ts";
import { compareLoads } from "./_served_loads.ts";

const { rounds, seconds, short, only } = benchOptions();
const ms = seconds * (short ? 250 : 1000);
const size = short ? 2 ** 24 : 2 ** 30;
const held = short ? 100 : 5_000;

/** The kinds of keys, and how OpenSSL makes them. */
const KEYS = {
  ecdsa: ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
  rsa: ["rsa:2048"],
} as const;
type Key = keyof typeof KEYS;

const folder = await Deno.makeTempDir();

/** Makes a certificate that signs itself. */
async function makeCertificate(key: Key): Promise<void> {
  const { success, stderr } = await new Deno.Command("openssl", {
    args: [
      ...["req", "-x509", "-nodes", "-days", "1", "-subj", "/CN=localhost"],
      ...["-newkey", ...KEYS[key]],
      ...["-out", `${folder}/${key}.cert`, "-keyout", `${folder}/${key}.key`],
    ],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

/** The servers that are here. They echo, take what comes, or send so many bytes. */
async function serversFor(
  key: Key,
  ...mode: string[]
): Promise<ServerCommand[]> {
  const args = [`${folder}/${key}.cert`, `${folder}/${key}.key`, ...mode];
  const servers: ServerCommand[] = [
    denoServer("TLSServer", "ours_tls.ts", ...args),
    denoServer("Deno.listenTls loop", "raw_tls.ts", ...args),
    { ...peerServer("node", "node_tls.mjs", ...args), label: "Node `tls`" },
    {
      ...peerServer("python3", "cpython_tls.py", ...args),
      label: "CPython `ssl`, a thread each",
    },
  ];
  const here = await Promise.all(
    servers.map(({ command }) => isInstalled(command[0]!)),
  );
  return servers.filter((_, i) => here[i]);
}

interface Row {
  readonly name: string;
  readonly key?: Key;
  readonly mode?: readonly string[];
  /** The mode of tls_load, and its arguments behind the port. */
  readonly load: readonly (string | number)[];
  readonly percentile?: "p90";
}

const rows: Row[] = [
  {
    name: "handshakes, ECDSA P-256, 64 at a time",
    load: ["shake", 64, 0, ms, 0],
  },
  {
    name: "handshakes and a byte each way, 64 at a time",
    load: ["shake", 64, 1, ms, 0],
  },
  {
    name: "resumed handshakes and a byte each way, 64 at a time",
    load: ["shake", 64, 1, ms, 1],
  },
  {
    name: "handshakes, RSA 2048, 64 at a time",
    key: "rsa",
    load: ["shake", 64, 0, ms, 0],
  },
  {
    name: "ms for a handshake and a byte each way, 90th percentile",
    load: ["shake", 1, 1, ms, 0],
    percentile: "p90",
  },
  { name: "echo of 64 bytes, 50 connections", load: ["echo", 50, 64, ms] },
  { name: "MiB received", mode: ["sink"], load: ["send", size] },
  { name: "MiB sent", mode: ["source", `${size}`], load: ["recv", size] },
];

/** Prints how much memory an open connection takes that waits behind an echo. */
async function compareMemory(program: string): Promise<void> {
  console.log("\n| connections that wait | server | KiB each |");
  console.log("|---|---|--:|");
  for (const command of await serversFor("ecdsa", "echo")) {
    await using server = await Server.start(command);
    // Code that is compiled, and what is allocated once, is no connection's.
    await runLoad(program, ["shake", server.port, 64, 1, ms, 0]);
    const before = server.residentMemory();
    const after = await holdConnections(
      program,
      [server.port, held, 64],
      () => server.residentMemory(),
    );
    const each = ((after - before) / held).toFixed(1);
    console.log(`| ${held} | ${command.label} | ${each} |`);
  }
}

try {
  for (const key of ["ecdsa", "rsa"] as const) await makeCertificate(key);
  const program = await compile("tls_load.c", folder, "-lssl", "-lcrypto");
  const chosen = rows.filter(({ name }) => name.includes(only));
  await compareLoads(
    await Promise.all(chosen.map(async (row) => {
      const { name, key = "ecdsa", mode = ["echo"], load, percentile } = row;
      const [what, ...rest] = load;
      return {
        ...{ name, program, servers: await serversFor(key, ...mode) },
        ...percentile === undefined ? {} : { percentile },
        run: (port: number) => runLoad(program, ["spin", what!, port, ...rest]),
      };
    })),
    rounds,
    short ? 0 : 2,
  );
  if ("connections that wait".includes(only)) await compareMemory(program);
} finally {
  await Deno.remove(folder, { recursive: true });
}
