import { type Child, type Folder, Program } from "../_program.ts";
import { readAll } from "../_loopback.ts";
import { PATIENCE } from "../_patience.ts";

export const haproxy = new Program("haproxy", "haproxy");

/** HAProxy in front of servers; clients connect to it at an address. */
export class Front<
  Address extends Deno.ConnectOptions | Deno.UnixConnectOptions =
    Deno.UnixConnectOptions,
> implements AsyncDisposable {
  readonly address: Address;
  readonly child: Child;

  private constructor(address: Address, child: Child) {
    this.address = address;
    this.child = child;
  }

  /**
   * Clients connect by a Unix socket.
   *
   * @param backend The lines of its configuration about the server.
   * @param bind What it is to know of the socket that clients connect to.
   */
  static async start(
    folder: Folder,
    backend: string,
    bind = "",
  ): Promise<Front> {
    const path = folder.at("front");
    return await Front.of(
      folder,
      `global
  log stdout format raw local0
defaults
  mode tcp
  log global
  timeout connect 40s
  timeout client 40s
  timeout server 40s
listen front
  bind unix@${path} ${bind}
  ${backend}
`,
      { transport: "unix", path },
    );
  }

  /**
   * @param text The whole configuration.
   * @param address Where it has HAProxy listen.
   */
  static async of<
    Address extends Deno.ConnectOptions | Deno.UnixConnectOptions,
  >(folder: Folder, text: string, address: Address): Promise<Front<Address>> {
    const config = folder.at("haproxy.cfg");
    const ready = folder.at("ready");
    await Deno.writeTextFile(config, text + readiness(ready));
    const front = new Front(address, haproxy.start("-db", "-f", config));
    try {
      await untilAccepted(ready);
      return front;
    } catch (error) {
      await front[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child[Symbol.asyncDispose]();
  }
}

/** What tells that HAProxy accepts clients: no server behind it hears of who asks. */
function readiness(path: string): string {
  return `
listen ready
  mode tcp
  bind unix@${path}
  tcp-request connection reject
`;
}

/** Waits until it accepts at a path: it listens everywhere before it does anywhere. */
async function untilAccepted(path: string): Promise<void> {
  const latest = performance.now() + PATIENCE;
  while (true) {
    try {
      const conn = await Deno.connect({ transport: "unix", path });
      await readAll(conn);
      return;
    } catch (error) {
      if (performance.now() > latest) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
