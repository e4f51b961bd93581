import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert";
import {
  BaseRequestHandler,
  type DatagramRequest,
  LimitOverrunError,
} from "../../../mod.ts";
import type { Carrier } from "../../../server/_bridge/carrier.ts";
import {
  REQUEST_WINDOW,
  SIDE_WINDOW,
} from "../../../server/_bridge/datagram_window.ts";
import { unpackError } from "../../../server/_bridge/errors.ts";
import {
  type AnyHandlerClass,
  FarSide,
} from "../../../server/_bridge/far_side.ts";
import { FrameType, ProtocolError } from "../../../server/_bridge/frames.ts";
import { isLiteral } from "../../../server/_bridge/literal_address.ts";
import { NearSide } from "../../../server/_bridge/near_side.ts";
import {
  packDatagram,
  unpackDatagram,
} from "../../../server/_bridge/payloads.ts";
import { allowedNames } from "../../../server/_processes/allowed_names.ts";

const ADDRESS: Deno.NetAddr = {
  transport: "udp",
  hostname: "127.0.0.1",
  port: 9,
};
const OWNER = {
  settling: () => {},
  abort: () => {},
  shutdown: () => Promise.resolve(),
};
const LONGEST = new Uint8Array(65_507);
const turn = () => new Promise<void>((done) => setTimeout(done));

/** A carrier that keeps what it is given. */
function keeping() {
  const sent: [type: FrameType, channel: number, payload: Uint8Array][] = [];
  let drained = Promise.withResolvers<void>();
  const carrier = {
    congested: false,
    sent,
    send: (type: FrameType, channel: number, payload = new Uint8Array(0)) =>
      void sent.push([type, channel, payload.slice()]),
    drained: () => drained.promise,
    drain() {
      carrier.congested = false;
      drained.resolve();
      drained = Promise.withResolvers();
    },
    ofType: (wanted: FrameType) => sent.filter(([type]) => type === wanted),
  };
  return carrier satisfies Carrier;
}

/** A near side whose socket sends when it is told to. */
function nearSide(mayResolve?: (hostname: string, port: unknown) => boolean) {
  const carrier = keeping();
  const side = new NearSide(carrier, () => {}, mayResolve);
  const sends: {
    readonly bytes: number;
    readonly address: Deno.Addr;
    readonly done: PromiseWithResolvers<number>;
  }[] = [];
  const request: DatagramRequest = [new Uint8Array(1), {
    addr: ADDRESS,
    send: (data, address) => {
      const done = Promise.withResolvers<number>();
      sends.push({ bytes: data.length, address, done });
      return done.promise;
    },
  }];
  const open = () => side.openDatagram(request, ADDRESS, OWNER);
  return { side, carrier, sends, open };
}

/** Sends until it is refused, and gives how often it was not. */
function flood(
  side: NearSide,
  channel: number,
  data: Uint8Array,
): number {
  for (let i = 0; i < 100_000; i++) {
    try {
      side.frame(FrameType.Send, channel, packDatagram(i, ADDRESS, data));
    } catch (error) {
      ok(error instanceof ProtocolError, `${error}`);
      return i;
    }
  }
  throw new Error("Nothing was refused");
}

for (
  const [what, data] of [["empty", LONGEST.subarray(0, 0)], [
    "the longest",
    LONGEST,
  ]] as const
) {
  Deno.test(`NearSide refuses ${what} datagrams past what one request may have under way`, () => {
    const { side, sends, open } = nearSide();
    const { id } = open();
    const taken = flood(side, id, data);
    strictEqual(sends.length, taken);
    ok(taken > 2 && taken * (data.length + 1024) <= REQUEST_WINDOW, `${taken}`);
  });

  Deno.test(`NearSide refuses ${what} datagrams past what all requests may have under way`, () => {
    const { side, sends, open } = nearSide();
    for (let i = 0; i < 64; i++) flood(side, open().id, data);
    ok(sends.length * (data.length + 1024) <= SIDE_WINDOW);
  });
}

Deno.test("NearSide takes no more from a far side that does not read what became of the rest", async () => {
  const { side, carrier, sends, open } = nearSide();
  const { id } = open();
  const one = packDatagram(1, ADDRESS, LONGEST).slice();
  carrier.congested = true;
  for (let i = 0; i < 3; i++) {
    side.frame(FrameType.Send, id, one);
    sends[i]!.done.resolve(1);
  }
  await turn();
  strictEqual(carrier.ofType(FrameType.Sent).length, 0);
  throws(() => side.frame(FrameType.Send, id, one), ProtocolError);
  carrier.drain();
  await turn();
  strictEqual(carrier.ofType(FrameType.Sent).length, 3);
  side.frame(FrameType.Send, id, one);
});

