import { match, ok, strictEqual } from "node:assert";
import { Child, Folder, Program, testWith } from "../../_program.ts";
import { makeCertificate } from "../../_certificate.ts";

const wrk = new Program("wrk", "wrk");
const PROGRAM = `${import.meta.dirname}/_restarting_https.ts`;
const RESTARTS = 3;

for (const connections of ["keep-alive", "close"]) {
  testWith(
    [wrk],
    `wrk loses no request of HTTPS in ${RESTARTS} restarts (${connections})`,
    async () => {
      await using folder = new Folder();
      await makeCertificate(folder);
      await using child = new Child(Deno.execPath(), [
        ...["run", "--quiet", "--no-prompt", "--no-config", "-A", PROGRAM],
        ...[folder.at("cert.pem"), folder.at("cert.key")],
      ]);
      const [, first, addr] = await child.until(/ready (\d+) (.*)\n/);
      const { port } = JSON.parse(addr!);
      await using load = wrk.start(
        ...[
          "-t",
          "1",
          "-c",
          "8",
          "-d",
          "3",
          "-H",
          `Connection: ${connections}`,
        ],
        `https://127.0.0.1:${port}/`,
      );
      let pid = Number(first);
      for (let i = 0; i < RESTARTS; i++) {
        Deno.kill(pid, "SIGHUP");
        const [, next] = await child.until(/handed over to (\d+)\n/);
        pid = Number(next);
      }
      const { code, stdout } = await load.output();
      Deno.kill(pid, "SIGKILL");
      const said = new TextDecoder().decode(stdout);
      strictEqual(code, 0, said);
      const [, requests] = /(\d+) requests in/.exec(said)!;
      ok(Number(requests) > 100, said);
      // It tells of them only where there are any.
      ok(!/Socket errors|Non-2xx/.test(said), said);
      match(said, /Requests\/sec/);
    },
  );
}
