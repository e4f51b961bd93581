/**
 * What runs in a thread that accepts for itself: a `TCPServer` on the socket that
 * all threads of its server share.
 *
 * @module
 */

import { parentPort } from "node:worker_threads";
import { importHandler } from "../_bridge/handler_location.ts";
import { HeapWatch } from "../_threads/heap_watch.ts";
import { noticeEnds } from "../_threads/notice_ends.ts";
import { refuseMessages } from "../_threads/refuse_messages.ts";
import { prepareTracing } from "../_threads/thread_tracing.ts";
import { SharedThreadState } from "../_threads/thread_state.ts";
import { TCPServer } from "../tcp_server.ts";
import {
  type AcceptingServerClass,
  AcceptingThread,
} from "./accepting_thread.ts";
import type { AcceptorStart } from "./acceptor_start.ts";
import type { Command, Report } from "./messages.ts";

/** Serves until the thread ends. */
export async function run(start: AcceptorStart): Promise<void> {
  const state = new SharedThreadState(start.state);
  // From now on: a module may end the thread while it is imported.
  const die = noticeEnds(state);
  const post = refuseMessages();
  try {
    const Handler = await importHandler(start.handler);
    await prepareTracing();
    const Server = "cert" in start.address
      // Who speaks no TLS need not load it.
      ? (await import("../tls_server.ts")).TLSServer
      : TCPServer;
    const heap = new HeapWatch(() => thread.busy, die);
    const thread = new AcceptingThread(
      start,
      Server as AcceptingServerClass,
      Handler,
      (report: Report) => post(report),
      () => heap.arm(),
      die,
    );
    parentPort!.on("message", (command: Command) => {
      try {
        thread.obey(command);
      } catch (error) {
        die(error);
      }
    });
    state.ready();
  } catch (error) {
    die(error);
  }
}
