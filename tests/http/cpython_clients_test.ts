import { strictEqual } from "node:assert";
import {
  CGIHTTPRequestHandler,
  ForkingHTTPServer,
  HTTPServer,
  HTTPSServer,
  ThreadingHTTPServer,
} from "../../server/http/mod.ts";
import { UnixStreamServer } from "../../server/unix_stream_server.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { Folder, Program, testWith } from "../_program.ts";
import { LOOPBACK } from "../_loopback.ts";
import { makeCertificate } from "../_certificate.ts";
import { SITE } from "./_cgi_site.ts";
import { Target } from "./_target_handlers.ts";

const python = new Program("python3", "python3");

/** What every client starts with. It ends by itself, with a traceback, if it hangs. */
const PRELUDE = `
import faulthandler, http.client, os, socket, sys, urllib.parse, urllib.request
faulthandler.dump_traceback_later(50, exit=True)
socket.setdefaulttimeout(40)
os.environ["no_proxy"] = "*"
args = sys.argv[1:]

def tell(connection, method, path, body=None, **options):
    connection.request(method, path, body, **options)
    response = connection.getresponse()
    return response.status, response.read().decode("latin-1")
`;

/** Runs a client to its end. It must succeed. */
async function client(code: string, ...args: (string | number)[]) {
  await python.run(["-I", "-c", PRELUDE + code, ...args.map(String)]);
}

/** Requests of every kind on one connection, which is kept. */
const CONVERSATION = `
assert tell(connection, "GET", "/a?b=c") == (200, "GET /a?b=c []")
kept = connection.sock
assert tell(connection, "POST", "/", b"body") == (200, "POST / [body]")
# An iterable goes in chunks.
chunks = iter([b"one", b"two" * 10_000, b"three"])
status, text = tell(connection, "POST", "/chunks", chunks, encode_chunked=True)
assert status == 200 and text == "POST /chunks [one" + "two" * 10_000 + "three]"
connection.request("HEAD", "/head")
response = connection.getresponse()
assert response.status == 200 and response.read() == b""
assert response.getheader("Content-Length") == str(len("HEAD /head []"))
assert tell(connection, "OPTIONS", "*") == (200, "OPTIONS * []")
status, text = tell(connection, "DELETE", "/")
assert status == 501 and "Unsupported method" in text
assert connection.sock is kept
assert tell(connection, "GET", "/", headers={"Connection": "close"})[0] == 200
assert connection.sock is None
`;

const OVER_TCP =
  `connection = http.client.HTTPConnection("127.0.0.1", int(args[0]))`;

for (
  const [where, make] of [
    ["on the event loop", () => new HTTPServer(LOOPBACK, Target)],
    [
      "in threads",
      () => new ThreadingHTTPServer(LOOPBACK, Target, { workers: 1 }),
    ],
    ["in processes", () => new ForkingHTTPServer(LOOPBACK, Target)],
  ] as const
) {
  testWith([python], `http.client talks to a server ${where}`, async () => {
    await using served = await serveForTest(make());
    await client(`${OVER_TCP}\n${CONVERSATION}`, served.addr.port);
  });
}

testWith(
  [python],
  "http.client talks to a server behind TLS",
  async () => {
    await using folder = new Folder();
    const { cert, key, file } = await makeCertificate(folder);
    await using served = await serveForTest(
      new HTTPSServer({ ...LOOPBACK, cert, key }, Target),
    );
    await client(
      `
import ssl
context = ssl.create_default_context(cafile=args[1])
connection = http.client.HTTPSConnection("localhost", int(args[0]), context=context)
${CONVERSATION}`,
      ...[served.addr.port, file],
    );
  },
);

testWith(
  [python],
  "http.client talks to a server on a Unix socket",
  async () => {
    await using folder = new Folder();
    const path = folder.at("server");
    await using _served = await serveForTest(
      new UnixStreamServer({ path }, Target),
    );
    await client(
      `
class UnixConnection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(args[0])

connection = UnixConnection("localhost")
${CONVERSATION}`,
      path,
    );
  },
);

testWith(
  [python],
  "http.client's requests that are no good are refused",
  async () => {
    await using served = await serveForTest(Target, { server: HTTPServer });
    await client(
      `
def status(version, *headers, host=True):
    ${OVER_TCP}
    connection._http_vsn_str = version
    connection.putrequest("GET", "/", skip_host=not host)
    for name, value in headers:
        connection.putheader(name, value)
    connection.endheaders()
    response = connection.getresponse()
    response.read()
    return response.status

assert status("HTTP/1.1") == 200
assert status("HTTP/1.0", host=False) == 200
assert status("FUBAR") == 400
for version in ["HTTP/9.9.9", "HTTP/1._1", "HTTP/+1.1", "HTTP/1.1.1", "HTTP/1234567.1"]:
    assert status(version) in (400, 505), version
assert status("HTTP/2.0") == 505
assert status("HTTP/1.1", host=False) == 400
assert status("HTTP/1.1", *[("X", "y")] * 101) == 431
assert status("HTTP/1.1", ("X", "y" * 65_537)) == 431
assert status("HTTP/1.1", ("Expect", "200-ok")) == 417
`,
      served.addr.port,
    );
    strictEqual(served.errors.join(), "");
  },
);

testWith([python], "urllib gets files, and what scripts print", async () => {
  class Site extends CGIHTTPRequestHandler<Deno.NetAddr> {
    static override readonly directory = SITE;
    override logMessage(): void {}
  }
  await using served = await serveForTest(Site, { server: HTTPServer });
  await client(
    `
base = "http://127.0.0.1:" + args[0]

def get(path, data=None, **headers):
    return urllib.request.urlopen(urllib.request.Request(base + path, data, headers))

def fails(path, data=None):
    try:
        get(path, data)
    except urllib.error.HTTPError as error:
        error.read()
        error.close()
        return error.code

with get("/files/text.txt") as response:
    assert response.read() == b"A file\\n"
    assert response.headers["Content-Length"] == "7"
    assert response.headers.get_content_type() == "text/plain"
    assert response.headers.get_content_charset() == "utf-8"
with get("/files") as response:
    # It has followed the redirection.
    assert response.url == base + "/files/"
    assert b"text.txt" in response.read()
assert fails("/none") == 404
assert fails("/files/text.txt", b"x") == 501

with get("/cgi-bin/query?a=b?c=d") as response:
    assert response.read() == b"a=b?c=d"
form = urllib.parse.urlencode({"spam": 1, "eggs": "python"}).encode()
with get("/cgi-bin/echo", form) as response:
    assert response.read() == form
    assert response.headers["X-Length"] == str(len(form))
    assert response.headers.get_content_type() == "application/x-www-form-urlencoded"
with get("/cgi-bin/environment", Accept="a/b", Authorization="Basic YTpi") as response:
    lines = response.read().decode().splitlines()
    assert "HTTP_ACCEPT=a/b" in lines
    assert not [line for line in lines if "YTpi" in line]
with get("/cgi-bin/behave?redirect-to=" + base + "/files/text.txt") as response:
    assert response.read() == b"A file\\n"
assert fails("/cgi-bin/none") == 404
assert fails("/cgi-bin/data.txt") == 403
assert fails("/cgi-bin/behave?print-nothing") == 502
`,
    served.addr.port,
  );
});
