/** Answers with six bytes, with Deno's own node:http. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const server = createServer((_request, response) => {
  response.setHeader("Content-Type", "text/plain");
  response.end("hello\n");
});
server.listen(0, "127.0.0.1", () => {
  console.log((server.address() as AddressInfo).port);
});
