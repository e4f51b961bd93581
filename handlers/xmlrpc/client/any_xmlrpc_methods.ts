import type { XMLRPCType } from "../xmlrpc_signature.ts";
import type { XMLRPCValue } from "../xmlrpc_values.ts";

/** A method that nothing is known of, or the part of its name before a dot. */
export interface AnyXMLRPCMethod {
  /**
   * Calls it.
   *
   * @param params The parameters.
   * @returns What the server answers.
   */
  (...params: unknown[]): XMLRPCValue;
  /** What has a further part in its name. */
  readonly [name: string]: AnyXMLRPCMethod;
}

/** The methods of a server that nothing is known of. */
export interface AnyXMLRPCMethods {
  /** One of them. */
  readonly [name: string]: AnyXMLRPCMethod;
}

/** The methods for introspection that servers have by convention. */
export interface XMLRPCSystemMethods {
  /** Those whose names begin with `system.` */
  readonly system: {
    /** Lists the names of all methods. */
    listMethods(): string[];
    /** Tells what a method does. */
    methodHelp(name: string): string;
    /** Lists the signatures of a method; a text where it has none. */
    methodSignature(name: string): XMLRPCType[][] | string;
  };
}
