import { deepStrictEqual, strictEqual } from "node:assert";
import {
  ForkingTLSServer,
  ThreadingTLSServer,
  type TLSInfo,
  TLSServer,
} from "../../../mod.ts";
import { Folder } from "../../_program.ts";
import { ask, LOOPBACK, readAll } from "../../_loopback.ts";
import { pattern, sha256 } from "../../peers/_peers.ts";
import { Authority } from "./_authority.ts";
import {
  selfSignedCertificate,
  serveForTest,
} from "../../../server/testing/mod.ts";
import { writeAll } from "./_meddler.ts";
import { Both, Told } from "./_told_handler.ts";

/** Its main thread carries what its threads send and receive. */
class MainAcceptsTLSServer extends ThreadingTLSServer {
  constructor(...[address, handler]: ConstructorParameters<typeof TLSServer>) {
    super(address, handler as typeof Both, { accept: "main" });
  }
}

for (
  const [where, Server] of [
    ["on the event loop", TLSServer],
    ["in a thread that accepts", ThreadingTLSServer],
    ["in a thread", MainAcceptsTLSServer],
    ["in a process", ForkingTLSServer],
  ] as const
) {
  Deno.test(
    `a handler ${where} is told what the handshake has agreed upon`,
    async () => {
      await using folder = new Folder();
      const authority = await Authority.make(folder);
      const { cert, key } = await authority.issue("server");
      const alice = await authority.issue("alice");
      const server = new Server(
        {
          ...LOOPBACK,
          ...{ cert, key, ca: authority.cert, clientAuth: "require" },
          alpnProtocols: ["chat"],
        },
        Told,
      );
      await using _served = await serveForTest(server);
      const client = await Deno.connectTls({
        hostname: "localhost",
        port: server.addr.port,
        caCerts: [authority.cert],
        alpnProtocols: ["chat"],
        cert: alice.cert,
        key: alice.key,
      });
      const told = JSON.parse(await readAll(client)) as TLSInfo;
      const { peerCertificate, cipher, ...rest } = told;
      deepStrictEqual(rest, {
        protocol: "TLSv1.3",
        alpnProtocol: "chat",
        serverName: "localhost",
        resumed: false,
        authorized: true,
      });
      strictEqual(peerCertificate?.subject, "CN=alice");
      strictEqual(typeof cipher, "string");
    },
  );
}

for (
  const [where, Server] of [
    ["in a thread that accepts", ThreadingTLSServer],
    ["in a thread", MainAcceptsTLSServer],
    ["in a process", ForkingTLSServer],
  ] as const
) {
  Deno.test(
    `8 MiB go each way in TLS to a handler ${where}, whole and in order`,
    async () => {
      const { cert, key } = await selfSignedCertificate();
      const server = new Server({ ...LOOPBACK, cert, key }, Both);
      await using _served = await serveForTest(server);
      const client = await Deno.connectTls({
        hostname: "localhost",
        port: server.addr.port,
        caCerts: [cert],
      });
      const sent = pattern(8 << 20);
      const [received] = await Promise.all([
        new Response(
          client.readable as ReadableStream<Uint8Array<ArrayBuffer>>,
        ).bytes(),
        writeAll(client, sent).then(() => client.closeWrite()),
      ]);
      strictEqual(sha256(received), sha256(sent));
    },
  );
}

Deno.test("a handler without TLS has no tls", async () => {
  await using served = await serveForTest(Told);
  strictEqual(await ask(served.addr), "null");
});
