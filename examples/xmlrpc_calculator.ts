// deno run --allow-net=127.0.0.1:1234 examples/xmlrpc_calculator.ts
//
// A calculator for programs in any language that knows XML-RPC, and a page for
// people: open http://127.0.0.1:1234/ in a browser. What is said about each
// function is on that page, is what system.methodHelp answers, and what calls
// are checked against.
//
// Talk to it with examples/xmlrpc_calculator_client.ts, or with Python:
//
//     import xmlrpc.client
//     xmlrpc.client.ServerProxy("http://127.0.0.1:1234").add(2, 3)
//
// Another port is the first argument, and belongs in --allow-net too.

import { run } from "../server/mod.ts";
import {
  DocXMLRPCServer,
  type DocXMLRPCServerOptions,
  XMLRPCFault,
  type XMLRPCValue,
} from "../server/xmlrpc/mod.ts";

/** What callers are told where there is no answer; a code of this server. */
const NO_ANSWER = 1;

function divide(a: number, b: number): number {
  if (b === 0) throw new XMLRPCFault(NO_ANSWER, "Cannot divide by 0");
  return a / b;
}

function summary(values: XMLRPCValue[]) {
  const numbers = values.filter((value) => typeof value === "number");
  if (numbers.length === 0 || numbers.length < values.length) {
    throw new XMLRPCFault(NO_ANSWER, "Cannot sum up: it takes numbers");
  }
  const sum = numbers.reduce((a, b) => a + b);
  return {
    count: numbers.length,
    least: Math.min(...numbers),
    most: Math.max(...numbers),
    mean: sum / numbers.length,
  };
}

/** A calculator that listens at `port`, and is ready to serve. */
export function createCalculator(
  port: number,
  options: DocXMLRPCServerOptions = {},
): DocXMLRPCServer {
  const server = new DocXMLRPCServer({ hostname: "127.0.0.1", port }, {
    ...options,
    documentation: {
      title: "Calculator",
      introduction:
        "Computes for whoever asks. Calls are sent by POST to /RPC2.\n\nNumbers are double, or int where they are whole.",
    },
  });
  server.registerFunction((a: number, b: number) => a + b, {
    name: "add",
    signature: [["int", "int", "int"], ["double", "double", "double"]],
    help: "The sum of two numbers. See subtract() for the difference.",
  });
  server.registerFunction((a: number, b: number) => a - b, {
    name: "subtract",
    signature: [["int", "int", "int"], ["double", "double", "double"]],
    help: "The difference of two numbers.",
  });
  server.registerFunction((a: number, b: number) => a * b, {
    name: "multiply",
    signature: ["double", "double", "double"],
    help: "The product of two numbers.",
  });
  server.registerFunction(divide, {
    signature: ["double", "double", "double"],
    help: "The quotient of two numbers. To divide by 0 is fault 1.",
  });
  server.registerFunction(summary, {
    name: "statistics.summary",
    signature: ["struct", "array"],
    help:
      "Counts numbers, and finds the least, the most and the mean.\n\nAnswers with a struct of count, least, most and mean.",
  });
  server.registerIntrospectionFunctions();
  server.registerMulticallFunctions();
  return server;
}

if (import.meta.main) {
  const port = Number(Deno.args[0] ?? 1234);
  const server = createCalculator(port, {
    onListen: ({ hostname, port }) =>
      console.log(`Listening on ${hostname}:${port}`),
  });
  await run(server);
}
