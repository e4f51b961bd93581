/** A program that tests talk to, or a module of one. */
export interface NeededProgram {
  /** What is looked for on PATH, or a file. */
  readonly name: string;
  /** The package of Debian that has it. */
  readonly package: string;
  /** What of the module it is a peer of. */
  readonly for: string;
}

/**
 * What tests talk to that nobody here wrote. Without one of these its tests are
 * skipped; `.ci/run` installs them all.
 */
export const NEEDED_PROGRAMS: readonly NeededProgram[] = [
  {
    name: "python3",
    package: "python3",
    for: "CPython's clients and servers of every kind",
  },
  { name: "curl", package: "curl", for: "HTTP, TLS and PROXY headers" },
  { name: "openssl", package: "openssl", for: "TLS and certificates" },
  { name: "socat", package: "socat", for: "Unix sockets and datagrams" },
  { name: "nc.openbsd", package: "netcat-openbsd", for: "lines over sockets" },
  { name: "haproxy", package: "haproxy", for: "balancers and fleets" },
  { name: "sslscan", package: "sslscan", for: "TLS as strangers see it" },
  { name: "strace", package: "strace", for: "system calls that are promised" },
  { name: "wrk", package: "wrk", for: "HTTP under load" },
  { name: "goaccess", package: "goaccess", for: "access logs, as others read" },
  { name: "ab", package: "apache2-utils", for: "HTTP/1.0 under load" },
  {
    name: "h2load",
    package: "nghttp2-client",
    for: "pipelined HTTP under load",
  },
  {
    name: "/usr/lib/python3.11/test/test_httpservers.py",
    package: "libpython3.11-testsuite",
    for: "CPython's own tests of its servers",
  },
  { name: "chromium", package: "chromium", for: "pages and WebSockets" },
  {
    name: "redis-cli",
    package: "redis-tools",
    for: "a protocol of others, in an example",
  },
  {
    name: "redis-benchmark",
    package: "redis-tools",
    for: "the same under load",
  },
  {
    name: "systemd-socket-activate",
    package: "systemd",
    for: "sockets that systemd opens",
  },
  { name: "systemd-analyze", package: "systemd", for: "units of systemd" },
  {
    name: "/usr/lib/python3/dist-packages/websockets",
    package: "python3-websockets",
    for: "WebSockets of Python",
  },
  {
    name: "/usr/share/nodejs/ws",
    package: "node-ws",
    for: "WebSockets of Node.js",
  },
  {
    name: "/usr/lib/python3/dist-packages/prometheus_client",
    package: "python3-prometheus-client",
    for: "metrics, as Prometheus reads them",
  },
  { name: "script", package: "bsdutils", for: "terminals: that nothing asks" },
  { name: "setpriv", package: "util-linux", for: "scripts of other users" },
  { name: "mkfifo", package: "coreutils", for: "files that are pipes" },
];

/** The folders of programs: those on PATH, and where Debian has HAProxy. */
export function programFolders(): string[] {
  return [...(Deno.env.get("PATH") ?? "").split(":"), "/usr/sbin"];
}

/** Those of them that this machine lacks. */
export function missingPrograms(): NeededProgram[] {
  const folders = programFolders();
  return NEEDED_PROGRAMS.filter(({ name }) =>
    name.startsWith("/")
      ? !exists(name)
      : !folders.some((folder) => exists(`${folder}/${name}`))
  );
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** What of this machine and this user keeps tests from running, and which. */
export function missingCircumstances(): string[] {
  const missing: string[] = [];
  if (Deno.build.os !== "windows" && Deno.uid() !== 0) {
    missing.push("this user is not root: processes and scripts of other users");
  }
  const addresses = Deno.networkInterfaces().map(({ address }) => address);
  if (!addresses.includes("::1")) {
    missing.push("this machine has no ::1: clients and servers of IPv6");
  }
  return missing;
}
