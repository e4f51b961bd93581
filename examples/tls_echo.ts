// deno run --allow-net=127.0.0.1:1234 examples/tls_echo.ts
//
// TLS differs from TCP by a certificate and a key; handlers stay the same. This one
// echoes lines of text: what is not UTF-8 comes back as U+FFFD. For bytes of any
// kind, read() and write() what is there.
//
// Its certificate signs itself and lasts a day: clients have no reason to trust it.
//
// Talk to it with `openssl s_client -quiet -connect 127.0.0.1:1234`. Another
// port is the first argument, and belongs in --allow-net too.

import { run, StreamRequestHandler, TLSServer } from "../mod.ts";
import { selfSignedCertificate } from "../server/testing/mod.ts";

export class EchoHandler extends StreamRequestHandler<Deno.NetAddr> {
  override async handle() {
    for await (const line of this.rfile) await this.wfile.write(`${line}\n`);
  }
}

if (import.meta.main) {
  const port = Number(Deno.args[0] ?? 1234);
  const server = new TLSServer(
    { hostname: "127.0.0.1", port, ...await selfSignedCertificate() },
    EchoHandler,
    {
      onListen: ({ hostname, port }) =>
        console.log(`Listening on ${hostname}:${port}`),
    },
  );
  await run(server);
}
