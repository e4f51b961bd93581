import { ok } from "node:assert";
import {
  decodeXMLRPCResponse,
  XMLRPCDispatcher,
  type XMLRPCValue,
} from "../../server/xmlrpc/mod.ts";
import { below, oneOf, random, withinTurns } from "./_fuzzing.ts";

const encoder = new TextEncoder();
/** As long, and of as many values, as the defaults let a call be. */
const SIZE = 4 * 1024 * 1024 - 500;
const VALUES = 100_000 - 10;

/** What a call is full of: text, or values, and what stands around it. */
const TEXTS = [
  ...[
    "abcdefgh",
    "&amp;",
    "&lt;",
    "&#65;",
    "\r",
    "a\r\n",
    "\u00e9",
    "\u{1f600}",
  ],
  ...["<![CDATA[x]]>", "<!---->", "<?a?>"],
];
const ITEMS = [
  "<value/>",
  "<value><int>1</int></value>",
  "<value><string>x&amp;yx&amp;y</string></value>",
  "<value><double>1.2345678901</double></value>",
  "<value><base64>QUJD</base64></value>",
  "<value><struct></struct></value>",
  "<value><array><data/></array></value>",
  "<value><struct><member><name>a</name><value/></member></struct></value>",
  "<value><dateTime.iso8601>19980717T14:08:55</dateTime.iso8601></value>",
];

const inArray = (items: string) => `<array><data>${items}</data></array>`;

/** As many of one thing as there may be. */
function filled(part: string, most = Infinity): string {
  const bytes = encoder.encode(part).length;
  return part.repeat(Math.min(most, Math.floor((SIZE - 500) / bytes)));
}

function members(): string {
  let all = "";
  for (let i = 0; all.length < SIZE - 500; i++) {
    all += `<member><name>n${i}</name><value><int>1</int></value></member>`;
  }
  return `<struct>${all}</struct>`;
}

/**
 * Tries calls of the full size, whose answer is what they brought: no turn of
 * the event loop is long.
 *
 * @param seed What chance begins with.
 * @param rounds How many calls are tried.
 */
export async function fuzzLargeCalls(
  seed: number,
  rounds: number,
): Promise<void> {
  const next = random(seed);
  const dispatcher = new XMLRPCDispatcher();
  dispatcher.registerFunction((value: XMLRPCValue) => value, { name: "m" });
  for (let round = 0; round < rounds; round++) {
    const part = oneOf(next, [...TEXTS, ...ITEMS, "base64", "members", "deep"]);
    const depth = 1 + below(next, 2_000);
    const value = part === "base64"
      ? `<base64>${filled("QUJD")}</base64>`
      : part === "members"
      ? members()
      : part === "deep"
      ? inArray("<value>").slice(0, -"</data></array>".length).repeat(depth) +
        "</value></data></array>".repeat(depth)
      : TEXTS.includes(part)
      ? filled(part)
      : inArray(filled(part, VALUES));
    const call = encoder.encode(
      `<methodCall><methodName>m</methodName><params><param><value>${value}</value></param></params></methodCall>`,
    );
    const answer = await withinTurns(
      `Seed ${seed}, round ${round}: a call full of ${JSON.stringify(part)}`,
      () => dispatcher.marshaledDispatch(call),
    );
    // An answer, or a fault: both can be read, or say that they are too long.
    ok(answer.startsWith("<?xml"));
    if (answer.length < 1_000) continue;
    ok(decodeXMLRPCResponse(answer) !== undefined);
  }
}
