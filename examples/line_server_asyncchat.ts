// deno run --allow-ffi examples/line_server_asyncchat.ts
//
// A conversation in lines, after asyncore and asynchat: everybody hears what
// anybody says, "bye" ends one's own connection.
//
// Arguments: port (1234).

import { run } from "../mod.ts";
import {
  AsyncChat,
  closeAll,
  Dispatcher,
  type DispatcherMap,
  loop,
  type Socket,
  type SocketAddress,
} from "../poll/mod.ts";

/** A client. */
class Member extends AsyncChat {
  readonly #room: Room;
  readonly #decoder = new TextDecoder();
  #line = "";

  constructor(socket: Socket, map: DispatcherMap, room: Room) {
    super(socket, map);
    this.#room = room;
    this.setTerminator("\n");
    this.push("Say something\n");
  }

  override collectIncomingData(data: Uint8Array) {
    this.#line += this.#decoder.decode(data, { stream: true });
    // Whoever never ends a line is not listened to for ever.
    if (this.#line.length > 10_000) this.handleClose();
  }

  override foundTerminator() {
    const line = this.#line.trimEnd();
    this.#line = "";
    if (line === "bye") this.closeWhenDone();
    else this.#room.say(`${line}\n`);
  }

  override handleClose() {
    this.#room.members.delete(this);
    this.close();
  }
}

/** The listening socket, and whoever is connected. */
export class Room extends Dispatcher {
  readonly members = new Set<Member>();
  readonly #map: DispatcherMap;

  constructor(port: number, map: DispatcherMap) {
    super(undefined, map);
    this.#map = map;
    this.createSocket();
    this.setReuseAddr();
    this.bind({ hostname: "127.0.0.1", port });
    this.listen();
  }

  override handleAccepted(socket: Socket, address: SocketAddress) {
    const { hostname, port } = address as Deno.NetAddr;
    console.log(`Got connection from ${hostname}:${port}`);
    this.members.add(new Member(socket, this.#map, this));
  }

  say(line: string) {
    for (const member of this.members) member.push(line);
  }
}

if (import.meta.main) {
  const map: DispatcherMap = new Map();
  const room = new Room(Number(Deno.args[0] ?? 1234), map);
  const { port } = room.socket!.getsockname() as Deno.NetAddr;
  console.log(`Listening on 127.0.0.1:${port}`);
  await run({
    serveForever: () => loop({ map }),
    shutdown: () => closeAll(map),
  });
}
