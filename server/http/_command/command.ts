import {
  HTTP_COMMAND_USAGE,
  type HTTPCommandOptions,
  readHTTPCommandOptions,
} from "./command_options.ts";
import { readCertificate } from "./read_certificate.ts";
import { HTTPServer, type HTTPServerOptions } from "../http_server.ts";
import { HTTPSServer } from "../https_server.ts";
import {
  ThreadingHTTPServer,
  ThreadingHTTPSServer,
} from "../threading_http_servers.ts";

/** How long requests may go on after the first signal, in milliseconds. */
const GRACE_PERIOD = 5_000;

/** Exit codes: of a command that cannot do what it was told, or not read it. */
const FAILED = 1;
const MISUSED = 2;

/**
 * Serves files as the command line says, until a signal ends it. A second
 * signal ends it at once.
 *
 * @returns A promise that resolves when the server has ended.
 */
export async function runHTTPCommand(): Promise<void> {
  const options = readOptions();
  if (options.help) return console.log(HTTP_COMMAND_USAGE);
  const server = await listen(options);
  let ending = false;
  // Shells tell by 128 and the signal's number what a process died of.
  for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
    // Windows has no SIGTERM.
    if (signal === "SIGTERM" && Deno.build.os === "windows") continue;
    Deno.addSignalListener(signal, () => {
      if (ending) Deno.exit(code);
      ending = true;
      server.shutdown({ gracePeriod: GRACE_PERIOD });
    });
  }
  await server.serveForever();
}

function readOptions(): HTTPCommandOptions {
  try {
    return readHTTPCommandOptions(Deno.args);
  } catch (error) {
    fail(`${(error as Error).message}\n\n${HTTP_COMMAND_USAGE}`, MISUSED);
  }
}

async function listen(
  { directory, hostname, port, threads, cgi, tls }: HTTPCommandOptions,
): Promise<HTTPServer | HTTPSServer> {
  try {
    await checkDirectory(directory);
    // It reads the command line, which is that of other programs elsewhere.
    const handlers = await import("./command_handlers.ts");
    const Handler = cgi ? handlers.CommandScripts : handlers.CommandFiles;
    const address = { hostname, port };
    const options: HTTPServerOptions = {
      onListen: (address) => announce(directory, address, tls !== undefined),
    };
    if (tls === undefined) {
      const Server = threads ? ThreadingHTTPServer : HTTPServer;
      return new Server(address, Handler, options);
    }
    const pair = await readCertificate(tls);
    const Server = threads ? ThreadingHTTPSServer : HTTPSServer;
    return new Server({ ...address, ...pair }, Handler, options);
  } catch (error) {
    // It names what failed and the remedy; a stack would only hide that.
    fail((error as Error).message, FAILED);
  }
}

async function checkDirectory(directory: string): Promise<void> {
  let info: Deno.FileInfo;
  try {
    info = await Deno.stat(directory);
  } catch (error) {
    throw new Error(
      `Cannot serve "${directory}": ${(error as Error).message}`,
      { cause: error },
    );
  }
  if (info.isDirectory) return;
  throw new TypeError(`Cannot serve "${directory}": it is not a directory`);
}

function announce(
  directory: string,
  { hostname, port }: Deno.NetAddr,
  encrypted: boolean,
): void {
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  const url = `${encrypted ? "https" : "http"}://${host}:${port}/`;
  console.log(`Listening on ${url}, serving ${JSON.stringify(directory)}`);
}

function fail(message: string, code: number): never {
  console.error(message);
  Deno.exit(code);
}
