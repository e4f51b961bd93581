import type { RequestServer } from "../../handlers/base_request_handler.ts";
import { deliver } from "../_messages/deliver.ts";
import { MessageHub } from "../_messages/message_hub.ts";
import { Numbers } from "../_numbers/numbers.ts";
import { Watch } from "../_numbers/watch.ts";
import type {
  RequestHandlerClass,
  ServerOptions,
  ServerSocket,
} from "../server_options.ts";
import { AcceptLoop, type Acceptor } from "./accept_loop.ts";
import { Ending } from "./ending.ts";
import { Lifecycle } from "./lifecycle.ts";
import { awaitServing, forgetServing } from "./never_served.ts";
import type { MessageSender } from "../message_sender.ts";
import { checkServerOptions } from "./options.ts";
import { Reporter } from "./reporter.ts";
import { Room } from "./room.ts";
import { type Runner, seamOf, type ServingLoop } from "./seam.ts";
import {
  discard,
  requestDeadlines,
  type RequestHooks,
  ServedRequest,
  type Serving,
} from "./served_request.ts";
import { ServiceTimer } from "./service_timer.ts";

/** A server, as its parts see it. */
interface Whole<Request, Address extends Deno.Addr>
  extends RequestHooks<Request, Address>, RequestServer {
  getRequest(): Promise<[Request, Address]>;
  handleError(
    error: unknown,
    request?: Request,
    clientAddress?: Address,
  ): void | Promise<void>;
  readonly addr: Address;
  finishRequest(request: Request, address: Address): void | Promise<void>;
  handleMessage(message: unknown, from: MessageSender): void | Promise<void>;
  handleTimeout(): void | Promise<void>;
  serviceActions(): void | Promise<void>;
  close(): void;
}

/** What a server is made of. */
export interface Parts<Request, Address extends Deno.Addr> {
  readonly socket: ServerSocket<Address>;
  readonly runner: Runner | undefined;
  readonly loop: ServingLoop;
  readonly serving: Serving<Request, Address>;
  readonly ending: Ending<Request, Address>;
  readonly numbers: Numbers;
  readonly lifecycle: Lifecycle<Request, Address>;
  readonly messages: MessageHub;
  /** What handlers see as their server. */
  readonly seenAs: RequestServer;
  /** How many requests what runs them can have in progress at once. */
  readonly capacity: number;
}

/**
 * Checks the options of a server, opens its socket, and makes its parts.
 *
 * @param server The server.
 * @param base What it would be if no hook were overridden.
 * @param open Opens the socket.
 * @param Handler The handler class.
 * @param options The options.
 * @throws {RangeError} If an option is out of range.
 * @throws {TypeError} If an option is of another type, or has an unknown name, or
 * `config` holds what cannot travel.
 */
