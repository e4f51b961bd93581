// Preloaded into the programs of documents, which print nothing of it themselves:
// tells when each server begins to serve, on which port, and when it begins to end.

import { subscribe } from "node:diagnostics_channel";
import type { ServerListenEvent } from "../../mod.ts";

subscribe("socketserver:listen", (event) => {
  const { address } = event as ServerListenEvent;
  if ("port" in address) console.log(`listening on ${address.port};`);
});

subscribe("socketserver:drain", () => console.log("draining;"));
