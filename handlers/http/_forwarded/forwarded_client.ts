import { isAuthority } from "../_connection/request_target.ts";
import type {
  ForwardedClient,
  ForwardedField,
  ForwardedSettings,
} from "../forwarded_settings.ts";
import { readForwarded } from "./forwarded_field.ts";
import { NOBODY, type NodeName, readNodeName } from "./node_name.ts";
import { type TrustedProxies, trustedProxies } from "./trusted_proxies.ts";

/** How many proxies one behind the other are believed. */
const MOST_PROXIES = 32;

/**
 * Who the client of a request is, where its peer is a trusted proxy and tells.
 *
 * Each proxy adds at the end whom it was asked by. So what is told is read from
 * the end on, as long as whoever has told it is trusted: the last address that is
 * no trusted proxy's is the client's, and what stands before it is its own word.
 *
 * @param settings What is believed.
 * @param peer The address of whoever has sent the request.
 * @param rawHeaders Names and values of the request in turn.
 * @returns The client; `undefined` where the peer is not trusted, or tells nothing.
 */
export function forwardedClient(
  settings: ForwardedSettings,
  peer: Deno.Addr,
  rawHeaders: readonly string[],
): ForwardedClient | undefined {
  const proxies = trustedProxies(settings);
  if (!proxies.has(peer)) return undefined;
  return settings.fields.includes("Forwarded")
    ? byForwarded(proxies, linesOf(rawHeaders, "Forwarded"))
    : byXForwarded(proxies, peer, settings.fields, rawHeaders);
}

function byForwarded(
  proxies: TrustedProxies,
  lines: readonly string[],
): ForwardedClient | undefined {
  if (lines.length === 0) return undefined;
  let left = MOST_PROXIES;
  let last: ForwardedClient | undefined;
  for (const line of lines.toReversed()) {
    const elements = readForwarded(line);
    // Nobody knows what a proxy has added to what its client has broken.
    if (elements === undefined) return unknown();
    for (const element of elements.toReversed()) {
      if (left-- === 0) return unknown();
      const node = element.for === undefined
        ? NOBODY
        : readNodeName(element.for);
      last = told(node, element.proto, element.host);
      if (!isProxy(proxies, node)) return last;
    }
  }
  return last ?? unknown();
}

function byXForwarded(
  proxies: TrustedProxies,
  peer: Deno.Addr,
  fields: readonly ForwardedField[],
  rawHeaders: readonly string[],
): ForwardedClient | undefined {
  const listOf = (name: ForwardedField) =>
    fields.includes(name) ? membersOf(linesOf(rawHeaders, name)) : [];
  const names = listOf("X-Forwarded-For");
  const protos = listOf("X-Forwarded-Proto");
  const hosts = listOf("X-Forwarded-Host");
  if (names.length + protos.length + hosts.length === 0) return undefined;
  // A proxy that names nobody may have asked for itself.
  let node = names.length === 0 ? nodeOf(peer) : NOBODY;
  let behind = 0;
  for (; behind < names.length; behind++) {
    if (behind === MOST_PROXIES) return unknown();
    node = readNodeName(names.at(-1 - behind)!);
    if (!isProxy(proxies, node)) break;
  }
  // Where all are proxies, the first of them has asked.
  behind = Math.min(behind, names.length - 1);
  /** Of lists that are equally long, each proxy has added to both. */
  const valueIn = (list: readonly string[]) =>
    list.at(list.length === names.length ? -1 - behind : -1);
  return told(node, valueIn(protos), valueIn(hosts));
}

function nodeOf(peer: Deno.Addr): NodeName {
  return "hostname" in peer ? readNodeName(peer.hostname) : NOBODY;
}

function isProxy(proxies: TrustedProxies, { address }: NodeName): boolean {
  return address !== undefined && proxies.has(address);
}

function told(
  { name, address }: NodeName,
  proto: string | undefined,
  host: string | undefined,
): ForwardedClient {
  const scheme = proto?.toLowerCase();
  return {
    name,
    address,
    proto: scheme === "http" || scheme === "https" ? scheme : undefined,
    host: host !== undefined && host !== "" && isAuthority(host)
      ? host
      : undefined,
  };
}

/** What is told of a client that cannot be known: it must not pass for a proxy. */
function unknown(): ForwardedClient {
  return told(NOBODY, undefined, undefined);
}

/** The lines of a field, in their order. */
function linesOf(rawHeaders: readonly string[], name: string): string[] {
  const lowerName = name.toLowerCase();
  const lines: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const { length } = rawHeaders[i]!;
    if (length === name.length && rawHeaders[i]!.toLowerCase() === lowerName) {
      lines.push(rawHeaders[i + 1]!);
    }
  }
  return lines;
}

/** The members of a list in several lines, RFC 9110, section 5.6.1. */
function membersOf(lines: readonly string[]): string[] {
  return lines.flatMap((line) => line.split(","))
    .map((member) => member.trim())
    .filter((member) => member !== "");
}
