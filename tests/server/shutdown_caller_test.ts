// shutdown() knows the handler that calls it, and does not wait for it.

import { deepStrictEqual } from "node:assert";
import {
  type DatagramRequest,
  DatagramRequestHandler,
  UDPServer,
} from "../../mod.ts";
import { patiently } from "../_patience.ts";
import { LOOPBACK } from "../_loopback.ts";

class Server extends UDPServer {
  readonly errors: unknown[] = [];
  override handleError(error: unknown): void | Promise<void> {
    this.errors.push(error);
  }
}

const turn = () => new Promise<void>((resolve) => setTimeout(resolve));

/** Waits for something else first, as the caller of `shutdown` often has. */
async function stopLater(
  server: { shutdown(options: { gracePeriod: number }): Promise<void> },
): Promise<void> {
  await turn();
  // Who waited for itself would wait for as long.
  await server.shutdown({ gracePeriod: Infinity });
}

/** Servers of datagrams, some of which stop their server, each in another way. */
const WAYS = {
  "a function that returns the promise of another": () =>
    new Server(LOOPBACK, ({ packet, server }) => {
      if (packet.length > 0) return stopLater(server);
    }),
  "a function in a field": () => {
    class Handler extends DatagramRequestHandler {
      override handle = () =>
        this.packet.length > 0 ? stopLater(this.server) : undefined;
    }
    return new Server(LOOPBACK, Handler);
  },
  "finish()": () => {
    class Handler extends DatagramRequestHandler {
      override finish() {
        if (this.packet.length > 0) return stopLater(this.server);
      }
    }
    return new Server(LOOPBACK, Handler);
  },
  "verifyRequest()": () => {
    class Verifying extends Server {
      override verifyRequest([packet]: DatagramRequest<Deno.NetAddr>) {
        return packet.length === 0 || stopLater(this).then(() => true);
      }
    }
    return new Verifying(LOOPBACK, () => {});
  },
  "shutdownRequest()": () => {
    class Ending extends Server {
      override shutdownRequest([packet]: DatagramRequest<Deno.NetAddr>) {
        if (packet.length > 0) return stopLater(this);
      }
    }
    return new Ending(LOOPBACK, () => {});
  },
  "handleError() of what was thrown at once": () => {
    class Failing extends Server {
      override handleError() {
        return stopLater(this);
      }
    }
    return new Failing(LOOPBACK, ({ packet }) => {
      if (packet.length > 0) throw new Error("to be handled");
    });
  },
  "handleError() of a reply that cannot be sent": () => {
    class Failing extends Server {
      override handleError() {
        return stopLater(this);
      }
    }
    return new Failing(LOOPBACK, ({ packet, request, wfile }) => {
      if (packet.length === 0) return;
      const [, socket] = request;
      Object.defineProperty(request, 1, {
        value: {
          addr: socket.addr,
          send: () => turn().then(() => Promise.reject(new Error("no route"))),
        },
      });
      wfile.write("x");
    });
  },
};

for (const [way, start] of Object.entries(WAYS)) {
  Deno.test(`shutdown() of a UDPServer can be awaited inside ${way}`, async () => {
    const server = start();
    const served = server.serveForever();
    const client = Deno.listenDatagram({ transport: "udp", ...LOOPBACK });
    // Those that wait for nothing, before and meanwhile, are no callers.
    for (const size of [0, 0, 1, 0]) {
      await client.send(new Uint8Array(size), server.addr);
    }
    await patiently(served, () => "the end of the server");
    client.close();
    deepStrictEqual(server.errors, []);
  });
}

Deno.test("shutdown() outside waits for handlers that returned a promise", async () => {
  const { promise: going, resolve: go } = Promise.withResolvers<void>();
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const order: string[] = [];
  const server = new Server(LOOPBACK, () => {
    begin();
    return going.then(turn).then(() => void order.push("handler"));
  });
  const served = server.serveForever();
  const client = Deno.listenDatagram({ transport: "udp", ...LOOPBACK });
  await client.send(new Uint8Array(1), server.addr);
  await begun;
  const stopped = server.shutdown().then(() => order.push("shutdown"));
  go();
  await patiently(Promise.all([stopped, served]), () => "the end");
  client.close();
  deepStrictEqual(order, ["handler", "shutdown"]);
});
