// deno run --allow-net=127.0.0.1:1234,127.0.0.1:1235 --allow-read=examples,handlers,server,mod.ts examples/prime_server.ts
//
// Handlers that compute: a client sends a number, and gets the number of primes
// below it. Two servers answer, with the same handler: one on the event loop,
// one with threads. While a large number is being counted, the first answers
// nobody else, and the second goes on:
//
//     (echo 30000000 | nc -N 127.0.0.1 1234 &) ; time (echo 10 | nc -N 127.0.0.1 1234)
//     (echo 30000000 | nc -N 127.0.0.1 1235 &) ; time (echo 10 | nc -N 127.0.0.1 1235)
//
// Other ports are the arguments, and belong in --allow-net too.

import {
  run,
  StreamRequestHandler,
  TCPServer,
  ThreadingTCPServer,
} from "../mod.ts";

const LARGEST = 50_000_000;

export class PrimeHandler extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    for await (const line of this.rfile) {
      const below = Number(line);
      const answer = Number.isInteger(below) && below >= 0 && below <= LARGEST
        ? `${countPrimes(below)} primes below ${below}`
        : `send an integer from 0 to ${LARGEST}`;
      await this.wfile.write(`${answer}\n`);
    }
  }
}

/** Counts the primes below `limit`, by the sieve of Eratosthenes. */
export function countPrimes(limit: number): number {
  const composite = new Uint8Array(limit);
  let count = 0;
  for (let n = 2; n < limit; n++) {
    if (composite[n] === 1) continue;
    count++;
    for (let multiple = n * n; multiple < limit; multiple += n) {
      composite[multiple] = 1;
    }
  }
  return count;
}

if (import.meta.main) {
  const [plainPort = 1234, threadsPort = 1235] = Deno.args.map(Number);
  const hostname = "127.0.0.1";
  const onListen = ({ port }: { port: number }) =>
    console.log(`Listening on ${hostname}:${port}`);
  const servers = [
    new TCPServer({ hostname, port: plainPort }, PrimeHandler, { onListen }),
    new ThreadingTCPServer({ hostname, port: threadsPort }, PrimeHandler, {
      onListen,
      // On one core too, a second thread answers while the first computes.
      workers: Math.max(2, navigator.hardwareConcurrency),
    }),
  ];
  await run(servers);
}
