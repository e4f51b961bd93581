import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import {
  type AddressInfo,
  AF_INET,
  AF_INET6,
  AF_UNIX,
  AI_ADDRCONFIG,
  AI_ALL,
  AI_CANONNAME,
  AI_NUMERICHOST,
  AI_NUMERICSERV,
  AI_PASSIVE,
  AI_V4MAPPED,
  getaddrinfo,
  type GetaddrinfoOptions,
  getaddrinfoSync,
  ifIndexToName,
  ifNameToIndex,
  IPPROTO_TCP,
  IPPROTO_UDP,
  SOCK_DGRAM,
  SOCK_STREAM,
  Socket,
} from "../../poll/mod.ts";
import { Program, testWith } from "../_program.ts";
import { failure, LOOPBACK } from "./_sockets.ts";

const python = new Program("python3", "python3");

const FORMS: Record<
  string,
  (...args: Parameters<typeof getaddrinfoSync>) => Promise<AddressInfo[]>
> = {
  Sync: (...args) => Promise.resolve(getaddrinfoSync(...args)),
  promised: (...args) => getaddrinfo(...args),
};

const hosts = (infos: readonly AddressInfo[]) =>
  infos.map(({ address }) => (address as Deno.NetAddr).hostname);
const ports = (infos: readonly AddressInfo[]) =>
  infos.map(({ address }) => (address as Deno.NetAddr).port);

