// Clients that proxies tell of, and who pretends to be one.

import { deepStrictEqual, strictEqual, throws } from "node:assert";
import { encodeProxyHeader } from "../../mod.ts";
import { UnixStreamServer } from "../../server/unix_stream_server.ts";
import { forwardedClient } from "../../handlers/http/_forwarded/forwarded_client.ts";
import { readForwarded } from "../../handlers/http/_forwarded/forwarded_field.ts";
import { readNodeName } from "../../handlers/http/_forwarded/node_name.ts";
import {
  FetchRequestHandler,
  ForkingHTTPServer,
  type ForwardedSettings,
  HTTPServer,
  ThreadingHTTPServer,
} from "../../server/http/mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { Folder } from "../_program.ts";
import { hasIPv6, LOOPBACK } from "../_loopback.ts";
import { mutate, oneOf, random } from "../fuzz/_fuzzing.ts";
import { requestOf } from "./_cgi_site.ts";
import { Told } from "./_forwarded_handler.ts";
import { readBytes, repliesIn, replyTo, writeBytes } from "./_replies.ts";

/** An edge and an inner proxy, by IPv4 and IPv6. */
const TRUST = ["10.0.0.0/8", "2001:db8:1::/48"];
const PEER: Deno.Addr = { transport: "tcp", hostname: "10.0.0.1", port: 1 };

const FORWARDED: ForwardedSettings = { trust: TRUST, fields: ["Forwarded"] };
const X: ForwardedSettings = {
  trust: TRUST,
  fields: ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"],
};

type Found = readonly [
  name?: string,
  port?: number | undefined,
  proto?: string | undefined,
  host?: string | undefined,
];

/** Who a client is found to be: the parts that are known. */
function told(
  settings: ForwardedSettings,
  fields: readonly string[],
  peer = PEER,
): Found {
  const rawHeaders = fields.flatMap((field) => {
    const colon = field.indexOf(":");
    return [field.slice(0, colon), field.slice(colon + 1).trim()];
  });
  const client = forwardedClient(settings, peer, rawHeaders);
  if (client === undefined) return [];
  const { name, address, proto, host } = client;
  if (address !== undefined) strictEqual(address.hostname, name);
  const all = [name, address?.port, proto, host] as const;
  return all.slice(
    0,
    all.findLastIndex((part) => part !== undefined) + 1,
  ) as unknown as Found;
}

const long = (count: number, separator = ", ") =>
  Array.from({ length: count }, () => "10.0.0.2").join(separator);

