/**
 * Answers with Deno's own node:http. Argument: what with (see http_answers.ts).
 */
import {
  createServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { mebibyte } from "./http_answers.ts";

const [answering = "hello"] = Deno.args;
const decoder = new TextDecoder();

const server = createServer((request, response) => {
  answer(request, response).catch((error) => {
    // Clients leave in the middle of a request when the load ends.
    if (!request.destroyed) throw error;
  });
});

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
): Promise<unknown> {
  switch (answering) {
    case "hello":
      response.setHeader("Content-Type", "text/plain");
      return response.end("hello\n");
    case "source":
      response.setHeader("Content-Length", mebibyte.length);
      return response.end(mebibyte);
  }
  let text = "";
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (answering === "echo") text += decoder.decode(chunk, { stream: true });
  }
  if (answering === "sink") return response.end(`${size}\n`);
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify(JSON.parse(text)));
}

server.listen(0, "127.0.0.1", () => {
  console.log((server.address() as AddressInfo).port);
});
