import type { TLSCertificate } from "../../handlers/_tls/tls_options.ts";
import type { RequestServer } from "../../handlers/base_request_handler.ts";
import { Admission } from "../_admission/admission.ts";
import { packError } from "../_bridge/errors.ts";
import type { AnyHandlerClass } from "../_bridge/far_side.ts";
import { Shutdowns } from "../_bridge/shutdowns.ts";
import { checkTime } from "../_core/options.ts";
import { withSeam } from "../_core/seam.ts";
import { deliver, type MessageListener } from "../_messages/deliver.ts";
import { refuseBroadcast } from "../_messages/refuse_broadcast.ts";
import { FarMessages } from "../_messages/far_messages.ts";
import type { TCPServer, TCPServerOptions } from "../tcp_server.ts";
import type { TLSServer, TLSServerAddress } from "../tls_server.ts";
import type { AcceptorAddress, AcceptorStart } from "./acceptor_start.ts";
import { traceThread } from "../_threads/thread_tracing.ts";
import { EventQueue } from "./forwarded_events.ts";
import { countersOf, wantedEvents } from "../_numbers/shared_counters.ts";
import type { Command, Report } from "./messages.ts";
import { OwnPlaces } from "./places.ts";
import { joinListener } from "./shared_listener.ts";
import { SharedRoom } from "./shared_room.ts";
import { ThreadListener } from "./thread_listener.ts";

/**
 * How long the only thread, which has requests, leaves the next to another that
 * starts, in milliseconds, if one does.
 */
const HOLD_ALONE = 1_000;
/** How long one of several does. Each start is waited for but once. */
const HOLD = 50;

/** A server of such a thread. */
type AcceptingServer = TCPServer | TLSServer;

/** What it is made of. */
export type AcceptingServerClass = new (
  address: AcceptorAddress & TLSServerAddress,
  handler: never,
  options: TCPServerOptions,
) => AcceptingServer;

/** The part of a server that is in one thread: a server of its own. */
export class AcceptingThread {
  readonly #start: AcceptorStart;
  readonly #Server: AcceptingServerClass;
  readonly #Handler: AnyHandlerClass;
  /** The certificate that is shown in the place of the first. */
  #certificate: TLSCertificate | undefined;
  readonly #tell: (report: Report) => void;
  readonly #entered: () => void;
  readonly #die: (error: unknown) => void;
  readonly #places: OwnPlaces;
  readonly #events: EventQueue;
  readonly #listener: ThreadListener;
  /** Settles when the server goes on, which is suspended. */
  #resumed: PromiseWithResolvers<void> | undefined;
  #room: SharedRoom<never> | undefined;
  #server: AcceptingServer | undefined;
  /** Settles when the request that `serve one` asked for has ended. */
  #one: Promise<void> | undefined;
  /** Says whether the request that has come is served. */
  #goOn: PromiseWithResolvers<boolean> | undefined;
  /** Whether the request that has come waits to be told. */
  #awaitsWord = false;
  #servesAll = false;
  #stopped = false;
  /** Whether all threads are to end. */
  #shutsDown = false;
  /** Whether it is to end since another takes its place. */
  #isReplaced = false;
  /** How many requests have come. */
  #taken = 0;
  /** The errors that are being handled elsewhere, by their numbers. */
  readonly #errors = new Map<number, () => void>();
  #lastError = 0;
  readonly #messages: FarMessages;
  /** What handlers see as their server. */
  readonly #seen: RequestServer;
  /** The shutdowns that the main thread was asked for. */
  readonly #shutdowns = new Shutdowns();
  #toldWaiting = false;
  #tellsLoad = false;
  /** The last that was known of which threads there are, when one was wished for. */
  #wishedAt = -1;