/** What comes of X-Forwarded-For and its like, from a trusted peer. */
const BY_X: readonly (readonly [fields: readonly string[], told: Found])[] = [
  [[], []],
  [["X-Forwarded-For: 1.2.3.4"], ["1.2.3.4", 0]],
  [["x-forwarded-for: 1.2.3.4"], ["1.2.3.4", 0]],
  [["X-Forwarded-For: 1.2.3.4:56"], ["1.2.3.4", 56]],
  [["X-Forwarded-For: ::1"], ["::1", 0]],
  [["X-Forwarded-For: [2001:DB8::0:1]:443"], ["2001:db8::1", 443]],
  [["X-Forwarded-For: [2001:db8::1]"], ["2001:db8::1", 0]],
  [["X-Forwarded-For: 2001:db8::1:443"], ["2001:db8::1:443", 0]],
  [["X-Forwarded-For: ::ffff:1.2.3.4"], ["1.2.3.4", 0]],
  // The last that no proxy has is the client's, and the rest its own word.
  [["X-Forwarded-For: 127.0.0.1, 1.2.3.4"], ["1.2.3.4", 0]],
  [["X-Forwarded-For: 10.0.0.9, 1.2.3.4"], ["1.2.3.4", 0]],
  [["X-Forwarded-For: 6.6.6.6, 1.2.3.4, 10.9.9.9"], ["1.2.3.4", 0]],
  [["X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 1.2.3.4"], ["1.2.3.4", 0]],
  [
    ["X-Forwarded-For: 6.6.6.6, 1.2.3.4", "X-Forwarded-For: 10.2.2.2"],
    ["1.2.3.4", 0],
  ],
  [["X-Forwarded-For: 6.6.6.6, 5.5.5.5, [2001:db8:1::7]:80"], ["5.5.5.5", 0]],
  [["X-Forwarded-For: 6.6.6.6, ::ffff:10.1.1.1"], ["6.6.6.6", 0]],
  // A proxy that asks for itself.
  [["X-Forwarded-For: 10.7.7.7"], ["10.7.7.7", 0]],
  [["X-Forwarded-For: 10.7.7.7, 10.8.8.8"], ["10.7.7.7", 0]],
  // What cannot be read is nobody, and never whoever stands before it.
  ...[
    ...["unknown", "localhost", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4"],
    ...[
      "1.2.3.4:",
      "1.2.3.4:65536",
      "1.2.3.4:x",
      "1.2.3.4 5.6.7.8",
      "1.2.3.4;",
    ],
    ...[
      "[::1",
      "::1]",
      "[::1]x",
      "[1.2.3.4]",
      ":::",
      "1::2::3",
      "fe80::1%eth0",
    ],
    ...['"1.2.3.4"', "<script>", "1.2.3.4\x80", "%31.2.3.4", "0x7f000001", "-"],
    ...["for=1.2.3.4", "9".repeat(10_000), ":".repeat(10_000)],
  ].map((bad) => [[`X-Forwarded-For: 10.0.0.5, ${bad}`], ["unknown"]] as const),
  [["X-Forwarded-For: 1.2.3.4, garbage, 10.0.0.2"], ["unknown"]],
  // Members of a list may be empty.
  [["X-Forwarded-For: 6.6.6.6, , 1.2.3.4, ,"], ["1.2.3.4", 0]],
  [["X-Forwarded-For: ,"], []],
  [[`X-Forwarded-For: 6.6.6.6, ${long(31)}`], ["6.6.6.6", 0]],
  [[`X-Forwarded-For: 6.6.6.6, ${long(32)}`], ["unknown"]],
  [[`X-Forwarded-For: 6.6.6.6, ${long(1500)}`], ["unknown"]],
  [[`X-Forwarded-For: ${",".repeat(16_000)}1.2.3.4`], ["1.2.3.4", 0]],
  // How it has asked, and for which host.
  [
    ["X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https"],
    ["1.2.3.4", 0, "https"],
  ],
  [
    [
      "X-Forwarded-For: 1.2.3.4",
      "X-Forwarded-Proto: HTTP",
      "X-Forwarded-Host: example.org:81",
    ],
    ["1.2.3.4", 0, "http", "example.org:81"],
  ],
  [["X-Forwarded-Proto: https"], ["10.0.0.1", 0, "https"]],
  [["X-Forwarded-Proto: ftp"], ["10.0.0.1", 0]],
  [["X-Forwarded-Proto: javascript:alert(1)//"], ["10.0.0.1", 0]],
  [["X-Forwarded-Host: a/b"], ["10.0.0.1", 0]],
  [["X-Forwarded-Host: a@b"], ["10.0.0.1", 0]],
  [["X-Forwarded-Host: a b"], ["10.0.0.1", 0]],
  // Each proxy has added to both lists.
  [
    [
      "X-Forwarded-For: 6.6.6.6, 1.2.3.4, 10.0.0.2",
      "X-Forwarded-Proto: https, http, https",
      "X-Forwarded-Host: evil.test, a.test, b.test",
    ],
    ["1.2.3.4", 0, "http", "a.test"],
  ],
  // Only the last has set it.
  [
    [
      "X-Forwarded-For: 6.6.6.6, 1.2.3.4, 10.0.0.2",
      "X-Forwarded-Proto: http, https",
    ],
    ["1.2.3.4", 0, "https"],
  ],
  // That is another field, and not looked at.
  [["Forwarded: for=1.2.3.4"], []],
];

for (const [fields, expected] of BY_X) {
  const name = fields.join(", ").slice(0, 90) || "nothing";
  Deno.test(`a trusted proxy tells by ${JSON.stringify(name)}`, () => {
    deepStrictEqual(told(X, fields), expected);
  });
}

/** What comes of Forwarded, from a trusted peer. Those of RFC 7239 are among them. */
const BY_FORWARDED: typeof BY_X = [
  [[], []],
  [["Forwarded: for=192.0.2.43"], ["192.0.2.43", 0]],
  [['Forwarded: For="[2001:db8:cafe::17]:4711"'], ["2001:db8:cafe::17", 4711]],
  [
    ["Forwarded: for=192.0.2.60;proto=http;by=203.0.113.43"],
    ["192.0.2.60", 0, "http"],
  ],
  [["Forwarded: for=192.0.2.43, for=198.51.100.17"], ["198.51.100.17", 0]],
  [["Forwarded: for=192.0.2.43, for=10.1.1.1"], ["192.0.2.43", 0]],
  [['Forwarded: for="_gazonk"'], ["_gazonk"]],
  [["Forwarded: for=_hidden, for=_SEVKISEK"], ["_SEVKISEK"]],
  [["Forwarded: for=unknown"], ["unknown"]],
  [['Forwarded: for="192.0.2.43:_p-1"'], ["192.0.2.43", 0]],
  [
    ["Forwarded: for=6.6.6.6;proto=https", "Forwarded: for=1.2.3.4"],
    ["1.2.3.4", 0],
  ],
  [
    [
      'Forwarded: for=6.6.6.6, FOR=1.2.3.4;Host="a.test:8080";PROTO="https", for="[2001:db8:1::2]"',
    ],
    ["1.2.3.4", 0, "https", "a.test:8080"],
  ],
  [['Forwarded: for="1.2.3.4" ; proto=https ,,'], ["1.2.3.4", 0, "https"]],
  [['Forwarded: for="1\\.2.3.4"'], ["1.2.3.4", 0]],
  [["Forwarded: proto=https"], ["unknown", undefined, "https"]],
  [["Forwarded: secret=x"], ["unknown"]],
  // Obfuscated names hide who stands before them.
  [["Forwarded: for=6.6.6.6, for=_proxy"], ["_proxy"]],
  // Whoever breaks the field is nobody, and not whom it names, nor the proxy.
  ...[
    ...['for="', 'for="6.6.6.6, for=1.2.3.4', "for 1.2.3.4"],
    ...["for=[::1]", "for=1.2.3.4:80", "for=", "for==1", "=1.2.3.4", "x=(1)"],
    ...["for=1.2.3.4 proto=https", "for=1.2.3.4;for=5.6.7.8", "1.2.3.4"],
    ...['for="1.2.3.4"x', 'for="1.2.3.4\\"', "for=1.2.3.4;proto=http;proto=x"],
    ...["", ",", "\x80=1"],
  ].map((bad) => [[`Forwarded: ${bad}`], ["unknown"]] as const),
  [['Forwarded: for=6.6.6.6;x="', "Forwarded: for=1.2.3.4"], ["1.2.3.4", 0]],
  [['Forwarded: for=6.6.6.6;x="', "Forwarded: for=10.0.0.3"], ["unknown"]],
  // RFC 7239 lets a pair be empty.
  [["Forwarded: for=1.2.3.4;;proto=https;"], ["1.2.3.4", 0, "https"]],
  [[`Forwarded: for=6.6.6.6, for=${long(31, ", for=")}`], ["6.6.6.6", 0]],
  [[`Forwarded: for=6.6.6.6, for=${long(32, ", for=")}`], ["unknown"]],
  [["X-Forwarded-For: 1.2.3.4"], []],
];

for (const [fields, expected] of BY_FORWARDED) {
  const name = fields.join(", ").slice(0, 90) || "nothing";
  Deno.test(`a trusted proxy tells by Forwarded: ${JSON.stringify(name)}`, () => {
    deepStrictEqual(told(FORWARDED, fields), expected);
  });
}

Deno.test("a peer that is no trusted proxy is not believed", () => {
  const fields = ["X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https"];
  for (
    const hostname of ["11.0.0.1", "9.255.255.255", "2001:db8:2::1", "::1"]
  ) {
    const peer = { transport: "tcp", hostname, port: 1 } as const;
    deepStrictEqual(told(X, fields, peer), [], hostname);
    deepStrictEqual(told(FORWARDED, ["Forwarded: for=1.2.3.4"], peer), []);
  }
  for (const hostname of ["::ffff:10.0.0.1", "2001:db8:1::1"]) {
    const peer = { transport: "tcp", hostname, port: 1 } as const;
    deepStrictEqual(told(X, fields, peer), ["1.2.3.4", 0, "https"], hostname);
  }
  const unix = { transport: "unix", path: "" } as const;
  deepStrictEqual(told(X, fields, unix as Deno.Addr), []);
  deepStrictEqual(
    told({ ...X, trust: ["unix:"] }, fields, unix as Deno.Addr),
    ["1.2.3.4", 0, "https"],
  );
});

Deno.test("a field that is not named is a client's word", () => {
  const fields = ["X-Forwarded-For: 1.2.3.4", "X-Forwarded-Host: evil.test"];
  const settings = { trust: TRUST, fields: ["X-Forwarded-For"] } as const;
  deepStrictEqual(told(settings, fields), ["1.2.3.4", 0]);
});

Deno.test("whatever is told, what comes of it is an address, a name or unknown", () => {
  const seeds = [...BY_X, ...BY_FORWARDED].flatMap(([fields]) => fields);
  const generate = random(7239);
  const encoder = new TextEncoder();
  for (let i = 0; i < 3000; i++) {
    const bytes = mutate(generate, encoder.encode(oneOf(generate, seeds)));
    const field = String.fromCharCode(...bytes.subarray(0, 4000));
    for (const settings of [X, FORWARDED]) {
      const [name = "unknown"] = told(settings, [field]);
      strictEqual(/^(?:_[\w.-]+|unknown|[0-9a-f.:]+)$/.test(name), true, name);
    }
    readForwarded(field);
    readNodeName(field);
  }
});

const WRONG: readonly (readonly [settings: unknown, message: RegExp])[] = [
  [1, /the settings must be an object, received 1$/],
  [{ trust: TRUST }, /forwarded\.fields must be a list of one or more of /],
  [{ fields: ["Forwarded"] }, /forwarded\.trust must be a list of networks/],
  [{ trust: [], fields: ["Forwarded"] }, /forwarded\.trust names nobody/],
  [{ trust: TRUST, fields: [] }, /forwarded\.fields must be a list/],
  [{ trust: TRUST, fields: ["forwarded"] }, /forwarded\.fields must be/],
  [
    { trust: TRUST, fields: ["X-Forwarded-For", "Forwarded"] },
    /"Forwarded" beside X-Forwarded-For, and both tell the same/,
  ],
  [
    { trust: ["10.0.0.1/8"], fields: ["Forwarded"] },
    /forwarded\.trust\[0\], "10\.0\.0\.1\/8", has more than 8 bits/,
  ],
  [
    { ...FORWARDED, trusts: [] },
    /unknown setting "trusts"; did you mean "trust"/,
  ],
];

for (const [settings, message] of WRONG) {
  Deno.test(`forwarded is refused where it is ${JSON.stringify(settings)}`, () => {
    const options = { forwarded: settings as ForwardedSettings };
    const expected = {
      name: "TypeError",
      message: new RegExp(
        `^Cannot heed forwarded clients: .*${message.source}`,
      ),
    };
    throws(
      () => new HTTPServer(LOOPBACK, () => new Response(), options),
      expected,
    );
    class Wrong extends FetchRequestHandler {
      static override readonly forwarded = settings as ForwardedSettings;
    }
    throws(() => new HTTPServer(LOOPBACK, Wrong), expected);
  });
}

const FIELDS = [
  "X-Forwarded-For: 6.6.6.6, [2001:db8::7]:99",
  "X-Forwarded-Proto: https",
  "X-Forwarded-Host: shop.test",
];
const TOLD = "https://shop.test/a?b 2001:db8::7 2001:db8::7 99";

Deno.test("each way of running heeds a trusted proxy, request by request", async () => {
  const servers = [
    new HTTPServer(LOOPBACK, Told),
    new ThreadingHTTPServer(LOOPBACK, Told, { workers: 1 }),
    new ForkingHTTPServer(LOOPBACK, Told, { maxChildren: 1 }),
  ];
  for (const each of servers) {
    await using served = await serveForTest(each);
    using connection = await Deno.connect(served.addr);
    // The next request of a proxy is another client's.
    await writeBytes(
      connection,
      `GET /a?b HTTP/1.1\r\nHost: x\r\n${FIELDS.join("\r\n")}\r\n\r\n` +
        requestOf("GET /c"),
    );
    deepStrictEqual(
      repliesIn(await readBytes(connection)).map(({ body }) => body),
      [TOLD, "http://example.test/c 127.0.0.1 none none"],
    );
  }
});

Deno.test("a URL as target is for the host and scheme that the proxy was asked by", async () => {
  await using served = await serveForTest(Told, { server: HTTPServer });
  const { body } = await replyTo(
    served.addr,
    requestOf("GET http://inner.test/a?b", FIELDS),
  );
  strictEqual(body, TOLD);
});

Deno.test("behind PROXY, the client that it names is trusted or not", async () => {
  await using served = await serveForTest(
    Told,
    {
      server: HTTPServer,
      options: {
        proxyProtocol: { mode: "require", trust: ["127.0.0.0/8"] },
      },
    },
  );
  const destination = { transport: "tcp", hostname: "1.1.1.1", port: 1 };
  for (
    const [hostname, expected] of [
      ["127.0.0.9", TOLD],
      ["8.8.8.8", "http://example.test/a?b 8.8.8.8 none none"],
    ] as const
  ) {
    using connection = await Deno.connect(served.addr);
    await connection.write(encodeProxyHeader({
      version: 2,
      source: { transport: "tcp", hostname, port: 5 },
      destination: destination as Deno.NetAddr,
    }));
    await writeBytes(connection, requestOf("GET /a?b", FIELDS));
    strictEqual(repliesIn(await readBytes(connection))[0]!.body, expected);
  }
});

Deno.test({
  name: "a proxy that connects by IPv6 is trusted by its network",
  ignore: !hasIPv6(),
  fn: async () => {
    await using served = await serveForTest(
      new HTTPServer({ hostname: "::1", port: 0 }, Told),
    );
    const { body } = await replyTo(served.addr, requestOf("GET /a?b", FIELDS));
    strictEqual(body, TOLD);
  },
});

Deno.test("a proxy that connects to a Unix socket is trusted by its word", async () => {
  await using folder = new Folder();
  const path = folder.at("socket");
  await using _served = await serveForTest(
    new UnixStreamServer({ path }, Told),
  );
  using connection = await Deno.connect({ path, transport: "unix" });
  await writeBytes(connection, requestOf("GET /a?b", FIELDS));
  strictEqual(repliesIn(await readBytes(connection))[0]!.body, TOLD);
});
