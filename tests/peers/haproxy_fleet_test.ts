// examples/haproxy/: two instances behind the real HAProxy, by the file that is
// there, with nothing changed but the address and how often it checks.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { ask, ownLoopback } from "../_loopback.ts";
import { type Child, Folder, testWith } from "../_program.ts";
import { patiently } from "../_patience.ts";
import { end, portOf, startExample } from "../examples/_example.ts";
import { Front, haproxy } from "./_haproxy.ts";
import { makeCertificate } from "../_certificate.ts";
import { openssl } from "./_peers.ts";

const EXAMPLE = `${import.meta.dirname}/../../examples/haproxy/haproxy.cfg`;
/** How long an instance says that it leaves: several checks. In milliseconds. */
const NOTICE = 400;

/** Replaces what must be there. */
function replaced(text: string, from: string, to: string): string {
  ok(text.includes(from), `${EXAMPLE} does not have ${from}`);
  return text.replaceAll(from, to);
}

/** HAProxy as the example has it, at another address. */
function startHAProxy(
  hostname: string,
  folder: Folder,
): Promise<Front<Deno.ConnectOptions>> {
  let text = Deno.readTextFileSync(EXAMPLE);
  text = replaced(text, "127.0.0.1:", `${hostname}:`);
  // So that an instance that has started again is found at once.
  text = replaced(text, "inter 500ms fastinter 100ms", "inter 50ms");
  return Front.of(folder, text, { hostname, port: 8000 });
}

interface Instance {
  readonly port: number;
  readonly readyPort: number;
  readonly flags?: readonly string[];
}

/** Starts the instance that the example's file has at a port. */
async function startInstance(
  hostname: string,
  { port, readyPort, flags = [] }: Instance,
): Promise<Child> {
  const [, cert = "cert.pem", , key = "key.pem"] = flags;
  const child = startExample(
    "haproxy/backend",
    { "127.0.0.1": hostname, "cert.pem": cert, "key.pem": key },
    [
      ...["--hostname", hostname, "--port", port, "--ready-port", readyPort],
      ...["--notice", NOTICE, ...flags],
    ],
  );
  await portOf(child);
  return child;
}

/** Clients that connect, ask, read their answer and come again. */
class Load {
  /** How many answers each instance has given, by its process. */
  readonly answers = new Map<string, number>();
  readonly lost: string[] = [];
  asked = 0;
  #going = true;
  readonly #address: Deno.ConnectOptions;
  readonly #loops: Promise<void>[];

  constructor(address: Deno.ConnectOptions, clients: number) {
    this.#address = address;
    this.#loops = Array.from({ length: clients }, () => this.#loop());
  }

  async stop(): Promise<void> {
    this.#going = false;
    await Promise.all(this.#loops);
  }

  async #loop(): Promise<void> {
    while (this.#going) await this.visit();
  }

  async visit(): Promise<void> {
    const line = `request ${++this.asked}`;
    let answer = "";
    let own = "";
    try {
      const client = await Deno.connect(this.#address);
      const { hostname, port } = client.localAddr as Deno.NetAddr;
      own = `${hostname}:${port}`;
      await client.write(new TextEncoder().encode(`${line}\n`));
      answer = await new Response(client.readable).text();
    } catch (error) {
      answer += `${error}`;
    }
    const [, pid] = /^(\d+) /.exec(answer) ?? [];
    if (pid === undefined || answer !== `${pid} ${own} ${line}\n`) {
      this.lost.push(`${own} ${line}: ${JSON.stringify(answer)}`);
    } else {
      this.answers.set(pid, (this.answers.get(pid) ?? 0) + 1);
    }
  }
}

testWith(
  [haproxy],
  "instances behind HAProxy are stopped and started again and again under load, and no request is lost",
  async () => {
    await using folder = new Folder();
    const hostname = ownLoopback();
    const first = { port: 1241, readyPort: 1341 };
    const second = { port: 1242, readyPort: 1342 };
    await using one = await startInstance(hostname, first);
    await using staying = await startInstance(hostname, second);
    let leaving = one;
    await using front = await startHAProxy(hostname, folder);
    const load = new Load({ hostname, port: 8000 }, 8);
    try {
      for (let round = 0; round < 3; round++) {
        const { code, stderr } = await end(leaving, "SIGTERM");
        deepStrictEqual({ code, stderr }, { code: 0, stderr: "" });
        await front.child.until("Server plain_instances/first is DOWN");
        leaving = await startInstance(hostname, first);
        await front.child.until("Server plain_instances/first is UP");
        // Until it is among those that answer again.
        const answered = load.answers.size;
        await patiently(
          until(() => load.answers.size > answered || load.lost.length > 0),
          () => "an answer of the instance that has started again",
        );
      }
      await load.stop();
      deepStrictEqual(load.lost, []);
      // The one that stayed, the one that was there first, and its successors.
      strictEqual(load.answers.size, 5);
      const answered = load.answers.values().reduce((sum, n) => sum + n, 0);
      strictEqual(answered, load.asked);
      ok(answered > 500, `${answered} requests`);
    } finally {
      await load.stop();
      await leaving[Symbol.asyncDispose]();
    }
    deepStrictEqual((await end(staying, "SIGTERM")).stderr, "");
  },
);

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

testWith(
  [haproxy, openssl],
  "examples/haproxy: two of three clients go to the heavier instance, TLS passes through, and what is not TLS is refused",
  async () => {
    await using folder = new Folder();
    const hostname = ownLoopback();
    const { cert, key, file } = await makeCertificate(folder);
    const certificate = folder.at("cert.pem");
    const privateKey = folder.at("key.pem");
    await Deno.writeTextFile(certificate, cert);
    await Deno.writeTextFile(privateKey, key);
    const flags = ["--cert", certificate, "--key", privateKey];
    await using _heavy = await startInstance(hostname, {
      ...{ port: 1241, readyPort: 1341 },
    });
    await using _light = await startInstance(hostname, {
      ...{ port: 1242, readyPort: 1342 },
    });
    await using encrypted = await startInstance(hostname, {
      ...{ port: 1243, readyPort: 1343, flags },
    });
    await using front = await startHAProxy(hostname, folder);
    // The fourth is not there, and nobody is to meet it.
    await front.child.until("Server tls_instances/second is DOWN");

    const load = new Load({ hostname, port: 8000 }, 0);
    for (let i = 0; i < 30; i++) await load.visit();
    deepStrictEqual(load.lost, []);
    deepStrictEqual([...load.answers.values()].sort((a, b) => a - b), [10, 20]);

    // It goes on until the server's end, and not only until that of its input.
    const answer = await openssl.run([
      ...["s_client", "-quiet", "-connect", `${hostname}:8443`],
      ...["-CAfile", file, "-verify_return_error"],
    ], "in TLS\n");
    match(answer, /^\d+ 127\.0\.0\.1:\d+ in TLS\n$/);

    const address = { hostname, port: 8443 };
    strictEqual(await ask(address, "plain text\n").catch(() => ""), "");
    const { code, stderr } = await end(encrypted, "SIGTERM");
    deepStrictEqual({ code, stderr }, { code: 0, stderr: "" });
  },
);
