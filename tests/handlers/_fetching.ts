// What is written for Deno.serve: threads and processes import it.

import { StreamRequestHandler } from "../../handlers/mod.ts";

export class Fetching extends StreamRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;

  // deno-lint-ignore no-explicit-any -- the compiler would refuse it first.
  override handle(): any {
    return new Response("Hello");
  }
}
