import { setImmediate } from "node:timers";

/** What has something to send that can wait. */
interface Owing {
  /** Sends it, unless that has happened. */
  sendOwed(): void;
}

let owing: Owing[] = [];

/**
 * Has something sent when the event loop has done all else that is to be done now.
 * What goes out before takes it along, which saves a call of the system.
 */
export function sendSoon(owes: Owing): void {
  if (owing.push(owes) === 1) setImmediate(sendAll);
}

function sendAll(): void {
  const due = owing;
  owing = [];
  for (const owes of due) owes.sendOwed();
}
