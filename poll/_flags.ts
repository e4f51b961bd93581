import { INT_MAX, integer } from "./_check.ts";
import {
  MSG_CMSG_CLOEXEC,
  MSG_CONFIRM,
  MSG_CTRUNC,
  MSG_DONTROUTE,
  MSG_DONTWAIT,
  MSG_EOR,
  MSG_ERRQUEUE,
  MSG_MORE,
  MSG_NOSIGNAL,
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITALL,
} from "./constants_socket.ts";

/**
 * The flags of recv(2) and send(2) that are honoured here. The kernel ignores
 * those that it does not know, and some that it knows would let it read or write
 * a buffer after the call, as MSG_ZEROCOPY: so each call names what it takes.
 */

const RECEIVE = {
  ...{ MSG_OOB, MSG_PEEK, MSG_TRUNC, MSG_DONTWAIT, MSG_WAITALL },
  ...{ MSG_ERRQUEUE, MSG_NOSIGNAL },
};
const RECEIVE_MANY = {
  ...{ MSG_OOB, MSG_PEEK, MSG_TRUNC, MSG_DONTWAIT, MSG_ERRQUEUE, MSG_NOSIGNAL },
};
const RECEIVE_MESSAGE = {
  ...{ MSG_OOB, MSG_PEEK, MSG_DONTWAIT, MSG_ERRQUEUE, MSG_NOSIGNAL },
  ...{ MSG_CMSG_CLOEXEC },
};
const SEND = {
  ...{ MSG_OOB, MSG_DONTROUTE, MSG_DONTWAIT, MSG_EOR, MSG_CONFIRM },
  ...{ MSG_NOSIGNAL, MSG_MORE },
};

type Flags = Readonly<Record<string, number>>;

const NAMES: Flags = { ...RECEIVE, ...RECEIVE_MESSAGE, ...SEND, MSG_CTRUNC };

/** Checks flags for receiving. */
export const checkReceiveFlags = checker("receive", RECEIVE);

/** Checks flags for receiving a batch, which cannot wait for a number of bytes. */
export const checkReceiveManyFlags = checker(
  "receive a batch",
  RECEIVE_MANY,
);

/**
 * Checks flags for receiving a message, which has no bytes of two calls, and
 * tells by flags of its own what was cut off.
 */
export const checkReceiveMessageFlags = checker(
  "receive a message",
  RECEIVE_MESSAGE,
);

/** Checks flags for sending. */
export const checkSendFlags = checker("send", SEND);

function checker(action: string, flags: Flags): (flags: number) => void {
  const known = Object.values(flags).reduce((all, flag) => all | flag, 0);
  /**
   * @throws {TypeError} If it is no integer, or has a flag that is none here.
   * @throws {RangeError} If it is not from 0 to 2^31 - 1.
   */
  return (value) => {
    // Nearly every call has none.
    if (value === 0) return;
    integer(value, "flags", 0, INT_MAX);
    const unknown = value & ~known;
    if (unknown !== 0) throw unknownFlag(action, flags, unknown);
  };
}

function unknownFlag(action: string, flags: Flags, unknown: number): TypeError {
  const lowest = unknown & -unknown;
  const name = Object.keys(NAMES).find((name) => NAMES[name] === lowest);
  const known = Object.keys(flags).filter((name) => flags[name] !== 0);
  return new TypeError(
    `Cannot ${action} with flag ${
      name ?? `0x${lowest.toString(16)}`
    }: this call takes ${known.join(", ")}`,
  );
}

/** Whether a call shall not wait, whatever the socket's timeout is. */
export function neverWaits(flags: number): boolean {
  return (flags & MSG_DONTWAIT) !== 0;
}
