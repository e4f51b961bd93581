/**
 * An accept that has been begun for one request. It is kept where nobody comes in
 * time, since an accept cannot be taken back.
 */
export class AcceptAhead<Request, Address extends Deno.Addr> {
  readonly #settled: Promise<void>;
  #outcome: PromiseSettledResult<[Request, Address]> | undefined;
  #discard: ((request: Request, clientAddress: Address) => void) | undefined;

  /**
   * @param accept Accepts one request.
   * @param onSettled Called when it is there, or has failed.
   */
  constructor(
    accept: () => Promise<[Request, Address]>,
    onSettled: () => void,
  ) {
    const settle = (outcome: PromiseSettledResult<[Request, Address]>) => {
      this.#outcome = outcome;
      if (this.#discard !== undefined) return this.drop(this.#discard);
      onSettled();
    };
    this.#settled = Promise.try(accept).then(
      (value) => settle({ status: "fulfilled", value }),
      (reason) => settle({ status: "rejected", reason }),
    );
  }

  /** Whether `take` need not wait. */
  get isSettled(): boolean {
    return this.#outcome !== undefined;
  }

  /**
   * Waits for the request.
   *
   * @throws What accepting failed with; `undefined` if the request was dropped.
   */
  async take(): Promise<[Request, Address]> {
    await this.#settled;
    const outcome = this.#outcome;
    if (outcome?.status === "fulfilled") return outcome.value;
    throw outcome?.reason;
  }

  /** Has the request discarded, also where it is still to come. */
  drop(discard: (request: Request, clientAddress: Address) => void): void {
    this.#discard = discard;
    const outcome = this.#outcome;
    this.#outcome = undefined;
    if (outcome?.status === "fulfilled") discard(...outcome.value);
  }
}
