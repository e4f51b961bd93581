import { deepStrictEqual, match, strictEqual } from "node:assert";
import { StreamRequestHandler, TCPServer } from "../../mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { ask } from "../_loopback.ts";

const messageOf = (error: unknown) => (error as Error).message;

const later = async (message: string) => {
  await null;
  throw new Error(message);
};

const greet = ({ wfile }: StreamRequestHandler) => void wfile.write("served");

Deno.test("BaseServer reports a promise of closeRequest that rejects, with and without lingering", async () => {
  class FailingToClose extends TCPServer {
    override closeRequest(request: Deno.TcpConn) {
      super.closeRequest(request);
      return later("closeRequest");
    }
  }
  for (const lingerTimeout of [0, 1000]) {
    await using served = await serveForTest(greet, {
      server: FailingToClose,
      options: { lingerTimeout },
    });
    strictEqual(await ask(served.addr), "served");
    await served.server.shutdown();
    // By shutdownRequest, and again because that has failed.
    deepStrictEqual(served.takeErrors().map(messageOf), [
      ...["closeRequest", "closeRequest"],
    ]);
  }
});

Deno.test("BaseServer reports a promise of closeRequest that rejects where a request is aborted", async () => {
  class FailingToClose extends TCPServer {
    override closeRequest(request: Deno.TcpConn) {
      super.closeRequest(request);
      return later("closeRequest");
    }
  }
  await using served = await serveForTest(
    () => new Promise<void>(() => {}),
    {
      server: FailingToClose,
      options: { requestTimeout: 5 },
    },
  );
  strictEqual(await ask(served.addr), "");
  strictEqual(messageOf((await served.untilErrors())[0]), "closeRequest");
  const [why] = await served.untilErrors();
  match(messageOf(why), /longer than requestTimeout/);
});

Deno.test("BaseServer reports promises of serviceActions, onListen and onShutdown that reject", async () => {
  class FailingToServe extends TCPServer {
    #called = false;
    override serviceActions() {
      if (this.#called) return;
      this.#called = true;
      return later("serviceActions");
    }
  }
  class FailingToShutDown extends StreamRequestHandler {
    override async handle() {
      await this.wfile.write("served");
      await this.rfile.readAll();
    }
    override onShutdown() {
      return later("onShutdown");
    }
  }
  await using served = await serveForTest(
    FailingToShutDown,
    {
      server: FailingToServe,
      options: { onListen: () => later("onListen") },
    },
  );
  const client = await Deno.connect(served.addr);
  await client.read(new Uint8Array(6));
  const down = served.server.shutdown();
  const errors = await served.untilErrors(3);
  client.close();
  await down;
  deepStrictEqual(errors.map(messageOf).sort(), [
    "onListen",
    "onShutdown",
    "serviceActions",
  ]);
});
