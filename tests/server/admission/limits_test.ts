// The counters of addresses: limits that nobody passes, in memory that is fixed.

import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { Admission } from "../../../server/_admission/admission.ts";
import { cellOf, ROWS, rowSize } from "../../../server/_admission/cells.ts";
import { allocateCounts, Counts } from "../../../server/_admission/counts.ts";
import { KeyedHash } from "../../../server/_admission/keyed_hash.ts";
import { allocateRates, Rates } from "../../../server/_admission/rates.ts";
import { below, random } from "../../fuzz/_fuzzing.ts";

Deno.test("hashes are those of the reference implementation of HalfSipHash", () => {
  const hash = new KeyedHash([0x03020100, 0x07060504]);
  // Of the bytes 0, 1, 2 and so on, by their number.
  const vectors = {
    0: "218d1f59b9b83cc8",
    4: "d5e78a175be52ea1",
    8: "edfee820bce4858c",
    12: "7bc71f9faef5c799",
    16: "7336aad25f7bf3b5",
  };
  for (const [length, expected] of Object.entries(vectors)) {
    hash.update(Uint8Array.from({ length: Number(length) }, (_, i) => i));
    const both = new DataView(new ArrayBuffer(8));
    both.setInt32(0, hash.first, true);
    both.setInt32(4, hash.second, true);
    strictEqual(new Uint8Array(both.buffer).toHex(), expected);
  }
});

Deno.test("an address has one cell in each row, and all cells are used alike", () => {
  const size = rowSize(16);
  strictEqual(size, 64);
  const next = random(1);
  const used = new Map<number, number>();
  const rounds = 64_000;
  for (let i = 0; i < rounds; i++) {
    const [first, second] = [
      below(next, 2 ** 32) | 0,
      below(next, 2 ** 32) | 0,
    ];
    for (let row = 0; row < ROWS; row++) {
      const cell = cellOf(row, first, second, size);
      ok(cell >= row * size && cell < (row + 1) * size, `${cell}`);
      used.set(cell, (used.get(cell) ?? 0) + 1);
    }
  }
  strictEqual(used.size, ROWS * size);
  const each = rounds / size;
  for (const [cell, count] of used) {
    ok(count > each * 0.8 && count < each * 1.2, `${cell}: ${count}`);
  }
});

/** Hashes of addresses, as many as are asked for. */
function hashes(seed: number) {
  const next = random(seed);
  return () => ({
    first: below(next, 2 ** 32) | 0,
    second: below(next, 2 ** 32) | 0,
  });
}

Deno.test("no address has more requests in progress than it may, whoever shares its cells", () => {
  // So few cells that nearly all are shared.
  const counts = new Counts(allocateCounts(8, 1, 3), 8, 3, 1, 0);
  const next = random(2);
  const hash = hashes(3);
  const addresses = Array.from({ length: 40 }, () => ({
    hash: hash(),
    inside: 0,
  }));
  let most = 0;
  for (let i = 0; i < 20_000; i++) {
    const address = addresses[below(next, addresses.length)]!;
    if (next() < 0.6) {
      if (counts.enter(address.hash)) address.inside++;
    } else if (address.inside > 0) {
      counts.leave(address.hash);
      address.inside--;
    }
    most = Math.max(most, address.inside);
  }
  strictEqual(most, 3);
  // When all have left, each may have as many as before.
  for (const { hash, inside } of addresses) {
    for (let i = 0; i < inside; i++) counts.leave(hash);
  }
  for (const { hash } of addresses) {
    const entered = [1, 2, 3, 4].filter(() => counts.enter(hash));
    strictEqual(entered.length, 3);
    for (const _ of entered) counts.leave(hash);
  }
});

Deno.test("as many addresses as are to be told apart, all at their limits, keep few others out", () => {
  const addresses = 1_024;
  const counts = new Counts(
    allocateCounts(addresses, 1, 1),
    addresses,
    1,
    1,
    0,
  );
  const hash = hashes(4);
  for (let i = 0; i < addresses; i++) counts.enter(hash());
  const others = 20_000;
  let refused = 0;
  for (let i = 0; i < others; i++) {
    const other = hash();
    if (counts.enter(other)) counts.leave(other);
    else refused++;
  }
  // 1 of 418 is expected, within four standard deviations.
  ok(refused > 20 && refused < 76, `${refused} of ${others}`);
});

Deno.test("the memory of counts is as large as is documented, and all of it is used", () => {
  for (const addresses of [1, 16_384, 16_385]) {
    strictEqual(
      allocateCounts(addresses, 17, 2_047).byteLength / 17,
      32 * addresses,
    );
    strictEqual(
      allocateCounts(addresses, 17, 2_048).byteLength / 17,
      64 * addresses,
    );
    strictEqual(allocateRates(addresses).byteLength, 64 * addresses);
  }
  const size = rowSize(3);
  strictEqual(size, 12);
  const next = random(10);
  const used = new Set<number>();
  for (let i = 0; i < 1_000; i++) {
    const [first, second] = [
      below(next, 2 ** 32) | 0,
      below(next, 2 ** 32) | 0,
    ];
    for (let row = 0; row < ROWS; row++) {
      used.add(cellOf(row, first, second, size));
    }
  }
  strictEqual(used.size, ROWS * size);
  strictEqual(Math.max(...used), ROWS * size - 1);
});

