import { checkKeys } from "../_known_keys.ts";
import { checkList } from "../_networks.ts";
import { wrong } from "../_settings.ts";

/** A field by which proxies tell of the client that they forward. */
export type ForwardedField =
  | "Forwarded"
  | "X-Forwarded-For"
  | "X-Forwarded-Proto"
  | "X-Forwarded-Host";

/** What a handler class believes of `Forwarded` and of fields like it. */
export interface ForwardedSettings {
  /**
   * Whose fields are believed: the networks of proxies in CIDR, such as
   * `"192.0.2.0/24"` and `"2001:db8::/32"`, an address for itself alone, and
   * `"unix:"` for whoever connects to a Unix socket.
   */
  readonly trust: readonly string[];
  /**
   * The fields that each of these proxies sets or extends itself. A field that
   * one of them passes on as it came is its client's word, and must not be named
   * here. `"Forwarded"` stands alone.
   */
  readonly fields: readonly ForwardedField[];
}

/** The client of a request that was forwarded, as trusted proxies tell of it. */
export interface ForwardedClient {
  /**
   * Who it is: an IP address, a name that a proxy has given it (`_hidden`, RFC
   * 7239, section 6.3), or `unknown`, also where what they tell is malformed.
   */
  readonly name: string;
  /** Its address, if that is told; the port is 0 where it is not. */
  readonly address: Deno.NetAddr | undefined;
  /** How it has asked, if that is told. */
  readonly proto: "http" | "https" | undefined;
  /** The `Host` that it has sent, if that is told. */
  readonly host: string | undefined;
}

const FIELDS: readonly ForwardedField[] = [
  "Forwarded",
  "X-Forwarded-For",
  "X-Forwarded-Proto",
  "X-Forwarded-Host",
];
const NAMES = FIELDS.map((name) => `"${name}"`).join(", ");
const ACTION = "heed forwarded clients";

/** The word for the peers of a Unix socket, as in `proxyProtocol.trust`. */
export const UNIX = "unix:";

/**
 * Checks what a handler class is set to.
 *
 * @param settings The setting.
 * @throws {TypeError} If it is none.
 * @ignore
 */
export function checkForwarded(settings: ForwardedSettings | undefined): void {
  if (settings === undefined) return;
  checkKeys("setting", settings, ["trust", "fields"], undefined, ACTION);
  const { trust, fields } = settings;
  checkList("forwarded.trust", trust, ACTION);
  if (trust.length === 0) {
    throw new TypeError(
      `Cannot ${ACTION}: forwarded.trust names nobody; list the networks of your proxies, such as "192.0.2.0/24"`,
    );
  }
  if (
    !Array.isArray(fields) || fields.length === 0 ||
    !fields.every((name) => FIELDS.includes(name))
  ) {
    throw wrong(
      ACTION,
      "forwarded.fields",
      `a list of one or more of ${NAMES}`,
      fields,
    );
  }
  if (fields.includes("Forwarded") && fields.length > 1) {
    throw new TypeError(
      `Cannot ${ACTION}: forwarded.fields has "Forwarded" beside ${
        fields.find((name) => name !== "Forwarded") ?? "itself"
      }, and both tell the same; name those that your proxies set`,
    );
  }
}
