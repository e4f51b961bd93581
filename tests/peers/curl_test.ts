import { deepStrictEqual, match, strictEqual } from "node:assert";
import { TLSServer, UnixStreamServer } from "../../mod.ts";
import type { StreamRequestHandler } from "../../mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { Folder, Program, testWith } from "../_program.ts";
import { LOOPBACK } from "../_loopback.ts";
import { makeCertificate } from "../_certificate.ts";
import { LARGE, pattern, sha256 } from "./_peers.ts";

const curl = new Program("curl", "curl");

// What surrounds a test must not change it: no proxy, no ~/.curlrc (which has
// to be said first), no progress meter. It gives up after 40 seconds.
const QUIET = ["-q", "--silent", "--show-error", "--no-buffer"];
const ALONE = [...QUIET, "--noproxy", "*", "--max-time", "40"];

/** Answers lines until one says quit: curl's telnet goes on until it is closed. */
async function bracketUntilQuit({ rfile, wfile }: StreamRequestHandler) {
  for await (const line of rfile) {
    await wfile.write(`<${line}>\n`);
    if (line === "quit") return;
  }
}

testWith([curl], "curl telnet:// talks to a TCPServer", async () => {
  await using served = await serveForTest(bracketUntilQuit);
  const answer = await curl.run(
    [...ALONE, `telnet://127.0.0.1:${served.addr.port}`],
    "one\ntwo\nquit\n",
  );
  strictEqual(answer, "<one>\n<two>\n<quit>\n");
  deepStrictEqual(served.errors, []);
});

testWith(
  [curl],
  "curl telnet:// --unix-socket talks to a UnixStreamServer",
  async () => {
    await using folder = new Folder();
    const path = folder.at("server");
    await using served = await serveForTest(
      new UnixStreamServer({ path }, bracketUntilQuit),
    );
    const answer = await curl.run(
      [...ALONE, "--unix-socket", path, "telnet://localhost"],
      "one\nquit\n",
    );
    strictEqual(answer, "<one>\n<quit>\n");
    deepStrictEqual(served.errors, []);
  },
);

testWith(
  [curl],
  "curl negotiates telnet options in bytes that are no text",
  async () => {
    const [IAC, DONT, DO, WILL, SE, SB] = [255, 254, 253, 251, 240, 250];
    const TERMINAL_TYPE = 24;
    const answers: Uint8Array[] = [];
    await using served = await serveForTest(
      async ({ rfile, wfile }) => {
        // RFC 1091: asked whether it tells its terminal's type, then for it.
        await wfile.write(new Uint8Array([IAC, DO, TERMINAL_TYPE]));
        answers.push(await rfile.readExactly(3));
        await wfile.write(
          new Uint8Array([IAC, SB, TERMINAL_TYPE, 1, IAC, SE]),
        );
        // Before it come the options that curl asks for by itself.
        await rfile.readUntil(new Uint8Array([IAC, SB]));
        answers.push(await rfile.readUntil(new Uint8Array([IAC, SE])));
        // An option it does not know it must refuse (RFC 854).
        await wfile.write(new Uint8Array([IAC, WILL, 99]));
        answers.push(await rfile.readExactly(3));
        await wfile.write("done\n");
      },
    );
    const printed = await curl.run([
      ...[...ALONE, "--telnet-option", "TTYPE=vt100"],
      `telnet://127.0.0.1:${served.addr.port}`,
    ]);
    strictEqual(printed, "done\n");
    deepStrictEqual(answers.map((bytes) => [...bytes]), [
      [IAC, WILL, TERMINAL_TYPE],
      [TERMINAL_TYPE, 0, ...new TextEncoder().encode("vt100"), IAC, SE],
      [IAC, DONT, 99],
    ]);
    deepStrictEqual(served.errors, []);
  },
);

testWith(
  [curl],
  "curl gopher:// sends one line and reads 8 MiB until the server closes",
  async () => {
    const reply = pattern(LARGE);
    let selector: string | null = null;
    await using served = await serveForTest(
      async ({ rfile, wfile }) => {
        selector = await rfile.readLine();
        await wfile.write(reply);
      },
    );
    const answer = await curl.runBytes([
      ...[...ALONE, `gopher://127.0.0.1:${served.addr.port}/9large`],
    ]);
    strictEqual(selector, "large");
    strictEqual(answer.length, LARGE);
    strictEqual(sha256(answer), sha256(reply));
    deepStrictEqual(served.errors, []);
  },
);

testWith(
  [curl],
  "curl gophers:// reads 8 MiB from a TLSServer until it closes",
  async () => {
    await using folder = new Folder();
    const { cert, key, file } = await makeCertificate(folder);
    const reply = pattern(LARGE);
    await using served = await serveForTest(
      new TLSServer(
        { ...LOOPBACK, cert, key },
        async ({ rfile, wfile }) => {
          await rfile.readLine();
          await wfile.write(reply);
        },
      ),
    );
    const answer = await curl.runBytes([
      ...[...ALONE, "--cacert", file],
      `gophers://127.0.0.1:${served.addr.port}/9large`,
    ]);
    strictEqual(answer.length, LARGE);
    strictEqual(sha256(answer), sha256(reply));
    deepStrictEqual(served.errors, []);
  },
);

testWith(
  [curl],
  "curl dict:// sends three lines at once and reads the answers",
  async () => {
    await using served = await serveForTest(
      async ({ rfile, wfile }) => {
        for await (const line of rfile) {
          await wfile.write(`<${line}>\r\n`);
          if (line === "QUIT") return;
        }
      },
    );
    const answer = await curl.run(
      [...ALONE, `dict://127.0.0.1:${served.addr.port}/d:word`],
    );
    match(answer, /^<CLIENT .*>\r\n<DEFINE ! word>\r\n<QUIT>\r\n$/);
    deepStrictEqual(served.errors, []);
  },
);

testWith(
  [curl],
  "curl http:// gets its refusal whole while its upload is left unread",
  async () => {
    const refusal = "x".repeat(400_000);
    await using served = await serveForTest(
      async ({ rfile, wfile }) => {
        // The head of the request, and nothing of its body.
        while (await rfile.readLine() !== "");
        await wfile.write(
          `HTTP/1.1 413 Too Large\r\nContent-Length: ${refusal.length}\r\n` +
            `Connection: close\r\n\r\n${refusal}`,
        );
      },
    );
    await using folder = new Folder();
    const file = folder.at("upload");
    await Deno.writeFile(file, pattern(LARGE));
    const answer = await curl.run([
      // Without waiting for the server to ask for the body.
      ...[...ALONE, "--header", "Expect:", "--upload-file", file],
      `http://127.0.0.1:${served.addr.port}/`,
    ]);
    strictEqual(answer, refusal);
    deepStrictEqual(served.errors, []);
  },
);

testWith(
  [curl],
  "curl that is stopped in the middle of a reply is an error of its own",
  async () => {
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    await using served = await serveForTest(
      async ({ rfile, wfile }) => {
        if (await rfile.readLine() !== "endless") return wfile.write("served");
        resolve();
        while (true) await wfile.write(new Uint8Array(65_536));
      },
    );
    const host = `127.0.0.1:${served.addr.port}`;
    await using child = curl.start(...ALONE, `gopher://${host}/9endless`);
    await asked;
    child.kill("SIGTERM");
    await child.output();
    const [error] = await served.untilErrors();
    match(String(error), /^(ConnectionReset|BrokenPipe)/);
    strictEqual(await curl.run([...ALONE, `gopher://${host}/1x`]), "served");
    deepStrictEqual(served.errors, []);
  },
);
