import type { RequestServer } from "../base_request_handler.ts";
import { SCOPE, STATUS, WRITE_RAW } from "./_inside.ts";
import { resolve } from "node:path";
import { scriptEnvironment, systemEnvironment } from "./_cgi/environment.ts";
import { findScript, type Script, scriptFolder } from "./_cgi/find_script.ts";
import { isOfScripts } from "./_cgi/is_of_scripts.ts";
import { requestBody } from "./_cgi/request_body.ts";
import { runScript } from "./_cgi/run_script.ts";
import { scriptRoomOf } from "./_cgi/script_room.ts";
import { type CGIUser, checkScriptUser } from "./_cgi/script_user.ts";
import { servedDirectory } from "./_files/find_file.ts";
import {
  parseTargetPath,
  straightTarget,
  type TargetPath,
} from "./_files/target_path.ts";
import {
  checkBoolean,
  checkNumber,
  checkTexts,
  checkTextsByName,
} from "../_settings.ts";
import type { ForwardedClient } from "./forwarded_settings.ts";
import { HTTPError } from "./http_error.ts";
import { SimpleHTTPRequestHandler } from "./simple_http_request_handler.ts";

export type { CGIUser };

/** How often a script may send the server on to another path, for one request. */
const MOST_REDIRECTS = 10;

/**
 * A handler of HTTP that serves files, and runs those in certain folders as CGI
 * scripts (RFC 3875). Instances are made by servers, one for each connection.
 *
 * A script is any executable file under `cgiDirectories`. It gets the request in
 * its environment and on its standard input, and prints a header, an empty line
 * and the body. Its output is sent on as it comes. A script may be a symbolic
 * link, if that leads to a file in the same folder of scripts. Such a folder is
 * never listed, and no file in it is sent.
 *
 * - Scripts are looked for in `directory`, wherever `translatePath` of a subclass
 *   leads what is no script.
 * - The environment is RFC 3875's, with `PATH` and `cgiEnvironment`, and
 *   nothing else of this process. Headers become `HTTP_` variables, but for
 *   `Authorization` (unless `passesAuthorization`), `Proxy`, those about the
 *   connection, and those with other characters than letters, digits and `-`.
 * - `AUTH_TYPE`, `REMOTE_USER` and `REMOTE_IDENT` are not set: this server
 *   authenticates nobody. A query without `=` is not passed as arguments
 *   (section 4.4), which has let clients give options to interpreters.
 * - A body without `Content-Length` is collected first, up to `maxSpooledBody`,
 *   since a script must be told how long it is; a longer one is answered with
 *   411.
 * - `Location` with a path has the server answer that path instead, at most 10
 *   times; with anything else, the client is sent there (302).
 * - What a script prints whose name starts with `nph-` is a whole response, from
 *   its status line on (section 5). It is sent as it is, and the connection is
 *   closed behind it. One that does not begin like one is answered with 502.
 * - A script that prints no valid header is answered with 502, one that neither
 *   takes nor gives anything for `cgiTimeout` with 504. It is then sent SIGTERM,
 *   and SIGKILL 2 seconds later. So is one whose client is gone, or that is
 *   still there 3 seconds after its output has ended. Where the answer was
 *   begun, the connection ends before the body does, so that the client can
 *   tell. A client that has closed its connection is seen to be gone when
 *   something is sent to it; one that has reset it, at once.
 * - Where root runs the server, scripts run as `nobody`, as CPython's do, and
 *   with no other group than nobody's: `cgiUser` says otherwise. A script that
 *   cannot be run so is answered with 500 and named to `logError`.
 * - At most `maxScripts` run at once. Others wait in order for
 *   `cgiQueueTimeout`, and are then answered with 503.
 * - What a script has started in the background may outlive it. Its output is
 *   read for one more second.
 * - What a script writes to standard error, and an exit code that is not 0, go
 *   to `logError`.
 *
 * Who is `nobody` is looked up in `/etc/passwd` where that may be read, and
 * otherwise user and group 65534 (on macOS -2).
 *
 * Needs, beside what serving files needs, `--allow-run=SCRIPT,SCRIPT` of the
 * scripts alone, by their absolute paths; one that is missing is named to
 * `logError`. With `--allow-run`, what a script has started is ended with it.
 * `--allow-env=PATH` passes on this process's `PATH`; without it, that is
 * `/usr/local/bin:/usr/bin:/bin`.
 *
 * On Windows, which has no executable bit and no `#!`, programs and batch files
 * count as scripts. That was not tried.
 *
 * @example Files and scripts
 * ```ts
 * import { CGIHTTPRequestHandler, HTTPServer } from "@wire/socketserver/http";
 *
 * class Site extends CGIHTTPRequestHandler {
 *   static override readonly directory: string = "public";
 *   static override readonly cgiTimeout: number = 10_000;
 * }
 *
 * await using server = new HTTPServer({ hostname: "127.0.0.1", port: 0 }, Site);
 * ```
 */
