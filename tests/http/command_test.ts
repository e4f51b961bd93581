import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert";
import {
  type HTTPCommandOptions,
  readHTTPCommandOptions,
} from "../../server/http/_command/command_options.ts";
import { openssl } from "../peers/_peers.ts";
import { makeCertificate } from "../_certificate.ts";
import { Child, Folder, type Output, Program, testWith } from "../_program.ts";
import { LOOPBACK } from "../_loopback.ts";
import { SITE } from "./_cgi_site.ts";

const curl = new Program("curl", "curl");
const TREE = new URL("../../", import.meta.url).pathname;
const COMMAND = `${TREE}server/http/mod.ts`;
/** What a thread imports where this module is not in Deno's cache. */
const SOURCES = [`${TREE}server`, `${TREE}handlers`];

Deno.test("readHTTPCommandOptions() has defaults", () => {
  deepStrictEqual(readHTTPCommandOptions([]), {
    directory: ".",
    hostname: "127.0.0.1",
    port: 8000,
    protocol: "HTTP/1.1",
    threads: false,
    cgi: false,
    tls: undefined,
    contentType: undefined,
    headers: [],
    help: false,
  });
});

Deno.test("readHTTPCommandOptions() reads every option", () => {
  deepStrictEqual(
    readHTTPCommandOptions([
      ...["--port=80", "dir", "--bind", "::1", "--threads", "--cgi"],
      ...["--tls-cert", "c.pem", "--tls-key", "k.pem", "--help"],
      ...["--tls-password-file", "p.txt", "--protocol=HTTP/1.0", "--cors"],
      ...["--content-type", "text/x", "--header", "X-A", "b: c"],
    ]),
    {
      directory: "dir",
      hostname: "::1",
      port: 80,
      protocol: "HTTP/1.0",
      threads: true,
      cgi: true,
      tls: { cert: "c.pem", key: "k.pem", passwordFile: "p.txt" },
      contentType: "text/x",
      headers: [["X-A", "b: c"], ["Access-Control-Allow-Origin", "*"]],
      help: true,
    },
  );
  const { port, hostname } = readHTTPCommandOptions(["-p", "0", "-b", "h"]);
  deepStrictEqual([port, hostname], [0, "h"]);
  strictEqual(readHTTPCommandOptions(["--", "--odd"]).directory, "--odd");
  const { tls } = readHTTPCommandOptions(["--tls-cert=both.pem"]);
  deepStrictEqual(tls, {
    cert: "both.pem",
    key: "both.pem",
    passwordFile: undefined,
  });
});

Deno.test("readHTTPCommandOptions() takes what python3 -m http.server does", () => {
  const cases: [args: string[], found: Partial<HTTPCommandOptions>][] = [
    [["80"], { port: 80, directory: "." }],
    [["-d", "dir", "80"], { port: 80, directory: "dir" }],
    [["--directory=80", "81"], { port: 81, directory: "80" }],
    [["dir", "80"], { port: 80, directory: "dir" }],
    [["80", "dir"], { port: 80, directory: "dir" }],
    [["./80"], { port: 8000, directory: "./80" }],
    [["-p", "HTTP/1.0"], { protocol: "HTTP/1.0", port: 8000 }],
    [["-p", "80", "-pHTTP/1.0"], { protocol: "HTTP/1.0", port: 80 }],
    [["--bind", "0.0.0.0", "--cgi"], { hostname: "0.0.0.0", cgi: true }],
    [["-H", "A", "b", "-H", "C", "d", "dir"], {
      headers: [["A", "b"], ["C", "d"]],
      directory: "dir",
    }],
    [["-H", "A: b", "--header=C:d:e", "80"], {
      headers: [["A", "b"], ["C", "d:e"]],
      port: 80,
    }],
    [["-H", "A", ""], { headers: [["A", ""]] }],
    [["--", "-H", "80"], { directory: "-H", port: 80, headers: [] }],
  ];
  for (const [args, found] of cases) {
    const options = readHTTPCommandOptions(args);
    for (const [name, value] of Object.entries(found)) {
      deepStrictEqual(
        options[name as keyof HTTPCommandOptions],
        value,
        `${args.join(" ")}: ${name}`,
      );
    }
  }
});

