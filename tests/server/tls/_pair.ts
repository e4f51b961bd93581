import { StreamRequestHandler, TLSServer } from "../../../mod.ts";
import type { TLSServerAddress, TLSServerOptions } from "../../../mod.ts";
import { LOOPBACK } from "../../_loopback.ts";
import type { TLSCertificate } from "../../../mod.ts";
import {
  selfSignedCertificate,
  serveForTest,
  type TestServer,
} from "../../../server/testing/mod.ts";

/** A TLS server, and clients that trust it. */
export class Pair implements AsyncDisposable {
  readonly served: TestServer<TLSServer>;
  readonly certificate: TLSCertificate;

  private constructor(
    served: TestServer<TLSServer>,
    certificate: TLSCertificate,
  ) {
    this.served = served;
    this.certificate = certificate;
  }

  get server(): TLSServer {
    return this.served.server;
  }

  static async start(
    handle: (
      handler: StreamRequestHandler<Deno.NetAddr>,
    ) => void | Promise<void>,
    options: TLSServerOptions = {},
    address: (own: TLSCertificate) => Partial<TLSServerAddress> = () => ({}),
    Handler: typeof StreamRequestHandler<Deno.NetAddr> = StreamRequestHandler,
  ): Promise<Pair> {
    const certificate = await selfSignedCertificate();
    const server = new TLSServer(
      { ...LOOPBACK, ...certificate, ...address(certificate) },
      class extends Handler {
        override handle() {
          return handle(this);
        }
      },
      { onError() {}, ...options },
    );
    return new Pair(await serveForTest(server), certificate);
  }

  /** A client whose handshake is complete. */
  async connect(
    address: Deno.ConnectOptions = this.server.addr,
  ): Promise<Deno.TlsConn> {
    const client = await Deno.startTls(await Deno.connect(address), {
      hostname: "localhost",
      caCerts: [this.certificate.cert],
    });
    try {
      await client.handshake();
    } catch (error) {
      client.close();
      throw error;
    }
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.served[Symbol.asyncDispose]();
  }
}

/** Echoes lines, and counts those that have been served to their end. */
export const echoLines = async (
  { rfile, wfile }: StreamRequestHandler<Deno.NetAddr>,
) => {
  for await (const line of rfile) await wfile.write(`<${line}>\n`);
};

/** Writes a line, and reads the answer. */
export async function talk(client: Deno.Conn, line: string): Promise<string> {
  await client.write(new TextEncoder().encode(line + "\n"));
  const buffer = new Uint8Array(line.length + 3);
  for (let done = 0; done < buffer.length;) {
    const n = await client.read(buffer.subarray(done));
    if (n === null) throw new Deno.errors.UnexpectedEof("cut short");
    done += n;
  }
  return new TextDecoder().decode(buffer).trim();
}
