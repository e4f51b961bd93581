/**
 * Answers with six bytes in a bare loop: what no server of HTTP in JavaScript can
 * be faster than.
 *
 * Argument: none, to answer whatever is read, or llhttp, to have each request parsed
 * by what node:http parses with.
 */
import { Callback, Llhttp } from "../../handlers/http/_connection/llhttp.ts";

/** Counts the requests that begin in what has come. */
class Counter extends Llhttp {
  count = 0;
  [Callback.HeadersComplete](): number {
    this.count++;
    return 0;
  }
}

const parses = Deno.args[0] === "llhttp";
const answer = new TextEncoder().encode(
  "HTTP/1.1 200 OK\r\ncontent-type: text/plain;charset=UTF-8\r\ncontent-length: 6\r\n\r\nhello\n",
);

async function serve(connection: Deno.TcpConn): Promise<void> {
  connection.setNoDelay(true);
  const buffer = new Uint8Array(4096);
  const counter = new Counter();
  counter.initialize(Llhttp.REQUEST, undefined, 16 * 1024, 0);
  try {
    for (let n; (n = await connection.read(buffer)) !== null;) {
      if (parses) {
        counter.count = 0;
        counter.execute(buffer.subarray(0, n));
        if (counter.count === 0) continue;
      }
      await connection.write(answer);
    }
  } catch {
    // The load has ended.
  }
  connection.close();
}

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log(listener.addr.port);
for await (const connection of listener) void serve(connection);
