import { strictEqual } from "node:assert";
import { Folder, Program, testWith } from "../_program.ts";
import { script, startInTerminal, untilPrinted } from "./_terminal.ts";

const activate = new Program("systemd-socket-activate", "systemd");
const SERVICE = new URL("./_service_program.ts", import.meta.url).pathname;
const RUN = ["run", "--quiet", "--no-config"];

/** A socket that takes what a service tells its manager. */
function openManager(path: string): Disposable & Deno.DatagramConn {
  const socket = Deno.listenDatagram({ transport: "unixpacket", path });
  return Object.assign(socket, { [Symbol.dispose]: () => socket.close() });
}

/** A program in a terminal that is told where its manager is. */
function startManaged(path: string, flags: readonly string[]) {
  const words = [...RUN, "--unstable-net", ...flags, SERVICE, "notify"]
    .map((word) => `'${word}'`).join(" ");
  return script.start(
    "-qec",
    `NOTIFY_SOCKET='${path}' exec '${Deno.execPath()}' ${words}`,
    "/dev/null",
  );
}

testWith([script], "permissions: sdNotify", async () => {
  await using folder = new Folder();
  const path = folder.at("notify");
  using manager = openManager(path);
  await using service = startManaged(path, [
    ...["--allow-env=NOTIFY_SOCKET", "--allow-net"],
    ...[`--allow-read=${path}`, `--allow-write=${path}`],
  ]);
  await untilPrinted(service, /told true;/);
  const [message] = await manager.receive();
  strictEqual(new TextDecoder().decode(message), "READY=1");
});

for (
  const [missing, others] of [
    ["net", ["read", "write"]],
    ["read", ["net", "write"]],
    ["write", ["net", "read"]],
  ] as const
) {
  testWith(
    [script],
    `permissions: sdNotify without --allow-${missing} says so`,
    async () => {
      await using folder = new Folder();
      const path = folder.at("notify");
      using _manager = openManager(path);
      await using service = startManaged(path, [
        "--allow-env=NOTIFY_SOCKET",
        ...others.map((name) => `--allow-${name}`),
      ]);
      await untilPrinted(
        service,
        new RegExp(
          `refused: NotCapable: Cannot notify the service manager: requires ${missing} access, run again with --allow-${missing}`,
        ),
      );
    },
  );
}

testWith(
  [script, activate],
  "permissions: a server on a socket that it is started with",
  async () => {
    await using folder = new Folder();
    const path = folder.at("socket");
    const words = [
      ...[Deno.execPath(), ...RUN, "--allow-net"],
      ...["--allow-env=LISTEN_PID,LISTEN_FDS,LISTEN_FDNAMES"],
      ...[SERVICE, "inherited unix"],
    ].map((word) => `'${word}'`).join(" ");
    const keep = ["HOME", "DENO_DIR"]
      .filter((name) => Deno.env.has(name))
      .map((name) => `-E ${name}`).join(" ");
    await using service = script.start(
      "-qec",
      `exec systemd-socket-activate ${keep} -l '${path}' ${words}`,
      "/dev/null",
    );
    // In a terminal all that is printed is one stream.
    await service.until(/Listening on/);
    using client = await Deno.connect({ transport: "unix", path });
    await untilPrinted(service, /ready;/);
    strictEqual(await new Response(client.readable).text(), "served\n");
  },
);

testWith([script], "permissions: restart", async () => {
  const flags = ["--allow-net=127.0.0.1:0", "--allow-run=deno", "--allow-env"];
  await using service = startInTerminal(
    [...RUN, ...flags, SERVICE, "restarted"],
  );
  await untilPrinted(service, /restarted as \d+;/);
});

for (
  const [flags, refused] of [
    [
      ["--allow-env=LISTEN_PID", "--allow-run=deno"],
      "Cannot restart: requires env access, run again with --allow-env",
    ],
    [
      ["--allow-env"],
      `Cannot restart: requires run access to "deno", run again with --allow-run=deno`,
    ],
  ] as const
) {
  testWith(
    [script],
    `permissions: restart with ${flags} says what is missing`,
    async () => {
      await using service = startInTerminal(
        [...RUN, "--allow-net=127.0.0.1:0", ...flags, SERVICE, "restarted"],
      );
      await untilPrinted(
        service,
        new RegExp(`refused: NotCapable: ${refused};`),
      );
    },
  );
}
