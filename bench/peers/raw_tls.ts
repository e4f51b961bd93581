/** As ours_tls.ts, with a `Deno.listenTls` loop. */
const [mode, certFile, keyFile] = Deno.args;
const head = mode === "close"
  ? "HTTP/1.1 200 OK\r\nConnection: close\r\n"
  : "HTTP/1.1 200 OK\r\n";
const answer = new TextEncoder().encode(`${head}Content-Length: 2\r\n\r\nok`);

async function serve(conn: Deno.TlsConn) {
  try {
    const buffer = new Uint8Array(16 * 1024);
    while (await conn.read(buffer) !== null) {
      await conn.write(answer);
      if (mode === "close") break;
    }
  } catch {
    // The client has gone.
  } finally {
    conn.close();
  }
}

const listener = Deno.listenTls({
  ...{ hostname: "127.0.0.1", port: 0 },
  cert: Deno.readTextFileSync(certFile!),
  key: Deno.readTextFileSync(keyFile!),
});
console.log(listener.addr.port);
for await (const conn of listener) serve(conn);
