import { strictEqual } from "node:assert";
import { TCPServer } from "../../../mod.ts";
import { serveForTest } from "../../../server/testing/mod.ts";
import { ask, LOOPBACK } from "../../_loopback.ts";

/** Closes each connection, then fails. */
class Failing extends TCPServer {
  readonly errors: string[] = [];

  override closeRequest(request: Deno.TcpConn) {
    super.closeRequest(request);
    throw new Error("cannot close");
  }

  override handleError(error: unknown) {
    this.errors.push((error as Error).message);
  }
}

/** Is shut down before it has heard of a connection that it accepted. */
class TooLate extends Failing {
  override async getRequest() {
    const accepted = await super.getRequest();
    void this.shutdown();
    return accepted;
  }
}

Deno.test("BaseServer goes on when closeRequest throws after a handler", async () => {
  await using served = await serveForTest(
    new Failing(LOOPBACK, ({ wfile }) => void wfile.write("served")),
  );
  strictEqual(await ask(served.addr), "served");
  strictEqual(await ask(served.addr), "served");
  await served.server.shutdown();
  strictEqual(served.server.errors[0], "cannot close");
  for (const error of served.takeErrors()) {
    strictEqual((error as Error).message, "cannot close");
  }
});

Deno.test("serveForever() ends well when closeRequest throws for a connection that came with shutdown()", async () => {
  const server = new TooLate(LOOPBACK, () => {});
  const [answer] = await Promise.all([ask(server.addr), server.serveForever()]);
  strictEqual(answer, "");
  // It is served: by shutdownRequest, and again because that has failed.
  strictEqual(server.errors.join(), "cannot close,cannot close");
});

Deno.test("handleRequest() ends well when closeRequest throws for a connection that came with shutdown()", async () => {
  const server = new TooLate(LOOPBACK, () => {});
  const [answer] = await Promise.all([
    ask(server.addr),
    server.handleRequest(),
  ]);
  strictEqual(answer, "");
  await server.finished;
  // It is served, as above.
  strictEqual(server.errors.join(), "cannot close,cannot close");
});

Deno.test("shutdown() ends well when closeRequest throws for a connection that handleRequest() kept", async () => {
  const { promise: kept, resolve: keep } = Promise.withResolvers<void>();
  class Keeping extends Failing {
    override async getRequest() {
      const accepted = await super.getRequest();
      // Only once it is known to the server.
      setTimeout(keep);
      return accepted;
    }
  }
  const server = new Keeping(LOOPBACK, () => {}, { timeout: 0 });
  await server.handleRequest();
  const answer = ask(server.addr);
  await kept;
  await server.shutdown();
  strictEqual(await answer, "");
  // It is served, as above.
  strictEqual(server.errors.join(), "cannot close,cannot close");
});

Deno.test("BaseServer ends requests past their time also when closeRequest throws", async () => {
  await using served = await serveForTest(
    new Failing(LOOPBACK, () => new Promise(() => {}), { requestTimeout: 5 }),
  );
  const answers = await Promise.all([ask(served.addr), ask(served.addr)]);
  strictEqual(answers.join(), ",");
  await served.untilErrors(4);
  strictEqual(
    served.server.errors.filter((message) => message === "cannot close")
      .length >= 2,
    true,
  );
});
