import { checkKeys } from "../../handlers/_known_keys.ts";
import { PROXIED } from "../../handlers/_proxied.ts";
import type { ProxyAddress, ProxyHeader } from "../../handlers/proxy_header.ts";
import { Deadlines, type Expiring } from "../_closing/deadlines.ts";
import { describeAddress } from "../../handlers/_describe_address.ts";
import { mappedIPv4 } from "../../handlers/_ip_text.ts";
import { checkTime } from "../_core/options.ts";
import type { InProgress, Prepared } from "../_core/seam.ts";
import type { ProxyProtocolOptions } from "../proxy_protocol_options.ts";
import { checkMaxLength, MAX_LENGTH } from "./max_length.ts";
import { type Begun, ProxiedConnection } from "./proxied_connection.ts";
import { TrustedPeers } from "./trusted_peers.ts";

/** proxy-protocol.txt, section 2: at least 3 seconds, for a segment that is lost. */
const TIMEOUT = 5_000;

const OPTION_NAMES = Object.keys(
  {
    mode: true,
    trust: true,
    timeout: true,
    maxLength: true,
  } satisfies Record<keyof ProxyProtocolOptions, true>,
);

/** A connection whose header is still to come. */
interface Waiting extends Expiring<Waiting> {
  readonly served: InProgress<unknown, Deno.Addr>;
  /** Since when, in `performance.now()` time. */
  readonly since: number;
}

/** Receives the PROXY headers of one server. */
export class ProxyReceiver {
  readonly #trusted: TrustedPeers;
  readonly #isOptional: boolean;
  readonly #maxLength: number;
  readonly #deadlines: Deadlines<Waiting>;
  readonly #keepsMapped: boolean;
  /** Whether somebody knows that a peer was not trusted. */
  #toldUntrusted = false;

  /**
   * @param options Those of the server.
   * @param isUnix Whether its peers are those of a Unix socket.
   * @throws {RangeError} If one is out of range.
   * @throws {TypeError} If one is of another type, or has an unknown name.
   */
  constructor(
    { proxyProtocol, rawAddresses = false }: {
      readonly proxyProtocol: ProxyProtocolOptions;
      readonly rawAddresses?: boolean;
    },
    isUnix: boolean,
  ) {
    checkKeys("proxyProtocol option", proxyProtocol, OPTION_NAMES);
    const {
      mode,
      trust,
      timeout = TIMEOUT,
      maxLength = MAX_LENGTH,
    } = proxyProtocol;
    if (mode !== "require" && mode !== "optional") {
      throw new TypeError(
        `Cannot create server: proxyProtocol.mode must be "require" or "optional", received ${
          Deno.inspect(mode)
        }`,
      );
    }
    checkTime("proxyProtocol.timeout", timeout);
    checkMaxLength(maxLength, "create server");
    this.#trusted = new TrustedPeers(trust, isUnix);
    this.#isOptional = mode === "optional";
    this.#maxLength = maxLength;
    this.#keepsMapped = rawAddresses;
    this.#deadlines = headerDeadlines(timeout);
  }

  /**
   * Receives the header of a connection, if one is to come.
   *
   * @returns `Deno.errors.PermissionDenied` for the first peer that may send none.
   * @throws {Deno.errors.InvalidData} If the header breaks the protocol.
   */
  async receive(served: InProgress<unknown, Deno.Addr>): Promise<Prepared> {
    const connection = (served.request as { [PROXIED]?: unknown })[PROXIED];
    if (!(connection instanceof ProxiedConnection)) {
      throw new TypeError(
        "Cannot read the PROXY header: getRequest() gave a connection of its own; wrap connections in processRequest()",
      );
    }
    if (!this.#trusted.has(connection.remoteAddr)) {
      if (this.#isOptional) return "client";
      return this.#refuse(connection.remoteAddr);
    }
    const waiting: Waiting = { served, since: performance.now() };
    this.#deadlines.add(waiting);
    let begun: Begun;
    try {
      begun = await connection.receive(this.#maxLength, this.#isOptional);
    } finally {
      this.#deadlines.delete(waiting);
    }
    if (begun === "nobody") return "refused";
    const { header, remoteAddr } = connection;
    const client = this.#clientOf(header, remoteAddr);
    if (client !== undefined) served.readdress(client);
    // A balancer looks whether somebody listens.
    if (header?.command === "LOCAL") return "trusted";
    return header !== undefined && client === undefined ? "unknown" : "client";
  }

  /** Stops the timer when it has nothing to do: the server has finished. */
  finish(): void {
    this.#deadlines.leaveBackground();
  }

  #refuse(peer: Deno.Addr): Prepared {
    if (this.#toldUntrusted) return "refused";
    // Once: anybody can have it told, as often as he likes.
    this.#toldUntrusted = true;
    return new Deno.errors.PermissionDenied(
      `Cannot serve ${
        describeAddress(peer)
      }: proxyProtocol does not trust it; if it is a balancer, add it to proxyProtocol.trust. Others like it are closed without a word`,
    );
  }

  /** The client that a header tells of, if a server of this kind can have it. */
  #clientOf(
    header: ProxyHeader | undefined,
    peer: Deno.Addr,
  ): ProxyAddress | undefined {
    const source = header?.source;
    if (source === undefined) return undefined;
    // Nothing that a server of TCP or its user does with an address expects a path.
    if ("path" in source) return "hostname" in peer ? undefined : source;
    const { hostname, port } = source as Deno.NetAddr;
    const mapped = this.#keepsMapped ? undefined : mappedIPv4(hostname);
    // The header may tell of datagrams: what it comes with is a connection.
    return { transport: "tcp", hostname: mapped ?? hostname, port };
  }
}

function headerDeadlines(timeout: number): Deadlines<Waiting> {
  return new Deadlines(
    ({ since }) => since + timeout,
    ({ served }) =>
      served.abort(
        new DOMException(
          `The PROXY header took longer than proxyProtocol.timeout, ${timeout} ms`,
          "TimeoutError",
        ),
      ),
    true,
  );
}
