// deno run --allow-net=127.0.0.1:1234 --allow-run=openssl --allow-read=/tmp --allow-write=/tmp examples/tls_echo.ts
//
// TLS differs from TCP by a certificate and a key; handlers stay the same. This one
// echoes lines of text: what is not UTF-8 comes back as U+FFFD. For bytes of any
// kind, read() and write() what is there.
//
// Talk to it with `openssl s_client -quiet -connect 127.0.0.1:1234`. Another
// port is the first argument, and belongs in --allow-net too.

import { run, StreamRequestHandler, TLSServer } from "../mod.ts";

export class EchoHandler extends StreamRequestHandler<Deno.NetAddr> {
  override async handle() {
    for await (const line of this.rfile) await this.wfile.write(`${line}\n`);
  }
}

/** Makes a certificate for a host that signs itself and lasts a day. */
export async function selfSigned(
  name = "localhost",
): Promise<{ cert: string; key: string }> {
  const folder = await Deno.makeTempDir();
  try {
    const cert = `${folder}/cert.pem`;
    const key = `${folder}/key.pem`;
    const { success, stderr } = await new Deno.Command("openssl", {
      // deno-fmt-ignore
      args: [
        "req", "-x509", "-newkey", "ec",
        "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-days", "1",
        "-subj", `/CN=${name}`,
        "-addext", `subjectAltName=DNS:${name},IP:127.0.0.1`,
        "-keyout", key, "-out", cert,
      ],
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return {
      cert: await Deno.readTextFile(cert),
      key: await Deno.readTextFile(key),
    };
  } finally {
    // The key lives in memory only: nothing is left to be stolen or cleaned up.
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  const port = Number(Deno.args[0] ?? 1234);
  const server = new TLSServer(
    { hostname: "127.0.0.1", port, ...await selfSigned() },
    EchoHandler,
    {
      onListen: ({ hostname, port }) =>
        console.log(`Listening on ${hostname}:${port}`),
    },
  );
  await run(server);
}