Deno.test("one address has as many requests in progress as it may, however many these are", () => {
  for (const limit of [2_047, 2_048, 40_000]) {
    const memory = allocateCounts(1, 2, limit);
    const counts = new Counts(memory, 1, limit, 2, 1);
    const address = hashes(11)();
    for (let i = 0; i < limit; i++) ok(counts.enter(address), `${i}`);
    strictEqual(counts.enter(address), false);
    for (let i = 0; i < limit; i++) counts.leave(address);
    ok(new Uint8Array(memory).every((byte) => byte === 0));
  }
});

Deno.test("a count that can be no larger lets nobody in, and loses nobody", () => {
  const [addresses, limit] = [64, 2_047];
  const memory = allocateCounts(addresses, 1, limit);
  const counts = new Counts(memory, addresses, limit, 1, 0);
  // All of them share their cells of the first row, and no others.
  const sharing = Array.from(
    { length: 20 },
    (_, i) => ({ first: 0, second: i * 2 ** 26 | 0 }),
  );
  const inside: (typeof sharing)[number][] = [];
  for (const address of sharing) {
    for (let i = 0; i < limit; i++) {
      if (counts.enter(address)) inside.push(address);
    }
  }
  strictEqual(inside.length, 2 ** 15 - 1);
  ok(new Int16Array(memory).every((count) => count >= 0));
  for (const address of inside) counts.leave(address);
  ok(new Uint8Array(memory).every((byte) => byte === 0));
});

Deno.test("an address sends a burst at once, and then as many a second as it may", () => {
  for (
    const [burst, perSecond] of [[1, 1], [10, 5], [100, 1_000], [
      3,
      0.5,
    ]] as const
  ) {
    const rates = new Rates(allocateRates(64), 64, burst, perSecond, 1);
    const address = hashes(5)();
    const came = (now: number, tries: number) => {
      let taken = 0;
      for (let i = 0; i < tries; i++) if (rates.take(address, now)) taken++;
      return taken;
    };
    const start = 1_796_000_000_000;
    strictEqual(came(start, 2 * burst), burst);
    // One more for each that may come meanwhile; what was refused costs nothing.
    let taken = 0;
    const seconds = 40 / perSecond;
    for (let i = 1; i <= 400; i++) {
      taken += came(start + i * seconds * 1_000 / 400, 3);
    }
    ok(taken === 40 || taken === 39, `${taken} in ${seconds} s`);
    // After a pause there is a whole burst again, and no more.
    const later = start + 1_000 * (seconds + burst / perSecond + 1);
    strictEqual(came(later, 2 * burst), burst);
    const muchLater = later + 1_000 * 3600 * 24 * 365;
    strictEqual(came(muchLater, 2 * burst), burst);
  }
});

Deno.test("no address sends more than it may, whoever shares its cells, as clocks begin again", () => {
  const [burst, perSecond] = [5, 100_000];
  const rates = new Rates(allocateRates(8), 8, burst, perSecond, 1);
  const next = random(6);
  const hash = hashes(7);
  const addresses = Array.from({ length: 20 }, () => ({
    hash: hash(),
    /** When each of its last requests was let in. */
    times: [] as number[],
  }));
  let taken = 0;
  // The clock of cells begins again after some 45 minutes.
  for (let now = 0, i = 0; i < 200_000; i++) {
    now += next() < 0.001 ? next() * 400_000 : next() * 0.01;
    const address = addresses[below(next, addresses.length)]!;
    if (!rates.take(address.hash, now)) continue;
    taken++;
    const { times } = address;
    times.push(now);
    if (times.length > burst + 1) times.shift();
    if (times.length <= burst) continue;
    // So many more than a burst have taken as long as they may, but for a tick.
    const took = now - times[0]!;
    ok(took >= 1_000 / perSecond * 0.9, `${took} ms for ${times.length}`);
  }
  ok(taken > 10_000, `${taken} were let in`);
});

Deno.test("cells that nobody has used are free at any time", () => {
  const [burst, perSecond] = [1_000, 1_000_000];
  const rates = new Rates(allocateRates(1_024), 1_024, burst, perSecond, 1);
  const hash = hashes(8);
  // The clock has 0 again and again meanwhile.
  for (let now = 0; now < 1_000_000; now += 997) {
    strictEqual(rates.take(hash(), now), true, `${now}`);
  }
});

const at = (hostname: string): Deno.NetAddr => ({
  ...{ transport: "tcp", hostname, port: 1 },
});

/** How many of several clients are let in, by what is said of the others. */
function outcomes(admission: Admission, hostnames: readonly string[]) {
  return hostnames.map((hostname) => {
    const outcome = admission.enter(at(hostname));
    return typeof outcome === "string" ? outcome : "in";
  });
}

