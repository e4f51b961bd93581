import { deepStrictEqual, strictEqual } from "node:assert";
import {
  scriptEnvironment,
  type ScriptRequest,
  systemEnvironment,
} from "../../handlers/http/_cgi/environment.ts";

const REQUEST: ScriptRequest = {
  method: "GET",
  target: "/cgi-bin/a%20b/c?d=e",
  query: "d=e",
  protocol: "HTTP/1.1",
  headers: new Headers({ Host: "example.test:8080" }),
  contentLength: undefined,
  script: {
    file: "/srv/cgi-bin/a b",
    name: "/cgi-bin/a b",
    pathInfo: "/c",
    isUnparsed: false,
  },
  root: "/srv",
  clientAddress: { transport: "tcp", hostname: "192.0.2.1", port: 5 },
  serverAddress: { transport: "tcp", hostname: "192.0.2.2", port: 80 },
  serverSoftware: "server/1",
  encrypted: false,
  passesAuthorization: false,
};

function variables(
  request: Partial<Omit<ScriptRequest, "headers">>,
  headers: [string, string][] = [],
): Record<string, string> {
  return scriptEnvironment({
    ...REQUEST,
    ...request,
    headers: new Headers(headers),
  });
}

/** The names that start with `HTTP_`, without it. */
function headersOf(variables: Record<string, string>): string[] {
  return Object.keys(variables).filter((name) => name.startsWith("HTTP_"))
    .map((name) => name.slice("HTTP_".length)).sort();
}

Deno.test("scriptEnvironment() gives the variables of RFC 3875", () => {
  deepStrictEqual(scriptEnvironment(REQUEST), {
    GATEWAY_INTERFACE: "CGI/1.1",
    HTTP_HOST: "example.test:8080",
    PATH_INFO: "/c",
    PATH_TRANSLATED: "/srv/c",
    QUERY_STRING: "d=e",
    REMOTE_ADDR: "192.0.2.1",
    REMOTE_HOST: "192.0.2.1",
    REQUEST_METHOD: "GET",
    REQUEST_URI: "/cgi-bin/a%20b/c?d=e",
    SCRIPT_FILENAME: "/srv/cgi-bin/a b",
    SCRIPT_NAME: "/cgi-bin/a b",
    SERVER_NAME: "example.test",
    SERVER_PORT: "80",
    SERVER_PROTOCOL: "HTTP/1.1",
    SERVER_SOFTWARE: "server/1",
  });
});

Deno.test("scriptEnvironment() tells of a body only where there is one", () => {
  const type: [string, string] = ["Content-Type", "text/plain"];
  const without = variables({}, [type]);
  strictEqual("CONTENT_LENGTH" in without, false);
  strictEqual("CONTENT_TYPE" in without, false);
  const { CONTENT_LENGTH, CONTENT_TYPE } = variables(
    { contentLength: 0 },
    [type],
  );
  deepStrictEqual([CONTENT_LENGTH, CONTENT_TYPE], ["0", "text/plain"]);
  strictEqual("CONTENT_TYPE" in variables({ contentLength: 5 }), false);
});

Deno.test("scriptEnvironment() leaves PATH_INFO out where nothing follows the script", () => {
  const { script } = REQUEST;
  const found = variables({ script: { ...script, pathInfo: "" } });
  strictEqual("PATH_INFO" in found, false);
  strictEqual("PATH_TRANSLATED" in found, false);
});

Deno.test("scriptEnvironment() passes headers on, and none that could do harm", () => {
  const found = variables({}, [
    ["Accept", "a/b"],
    ["Accept", "c/d"],
    ["X-Forwarded-For", "192.0.2.9"],
    // It would be the proxy of what the script asks for.
    ["Proxy", "http://192.0.2.6/"],
    // They would be those that a proxy in front has set.
    ["X_Forwarded_For", "127.0.0.1"],
    ["X-Forwarded_For", "127.0.0.1"],
    ["X.Y", "z"],
    ["X'Y", "z"],
    ["Authorization", "Basic YTpi"],
    ["Proxy-Authorization", "Basic YTpi"],
    ["Connection", "keep-alive"],
    ["Keep-Alive", "5"],
    ["Proxy-Connection", "keep-alive"],
    ["TE", "trailers"],
    ["Trailer", "X"],
    ["Transfer-Encoding", "chunked"],
    ["Upgrade", "x"],
    ["Content-Type", "a/b"],
    ["Content-Length", "5"],
  ]);
  deepStrictEqual(headersOf(found), ["ACCEPT", "X_FORWARDED_FOR"]);
  strictEqual(found.HTTP_ACCEPT, "a/b, c/d");
  strictEqual(found.HTTP_X_FORWARDED_FOR, "192.0.2.9");
});

Deno.test("scriptEnvironment() passes Authorization on where it is told to", () => {
  const headers: [string, string][] = [
    ["Authorization", "Basic YTpi"],
    ["Proxy-Authorization", "Basic YTpi"],
  ];
  const found = variables({ passesAuthorization: true }, headers);
  deepStrictEqual(headersOf(found), ["AUTHORIZATION"]);
  strictEqual(found.HTTP_AUTHORIZATION, "Basic YTpi");
  for (const name of ["AUTH_TYPE", "REMOTE_USER", "REMOTE_IDENT"]) {
    strictEqual(name in found, false);
  }
});

Deno.test("scriptEnvironment() gives the bytes that the client sent where they are UTF-8", () => {
  const latin1 = (text: string) =>
    String.fromCharCode(...new TextEncoder().encode(text));
  strictEqual(variables({}, [["X", latin1("é€")]]).HTTP_X, "é€");
  strictEqual(variables({}, [["X", "\xe9"]]).HTTP_X, "é");
});

Deno.test("scriptEnvironment() takes SERVER_NAME from Host where that is a name", () => {
  const names: Record<string, string> = {
    "example.test": "example.test",
    "Example-1.test:": "Example-1.test",
    "127.0.0.1:80": "127.0.0.1",
    "[::1]:80": "[::1]",
    "[::1]": "[::1]",
  };
  for (const [host, expected] of Object.entries(names)) {
    strictEqual(variables({}, [["Host", host]]).SERVER_NAME, expected);
  }
  for (
    const host of [
      "",
      "a b",
      "a/b",
      "user@a",
      "<script>",
      "a:b",
      "$(id)",
      "::1",
    ]
  ) {
    strictEqual(variables({}, [["Host", host]]).SERVER_NAME, "192.0.2.2", host);
  }
  strictEqual(
    variables({
      serverAddress: { transport: "tcp", hostname: "::1", port: 1 },
    }).SERVER_NAME,
    "[::1]",
  );
});

Deno.test("scriptEnvironment() fills in what a Unix socket does not have", () => {
  const unix: Deno.UnixAddr = { transport: "unix", path: "/run/s" };
  const found = variables({ clientAddress: unix, serverAddress: unix });
  strictEqual(found.REMOTE_ADDR, "");
  strictEqual(found.REMOTE_HOST, "");
  strictEqual(found.SERVER_NAME, "localhost");
  strictEqual(found.SERVER_PORT, "80");
});

Deno.test("scriptEnvironment() says that the client speaks TLS", () => {
  strictEqual(variables({ encrypted: true }).HTTPS, "on");
  strictEqual("HTTPS" in variables({}), false);
});

Deno.test("systemEnvironment() is PATH alone", {
  ignore: Deno.build.os === "windows",
}, () => {
  deepStrictEqual(systemEnvironment(), { PATH: Deno.env.get("PATH")! });
});
