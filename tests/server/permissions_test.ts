import { strictEqual } from "node:assert";

const MODULE = JSON.stringify(import.meta.resolve("../../mod.ts"));

/** Runs a program in a process with just the given flags. */
async function run(flags: string[], program: string) {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, program);
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--no-config", ...flags, file],
      env: { NO_COLOR: "1" },
    }).output();
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, stdout: decode(stdout), stderr: decode(stderr) };
  } finally {
    await Deno.remove(file);
  }
}

/** A port that was free a moment ago. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

Deno.test("importing the module needs no permission", async () => {
  const { code, stderr } = await run([], `import ${MODULE};`);
  strictEqual(code, 0, stderr);
});

Deno.test("TCPServer needs the net permission of its address alone", async () => {
  const port = freePort();
  const { stdout, stderr } = await run(
    [`--allow-net=127.0.0.1:${port}`],
    `import { TCPServer } from ${MODULE};
    await using server = new TCPServer({ hostname: "127.0.0.1", port: ${port} },
      ({ wfile }) => void wfile.write("permitted"), { idleTimeout: 1000, requestTimeout: 1000 });
    server.serveForever();
    const client = await Deno.connect(server.addr);
    console.log(await new Response(client.readable).text());`,
  );
  strictEqual(stdout, "permitted\n", stderr);
});

Deno.test("TCPServer without permission says which one", async () => {
  const { code, stderr } = await run(
    [],
    `import { TCPServer } from ${MODULE};
    new TCPServer({ hostname: "127.0.0.1", port: 1234 }, () => {});`,
  );
  strictEqual(code, 1);
  strictEqual(
    stderr.includes(
      "NotCapable: Cannot listen on 127.0.0.1:1234: requires net access to it, run again with --allow-net=127.0.0.1:1234\n",
    ),
    true,
    stderr,
  );
});

for (const inheritable of [false, true]) {
  Deno.test(`UnixStreamServer without permissions says which ones (inheritable: ${inheritable})`, async () => {
    const { code, stderr } = await run(
      ["--allow-write=/run/a.sock"],
      `import { UnixStreamServer } from ${MODULE};
      new UnixStreamServer({ path: "/run/a.sock", inheritable: ${inheritable} }, () => {});`,
    );
    strictEqual(code, 1);
    strictEqual(
      stderr.includes(
        'NotCapable: Cannot listen on "/run/a.sock": requires read, net access to it, run again with --allow-read=/run/a.sock --allow-net=unix:/run/a.sock\n',
      ),
      true,
      stderr,
    );
  });

  Deno.test(`UnixStreamServer needs its path's permissions alone, reclaiming too (inheritable: ${inheritable})`, async () => {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/a.sock`;
    Deno.listen({ transport: "unix", path }).close();
    const flags = [
      `--allow-read=${path}`,
      `--allow-write=${path}`,
      `--allow-net=unix:${path}`,
    ];
    const { stdout, stderr } = await run(
      flags,
      `import { UnixStreamServer } from ${MODULE};
    await using server = new UnixStreamServer(
      { path: ${JSON.stringify(path)}, inheritable: ${inheritable} },
      ({ wfile }) => void wfile.write("permitted"), { reclaim: true, mode: 0o600 });
    server.serveForever();
    const client = await Deno.connect({ transport: "unix", path: server.addr.path! });
    console.log(await new Response(client.readable).text());`,
    );
    strictEqual(stdout, "permitted\n", stderr);
    await Deno.remove(folder, { recursive: true });
  });
}

Deno.test("UDPServer without --unstable-net says so", async () => {
  const { code, stderr } = await run(
    ["--allow-net"],
    `import { UDPServer } from ${MODULE};
    new UDPServer({ hostname: "127.0.0.1", port: 0 }, () => {});`,
  );
  strictEqual(code, 1);
  strictEqual(
    stderr.includes(
      'NotSupported: Cannot create server: Deno.listenDatagram is unstable, run again with the --unstable-net flag, or have "unstable": ["net"] in deno.json',
    ),
    true,
    stderr,
  );
});
