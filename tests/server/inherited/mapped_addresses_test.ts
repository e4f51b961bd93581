import { deepStrictEqual } from "node:assert";
import {
  StreamRequestHandler,
  TCPServer,
  ThreadingTCPServer,
} from "../../../mod.ts";
import { serveForTest } from "../../../server/testing/mod.ts";
import { ask, hasIPv6 } from "../../_loopback.ts";

/** Answers with the addresses that it is told. */
export class Told extends StreamRequestHandler<Deno.NetAddr> {
  static override readonly moduleUrl: string = import.meta.url;

  override async handle() {
    const { clientAddress, request } = this;
    await this.wfile.write(
      [clientAddress, request.remoteAddr, request.localAddr]
        .map(({ hostname }) => hostname).join(),
    );
  }
}

for (const Server of [TCPServer, ThreadingTCPServer]) {
  Deno.test({
    name: `a client of IPv4 is told as one by a ${Server.name} on IPv6`,
    ignore: !hasIPv6(),
    async fn() {
      for (const rawAddresses of [false, true]) {
        await using served = await serveForTest(
          new Server({ hostname: "::", port: 0 }, Told, { rawAddresses }),
        );
        const { port } = served.addr;
        const mapped = rawAddresses ? "::ffff:127.0.0.1" : "127.0.0.1";
        deepStrictEqual(
          (await ask({ hostname: "127.0.0.1", port })).split(","),
          [mapped, mapped, mapped],
        );
        deepStrictEqual(
          (await ask({ hostname: "::1", port })).split(","),
          ["::1", "::1", "::1"],
        );
      }
    },
  });
}
