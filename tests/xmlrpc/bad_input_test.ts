import { deepStrictEqual, ok, throws } from "node:assert";
import {
  decodeXMLRPCCall,
  decodeXMLRPCResponse,
  encodeXMLRPCCall,
  XMLRPCFault,
} from "../../server/xmlrpc/mod.ts";

const call = (params: string) =>
  `<methodCall><methodName>m</methodName>${params}</methodCall>`;
const value = (inner: string) =>
  call(`<params><param><value>${inner}</value></param></params>`);

const refuses = (code: number, documents: Record<string, string>) => {
  for (const [name, xml] of Object.entries(documents)) {
    Deno.test(`a call is answered with fault ${code}: ${name}`, () => {
      throws(() => decodeXMLRPCCall(xml), {
        name: "XMLRPCFault",
        faultCode: code,
      });
    });
  }
};

const laughs = ["lol0", "lol1", "lol2", "lol3", "lol4", "lol5", "lol6"];

refuses(-32700, {
  "billion laughs": `<?xml version="1.0"?><!DOCTYPE methodCall [
    <!ENTITY lol "lol">${
    laughs.map((name, i) =>
      `<!ENTITY ${name} "${`&${laughs[i - 1] ?? "lol"};`.repeat(10)}">`
    ).join("")
  }]>${value("&lol6;")}`,
  "an external entity":
    `<!DOCTYPE methodCall [<!ENTITY x SYSTEM "file:///etc/passwd">]>${
      value("&x;")
    }`,
  "an external subset": `<!DOCTYPE methodCall SYSTEM "http://127.0.0.1/x.dtd">${
    value("")
  }`,
  "a document type declaration": `<!DOCTYPE methodCall>${value("")}`,
  "an unknown entity": value("&nbsp;"),
  "an entity of Object.prototype": value("&constructor;"),
  "an ampersand alone": value("a & b"),
  "an ampersand at the end": value("&"),
  "a reference that does not end": value("&#65"),
  "a reference to U+0000": value("&#0;"),
  "a reference to a control character": value("&#x1;"),
  "a reference to a surrogate": value("&#xD800;"),
  "a reference beyond Unicode": value("&#x110000;"),
  "an endless reference": value(`&#${"0".repeat(1000)}65;`),
  "a control character": value("\x01"),
  "U+FFFF": value("\uffff"),
  "a lone surrogate": value("\ud800"),
  "]]> in text": value("]]>"),
  nothing: "",
  "white space only": " \n ",
  "no element": "<!-- nothing -->",
  "text only": "add",
  "an element that does not end": "<methodCall>",
  "a truncated call": value("x").slice(0, -5),
  "a truncated text": "<methodCall><methodName>ad",
  "a truncated tag": "<methodCall",
  "tags that cross": "<methodCall><methodName></methodCall></methodName>",
  "tags that cross in another vocabulary": "<a><b></a></b>",
  "an end tag too many": `${value("")}</methodCall>`,
  "two roots": value("") + value(""),
  "text after the end": `${value("")}x`,
  "text before the beginning": `x${value("")}`,
  "a CDATA section after the end": `${value("")}<![CDATA[]]>`,
  "a CDATA section that does not end": value("<![CDATA["),
  "a comment that does not end": value("<!-- "),
  "a comment with -- in it": value("<!-- a -- b -->"),
  "a declaration that is not at the beginning": ` <?xml version="1.0"?>${
    value("")
  }`,
  "a declaration of no version": `<?xml encoding="utf-8"?>${value("")}`,
  "a declaration with something else": `<?xml version="1.0" a="b"?>${
    value("")
  }`,
  "a declaration that does not end": `<?xml version="1.0" ${value("")}`,
  "an instruction that does not end": `${value("")}<?x `,
  "an instruction of no name": `<? x?>${value("")}`,
  "an instruction whose name does not end": `<?x!?>${value("")}`,
  "an unknown declaration": value("<!ELEMENT a>"),
  "an element of no name": value("<>"),
  "a name that starts with a digit": value("<1></1>"),
  "white space before a name": value("< int>1</int>"),
  "an attribute without a value": value("<int a>1</int>"),
  "an attribute without quotes": value("<int a=1>1</int>"),
  "an attribute that does not end": value('<int a="1>1</int>'),
  "an attribute twice": value('<int a="1" a="2">1</int>'),
  "attributes without space": value('<int a="1"b="2">1</int>'),
  "an attribute with <": value('<int a="<">1</int>'),
  "an attribute with an unknown entity": value('<int a="&x;">1</int>'),
  "an attribute in an end tag": value('<int>1</int a="1">'),
  "a slash in the middle of a tag": value("<int / >1</int>"),
});

