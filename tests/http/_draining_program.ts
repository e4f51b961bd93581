/**
 * Serves until it is sent SIGTERM. Its arguments are the way, a path for a
 * socket, and the files of a certificate and its key. It prints its port.
 */
import {
  ForkingHTTPServer,
  HTTPServer,
  HTTPSServer,
  ThreadingHTTPServer,
} from "../../server/http/mod.ts";
import { UnixStreamServer } from "../../server/unix_stream_server.ts";
import { LOOPBACK } from "../_loopback.ts";
import { FetchPatient, Patient } from "./_patient_handlers.ts";

const [way, path = "", cert = "", key = ""] = Deno.args;

function listen() {
  switch (way) {
    case "TLS":
      return new HTTPSServer({
        ...LOOPBACK,
        cert: Deno.readTextFileSync(cert),
        key: Deno.readTextFileSync(key),
      }, Patient);
    case "a Unix socket":
      return new UnixStreamServer({ path }, Patient);
    case "threads":
      return new ThreadingHTTPServer(LOOPBACK, Patient, { workers: 2 });
    case "threads, the main thread accepts":
      return new ThreadingHTTPServer(LOOPBACK, Patient, {
        workers: 2,
        accept: "main",
      });
    case "processes":
      return new ForkingHTTPServer(LOOPBACK, Patient, {
        maxChildren: 2,
        requestsPerChild: Infinity,
        connectionsPerChild: 1_000,
      });
    case "TCP, with fetch":
      return new HTTPServer(LOOPBACK, FetchPatient);
    default:
      return new HTTPServer(LOOPBACK, Patient);
  }
}

const server = listen();
const serving = server.serveForever();
Deno.addSignalListener("SIGTERM", async () => {
  await server.shutdown({ gracePeriod: 30_000 });
  console.log("ended");
  // The listener of signals would keep the process.
  Deno.exit();
});
console.log("port" in server.addr ? server.addr.port : 0);
await serving;
