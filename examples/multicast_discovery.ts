// deno run --allow-ffi examples/multicast_discovery.ts find
//
// Finds services in a network without a list of them. Each service joins a group
// of IP multicast and answers who asks there, as mDNS and SSDP do. In one
// terminal, or on several machines:
//
//     deno run --allow-ffi examples/multicast_discovery.ts offer printer 631
//
// Anybody in the network may answer: what is found is a hint, and whom one
// connects to has to prove who it is, as by TLS.
//
// Arguments: find or offer, then of an offer a name and a port; then the
// interface, by its name or an address of it (the system's choice), and the
// group's port (43210).

import {
  AF_INET,
  IP_MULTICAST_TTL,
  IPPROTO_IP,
  joinGroup,
  setMulticastInterface,
  SO_REUSEADDR,
  SOCK_DGRAM,
  Socket,
  SOL_SOCKET,
} from "../poll/mod.ts";

/** Of those that are for whoever wants one, inside an organization; RFC 2365. */
const GROUP = "239.255.43.21";
const QUESTION = "who is there?";
/** How long answers are waited for, in milliseconds. */
const PATIENCE = 1000;
/** What is longer is no answer of ours, in bytes. */
const ANSWER_MAX = 200;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Where in the network the group meets. */
interface Meeting {
  readonly iface: string | number;
  readonly port: number;
}

/** Answers every question until the signal. */
async function offer(
  name: string,
  port: string,
  meeting: Meeting,
  signal: AbortSignal,
): Promise<void> {
  using socket = new Socket(AF_INET, SOCK_DGRAM);
  // Several services of one machine share the group's port.
  socket.setsockopt(SOL_SOCKET, SO_REUSEADDR, true);
  socket.bind({ hostname: GROUP, port: meeting.port });
  joinGroup(socket, GROUP, meeting.iface);
  using replies = new Socket(AF_INET, SOCK_DGRAM);
  console.log(`Offering ${name}`);
  while (true) {
    const [data, from] = await socket.recvFrom(ANSWER_MAX, 0, { signal });
    if (decoder.decode(data) !== QUESTION) continue;
    try {
      await replies.sendTo(encoder.encode(`${port} ${name}`), from);
    } catch (error) {
      console.error(`Cannot answer: ${(error as Error).message}`);
    }
  }
}

/** Asks, and prints who answers. */
async function find({ iface, port }: Meeting): Promise<void> {
  using socket = new Socket(AF_INET, SOCK_DGRAM);
  setMulticastInterface(socket, iface);
  // Not past the first router.
  socket.setsockopt(IPPROTO_IP, IP_MULTICAST_TTL, 1);
  await socket.sendTo(encoder.encode(QUESTION), {
    hostname: GROUP,
    port,
  });
  const signal = AbortSignal.timeout(PATIENCE);
  const found = new Set<string>();
  try {
    while (true) {
      const [data, from] = await socket.recvFrom(ANSWER_MAX, 0, { signal });
      // It is printed: letters, digits and a few signs, and no control characters.
      const answer = /^(\d{1,5}) ([\w .-]{1,60})$/.exec(decoder.decode(data));
      if (answer === null) continue;
      const [, service, name] = answer;
      found.add(`${name} at ${(from as Deno.NetAddr).hostname}:${service}`);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  for (const line of [...found].sort()) console.log(line);
  console.log(`${found.size} found`);
}

if (import.meta.main) {
  const [role, ...args] = Deno.args;
  const abort = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(name, () => abort.abort());
  }
  const [name, service] = role === "offer" ? args.splice(0, 2) : [];
  const [iface = 0, port = "43210"] = args;
  const meeting = { iface, port: Number(port) };
  if (role === "find") await find(meeting);
  else if (service !== undefined) {
    try {
      await offer(name!, service, meeting, abort.signal);
    } catch (error) {
      if (!abort.signal.aborted) throw error;
    }
  } else {
    console.error(
      "Give: find [interface [port]], or: offer name port [interface [port]]",
    );
    Deno.exit(1);
  }
  Deno.exit();
}