for (const [form, resolve] of Object.entries(FORMS)) {
  Deno.test(`getaddrinfo lists an address for each type, ${form}`, async () => {
    const infos = await resolve("127.0.0.1", 80);
    ok(infos.length >= 2);
    deepStrictEqual(
      infos.filter(({ type }) => type === SOCK_STREAM || type === SOCK_DGRAM),
      [[SOCK_STREAM, IPPROTO_TCP, "tcp"], [SOCK_DGRAM, IPPROTO_UDP, "udp"]].map(
        ([type, protocol, transport]) => ({
          family: AF_INET,
          type,
          protocol,
          canonicalName: "",
          address: { transport, hostname: "127.0.0.1", port: 80 },
        }),
      ),
    );
    deepStrictEqual(
      await resolve("ff02::1de:c0:face:8D", 1234, {
        family: AF_INET6,
        type: SOCK_DGRAM,
        protocol: IPPROTO_UDP,
      }).then(hosts),
      ["ff02::1de:c0:face:8d"],
    );
    for (const options of [{ type: SOCK_DGRAM }, { protocol: IPPROTO_UDP }]) {
      const [info, ...others] = await resolve("::1", 80, options);
      deepStrictEqual(others, []);
      deepStrictEqual(
        [info!.family, info!.type, info!.protocol],
        [AF_INET6, SOCK_DGRAM, IPPROTO_UDP],
      );
    }
  });

  Deno.test(`getaddrinfo finds names, services and this machine, ${form}`, async () => {
    const type = SOCK_STREAM;
    const local = hosts(await resolve("localhost", null, { type }));
    ok(local.every((host) => ["127.0.0.1", "::1"].includes(host)));
    ok(local.length > 0);
    for (const address of ["127.0.0.1", "10.0.0.1", "255.255.255.255"]) {
      const found = await resolve(address, null, { type });
      deepStrictEqual([hosts(found), ports(found)], [[address], [0]]);
    }
    // /etc/services, where it is.
    for (const service of ["8080", ...(hasServices() ? ["http"] : [])]) {
      const port = service === "http" ? 80 : 8080;
      deepStrictEqual(ports(await resolve("::1", service, { type })), [port]);
    }
    deepStrictEqual(
      hosts(await resolve(null, 80, { type, flags: AI_PASSIVE })).sort(),
      ["0.0.0.0", "::"],
    );
    deepStrictEqual(
      hosts(await resolve(null, 80, { type })).sort(),
      ["127.0.0.1", "::1"],
    );
  });

  Deno.test(`getaddrinfo honours its flags, ${form}`, async () => {
    const type = SOCK_STREAM;
    const canonical = await resolve("localhost", 1, {
      type,
      flags: AI_CANONNAME,
    });
    strictEqual(canonical[0]!.canonicalName, "localhost");
    strictEqual(
      (await failure(() => resolve("localhost", 1, { flags: AI_NUMERICHOST })))
        .code,
      "ENOTFOUND",
    );
    match(
      (await failure(() =>
        resolve("127.0.0.1", "http", { flags: AI_NUMERICSERV })
      )).message,
      /^Cannot resolve "127.0.0.1" and service "http": /,
    );
    const flags = AI_NUMERICSERV;
    deepStrictEqual(
      ports(await resolve("127.0.0.1", null, { type, flags })),
      [0],
    );
    for (const flags of [AI_V4MAPPED, AI_V4MAPPED | AI_ALL]) {
      deepStrictEqual(
        hosts(await resolve("127.0.0.1", 1, { family: AF_INET6, type, flags })),
        ["::ffff:127.0.0.1"],
      );
    }
    ok(
      hosts(await resolve("localhost", 1, { type, flags: AI_ADDRCONFIG }))
        .length > 0,
    );
  });

  Deno.test(`getaddrinfo keeps the scope of an address, ${form}`, async () => {
    const index = ifNameToIndex("lo");
    strictEqual(ifIndexToName(index), "lo");
    // A number need not be that of an interface.
    for (const [scope, number] of [["lo", index], [index, index], [42, 42]]) {
      deepStrictEqual(
        hosts(await resolve(`fe80::1%${scope}`, 1, { type: SOCK_STREAM })),
        [`fe80::1%${number}`],
      );
    }
  });

  Deno.test(`getaddrinfo says what it could not resolve, ${form}`, async () => {
    const name = "x".repeat(255);
    for (
      const [args, Class, code, message] of [
        [["nowhere.invalid", 1], Deno.errors.NotFound, /ENOTFOUND|EAI_AGAIN/],
        [["no such name", 1], Deno.errors.NotFound, /ENOTFOUND|EAI_AGAIN/],
        [[name, 1], Deno.errors.NotFound, /ENOTFOUND|EAI_AGAIN|EAI_FAIL/],
        // No addresses, and no names that anybody would be asked for.
        ...["0.1.1.~1", "1+.1.1.1", "::1q", "::1::2", "1:1:1:1:1:1:1:1:1"].map(
          (host) => [
            [host, 1, { flags: AI_NUMERICHOST }],
            Deno.errors.NotFound,
            /ENOTFOUND/,
          ],
        ),
        [["127.0.0.1", "no such"], Deno.errors.NotFound, /EAI_SERVICE/],
        [["::1", 1, { family: AF_INET }], Error, /ENOTFOUND|EAI_/],
        [["127.0.0.1", 1, { family: 0x7777 }], Error, /EAI_FAMILY/],
        [["127.0.0.1", 1, { type: 9 }], Error, /EAI_SOCKTYPE/],
        [[null, 1, { flags: AI_CANONNAME }], Error, /EAI_BADFLAGS/],
        [[`${name}x`, 1], RangeError, , /longer than 255 bytes/],
        [["127.0.0.1", "1".repeat(256)], RangeError, , /longer than 255/],
        [[null, null], TypeError, , /both .* null, give one/],
        [["", 1], TypeError, , /"" as a hostname/],
        [["a\0b", 1], TypeError, , /as a hostname/],
        [[undefined, 1], TypeError, , /undefined as a hostname/],
        [["127.0.0.1", ""], TypeError, , /"" as a service/],
        [["127.0.0.1", "1\0"], TypeError, , /as a service/],
        // U+FFFD would be asked for instead.
        [["localhost", "\ud800"], TypeError, , /as a service/],
        [["\ud800", 1], TypeError, , /as a hostname/],
        [["127.0.0.1", undefined], TypeError, , /undefined as a service/],
        [["127.0.0.1", 65_536], RangeError, , /65536 as a port/],
        [["127.0.0.1", 1.5], TypeError, , /1.5 as a port/],
        [["127.0.0.1", 1, { family: -1 }], RangeError, , /address family/],
        [["127.0.0.1", 1, { type: NaN }], TypeError, , /socket type/],
        [["127.0.0.1", 1, { protocol: -1 }], RangeError, , /a protocol/],
        [
          ["127.0.0.1", 1, { flags: 0x4000 }],
          TypeError,
          ,
          /flag 0x4000: .*AI_/,
        ],
        [["127.0.0.1", 1, { flags: "1" }], TypeError, , /as flags/],
      ] as [
        Parameters<typeof getaddrinfoSync>,
        new () => Error,
        RegExp?,
        RegExp?,
      ][]
    ) {
      const error = await failure(() => resolve(...args));
      ok(error instanceof Class, `${args}: ${error}`);
      if (code !== undefined) match(String(error.code), code, String(args));
      if (message !== undefined) match(error.message, message);
    }
  });
}

