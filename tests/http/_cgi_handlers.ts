/** Handlers of the tests of CGI: each thread and process imports this module. */
import { CGIHTTPRequestHandler } from "../../handlers/http/cgi_http_request_handler.ts";

/** Serves the site of these tests. */
export class Scripts extends CGIHTTPRequestHandler {
  static override readonly moduleUrl: string = import.meta.url;
  static override readonly directory: string =
    `${import.meta.dirname}/_cgi_scripts`;
  override logRequest(): void {}
}

/** The same, and tells nobody what goes wrong. */
export class QuietScripts extends Scripts {
  static override readonly moduleUrl: string = import.meta.url;
  override logMessage(): void {}
}
