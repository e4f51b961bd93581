/**
 * What a `Response` was made of, where that is text or bytes. Its `body` is a
 * stream, which costs a short response as much as all else that is done for it;
 * `Deno.serve` makes none either, and reads what Deno keeps beside.
 *
 * Deno has no public name for that. So the names under which its own code keeps it
 * are looked for in a response that is made for that, and nothing is read by any
 * of them unless it answers as expected. Otherwise every body is read as a stream.
 */

/** What `Response` keeps of a body that it was given whole. */
interface Source {
  readonly body?: unknown;
  consumed?: boolean;
}

interface Inner {
  readonly bodyDecoded?: unknown;
  readonly body?: { readonly streamOrStatic?: Source } | null;
  readonly headerList?: readonly unknown[];
}

/** A response, by the names of what Deno keeps in it. */
type Kept = Record<symbol, unknown>;

const TEXT = "text";
const TEXT_TYPE = "text/plain;charset=UTF-8";
const JSON_TYPE = "application/json";

/** The names of what is read. */
interface Names {
  /** The inner response. */
  readonly inner: symbol;
  /** The text that a response was given alone, until something else is read. */
  readonly text: symbol;
  /** Whether that was sent. */
  readonly sent: symbol;
  /** The content type, until the headers are asked for. */
  readonly type: symbol;
  /** The headers, if they were asked for. */
  readonly headers: symbol;
}

const names = findNames();

/**
 * Whether bodies can be read without streams, by this version of Deno.
 *
 * @returns Whether its names are those that are known.
 */
export function canReadWhole(): boolean {
  return names !== undefined;
}

/**
 * The body of a response that was given whole, of which nothing was read yet.
 *
 * @param response A response, of no subclass.
 * @returns Text or bytes, `null` where it has no body, or `undefined` where its
 * `body` must be read.
 */
export function wholeBodyOf(
  response: Response,
): string | Uint8Array<ArrayBuffer> | null | undefined {
  const kept = keptOf(response);
  if (kept === undefined || names === undefined) return undefined;
  const text = kept[names.text];
  if (typeof text === "string") {
    return kept[names.sent] === false ? text : undefined;
  }
  const body = (kept[names.inner] as Inner).body;
  if (body === null) return null;
  const source = body?.streamOrStatic;
  return source?.consumed === false &&
      (typeof source.body === "string" || source.body instanceof Uint8Array)
    ? source.body as string | Uint8Array<ArrayBuffer>
    : undefined;
}

/** What Deno keeps, where it is known and nothing says otherwise. */
function keptOf(response: Response): Kept | undefined {
  return names !== undefined &&
      Object.getPrototypeOf(response) === Response.prototype &&
      // A property of its own counts, as it does where the response is read.
      !Object.hasOwn(response, "status") &&
      !Object.hasOwn(response, "statusText") &&
      !Object.hasOwn(response, "headers") && !Object.hasOwn(response, "body")
    ? response as unknown as Kept
    : undefined;
}

/**
 * Whether a response was fetched, and its body is decoded: its `Content-Encoding` and
 * `Content-Length` are those of what came, and not of its body.
 */
export function wasDecoded(response: Response): boolean {
  const kept = keptOf(response);
  return kept !== undefined &&
    (kept[names!.inner] as Inner).bodyDecoded === true;
}

/** Says that a body has been read that `wholeBodyOf` has given. */
export function markRead(response: Response): void {
  const kept = response as unknown as Kept;
  if (typeof kept[names!.text] === "string") kept[names!.sent] = true;
  else {
    const source = (kept[names!.inner] as Inner).body?.streamOrStatic;
    if (source !== undefined) source.consumed = true;
  }
}

/**
 * The content type of a response of status 200 that has no other header, and
 * whose headers nobody has asked for.
 *
 * @param response The response.
 * @returns The type, or `undefined` where the headers must be asked for.
 */
export function onlyTypeOf(response: Response): string | undefined {
  const kept = keptOf(response);
  if (kept === undefined || names === undefined) return undefined;
  // Whatever else is read takes the text away.
  if (typeof kept[names.text] === "string") {
    return kept[names.type] as string | null ?? TEXT_TYPE;
  }
  const type = kept[names.type];
  const { headerList } = kept[names.inner] as Inner;
  return typeof type === "string" && kept[names.headers] === null &&
      headerList?.length === 0
    ? type
    : undefined;
}

function findNames(): Names | undefined {
  const plain = new Response(TEXT);
  const symbols = Object.getOwnPropertySymbols(plain);
  const named = (description: string) =>
    symbols.find((symbol) => symbol.description === description);
  const inner = named("response");
  const text = named("lazy static body");
  const sent = named("serve fast consumed");
  const type = named("lazy static content type");
  const headers = named("headers");
  if (
    inner === undefined || text === undefined || sent === undefined ||
    type === undefined || headers === undefined
  ) return undefined;
  const found: Names = { inner, text, sent, type, headers };
  return isAsKnown(found) ? found : undefined;
}

/** Whether responses keep under these names what is expected there. */
function isAsKnown({ inner, text, sent, type, headers }: Names): boolean {
  const kept = (response: Response) => response as unknown as Kept;
  const plain = kept(new Response(TEXT));
  const json = kept(Response.json(TEXT));
  const asked = new Response(TEXT);
  void asked.headers;
  const given = kept(
    new Response(TEXT, { status: 201, headers: { "x-a": "b" } }),
  );
  const source = (given[inner] as Inner | undefined)?.body?.streamOrStatic;
  const read = new Response(TEXT);
  kept(read)[sent] = true;
  return plain[text] === TEXT && plain[sent] === false &&
    plain[type] === null &&
    json[text] === JSON.stringify(TEXT) && json[type] === JSON_TYPE &&
    kept(asked)[text] === null && kept(asked)[headers] === asked.headers &&
    given[text] === null && given[type] === null &&
    source?.body === TEXT && source.consumed === false &&
    (kept(new Response())[inner] as Inner).body === null &&
    read.bodyUsed;
}
