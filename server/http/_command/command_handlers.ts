// What the command line serves with. A thread imports this module, and has the
// same arguments as the command: so both read the directory from there.
import { CGIHTTPRequestHandler } from "../../../handlers/http/cgi_http_request_handler.ts";
import { SimpleHTTPRequestHandler } from "../../../handlers/http/simple_http_request_handler.ts";
import { readHTTPCommandOptions } from "./command_options.ts";

const { directory } = readHTTPCommandOptions(Deno.args);

/** Serves files. */
export class CommandFiles extends SimpleHTTPRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  static override readonly directory: string = directory;
}

/** Serves files and runs scripts. */
export class CommandScripts extends CGIHTTPRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  static override readonly directory: string = directory;
}
