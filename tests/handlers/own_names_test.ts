import { deepStrictEqual, strictEqual } from "node:assert";
import {
  BaseRequestHandler,
  DatagramRequestHandler,
  StreamReader,
  StreamRequestHandler,
  StreamWriter,
  TCPServer,
} from "../../mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";

/** A protocol of its own, whose words are also names of steps inside the module. */
class Ledger extends StreamRequestHandler {
  override async handle() {
    for await (const line of this.rfile) {
      await this.wfile.write(this[word(line)]());
    }
  }
  settle() {
    return "settled\n";
  }
  fail() {
    return "failed\n";
  }
  suspend() {
    return "suspended\n";
  }
  unsent() {
    return "nothing unsent\n";
  }
}

function word(line: string) {
  return line as "settle" | "fail" | "suspend" | "unsent";
}

Deno.test("a handler may have methods of any name that the documents do not give", async () => {
  await using served = await serveForTest(
    new TCPServer(
      { hostname: "127.0.0.1", port: 0 },
      Ledger,
    ),
  );
  const client = await Deno.connect(served.addr);
  await client.write(
    new TextEncoder().encode("settle\nfail\nsuspend\nunsent\n"),
  );
  await client.closeWrite();
  strictEqual(
    await new Response(client.readable).text(),
    "settled\nfailed\nsuspended\nnothing unsent\n",
  );
});

const NAMES:
  readonly (readonly [{ prototype: object; name: string }, string])[] = [
    [
      BaseRequestHandler,
      "config finish handle onMessage onShutdown proxy setup signal",
    ],
    [StreamRequestHandler, "rfile signal startTLS tls wfile"],
    [DatagramRequestHandler, "packet rfile socket wfile"],
    [
      StreamReader,
      "atEof cancel limit lines peek read readAll readExactly readFrame readInto readLine readUntil readable",
    ],
    [StreamWriter, "bufferedAmount closeWrite flush writable write writeFrame"],
  ];

for (const [{ prototype, name }, names] of NAMES) {
  Deno.test(`${name} takes no names from its users but those of the documents`, () => {
    deepStrictEqual(
      Object.getOwnPropertyNames(prototype)
        .filter((each) => each !== "constructor").sort(),
      names.split(" "),
    );
  });
}
