/** Where in `totals` the bytes are that have come from clients. */
export const BYTES_IN = 0;
/** Where in `totals` the bytes are that clients have taken. */
export const BYTES_OUT = 1;

/**
 * The bytes of one request, and of all of its server. What moves bytes adds to it.
 */
export interface Traffic {
  /** How many bytes its client has sent, as far as they were read. */
  bytesIn: number;
  /** How many bytes were written to its client. */
  bytesOut: number;
  /**
   * Those of all requests: `BYTES_IN` and `BYTES_OUT`. It is memory that other
   * threads may read.
   */
  readonly totals: Float64Array;
}

/** The name of the method that tells a stream which request its bytes are of. */
export const COUNT: unique symbol = Symbol("count");
/** The name of a handler's property that says where its bytes are counted. */
export const TRAFFIC: unique symbol = Symbol("traffic");

/** Counts bytes that have come. */
export function countIn(traffic: Traffic, n: number): void {
  traffic.bytesIn += n;
  traffic.totals[BYTES_IN]! += n;
}

/** Counts bytes that were taken. */
export function countOut(traffic: Traffic, n: number): void {
  traffic.bytesOut += n;
  traffic.totals[BYTES_OUT]! += n;
}

/** Counters of nobody else's. */
export function ownTraffic(): Traffic {
  return { bytesIn: 0, bytesOut: 0, totals: new Float64Array(2) };
}
