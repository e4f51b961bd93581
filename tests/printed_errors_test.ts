// What is printed for want of anybody to tell may hold bytes that peers have sent.

import { deepStrictEqual } from "node:assert";
import { printThrown } from "../handlers/_print_thrown.ts";
import { TCPServer } from "../mod.ts";
import { Dispatcher, Socket } from "../poll/mod.ts";
import { XMLRPCDispatcher } from "../server/xmlrpc/mod.ts";
import "./poll/_open_libc.ts";
import { ask, LOOPBACK, serve } from "./_serve.ts";

const HOSTILE = "\x1b]0;title\x07 \u202e";

/** Escapes of the same characters, as either part of the module writes them. */
const ESCAPED = /\\(x|u\{)1b\}?\]0;title\\(x0|u\{)7\}? \\u\{202e\}/;

/** What is printed to stderr meanwhile. */
async function printedBy(run: () => unknown): Promise<string[]> {
  const printed: string[] = [];
  const { error } = console;
  console.error = (...args) => void printed.push(args.join(" "));
  try {
    await run();
  } finally {
    console.error = error;
  }
  return printed;
}

/** For each text, whether it has the characters escaped, and none raw. */
const areEscaped = (texts: readonly string[]) =>
  texts.map((text) => ESCAPED.test(text) && !/[^\P{C}\n\t]/u.test(text));

Deno.test("control characters are escaped in what a handleError that fails leaves", async () => {
  class Careless extends TCPServer {
    override handleError(error: unknown) {
      throw new Error("again", { cause: error });
    }
  }
  const printed = await printedBy(async () => {
    await using server = serve(
      new Careless(LOOPBACK, () => {
        throw new Error(HOSTILE);
      }),
    );
    await ask(server.addr);
  });
  deepStrictEqual(areEscaped(printed), [true]);
});

Deno.test("control characters are escaped in what an onFault that fails leaves", async () => {
  const dispatcher = new XMLRPCDispatcher({
    onFault: (error) => {
      throw error;
    },
  });
  dispatcher.registerFunction(() => {
    throw new Error(HOSTILE);
  }, { name: "fail" });
  const printed = await printedBy(() =>
    dispatcher.marshaledDispatch(
      "<methodCall><methodName>fail</methodName></methodCall>",
    )
  );
  deepStrictEqual(areEscaped(printed), [true]);
});

Deno.test({
  name: "control characters are escaped in what a Dispatcher prints",
  ignore: Deno.build.os !== "linux",
  async fn() {
    using socket = new Socket();
    const printed = await printedBy(() => {
      const dispatcher = new Dispatcher(socket, new Map());
      dispatcher.handleError(new Error(HOSTILE));
    });
    deepStrictEqual(areEscaped(printed), [true]);
  },
});

Deno.test("what cannot be printed is told without it", async () => {
  const unprintable = {
    [Symbol.for("nodejs.util.inspect.custom")]() {
      throw new Error("cannot be looked at");
    },
  };
  deepStrictEqual(
    await printedBy(() => {
      printThrown(["hook failed", unprintable]);
      printThrown(["hook failed", `text ${"\x07"}`]);
    }),
    [
      "hook failed: something that cannot be printed",
      "hook failed: text \\x07",
    ],
  );
});
