/**
 * This module with TCP servers that speak TLS, and a `Deno.connect()` that does so
 * with them: for tests of TCP that are to hold in TLS as well.
 */
import { type TCPServerOptions, TLSServer } from "../../../mod.ts";

export * from "../../../mod.ts";

const [cert, key] = ["CERT", "KEY"].map((name) =>
  Deno.readTextFileSync(Deno.env.get(name)!)
) as [string, string];

/** The ports of those servers. */
const ports = new Set<number>();

export class TCPServer extends TLSServer {
  constructor(
    address: { readonly hostname?: string; readonly port: number },
    handler: ConstructorParameters<typeof TLSServer>[1],
    options?: TCPServerOptions,
  ) {
    super({ ...address, cert, key }, handler, options);
    ports.add(this.addr.port);
  }
}

const { connect } = Deno;

Deno.connect = (async (address: Deno.ConnectOptions) => {
  const conn = await connect(address);
  if (!ports.has(address.port)) return conn;
  const { setNoDelay } = conn;
  const client = await Deno.startTls(conn, {
    hostname: "localhost",
    caCerts: [cert],
  });
  return Object.assign(client, { setNoDelay });
}) as typeof Deno.connect;
