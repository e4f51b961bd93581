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

/** What it takes to reach a host and port. */
export function needsOfHost(
  { hostname, port }: { readonly hostname: string; readonly port: number },
): Needs {
  const host = hostname.includes(":")
    ? `[${hostname}]:${port}`
    : `${hostname}:${port}`;
  return { key: host, each: [[{ name: "net", host }, `--allow-net=${host}`]] };
}

/** What it takes to reach a Unix socket. */
export function needsOfPath(path: string): Needs {
  const key = JSON.stringify(path);
  // A name of Linux's abstract namespace is no file, and no flag can have it.
  if (path.startsWith("\0")) {
    return { key, each: [[{ name: "net" }, "--allow-net"]] };
  }
  const host = `unix:${path}`;
  return {
    key,
    each: [
      [{ name: "read", path }, `--allow-read=${path}`],
      [{ name: "write", path }, `--allow-write=${path}`],
      [{ name: "net", host }, `--allow-net=${host}`],
    ],
  };
}

/**
 * The error of what is not granted, if something is not.
 *
 * @param action What is done with the address, such as "send to".
 */
export function missingOf(
  { key, each }: Needs,
  action: string,
): Error | undefined {
  for (const [descriptor, flag] of each) {
    if (isGranted(descriptor)) continue;
    return new Deno.errors.NotCapable(
      `Cannot ${action} ${key}: requires ${descriptor.name} access to it, run again with ${flag}`,
    );
  }
  return undefined;
}
