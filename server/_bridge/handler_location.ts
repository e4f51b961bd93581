import { BaseRequestHandler } from "../../handlers/base_request_handler.ts";
import type { AnyHandlerClass } from "./far_side.ts";

/** Where another thread or process finds a handler class. */
export interface HandlerLocation {
  /** The URL of its module. */
  readonly moduleUrl: string;
  /** Its name, under which the module exports it. */
  readonly name: string;
}

/**
 * Where a handler class says that it lives.
 *
 * @throws {TypeError} If it is a function, or does not say so, or if this is
 * called while a thread or process imports its handler.
 */
export function handlerLocation(handler: unknown): HandlerLocation {
  const prototype = (handler as { readonly prototype?: unknown })?.prototype;
  if (
    typeof handler !== "function" || !(prototype instanceof BaseRequestHandler)
  ) {
    throw new TypeError(
      `Cannot create server: ${
        typeof handler !== "function"
          ? Deno.inspect(handler)
          : handler.name === ""
          ? "a function"
          : `the function "${handler.name}"`
      } cannot run in another thread or process; export a class that extends StreamRequestHandler, or another request handler, and pass that`,
    );
  }
  const { name } = handler;
  // Or each thread would start a server, whose threads would start servers.
  if (importing) {
    throw new TypeError(
      `Cannot create server: this is a thread or process that imports the handler class "${name}"; put what its module does beside defining classes behind: if (import.meta.main)`,
    );
  }
  const moduleUrl = Object.hasOwn(handler, "moduleUrl")
    ? (handler as { readonly moduleUrl?: unknown }).moduleUrl
    : undefined;
  if (typeof moduleUrl !== "string") {
    throw new TypeError(
      `Cannot create server: the handler class "${name}" does not say where it lives; add to it: static override readonly moduleUrl: string = import.meta.url`,
    );
  }
  if (!URL.canParse(moduleUrl)) {
    throw new TypeError(
      `Cannot create server: moduleUrl of the handler class "${name}" is "${moduleUrl}", which is not a URL; use import.meta.url`,
    );
  }
  return { moduleUrl, name };
}

/** Whether this thread or process is here to run handlers and imports them. */
let importing = false;

/** Refuses servers from now on, until the handler class has been found. */
export function beginImport(): void {
  importing = true;
}

/**
 * Imports a handler class.
 *
 * @throws {TypeError} If its module does not export it.
 * @throws What importing the module throws.
 */
export async function importHandler(
  location: HandlerLocation,
): Promise<AnyHandlerClass> {
  beginImport();
  return findHandler(await import(location.moduleUrl), location);
}

/**
 * The handler class among what its module exports.
 *
 * @throws {TypeError} If it is not there.
 */
export function findHandler(
  exported: Readonly<Record<string, unknown>>,
  { moduleUrl, name }: HandlerLocation,
): AnyHandlerClass {
  importing = false;
  for (const value of Object.values(exported)) {
    if (
      typeof value === "function" && value.name === name &&
      value.prototype instanceof BaseRequestHandler
    ) return value as AnyHandlerClass;
  }
  throw new TypeError(
    `Cannot find the handler class "${name}": "${moduleUrl}" does not export it; write: export class ${name}`,
  );
}
