import { deepStrictEqual, rejects, strictEqual, throws } from "node:assert";
import {
  MultiCall,
  MultiCallResults,
  ServerProxy,
  SimpleXMLRPCServer,
  XMLRPCClient,
  type XMLRPCFault,
  type XMLRPCSystemMethods,
} from "../../server/xmlrpc/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { LOOPBACK } from "../_loopback.ts";
import { urlOf } from "./_client.ts";
import { answer, http, RawServer } from "./_raw_server.ts";

/** What the server of these tests has. */
interface Calculator extends XMLRPCSystemMethods {
  add(a: number, b: number): number;
  later(a: number): Promise<string>;
  math: {
    half(a: number): number;
    deep: { est(): boolean };
  };
}

function createCalculator(): SimpleXMLRPCServer & { calls: string[] } {
  const calls: string[] = [];
  const server = new SimpleXMLRPCServer(LOOPBACK, { logRequests: false });
  const register = (name: string, fn: (...params: never[]) => unknown) =>
    server.registerFunction((...params: never[]) => {
      calls.push(name);
      return fn(...params);
    }, { name });
  register("add", (a: number, b: number) => a + b);
  register("later", (a: number) => Promise.resolve(`${a}`));
  register("math.half", (a: number) => {
    if (a > 100) throw new Error("too large");
    return a / 2;
  });
  register("math.deep.est", () => true);
  register("then", () => 1);
  register("a b", () => 2);
  server.registerIntrospectionFunctions();
  server.registerMulticallFunctions();
  return Object.assign(server, { calls });
}

Deno.test("methods are members, and dots lead to members of these", async () => {
  await using served = await serveForTest(createCalculator());
  using proxy = new ServerProxy<Calculator>(urlOf(served.server));
  const sum: number = await proxy.add(2, 3);
  strictEqual(sum, 5);
  const text: string = await proxy.later(1);
  strictEqual(text, "1");
  strictEqual(await proxy.math.half(3), 1.5);
  const yes: boolean = await proxy.math.deep.est();
  strictEqual(yes, true);
  const names: string[] = await proxy.system.listMethods();
  strictEqual(names.includes("math.half"), true);
  // They can be taken from the object.
  const { add } = proxy;
  strictEqual(await add(4, 5), 9);
});

Deno.test("what is written wrong is an error to the compiler, and a fault", async () => {
  await using served = await serveForTest(createCalculator());
  const { server } = served;
  using proxy = new ServerProxy<Calculator>(urlOf(server));
  // @ts-expect-error: there is one parameter too few.
  await rejects(proxy.add(1), { faultCode: -32603 });
  // @ts-expect-error: there is no such method.
  await rejects(proxy.subtract(1, 2), { faultCode: -32601 });
  // @ts-expect-error: nor is there one in there.
  await rejects(proxy.math.third(1), { faultCode: -32601 });
  // @ts-expect-error: it is no text.
  const sum: string = await proxy.add(1, 2);
  strictEqual(sum as unknown, 3);
  // Nothing is known of the methods of others.
  using others = new ServerProxy(urlOf(server));
  strictEqual(await others.add!(1, 2), 3);
  strictEqual(await others.math!.half!(1), 0.5);
  strictEqual(await others["a b"]!(), 2);
});

Deno.test("what the language does with an object calls nothing", async () => {
  await using served = await serveForTest(createCalculator());
  const { server } = served;
  const given = () =>
    Promise.resolve(new ServerProxy<Calculator>(urlOf(server)));
  using proxy: ServerProxy<Calculator> = await given();
  const shown = `ServerProxy("${urlOf(server)}")`;
  strictEqual(Deno.inspect(proxy), shown);
  strictEqual(`${proxy}`, shown);
  strictEqual(Deno.inspect(proxy.math.half), "math.half()");
  strictEqual(JSON.stringify({ proxy }), "{}");
  strictEqual(await proxy.add as unknown === undefined, false);
  throws(() => Object.assign(proxy, { add: 1 }), TypeError);
  throws(() => Reflect.apply(proxy as never, undefined, []), {
    name: "TypeError",
    message: /^Cannot call http:.* itself: name a method of it/,
  });
  deepStrictEqual(server.calls, []);
  // Nor what the language would take it for.
  using client = new XMLRPCClient(urlOf(server));
  strictEqual(await client.call("then"), 1);
});

Deno.test("a proxy of a client closes it, and has no options of its own", async () => {
  await using served = await serveForTest(createCalculator());
  const client = new XMLRPCClient(urlOf(served.server));
  {
    using proxy = new ServerProxy<Calculator>(client);
    strictEqual(await proxy.add(2, 3), 5);
  }
  await rejects(client.call("add", [2, 3]), Deno.errors.BadResource);
  throws(() => new ServerProxy(client, { timeout: 1 }), {
    name: "TypeError",
    message: /the client has its own/,
  });
  throws(() => new ServerProxy("localhost"), TypeError);
});

