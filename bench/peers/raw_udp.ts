/** What a careful user writes by hand: one buffer, used again. */
const socket = Deno.listenDatagram({
  hostname: "127.0.0.1",
  port: 0,
  transport: "udp",
});
const buffer = new Uint8Array(65_536);
console.log((socket.addr as Deno.NetAddr).port);
while (true) {
  const [data, sender] = await socket.receive(buffer);
  await socket.send(data, sender);
}
