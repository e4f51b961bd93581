import { strictEqual } from "node:assert";
import { dirname } from "node:path";
import {
  TCPServer,
  TLSServer,
  UDPServer,
  UnixDatagramServer,
  UnixStreamServer,
} from "../../mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { Folder, testWith } from "../_program.ts";
import { bracket } from "../peers/_peers.ts";
import { script, startInTerminal, untilPrinted } from "./_terminal.ts";

const CLIENT = new URL("./_client.ts", import.meta.url).pathname;

/** Runs a client with just the given flags, and reads what it prints. */
async function ask(
  flags: readonly string[],
  ...args: readonly (string | number)[]
): Promise<void> {
  await using child = startInTerminal(
    ["run", "--quiet", "--no-config", ...flags, CLIENT, ...args.map(String)],
  );
  const [, answer] = await untilPrinted(child, /answered (\S+)/);
  strictEqual(answer, "<x>");
  strictEqual((await child.output()).code, 0);
}

function test(name: string, fn: () => Promise<void>): void {
  testWith(
    [script],
    `in a terminal, a client of ${name} asks for no permission beyond the README's`,
    fn,
  );
}

test("TCP", async () => {
  await using served = await serveForTest(bracket, { server: TCPServer });
  const { port } = served.addr;
  await ask([`--allow-net=127.0.0.1:${port}`], "tcp", port);
});

test("TLS", async () => {
  await using folder = new Folder();
  await using served = await serveForTest(bracket, { server: TLSServer });
  const { port } = served.addr;
  const ca = `${await Deno.realPath(folder.path)}/ca.pem`;
  await Deno.writeTextFile(ca, served.certificate!.cert);
  const flags = [`--allow-net=127.0.0.1:${port}`, `--allow-read=${ca}`];
  await ask(flags, "tls", port, ca);
});

test("a path", async () => {
  await using served = await serveForTest(bracket, {
    server: UnixStreamServer,
  });
  const path = served.addr.path!;
  await ask(
    ["read", "write", "net"].map((name) =>
      `--allow-${name}=${name === "net" ? "unix:" : ""}${path}`
    ),
    "unix",
    path,
  );
});

test("UDP", async () => {
  await using served = await serveForTest(({ packet, wfile }) => {
    wfile.write("<");
    wfile.write(packet);
    wfile.write(">");
  }, { server: UDPServer });
  const { port } = served.addr;
  const net = `--allow-net=127.0.0.1:${port},127.0.0.1:0`;
  await ask(["--unstable-net", net], "udp", port);
});

/** A server of datagrams at a path. */
async function serveAtPath() {
  return await serveForTest(({ packet, wfile }) => {
    wfile.write("<");
    wfile.write(packet);
    wfile.write(">");
  }, { server: UnixDatagramServer });
}

test("datagrams at a path", async () => {
  await using served = await serveAtPath();
  const path = served.addr.path!;
  const files = [`--allow-read=${path}`, `--allow-write=${path}`];
  await ask(
    ["--unstable-net", ...files, "--allow-net"],
    "unix datagrams",
    path,
  );
});

test("datagrams at a path with sockets in a folder", async () => {
  await using served = await serveAtPath();
  const path = served.addr.path!;
  const folder = dirname(path);
  const files = [`--allow-read=${folder}`, `--allow-write=${folder}`];
  await ask(
    ["--unstable-net", ...files, "--allow-net"],
    "unix datagrams with folder",
    path,
  );
});
