import { type Child, type Folder, Program } from "../_program.ts";
import { PATIENCE } from "../_patience.ts";

export const haproxy = new Program("haproxy", "haproxy");

/** HAProxy in front of a server; clients connect to it by a Unix socket. */
export class Front implements AsyncDisposable {
  readonly address: Deno.UnixConnectOptions;
  readonly child: Child;

  private constructor(address: Deno.UnixConnectOptions, child: Child) {
    this.address = address;
    this.child = child;
  }

  /**
   * @param backend The lines of its configuration about the server.
   * @param bind What it is to know of the socket that clients connect to.
   */
  static async start(
    folder: Folder,
    backend: string,
    bind = "",
  ): Promise<Front> {
    const path = folder.at("front");
    const config = folder.at("haproxy.cfg");
    await Deno.writeTextFile(
      config,
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
    );
    const front = new Front(
      { transport: "unix", path },
      haproxy.start("-db", "-f", config),
    );
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
        (await Deno.connect(this.address)).close();
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
