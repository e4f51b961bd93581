/**
 * The HTTP servers with `ForkingMixIn` mixed in.
 *
 * @module
 */

import type { Recyclable } from "../recyclable.ts";
import { HTTPServer } from "./http_server.ts";
import { HTTPSServer } from "./https_server.ts";
import { type Forking, ForkingMixIn } from "../forking_mixin.ts";

/** An {@linkcode HTTPServer} whose handlers run in processes. */
export const ForkingHTTPServer: Forking<typeof HTTPServer> = ForkingMixIn(
  HTTPServer,
);
/** An instance of the class of the same name. */
export type ForkingHTTPServer = HTTPServer & Recyclable;

/** An {@linkcode HTTPSServer} whose handlers run in processes. */
export const ForkingHTTPSServer: Forking<typeof HTTPSServer> = ForkingMixIn(
  HTTPSServer,
);
/** An instance of the class of the same name. */
export type ForkingHTTPSServer = HTTPSServer & Recyclable;