export function makeParts<Request, Address extends Deno.Addr>(
  server: Whole<Request, Address>,
  base: Whole<Request, Address>,
  open: () => ServerSocket<Address>,
  Handler: RequestHandlerClass<Request, Address>,
  options: ServerOptions<Address, Request>,
): Parts<Request, Address> {
  const seam = seamOf<Request, Address>(options);
  const { runner, transport = {}, optionNames, seenAs = server } = seam;
  const { admission, capacity = Infinity } = seam;
  const { maxConnections, requestTimeout, gracePeriod } = checkServerOptions(
    options,
    optionNames,
  );
  const messages = new MessageHub({
    handleMessage: (message, from) => server.handleMessage(message, from),
    report: (error) => reporter.report(error),
  }, options.config);
  const socket = open();
  const limit = Math.min(maxConnections, capacity);
  const room: Room<ServedRequest<Request, Address>> = seam.makeRoom?.(limit) ??
    new Room(limit);
  const watch = new Watch(seenAs, seam.watch);
  const { publisher } = watch;
  const reporter = new Reporter<Request, Address>(
    (error, request, address) => {
      publisher.error(error, address);
      return server.handleError(error, request, address);
    },
  );
  const services = new ServiceTimer(() =>
    void reporter.attempt(() => server.serviceActions())
  );
  const accept = () => server.getRequest();
  const acceptor: Acceptor<Request, Address> = {
    accept: runner === undefined
      ? accept
      : () => runner.congestion()?.then(accept) ?? accept(),
    serve: (request, clientAddress, handled) => {
      // Where a header is to come, it is not known yet who asks.
      const admitted = transport.prepare === undefined
        ? admission?.enter(clientAddress)
        : undefined;
      if (typeof admitted === "string") {
        void discard(serving, request, clientAddress, admitted);
        return handled?.();
      }
      new ServedRequest(serving, request, clientAddress, handled, admitted)
        .start();
      services.accepted();
    },
    discard: (request, clientAddress) =>
      void discard(serving, request, clientAddress, "late"),
    closed: () => {
      if (seam.isLeft?.() === true) return false;
      server.close();
      return true;
    },
    full: (limit) => publisher.full(limit),
  };
  const own = new AcceptLoop(acceptor, room, reporter);
  const loop = runner?.replaceLoop?.(own) ?? own;
  const ending = new Ending({
    ...{ loop, room, reporter, transport, runner, gracePeriod, publisher },
    isReplaced: seam.isReplaced,
    closeSocket: () => {
      forgetServing(server);
      socket.close();
    },
  });
  const { measuresRequests: measures = false } = Handler as {
    readonly measuresRequests?: boolean;
  };
  const serving: Serving<Request, Address> = {
    ...{ room, reporter, transport, watch, hooks: server, ending, admission },
    deadlines: requestTimeout === Infinity || measures
      ? undefined
      : requestDeadlines(requestTimeout),
    requestTimeout: measures ? requestTimeout : Infinity,
    byRequest: overridesSteps(server, base) ? new Map() : undefined,
  };
  if (runner === undefined) {
    const attempt = (call: () => unknown) => void reporter.attempt(call);
    messages.joinLocally(
      (message) =>
        deliver(message, Handler, seenAs, attempt, () => {
          for (const served of room.inside()) served.tellMessage(message);
        }),
      ending.finished,
    );
  }
  const numbers = new Numbers(watch, () => room.inside(), runner);
  const lifecycle = new Lifecycle<Request, Address>(
    server,
    {
      ...{ socket, runner, loop, ending, reporter, publisher, services },
      hasServices: () => server.serviceActions !== base.serviceActions,
    },
    options,
  );
  return {
    ...{ socket, runner, loop, serving, ending, numbers, lifecycle, seenAs },
    ...{ messages, capacity },
  };
}

/** Whether a server has hooks of its own that may go on outside a request's context. */
function overridesSteps<Request, Address extends Deno.Addr>(
  server: Whole<Request, Address>,
  base: Whole<Request, Address>,
): boolean {
  return server.processRequest !== base.processRequest ||
    server.finishRequest !== base.finishRequest ||
    server.shutdownRequest !== base.shutdownRequest ||
    server.closeRequest !== base.closeRequest;
}

/**
 * Starts what runs the handlers of a server, which has its parts now: hooks may be
 * called.
 *
 * @param server The server.
 * @param parts Its parts.
 * @param signal Shuts it down.
 * @throws What keeps handlers from being run. The socket is closed then.
 */
export function startParts<Request, Address extends Deno.Addr>(
  server: Whole<Request, Address>,
  { socket, runner, loop, ending, serving, messages }: Parts<Request, Address>,
  signal: AbortSignal | undefined,
): void {
  const { reporter, admission, watch } = serving;
  const { publisher } = watch;
  try {
    runner?.start({
      server,
      ...{ addr: socket.addr, publisher, admission, limit: loop.limit },
      numberFrom: (firstId, idStep) => watch.numberFrom(firstId, idStep),
      messages,
      shutdown: (options) => void server.shutdown(options),
      report: (error, clientAddress) =>
        reporter.report(error, undefined, clientAddress as Address),
    });
  } catch (error) {
    server.close();
    throw error;
  }
  if (signal !== undefined) ending.shutdownOn(signal);
  awaitServing(server);
}
