import { platform } from "./_platform.ts";
import { darwin, linux, posix } from "./_symbols.ts";

type Symbols<T extends Deno.ForeignLibraryInterface> = Deno.DynamicLibrary<
  T
>["symbols"];

/** What every platform has. */
export type Libc = Symbols<typeof posix> & {
  /** `fcntl` with an integer argument, whatever the platform's calling rules. */
  readonly fcntl: (fd: number, command: number, argument: number) => number;
};

/** What Linux has besides. */
export type LinuxLibc = Symbols<typeof linux>;

/** What macOS has besides. */
type DarwinLibc = Symbols<typeof darwin>;

interface Opened {
  readonly libc: Libc;
  readonly linux: LinuxLibc | undefined;
  readonly accept: (
    fd: number,
    address: Uint8Array<ArrayBuffer>,
    length: Uint32Array<ArrayBuffer>,
  ) => number;
  /** Where this thread has its errno. */
  readonly errno: bigint;
}

/** accept4(2): the new descriptor is non-blocking and closed on exec. */
const SOCK_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;

const F_SETFD = 2;
const FD_CLOEXEC = 1;
const F_SETFL = 4;
const DARWIN_O_NONBLOCK = 0x0004;

/**
 * Where libc is, as the loader knows it and as files. A grant that is scoped to
 * a path covers only that very path, so each is asked for in turn.
 */
const LINUX_ARCH = Deno.build.arch === "aarch64" ? "aarch64" : "x86_64";
const NAMES: Record<string, readonly string[]> = {
  linux: ["libc.so.6", `libc.musl-${LINUX_ARCH}.so.1`],
  darwin: ["/usr/lib/libSystem.B.dylib"],
};
const PATHS: Record<string, readonly string[]> = {
  linux: [
    `/lib/${LINUX_ARCH}-linux-gnu/libc.so.6`,
    `/usr/lib/${LINUX_ARCH}-linux-gnu/libc.so.6`,
    "/lib64/libc.so.6",
    "/usr/lib64/libc.so.6",
    "/lib/libc.so.6",
    "/usr/lib/libc.so.6",
    `/lib/ld-musl-${LINUX_ARCH}.so.1`,
    `/lib/libc.musl-${LINUX_ARCH}.so.1`,
    "/usr/lib/libc.so",
  ],
  darwin: ["/usr/lib/libSystem.B.dylib", "/usr/lib/libc.dylib"],
};

let opened: Opened | undefined;

/** libc, opened on first use. */
export function libc(): Libc {
  return (opened ??= open()).libc;
}

/**
 * What only Linux has.
 *
 * @throws {Deno.errors.NotSupported} On any other platform.
 */
export function linuxLibc(action: string): LinuxLibc {
  const { linux } = opened ??= open();
  if (linux === undefined) {
    throw new Deno.errors.NotSupported(
      `Cannot ${action}: only Linux has it, not ${Deno.build.os}`,
    );
  }
  return linux;
}

/** accept(2); the new descriptor is non-blocking and closed on exec. */
export function accept(
  fd: number,
  address: Uint8Array<ArrayBuffer>,
  length: Uint32Array<ArrayBuffer>,
): number {
  return (opened ??= open()).accept(fd, address, length);
}

/**
 * The error of the call just made. Only right after a synchronous call that
 * failed: any other call may change it, and another thread has its own.
 */
export function errno(): number {
  const { libc, errno } = opened ??= open();
  // Four bytes of libc's own, which live as long as the thread; and JavaScript
  // runs on no other thread than the one its isolate was made on.
  libc.memcpyFrom(errnoValue, errno, 4n);
  return errnoValue[0]!;
}

const errnoValue = new Int32Array(1);

function open(): Opened {
  if (platform === undefined) {
    throw new Deno.errors.NotSupported(
      `Cannot open libc: sockets and readiness need Linux or macOS, not ${Deno.build.os}`,
    );
  }
  return platform === "linux" ? openLinux() : openDarwin();
}

function openLinux(): Opened {
  const symbols: Symbols<typeof posix> & LinuxLibc = load({
    ...posix,
    ...linux,
  });
  return {
    libc: symbols,
    linux: symbols,
    // The kernel writes at most length[0] bytes to `address`, both kept by the
    // caller during the call.
    accept: (fd, address, length) =>
      symbols.accept4(fd, address, length, SOCK_NONBLOCK_CLOEXEC),
    errno: symbols.errnoLocation(),
  };
}

function openDarwin(): Opened {
  const symbols: Symbols<typeof posix> & DarwinLibc = load({
    ...posix,
    ...darwin,
  });
  const fcntl = (fd: number, command: number, argument: number) =>
    symbols.fcntl(fd, command, argument, 0, 0, 0, 0, 0, argument);
  return {
    libc: { ...symbols, fcntl },
    linux: undefined,
    accept(fd, address, length) {
      const accepted = symbols.accept(fd, address, length);
      if (accepted >= 0) {
        // macOS has no accept4: until these two, an exec would inherit it.
        fcntl(accepted, F_SETFD, FD_CLOEXEC);
        fcntl(accepted, F_SETFL, DARWIN_O_NONBLOCK);
      }
      return accepted;
    },
    errno: symbols.errnoLocation(),
  };
}

function load<T extends Deno.ForeignLibraryInterface>(
  symbols: T,
): Symbols<T> {
  const names = NAMES[platform!]!;
  const paths = PATHS[platform!]!;
  const candidates = granted(undefined) ? [...names, ...paths] : [
    ...paths.filter(granted),
    ...names.filter(granted),
  ];
  // With no grant at all this asks at the terminal, or is refused.
  if (candidates.length === 0) candidates.push(names[0]!);
  let failure: unknown;
  for (const candidate of candidates) {
    try {
      // Never closed: pointers into libc stay valid as long as the process.
      return Deno.dlopen(candidate, symbols).symbols;
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw notGranted(error);
      failure = error;
    }
  }
  throw new Deno.errors.NotSupported(
    `Cannot open libc: tried ${candidates.join(", ")}`,
    { cause: failure },
  );
}

function granted(path: string | undefined): boolean {
  const descriptor: Deno.FfiPermissionDescriptor = path === undefined
    ? { name: "ffi" }
    : { name: "ffi", path };
  return Deno.permissions.querySync(descriptor).state === "granted";
}

function notGranted(cause: Error): Error {
  const path = PATHS[platform!]![0]!;
  return new Deno.errors.NotCapable(
    `Cannot open libc: requires ffi access, run again with --allow-ffi=${path} (or wherever libc is), or with --allow-ffi`,
    { cause },
  );
}
