// What TypeScript says of a configuration. Each line that is expected to be refused
// fails the type check if it is not.

import { deepStrictEqual } from "node:assert";
import {
  DatagramRequestHandler,
  type RequestServer,
  StreamRequestHandler,
  TCPServer,
  ThreadingMixIn,
  ThreadingTCPServer,
  UDPServer,
} from "../../../mod.ts";
import { FetchRequestHandler, HTTPServer } from "../../../server/http/mod.ts";
import { LOOPBACK } from "../../_loopback.ts";

interface Config {
  readonly greeting: string;
  readonly times?: number;
}

class Greeter
  extends StreamRequestHandler<Deno.NetAddr, RequestServer<Config, string>> {
  static override readonly moduleUrl: string = import.meta.url;
}

class Indifferent extends StreamRequestHandler {}

class Echo
  extends DatagramRequestHandler<Deno.NetAddr, RequestServer<Config>> {}

class Fetcher
  extends FetchRequestHandler<Deno.NetAddr, RequestServer<Config>> {}

class OwnServer extends TCPServer<Config> {}
class OwnHandler extends StreamRequestHandler<Deno.NetAddr, OwnServer> {
  greeting(): string {
    return this.config.greeting;
  }
}

class MixedServer extends ThreadingMixIn(TCPServer) {}
class TypedMixedServer extends ThreadingMixIn(TCPServer<Config>) {}

const config: Config = { greeting: "hello" };

Deno.test("a server's configuration has the type that its handler class or its own type says", async () => {
  await using own = new OwnServer(LOOPBACK, OwnHandler, { config });
  deepStrictEqual(own.config.greeting, "hello");
  await using typed = new TCPServer(LOOPBACK, Greeter, { config });
  deepStrictEqual(typed.config.greeting, "hello");
  typed.config = { greeting: "good day", times: 2 };
  await using ofFunction = new TCPServer<Config>(
    LOOPBACK,
    ({ config }) => void config.greeting.length,
    { config },
  );
  deepStrictEqual(ofFunction.config.greeting, "hello");
  await using ofFetch = new HTTPServer<Config>(
    LOOPBACK,
    (_request, { config }) => new Response(config.greeting),
    { config },
  );
  deepStrictEqual(ofFetch.config.greeting, "hello");
  // One whose handler does not say takes any, and so does a variable of no type.
  await using any: TCPServer = new TCPServer(LOOPBACK, Indifferent, {
    config: 8,
  });
  any.config = "another";
});

/** Is never called: what stands in it is for TypeScript alone. */
export function refused(server: TCPServer<Config>): void {
  // @ts-expect-error -- the name is wrong.
  new TCPServer(LOOPBACK, Greeter, { config: { greting: "hello" } });
  // @ts-expect-error -- the value is of another type.
  new ThreadingTCPServer(LOOPBACK, Greeter, { config: { greeting: 1 } });
  // @ts-expect-error -- something is missing.
  new UDPServer(LOOPBACK, Echo, { config: {} });
  // @ts-expect-error -- something is missing.
  new HTTPServer(LOOPBACK, Fetcher, { config: { times: 1 } });
  // @ts-expect-error -- something is missing.
  new OwnServer(LOOPBACK, OwnHandler, { config: {} });
  // @ts-expect-error -- the handler is a function, and the type says another.
  new TCPServer<Config>(LOOPBACK, () => {}, { config: "hello" });
  // @ts-expect-error -- it is set to what handlers do not read.
  server.config = "hello";
  // @ts-expect-error -- the base says its type.
  new TypedMixedServer(LOOPBACK, Greeter, { config: 8 });
  // What a mixin makes of one that does not say takes any.
  new MixedServer(LOOPBACK, Greeter, { config: 8 });
}
