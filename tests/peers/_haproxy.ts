import { type Child, type Folder, Program } from "../_program.ts";
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
    await Deno.writeTextFile(config, text);
    const front = new Front(address, haproxy.start("-db", "-f", config));
    try {
      await front.#ready();
      return front;
    } catch (error) {
      await front[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Waits until it listens, which it does not tell. */
  async #ready(): Promise<void> {
    const latest = performance.now() + PATIENCE;
    while (true) {
      try {
        (await Deno.connect(this.address as Deno.ConnectOptions)).close();
        return;
      } catch (error) {
        if (performance.now() > latest) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child[Symbol.asyncDispose]();
  }
}
