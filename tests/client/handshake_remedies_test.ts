// What clients are told to do where a handshake fails for what the server is.

import { match, ok } from "node:assert";
import { connect } from "../../handlers/client/mod.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 0 } as const;

for (
  const [what, answer, Class, expected] of [
    [
      "speaks no TLS",
      "220 ready\r\n",
      Deno.errors.InvalidData,
      /\(handshake\): .*; what the server answers is no TLS: correct the port/,
    ],
    [
      "ends the connection",
      "",
      Deno.errors.UnexpectedEof,
      /\(handshake\): .*; the handshake was not complete: see what the server says/,
    ],
  ] as const
) {
  Deno.test(`a client in TLS of a server that ${what} is told what to do`, async () => {
    using listener = Deno.listen(LOOPBACK);
    const serve = async () => {
      using conn = await listener.accept();
      // The client's first words: unread, they would make a reset of the end.
      await conn.read(new Uint8Array(4096));
      await conn.write(new TextEncoder().encode(answer));
      await conn.closeWrite();
      while (await conn.read(new Uint8Array(4096)).catch(() => null) !== null);
    };
    const [, error] = await Promise.all([
      serve(),
      connect(listener.addr, { tls: {} }).then(
        (client) => client.close(),
        (error: Error) => error,
      ),
    ]);
    ok(error instanceof Class, String(error));
    match(error.message, expected);
  });
}
