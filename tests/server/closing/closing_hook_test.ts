import { strictEqual } from "node:assert";
import { TCPServer } from "../../../mod.ts";
import { ask, LOOPBACK, Reports, serve } from "../../_serve.ts";

/** Closes each connection, then fails. */
class Failing extends TCPServer {
  readonly reports = new Reports();

  override closeRequest(request: Deno.TcpConn) {
    super.closeRequest(request);
    throw new Error("cannot close");
  }

  override handleError(error: unknown) {
    this.reports.take((error as Error).message);
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
  await using server = serve(
    new Failing(LOOPBACK, ({ wfile }) => void wfile.write("served")),
  );
  strictEqual(await ask(server.addr), "served");
  strictEqual(await ask(server.addr), "served");
  await server.shutdown();
  strictEqual(server.reports.errors[0], "cannot close");
});

Deno.test("serveForever() ends well when closeRequest throws for a connection that came with shutdown()", async () => {
  const server = new TooLate(LOOPBACK, () => {});
  const [answer] = await Promise.all([ask(server.addr), server.serveForever()]);
  strictEqual(answer, "");
  // It is served: by shutdownRequest, and again because that has failed.
  strictEqual(server.reports.errors.join(), "cannot close,cannot close");
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
  strictEqual(server.reports.errors.join(), "cannot close,cannot close");
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
  strictEqual(server.reports.errors.join(), "cannot close,cannot close");
});

Deno.test("BaseServer ends requests past their time also when closeRequest throws", async () => {
  await using server = serve(
    new Failing(LOOPBACK, () => new Promise(() => {}), { requestTimeout: 5 }),
  );
  const answers = await Promise.all([ask(server.addr), ask(server.addr)]);
  strictEqual(answers.join(), ",");
  await server.reports.until(4);
  strictEqual(
    server.reports.errors.filter((message) => message === "cannot close")
      .length >= 2,
    true,
  );
});
