/**
 * A type, as signatures name it. `any` is for what may be of any type, which the
 * introspection protocol has no name for.
 */
export type XMLRPCType =
  | "int"
  | "i4"
  | "i8"
  | "double"
  | "boolean"
  | "string"
  | "dateTime.iso8601"
  | "base64"
  | "array"
  | "struct"
  | "nil"
  | "any";

/** The type of the result, then the types of the parameters. */
export type XMLRPCSignature = readonly XMLRPCType[];

/** What is known of a method, for introspection and documentation. */
export interface XMLRPCMethodInfo {
  /** The name it is called by. */
  readonly name: string;
  /** Its signatures; none if they were not given. */
  readonly signatures: readonly XMLRPCSignature[];
  /**
   * The names of its parameters, where it has no signatures and its source tells
   * them. `b?` may be left out; `...rest` stands for all that follow.
   */
  readonly parameters?: readonly string[];
  /** What it does; empty if that was not given. */
  readonly help: string;
}
