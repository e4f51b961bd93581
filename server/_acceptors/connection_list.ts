import { ProtocolError } from "../_bridge/frames.ts";
import type { ConnectionInfo, ConnectionState } from "../server_stats.ts";
import { isCount, isId, readClient } from "./checks.ts";

const STATES: readonly unknown[] = Object.keys(
  {
    accepted: true,
    waiting: true,
    active: true,
    aborted: true,
    lingering: true,
  } satisfies Record<ConnectionState, true>,
);

/**
 * The requests that a thread says it has.
 *
 * @param value What it says.
 * @param most How many it may have.
 * @throws {ProtocolError} If that is no such list.
 */
export function readConnections(
  value: unknown,
  most: number,
): ConnectionInfo[] {
  if (!Array.isArray(value) || value.length > most) throw noConnections();
  return value.map(readConnection);
}

function readConnection(value: unknown): ConnectionInfo {
  const { id, address, since, state, bytesIn, bytesOut, buffered } =
    (value ?? {}) as Readonly<Record<string, unknown>>;
  const client = readClient(address);
  if (
    !isId(id) || client === undefined || typeof since !== "number" ||
    !STATES.includes(state) || !isCount(bytesIn) || !isCount(bytesOut) ||
    !isCount(buffered)
  ) throw noConnections();
  return {
    ...{ id, address: client, since, state: state as ConnectionState },
    ...{ bytesIn, bytesOut, buffered },
  };
}

function noConnections(): ProtocolError {
  return new ProtocolError(
    "Cannot take the connections of a thread: they are of no kind",
  );
}
