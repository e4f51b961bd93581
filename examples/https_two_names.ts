// deno run --allow-net=127.0.0.1:8443 examples/https_two_names.ts
//
// An HTTPS server with two names, each with a certificate of its own. Both are made
// anew on SIGHUP, while it serves: connections that are there keep theirs. Another
// port is the first argument, and belongs in --allow-net too. Ask it by name:
//
//     curl -k --resolve one.test:8443:127.0.0.1 https://one.test:8443/

import { run } from "../server/mod.ts";
import { HTTPSServer } from "../server/http/mod.ts";
import type { TLSCertificate } from "../mod.ts";
import { selfSignedCertificate } from "../server/testing/mod.ts";

const NAMES = ["one.test", "two.test"];

/** The certificates, each of which is the same object until it is renewed. */
const certificates = new Map<string, TLSCertificate>();

async function renew(): Promise<void> {
  // Where this fails, the old ones stay.
  const renewed = await Promise.all(
    NAMES.map(async (name) =>
      [name, await selfSignedCertificate({ names: [name] })] as const
    ),
  );
  for (const [name, certificate] of renewed) {
    certificates.set(name, certificate);
  }
}

if (import.meta.main) {
  const port = Number(Deno.args[0] ?? 8443);
  await renew();
  const server = new HTTPSServer(
    {
      hostname: "127.0.0.1",
      port,
      // For clients that ask for no name, or for one that is not here.
      ...certificates.get(NAMES[0]!)!,
      resolveContext: (name) => certificates.get(name),
    },
    (request) => new Response(`This is ${new URL(request.url).hostname}\n`),
    {
      onListen: ({ hostname, port }) =>
        console.log(`Listening on ${hostname}:${port}`),
    },
  );
  Deno.addSignalListener("SIGHUP", async () => {
    await renew();
    server.setCertificate(certificates.get(NAMES[0]!)!);
    console.log("Renewed");
  });
  await run(server);
}
