import type { RequestServer } from "../mod.ts";

/** What handlers see as their server, where there is none. */
export function seenServer(addr: Deno.Addr): RequestServer {
  return {
    addr,
    config: undefined,
    post: () => {},
    shutdown: () => Promise.resolve(),
  };
}
