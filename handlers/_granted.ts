import { dirname } from "node:path";

/**
 * Whether something may be done without anybody being asked: in a terminal Deno
 * asks, and all that this process serves would wait for the answer.
 */
export function isGranted(descriptor: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(descriptor).state === "granted";
}

/** What it takes to reach an address. */
export interface Needs {
  /** The address, as errors name it. */
  readonly key: string;
  /** Each permission, and the flag that grants it. */
  readonly each: readonly (readonly [
    descriptor: Deno.PermissionDescriptor,
    flag: string,
  ])[];
}

/**
 * What it takes to reach a host and port.
 *
 * @param isClient Whether it is a client's, whose port is another one each time:
 * the flag that helps is that of all ports of its host.
 */
export function needsOfHost(
  { hostname, port }: { readonly hostname: string; readonly port: number },
  isClient = false,
): Needs {
  const name = hostname.includes(":") ? `[${hostname}]` : hostname;
  const host = `${name}:${port}`;
  const flag = `--allow-net=${isClient ? name : host}`;
  return { key: host, each: [[{ name: "net", host }, flag]] };
}

/**
 * What it takes to reach a Unix socket.
 *
 * @param isClient Whether it is a client's, whose name is another one each time: the
 * flags that help are those of its folder, and `--allow-net` takes no folder.
 */
export function needsOfPath(path: string, isClient = false): Needs {
  const key = JSON.stringify(path);
  // A name of Linux's abstract namespace is no file, and no flag can have it.
  if (path.startsWith("\0")) {
    return { key, each: [[{ name: "net" }, "--allow-net"]] };
  }
  const host = `unix:${path}`;
  const file = isClient ? dirname(path) : path;
  return {
    key,
    each: [
      [{ name: "read", path }, `--allow-read=${file}`],
      [{ name: "write", path }, `--allow-write=${file}`],
      [{ name: "net", host }, isClient ? "--allow-net" : `--allow-net=${host}`],
    ],
  };
}

/**
 * The error of what is not granted, if something is not: all of it.
 *
 * @param action What is done with the address, such as "send to".
 * @param cause What has shown it, if anything has.
 */
export function missingOf(
  { key, each }: Needs,
  action: string,
  cause?: Error,
): Error | undefined {
  const missing = each.filter(([descriptor]) => !isGranted(descriptor));
  if (missing.length === 0) return undefined;
  const names = missing.map(([{ name }]) => name).join(", ");
  const flags = missing.map(([, flag]) => flag).join(" ");
  return new Deno.errors.NotCapable(
    `Cannot ${action} ${key}: requires ${names} access to it, run again with ${flags}`,
    cause === undefined ? undefined : { cause },
  );
}
