/** A thread that lets in clients of one address, as many as may be. */
import { parentPort } from "node:worker_threads";
import {
  Admission,
  type AdmissionMemory,
} from "../../../server/_admission/admission.ts";
import type { AdmissionOptions } from "../../../mod.ts";

/** What it is told. */
export interface Admitting {
  readonly options: AdmissionOptions;
  readonly memory: AdmissionMemory;
  readonly hostname: string;
}

parentPort?.once("message", ({ options, memory, hostname }: Admitting) => {
  const isGone = () => false;
  const admission = new Admission(options, { memory, thread: 1, isGone });
  const client = { transport: "tcp", hostname, port: 1 } as const;
  let entered = 0;
  for (let i = 0; i < 10; i++) {
    if (typeof admission.enter(client) !== "string") entered++;
  }
  parentPort!.postMessage(entered);
});
