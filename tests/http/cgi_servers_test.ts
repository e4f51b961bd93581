import { match, strictEqual } from "node:assert";
import {
  ForkingHTTPServer,
  HTTPSServer,
  ThreadingHTTPServer,
} from "../../server/http/mod.ts";
import { UnixStreamServer } from "../../server/unix_stream_server.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { Child, Folder, testWith } from "../_program.ts";
import { LOOPBACK } from "../_loopback.ts";
import { makeCertificate } from "../_certificate.ts";
import { QuietScripts, Scripts } from "./_cgi_handlers.ts";
import { SITE } from "./_cgi_site.ts";
import { ALONE, curl } from "./_curl.ts";

/**
 * Has curl send a body to a script and read it back, then ask another. The body
 * is so long that curl first waits for 100 Continue.
 */
async function exchange(url: string, ...options: string[]): Promise<string> {
  const echoed = await curl.run([
    ...[...ALONE, ...options, "--data-binary", "@-"],
    ...["--header", "Content-Type: text/plain", `${url}/cgi-bin/echo`],
  ], "hello ".repeat(250_000));
  strictEqual(echoed, "hello ".repeat(250_000));
  return await curl.run([
    ...[...ALONE, ...options, `${url}/cgi-bin/environment`],
  ]);
}

testWith(
  [curl],
  "CGI scripts run behind TLS and are told so",
  async () => {
    await using folder = new Folder();
    const { cert, key, file } = await makeCertificate(folder);
    await using served = await serveForTest(
      new HTTPSServer({ ...LOOPBACK, cert, key }, Scripts),
    );
    const printed = await exchange(
      `https://127.0.0.1:${served.addr.port}`,
      "--cacert",
      file,
    );
    match(printed, /^HTTPS=on$/m);
    match(printed, new RegExp(`^SERVER_PORT=${served.addr.port}$`, "m"));
  },
);

testWith([curl], "CGI scripts run behind a Unix socket", async () => {
  await using folder = new Folder();
  const path = folder.at("server");
  await using _served = await serveForTest(
    new UnixStreamServer({ path }, Scripts),
  );
  const printed = await exchange("http://localhost", "--unix-socket", path);
  match(printed, /^REMOTE_ADDR=$/m);
  match(printed, /^SERVER_NAME=localhost$/m);
});

testWith([curl], "CGI scripts run in threads", async () => {
  await using served = await serveForTest(Scripts, {
    server: ThreadingHTTPServer,
    options: { workers: 1 },
  });
  const printed = await exchange(`http://127.0.0.1:${served.addr.port}`);
  match(printed, /^REMOTE_ADDR=127\.0\.0\.1$/m);
  match(printed, new RegExp(`^SERVER_PORT=${served.addr.port}$`, "m"));
});

testWith(
  [curl],
  "CGI scripts run in processes that may run just them",
  async () => {
    const scripts = ["echo", "environment"].map((name) =>
      `${SITE}/cgi-bin/${name}`
    );
    await using served = await serveForTest(
      QuietScripts,
      {
        server: ForkingHTTPServer,
        options: {
          permissions: { read: [SITE], run: scripts },
        },
      },
    );
    const url = `http://127.0.0.1:${served.addr.port}`;
    const printed = await exchange(url);
    match(printed, /^REMOTE_ADDR=127\.0\.0\.1$/m);
    match(printed, /^PATH=\/usr\/local\/bin:\/usr\/bin:\/bin$/m);
    const status = await curl.run([
      ...[...ALONE, "--output", "/dev/null", "--write-out", "%{http_code}"],
      `${url}/cgi-bin/query`,
    ]);
    strictEqual(status, "403");
  },
);

testWith(
  [curl],
  "CGI scripts need the permission to run them alone, and which is missing is said",
  async () => {
    await using child = new Child(Deno.execPath(), [
      ...["run", "--quiet", "--no-prompt", "--allow-net=127.0.0.1:0"],
      ...[`--allow-read=${SITE}`, `--allow-run=${SITE}/cgi-bin/query`],
      `${import.meta.dirname}/_cgi_program.ts`,
    ], { NO_COLOR: "1" });
    const [, port] = await child.until(/^(\d+)\n/);
    const ask = (script: string) =>
      curl.run([
        ...[...ALONE, "--write-out", " %{http_code}"],
        `http://127.0.0.1:${port}/cgi-bin/${script}`,
      ]);
    strictEqual(await ask("query?allowed"), "allowed 200");
    match(await ask("environment"), / 403$/);
    await child.untilStderr(
      `CGI script /cgi-bin/environment failed: it requires run access; run the server again with --allow-run=${SITE}/cgi-bin/environment\n`,
    );
    strictEqual((await child.output()).code, 0);
  },
);
