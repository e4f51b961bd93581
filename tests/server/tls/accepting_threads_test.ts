import {
  deepStrictEqual,
  match,
  ok,
  rejects,
  strictEqual,
  throws,
} from "node:assert";
import { ThreadingTLSServer } from "../../../mod.ts";
import { Folder } from "../../_program.ts";
import { LOOPBACK, readAll } from "../../_loopback.ts";
import { Authority } from "./_authority.ts";
import {
  selfSignedCertificate,
  serveForTest,
} from "../../../server/testing/mod.ts";
import { Told } from "./_told_handler.ts";

const THREADS = { accept: "threads", workers: 2 } as const;

/** Connects, and reads what the handler says: rejects if `ca` does not fit. */
async function connect(
  { addr: { port } }: ThreadingTLSServer,
  ca: string,
  hostname = "localhost",
): Promise<string> {
  const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
  try {
    return await readAll(
      await Deno.startTls(tcp, { hostname, caCerts: [ca] }),
    );
  } catch (error) {
    try {
      tcp.close();
    } catch {
      // It was closed with its stream.
    }
    throw error;
  }
}

Deno.test(
  "threads that accept show the certificate of the name that is asked for",
  async () => {
    await using folder = new Folder();
    const authority = await Authority.make(folder);
    const { cert, key } = await selfSignedCertificate();
    const name = "chat.example.org";
    const chat = await authority.issue("chat", [name]);
    const contexts = { "*.example.org": { cert: chat.cert, key: chat.key } };
    await using served = await serveForTest(
      new ThreadingTLSServer(
        { ...LOOPBACK, cert, key, contexts },
        Told,
        THREADS,
      ),
    );
    const { server } = served;
    const told = await connect(server, authority.cert, name);
    strictEqual(JSON.parse(told).serverName, name);
    strictEqual(JSON.parse(await connect(server, cert)).protocol, "TLSv1.3");
    await rejects(connect(server, authority.cert), Deno.errors.InvalidData);
    match(
      String(await served.untilErrors()),
      /^InvalidData: received fatal alert/,
    );
  },
);

Deno.test(
  "setCertificate() is heard by threads that accept, and by those that come",
  async () => {
    const old = await selfSignedCertificate();
    const renewed = await selfSignedCertificate();
    await using served = await serveForTest(
      new ThreadingTLSServer({ ...LOOPBACK, ...old }, Told, THREADS),
      // Clients that are shown the other certificate say so, if there is time.
      { allowErrors: (error) => /received fatal alert/.test(`${error}`) },
    );
    const { server } = served;
    await connect(server, old.cert);
    throws(
      () => server.setCertificate({ cert: old.cert, key: renewed.key }),
      Deno.errors.InvalidData,
    );
    await connect(server, old.cert);
    server.setCertificate(renewed);
    // They are told by messages.
    while (!await connect(server, renewed.cert).then(() => true, () => false));
    await server.recycle();
    await connect(server, renewed.cert);
    await rejects(connect(server, old.cert), Deno.errors.InvalidData);
  },
);

Deno.test("resolveContext has the main thread accept", async () => {
  const { cert, key } = await selfSignedCertificate();
  const names: string[] = [];
  const address = {
    ...{ ...LOOPBACK, cert, key },
    resolveContext: (name: string) => void names.push(name),
  };
  throws(
    () => new ThreadingTLSServer(address as never, Told, THREADS),
    /resolveContext is called in the main thread/,
  );
  await using served = await serveForTest(
    new ThreadingTLSServer(address as never, Told, { workers: 1 }),
  );
  await connect(served.server, cert);
  strictEqual(names.join(), "localhost");
});

Deno.test(
  "a client that hangs in its handshake with a thread is closed and reported",
  async () => {
    const { cert, key } = await selfSignedCertificate();
    const told = Promise.withResolvers<[unknown, Deno.Addr | undefined]>();
    await using served = await serveForTest(
      new ThreadingTLSServer({ ...LOOPBACK, cert, key }, Told, {
        ...{ ...THREADS, handshakeTimeout: 50 },
        onError: (error, _request, client) => told.resolve([error, client]),
      }),
    );
    using client = await Deno.connect(served.addr);
    const { port } = client.localAddr;
    strictEqual(await client.read(new Uint8Array(1)), null);
    const [error, from] = await told.promise;
    match(`${error}`, /handshake/);
    deepStrictEqual(await served.untilErrors(), [error]);
    ok(from !== undefined && "port" in from && from.port === port);
  },
);
