/**
 * What a careful user writes by hand: a `Deno.listen` loop, and per connection
 * one buffer that is used again.
 *
 * Argument: echo, reply, reply-in-full, which loses none to what the client
 * sends late, reply-behind-header, which first reads what a balancer would send,
 * sink, or source and the number of bytes.
 */
const [mode = "echo", bytes = "0"] = Deno.args;
const BUFFER_SIZE = mode === "echo" ? 16 * 1024 : 64 * 1024;
const reply = new TextEncoder().encode("Thank you for connecting");
const rest = new Uint8Array(BUFFER_SIZE);

async function writeAll(conn: Deno.Conn, data: Uint8Array) {
  let done = 0;
  while (done < data.length) done += await conn.write(data.subarray(done));
}

async function serve(conn: Deno.Conn) {
  try {
    if (mode === "reply") await writeAll(conn, reply);
    else if (mode === "reply-in-full" || mode === "reply-behind-header") {
      // It has come in one piece, and is not looked at: this is what a read takes.
      if (mode === "reply-behind-header") await conn.read(rest);
      await writeAll(conn, reply);
      await conn.closeWrite();
      while (await conn.read(rest) !== null) {
        // Thrown away.
      }
    } else if (mode === "source") {
      const part = new Uint8Array(BUFFER_SIZE);
      for (let left = Number(bytes); left > 0; left -= part.length) {
        await writeAll(conn, part.subarray(0, Math.min(left, part.length)));
      }
    } else {
      const buffer = new Uint8Array(BUFFER_SIZE);
      for (let n; (n = await conn.read(buffer)) !== null;) {
        if (mode === "echo") await writeAll(conn, buffer.subarray(0, n));
      }
    }
  } catch {
    // The client has gone.
  } finally {
    conn.close();
  }
}

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
const { port } = listener.addr;
// raw_workers.ts runs it in threads.
const { postMessage = console.log } = globalThis as {
  postMessage?(message: unknown): void;
};
postMessage(port);
for await (const conn of listener) serve(conn);
