/** Answers with Deno.serve. Argument: what with (see http_answers.ts). */
import { type Answering, answers } from "./http_answers.ts";

const [answering = "hello"] = Deno.args;

Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(port),
}, answers[answering as Answering]);
