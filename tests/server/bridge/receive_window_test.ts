import { strictEqual, throws } from "node:assert";
import {
  LARGEST_WINDOW,
  ProtocolError,
  WINDOW,
} from "../../../server/_bridge/frames.ts";
import { ReceiveWindow } from "../../../server/_bridge/receive_window.ts";

/** Fills a window and takes all at once: how many bytes may come then. */
function refill(window: ReceiveWindow, size: number): number {
  window.receive(size);
  return window.take(size);
}

/** Has a window grow as far as it can: what it is then. */
function grow(window: ReceiveWindow): number {
  let size = WINDOW;
  for (let next; (next = refill(window, size)) > size;) size = next;
  return size;
}

Deno.test("credit is given for what was taken, half a window at a time", () => {
  const window = new ReceiveWindow(WINDOW);
  const quarter = WINDOW / 4;
  window.receive(WINDOW);
  strictEqual(window.waiting, WINDOW);
  strictEqual(window.take(quarter), 0);
  strictEqual(window.take(quarter), 2 * quarter);
  strictEqual(window.waiting, 2 * quarter);
  window.receive(2 * quarter);
  throws(() => window.receive(1), ProtocolError);
});

Deno.test("what was taken and not told of is not there to be sent", () => {
  const window = new ReceiveWindow(WINDOW);
  window.receive(WINDOW);
  strictEqual(window.take(WINDOW / 4), 0);
  throws(() => window.receive(1), ProtocolError);
});

Deno.test("a window grows where all that has come is taken, and not beyond its limit", () => {
  const behind = new ReceiveWindow(LARGEST_WINDOW);
  behind.receive(WINDOW);
  strictEqual(behind.take(WINDOW - 1), WINDOW - 1);
  behind.close();
  const quick = new ReceiveWindow(LARGEST_WINDOW);
  strictEqual(grow(quick), LARGEST_WINDOW);
  quick.receive(LARGEST_WINDOW);
  throws(() => quick.receive(1), ProtocolError);
  quick.close();
});

Deno.test("a window grows also where it is never empty when half of it was taken", () => {
  const window = new ReceiveWindow(LARGEST_WINDOW);
  const half = WINDOW / 2;
  window.receive(WINDOW);
  strictEqual(window.take(half), half);
  strictEqual(window.take(half), half + WINDOW);
  window.close();
});

Deno.test("a window stays as it is where something is always left", () => {
  const window = new ReceiveWindow(LARGEST_WINDOW);
  window.receive(WINDOW);
  for (let i = 0; i < 20; i++) {
    strictEqual(window.take(WINDOW / 2), WINDOW / 2);
    window.receive(WINDOW / 2);
  }
  window.close();
});

Deno.test("a window stays as it is where little comes, and grows when more does", () => {
  let now = 0;
  const window = new ReceiveWindow(LARGEST_WINDOW, () => now);
  for (let i = 0; i < 20; i++) {
    now += 1000;
    strictEqual(refill(window, WINDOW / 2), WINDOW / 2);
  }
  now++;
  strictEqual(refill(window, WINDOW / 2), WINDOW / 2 + WINDOW);
  window.close();
});

Deno.test("few windows are larger at a time, and one that is closed makes place", () => {
  const windows: ReceiveWindow[] = [];
  const next = () => {
    const window = new ReceiveWindow(LARGEST_WINDOW);
    windows.push(window);
    return grow(window);
  };
  while (next() === LARGEST_WINDOW);
  strictEqual(windows.length, 17);
  windows[3]!.close();
  windows[3]!.close();
  strictEqual(next(), LARGEST_WINDOW);
  strictEqual(next(), WINDOW);
  for (const window of windows) window.close();
});
