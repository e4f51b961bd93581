import { deepStrictEqual, match, rejects, strictEqual } from "node:assert";
import { sdWatchdog } from "../../../mod.ts";
import { patiently } from "../../_patience.ts";
import { Folder } from "../../_program.ts";
import { run } from "./_run.ts";

const FLAGS = ["-A", "--unstable-net"];

/** A service manager that keeps what it is told. */
class Manager implements AsyncDisposable {
  readonly #folder = new Folder();
  readonly #socket: Deno.DatagramConn;
  readonly env: Record<string, string>;

  constructor(microseconds: string) {
    const path = this.#folder.at("notify");
    this.#socket = Deno.listenDatagram({ transport: "unixpacket", path });
    this.env = { NOTIFY_SOCKET: path, WATCHDOG_USEC: microseconds };
  }

  /** All that it is told until it is told this. */
  async until(last: string): Promise<string[]> {
    const all: string[] = [];
    while (all.at(-1) !== last) {
      const [bytes] = await patiently(
        this.#socket.receive(),
        () => `${last}, behind ${all.join()}`,
      );
      all.push(new TextDecoder().decode(bytes));
    }
    return all;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await this.#folder[Symbol.asyncDispose]();
  }
}

Deno.test("sdWatchdog() tells that all is well at half the time, while that is so", async () => {
  await using manager = new Manager("40000");
  const [said, told] = await Promise.all([
    run(
      `
      let asked = 0;
      const { promise, resolve } = Promise.withResolvers();
      const watchdog = await s.sdWatchdog({
        check() {
          asked++;
          if (asked === 2) throw new Error("unwell");
          if (asked === 5) resolve();
          return Promise.resolve(asked === 3);
        },
        onError: (error) => console.log(error.message),
      });
      console.log(watchdog.interval);
      // The timer keeps no process, so something else has to.
      const alive = setInterval(() => {}, 1_000);
      await promise;
      watchdog[Symbol.dispose]();
      clearInterval(alive);
      await s.sdNotify("STOPPING=1");`,
      manager.env,
      FLAGS,
    ),
    manager.until("STOPPING=1"),
  ]);
  strictEqual(said, "20\nunwell");
  deepStrictEqual(told, ["WATCHDOG=1", "WATCHDOG=1", "STOPPING=1"]);
});

Deno.test("sdWatchdog() keeps no process from ending", async () => {
  await using manager = new Manager("40000");
  const [said] = await Promise.all([
    run("await s.sdWatchdog(); console.log('over');", manager.env, FLAGS),
    manager.until("WATCHDOG=1"),
  ]);
  strictEqual(said, "over");
});

const INTERVAL = `
try { console.log((await s.sdWatchdog()).interval); }
catch (error) { console.log(String(error)); }`;

Deno.test("sdWatchdog() tells nobody who does not want to know", async () => {
  await using manager = new Manager("40000");
  const { WATCHDOG_USEC, ...where } = manager.env;
  for (
    const env of [
      where,
      { ...where, WATCHDOG_USEC: "" },
      { WATCHDOG_USEC: WATCHDOG_USEC! },
      { ...manager.env, WATCHDOG_PID: "1" },
    ]
  ) strictEqual(await run(INTERVAL, env, FLAGS), "undefined");
  const ours = `Deno.env.set("WATCHDOG_PID", String(Deno.pid));${INTERVAL}`;
  strictEqual(await run(ours, manager.env, FLAGS), "20");
});

Deno.test("sdWatchdog() says what is wrong when it begins", async () => {
  await using manager = new Manager("often");
  const { env } = manager;
  match(
    await run(INTERVAL, env, FLAGS),
    /^InvalidData: Cannot watch over the service: WATCHDOG_USEC must be a number of microseconds, received "often"$/,
  );
  match(
    await run(INTERVAL, { ...env, WATCHDOG_USEC: "1000000" }),
    /^NotSupported: .*--unstable-net flag, or have /,
  );
  match(
    await run(INTERVAL, env, []),
    /^NotCapable: Cannot watch over the service: requires env access, run again with --allow-env=WATCHDOG_USEC,WATCHDOG_PID$/,
  );
  for (
    const [options, message] of [
      [{ onFailure() {} }, /unknown option "onFailure"/],
      [{ check: true }, /check must be a function, received true/],
    ] as const
  ) {
    await rejects(sdWatchdog(options as object), {
      name: "TypeError",
      message,
    });
  }
});

Deno.test("a successor watches over the service in its turn", async () => {
  const said = await run(
    `
    const server = new s.TCPServer(
      { hostname: "127.0.0.1", port: 0, inheritable: true }, () => {},
    );
    Deno.env.set("WATCHDOG_PID", String(Deno.pid));
    const code = 'console.log(Deno.env.get("WATCHDOG_PID") === "parent-" + Deno.ppid)';
    await s.restart(server, { args: ["eval", code] }).catch(() => {});
    await server.shutdown();`,
    {},
  );
  strictEqual(said, "true");
});
