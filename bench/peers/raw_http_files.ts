/**
 * Serves files with `Deno.serve` and as little as it takes, to be compared with.
 *
 * Argument: the directory.
 */
const [directory] = Deno.args;

Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(port),
}, async (request) => {
  const file = await Deno.open(directory + new URL(request.url).pathname);
  const { size } = await file.stat();
  return new Response(file.readable, {
    headers: {
      "content-length": String(size),
      "content-type": "application/octet-stream",
    },
  });
});
