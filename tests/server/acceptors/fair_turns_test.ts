import { ok, strictEqual } from "node:assert";
import { FairTurns } from "../../../server/_acceptors/fair_turns.ts";
import {
  allocatePlaces,
  OwnPlaces,
} from "../../../server/_acceptors/places.ts";

function two(): [OwnPlaces, OwnPlaces] {
  const memory = allocatePlaces(2, 1_000);
  const both = [0, 1].map((i) => new OwnPlaces(memory, i + 1, i));
  for (const each of both) each.beginAccepting();
  return both as [OwnPlaces, OwnPlaces];
}

Deno.test("a thread lets another go first that has fewer requests, the longer the more it has", () => {
  const [own, other] = two();
  const turns = new FairTurns(own);
  strictEqual(turns.pause(), 0);
  own.load = 1;
  strictEqual(turns.pause(), 1);
  other.load = 1;
  strictEqual(turns.pause(), 0);
  own.load = 11;
  strictEqual(turns.pause(), 10);
  own.load = 1_000;
  strictEqual(turns.pause(), 50);
});

Deno.test("a thread without requests, or alone, waits for nobody", () => {
  const memory = allocatePlaces(2, 10);
  const own = new OwnPlaces(memory, 1, 0);
  own.beginAccepting();
  const turns = new FairTurns(own);
  own.load = 5;
  strictEqual(turns.pause(), 0);
  const other = new OwnPlaces(memory, 2, 1);
  other.beginAccepting();
  strictEqual(turns.pause(), 5);
  own.load = 0;
  strictEqual(turns.pause(), 0);
});

Deno.test("one that takes nothing during a pause is waited for no more, until it does something", () => {
  const [own, other] = two();
  const turns = new FairTurns(own);
  own.load = 3;
  strictEqual(turns.pause(), 3);
  turns.paused();
  turns.came();
  own.load = 4;
  // It was found busy with three fewer: it counts as having had them.
  strictEqual(turns.pause(), 1);
  other.load = 1;
  strictEqual(turns.pause(), 3);
});

Deno.test("what comes long after a pause says nothing of the others", () => {
  const [own] = two();
  const turns = new FairTurns(own);
  own.load = 3;
  strictEqual(turns.pause(), 3);
  turns.paused();
  const until = performance.now() + 2;
  while (performance.now() < until);
  turns.came();
  ok(turns.pause() > 0);
});
