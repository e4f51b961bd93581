import { throws } from "node:assert";
import { TLSServer, type TLSServerAddress } from "../../../mod.ts";
import { Folder } from "../../_program.ts";
import { LOOPBACK } from "../../_loopback.ts";
import { Authority } from "./_authority.ts";

Deno.test(
  "TLSServer refuses options that cannot be, and says how they can",
  async () => {
    await using folder = new Folder();
    const authority = await Authority.make(folder);
    const { cert, key } = await authority.issue("server");
    const other = await authority.issue("other");
    const junk = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
    const refused: [Partial<TLSServerAddress>, string, RegExp][] = [
      [{ key: other.key }, "InvalidData", /the key does not belong to/],
      [{ cert: junk }, "InvalidData", /cert is not a certificate/],
      [{ key: cert }, "InvalidData", /key is not a private key/],
      [
        { contexts: { "a.test": { cert, key: other.key } } },
        "InvalidData",
        /contexts\["a\.test"\]\.cert and .*the key does not belong/,
      ],
      [
        { contexts: { "a.test": undefined as never } },
        "InvalidData",
        /contexts\["a\.test"\]\.cert: it must be PEM text/,
      ],
      [{ contexts: { "*": { cert, key } } }, "TypeError", /name of a host/],
      [{ contexts: { "a.*.test": { cert, key } } }, "TypeError", /of a host/],
      [{ contexts: { "": { cert, key } } }, "TypeError", /name of a host/],
      [
        { contexts: { "a.test": { cert, key, ca: cert } as never } },
        "TypeError",
        /^Cannot use contexts\["a\.test"\]: unknown key "ca"; known are cert, key$/,
      ],
      [{ contexts: 1 as never }, "TypeError", /contexts must be an object/],
      [
        { contexts: {}, resolveContext: () => undefined },
        "TypeError",
        /exclude each other/,
      ],
      [{ resolveContext: {} as never }, "TypeError", /must be a function/],
      [{ clientAuth: "yes" as never }, "TypeError", /"none", "request" or/],
      [{ clientAuth: "require" }, "TypeError", /"require" needs ca/],
      [{ ca: authority.cert }, "TypeError", /ca needs clientAuth/],
      [
        { clientAuth: "request", ca: "/etc/ca.pem" },
        "InvalidData",
        /ca: it must be PEM text/,
      ],
      [
        { clientAuth: "request", ca: [authority.cert, junk] },
        "InvalidData",
        /ca\[1\]: it is not a certificate/,
      ],
      [{ alpnProtocols: "h2" as never }, "TypeError", /must be an array/],
      [{ alpnProtocols: [""] }, "TypeError", /1 to 255 bytes/],
      [{ alpnProtocols: ["ä".repeat(128)] }, "TypeError", /1 to 255 bytes/],
    ];
    for (const [more, name, message] of refused) {
      throws(
        () => new TLSServer({ ...LOOPBACK, cert, key, ...more }, () => {}),
        { name, message },
      );
    }
    // What was refused has left no socket open, and this is none of it.
    new TLSServer({ ...LOOPBACK, cert, key }, () => {}).close();
  },
);
