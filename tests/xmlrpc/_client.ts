import {
  decodeXMLRPCResponse,
  encodeXMLRPCCall,
  type XMLRPCOptions,
  type XMLRPCValue,
} from "../../server/xmlrpc/mod.ts";

/** A server as clients see it. */
interface Reachable {
  readonly addr: Deno.NetAddr;
}

/** The URL of a path of a server. */
export function urlOf({ addr }: Reachable, path = "/RPC2"): string {
  return `http://${addr.hostname}:${addr.port}${path}`;
}

/** Sends a body by POST, on a connection of its own. */
export function post(
  server: Reachable,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
  path?: string,
): Promise<Response> {
  return fetch(urlOf(server, path), {
    method: "POST",
    headers: { "content-type": "text/xml", connection: "close", ...headers },
    body,
  });
}

/** Calls a method of a server. */
export async function call(
  server: Reachable,
  method: string,
  params: readonly unknown[] = [],
  options?: XMLRPCOptions,
): Promise<XMLRPCValue> {
  const response = await post(
    server,
    encodeXMLRPCCall(method, params, options),
  );
  return decodeXMLRPCResponse(await response.bytes(), options);
}
