/** Sends each message back, with Deno.serve and Deno.upgradeWebSocket. */
Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(port),
}, (request) => {
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.onmessage = ({ data }) => socket.send(data);
  // Clients that are gone when the load ends are no news.
  socket.onerror = () => {};
  return response;
});
