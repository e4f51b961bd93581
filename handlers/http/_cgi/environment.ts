import { isGranted } from "../../_granted.ts";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { originForm } from "../_connection/request_target.ts";
import type { Script } from "./find_script.ts";

/** What a script is told about its request. */
export interface ScriptRequest {
  readonly method: string;
  /** As it was sent. */
  readonly target: string;
  /** What follows the first question mark of the target. */
  readonly query: string;
  readonly protocol: string;
  readonly headers: Headers;
  /** How long the body is, in bytes; `undefined` where there is none. */
  readonly contentLength: number | undefined;
  readonly script: Script;
  /** The folder that is served. */
  readonly root: string;
  readonly clientAddress: Deno.Addr;
  readonly serverAddress: Deno.Addr;
  readonly serverSoftware: string;
  readonly encrypted: boolean;
  /** Whether the script gets `Authorization` to check it. */
  readonly passesAuthorization: boolean;
}

/** Where programs are looked for if this process does not say: RFC 3875, section 7.2. */
const DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin";

/** Headers that scripts do not get as `HTTP_` variables. */
const WITHHELD = new Set([
  // They have variables of their own.
  "content-length",
  "content-type",
  // HTTP_PROXY would be taken for the proxy to use: https://httpoxy.org
  "proxy",
  // For a proxy's eyes only.
  "proxy-authorization",
  // They are about the connection, RFC 9110, section 7.6.1.
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * The variables of a script, RFC 3875, section 4.1. `AUTH_TYPE`, `REMOTE_IDENT`
 * and `REMOTE_USER` are never there: this server authenticates nobody.
 */
export function scriptEnvironment(
  request: ScriptRequest,
): Record<string, string> {
  const { script, clientAddress, headers, contentLength } = request;
  const client = "hostname" in clientAddress ? clientAddress.hostname : "";
  const contentType = headers.get("content-type");
  return {
    ...headerVariables(headers, request.passesAuthorization),
    ...(contentLength === undefined
      ? {}
      : { CONTENT_LENGTH: String(contentLength) }),
    ...(contentLength === undefined || contentType === null
      ? {}
      : { CONTENT_TYPE: asBytes(contentType) }),
    GATEWAY_INTERFACE: "CGI/1.1",
    ...(script.pathInfo === "" ? {} : {
      PATH_INFO: script.pathInfo,
      PATH_TRANSLATED: join(request.root, script.pathInfo),
    }),
    QUERY_STRING: request.query,
    // A client of a Unix socket has no address.
    REMOTE_ADDR: client,
    REMOTE_HOST: client,
    REQUEST_METHOD: request.method,
    SCRIPT_NAME: script.name,
    SERVER_NAME: serverName(headers, request.serverAddress),
    SERVER_PORT: serverPort(request),
    SERVER_PROTOCOL: request.protocol,
    SERVER_SOFTWARE: request.serverSoftware,
    // These are in no RFC, and scripts expect them.
    REQUEST_URI: originForm(request.target),
    SCRIPT_FILENAME: script.file,
    ...(request.encrypted ? { HTTPS: "on" } : {}),
  };
}

/** What every script has, whoever asks for it. */
export function systemEnvironment(): Record<string, string> {
  const PATH = variable("PATH") ?? DEFAULT_PATH;
  // Without it, programs of Windows do not start.
  const SystemRoot = variable("SystemRoot");
  return SystemRoot === undefined ? { PATH } : { PATH, SystemRoot };
}

/** A variable of this process, if it may be read. */
function variable(name: string): string | undefined {
  return isGranted({ name: "env", variable: name })
    ? Deno.env.get(name)
    : undefined;
}

function headerVariables(
  headers: Headers,
  passesAuthorization: boolean,
): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const [name, value] of headers) {
    // X_Y would have the variable of X-Y, and other characters that of nobody.
    if (!/^[a-z0-9-]+$/.test(name) || WITHHELD.has(name)) continue;
    if (name === "authorization" && !passesAuthorization) continue;
    variables[`HTTP_${name.toUpperCase().replaceAll("-", "_")}`] = asBytes(
      value,
    );
  }
  return variables;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * A header's value has a character for each byte, and Deno gives a variable the
 * bytes of UTF-8. So that the script gets the client's bytes where it can.
 */
function asBytes(value: string): string {
  try {
    return utf8.decode(Buffer.from(value, "latin1"));
  } catch {
    return value;
  }
}

/** A name or an address that `Host` may have; what else it says is not passed on. */
const HOST = /^([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d*)?$/i;

function serverName(headers: Headers, address: Deno.Addr): string {
  const [, host] = HOST.exec(headers.get("host") ?? "") ?? [];
  if (host !== undefined) return host;
  if (!("hostname" in address)) return "localhost";
  const { hostname } = address;
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}

function serverPort(request: ScriptRequest): string {
  const { serverAddress, encrypted } = request;
  if ("port" in serverAddress) return String(serverAddress.port);
  // A Unix socket has none: that of the protocol.
  return encrypted ? "443" : "80";
}
