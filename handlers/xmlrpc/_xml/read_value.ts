import { XMLRPC_FAULT_CODES, XMLRPCFault } from "../xmlrpc_fault.ts";
import type { XMLRPCStruct, XMLRPCValue } from "../xmlrpc_values.ts";
import { type InPieces, STEPS } from "./in_pieces.ts";
import { readScalar } from "./scalars.ts";
import { invalidRequest, type XMLReader } from "./xml_reader.ts";

/** What is to be read, and how many values still may be. */
export interface ValueSource {
  readonly reader: XMLReader;
  readonly allowNil: boolean;
  readonly maxValues: number;
  /** How many values were read, those of other parameters too. */
  values: number;
}

/** An array or struct that is being read. */
type Container =
  | { readonly items: XMLRPCValue[] }
  | { readonly members: XMLRPCStruct; name: string };

/**
 * Reads a value, after the start tag of its `<value>` and up to its end tag. It
 * keeps a stack of its own: a document may be deeper than that of the language.
 *
 * @throws {XMLRPCFault} If it is none.
 */
export function* readValue(source: ValueSource): InPieces<XMLRPCValue> {
  const { reader } = source;
  const containers: Container[] = [];
  let value = readOrOpen(source, containers);
  while (true) {
    const container = containers.at(-1);
    if (container === undefined) return value!;
    const another = "items" in container
      ? continueArray(reader, container.items, value)
      : continueStruct(reader, container, value);
    if (another) {
      if (source.values % STEPS === 0) yield;
      value = readOrOpen(source, containers);
    } else {
      containers.pop();
      expectEnd(reader, "value");
      value = "items" in container ? container.items : container.members;
    }
  }
}

/**
 * Reads a scalar and the end of its `<value>`, or only goes into an array or
 * struct: then there is no value yet.
 */
function readOrOpen(
  source: ValueSource,
  containers: Container[],
): XMLRPCValue | undefined {
  const { reader } = source;
  if (++source.values > source.maxValues) {
    throw new XMLRPCFault(
      XMLRPC_FAULT_CODES.parseError,
      `Cannot read XML-RPC: it has more than ${source.maxValues} values; raise maxValues to read it`,
    );
  }
  let text = "";
  let token = reader.next();
  if (token === "text") {
    text = reader.text;
    token = reader.next();
  }
  // Without a type it is a string.
  if (token === "end") return text;
  if (/[^ \t\n]/.test(text)) {
    throw invalidRequest(`<value> has text before <${reader.name}>`);
  }
  const type = reader.name.replace(/^ex:/, "");
  if (type === "array") {
    expectStart(reader, "data");
    containers.push({ items: [] });
    return undefined;
  }
  if (type === "struct") {
    containers.push({ members: {}, name: "" });
    return undefined;
  }
  const content = reader.content();
  const value = type === "nil"
    ? readNil(content, source)
    : readScalar(type, content);
  expectEnd(reader, "value");
  return value;
}

function readNil(content: string, { allowNil }: ValueSource): null {
  if (!allowNil) {
    throw invalidRequest("it has nil, an extension that allowNil would allow");
  }
  if (content !== "") throw invalidRequest("<nil> has content");
  return null;
}

/** Takes the value that was read, if any, and says whether another starts. */
function continueArray(
  reader: XMLReader,
  items: XMLRPCValue[],
  value: XMLRPCValue | undefined,
): boolean {
  if (value !== undefined) items.push(value);
  if (reader.tag() === "end") {
    expectEnd(reader, "array");
    return false;
  }
  expectName(reader, "value");
  return true;
}

/** As `continueArray`, for the members of a struct. */
function continueStruct(
  reader: XMLReader,
  container: { readonly members: XMLRPCStruct; name: string },
  value: XMLRPCValue | undefined,
): boolean {
  if (value !== undefined) {
    addMember(container.members, container.name, value);
    expectEnd(reader, "member");
  }
  if (reader.tag() === "end") return false;
  expectName(reader, "member");
  expectStart(reader, "name");
  container.name = reader.content();
  if (Object.hasOwn(container.members, container.name)) {
    throw invalidRequest(`a struct has the member "${container.name}" twice`);
  }
  expectStart(reader, "value");
  return true;
}

function addMember(
  members: XMLRPCStruct,
  name: string,
  value: XMLRPCValue,
): void {
  // Assigned, this one would become the prototype, if Deno was started with
  // --unstable-unsafe-proto.
  if (name !== "__proto__") members[name] = value;
  else {
    Object.defineProperty(members, name, {
      value,
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
}

/** Goes to a start tag of that name. */
export function expectStart(reader: XMLReader, name: string): void {
  const parent = reader.name;
  if (reader.tag() !== "start") {
    throw invalidRequest(`<${name}> is missing in or after <${parent}>`);
  }
  expectName(reader, name);
}

/** Goes to the end tag of that name; any other tag is one too many. */
export function expectEnd(reader: XMLReader, name: string): void {
  if (reader.tag() !== "end") {
    throw invalidRequest(`<${name}> has <${reader.name}> in it, one too many`);
  }
}

function expectName(reader: XMLReader, name: string): void {
  if (reader.name !== name) {
    throw invalidRequest(`<${reader.name}> stands where <${name}> should`);
  }
}
