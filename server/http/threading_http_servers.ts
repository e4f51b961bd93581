/**
 * The HTTP servers with `ThreadingMixIn` mixed in.
 *
 * @module
 */

import type { Recyclable } from "../recyclable.ts";
import { HTTPServer } from "./http_server.ts";
import { HTTPSServer } from "./https_server.ts";
import { type Threading, ThreadingMixIn } from "../threading_mixin.ts";

/** An {@linkcode HTTPServer} whose handlers run in threads. */
export const ThreadingHTTPServer: Threading<typeof HTTPServer> = ThreadingMixIn(
  HTTPServer,
);
/** An instance of the class of the same name. */
export type ThreadingHTTPServer = HTTPServer & Recyclable;

/** An {@linkcode HTTPSServer} whose handlers run in threads. */
export const ThreadingHTTPSServer: Threading<typeof HTTPSServer> =
  ThreadingMixIn(HTTPSServer);
/** An instance of the class of the same name. */
export type ThreadingHTTPSServer = HTTPSServer & Recyclable;
