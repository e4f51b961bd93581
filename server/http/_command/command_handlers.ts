// What the command line serves with. A thread imports this module, and has the
// same arguments as the command: so both read what they serve from there.
import type { ExtraHeaders } from "../../../handlers/http/_files/extra_headers.ts";
import type { ProtocolVersion } from "../../../handlers/http/base_http_request_handler.ts";
import { CGIHTTPRequestHandler } from "../../../handlers/http/cgi_http_request_handler.ts";
import { SimpleHTTPRequestHandler } from "../../../handlers/http/simple_http_request_handler.ts";
import { readHTTPCommandOptions } from "./command_options.ts";

const {
  directory,
  protocol,
  headers,
  contentType = SimpleHTTPRequestHandler.defaultContentType,
} = readHTTPCommandOptions(Deno.args);

/** Serves files. */
export class CommandFiles extends SimpleHTTPRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  static override readonly directory: string = directory;
  static override readonly protocolVersion: ProtocolVersion = protocol;
  static override readonly defaultContentType: string = contentType;
  static override readonly extraResponseHeaders: ExtraHeaders = headers;
}

/** Serves files and runs scripts. */
export class CommandScripts extends CGIHTTPRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  static override readonly directory: string = directory;
  static override readonly protocolVersion: ProtocolVersion = protocol;
  static override readonly defaultContentType: string = contentType;
  static override readonly extraResponseHeaders: ExtraHeaders = headers;
}
