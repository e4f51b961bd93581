import { deepStrictEqual, rejects, strictEqual, throws } from "node:assert";
import { UnixDatagramServer, UnixStreamServer } from "../../../mod.ts";
import { serveForTest } from "../../../server/testing/mod.ts";
import { Child, Folder, Program, testWith } from "../../_program.ts";
import { ask, isDisconnect } from "../../_loopback.ts";

const python = new Program("python3", "python3");

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Leaves a socket file behind, as a server that was killed does. */
function leaveDead(path: string): void {
  const listener = Deno.listen({ transport: "unix", path: `${path}~` });
  // A listener that closes removes the file of the name it was made with.
  Deno.renameSync(`${path}~`, path);
  listener.close();
  strictEqual(exists(path), true);
}

const unix = (path: string) => ({ transport: "unix", path } as const);

Deno.test("UnixStreamServer serves on its path and removes it", async () => {
  await using folder = new Folder();
  const path = folder.at("a.sock");
  await using served = await serveForTest(
    new UnixStreamServer({ path }, ({ wfile }) => void wfile.write("unix")),
  );
  strictEqual(await ask(unix(path)), "unix");
  await served.server.shutdown();
  strictEqual(exists(path), false);
});

Deno.test("UnixStreamServer refuses a path where a server answers, reclaim or not", async () => {
  await using folder = new Folder();
  const path = folder.at("a.sock");
  await using served = await serveForTest(
    new UnixStreamServer({ path }, ({ wfile }) => void wfile.write("mine"), {
      onError() {},
    }),
    // The probe of reclaim connects and is gone before it is answered.
    { allowErrors: isDisconnect },
  );
  for (const options of [{}, { reclaim: true }]) {
    throws(
      () => new UnixStreamServer({ path }, () => {}, options),
      Deno.errors.AddrInUse,
    );
  }
  strictEqual(await ask(unix(path)), "mine");
  strictEqual(served.addr.path, path);
});

Deno.test("UnixStreamServer takes over what a dead server left, when told to", async () => {
  await using folder = new Folder();
  const path = folder.at("a.sock");
  leaveDead(path);
  throws(() => new UnixStreamServer({ path }, () => {}), {
    name: "AddrInUse",
    message:
      `Cannot listen on "${path}": a socket is already there; if its server is dead, set the option reclaim: true to take it over`,
  });
  await using _served = await serveForTest(
    new UnixStreamServer(
      { path },
      ({ wfile }) => void wfile.write("reclaimed"),
      { reclaim: true },
    ),
  );
  strictEqual(await ask(unix(path)), "reclaimed");
});

Deno.test("UnixDatagramServer tells a live datagram socket from a dead one", async () => {
  await using folder = new Folder();
  const path = folder.at("d.sock");
  const live = new UnixDatagramServer({ path }, () => {});
  throws(
    () => new UnixDatagramServer({ path }, () => {}, { reclaim: true }),
    /a live server answers there/,
  );
  await live.shutdown();
  Deno.listenDatagram({ transport: "unixpacket", path }).close();
  await using _server = new UnixDatagramServer({ path }, () => {}, {
    reclaim: true,
  });
});

Deno.test("UnixStreamServer never removes what is not a socket", async () => {
  await using folder = new Folder();
  const path = folder.at("file");
  await Deno.writeTextFile(path, "precious");
  throws(
    () => new UnixStreamServer({ path }, () => {}, { reclaim: true }),
    /it exists and is not a socket/,
  );
  strictEqual(await Deno.readTextFile(path), "precious");
  const link = folder.at("link");
  leaveDead(folder.at("dead.sock"));
  await Deno.symlink(folder.at("dead.sock"), link);
  throws(
    () => new UnixStreamServer({ path: link }, () => {}, { reclaim: true }),
    Deno.errors.AddrInUse,
  );
  strictEqual(exists(link), true);
});

Deno.test("UnixStreamServer leaves a path alone that is not its own any more", async () => {
  await using folder = new Folder();
  const path = folder.at("a.sock");
  const first = new UnixStreamServer({ path }, () => {});
  await Deno.remove(path);
  await using second = await serveForTest(
    new UnixStreamServer({ path }, ({ wfile }) => void wfile.write("second")),
  );
  await first.shutdown();
  strictEqual(await ask(unix(path)), "second");
  await second.server.shutdown();
  strictEqual(exists(path), false);
});

