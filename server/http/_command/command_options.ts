import { parseArgs } from "node:util";

/** What the command line of the HTTP server says. */
export interface HTTPCommandOptions {
  readonly directory: string;
  readonly hostname: string;
  readonly port: number;
  readonly threads: boolean;
  readonly cgi: boolean;
  /** Files in PEM format; both or none. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  readonly help: boolean;
}

/** What the command line may say. */
export const HTTP_COMMAND_USAGE =
  `Usage: deno run -N -R=DIR jsr:@wire/socketserver/http [DIR] [OPTIONS]
Serves the files in DIR, by default the current directory, over HTTP.

  -p, --port N       where to listen, 0 to 65535; 0 takes any free port (8000)
  -b, --bind H       the address to listen on; 0.0.0.0 is all of them (127.0.0.1)
      --threads      serve in threads
      --cgi          run the scripts in DIR/cgi-bin and DIR/htbin; add
                     --allow-run=SCRIPT,SCRIPT with their absolute paths
      --tls-cert F   serve HTTPS, with the certificate chain in F, in PEM format
      --tls-key F    and its private key; add both files to -R
  -h, --help         print this`;

/**
 * Reads a command line.
 *
 * @param args The arguments.
 * @returns What they say.
 * @throws {TypeError} If they say something else.
 */
export function readHTTPCommandOptions(
  args: readonly string[],
): HTTPCommandOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      port: { type: "string", short: "p", default: "8000" },
      bind: { type: "string", short: "b", default: "127.0.0.1" },
      threads: { type: "boolean", default: false },
      cgi: { type: "boolean", default: false },
      "tls-cert": { type: "string" },
      "tls-key": { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const { port, bind, threads, cgi, help } = values;
  const [directory = ".", ...others] = positionals;
  if (others.length > 0) {
    throw new TypeError(
      `Cannot serve more than one directory: received also "${others[0]}"`,
    );
  }
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    throw new TypeError(
      `Cannot listen on port "${port}": --port must be from 0 to 65535`,
    );
  }
  if (bind === "") {
    throw new TypeError("Cannot listen on no address: --bind is empty");
  }
  const { "tls-cert": cert, "tls-key": key } = values;
  if ((cert === undefined) !== (key === undefined)) {
    throw new TypeError(
      "Cannot serve HTTPS: it takes both --tls-cert and --tls-key",
    );
  }
  const tls = cert === undefined || key === undefined
    ? undefined
    : { cert, key };
  return {
    ...{ directory, hostname: bind, port: Number(port) },
    ...{ threads, cgi, tls, help },
  };
}
