// Serves what CPython's own tests ask for. `run.py` starts it, tells it on its
// standard input what to do, a line of JSON each, and reads the answers.
import { StreamReader } from "../../../mod.ts";
import {
  HTTPServer,
  SimpleHTTPRequestHandler,
} from "../../../server/http/mod.ts";
import { HANDLERS, RENAMED, takeServed } from "./handlers.ts";
import { type Request, XMLRPC_SERVERS } from "./xmlrpc_servers.ts";
import { LOOPBACK } from "../../_loopback.ts";

/** What is asked for. */
interface Question {
  readonly id: number;
  readonly ask: string;
  readonly name: string;
  readonly port: number;
  readonly directory: string;
  readonly text: string;
  readonly number: number;
}

interface Running {
  readonly server: HTTPServer;
  readonly requests: readonly Request[];
}

const running = new Map<number, Running>();
/** How many connections have come to all servers. */
let connections = 0;
let encodeThreshold = 1400;

/** What is read on the other side is whole lines, in this order. */
function say(message: object): void {
  const bytes = new TextEncoder().encode(`${JSON.stringify(message)}\n`);
  for (let at = 0; at < bytes.length;) {
    at += Deno.stdout.writeSync(bytes.subarray(at));
  }
}

// What handlers log, the tests look for in what Python would have written.
console.error = (line: string) => say({ log: line });

function serverOf(name: string): Running {
  const requests: Request[] = [];
  const make = XMLRPC_SERVERS[name as keyof typeof XMLRPC_SERVERS];
  const Handler = HANDLERS[name];
  if (make === undefined && Handler === undefined) {
    throw new TypeError(`Cannot serve "${name}": there is no such handler`);
  }
  const server = make === undefined
    ? new HTTPServer(LOOPBACK, Handler!)
    : make(requests, () => encodeThreshold);
  return { server, requests };
}

/** A handler whose methods are called by themselves. */
function handlerIn(directory: string, server: HTTPServer) {
  return new SimpleHTTPRequestHandler<Deno.NetAddr>(
    undefined as never,
    { hostname: "127.0.0.1", port: 1337, transport: "tcp" },
    server as never,
    { directory },
  );
}

async function answer(question: Question): Promise<unknown> {
  const { ask, name, port, directory, text, number } = question;
  switch (ask) {
    case "renamed":
      return RENAMED;
    case "start": {
      const one = serverOf(name);
      one.server.verifyRequest = () => {
        connections++;
        return true;
      };
      // A client that is left connected is told nothing when it is stopped.
      one.server.handleError = (error) => {
        if ((error as Error).name === "AbortError") return;
        say({ log: Deno.inspect(error) });
      };
      one.server.serveForever();
      running.set(one.server.addr.port, one);
      return one.server.addr.port;
    }
    case "stop":
      await running.get(port)!.server.shutdown({ gracePeriod: 0 });
      running.delete(port);
      return null;
    case "connections":
      return connections;
    case "requests":
      return running.get(port)!.requests;
    case "served":
      return takeServed() ?? null;
    case "encode_threshold":
      encodeThreshold = number;
      return null;
  }
  await using server = new HTTPServer(LOOPBACK, SimpleHTTPRequestHandler);
  const handler = handlerIn(directory ?? ".", server);
  switch (ask) {
    case "translate_path":
      return handler.translatePath(text);
    case "date_time_string":
      return handler.dateTimeString(number * 1000);
    case "log_message":
      handler.logMessage(text);
      return null;
  }
  throw new TypeError(`Cannot answer "${ask}": it is no question`);
}

for await (const line of new StreamReader(Deno.stdin)) {
  const question: Question = JSON.parse(line);
  try {
    say({ id: question.id, answer: await answer(question) });
  } catch (error) {
    say({ id: question.id, error: String((error as Error).stack) });
  }
}
Deno.exit(0);
