import { deepStrictEqual, match, strictEqual } from "node:assert";
import {
  TLSServer,
  UDPServer,
  UnixDatagramServer,
  UnixStreamServer,
} from "../../mod.ts";
import { serveForTest } from "../../server/testing/mod.ts";
import { Folder, Program, testWith } from "../_program.ts";
import { LOOPBACK } from "../_loopback.ts";
import { makeCertificate } from "../_certificate.ts";
import { bracket, echo, LARGE, pattern, sha256 } from "./_peers.ts";

const socat = new Program("socat", "socat");

// Once its input has ended, socat waits for the answer as long as -t says, in
// seconds. None of these tests waits for it.
const WAIT = "-t30";

testWith(
  [socat],
  "socat ends its writing side and still gets its answer over TCP",
  async () => {
    await using served = await serveForTest(
      async ({ rfile, wfile }) => {
        const { length } = await rfile.readAll();
        await wfile.write(`${length} bytes`);
      },
    );
    const to = `TCP:127.0.0.1:${served.addr.port}`;
    strictEqual(await socat.run([WAIT, "-", to], "question"), "8 bytes");
    deepStrictEqual(served.errors, []);
  },
);

testWith([socat], "socat's crnl ends lines by CRLF", async () => {
  let start = "";
  await using served = await serveForTest(
    async (handler) => {
      start = new TextDecoder().decode((await handler.rfile.peek(5))!);
      await bracket(handler);
    },
  );
  const to = `TCP:127.0.0.1:${served.addr.port},crnl`;
  const answer = await socat.run([WAIT, "-", to], "one\ntwo\n");
  strictEqual(start, "one\r\n");
  strictEqual(answer, "<one>\n<two>\n");
  deepStrictEqual(served.errors, []);
});

testWith([socat], "8 MiB go through socat and back unchanged", async () => {
  await using served = await serveForTest(echo);
  const data = pattern(LARGE);
  const answer = await socat.runBytes(
    [WAIT, "-", `TCP:127.0.0.1:${served.addr.port}`],
    data,
  );
  strictEqual(answer.length, LARGE);
  strictEqual(sha256(answer), sha256(data));
  deepStrictEqual(served.errors, []);
});

testWith(
  [socat],
  "a large reply reaches socat whole though its bytes were never read",
  async () => {
    const reply = pattern(400_000);
    await using served = await serveForTest(
      ({ wfile }) => void wfile.write(reply),
    );
    const answer = await socat.runBytes(
      [WAIT, "-b512", "-", `TCP:127.0.0.1:${served.addr.port},rcvbuf=2048`],
      pattern(20_000),
    );
    strictEqual(sha256(answer), sha256(reply));
    deepStrictEqual(served.errors, []);
  },
);

testWith(
  [socat],
  "socat that resets (linger=0) is an error of its own, and the server goes on",
  async () => {
    await using served = await serveForTest(bracket);
    const to = `TCP:127.0.0.1:${served.addr.port}`;
    // Once its input has ended it closes at once (-t0), and does only that:
    // after a shutdown the server would see an end, and no reset.
    await using child = socat.start("-t0", "-", `${to},linger=0,shut-close`);
    await child.send("one\n");
    await child.until("<one>\n");
    await child.output();
    const [error] = await served.untilErrors();
    match(String(error), /^ConnectionReset/);
    strictEqual(await socat.run([WAIT, "-", to], "two\n"), "<two>\n");
    deepStrictEqual(served.errors, []);
  },
);

testWith(
  [socat],
  "socat's empty datagram is a request of its own, and so is its answer",
  async () => {
    const sizes: number[] = [];
    await using served = await serveForTest(
      async ({ packet, socket, clientAddress }) => {
        sizes.push(packet.length);
        await socket.send(packet, clientAddress);
      },
      { server: UDPServer },
    );
    const to = `UDP:127.0.0.1:${served.addr.port},shut-null,null-eof`;
    // The end of its input is sent as an empty datagram, and one that it
    // receives is the end: without both it would wait for longer than it may.
    strictEqual(await socat.run(["-t300", "-", to], "datagram"), "datagram");
    deepStrictEqual(sizes, [8, 0]);
    deepStrictEqual(served.errors, []);
  },
);

testWith([socat], "socat sends a UDPServer its largest datagram", async () => {
  await using served = await serveForTest(
    ({ packet, wfile }) => {
      wfile.write(sha256(packet));
    },
    { server: UDPServer },
  );
  const data = pattern(65_507);
  await using folder = new Folder();
  const file = folder.at("data");
  await Deno.writeFile(file, data);
  // Out of a file, since a pipe's reads are shorter.
  await using child = socat.start(
    ...["-b65507", "-t30", `OPEN:${file},rdonly!!STDOUT`],
    `UDP:127.0.0.1:${served.addr.port}`,
  );
  await child.until(sha256(data));
  deepStrictEqual(served.errors, []);
});

testWith([socat], "socat talks to a UnixStreamServer", async () => {
  await using folder = new Folder();
  const path = folder.at("server");
  await using served = await serveForTest(
    new UnixStreamServer({ path }, bracket),
  );
  const answer = await socat.run([WAIT, "-", `UNIX-CONNECT:${path}`], "a\nb\n");
  strictEqual(answer, "<a>\n<b>\n");
  deepStrictEqual(served.errors, []);
});

testWith([socat], "socat talks to a UnixDatagramServer", async () => {
  await using folder = new Folder();
  const path = folder.at("server");
  await using served = await serveForTest(
    new UnixDatagramServer({ path }, async ({ rfile, wfile }) => {
      await wfile.write(`<${await rfile.readLine()}>`);
    }),
  );
  await using child = socat.start(
    ...["-", `UNIX-SENDTO:${path},bind=${folder.at("client")}`],
  );
  await child.send("one\n");
  await child.until("<one>");
  await child.send("two\n");
  await child.until("<two>");
  deepStrictEqual(served.errors, []);
});

testWith([socat], "socat talks to a TLSServer", async () => {
  await using folder = new Folder();
  const { cert, key, file } = await makeCertificate(folder);
  await using served = await serveForTest(
    new TLSServer({ ...LOOPBACK, cert, key }, async (handler) => {
      // Its end is seen here: socat ends TLS by close_notify.
      const lines = await Array.fromAsync(handler.rfile);
      await handler.wfile.write(lines.join("+"));
    }),
  );
  const to = `OPENSSL:127.0.0.1:${served.addr.port}`;
  await using child = socat.start(
    ...["-", `${to},cafile=${file},commonname=localhost`],
  );
  await child.send("1\n2\n");
  const { code, stderr } = await child.output();
  strictEqual(code, 0, stderr);
});