refuses(-32600, {
  "another root": "<methodResponse/>",
  "HTML": "<html><body>Not found</body></html>",
  "no method": "<methodCall/>",
  "an empty method": "<methodCall><methodName/></methodCall>",
  "two methods":
    "<methodCall><methodName>a</methodName><methodName>b</methodName></methodCall>",
  "params before the method":
    "<methodCall><params/><methodName>a</methodName></methodCall>",
  "an element in the method's name":
    "<methodCall><methodName>a<b/></methodName></methodCall>",
  "two params": call("<params/><params/>"),
  "text between elements": call("<params>x</params>"),
  "a param without a value": call("<params><param/></params>"),
  "a param of two values": call(
    "<params><param><value/><value/></param></params>",
  ),
  "a value that is no param": call("<params><value/></params>"),
  "a value of two types": value("<int>1</int><int>2</int>"),
  "text before a type": value("x<int>1</int>"),
  "text after a type": value("<int>1</int>x"),
  "an unknown type": value("<spam/>"),
  "an unknown type in an array": value(
    "<array><data><value><spam/></value></data></array>",
  ),
  "an unknown type in a struct": value(
    "<struct><member><name>a</name><value><spam/></value></member></struct>",
  ),
  "an element in a scalar": value("<string>a<b/>c</string>"),
  "an array without data": value("<array/>"),
  "an array of values without data": value("<array><value/></array>"),
  "an array of two data": value("<array><data/><data/></array>"),
  "an array of something else": value(
    "<array><data><int>1</int></data></array>",
  ),
  "text in an array": value("<array><data>x</data></array>"),
  "a struct of values": value("<struct><value/></struct>"),
  "a member without a name": value(
    "<struct><member><value/></member></struct>",
  ),
  "a member without a value": value(
    "<struct><member><name>a</name></member></struct>",
  ),
  "a member of two values": value(
    "<struct><member><name>a</name><value/><value/></member></struct>",
  ),
  "a member whose value comes first": value(
    "<struct><member><value/><name>a</name></member></struct>",
  ),
  "a member twice": value(
    `<struct>${"<member><name>a</name><value/></member>".repeat(2)}</struct>`,
  ),
});

const encoder = new TextEncoder();
const latin = (text: string) =>
  Uint8Array.from(text, (character) => character.charCodeAt(0));
const declared = (encoding: string, inner: string) =>
  `<?xml version="1.0" encoding="${encoding}"?>${value(inner)}`;
const utf16 = (text: string, little: boolean) => {
  const bytes = new DataView(new ArrayBuffer(text.length * 2));
  for (let i = 0; i < text.length; i++) {
    bytes.setUint16(i * 2, text.charCodeAt(i), little);
  }
  return new Uint8Array(bytes.buffer);
};

Deno.test("a call is read in the encoding that it declares", () => {
  const documents: [Uint8Array, string][] = [
    [encoder.encode(value("é€𝔘")), "é€𝔘"],
    [encoder.encode(declared("UTF-8", "é€𝔘")), "é€𝔘"],
    [encoder.encode("\ufeff" + value("é€𝔘")), "é€𝔘"],
    // What the bytes are marked as is stronger than what they say.
    [encoder.encode("\ufeff" + declared("iso-8859-1", "é")), "é"],
    [utf16("\ufeff" + value("é€𝔘"), true), "é€𝔘"],
    [utf16("\ufeff" + declared("UTF-16", "é€𝔘"), false), "é€𝔘"],
    [latin(declared("ISO-8859-1", "\xe9")), "é"],
    [latin(declared("iso-8859-15", "\xa4")), "€"],
    [latin(declared("us-ascii", "&#233;")), "é"],
    [latin(declared("windows-1251", "\xe9")), "й"],
    [
      latin(
        `<?xml version='1.0'\n encoding = 'koi8-r' standalone='yes' ?>${
          value("\xca")
        }`,
      ),
      "й",
    ],
  ];
  for (const [bytes, text] of documents) {
    deepStrictEqual(decodeXMLRPCCall(bytes).params, [text]);
  }
});

