/** By what part of the requests threads may differ. */
const SPREAD = 0.1;

/**
 * After how many requests a thread is replaced: up to a tenth earlier, by chance,
 * so that threads which began together do not end together.
 */
export function requestsOfThread(requestsPerWorker: number): number {
  if (requestsPerWorker === Infinity) return Infinity;
  return Math.ceil(requestsPerWorker * (1 - SPREAD * Math.random()));
}
