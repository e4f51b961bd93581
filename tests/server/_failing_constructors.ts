import {
  TCPServer,
  TLSServer,
  UDPServer,
  UnixDatagramServer,
  UnixStreamServer,
} from "../../mod.ts";

/** Enough for a descriptor lost in each to be missed. */
const ROUNDS = 100;

const ignore = () => {};

/**
 * Constructs servers that cannot be, again and again.
 *
 * @returns The first error of each.
 */
export async function failToConstruct(): Promise<string[]> {
  const folder = await Deno.makeTempDir();
  await using taken = new TCPServer(
    { hostname: "127.0.0.1", port: 0 },
    ignore,
  );
  await using bound = new UDPServer(
    { hostname: "127.0.0.1", port: 0 },
    ignore,
  );
  const free = { hostname: "127.0.0.1", port: 0 };
  const path = `${folder}/s`;
  const long = `${folder}/${"x".repeat(108)}`;
  const constructors: (() => AsyncDisposable)[] = [
    () => new TCPServer(taken.addr, ignore),
    () => new UDPServer(bound.addr, ignore),
    () => new TCPServer({ ...free, port: 99_999 }, ignore),
    () => new UDPServer({ ...free, port: 99_999 }, ignore),
    () => new TCPServer({ ...free, port: -1 }, ignore),
    () => new TLSServer({ ...free, cert: "none", key: "none" }, ignore),
    () => new TCPServer(free, ignore, { maxConnections: 0 }),
    () => new TCPServer(free, ignore, { maxConnections: -1 }),
    () => new TCPServer(free, ignore, { maxConnections: NaN }),
    () => new UnixStreamServer({ path: long }, ignore),
    () => new UnixDatagramServer({ path: long }, ignore),
    () => new UnixStreamServer({ path: `${folder}/no/s` }, ignore),
    () => new UnixDatagramServer({ path: `${folder}/no/s` }, ignore),
    () => new UnixStreamServer({ path }, ignore, { mode: -1 }),
    () => new UnixStreamServer({ path: folder }, ignore),
    () => new UnixDatagramServer({ path: folder }, ignore, { reclaim: true }),
  ];
  const errors = constructors.map(errorOf);
  // Looking a name up takes a while, so it is asked for once only.
  errors.push(
    errorOf(() =>
      new TCPServer({ hostname: "no.such.host.invalid", port: 0 }, ignore)
    ),
  );
  for (let i = 1; i < ROUNDS; i++) constructors.forEach(errorOf);
  await Deno.remove(folder, { recursive: true });
  return errors;
}

function errorOf(construct: () => AsyncDisposable): string {
  try {
    construct();
  } catch (error) {
    return String(error);
  }
  throw new Error(`Expected an error from ${construct}`);
}
