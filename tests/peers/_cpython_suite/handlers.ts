// What CPython's own tests of http.server have as handlers, written anew for the
// handlers here. The names are those of the tests.
import {
  BaseHTTPRequestHandler,
  CGIHTTPRequestHandler,
  SimpleHTTPRequestHandler,
} from "../../../server/http/mod.ts";

/** What a handler class of these tests is, for a server that counts. */
export type HandlerClass = typeof BaseHTTPRequestHandler<Deno.NetAddr>;

/**
 * Methods of the tests that llhttp does not read, and those that its clients
 * send for them.
 */
export const RENAMED: Readonly<Record<string, string>> = {
  TEST: "LOCK",
  KEEP: "UNLOCK",
  KEYERROR: "MERGE",
  NOTFOUND: "COPY",
  EXPLAINERROR: "MOVE",
  CUSTOM: "PROPFIND",
  LATINONEHEADER: "REPORT",
  SEND_ERROR: "SEARCH",
  ERROR: "NOTIFY",
};

/** `BaseHTTPServerTestCase.request_handler`. */
class Statuses extends BaseHTTPRequestHandler<Deno.NetAddr> {
  /** `do_TEST`. */
  doLOCK(): void {
    this.#empty(204, "close");
  }
  /** `do_KEEP`. */
  doUNLOCK(): void {
    this.#empty(204, "keep-alive");
  }
  /** `do_KEYERROR`. */
  doMERGE(): Promise<void> {
    return this.sendError(999);
  }
  /** `do_NOTFOUND`. */
  doCOPY(): Promise<void> {
    return this.sendError(404);
  }
  /** `do_EXPLAINERROR`. */
  doMOVE(): Promise<void> {
    return this.sendError(
      999,
      "Short Message",
      "This is a long \n explanation",
    );
  }
  /** `do_CUSTOM`. */
  doPROPFIND(): void {
    this.#empty(999, "close");
  }
  /** `do_LATINONEHEADER`. */
  async doREPORT(): Promise<void> {
    this.sendResponse(999);
    this.sendHeader("X-Special", "Dängerous Mind");
    this.sendHeader("Connection", "close");
    this.endHeaders();
    await this.wfile.write(this.headers.get("x-special-incoming")!);
  }
  /** `do_SEND_ERROR`. */
  doSEARCH(): Promise<void> {
    return this.sendError(Number(this.path.slice(1)));
  }
  doHEAD(): Promise<void> {
    return this.sendError(Number(this.path.slice(1)));
  }
  override logMessage(): void {}

  #empty(status: number, connection: string): void {
    this.sendResponse(status);
    this.sendHeader("Content-Type", "text/html");
    this.sendHeader("Connection", connection);
    this.endHeaders();
  }
}

/** `RequestHandlerLoggingTestCase.request_handler`. */
class Logging extends BaseHTTPRequestHandler<Deno.NetAddr> {
  doGET(): void {
    this.sendResponse(200);
    this.endHeaders();
  }
  /** `do_ERROR`. */
  doNOTIFY(): Promise<void> {
    return this.sendError(404, "File not found");
  }
}

/** Where the tests are: they change to a folder of theirs after they began. */
function folderOfTests(): string {
  return Deno.readLinkSync(`/proc/${Deno.ppid}/cwd`);
}

/** `SimpleHTTPServerTestCase.request_handler`. */
class Files extends SimpleHTTPRequestHandler<Deno.NetAddr> {
  static override readonly protocolVersion = "HTTP/1.0";
  override directory = folderOfTests();
  override logMessage(): void {}
}

/** `CGIHTTPServerTestCase.request_handler`. */
class Scripts extends CGIHTTPRequestHandler<Deno.NetAddr> {
  static override readonly protocolVersion = "HTTP/1.0";
  // The last is what one of the tests adds.
  static override readonly cgiDirectories = [
    ...CGIHTTPRequestHandler.cgiDirectories,
    "/sub/dir/cgi-bin",
  ];
  override directory = folderOfTests();
  override logMessage(): void {}
}

/** What the tests look at of a handler that has served a request. */
export interface Served {
  readonly requestline: string;
  readonly command: string;
  readonly path: string;
  readonly request_version: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly get_called: boolean;
}

let served: Served | undefined;

/** What was served last by one of the two below, and nothing twice. */
export function takeServed(): Served | undefined {
  const last = served;
  served = undefined;
  return last;
}

/** `SocketlessRequestHandler`. */
class Socketless extends SimpleHTTPRequestHandler<Deno.NetAddr> {
  static override readonly allowHalfOpen = true;
  protected called = false;
  override async doGET(): Promise<void> {
    this.called = true;
    this.sendResponse(200);
    this.sendHeader("Content-Type", "text/html");
    this.endHeaders();
    await this.wfile.write("<html><body>Data</body></html>\r\n");
  }
  override logMessage(): void {}
  override logRequest(): void {
    served = {
      requestline: this.requestLine,
      command: this.command,
      path: this.path,
      request_version: this.requestVersion,
      headers: [...this.headers],
      get_called: this.called,
    };
  }
}

/** `RejectingSocketlessRequestHandler`. */
class Rejecting extends Socketless {
  override async handleExpect100(): Promise<boolean> {
    await this.sendError(417);
    return false;
  }
}

/** Handler classes by the names that the tests have for theirs. */
export const HANDLERS: Readonly<Record<string, HandlerClass>> = {
  "BaseHTTPServerTestCase.request_handler": Statuses,
  "RequestHandlerLoggingTestCase.request_handler": Logging,
  "SimpleHTTPServerTestCase.request_handler": Files,
  "CGIHTTPServerTestCase.request_handler": Scripts,
  "SocketlessRequestHandler": Socketless,
  "RejectingSocketlessRequestHandler": Rejecting,
};
