import type { TraceSettings } from "../../handlers/_tracing.ts";
import type { ConnectionInfo } from "../server_stats.ts";
import type { TLSCertificate } from "../../handlers/_tls/tls_options.ts";
import type {
  InProgress,
  Runner,
  RunnerHost,
  RunnerNumbers,
  ServingLoop,
  TCPListener,
} from "../_core/seam.ts";
import type { RemoteRunner } from "../_bridge/remote_mixin.ts";
import { acceptError, hookOf, refuseHooks } from "./accept_mode.ts";
import { addNumbers } from "./added_numbers.ts";
import { LeavableListener } from "./leavable_listener.ts";
import { listenShared } from "./shared_listener.ts";
import { type Supervised, Supervisor } from "./supervisor.ts";

/** What decides who accepts, when it has to be known. */
interface Choice {
  /** Whether there is nothing but threads that accept for themselves. */
  readonly insists: boolean;
  /** Makes what else runs the handlers. */
  makeOther(): RemoteRunner;
  /** What the threads are, given the port. */
  supervised(port: number): Supervised;
}

/**
 * Runs the handlers of a server in threads that accept for themselves, or else in
 * threads that are given what the main thread accepts: where the socket cannot be
 * shared, and where a hook turns up when the server is told to serve.
 */
export class AcceptRunner implements Runner {
  readonly #choice: Choice;
  #host!: RunnerHost;
  /** The socket, where threads can share it. */
  #shared: LeavableListener | undefined;
  #supervisor: Supervisor | undefined;
  /** The supervisor of threads that turned out to be of no use. */
  #givenUp: Supervisor | undefined;
  #other: RemoteRunner | undefined;
  #traceSettings: TraceSettings | undefined;
  /** Settles when those are gone. */
  #abandoned: Promise<void> | undefined;

  constructor(choice: Choice) {
    this.#choice = choice;
  }

  /** Opens the socket of the server. */
  readonly listen = (options: Deno.TcpListenOptions): TCPListener => {
    const listener = listenShared(options);
    if (!("missing" in listener)) {
      return this.#shared = new LeavableListener(listener);
    }
    if (this.#choice.insists) {
      throw new Deno.errors.NotSupported(
        `Cannot let threads accept: it takes ${listener.missing}; leave the option "accept" out, or set it to "main"`,
      );
    }
    return Deno.listen(options);
  };

  start(host: RunnerHost): void {
    this.#host = host;
    if (this.#shared === undefined) return this.#startOther();
    const { port } = host.addr as Deno.NetAddr;
    this.#supervisor = new Supervisor(
      this.#choice.supervised(port),
      this.#shared,
      host,
    );
  }

  congestion(): Promise<void> | undefined {
    return this.#other?.congestion();
  }

  run(
    served: InProgress<unknown, Deno.Addr>,
    request: unknown,
    clientAddress: Deno.Addr,
  ): Promise<void> {
    return this.#other!.run(served, request, clientAddress);
  }

  async close(): Promise<void> {
    await this.#supervisor?.close();
    await this.#abandoned;
    await this.#other?.close();
  }

  replaceLoop(own: ServingLoop): ServingLoop {
    const loop = () => this.#supervisor ?? own;
    return {
      get serving() {
        return loop().serving;
      },
      serveAll: async () => {
        const letHooks = this.#decide();
        try {
          await loop().serveAll();
        } finally {
          letHooks();
        }
      },
      serveOne: async (timeout) => {
        const letHooks = this.#decide();
        try {
          return await loop().serveOne(timeout);
        } finally {
          letHooks();
        }
      },
      get limit() {
        return loop().limit;
      },
      set limit(limit) {
        own.limit = limit;
        loop().limit = limit;
      },
      suspend: () => {
        own.suspend();
        loop().suspend();
      },
      resume: () => {
        own.resume();
        loop().resume();
        this.#givenUp?.resume();
      },
      drain: () => loop().drain(),
      stop: () => loop().stop(),
    };
  }

  shuttingDown(gracePeriod: number): void {
    this.#supervisor?.shuttingDown(gracePeriod);
  }

  async recycle(gracePeriod: number): Promise<void> {
    await (this.#supervisor ?? this.#other!).recycle(gracePeriod);
  }

  setCertificate(certificate: TLSCertificate): void {
    this.#supervisor?.setCertificate(certificate);
  }

  keepAlive(keep: boolean): void {
    this.#supervisor?.keepAlive(keep);
  }

  trace(settings: TraceSettings | undefined): boolean {
    this.#traceSettings = settings;
    this.#supervisor?.trace(settings);
    this.#other?.trace(settings);
    return true;
  }

  numbers(): RunnerNumbers {
    const numbers = (this.#supervisor ?? this.#other!).numbers();
    const before = this.#givenUp?.numbers();
    return before === undefined ? numbers : addNumbers(before, numbers);
  }

  async connections(): Promise<ConnectionInfo[]> {
    return await (this.#supervisor ?? this.#givenUp)?.connections() ?? [];
  }

  async closeConnection(id: number): Promise<boolean> {
    const supervisor = this.#supervisor ?? this.#givenUp;
    return await supervisor?.closeConnection(id) ?? false;
  }

  /**
   * The server is about to serve: its own hooks are known by now.
   *
   * @returns To be called when it serves no more.
   */
  #decide(): () => void {
    if (this.#supervisor === undefined) return () => {};
    const { server } = this.#host;
    const hook = hookOf(server);
    if (hook === undefined) return refuseHooks(server);
    if (this.#choice.insists) throw acceptError(hook);
    // A client that came too late for its call was let in all the same.
    this.#supervisor.serveHeld();
    this.#abandoned = this.#supervisor.close();
    this.#givenUp = this.#supervisor;
    this.#supervisor = undefined;
    this.#host.numberFrom(...this.#givenUp.numbersAfter());
    this.#startOther();
    return () => {};
  }

  #startOther(): void {
    this.#other = this.#choice.makeOther();
    this.#other.start(this.#host);
    if (this.#traceSettings !== undefined) {
      this.#other.trace(this.#traceSettings);
    }
  }
}
