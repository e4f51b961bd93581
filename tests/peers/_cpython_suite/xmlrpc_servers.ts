// What CPython's own tests of xmlrpc.server have as servers, written anew.
import {
  DocXMLRPCServer,
  MultiPathXMLRPCServer,
  SimpleXMLRPCRequestHandler,
  SimpleXMLRPCServer,
  XMLRPCDispatcher,
  type XMLRPCInstance,
  type XMLRPCValue,
} from "../../../server/xmlrpc/mod.ts";
import { LOOPBACK } from "../../_loopback.ts";

/** What the tests look at of the requests that a server was sent. */
export interface Request {
  /** Which of its connections it came on. */
  readonly connection: number;
  readonly line: string;
  readonly headers: readonly (readonly [string, string])[];
}

/** A handler class that notes the requests that it is sent. */
function noting(requests: Request[], threshold: () => number) {
  let connections = 0;
  return class Noting extends SimpleXMLRPCRequestHandler<Deno.NetAddr> {
    static override get encodeThreshold(): number {
      return threshold();
    }
    readonly #connection = connections++;
    override doPOST(): Promise<void> {
      requests.push({
        connection: this.#connection,
        line: this.requestLine,
        headers: [...this.headers],
      });
      return super.doPOST();
    }
  };
}

class Instance implements XMLRPCInstance {
  div(x: number, y: number): number {
    return Math.floor(x / y);
  }
  _methodHelp(name: string): string | undefined {
    return name === "div" ? "This is the div function" : undefined;
  }
  Fixture = { getData: () => "42" };
}

const pow = Math.pow;
const add = (x: number, y: number) => x + y;

/** `http_server` of test_xmlrpc. */
function simple(
  requests: Request[],
  threshold: () => number,
): SimpleXMLRPCServer {
  const server = new SimpleXMLRPCServer(
    LOOPBACK,
    noting(requests, threshold),
    { logRequests: false },
  );
  server.registerIntrospectionFunctions();
  server.registerMulticallFunctions();
  server.registerFunction(pow, { name: "pow" });
  server.registerFunction((x: XMLRPCValue) => x, { name: "têšt" });
  server.registerFunction(() => true, {
    name: "my_function",
    help: "This is my function",
  });
  server.registerFunction(add, { name: "add" });
  server.registerInstance(new Instance(), { allowDottedNames: true });
  return server;
}

/** `http_multi_server` of test_xmlrpc. */
function multiPath(): MultiPathXMLRPCServer {
  const server = new MultiPathXMLRPCServer(LOOPBACK, { logRequests: false });
  const paths = [
    ...["/foo", "/foo/bar", "/foo?k=v", "/foo#frag", "/foo?k=v#frag"],
    ...["", "/", "/RPC2", "?k=v", "#frag"],
  ];
  for (const path of paths) {
    const dispatcher = new XMLRPCDispatcher();
    dispatcher.registerIntrospectionFunctions();
    dispatcher.registerMulticallFunctions();
    dispatcher.registerFunction(() => path, { name: "test" });
    server.addDispatcher(path, dispatcher);
  }
  server.getDispatcher("/foo")!.registerFunction(pow, { name: "pow" });
  server.getDispatcher("/foo/bar")!.registerFunction(add, { name: "add" });
  const broken = new XMLRPCDispatcher();
  broken.registerInstance({
    _dispatch() {
      throw new Error("broken dispatcher");
    },
  });
  server.addDispatcher("/is/broken", broken);
  return server;
}

/** `make_server` of test_docxmlrpc. */
function documented(): DocXMLRPCServer {
  const server = new DocXMLRPCServer(LOOPBACK, {
    logRequests: false,
    documentation: {
      title: "DocXMLRPCServer Test Documentation",
      name: "DocXMLRPCServer Test Docs",
      introduction:
        "This is an XML-RPC server's documentation, but the server can be used by POSTing to /RPC2. Try self.add, too.",
    },
  });
  server.registerIntrospectionFunctions();
  server.registerFunction(add, {
    name: "add",
    signature: ["int", "int", "int"],
    help:
      "Add two instances together. This follows PEP008, but has nothing\nto do with RFC1952. Case should matter: pEp008 and rFC1952.  Things\nthat start with http and ftp should be auto-linked, too:\nhttp://google.com.",
  });
  server.registerFunction((x: number) => x, {
    name: "annotation",
    help: "Use function annotations.",
  });
  return server;
}

/** Servers by the names of what starts them in the tests. */
export const XMLRPC_SERVERS = {
  http_server: simple,
  http_multi_server: multiPath,
  make_server: documented,
} as const;