  /**
   * @param start What it was told.
   * @param Server What it runs.
   * @param Handler What is made for each request.
   * @param tell Tells the main thread.
   * @param entered Called for each request.
   * @param die Ends this thread.
   */
  constructor(
    start: AcceptorStart,
    Server: AcceptingServerClass,
    Handler: AnyHandlerClass,
    tell: (report: Report) => void,
    entered: () => void,
    die: (error: unknown) => void,
  ) {
    this.#die = die;
    this.#start = start;
    this.#Server = Server;
    this.#Handler = Handler;
    this.#tell = tell;
    this.#entered = entered;
    this.#messages = new FarMessages({
      message: ({ buffer }) => this.#tell({ is: "message", message: buffer }),
      taken: (cost) => this.#tell({ is: "taken", cost }),
    }, (message) => this.#deliver(message));
    if (start.config !== undefined) this.#configure(start.config);
    this.#seen = this.#makeSeen();
    this.#places = new OwnPlaces(start.places, start.owner, start.thread);
    this.#events = new EventQueue(
      wantedEvents(start.counters),
      (events, lost) => this.#tell({ is: "events", events, lost }),
    );
    // From the start: the main thread may close its own before this one serves,
    // and the last that is closed takes all with it who wait to be accepted.
    this.#listener = new ThreadListener(
      () => joinListener(start.address),
      () => this.#tell({ is: "left", hasLooked: this.#room?.full === false }),
    );
  }

  /** Whether it has requests. */
  get busy(): boolean {
    return this.#room !== undefined && !this.#room.empty;
  }

  /** Does what the main thread says. */
  obey(command: Command): void {
    switch (command.do) {
      case "serve":
        return void this.#serve();
      case "serve one":
        this.#one = this.#serveOne(this.#one);
        return;
      case "go on":
        return command.serve ? this.#serveKept() : this.#goOn?.resolve(false);
      case "shut down":
        if (this.#server === undefined && command.drains) void this.#serve();
        this.#stopped = true;
        this.#shutsDown = true;
        this.#room?.retire(false);
        this.#goesOn();
        // Who has come, and who waits in the queue, is served without a word.
        this.#servesAll = true;
        this.#goOn?.resolve(true);
        if (this.#server === undefined) return this.#endUnserved();
        return void this.#server.shutdown({
          gracePeriod: command.gracePeriod,
        });
      case "close":
        this.#stopped = true;
        this.#goOn?.resolve(false);
        if (this.#server === undefined) return this.#endUnserved();
        return this.#server.close();
      case "retire":
        this.#stopped = this.#isReplaced = true;
        return void this.#retire(command.gracePeriod);
      case "set certificate":
        this.#certificate = command.certificate;
        return this.#setCertificate();
      case "count anew":
        this.#taken = 0;
        return;
      case "end waits":
        return this.#shutdowns.settleAll();
      case "forget":
        this.#errors.get(command.error)?.();
        return void this.#errors.delete(command.error);
      case "look":
        if (this.#places.suspended) this.#listener.pause();
        else this.#goesOn();
        return this.#room?.look();
      case "ping":
        return this.#tell({ is: "alive" });
      case "list":
        return void this.#answer(
          command.question,
          this.#server?.connections() ?? [],
        );
      case "end one":
        return void this.#answer(
          command.question,
          this.#server?.closeConnection(command.id) ?? false,
        );
      case "trace":
        return traceThread(command.settings);
      case "tell more":
        return this.#events.more();
      case "take message":
        return this.#messages.receive(new Uint8Array(command.message));
      case "note handled":
        return this.#messages.handled(command.cost);
      case "configure":
        return this.#configure(command.config);
      case "tell load":
        this.#tellsLoad = true;
        return this.#tell({ is: this.busy ? "busy" : "idle" });
    }
  }

  #configure(packed: ArrayBuffer): void {
    this.#messages.configure(new Uint8Array(packed));
  }

  /** Gives a message of the server to the handlers here. */
  #deliver(message: unknown): void {
    deliver(
      message,
      this.#Handler,
      this.#seen,
      (call) => void this.#attempt(call),
      () => {
        for (const served of this.#room?.inside() ?? []) {
          (served as MessageListener).tellMessage(message);
        }
      },
    );
  }

  async #attempt(call: () => void | Promise<void>): Promise<void> {
    try {
      await call();
    } catch (error) {
      await this.#tellError(error, undefined);
    }
  }

  async #answer(question: number, answer: unknown): Promise<void> {
    this.#tell({ is: "answer", question, value: await answer });
  }

  #setCertificate(): void {
    if (this.#certificate === undefined) return;
    (this.#server as TLSServer | undefined)?.setCertificate(this.#certificate);
  }

  /** Nobody has told it to serve. */
  #endUnserved(): void {
    this.#listener.close();
    this.#tell({ is: "finished" });
  }

  /**
   * Shuts down, and leaves those who wait in the queue to the other threads. The
   * socket is closed first: who is being accepted just then is served, and the
   * server finds that nobody comes after.
   */
  async #retire(gracePeriod: number): Promise<void> {
    if (this.#server === undefined) return this.#endUnserved();
    this.#listener.close();
    if (this.#places.suspended) {
      const keeps = await this.#listener.hasAccepted() || this.#awaitsWord;
      if (keeps && this.#places.suspended) {
        this.#tell({ is: "keeps" });
        await this.#goingOn();
      }
    }
    // One that is kept for the next call has been let in.
    this.#goOn?.resolve(true);
    this.#room!.retire(!this.#shutsDown);
    void this.#server.shutdown({ gracePeriod });
  }

  /** Has the one served that waits for a word, once the server is not suspended. */
  #serveKept(): void {
    if (!this.#places.suspended) return this.#goOn?.resolve(true);
    void this.#goingOn().then(() => this.#goOn?.resolve(true));
  }

  /** Waits until the server is not suspended any more. */
  #goingOn(): Promise<void> {
    this.#resumed ??= Promise.withResolvers();
    return this.#resumed.promise;
  }

  /** The server is not suspended any more. */
  #goesOn(): void {
    this.#listener.resume();
    this.#resumed?.resolve();
    this.#resumed = undefined;
  }

  /** Serves one request, after the one before. */
  async #serveOne(before: Promise<void> | undefined): Promise<void> {
    await before;
    if (this.#stopped) return;
    this.#goOn = undefined;
    try {
      await this.#serving().handleRequest();
    } catch {
      // The server was closed meanwhile.
      return;
    }
    // One that was closed before it was verified was one all the same.
    if (this.#goOn === undefined && !this.#servesAll) await this.#waitForWord();
  }

  async #serve(): Promise<void> {
    this.#servesAll = true;
    this.#serveKept();
    const server = this.#serving();
    // At once, where nothing stands before it: a shutdown may come next.
    if (this.#one !== undefined) await this.#one;
    if (this.#stopped) return;
    this.#places.beginAccepting();
    try {
      await server.serveForever();
    } catch (error) {
      // That its socket is closed, if it was told to leave it.
      if (!this.#stopped) throw error;
    }
  }

  /** The server, which is made when it is needed. */
  #serving(): AcceptingServer {
    if (this.#server === undefined) {
      this.#server = this.#makeServer();
      this.#setCertificate();
    }
    return this.#server;
  }

  #makeServer(): AcceptingServer {
    const { address, options, limit, counters, thread } = this.#start;
    const server = new this.#Server(
      address as AcceptorAddress & TLSServerAddress,
      this.#Handler as never,
      withSeam({
        ...options,
        maxConnections: limit,
        verify: () => this.#servesAll || this.#waitForWord(),
        onError: (error, _request, client) => this.#tellError(error, client),
      }, {
        listen: () => this.#listener,
        isLeft: () => !this.#listener.closed,
        isReplaced: () => this.#isReplaced && !this.#shutsDown,
        watch: {
          counters: countersOf(counters, thread),
          firstId: this.#start.firstId,
          idStep: this.#start.idStep,
          outlet: this.#events,
        },
        makeRoom: (limit) => {
          const room = new SharedRoom<never>(limit, this.#places, {
            entered: () => this.#hasEntered(),
            another: () => this.#another(),
            emptied: () => this.#tellLoad("idle"),
            held: () => this.#tell({ is: "held" }),
          });
          this.#room = room;
          return room as never;
        },
        seenAs: this.#seen,
        admission: this.#admission(),
      }),
    );
    void server.finished.then(() => this.#messages.sent()).then(() => {
      this.#room!.close();
      this.#tell({ is: "finished" });
    });
    return server;
  }

  /** Who is let in, as in every thread. */
  #admission(): Admission | undefined {
    const { admission: memory, thread, options: { admission } } = this.#start;
    if (memory === undefined || admission === undefined) return undefined;
    const isGone = () => this.#places.gone;
    return new Admission(admission, { memory, thread, isGone });
  }

  /** Holds a request until the main thread says what is to become of it. */
  async #waitForWord(): Promise<boolean> {
    this.#goOn = Promise.withResolvers();
    this.#awaitsWord = true;
    this.#tell({ is: "one" });
    const isServed = await this.#goOn.promise;
    this.#awaitsWord = false;
    return isServed;
  }

  #hasEntered(): void {
    this.#listener.entered();
    this.#entered();
    if (++this.#taken === this.#start.requests) this.#tell({ is: "spent" });
    if (this.#places.load === 1) this.#tellLoad("busy");
  }

  /** Has another thread started where all are busy, if there may be another. */
  #another(): Promise<void> | undefined {
    const { changes } = this.#places;
    if (changes === this.#wishedAt || !this.#places.allBusy) return undefined;
    this.#wishedAt = changes;
    if (this.#places.complete) return undefined;
    this.#tell({ is: "full" });
    const { alone } = this.#places;
    return this.#places.awaitChange(changes, alone ? HOLD_ALONE : HOLD);
  }

  #tellLoad(load: "busy" | "idle"): void {
    if (this.#tellsLoad) this.#tell({ is: load });
  }

  /** Resolves when the main thread has handled it. */
  #tellError(
    error: unknown,
    client: Deno.NetAddr | undefined,
  ): Promise<void> {
    const number = ++this.#lastError;
    const { promise, resolve } = Promise.withResolvers<void>();
    try {
      const packed = packError(error).slice();
      this.#tell({ is: "error", number, error: packed, client });
      this.#errors.set(number, resolve);
    } catch (cause) {
      // Handlers have broken what everything here needs.
      this.#die(cause);
    }
    return promise;
  }

  /** What handlers see as their server, as in every thread. */
  #makeSeen(): RequestServer & { broadcast(): never } {
    const { addr, options } = this.#start;
    const { measuresRequests = false } = this.#Handler as {
      readonly measuresRequests?: boolean;
    };
    const { requestTimeout = Infinity } = options;
    const messages = this.#messages;
    return {
      addr,
      get config() {
        return messages.config;
      },
      requestTimeout: measuresRequests ? requestTimeout : Infinity,
      post: (message) => messages.post(message),
      broadcast: refuseBroadcast,
      shutdown: (options) => this.#shutdown(options ?? {}),
    };
  }

  /**
   * Shuts all threads down. Waits for all requests but those that wait for a
   * shutdown themselves.
   */
  async #shutdown(
    options: { readonly gracePeriod?: number },
  ): Promise<void> {
    const { gracePeriod } = options;
    if (gracePeriod !== undefined) checkTime("gracePeriod", gracePeriod);
    // Where there are too many, this one is for the requests of this thread alone.
    const elsewhere = this.#shutdowns.full ? undefined : this.#shutdowns.add(
      options,
      () => this.#tell({ is: "shutdown", gracePeriod }),
    );
    // In the context of the request that calls, which is not waited for.
    await this.#server!.shutdown(options);
    if (!this.#toldWaiting) this.#tell({ is: "waiting" });
    this.#toldWaiting = true;
    await elsewhere;
  }
}