Deno.test("a request is in progress while its datagrams are being sent", async () => {
  for (const lost of [false, true]) {
    const { side, sends, open } = nearSide();
    const channel = open();
    let ended = "";
    channel.ended.then(() => ended = "done", (error) => ended = `${error}`);
    const packed = packDatagram(1, ADDRESS, LONGEST).slice();
    side.frame(FrameType.Send, channel.id, packed);
    side.frame(FrameType.Reply, channel.id, packed);
    if (lost) side.lose("lost");
    else side.frame(FrameType.Done, channel.id, new Uint8Array(0));
    sends[0]!.done.resolve(1);
    await turn();
    strictEqual(ended, "");
    sends[1]!.done.resolve(1);
    await turn();
    strictEqual(ended, lost ? "lost" : "done");
  }
});

for (
  const [what, type, payload, most] of [
    ["replies", FrameType.Reply, packDatagram(1, ADDRESS, LONGEST).slice(), 1],
    ["settles", FrameType.Settling, new Uint8Array(0), 1],
    [
      "fails",
      FrameType.Error,
      new TextEncoder().encode('{"error":{"message":"m"}}'),
      2,
    ],
  ] as const
) {
  Deno.test(`NearSide refuses a request that ${what} again and again`, () => {
    const { side, open } = nearSide();
    const channel = open();
    channel.ended.catch(() => {});
    for (let i = 0; i < most; i++) side.frame(type, channel.id, payload);
    throws(() => side.frame(type, channel.id, payload), {
      name: "ProtocolError",
      message:
        `Cannot take a frame: a request ${what} that has done so already`,
    });
  });
}

Deno.test("NearSide refuses a pong that nobody has asked for", async () => {
  const { side } = nearSide();
  const answered = side.ping();
  side.frame(FrameType.Pong, 0, new Uint8Array(0));
  await answered;
  throws(
    () => side.frame(FrameType.Pong, 0, new Uint8Array(0)),
    ProtocolError,
  );
});

// Names.

Deno.test("NearSide has no name looked up for a far side that may not", async () => {
  const { side, carrier, sends, open } = nearSide(allowedNames([
    "example.org:53",
  ]));
  const { id } = open();
  const hosts = [
    ["127.0.0.1", 9],
    ["::1", 9],
    ["example.org", 53],
    ["localhost", 9],
    ["example.org", 54],
    ["127.1", 9],
    ["", 9],
  ] as const;
  for (const [number, [hostname, port]] of hosts.entries()) {
    side.frame(
      FrameType.Send,
      id,
      packDatagram(
        number,
        { ...ADDRESS, hostname, port },
        LONGEST.subarray(0, 5),
      ),
    );
  }
  await turn();
  deepStrictEqual(
    sends.map(({ address }) => (address as Deno.NetAddr).hostname),
    ["127.0.0.1", "::1", "example.org"],
  );
  const refused = carrier.ofType(FrameType.NotSent).map(([, , payload]) =>
    unpackError(payload)
  );
  deepStrictEqual(refused.map(({ number }) => number), [3, 4, 5, 6]);
  ok(refused[0]!.error instanceof Deno.errors.NotCapable);
  strictEqual(
    refused[0]!.error.message,
    'Cannot send 5 bytes to "localhost": this process may not look up names; send to an IP address, or allow it with permissions: { net: ["localhost"] }',
  );
});

Deno.test("an IP address is told from a name", () => {
  const literals = ["0.0.0.0", "255.255.255.255", "::", "::1", "2001:db8::7"];
  for (const host of [...literals, "::ffff:1.2.3.4"]) ok(isLiteral(host), host);
  const names = ["", "1.2.3", "1.2.3.4.", "256.1.1.1", "01.2.3.4", "a.b", "1"];
  for (
    const host of [
      ...names,
      ":::",
      "1.2.3.4.5",
      "::1]/[",
      "localhost",
      "fe80::1%lo",
    ]
  ) {
    ok(!isLiteral(host), host);
  }
});

Deno.test("a process may have the names looked up that it could itself", () => {
  ok(allowedNames(true)("example.org", 1));
  for (const net of [undefined, false, "inherit", [], ["other.org"]] as const) {
    ok(
      !allowedNames(net as Deno.PermissionOptionsObject["net"])(
        "example.org",
        1,
      ),
    );
  }
  const listed = allowedNames(["Example.org", "b.org:53"]);
  ok(listed("EXAMPLE.ORG", 1) && listed("b.org", 53));
  ok(!listed("b.org", 54) && !listed("b.org", undefined));
});

// The far side keeps to what the near side takes.

