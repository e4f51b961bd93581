import { AsyncLocalStorage } from "node:async_hooks";
import type { TLSCertificate } from "../../handlers/_tls/tls_options.ts";
import { unpackError } from "../_bridge/errors.ts";
import { ProtocolError } from "../_bridge/frames.ts";
import { lostError } from "../_bridge/remote_pool.ts";
import type { HandlerLocation } from "../_bridge/handler_location.ts";
import type { TraceSettings } from "../../handlers/_tracing.ts";
import { LONGEST_DELAY } from "../../handlers/_time_limit.ts";
import type { RunnerHost, RunnerNumbers, ServingLoop } from "../_core/seam.ts";
import type { ConnectionInfo } from "../server_stats.ts";
import { Replacements } from "../_threads/replacements.ts";
import { requestsOfThread } from "../_threads/requests_per_worker.ts";
import { Acceptor } from "./acceptor.ts";
import type { AcceptorAddress, AcceptorOptions } from "./acceptor_start.ts";
import { AcceptorStarts } from "./acceptor_starts.ts";
import { KeptSocket } from "./kept_socket.ts";
import type { Command, Report } from "./messages.ts";
import { allocatePlaces, AllPlaces } from "./places.ts";
import { ThreadNumbers } from "./thread_numbers.ts";
import { TheOne } from "./the_one.ts";

/** What a supervisor is told of its server. */
export interface Supervised {
  /** How many threads at most. */
  readonly workers: number;
  /** How many requests a thread takes at once. */
  readonly perWorker: number;
  /** After how many requests a thread is replaced. */
  readonly requestsPerWorker: number;
  readonly handler: HandlerLocation;
  /** Where to listen, with the port that was chosen. */
  readonly address: AcceptorAddress;
  readonly options: AcceptorOptions;
}

/**
 * The threads of a server that accept for themselves. It starts and replaces
 * them, has their errors handled, and ends them: no connection comes to it.
 */
export class Supervisor implements ServingLoop {
  readonly #host: RunnerHost;
  readonly #places: AllPlaces;
  readonly #numbers: ThreadNumbers;
  readonly #starts: AcceptorStarts;
  readonly #live = new Set<Acceptor>();
  /** Those that are gone, and have connections that are not closed yet. */
  readonly #dying = new Set<Acceptor>();
  readonly #replacements: Replacements<Acceptor>;
  readonly #one: TheOne;
  /** Settles when it is told to stop. */
  readonly #stop = Promise.withResolvers<void>();
  /** Tells what hands an error to the server that the server shuts down. */
  readonly #handling = new AsyncLocalStorage<() => void>();
  #serving = false;
  /** Whether it was ever told to serve. */
  #used = false;
  #suspended = false;
  #stopping = false;
  #closing = false;
  #done = false;
  #keepsAlive = true;
  #traceSettings: TraceSettings | undefined;
  /** When requests are to have ended, in `performance.now()` time. */
  #endsAt = Infinity;
  /** Settles when a thread has found the queue empty, or it is not waited for. */
  #queueLeft: PromiseWithResolvers<void> | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;
  /** Settles when no thread is left. */
  #ended: PromiseWithResolvers<void> | undefined;
  readonly #socket: KeptSocket;
  /** The certificate that is shown in the place of the first. */
  #certificate: TLSCertificate | undefined;

