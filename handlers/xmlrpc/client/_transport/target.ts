/** CPython's path, where a URL has none. */
const DEFAULT_PATH = "/RPC2";

/** Where calls are sent. */
export interface Target {
  /** Without a name and a password, so that it can be shown. */
  readonly url: URL;
  /** What `Authorization` says, where the URL has a name and a password. */
  readonly authorization: string | undefined;
}

/**
 * Reads the URL of a server.
 *
 * @throws {TypeError} If it is no URL of HTTP, or its name cannot be sent.
 */
export function targetOf(given: string | URL): Target {
  const text = String(given);
  const url = URL.parse(text);
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    throw new TypeError(
      `Cannot call a server at ${
        JSON.stringify(withoutPassword(text))
      }: give a URL that starts with http:// or https://`,
    );
  }
  const [withoutFragment] = text.trim().split("#", 1);
  url.hash = "";
  if (
    url.pathname === "/" && url.search === "" && !withoutFragment!.endsWith("/")
  ) {
    url.pathname = DEFAULT_PATH;
  }
  const { username, password } = url;
  url.username = "";
  url.password = "";
  return {
    url,
    authorization: username === "" && password === ""
      ? undefined
      : basic(username, password),
  };
}

/** Basic authentication: RFC 7617. */
function basic(username: string, password: string): string {
  let name: string;
  let pass: string;
  try {
    [name, pass] = [decodeURIComponent(username), decodeURIComponent(password)];
  } catch (cause) {
    throw new TypeError(
      "Cannot authenticate: the name or the password in the URL is not percent-encoded UTF-8",
      { cause },
    );
  }
  if (name.includes(":")) {
    throw new TypeError(
      `Cannot authenticate as ${
        JSON.stringify(name)
      }: a name has no colon, RFC 7617`,
    );
  }
  return `Basic ${new TextEncoder().encode(`${name}:${pass}`).toBase64()}`;
}

function withoutPassword(text: string): string {
  return text.replace(/\/\/[^/]*@/, "//…@");
}