Deno.test("UnixStreamServer sets the mode of its socket file", async () => {
  await using folder = new Folder();
  const path = folder.at("a.sock");
  await using _server = new UnixStreamServer({ path }, () => {}, {
    mode: 0o600,
  });
  strictEqual((await Deno.lstat(path)).mode! & 0o777, 0o600);
  for (const mode of [-1, 0o1000, 1.5, NaN]) {
    throws(
      () => new UnixStreamServer({ path: folder.at("b") }, () => {}, { mode }),
      RangeError,
    );
  }
  strictEqual(exists(folder.at("b")), false);
});

Deno.test("UnixStreamServer names the path that is too long or has no folder", async () => {
  await using folder = new Folder();
  const long = folder.at("x".repeat(108 - folder.path.length - 1));
  strictEqual(long.length, 108);
  throws(
    () => new UnixStreamServer({ path: long }, () => {}),
    /Cannot listen on ".*": the path is 108 bytes, too long/,
  );
  throws(
    () => new UnixStreamServer({ path: folder.at("no/a.sock") }, () => {}),
    /Cannot listen on ".*": its folder does not exist/,
  );
});

Deno.test("Unix servers remove a socket file with a relative path from where they made it", async () => {
  await using folder = new Folder();
  // A process of its own: others have the same current directory.
  await using program = new Child(Deno.execPath(), [
    "eval",
    "--unstable-net",
    `import { UnixDatagramServer, UnixStreamServer } from ${
      JSON.stringify(import.meta.resolve("../../../mod.ts"))
    };
    Deno.chdir(${JSON.stringify(folder.at("."))});
    const servers = [
      new UnixStreamServer({ path: "s" }, () => {}),
      new UnixDatagramServer({ path: "d" }, () => {}),
    ];
    const before = [...Deno.readDirSync(".")].length;
    const cwd = Deno.cwd();
    Deno.chdir("/");
    for (const server of servers) server.serveForever();
    for (const server of servers) await server.shutdown();
    console.log(before, [...Deno.readDirSync(cwd)].length);`,
  ]);
  await program.until("2 0");
});

Deno.test("Unix servers refuse a path that is empty or none", () => {
  for (const Server of [UnixStreamServer, UnixDatagramServer]) {
    for (const path of ["", undefined]) {
      throws(() => new Server({ path: path as string }, () => {}), {
        name: "TypeError",
        message:
          `Cannot create server: path must be a string that is not empty, received ${
            Deno.inspect(path)
          }`,
      });
    }
  }
});

Deno.test("UnixDatagramServer replies to a client that has a path", async () => {
  await using folder = new Folder();
  await using served = await serveForTest(
    new UnixDatagramServer({ path: folder.at("s") }, async (handler) => {
      await handler.wfile.write(
        (await handler.rfile.readLine())!.toUpperCase(),
      );
    }),
  );
  const client = Deno.listenDatagram({
    transport: "unixpacket",
    path: folder.at("c"),
  });
  await client.send(new TextEncoder().encode("hello"), served.addr);
  const [data] = await client.receive();
  strictEqual(new TextDecoder().decode(data), "HELLO");
  client.close();
});

testWith(
  [python],
  "UnixDatagramServer reports a reply to a client without a path, and goes on",
  async () => {
    await using folder = new Folder();
    await using served = await serveForTest(
      new UnixDatagramServer(
        { path: folder.at("s") },
        ({ wfile }) => void wfile.write("x"),
      ),
    );
    await python.run([
      "-c",
      "import socket,sys; s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM); s.sendto(b'a',sys.argv[1]); s.sendto(b'b',sys.argv[1])",
      served.addr.path!,
    ]);
    const [error] = await served.untilErrors(2);
    strictEqual(
      (error as Error).message,
      "Cannot reply with 1 bytes: the client's socket has no path; it must bind one to be answered",
    );
    await rejects(Promise.reject(error), Deno.errors.AddrNotAvailable);
  },
);

Deno.test("a server can have an abstract name, and no file", async () => {
  const path = `\0socketserver-${crypto.randomUUID()}`;
  await using served = await serveForTest(
    new UnixStreamServer({ path }, ({ wfile }) => wfile.write("abstract")),
  );
  deepStrictEqual(served.addr, { transport: "unix", path });
  strictEqual(await ask({ transport: "unix", path }), "abstract");
  throws(() => new UnixStreamServer({ path }, () => {}), Deno.errors.AddrInUse);
  await served.server.shutdown();
  // Its name is free at once.
  new UnixStreamServer({ path }, () => {}).close();
  throws(
    () => new UnixStreamServer({ path }, () => {}, { mode: 0o600 }),
    { name: "TypeError", message: /mode is for a socket file/ },
  );
});