export class CGIHTTPRequestHandler<
  Address extends Deno.Addr = Deno.Addr,
  Server extends RequestServer = RequestServer,
> extends SimpleHTTPRequestHandler<Address, Server> {
  /** The folders of scripts, as paths in URLs, below `directory`. */
  static readonly cgiDirectories: readonly string[] = ["/cgi-bin", "/htbin"];
  /**
   * How long a script may neither take nor give anything, in milliseconds. What
   * the client makes it wait does not count.
   */
  static readonly cgiTimeout: number = 60_000;
  /** Variables that every script gets beside those of its request. */
  static readonly cgiEnvironment: Readonly<Record<string, string>> = {};
  /** Whether scripts get the `Authorization` header, to check it themselves. */
  static readonly passesAuthorization: boolean = false;
  /**
   * How much of a body of unannounced length is collected, in bytes; for all
   * requests together, `maxScripts` times as much, and beyond that they are
   * answered with 503.
   */
  static readonly maxSpooledBody: number = 1024 * 1024;
  /**
   * How many scripts run at once, in each thread and process that the handler
   * class runs in.
   */
  static readonly maxScripts: number = 64;
  /**
   * How long a request waits at most until fewer than `maxScripts` run, in
   * milliseconds.
   */
  static readonly cgiQueueTimeout: number = 30_000;
  /**
   * Whom scripts run as: as `nobody` if root runs the server, and else as
   * whoever runs it (`"nobody"`); as whoever runs it, root too (`"server"`); or
   * as a certain user and group, which only root may choose. Nobody else's
   * groups are kept. On Windows scripts run as whoever runs the server.
   */
  static readonly cgiUser: CGIUser | "nobody" | "server" = "nobody";

  /** That of a response that a script has made by itself. */
  #unparsedStatus = 0;

  /**
   * Checks what the class is set to, before anybody is served.
   *
   * @throws {RangeError} If a number is out of range.
   * @throws {TypeError} If a setting is of another type, or `cgiUser` is nobody.
   * @ignore
   */
  static override checkSettings(): void {
    super.checkSettings();
    scriptRoomOf(this);
    const action = "run CGI scripts";
    checkTexts(action, "cgiDirectories", this.cgiDirectories);
    checkNumber(action, "cgiTimeout", this.cgiTimeout, 0);
    checkTextsByName(action, "cgiEnvironment", this.cgiEnvironment);
    checkBoolean(action, "passesAuthorization", this.passesAuthorization);
    checkScriptUser(this.cgiUser);
  }

  /**
   * Runs a script, or serves a file.
   *
   * @returns A promise that resolves when the answer is sent; a subclass may
   * return nothing.
   */
  override doGET(): void | Promise<void> {
    return this.#serve();
  }

  /**
   * Runs a script, whose body is not sent, or describes a file.
   *
   * @returns A promise that resolves when the answer is sent; a subclass may
   * return nothing.
   */
  override doHEAD(): void | Promise<void> {
    return this.#serve();
  }

  /**
   * Runs a script; what is none is answered with 501.
   *
   * @returns A promise that resolves when the answer is sent.
   */
  doPOST(): Promise<void> {
    return this.#serve();
  }

  /**
   * Runs a script; what is none is answered with 501.
   *
   * @returns A promise that resolves when the answer is sent.
   */
  doPUT(): Promise<void> {
    return this.#serve();
  }

  /**
   * Runs a script; what is none is answered with 501.
   *
   * @returns A promise that resolves when the answer is sent.
   */
  doPATCH(): Promise<void> {
    return this.#serve();
  }

  /**
   * Runs a script; what is none is answered with 501.
   *
   * @returns A promise that resolves when the answer is sent.
   */
  doDELETE(): Promise<void> {
    return this.#serve();
  }

  /**
   * Runs a script; what is none is answered with 501.
   *
   * @returns A promise that resolves when the answer is sent.
   */
  doOPTIONS(): Promise<void> {
    return this.#serve();
  }

  get #own(): typeof CGIHTTPRequestHandler {
    return this.constructor as typeof CGIHTTPRequestHandler;
  }

  async #serve(): Promise<void> {
    this.#unparsedStatus = 0;
    const { cgiDirectories } = this.#own;
    const root = await servedDirectory(this.directory);
    let hasBody = true;
    for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
      if (this.path === "*") throw this.#noScript();
      const target = parseTargetPath(this.path);
      const folder = scriptFolder(target.names, cgiDirectories);
      if (folder === undefined) return await this.#serveFile(target);
      const script = await findScript(root, folder, target);
      const next = await this.#run(script, target.query, hasBody);
      if (next === undefined) return;
      // RFC 3875, section 6.2.2: as if the client had asked for that, without
      // a body.
      this.path = next;
      if (this.command !== "HEAD") this.command = "GET";
      hasBody = false;
    }
    this.logError(
      `CGI scripts sent the server on more than ${MOST_REDIRECTS} times, at last to ${this.path}`,
    );
    throw new HTTPError(502);
  }

  async #serveFile(target: TargetPath): Promise<void> {
    if (this.command !== "GET" && this.command !== "HEAD") {
      throw this.#noScript();
    }
    const { cgiDirectories, indexPages } = this.#own;
    const path = this.translatePath(straightTarget(target));
    // Of a folder, its index page may be sent.
    for (const name of ["", ...indexPages]) {
      if (
        await isOfScripts(this.directory, cgiDirectories, resolve(path, name))
      ) {
        throw new HTTPError(403, "Scripts are run, and not sent");
      }
    }
    await (this.command === "GET" ? super.doGET() : super.doHEAD());
  }

  /** @ignore */
  override get [STATUS](): number {
    return super[STATUS] || this.#unparsedStatus;
  }

  async #sendUnparsed(bytes: Uint8Array, status?: number): Promise<void> {
    if (status !== undefined) {
      // Only the script knows where its response ends.
      this.closeConnection = true;
      this.#unparsedStatus = status;
      this.logRequest(status);
    }
    await this[WRITE_RAW](this[SCOPE]!, bytes);
  }

  #noScript(): HTTPError {
    return new HTTPError(501, `Only scripts are sent ${this.command}`);
  }

  async #run(
    script: Script,
    query: string,
    hasBody: boolean,
  ): Promise<string | undefined> {
    const own = this.#own;
    const room = scriptRoomOf(own);
    using spool = room.spool();
    const { headers, rfile, forwarded } = this;
    const body = hasBody
      ? await requestBody(headers, rfile, own.maxSpooledBody, spool)
      : undefined;
    using _place = await room.place(() => this.signal);
    return await runScript(this, script, {
      body,
      sendUnparsed: (bytes, status) => this.#sendUnparsed(bytes, status),
      timeout: own.cgiTimeout,
      user: own.cgiUser,
      env: {
        ...systemEnvironment(),
        ...own.cgiEnvironment,
        ...scriptEnvironment({
          method: this.command,
          target: this.path,
          query: query.slice(1),
          protocol: this.requestVersion,
          headers: this.headers,
          contentLength: body?.length,
          script,
          root: resolve(this.directory),
          clientAddress: clientOf(this.clientAddress, forwarded),
          serverAddress: this.server.addr,
          serverSoftware: this.versionString(),
          encrypted: forwarded?.proto === undefined
            ? this.encrypted
            : forwarded.proto === "https",
          passesAuthorization: own.passesAuthorization,
        }),
      },
    });
  }
}

/** A client that nobody knows has no address, as one of a Unix socket. */
function clientOf(
  peer: Deno.Addr,
  forwarded: ForwardedClient | undefined,
): Deno.Addr {
  if (forwarded === undefined) return peer;
  return forwarded.address ?? { transport: "unix", path: "" };
}