Deno.test("readHTTPCommandOptions() refuses what it does not understand", () => {
  for (const args of [["--nope"], ["--port"], ["--threads=yes"], ["-x"]]) {
    throws(() => readHTTPCommandOptions(args), TypeError, args.join(" "));
  }
  for (const port of ["65536", "-1", "1.5", "http", "", "0x50", "8000000"]) {
    throws(() => readHTTPCommandOptions([`--port=${port}`]), {
      name: "TypeError",
      message: `Cannot listen on port "${port}": it must be from 0 to 65535`,
    });
  }
  const twice: Record<string, string[]> = {
    "serve more than one directory": ["a", "b"],
    "listen on more than one port": ["--port=80", "81"],
    "speak more than one protocol": ["-pHTTP/1.0", "-pHTTP/1.1"],
  };
  for (const [action, args] of Object.entries(twice)) {
    throws(() => readHTTPCommandOptions(args), {
      message: new RegExp(`^Cannot ${action}: received ".*" and also ".*"$`),
    });
  }
  throws(() => readHTTPCommandOptions(["-d", "a", "b"]), {
    message: /^Cannot serve more than one directory/,
  });
  throws(() => readHTTPCommandOptions(["99999"]), {
    message: 'Cannot listen on port "99999": it must be from 0 to 65535',
  });
  throws(() => readHTTPCommandOptions(["--protocol=HTTP/2"]), {
    message: 'Cannot speak "HTTP/2": --protocol must be HTTP/1.1 or HTTP/1.0',
  });
  for (const args of [["-H", "A"], ["--header=A"], ["--header", ":b"]]) {
    throws(() => readHTTPCommandOptions(args), {
      message:
        /^Cannot send the header ".*": --header takes a name and a value/,
    });
  }
  throws(() => readHTTPCommandOptions(["--bind="]), {
    message: "Cannot listen on no address: --bind is empty",
  });
  for (const half of ["--tls-key", "--tls-password-file"]) {
    throws(() => readHTTPCommandOptions([`${half}=a`]), {
      message: `Cannot serve HTTPS: ${half} needs --tls-cert`,
    });
  }
});

function start(permissions: readonly string[], ...args: string[]): Child {
  return new Child(Deno.execPath(), [
    ...["run", "--quiet", "--no-prompt", ...permissions],
    ...[COMMAND, ...args],
  ]);
}

async function run(
  permissions: readonly string[],
  ...args: string[]
): Promise<Output & { readonly text: string }> {
  await using child = start(permissions, ...args);
  const output = await child.output();
  return { ...output, text: new TextDecoder().decode(output.stdout) };
}

const NET = "--allow-net=127.0.0.1:0";

/** Waits until the command listens, and tells its URL. */
async function urlOf(child: Child): Promise<string> {
  return (await child.until(/Listening on (\S+)\/, serving "[^"]*"\n/))[1]!;
}

/** What is answered, as `200 text`. */
async function fetched(url: string): Promise<string> {
  const response = await fetch(url);
  return `${response.status} ${await response.text()}`;
}

async function endBySignal(child: Child, signal: Deno.Signal = "SIGINT") {
  child.kill(signal);
  strictEqual((await child.output()).code, 0);
}

Deno.test("The command serves a directory, with leave to read that alone", async () => {
  await using folder = new Folder();
  await Deno.mkdir(folder.at("site"));
  await Deno.writeTextFile(folder.at("site/a.txt"), "text");
  await Deno.writeTextFile(folder.at("secret"), "secret");
  await Deno.symlink("../secret", folder.at("site/out"));
  const directory = folder.at("site");
  await using child = start(
    [NET, `--allow-read=${directory}`],
    ...[directory, "--port", "0"],
  );
  const url = await urlOf(child);
  match(url, /^http:\/\/127\.0\.0\.1:\d+$/);
  strictEqual(await fetched(`${url}/a.txt`), "200 text");
  match(await fetched(`${url}/`), /^200 [^]*<a href="a\.txt">/);
  match(await fetched(`${url}/out`), /^403 /);
  match(await fetched(`${url}/%2e%2e%2fsecret`), /^404 /);
  await child.untilStderr(
    /127\.0\.0\.1 - - \[[^\]]+\] "GET \/a\.txt HTTP\/1\.1" 200 -\n/,
  );
  await endBySignal(child, "SIGTERM");
});

Deno.test("The command listens where --bind says", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("a.txt"), "text");
  const hosts = { "::1": "[::1]", "127.0.0.1": "127.0.0.1", localhost: ".+" };
  for (const [bind, shown] of Object.entries(hosts)) {
    const host = bind.includes(":") ? `[${bind}]` : bind;
    await using child = start(
      [`--allow-net=${host}:0`, `--allow-read=${folder.path}`],
      ...[folder.path, "--port=0", "--bind", bind],
    );
    const url = await urlOf(child);
    match(url, new RegExp(`^http://${shown.replace("[", "\\[")}:\\d+$`));
    strictEqual(await fetched(`${url}/a.txt`), "200 text");
    await endBySignal(child);
  }
});

