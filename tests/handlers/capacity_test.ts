import { deepStrictEqual, rejects, strictEqual } from "node:assert";
import { Capacity } from "../../handlers/_capacity.ts";

const never = () => new AbortController().signal;
const patient = { timeout: 20_000, signal: never };

Deno.test("whoever finds no room waits behind those who came before", async () => {
  const capacity = new Capacity(10);
  const first = await capacity.take(6, patient);
  const order: string[] = [];
  const large = capacity.take(8, patient).then((share) => {
    order.push("large");
    return share;
  });
  // It would fit now, and must not overtake.
  const small = capacity.take(2, patient).then((share) => {
    order.push("small");
    return share;
  });
  strictEqual(capacity.waiting, 2);
  first[Symbol.dispose]();
  const shares = await Promise.all([large, small]);
  deepStrictEqual(order, ["large", "small"]);
  strictEqual(capacity.taken, 10);
  for (const share of shares) share[Symbol.dispose]();
  strictEqual(capacity.taken, 0);
  strictEqual(capacity.waiting, 0);
});

Deno.test("what is larger than all there is has room alone", async () => {
  const capacity = new Capacity(10);
  const whole = await capacity.take(50, patient);
  strictEqual(capacity.share().tryResize(1), false);
  strictEqual(whole.tryResize(60), true);
  whole[Symbol.dispose]();
  const part = await capacity.take(1, patient);
  strictEqual(capacity.share().tryResize(50), false);
  strictEqual(part.tryResize(50), true);
  part[Symbol.dispose]();
  strictEqual(capacity.taken, 0);
});

Deno.test("who goes away leaves the queue, and those behind move up", async () => {
  const capacity = new Capacity(10);
  using _held = await capacity.take(5, patient);
  const leaving = new AbortController();
  const gone = capacity.take(10, { ...patient, signal: () => leaving.signal });
  const behind = capacity.take(5, patient);
  leaving.abort(new Error("gone"));
  await rejects(gone, { message: "gone" });
  using _share = await behind;
  strictEqual(capacity.waiting, 0);
  strictEqual(capacity.taken, 10);
  const late = { ...patient, signal: () => leaving.signal };
  await rejects(capacity.take(5, late), { message: "gone" });
});

Deno.test("who waits too long is told so, and holds nothing", async () => {
  const capacity = new Capacity(1);
  using _held = await capacity.take(1, patient);
  await rejects(capacity.take(1, { timeout: 1, signal: never }), {
    name: "TimeoutError",
  });
  strictEqual(capacity.waiting, 0);
  strictEqual(capacity.taken, 1);
});