Deno.test("a proxy closes its connection with its block, where a call has failed, too", async () => {
  await using served = await serveForTest(createCalculator());
  for (const fails of [false, true]) {
    const made: Deno.TcpConn[] = [];
    {
      using proxy = new ServerProxy<Calculator>(urlOf(served.server), {
        connect: async () => {
          made.push(await Deno.connect(served.addr));
          return made.at(-1)!;
        },
      });
      if (fails) {
        await rejects(proxy.math.half(1_000), { faultCode: -32500 });
      } else {
        strictEqual(await proxy.add(2, 3), 5);
      }
      // It is kept until then.
      made[0]!.setNoDelay();
    }
    strictEqual(made.length, 1);
    throws(() => made[0]!.setNoDelay(), Deno.errors.BadResource);
  }
});

Deno.test("MultiCall puts calls into one, and iterates over the results", async () => {
  await using served = await serveForTest(createCalculator());
  const { server } = served;
  using proxy = new ServerProxy<Calculator>(urlOf(server));
  const calls = new MultiCall(proxy);
  const sum = calls.add(2, 3);
  const half = calls.math.half(3);
  const text = calls.later(1);
  deepStrictEqual(server.calls, []);
  const results = await calls();
  deepStrictEqual(server.calls, ["add", "math.half", "later"]);
  strictEqual(results.length, 3);
  deepStrictEqual([...results], [5, 1.5, "1"]);
  const first: number = results.get(sum);
  const last: string = results.get(text);
  strictEqual(first, 5);
  strictEqual(last, "1");
  strictEqual(results.get(half), 1.5);
  strictEqual(results.get(2), "1");
  throws(() => results.get(3), {
    name: "RangeError",
    message: /result of call 3: there are 3/,
  });
  throws(() => results.get(-1), RangeError);
  // @ts-expect-error: there is no such method.
  calls.subtract(1, 2);
  // It makes the calls again, and the new one.
  const again = await calls({ timeout: 10_000 });
  strictEqual(again.length, 4);
  strictEqual(again.get(sum), 5);
});

Deno.test("a fault in MultiCall is thrown when its result is reached", async () => {
  await using served = await serveForTest(createCalculator());
  using client = new XMLRPCClient(urlOf(served.server));
  const calls = new MultiCall<Calculator>(client);
  calls.add(2, 3);
  calls.math.half(101);
  calls.add(4, 5);
  const results = await calls();
  const reached: unknown[] = [];
  throws(() => {
    for (const result of results) reached.push(result);
  }, {
    name: "XMLRPCFault",
    faultCode: -32500,
    faultString: "Error: too large",
  });
  deepStrictEqual(reached, [5]);
  throws(
    () => results.get(1),
    (error: XMLRPCFault) => error.faultCode === -32500,
  );
  strictEqual(results.get(2), 9);
});

Deno.test("MultiCall without calls has no results", async () => {
  await using served = await serveForTest(createCalculator());
  using proxy = new ServerProxy<Calculator>(urlOf(served.server));
  deepStrictEqual([...await new MultiCall(proxy)()], []);
});

Deno.test("MultiCall to a server that has none is a fault", async () => {
  await using served = await serveForTest(
    new SimpleXMLRPCServer(LOOPBACK, { logRequests: false }),
  );
  using client = new XMLRPCClient(urlOf(served.server));
  await rejects(new MultiCall(client)(), { faultCode: -32601 });
});

Deno.test("MultiCall is of a proxy or a client", () => {
  for (const server of [{}, "http://localhost", null, () => {}]) {
    throws(() => new MultiCall(server as unknown as XMLRPCClient), {
      name: "TypeError",
      message: /the server must be a ServerProxy or an XMLRPCClient, received/,
    });
  }
});

Deno.test("MultiCall refuses results that are none", async () => {
  const array = (...values: string[]) =>
    `<array><data>${
      values.map((value) => `<value>${value}</value>`).join("")
    }</data></array>`;
  const one = array("<int>1</int>");
  for (
    const [value, message] of [
      ["text", /answered 2 calls with no array/],
      ["<struct/>", /answered 2 calls with no array/],
      [array(one), /answered 2 calls with 1 results/],
      [array(one, one, one), /answered 2 calls with 3 results/],
      [array(one, "<int>1</int>"), /call 1 with neither an array of one/],
      [array(array(), one), /call 0 with neither/],
      [array(array("1", "2"), one), /call 0 with neither/],
      [array(one, "<struct/>"), /call 1 with neither/],
    ] as const
  ) {
    await using server = new RawServer(async (client) => {
      if (await client.next()) await client.send(http(answer(value)));
    });
    using client = new XMLRPCClient(server.url);
    const calls = new MultiCall<{ spam(): number }>(client);
    calls.spam();
    calls.spam();
    await rejects(calls(), {
      name: "XMLRPCProtocolError",
      message,
      status: 200,
    });
  }
});

Deno.test("MultiCallResults are made by a MultiCall", async () => {
  await using served = await serveForTest(createCalculator());
  using proxy = new ServerProxy<Calculator>(urlOf(served.server));
  strictEqual(await new MultiCall(proxy)() instanceof MultiCallResults, true);
});
