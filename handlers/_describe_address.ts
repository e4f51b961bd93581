/** An address as people write it. */
export function describeAddress(address: Deno.Addr): string {
  if ("hostname" in address) {
    const { hostname, port } = address;
    return hostname.includes(":")
      ? `[${hostname}]:${port}`
      : `${hostname}:${port}`;
  }
  if ("path" in address) return address.path ?? "an unnamed Unix socket";
  return Deno.inspect(address);
}