Deno.test("getaddrinfo ends at a signal, and drops what it finds later", async () => {
  const abort = new AbortController();
  const waiting = failure(() =>
    getaddrinfo("localhost", 1, { signal: abort.signal })
  );
  abort.abort();
  strictEqual((await waiting).name, "AbortError");
  const { signal } = abort;
  const options: GetaddrinfoOptions = { signal };
  strictEqual(
    (await failure(() => getaddrinfo("localhost", 1, options))).name,
    "AbortError",
  );
  // The lookup that was given up goes on in its thread, and gives its memory
  // back; one behind it shows that it has.
  await getaddrinfo("localhost", 1);
});

Deno.test("what getaddrinfo finds can be bound and connected to", async () => {
  using listener = new Socket();
  const options = { type: SOCK_STREAM, family: AF_INET };
  const [found] = await getaddrinfo("localhost", 0, options);
  listener.bind(found!.address as Deno.NetAddr);
  listener.listen();
  const { port } = listener.getsockname() as Deno.NetAddr;
  const [target] = await getaddrinfo(LOOPBACK.hostname, port, options);
  using client = new Socket(target!.family, target!.type, target!.protocol);
  await client.connect(target!.address);
  const unix = await failure(() =>
    getaddrinfo("localhost", 1, { family: AF_UNIX })
  );
  match(String(unix.code), /EAI_FAMILY|ENOTFOUND/);
});

Deno.test("interfaces that there are not are refused", async () => {
  strictEqual((await failure(() => ifNameToIndex("none"))).code, "ENODEV");
  strictEqual((await failure(() => ifIndexToName(0x7fff_ffff))).code, "ENXIO");
  for (const name of ["", "x".repeat(16), "l\0", 1, undefined]) {
    const error = await failure(() => ifNameToIndex(name as string));
    ok(error instanceof TypeError, `${name}: ${error}`);
  }
  for (const index of [0, -1, 2 ** 31, NaN, 1.5, "1"]) {
    const error = await failure(() => ifIndexToName(index as number));
    ok(error instanceof TypeError || error instanceof RangeError);
  }
});

testWith([python], "getaddrinfo finds what CPython's finds", async () => {
  for (
    const [hostname, service, flags] of [
      ["localhost", 80, 0],
      ["127.0.0.1", 0, 0],
      ["::1", 443, 0],
      [null, 80, AI_PASSIVE],
      [null, 80, 0],
      ["localhost", 80, AI_CANONNAME],
    ] as const
  ) {
    const printed = await python.run([
      "-c",
      `import json, socket, sys
host, service, flags = json.loads(sys.argv[1])
print(json.dumps([[int(f), int(t), p, c, a[0], a[1]] for f, t, p, c, a
    in socket.getaddrinfo(host, service, flags=flags) if t < 3]))`,
      JSON.stringify([hostname, service, flags]),
    ]);
    deepStrictEqual(
      getaddrinfoSync(hostname, service, { flags })
        .filter(({ type }) => type < 3)
        .map(({ family, type, protocol, canonicalName, address }) => {
          const { hostname, port } = address as Deno.NetAddr;
          return [family, type, protocol, canonicalName, hostname, port];
        }),
      JSON.parse(printed),
    );
  }
});

function hasServices(): boolean {
  try {
    return Deno.statSync("/etc/services").isFile;
  } catch {
    return false;
  }
}
