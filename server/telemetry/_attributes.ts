import { isIPv6 } from "node:net";
import type { TracedRequest } from "../../handlers/_tracing.ts";
import type { Attributes } from "./_open_telemetry.ts";

/** How much of a text of a client's goes into an attribute, in characters. */
const LONGEST = 1_024;

/** The methods that have a name in the semantic conventions. */
const METHODS: ReadonlySet<string> = new Set([
  ...["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE"],
  ...["PATCH", "QUERY"],
]);

/** What may give access, in a query: the semantic conventions have it left out. */
const SECRETS = /(^|&)(AWSAccessKeyId|Signature|sig|X-Goog-Signature)=[^&]*/g;

/** A text that a client has chosen, as far as it is told. */
export function cut(text: string): string {
  return text.length > LONGEST ? text.slice(0, LONGEST) : text;
}

/** Where a server listens. */
export function serverAttributes(addr: Deno.Addr): Attributes {
  return {
    ...endpoint("server", addr),
    "network.transport": transportOf(addr),
  };
}

/** Who the client is. */
export function clientAttributes(client: Deno.Addr | null): Attributes {
  if (client === null) return {};
  const type: Attributes = "hostname" in client
    ? { "network.type": isIPv6(client.hostname) ? "ipv6" : "ipv4" }
    : {};
  return { ...endpoint("client", client), ...type };
}

/** Who is at the other end of a connection: the client, or what forwards it. */
export function peerAttributes(request: unknown): Attributes {
  const { remoteAddr } = (request ?? {}) as { readonly remoteAddr?: Deno.Addr };
  return remoteAddr === undefined ? {} : endpoint("network.peer", remoteAddr);
}

function endpoint(whose: string, addr: Deno.Addr): Attributes {
  if ("hostname" in addr) {
    return {
      [`${whose}.address`]: addr.hostname,
      [`${whose}.port`]: addr.port,
    };
  }
  return "path" in addr && addr.path !== null
    ? { [`${whose}.address`]: cut(addr.path) }
    : {};
}

function transportOf({ transport }: Deno.Addr): string {
  return transport === "unixpacket" ? "unix" : transport;
}

/** What measurements of requests of HTTP are told apart by. */
export function measuredAttributes(request: TracedRequest): Attributes {
  return {
    "http.request.method": METHODS.has(request.method)
      ? request.method
      : "_OTHER",
    "url.scheme": request.encrypted ? "https" : "http",
    "network.protocol.version": request.version,
  };
}

/** What a span of a request of HTTP tells of it beside that. */
export function requestAttributes(request: TracedRequest): Attributes {
  const { method, target, host, rawHeaders } = request;
  const [path, query] = partsOf(target);
  const agent = headerOf(rawHeaders, "user-agent");
  return {
    ...METHODS.has(method) || method === ""
      ? {}
      : { "http.request.method_original": cut(method) },
    "url.path": cut(path),
    ...query === undefined
      ? {}
      : { "url.query": cut(query.replaceAll(SECRETS, "$1$2=REDACTED")) },
    ...hostAttributes(host),
    ...agent === undefined ? {} : { "user_agent.original": cut(agent) },
  };
}

/** The name of a span of a request of HTTP. */
export function spanName({ method }: TracedRequest): string {
  return METHODS.has(method) ? method : "HTTP";
}

function partsOf(target: string): [path: string, query: string | undefined] {
  const start = target.startsWith("/") ? 0 : pathStart(target);
  const mark = target.indexOf("?", start);
  return mark < 0
    ? [target.slice(start), undefined]
    : [target.slice(start, mark), target.slice(mark + 1)];
}

/** Where the path begins of a target that is a whole URL; 0 where it is none. */
function pathStart(target: string): number {
  const scheme = target.indexOf("://");
  if (scheme < 0) return 0;
  const path = target.slice(scheme + 3).search(/[/?]/);
  return path < 0 ? target.length : scheme + 3 + path;
}

function hostAttributes(host: string | undefined): Attributes {
  const [, name, port] =
    /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(host ?? "") ??
      [];
  return {
    ...name ? { "server.address": cut(name.replace(/^\[|\]$/g, "")) } : {},
    ...port === undefined ? {} : { "server.port": Number(port) },
  };
}

function headerOf(
  rawHeaders: readonly string[],
  wanted: string,
): string | undefined {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length === wanted.length && name.toLowerCase() === wanted) {
      return rawHeaders[i + 1];
    }
  }
  return undefined;
}
