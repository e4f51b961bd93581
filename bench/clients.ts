/**
 * What clients cost: connecting, one echo of 24 bytes and closing, beside what one
 * writes by hand with Deno's own functions; the same in TLS, and of datagrams. In
 * processor time of this process, which the server, a process of its own, does not
 * add to. The two take turns, and the figure is the median of the ratios of each
 * round.
 *
 * Options: `--rounds=N`, `--only=TEXT` for the rows whose name has the text,
 * `--short` to see only that everything works.
 */
import process from "node:process";
import { connect, connectDatagram } from "../handlers/client/mod.ts";
import { selfSignedCertificate } from "../server/testing/mod.ts";
import { benchOptions } from "./_options.ts";
import { denoServer, median, Server, type ServerCommand } from "./_programs.ts";

const { rounds, short, only } = benchOptions();
const CALLS = short ? 20 : 1_000;

const message = new TextEncoder().encode("Thank you for connecting");
const buffer = new Uint8Array(1024);

/** Asks once, in each of two ways. */
interface Pair {
  ours(): Promise<void>;
  bare(): Promise<void>;
}

/** What is measured, and the server that answers. */
interface Row {
  readonly name: string;
  /** How often it is called in a round, of `CALLS`. */
  readonly share?: number;
  readonly server: ServerCommand;
  readonly pair: (port: number) => Pair | Promise<Pair>;
}

/** Reads the echo, as careful as it has to be. */
async function readEcho(conn: Deno.Conn): Promise<void> {
  for (let done = 0; done < message.length;) {
    done += (await conn.read(buffer))!;
  }
}

const folder = await Deno.makeTempDir();
const { cert, key } = await selfSignedCertificate();
await Deno.writeTextFile(`${folder}/cert`, cert);
await Deno.writeTextFile(`${folder}/key`, key);

const rows: readonly Row[] = [
  {
    name: "TCP: connect, echo, close",
    server: denoServer("TCP", "raw_tcp.ts"),
    pair: (port) => ({
      async ours() {
        await using client = await connect({ port });
        await client.wfile.write(message);
        await client.rfile.readExactly(message.length);
      },
      async bare() {
        using conn = await Deno.connect({ port });
        await conn.write(message);
        await readEcho(conn);
      },
    }),
  },
  {
    name: "TLS: connect, echo, close",
    share: 1 / 20,
    server: denoServer("TLS", "ours_tls.ts", `${folder}/cert`, `${folder}/key`),
    pair: (port) => {
      const tls = { ca: cert };
      return {
        async ours() {
          await using client = await connect({ port }, { tls });
          await client.wfile.write(message);
          await client.rfile.readExactly(message.length);
        },
        async bare() {
          using conn = await Deno.connectTls({ port, caCerts: [cert] });
          await conn.write(message);
          await readEcho(conn);
        },
      };
    },
  },
  {
    name: "UDP: a request of its own socket",
    server: denoServer("UDP", "raw_udp.ts"),
    pair: async (port) => {
      const client = await connectDatagram({ port });
      const to: Deno.NetAddr = {
        ...{ transport: "udp", hostname: "127.0.0.1", port },
      };
      return {
        async ours() {
          await client.request(message);
        },
        async bare() {
          const socket = Deno.listenDatagram({
            ...{ transport: "udp", hostname: "127.0.0.1", port: 0 },
          });
          await socket.send(message, to);
          await socket.receive(buffer);
          socket.close();
        },
      };
    },
  },
];

/** What one call takes, in microseconds of processor time. */
async function costOf(
  call: () => Promise<void>,
  calls: number,
): Promise<number> {
  const before = process.cpuUsage();
  for (let i = 0; i < calls; i++) await call();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / calls;
}

for (const { name, share = 1, server, pair } of rows) {
  if (!name.includes(only)) continue;
  await using running = await Server.start(server);
  const { ours, bare } = await pair(running.port);
  // The first round warms up.
  const costs: [ours: number, bare: number][] = [];
  for (let round = 0; round <= rounds; round++) {
    costs.push([
      await costOf(ours, CALLS * share),
      await costOf(bare, CALLS * share),
    ]);
  }
  costs.shift();
  const column = (i: 0 | 1) => median(costs.map((cost) => cost[i]));
  const ratio = median(costs.map(([ours, bare]) => ours / bare));
  console.log(
    `${name.padEnd(34)} here ${column(0).toFixed(0).padStart(5)} µs, bare ${
      column(1).toFixed(0).padStart(5)
    } µs, ratio ${ratio.toFixed(2)}`,
  );
}
await Deno.remove(folder, { recursive: true });
