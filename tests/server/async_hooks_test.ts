import { deepStrictEqual, strictEqual } from "node:assert";
import { StreamRequestHandler, TCPServer } from "../../mod.ts";
import { ask, LOOPBACK, Reports, serve } from "../_serve.ts";

/** Fails in one of its hooks, later. */
class Failing extends TCPServer {
  readonly reports = new Reports();

  override handleError(error: unknown) {
    this.reports.take((error as Error).message);
  }
}

const later = async (message: string) => {
  await null;
  throw new Error(message);
};

const greet = ({ wfile }: StreamRequestHandler) => void wfile.write("served");

Deno.test("BaseServer reports a promise of closeRequest that rejects, with and without lingering", async () => {
  class FailingToClose extends Failing {
    override closeRequest(request: Deno.TcpConn) {
      super.closeRequest(request);
      return later("closeRequest");
    }
  }
  for (const lingerTimeout of [0, 1000]) {
    const server = serve(
      new FailingToClose(LOOPBACK, greet, { lingerTimeout }),
    );
    strictEqual(await ask(server.addr), "served");
    await server.shutdown();
    // By shutdownRequest, and again because that has failed.
    deepStrictEqual(server.reports.errors, ["closeRequest", "closeRequest"]);
  }
});

Deno.test("BaseServer reports a promise of closeRequest that rejects where a request is aborted", async () => {
  class FailingToClose extends Failing {
    override closeRequest(request: Deno.TcpConn) {
      super.closeRequest(request);
      return later("closeRequest");
    }
  }
  await using server = serve(
    new FailingToClose(LOOPBACK, () => new Promise(() => {}), {
      requestTimeout: 5,
    }),
  );
  strictEqual(await ask(server.addr), "");
  strictEqual((await server.reports.until(1))[0], "closeRequest");
});

Deno.test("BaseServer reports promises of serviceActions, onListen and onShutdown that reject", async () => {
  class FailingToServe extends Failing {
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
  const server = serve(
    new FailingToServe(LOOPBACK, FailingToShutDown, {
      onListen: () => later("onListen"),
    }),
  );
  const client = await Deno.connect(server.addr);
  await client.read(new Uint8Array(6));
  const down = server.shutdown();
  await server.reports.until(3);
  client.close();
  await down;
  deepStrictEqual(server.reports.errors.sort(), [
    "onListen",
    "onShutdown",
    "serviceActions",
  ]);
});
