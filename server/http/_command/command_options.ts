import { parseArgs } from "node:util";
import type { ExtraHeaders } from "../../../handlers/http/_files/extra_headers.ts";
import type { ProtocolVersion } from "../../../handlers/http/base_http_request_handler.ts";

/** Files in PEM format, and who may read the key. */
export interface CommandTLS {
  readonly cert: string;
  readonly key: string;
  /** The file with the password that the key is encrypted with. */
  readonly passwordFile: string | undefined;
}

/** What the command line of the HTTP server says. */
export interface HTTPCommandOptions {
  readonly directory: string;
  readonly hostname: string;
  readonly port: number;
  readonly protocol: ProtocolVersion;
  readonly threads: boolean;
  readonly cgi: boolean;
  readonly tls: CommandTLS | undefined;
  /** The type of files whose name tells nothing, if not that of bytes. */
  readonly contentType: string | undefined;
  /** What files and listings are sent with besides. */
  readonly headers: ExtraHeaders;
  readonly help: boolean;
}

/** What the command line may say. */
export const HTTP_COMMAND_USAGE =
  `Usage: deno run -N -R=DIR jsr:@wire/socketserver/http [DIR] [PORT] [OPTIONS]
Serves the files in DIR, by default the current directory, over HTTP, on PORT,
by default 8000. What is a number is PORT: write ./80 for a directory.

  -d, --directory DIR    the same as DIR
      --port N           the same as PORT, 0 to 65535; 0 takes any free port
  -b, --bind H           the address to listen on; 0.0.0.0 is all of IPv4, and
                         :: of IPv6 (127.0.0.1)
  -p, --protocol V       HTTP/1.1, or HTTP/1.0, which ends each connection with
                         its response (HTTP/1.1); -p with a number is --port
      --content-type T   the type of files whose name tells none
                         (application/octet-stream)
  -H, --header N V       send the header N with the value V, with what is found;
                         also -H "N: V"; as often as there are headers
      --cors             let pages of other origins read what is served: send
                         Access-Control-Allow-Origin: *
      --threads          serve in threads
      --cgi              run the scripts in DIR/cgi-bin and DIR/htbin; add
                         --allow-run=SCRIPT,SCRIPT with their absolute paths
      --tls-cert F       serve HTTPS, with the certificate chain in F, in PEM
                         format; add all files of --tls- to -R
      --tls-key F        its private key, if that is not in the same file
      --tls-password-file F
                         the password that the key is encrypted with
  -h, --help             print this`;

const PORT_REMEDY = "it must be from 0 to 65535";
/** What Python takes as two arguments, and `parseArgs` cannot. */
const HEADER_OPTIONS = ["-H", "--header"];

/**
 * Reads a command line: its own, and that of `python3 -m http.server`.
 *
 * @param args The arguments.
 * @returns What they say.
 * @throws {TypeError} If they say something else.
 */
export function readHTTPCommandOptions(
  args: readonly string[],
): HTTPCommandOptions {
  const { values, positionals } = parseArgs({
    args: joinHeaders(args),
    allowPositionals: true,
    options: {
      directory: { type: "string", short: "d" },
      port: { type: "string" },
      bind: { type: "string", short: "b", default: "127.0.0.1" },
      protocol: { type: "string", short: "p", multiple: true },
      threads: { type: "boolean", default: false },
      cgi: { type: "boolean", default: false },
      "content-type": { type: "string" },
      header: { type: "string", short: "H", multiple: true, default: [] },
      cors: { type: "boolean", default: false },
      "tls-cert": { type: "string" },
      "tls-key": { type: "string" },
      "tls-password-file": { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const { bind, threads, cgi, help, cors, header } = values;
  if (bind === "") {
    throw new TypeError("Cannot listen on no address: --bind is empty");
  }
  const ports = values.port === undefined ? [] : [values.port];
  const protocols: string[] = [];
  // -p was for the port before it was for the protocol, as Python has it.
  for (const value of values.protocol ?? []) {
    (/^HTTP/i.test(value) ? protocols : ports).push(value);
  }
  const directories = values.directory === undefined ? [] : [values.directory];
  for (const word of positionals) {
    (/^\d+$/.test(word) ? ports : directories).push(word);
  }
  const headers = header.map(readHeader);
  if (cors) headers.push(["Access-Control-Allow-Origin", "*"]);
  return {
    directory: only(directories, "serve more than one directory") ?? ".",
    hostname: bind,
    port: readPort(only(ports, "listen on more than one port") ?? "8000"),
    protocol: readProtocol(only(protocols, "speak more than one protocol")),
    ...{ threads, cgi, help, headers },
    contentType: values["content-type"],
    tls: readTLS(
      values["tls-cert"],
      values["tls-key"],
      values["tls-password-file"],
    ),
  };
}

/** Makes one argument of a header's name and its value. */
function joinHeaders(args: readonly string[]): string[] {
  const joined: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (arg === "--") return [...joined, ...args.slice(at)];
    const name = args[at + 1];
    if (!HEADER_OPTIONS.includes(arg) || name === undefined) joined.push(arg);
    else if (name.includes(":")) joined.push(`--header=${args[++at]}`);
    else {
      const value = args[at + 2];
      if (value === undefined) throw noHeader(name);
      joined.push(`--header=${name}:${value}`);
      at += 2;
    }
  }
  return joined;
}

function readHeader(text: string): [name: string, value: string] {
  const [, name, value] = /^([^:]+):[ \t]*(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw noHeader(text);
  return [name, value];
}

function noHeader(text: string): TypeError {
  return new TypeError(
    `Cannot send the header "${text}": --header takes a name and a value, as two arguments or as "NAME: VALUE"`,
  );
}

/** The only one of several, if there is one at all. */
function only(values: readonly string[], action: string): string | undefined {
  const [value, other] = values;
  if (other === undefined) return value;
  throw new TypeError(
    `Cannot ${action}: received "${value}" and also "${other}"`,
  );
}

function readPort(port: string): number {
  if (/^\d{1,5}$/.test(port) && Number(port) <= 65_535) return Number(port);
  throw new TypeError(`Cannot listen on port "${port}": ${PORT_REMEDY}`);
}

function readProtocol(protocol: string = "HTTP/1.1"): ProtocolVersion {
  if (protocol === "HTTP/1.1" || protocol === "HTTP/1.0") return protocol;
  throw new TypeError(
    `Cannot speak "${protocol}": --protocol must be HTTP/1.1 or HTTP/1.0`,
  );
}

function readTLS(
  cert: string | undefined,
  key: string | undefined,
  passwordFile: string | undefined,
): CommandTLS | undefined {
  if (cert !== undefined) return { cert, key: key ?? cert, passwordFile };
  if (key === undefined && passwordFile === undefined) return undefined;
  throw new TypeError(
    `Cannot serve HTTPS: ${
      key === undefined ? "--tls-password-file" : "--tls-key"
    } needs --tls-cert`,
  );
}