Deno.test("clients are let in by their networks", () => {
  const admission = new Admission({
    allow: ["10.0.0.0/8", "2001:db8::/32"],
    deny: ["10.1.0.0/16", "2001:db8::1"],
  });
  deepStrictEqual(
    outcomes(admission, [
      ...["10.0.0.1", "::ffff:10.0.0.1", "10.1.0.1", "::ffff:10.1.0.1"],
      ...["192.0.2.1", "2001:db8::2", "2001:db8::1", "2001:db9::1"],
    ]),
    ["in", "in", "deny", "deny", "deny", "in", "deny", "deny"],
  );
  const others = new Admission({ deny: ["0.0.0.0/0"] });
  deepStrictEqual(outcomes(others, ["10.0.0.1", "::1"]), ["deny", "in"]);
  for (const none of [{ transport: "unix", path: "" }, at("localhost")]) {
    strictEqual(typeof others.enter(none as Deno.Addr), "object");
    // Those alone are let in who are in a network that is allowed.
    strictEqual(admission.enter(none as Deno.Addr), "deny");
  }
});

Deno.test("an address of IPv4 counts whole, one of IPv6 by its network", () => {
  const four = new Admission({ perAddress: 1 });
  deepStrictEqual(
    outcomes(four, [
      ...["10.0.0.1", "10.0.0.2", "::ffff:10.0.0.1", "10.0.0.1"],
      ...["2001:db8:0:1::1", "2001:db8:0:1:ffff::", "2001:db8:0:2::1"],
      ...["2001:db8:0:2::1%eth0"],
    ]),
    ["in", "in", "perAddress", "perAddress", "in", "perAddress", "in"]
      .concat("perAddress"),
  );
  for (
    const [ipv6Prefix, expected] of [
      [128, ["in", "in", "in", "in", "in"]],
      [127, ["in", "perAddress", "in", "in", "in"]],
      [57, ["in", "perAddress", "perAddress", "in", "in"]],
      [1, ["in", "perAddress", "perAddress", "perAddress", "in"]],
    ] as const
  ) {
    const six = new Admission({ perAddress: 1, ipv6Prefix });
    deepStrictEqual(
      outcomes(six, [
        ...["2001:db8::", "2001:db8::1", "2001:db8:0:7f::"],
        ...["2001:db8:0:80::", "8001::"],
      ]),
      expected,
      `${ipv6Prefix} bits`,
    );
  }
});

Deno.test("what is refused for its rate is not in progress", () => {
  const admission = new Admission({
    perAddress: 2,
    rate: { burst: 2, perSecond: 0.001 },
  });
  const client = at("10.0.0.1");
  const first = admission.enter(client);
  strictEqual(typeof first, "object");
  if (typeof first === "object") admission.leave(first);
  strictEqual(typeof admission.enter(client), "object");
  for (let i = 0; i < 5; i++) strictEqual(admission.enter(client), "rate");
  strictEqual(typeof admission.enter(at("10.0.0.2")), "object");
});

Deno.test("a flood of addresses frees nobody from a rate", () => {
  const admission = new Admission({
    rate: { burst: 4, perSecond: 0.001 },
    maxTracked: 64,
  });
  const limited = Array.from({ length: 20 }, (_, i) => `10.0.0.${i}`);
  for (const address of limited) {
    for (let i = 0; i < 4; i++) admission.enter(at(address));
    strictEqual(admission.enter(at(address)), "rate");
  }
  // All cells are shared by now, and each is asked of far more than it can be.
  for (let i = 0; i < 20_000; i++) {
    admission.enter(at(`2001:db8:${(i % 65_536).toString(16)}::1`));
  }
  for (const address of limited) {
    strictEqual(admission.enter(at(address)), "rate");
  }
});

Deno.test("a flood of addresses frees nobody from a limit, keeps few others out, and takes no memory", () => {
  const admission = new Admission({
    perAddress: 2,
    rate: { burst: 4, perSecond: 0.01 },
    maxTracked: 4_096,
  });
  const sizes = () =>
    [admission.memory.counts, admission.memory.rates]
      .map((memory) => memory!.byteLength);
  deepStrictEqual(sizes(), [32 * 4_096, 64 * 4_096]);
  const attacker = at("2001:db8:1::1");
  const used = outcomes(admission, Array(3).fill(attacker.hostname));
  deepStrictEqual(used, ["in", "in", "perAddress"]);
  const next = random(9);
  const group = () => below(next, 2 ** 16).toString(16);
  const flood = () => at(`2001:${group()}:${group()}:${group()}::1`);
  for (let i = 0; i < 50_000; i++) {
    const outcome = admission.enter(flood());
    if (typeof outcome === "object") admission.leave(outcome);
  }
  strictEqual(admission.enter(attacker), "perAddress");
  let refused = 0;
  for (let i = 0; i < 1_000; i++) {
    const outcome = admission.enter(at(`10.0.${i >> 8}.${i & 255}`));
    if (typeof outcome === "string") refused++;
  }
  // Each cell has been used three times, and may be four times.
  ok(refused < 250, `${refused} of 1000 were refused`);
  deepStrictEqual(sizes(), [32 * 4_096, 64 * 4_096]);
});
