import { match, ok, rejects, strictEqual } from "node:assert";
import { Child, Program, testWith } from "../_program.ts";
import { SITE, Site } from "./_cgi_site.ts";
import { ALONE, curl } from "./_curl.ts";

const setpriv = new Program("setpriv", "util-linux");
const user = Deno.uid();
const asRoot = { ignore: user !== 0 };

/** Whom nobody is here: what the system's list of users says. */
function nobody(): string {
  const users = Deno.readTextFileSync("/etc/passwd");
  const [, uid, gid] = /^nobody:[^:]*:(\d+):(\d+):/m.exec(users)!;
  return `${uid} ${gid} ${gid}\n`;
}

/** Whom a script runs as of a server that is started in another way. */
async function askUser(
  path: string,
  ...args: string[]
): Promise<[printed: string, errors: string]> {
  await using child = new Child(path, [
    ...args,
    ...["run", "--quiet", "--no-prompt", "--allow-net=127.0.0.1:0"],
    ...[`--allow-read=${SITE}`, `--allow-run=${SITE}/cgi-bin/user`],
    `${import.meta.dirname}/_cgi_program.ts`,
  ], { NO_COLOR: "1" });
  const [, port] = await child.until(/^(\d+)\n/);
  const printed = await curl.run([
    ...[...ALONE, "--write-out", "%{http_code}"],
    `http://127.0.0.1:${port}/cgi-bin/user`,
  ]);
  const { stderr } = await child.output();
  return [printed, stderr];
}

Deno.test({
  ...asRoot,
  name: "where root runs the server, CGI scripts run as nobody",
  async fn() {
    await using site = await Site.serve();
    strictEqual((await site.get("/cgi-bin/user")).body, nobody());
  },
});

testWith(
  [curl],
  "whom CGI scripts run as needs no permission but to run them",
  async () => {
    const [printed] = await askUser(Deno.execPath());
    // Nobody's numbers are then those that most systems have.
    const expected = user === 0
      ? "65534 65534 65534"
      : `${user} ${Deno.gid()} `;
    ok(printed.startsWith(expected), printed);
    ok(printed.endsWith("\n200"), printed);
  },
);

Deno.test({
  ...asRoot,
  name: "CGI scripts run as the user and group that cgiUser says",
  async fn() {
    await using site = await Site.serve({
      cgiUser: { uid: 12_345, gid: 23_456 },
    });
    strictEqual((await site.get("/cgi-bin/user")).body, "12345 23456 23456\n");
  },
});

Deno.test("CGI scripts run as whoever runs the server if cgiUser says so", async () => {
  await using site = await Site.serve({ cgiUser: "server" });
  const { body } = await site.get("/cgi-bin/user");
  ok(body.startsWith(`${user} ${Deno.gid()} `), body);
});

Deno.test({
  ignore: user === 0,
  name:
    "CGI scripts that are to run as another are answered with 500 where root alone may",
  async fn() {
    await using site = await Site.serve({ cgiUser: { uid: 0, gid: 0 } });
    strictEqual((await site.get("/cgi-bin/user")).status, 500);
    match(site.log[0]!, /it cannot be run as user 0 of group 0: /);
  },
});

if (user === 0) {
  testWith(
    [curl, setpriv],
    "where root may not become nobody, CGI scripts are answered with 500",
    async () => {
      const [printed, errors] = await askUser(
        ...["setpriv", "--bounding-set=-setuid,-setgid"] as const,
        ...["--inh-caps=-setuid,-setgid", Deno.execPath()],
      );
      ok(printed.endsWith("500"), printed);
      ok(
        errors.includes(
          "CGI script /cgi-bin/user failed: it cannot be run as user 65534 of group 65534: ",
        ),
        errors,
      );
    },
  );

  testWith(
    [curl, setpriv],
    "where somebody else runs the server, CGI scripts run as that one",
    async () => {
      // These capabilities let it read what is root's, such as Deno itself.
      const [printed] = await askUser(
        ...["setpriv", "--reuid=12345", "--regid=23456"] as const,
        ...["--clear-groups", "--inh-caps=+dac_override"],
        ...["--ambient-caps=+dac_override", Deno.execPath()],
      );
      ok(printed.startsWith("12345 23456 23456\n"), printed);
    },
  );
}

Deno.test("a cgiUser that is nobody's is refused before anybody is served", async () => {
  const wrong: unknown[] = ["root", { uid: 1 }, { uid: 1, gid: -1 }, 0];
  for (const cgiUser of wrong) {
    await rejects(Site.serve({ cgiUser: cgiUser as "nobody" }), {
      name: "TypeError",
      message:
        /^Cannot run CGI scripts: cgiUser must be "nobody", "server" or an object of uid and gid/,
    });
  }
});
