import type { XMLRPCSignature } from "../xmlrpc_signature.ts";

interface SystemMethod {
  readonly name: string;
  readonly signature: readonly XMLRPCSignature[];
  readonly help: string;
}

/** The methods that XML-RPC servers have by convention. */
export const SYSTEM_METHODS: Readonly<
  Record<
    "listMethods" | "methodSignature" | "methodHelp" | "multicall",
    SystemMethod
  >
> = {
  listMethods: {
    name: "system.listMethods",
    signature: [["array"]],
    help: "Lists the names of all methods.",
  },
  methodSignature: {
    name: "system.methodSignature",
    signature: [["array", "string"], ["string", "string"]],
    help:
      "Lists the signatures of a method: arrays of the type of the result and the types of the parameters. Without any, the answer is a string.",
  },
  methodHelp: {
    name: "system.methodHelp",
    signature: [["string", "string"]],
    help: "Tells what a method does.",
  },
  multicall: {
    name: "system.multicall",
    signature: [["array", "array"]],
    help:
      "Calls several methods, one after the other. Takes an array of structs of methodName and params. Each answer is an array of the one result, or a struct of faultCode and faultString.",
  },
};