  /**
   * Starts the first thread and waits for it, to see that the handler can be
   * imported; the others start when all are busy.
   *
   * @param supervised What the threads are.
   * @param socket The socket, which is closed here when somebody else holds it.
   * @param host The server.
   * @throws What keeps the handler from being imported.
   * @throws {Deno.errors.Busy} If too few descriptors are left.
   */
  constructor(
    supervised: Supervised,
    socket: Pick<Deno.TcpListener, "close">,
    host: RunnerHost,
  ) {
    const { workers, handler, requestsPerWorker } = supervised;
    this.#host = host;
    const memory = allocatePlaces(workers, host.limit);
    this.#places = new AllPlaces(memory, host.limit);
    const numbers = new ThreadNumbers(memory, this.#places, host.publisher);
    this.#numbers = numbers;
    this.#one = new TheOne(
      () => this.#chooseForOne(),
      () => this.#suspended,
    );
    const { perWorker: limit, address, options } = supervised;
    const addr = host.addr as Deno.NetAddr;
    this.#starts = new AcceptorStarts(
      workers,
      memory.threads,
      handler.moduleUrl,
      {
        make: (owner, thread) =>
          new Acceptor(
            {
              ...{ handler, address, addr, options, limit },
              ...{ places: memory, owner, thread },
              ...{ counters: numbers.memory, firstId: numbers.firstId(thread) },
              idStep: numbers.idStep,
              requests: requestsOfThread(requestsPerWorker),
              admission: host.admission?.memory,
            },
            host.messages,
            (acceptor, report) => this.#told(acceptor, report),
            (acceptor, cause) => this.#gone(acceptor, cause),
          ),
        started: (acceptor) => this.#started(acceptor),
        failed: (error) => this.#failed(error),
      },
    );
    this.#socket = new KeptSocket(
      socket,
      address,
      () => this.#starts.hasRoom,
    );
    this.#replacements = new Replacements({
      serves: (old) => !this.#closing && this.#live.has(old) && !old.retired,
      has: (old) => !this.#closing && this.#live.has(old),
      startBeside: () => this.#startBeside(),
      retire: (old, gracePeriod) => this.#retire(old, gracePeriod),
    });
    try {
      this.#starts.startFirst();
    } catch (error) {
      numbers.close();
      throw error;
    }
    const { requestTimeout = Infinity } = options;
    if (requestTimeout !== Infinity) {
      this.#watch = setInterval(
        () => this.#check(),
        Math.min(requestTimeout, LONGEST_DELAY),
      );
      Deno.unrefTimer(this.#watch);
    }
  }

  get serving(): boolean {
    return this.#used;
  }

  async serveAll(): Promise<void> {
    this.#used = this.#serving = true;
    for (const acceptor of this.#live) this.#serve(acceptor);
    this.#socket.keepLater();
    await this.#stop.promise;
    this.#serving = false;
  }

  async serveOne(timeout: number): Promise<boolean> {
    this.#used = true;
    for (const acceptor of this.#live) this.#keepAlive(acceptor);
    return await this.#one.come(timeout);
  }

  /** Is told of each shutdown. */
  shuttingDown(gracePeriod: number): void {
    // What handles an error may wait for the shutdown, and its request for it.
    this.#handling.getStore()?.();
    const isFirst = !this.#closing;
    this.#closing = true;
    const endsAt = performance.now() + gracePeriod;
    if (this.#done || !isFirst && endsAt >= this.#endsAt) return;
    this.#endsAt = endsAt;
    for (const acceptor of this.#live) this.#shutDown(acceptor, gracePeriod);
  }

  #shutDown(acceptor: Acceptor, gracePeriod: number): void {
    const drains = this.#used && gracePeriod > 0;
    acceptor.tell({ do: "shut down", gracePeriod, drains });
    acceptor.goesOn();
    acceptor.endWithin(gracePeriod);
  }

  get limit(): number {
    return this.#places.limit;
  }

  set limit(limit: number) {
    this.#places.limit = limit;
    this.#look();
  }

  suspend(): void {
    this.#suspended = true;
    this.#places.suspend(true);
    this.#look();
  }

  resume(): void {
    this.#suspended = false;
    this.#places.suspend(false);
    this.#look();
    for (const acceptor of this.#live) acceptor.goesOn();
    this.#one.resumed();
  }

  /**
   * Waits until a thread has found the queue empty. They were told to drain; the
   * socket must not be closed before, since they may die, or none may be there.
   */
  async drain(): Promise<void> {
    this.#one.stop();
    this.#queueLeft ??= Promise.withResolvers();
    this.#haveDrained();
    await this.#queueLeft.promise;
    this.stop();
  }

  /** Has a thread started for those who wait in the queue, if none is there. */
  #haveDrained(): void {
    if (this.#queueLeft === undefined || this.#stopping) return;
    if (!this.#anyListens) this.#starts.startAnother();
  }

  get #anyListens(): boolean {
    for (const { retired, left } of this.#live) {
      if (!retired && !left) return true;
    }
    return false;
  }

  #hasLeft(acceptor: Acceptor, hasLooked: boolean): void {
    acceptor.left = true;
    if (!this.#closing || acceptor.retired) return;
    // One without a place could not look. Those of a thread that dies will be free.
    const othersMay = this.#anyListens || this.#dying.size > 0 ||
      this.#starts.starting > 0;
    if (hasLooked || !othersMay) this.#queueLeft?.resolve();
  }

  stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#queueLeft?.resolve();
    this.#starts.stop(shutDown());
    this.#one.stop();
    this.#socket.release();
    const told = this.#closing;
    this.#closing = true;
    for (const acceptor of this.#live) {
      // Until it has said that it has ended.
      acceptor.keepAlive(true);
      if (!told) acceptor.tell({ do: "close" });
    }
    this.#stop.resolve();
  }

  /** Waits until all requests have ended, and ends all threads. */
  async close(): Promise<void> {
    this.stop();
    this.#ended ??= Promise.withResolvers();
    this.#checkEnd();
    await this.#ended.promise;
    this.#done = true;
    clearInterval(this.#watch);
    this.#numbers.close();
    for (const acceptor of this.#live) acceptor.terminate(shutDown());
    // The port is free when they have ended.
    await Promise.all(Array.from(this.#dying, (each) => each.settle()));
    await this.#starts.close();
    await this.#socket.close();
  }

  /** Has handlers traced in all threads, those to come too. */
  trace(settings: TraceSettings | undefined): void {
    this.#traceSettings = settings;
    this.#tellAll({ do: "trace", settings });
  }

  numbers(): RunnerNumbers {
    return this.#numbers.numbers(this.#starts.starting);
  }

  /** The number of the next request that no thread has, and the step between such. */
  numbersAfter(): [firstId: number, idStep: number] {
    return this.#numbers.after();
  }

  connections(): Promise<ConnectionInfo[]> {
    return this.#numbers.connections();
  }

  closeConnection(id: number): Promise<boolean> {
    return this.#numbers.closeConnection(id);
  }

  setCertificate(certificate: TLSCertificate): void {
    this.#certificate = certificate;
    this.#tellAll({ do: "set certificate", certificate });
  }

  /** Replaces all threads. */
  async recycle(gracePeriod: number): Promise<void> {
    await this.#starts.settled();
    const live = [...this.#live];
    // Those that may take their time so far, may not any more.
    const retired = live.filter((acceptor) => acceptor.retired);
    for (const acceptor of retired) this.#retire(acceptor, gracePeriod);
    const others = live.filter((acceptor) => !acceptor.retired);
    await this.#replacements.replace(others, gracePeriod);
    await Promise.all(retired.map(({ gone }) => gone));
  }

  /** Who waits for a request, among those that will accept it soonest. */
  #chooseForOne(): Acceptor | undefined {
    const serving = [...this.#live].filter(({ retired }) => !retired);
    const idle = serving.find(({ thread }) =>
      this.#places.loadOf(thread) === 0
    );
    if (idle !== undefined) return idle;
    this.#starts.startAnother();
    // It asks when it has started. Else a busy one serves it, after what it has.
    return this.#starts.starting ? undefined : serving[0];
  }

  async #startBeside(): Promise<void> {
    try {
      await this.#starts.startBeside();
    } catch (error) {
      // The one that was to be replaced may have died meanwhile.
      if (this.#live.size === 0) this.#starts.startAnother();
      throw error;
    }
  }

  /** Has the request served that waits for `handleRequest`, if one does. */
  serveHeld(): void {
    this.#tellAll({ do: "go on", serve: true });
  }

  keepAlive(keep: boolean): void {
    this.#keepsAlive = keep;
    if (!this.#serving) return;
    for (const acceptor of this.#live) this.#keepAlive(acceptor);
  }

  /** Has threads look again whether they may accept. */
  #look(): void {
    this.#tellAll({ do: "look" });
  }

  #tellAll(command: Command): void {
    for (const acceptor of this.#live) acceptor.tell(command);
  }

  /** Has a thread that may not keep the process alive do so while it is busy. */
  #keepAlive(acceptor: Acceptor): void {
    acceptor.keepAlive(true);
    if (!this.#keepsAlive) acceptor.tell({ do: "tell load" });
  }

  #serve(acceptor: Acceptor): void {
    this.#keepAlive(acceptor);
    this.#one.goOn(acceptor);
    acceptor.tell({ do: "serve" });
  }

  #started(acceptor: Acceptor): void {
    this.#live.add(acceptor);
    acceptor.opened();
    const certificate = this.#certificate;
    if (certificate !== undefined) {
      acceptor.tell({ do: "set certificate", certificate });
    }
    this.#numbers.came(acceptor);
    if (this.#traceSettings !== undefined) {
      acceptor.tell({ do: "trace", settings: this.#traceSettings });
    }
    if (this.#closing) {
      const left = Math.max(0, Math.ceil(this.#endsAt - performance.now()));
      if (!this.#stopping) return this.#shutDown(acceptor, left);
      acceptor.endWithin(left);
      return acceptor.tell({ do: "close" });
    }
    if (this.#serving) this.#serve(acceptor);
    else this.#one.ask();
  }

  /** A thread could not be started. */
  #failed(error: Error): void {
    if (this.#stopping) return this.#checkEnd();
    void this.#host.report(error);
    if (this.#closing) {
      // Nobody can serve those who wait.
      if (!this.#anyListens) this.#queueLeft?.resolve();
      return this.#checkEnd();
    }
    this.#one.ask();
    // Those that wished for it may wish again.
    this.#places.change();
    if (this.#live.size === 0) this.#starts.startAnother();
  }

  #told(acceptor: Acceptor, report: Report): void {
    switch (report.is) {
      case "one":
        return this.#one.came(acceptor);
      case "held":
        return this.#look();
      case "keeps":
        if (!acceptor.retired) {
          throw new ProtocolError("Cannot keep a client: nobody has to leave");
        }
        if (this.#suspended) acceptor.keeps();
        return;
      case "full":
        if (!this.#closing) this.#starts.startAnother();
        return;
      case "left":
        return this.#hasLeft(acceptor, report.hasLooked);
      case "spent":
        if (!acceptor.spent) void this.#replaceSpent(acceptor);
        return;
      case "error":
        return this.#tellError(acceptor, report);
      case "shutdown":
        this.#host.shutdown(
          report.gracePeriod === undefined
            ? {}
            : { gracePeriod: report.gracePeriod },
        );
        return this.#checkEnd();
      case "waiting":
        acceptor.drained = true;
        return this.#checkEnd();
      case "finished":
        if (!this.#closing && !acceptor.retired) {
          throw new ProtocolError("Cannot end a thread: nobody told it to end");
        }
        acceptor.finished = acceptor.drained = true;
        this.#places.endAccepting(acceptor.thread);
        if (this.#closing) return this.#checkEnd();
        return acceptor.terminate(
          new Deno.errors.Interrupted("another has its place"),
        );
      case "events":
        return this.#numbers.publish(acceptor, report.events, report.lost);
      case "busy":
      case "idle":
        return acceptor.keepAlive(this.#keepsAlive || report.is === "busy");
    }
  }

  #retire(acceptor: Acceptor, gracePeriod: number): void {
    acceptor.retired = true;
    this.#places.endAccepting(acceptor.thread);
    acceptor.tell({ do: "retire", gracePeriod });
    acceptor.endWithin(gracePeriod);
  }

  /** Where no other can be started, it goes on for as many requests again. */
  async #replaceSpent(acceptor: Acceptor): Promise<void> {
    acceptor.spent = true;
    try {
      await this.#replacements.replace([acceptor], Infinity);
    } catch (error) {
      acceptor.spent = false;
      acceptor.tell({ do: "count anew" });
      void this.#host.report(error);
    }
  }

  #tellError(
    acceptor: Acceptor,
    { error: packed, client, number }: Report & { readonly is: "error" },
  ): void {
    const { error } = unpackError(packed);
    let forgotten = false;
    const forget = () => {
      if (forgotten) return;
      forgotten = true;
      acceptor.tell({ do: "forget", error: number });
    };
    void this.#handling.run(
      forget,
      () => this.#host.report(error, client).then(forget),
    );
  }

  #gone(acceptor: Acceptor, cause: Error): void {
    if (!this.#live.delete(acceptor)) return;
    const { owner, thread } = acceptor;
    const hasServed = this.#places.hasServed(thread);
    const clients = this.#places.leave(owner, thread);
    // Its clients are there until then: others would be more than there may be.
    this.#dying.add(acceptor);
    acceptor.whenReleased(() => this.#released(acceptor));
    const unasked = !acceptor.finished && !this.#done;
    this.#numbers.went(acceptor, clients.length, cause, unasked);
    if (!acceptor.finished) this.#tellLoss(clients, cause);
    this.#starts.gone(acceptor, hasServed || acceptor.retired);
    if (this.#closing) {
      this.#haveDrained();
      return this.#checkEnd();
    }
    if (this.#live.size === 0) this.#starts.startAnother();
    this.#one.lost(acceptor);
  }

  /** What a thread had that is gone is closed. */
  #released(acceptor: Acceptor): void {
    const { owner, thread } = acceptor;
    this.#dying.delete(acceptor);
    this.#places.takeBack(owner, thread);
    this.#numbers.released(acceptor);
    this.#starts.released(acceptor);
    // There may have been no number for another.
    if (this.#closing) return this.#haveDrained();
    // At the end, the main thread may count in the place of the first one.
    this.#host.admission?.clear(thread);
    if (this.#live.size === 0) this.#starts.startAnother();
    else this.#places.change();
  }

  #tellLoss(clients: readonly Deno.NetAddr[], cause: Error): void {
    const tell = (which: string, client?: Deno.NetAddr) =>
      void this.#host.report(lostError(which, cause), client);
    for (const client of clients) {
      tell("The thread that ran this request", client);
    }
    if (clients.length === 0 && !this.#closing) {
      tell("A thread that ran no request");
    }
  }

  /** Ends threads whose event loops do not answer, of those that are busy. */
  #check(): void {
    for (const acceptor of this.#live) {
      if (this.#places.loadOf(acceptor.thread) > 0) acceptor.check();
    }
  }

  #checkEnd(): void {
    if (!this.#closing || this.#starts.starting > 0) return;
    let finished = true;
    for (const acceptor of this.#live) {
      if (!acceptor.drained) return;
      finished &&= acceptor.finished;
    }
    if (finished) return this.#ended?.resolve();
    this.#tellAll({ do: "end waits" });
  }
}

function shutDown(): Error {
  return new Deno.errors.Interrupted("the server has shut down");
}
