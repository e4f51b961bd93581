/**
 * raw_tcp.ts in several threads, each with a port of its own: they share nothing.
 * Prints all ports.
 *
 * Arguments: those of raw_tcp.ts, but the second is the number of threads.
 */
const ports = Array.from({ length: Number(Deno.args[1]) }, () => {
  const url = new URL("./raw_tcp.ts", import.meta.url);
  const worker = new Worker(url, { type: "module" });
  return new Promise<number>((resolve) =>
    worker.onmessage = ({ data }) => resolve(data)
  );
});
console.log((await Promise.all(ports)).join(","));
