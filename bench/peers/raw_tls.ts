/**
 * What a careful user writes by hand: a `Deno.listenTls` loop, and per connection
 * one buffer that is used again.
 *
 * Arguments: the certificate's file, its key's, and echo, sink, or source and the
 * number of bytes.
 */
const [certFile = "", keyFile = "", mode = "echo", bytes = "0"] = Deno.args;
const BUFFER_SIZE = mode === "echo" ? 16 * 1024 : 64 * 1024;

async function writeAll(conn: Deno.Conn, data: Uint8Array) {
  let done = 0;
  while (done < data.length) done += await conn.write(data.subarray(done));
}

async function serve(conn: Deno.TlsConn) {
  try {
    const buffer = new Uint8Array(BUFFER_SIZE);
    for (let n; (n = await conn.read(buffer)) !== null;) {
      if (mode === "echo") await writeAll(conn, buffer.subarray(0, n));
      if (mode !== "source") continue;
      for (let left = Number(bytes); left > 0; left -= buffer.length) {
        await writeAll(conn, buffer.subarray(0, Math.min(left, BUFFER_SIZE)));
      }
      break;
    }
  } catch {
    // The client has gone.
  } finally {
    conn.close();
  }
}

const listener = Deno.listenTls({
  ...{ hostname: "127.0.0.1", port: 0 },
  cert: Deno.readTextFileSync(certFile),
  key: Deno.readTextFileSync(keyFile),
});
console.log(listener.addr.port);
for await (const conn of listener) serve(conn);
