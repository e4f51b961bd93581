import { match, ok, strictEqual } from "node:assert";
import { isDisconnect } from "../../server/_core/accept_errors.ts";
import { patiently } from "../_patience.ts";
import { Child } from "../_program.ts";
import { ask } from "../_loopback.ts";

const LOOPBACK = { hostname: "127.0.0.1" } as const;

/** Starts a program of this folder that may have 100 descriptors. */
function start(program: string, ...args: (string | number)[]): Child {
  const deno = `'${Deno.execPath()}' run --quiet --allow-all`;
  return new Child("/bin/sh", [
    "-c",
    `ulimit -n 100; exec ${deno} '${import.meta.dirname}/${program}' ${
      args.join(" ")
    }`,
  ]);
}

async function askDatagram(port: number, line: string): Promise<string> {
  const socket = Deno.listenDatagram({
    ...{ transport: "udp", ...LOOPBACK, port: 0 },
  });
  try {
    await socket.send(new TextEncoder().encode(`${line}\n`), {
      ...{ transport: "udp", ...LOOPBACK, port },
    });
    const [answer] = await socket.receive();
    return new TextDecoder().decode(answer);
  } finally {
    socket.close();
  }
}

async function askPage(port: number, line: string): Promise<string> {
  const answer = await ask(
    { ...LOOPBACK, port },
    `GET /${line} HTTP/1.0\r\n\r\n`,
  );
  return answer.slice(answer.indexOf("\r\n\r\n") + 4);
}

const askLine = (port: number, line: string) =>
  ask({ ...LOOPBACK, port }, `${line}\n`);

for (
  const [kind, fewest, most, askFor, mayDie] of [
    ["ThreadingTCPServer", 1, 40, askLine, true],
    ["ThreadingHTTPServer", 24, 40, askPage, true],
    ["ThreadingUDPServer", 24, 40, askDatagram, false],
    ["ForkingTCPServer", 4, 18, askLine, false],
    ["ForkingUDPServer", 6, 18, askDatagram, false],
  ] as const
) {
  Deno.test(`a ${kind} with few descriptors is refused, or serves`, async () => {
    await using child = start("_scarce_program.ts", kind, fewest, most);
    let refused = 0;
    let served = 0;
    for (let left: number = fewest; served < 3 && left <= most; left++) {
      const [, what] = await child.until(new RegExp(`^${left} (.*)\n`, "m"));
      const [, port] = /^port (\d+)/.exec(what!) ?? [];
      if (port === undefined) {
        match(what!, /^(Busy|EMFILE)$/);
        refused++;
        continue;
      }
      const answers = (line: string) =>
        patiently(
          askFor(Number(port), line).catch((error) => {
            if (!isDisconnect(error)) throw error;
            return "";
          }),
          () => `the answer to "${line}" where ${left} are left`,
        );
      strictEqual(await answers("one"), "one\n");
      // The thread that takes its place needs as many. It may answer before it goes.
      if (mayDie) match(await answers("die"), /^(die\n)?$/);
      let two = await answers("two");
      // It may have come to the thread that was about to go, and gone with it.
      if (mayDie && two === "") two = await answers("two");
      strictEqual(two, "two\n");
      strictEqual(await answers("stop"), "stop\n");
      served++;
    }
    const { code, stderr } = await child.output();
    strictEqual(code, 0, stderr);
    ok(refused > 0, `${fewest} are enough`);
    strictEqual(served, 3, `${most} are too few`);
  });
}

Deno.test("the stack of an error can be read where no descriptor is left", async () => {
  await using child = start("_scarce_program.ts", "stack");
  const { code, stdout, stderr } = await child.output();
  strictEqual(code, 0, stderr);
  match(new TextDecoder().decode(stdout), /^Error: far\n.*_far_error\.ts:5:10/);
});