Deno.test("The command serves in threads", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("a.txt"), "text");
  await using child = start(
    [NET, `--allow-read=${[folder.path, ...SOURCES]}`],
    ...["--threads", folder.path, "--port=0"],
  );
  const url = await urlOf(child);
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => fetched(`${url}/a.txt`)),
  );
  deepStrictEqual(new Set(answers), new Set(["200 text"]));
  await endBySignal(child);
});

Deno.test("The command serves a directory that it was given as a link", async () => {
  await using folder = new Folder();
  await Deno.mkdir(folder.at("site-1/sub"), { recursive: true });
  await Deno.writeTextFile(folder.at("site-1/sub/a.txt"), "text");
  await Deno.symlink("sub/a.txt", folder.at("site-1/link"));
  await Deno.symlink("site-1", folder.at("site"));
  const directory = folder.at("site");
  await using child = start(
    [NET, `--allow-read=${directory}`],
    ...[directory, "--port", "0"],
  );
  const url = await urlOf(child);
  strictEqual(await fetched(`${url}/sub/a.txt`), "200 text");
  strictEqual(await fetched(`${url}/link`), "200 text");
  match(await fetched(`${url}/`), /<a href="link">/);
  await endBySignal(child);
});

Deno.test("The command answers 403, and says why, where it lacks a permission", async () => {
  await using folder = new Folder();
  await Deno.mkdir(folder.at("denied"));
  await Deno.writeTextFile(folder.at("denied/a.txt"), "secret");
  await using child = start(
    [
      ...[NET, `--allow-read=${folder.path}`],
      `--deny-read=${folder.at("denied")}`,
    ],
    ...[folder.path, "--port", "0"],
  );
  const url = await urlOf(child);
  for (const target of ["/denied/a.txt", "/denied/", "/denied"]) {
    match(await fetched(`${url}${target}`), /^403 /);
    await child.untilStderr(/read access to ".*denied/);
  }
  strictEqual((await fetched(`${url}/`)).includes("denied"), false);
  await endBySignal(child);
});

for (const threads of [false, true]) {
  Deno.test(`The command runs CGI scripts${threads ? " in threads" : ""}`, async () => {
    const script = `${SITE}/cgi-bin/print`;
    await using child = start(
      [
        ...[NET, `--allow-read=${[SITE, ...SOURCES]}`],
        `--allow-run=${script}`,
      ],
      ...["--cgi", SITE, "-p", "0", ...(threads ? ["--threads"] : [])],
    );
    const url = await urlOf(child);
    const response = await fetch(`${url}/cgi-bin/print`, {
      method: "POST",
      body: "Content-Type: text/plain\n\nprinted",
    });
    strictEqual(await response.text(), "printed");
    match(await fetched(`${url}/files/text.txt`), /^200 /);
    await endBySignal(child);
  });
}

/** What curl is sent by who has a certificate. */
function fetchedByCurl(url: string, certificate: string): Promise<string> {
  return curl.run([
    ...["-q", "--silent", "--show-error", "--noproxy", "*"],
    ...["--max-time", "40", "--cacert", certificate, url],
  ]);
}

testWith([curl], "The command serves HTTPS", async () => {
  await using folder = new Folder();
  const { file } = await makeCertificate(folder);
  await Deno.mkdir(folder.at("site"));
  await Deno.writeTextFile(folder.at("site/a.txt"), "text");
  for (const threads of [false, true]) {
    await using child = start(
      [NET, `--allow-read=${[folder.path, ...SOURCES]}`],
      ...[folder.at("site"), "--port=0", "--tls-cert", file],
      ...["--tls-key", folder.at("cert.key")],
      ...(threads ? ["--threads"] : []),
    );
    const url = await urlOf(child);
    match(url, /^https:/);
    strictEqual(await fetchedByCurl(`${url}/a.txt`, file), "text");
    await endBySignal(child);
  }
});

testWith(
  [curl, openssl],
  "The command decrypts the key of its certificate",
  async () => {
    await using folder = new Folder();
    const { file } = await makeCertificate(folder);
    const plain = folder.at("cert.key");
    await Deno.writeTextFile(folder.at("password"), "open sesame\n");
    await Deno.writeTextFile(folder.at("wrong"), "open\n");
    const pass = ["-passout", `file:${folder.at("password")}`];
    const key = folder.at("encrypted.key");
    const old = folder.at("old.key");
    await openssl.run(["pkcs8", "-topk8", "-in", plain, "-out", key, ...pass]);
    await openssl.run([
      ...["pkey", "-traditional", "-aes128", "-in", plain, "-out", old],
      ...pass,
    ]);
    // A file may hold both, as Python's --tls-cert takes it.
    const both = folder.at("both.pem");
    await Deno.writeTextFile(
      both,
      await Deno.readTextFile(file) + await Deno.readTextFile(key),
    );
    await Deno.writeTextFile(folder.at("a.txt"), "text");
    const permissions = [NET, `--allow-read=${folder.path}`];
    const args = (cert: string, key?: string, password?: string) => [
      ...[folder.path, "--port=0", `--tls-cert=${cert}`],
      ...(key === undefined ? [] : [`--tls-key=${key}`]),
      ...(password === undefined ? [] : [`--tls-password-file=${password}`]),
    ];
    const password = folder.at("password");
    for (const [cert, ...rest] of [[file, key], [file, old], [both]] as const) {
      await using child = start(
        permissions,
        ...args(cert, rest[0] ?? cert, password),
      );
      strictEqual(
        await fetchedByCurl(`${await urlOf(child)}/a.txt`, file),
        "text",
      );
      await endBySignal(child);
    }
    const cases: [string[], RegExp][] = [
      [args(file, key), /is encrypted; write its password to a file/],
      [args(file, key, folder.at("wrong")), /cannot be decrypted with this/],
      [args(file), /cert\.pem holds no private key in PEM format; name/],
      [args(file, file), /holds no private key/],
    ];
    for (const [words, message] of cases) {
      const { code, stderr } = await run(permissions, ...words);
      match(stderr, /^Cannot serve HTTPS: /);
      match(stderr, message);
      strictEqual(code, 1);
    }
  },
);

for (const threads of [false, true]) {
  Deno.test(`The command sends headers, types and versions as it is told${threads ? " in threads" : ""}`, async () => {
    await using folder = new Folder();
    await Deno.writeTextFile(folder.at("a"), "text");
    await using child = start(
      [NET, `--allow-read=${[folder.path, ...SOURCES]}`],
      ...["0", "-d", folder.path, "-p", "HTTP/1.0", "--cors"],
      ...["-H", "X-A", "b", "--content-type=text/x-own"],
      ...(threads ? ["--threads"] : []),
    );
    const { hostname, port } = new URL(await urlOf(child));
    using connection = await Deno.connect({ hostname, port: Number(port) });
    await connection.write(
      new TextEncoder().encode("GET /a HTTP/1.1\r\nHost: a\r\n\r\n"),
    );
    const text = await new Response(connection.readable).text();
    match(text, /^HTTP\/1\.0 200 OK\r\n[^]*\r\n\r\ntext$/);
    for (
      const header of [
        ...["Content-Type: text/x-own", "Connection: close", "X-A: b"],
        "Access-Control-Allow-Origin: *",
      ]
    ) ok(text.includes(`\r\n${header}\r\n`), text);
    await endBySignal(child);
  });
}

Deno.test("The command tells what it takes, without any permission", async () => {
  const { code, text, stderr } = await run([], "--help");
  strictEqual(code, 0);
  match(text, /^Usage: deno run -N /);
  for (
    const option of [
      ...["--port", "--bind", "--threads", "--cgi", "--tls-cert", "--tls-key"],
      ...["--tls-password-file", "--directory", "--protocol", "--header"],
      ...["--content-type", "--cors", "--help"],
    ]
  ) strictEqual(text.includes(option), true, option);
  strictEqual(stderr, "");
});

Deno.test("The command that is misused says how, and ends with 2", async () => {
  const { code, text, stderr } = await run([], "--port=http");
  strictEqual(code, 2);
  strictEqual(text, "");
  match(stderr, /^Cannot listen on port "http": [^]*\nUsage: /);
});

Deno.test("The command that cannot serve says why, and ends with 1", async () => {
  await using folder = new Folder();
  await Deno.writeTextFile(folder.at("file"), "");
  using taken = Deno.listen(LOOPBACK);
  const port = String(taken.addr.port);
  const read = `--allow-read=${folder.path}`;
  const cases: [string[], string[], RegExp][] = [
    [
      [NET, read],
      [folder.at("none")],
      /^Cannot serve ".*\/none": No such file/,
    ],
    [[NET, read], [folder.at("file")], /^Cannot serve ".*": it is not a dir/],
    [
      [read],
      [folder.path],
      /127\.0\.0\.1:8000: requires net access to it, run again with --allow-net=127\.0\.0\.1:8000/,
    ],
    [[NET], [folder.path], /^Cannot serve ".*": .*--allow-read/],
    [
      [`--allow-net=127.0.0.1:${port}`, read],
      [folder.path, "--port", port],
      /^Cannot listen on 127\.0\.0\.1:\d+: /,
    ],
    [
      [NET, read],
      [folder.path, "--port=0", "--tls-cert=none", "--tls-key=none"],
      /read access to "none"/,
    ],
  ];
  for (const [permissions, args, message] of cases) {
    const { code, stderr } = await run(permissions, ...args);
    match(stderr, message);
    strictEqual(stderr.trim().includes("\n"), false, stderr);
    strictEqual(code, 1);
  }
});