Deno.test("names, too, are read in the encoding that is declared, in calls and answers", () => {
  // ISO-8859-15 has the euro sign where ISO-8859-1 has the sign of currency.
  const declaration = '<?xml version="1.0" encoding="iso-8859-15"?>';
  const params = (sign: string) =>
    `<params><param><value><struct><member><name>key${sign}</name>` +
    `<value><string>value${sign}</string></value></member></struct></value></param></params>`;
  const called = (sign: string) =>
    `${declaration}<methodCall><methodName>method${sign}</methodName>` +
    `${params(sign)}</methodCall>`;
  const answered = (sign: string) =>
    `${declaration}<methodResponse>${params(sign)}</methodResponse>`;
  const value = { "key€¤": "value€¤" };
  // Text has been decoded, whatever it declares.
  for (const xml of [latin(called("\xa4&#164;")), called("€¤")]) {
    deepStrictEqual(decodeXMLRPCCall(xml), {
      method: "method€¤",
      params: [value],
    });
  }
  for (const xml of [latin(answered("\xa4&#164;")), answered("€¤")]) {
    deepStrictEqual(decodeXMLRPCResponse(xml), value);
  }
});

Deno.test("a call is answered with fault -32701: an unknown encoding", () => {
  for (const encoding of ["utf-7", "utf-32", "klingon", "ebcdic-cp-us"]) {
    throws(() => decodeXMLRPCCall(latin(declared(encoding, ""))), {
      name: "XMLRPCFault",
      faultCode: -32701,
      message:
        `Cannot read XML: the encoding "${encoding}" is not supported; use UTF-8`,
    });
  }
});

Deno.test("a call is answered with fault -32702: bytes of another encoding", () => {
  const documents = [
    latin(value("\xe9")),
    latin(declared("utf-8", "\xc3")),
    latin(declared("utf-8", "\xc0\x80")),
    latin(declared("utf-8", "\xed\xa0\x80")),
    latin(declared("us-ascii", "\xe9")),
    utf16("\ufeff" + value("\ud800"), true),
  ];
  for (const bytes of documents) {
    throws(() => decodeXMLRPCCall(bytes), { faultCode: -32702 });
  }
});

Deno.test("a fault tells the line and column of what is not well-formed", () => {
  throws(
    () => decodeXMLRPCCall("<methodCall>\n\n  <methodName>a</methodCall>"),
    {
      message:
        "Cannot parse XML at line 3, column 28: </methodCall> stands where </methodName> should",
    },
  );
});

Deno.test("a fault repeats no more than a little of a document", () => {
  const long = "n".repeat(1_000_000);
  for (const xml of [`<${long}>`, `<${long}/>`, value(`<${long}/>`)]) {
    throws(() => decodeXMLRPCCall(xml), (error: Error) => {
      return error.message.length < 300;
    });
  }
});

Deno.test("100,000 documents with random damage are read or refused", () => {
  const good = encodeXMLRPCCall("a.b", [
    1,
    "é&<\r",
    { a: [true, new Uint8Array(3)], b: new Temporal.PlainDateTime(2000, 1, 1) },
    1.5,
    [[], {}],
  ]);
  const pieces = ["<", ">", "/", "&", ";", "<value>", "</value>", "]]>", "<!"];
  let seed = 1;
  const random = (below: number) => {
    seed = Math.imul(seed, 1_103_515_245) + 12_345 >>> 0;
    return (seed >>> 8) % below;
  };
  let refused = 0;
  for (let i = 0; i < 100_000; i++) {
    let xml = good;
    for (let cuts = random(3); cuts >= 0; cuts--) {
      const at = random(xml.length);
      xml = xml.slice(0, at) + pieces[random(pieces.length)] +
        xml.slice(at + random(8));
    }
    try {
      decodeXMLRPCCall(xml);
    } catch (error) {
      if (!(error instanceof XMLRPCFault)) throw error;
      refused++;
    }
  }
  ok(refused > 50_000);
});