/** A far side whose only handler does what it is told. */
function farSide(
  handle: (request: DatagramRequest) => Promise<void>,
  channels = 1,
) {
  class Told extends BaseRequestHandler<DatagramRequest> {
    override handle() {
      return handle(this.request);
    }
  }
  const carrier = keeping();
  const side = new FarSide(
    carrier,
    Told as unknown as AnyHandlerClass,
    ADDRESS,
  );
  for (let id = 1; id <= channels; id++) {
    side.frame(
      FrameType.OpenDatagram,
      id,
      packDatagram(0, ADDRESS, new Uint8Array(0)).slice(),
    );
  }
  /** Answers every datagram that has not been answered yet. */
  let answered = 0;
  const answer = () => {
    const sends = carrier.ofType(FrameType.Send);
    for (; answered < sends.length; answered++) {
      side.frame(
        FrameType.Sent,
        sends[answered]![1],
        sends[answered]![2].slice(0, 4),
      );
    }
  };
  return { carrier, side, answer };
}

Deno.test("FarSide has no more datagrams under way than NearSide takes, and sends all in order", async () => {
  const ended = Promise.withResolvers<void>();
  const { carrier, answer } = farSide(async ([, { send }]) => {
    const sends = Array.from(
      { length: 1_000 },
      (_, i) => send(new Uint8Array(i), ADDRESS),
    );
    deepStrictEqual(await Promise.all(sends), sends.map((_, i) => i));
    ended.resolve();
  });
  const { side, sends, open } = nearSide();
  open();
  let taken = 0;
  for (let i = 0; i < 1_000 && taken < 1_000; i++) {
    const frames = carrier.ofType(FrameType.Send).slice(taken);
    taken += frames.length;
    // It throws if they are too many.
    for (const [type, id, payload] of frames) side.frame(type, id, payload);
    for (const { done } of sends.splice(0)) done.resolve(1);
    await turn();
    answer();
  }
  await ended.promise;
  deepStrictEqual(
    carrier.ofType(FrameType.Send).map(([, , payload]) =>
      unpackDatagram(payload).data.length
    ),
    Array.from({ length: 1_000 }, (_, i) => i),
  );
});

Deno.test("FarSide shares what all requests may have under way, and each gets its turn", async () => {
  const REQUESTS = 64;
  let ended = 0;
  const { carrier, answer } = farSide(async ([, { send }]) => {
    await Promise.all(
      Array.from({ length: 5 }, () => send(LONGEST, ADDRESS)),
    );
    ended++;
  }, REQUESTS);
  const first = carrier.ofType(FrameType.Send).length;
  ok(first * LONGEST.length <= SIDE_WINDOW, `${first}`);
  for (let i = 0; i < REQUESTS && ended < REQUESTS; i++) {
    answer();
    await turn();
  }
  strictEqual(ended, REQUESTS);
  strictEqual(carrier.ofType(FrameType.Send).length, 5 * REQUESTS);
});

Deno.test("FarSide refuses datagrams where 16 MiB of a request wait", async () => {
  const refused = Promise.withResolvers<unknown>();
  const { side } = farSide(async ([, { send }]) => {
    for (let i = 0; i < 1_000; i++) {
      send(LONGEST, ADDRESS).catch(refused.resolve);
    }
    await refused.promise;
  });
  const error = await refused.promise;
  ok(error instanceof LimitOverrunError);
  ok(/already wait to be sent .* await send\(\)/.test(error.message));
  await turn();
  ok(side.busy);
});

Deno.test("what a datagram handler sent without waiting goes out before its request ends", async () => {
  const { carrier, answer } = farSide(([, { send }]) => {
    for (let i = 0; i < 9; i++) void send(LONGEST, ADDRESS);
    return Promise.resolve();
  });
  for (let i = 0; i < 9; i++) {
    answer();
    await turn();
  }
  strictEqual(carrier.ofType(FrameType.Send).length, 9);
  strictEqual(carrier.sent.at(-1)![0], FrameType.Done);
});

Deno.test("a request that is aborted sends nothing of what waits", async () => {
  const over = Promise.withResolvers<void>();
  const outcomes: string[] = [];
  const { carrier, side } = farSide(async ([, { send }]) => {
    const sends = Array.from({ length: 9 }, () => send(LONGEST, ADDRESS));
    for (const sent of sends) await rejects(sent, Deno.errors.Interrupted);
    outcomes.push("interrupted");
    over.resolve();
  });
  const before = carrier.ofType(FrameType.Send).length;
  side.frame(
    FrameType.Abort,
    1,
    new TextEncoder().encode('{"error":{"message":"m"}}'),
  );
  await over.promise;
  await turn();
  deepStrictEqual(outcomes, ["interrupted"]);
  strictEqual(carrier.ofType(FrameType.Send).length, before);
  strictEqual(carrier.sent.at(-1)![0], FrameType.Done);
});
