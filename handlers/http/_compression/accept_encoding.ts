/** `codings [ weight ]`, RFC 9110, sections 12.4.2 and 12.5.3. */
const ITEM =
  /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+)(?:[ \t]*;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?$/i;

/** Which content codings a client takes: RFC 9110, section 12.5.3. */
export class AcceptedCodings {
  readonly #weights = new Map<string, number>();

  /**
   * @param header The value of `Accept-Encoding`. Where a request has none, nothing
   * is known of its client, and it is sent no coding. What of it is malformed is
   * ignored.
   */
  constructor(header: string | undefined) {
    for (const item of (header ?? "").split(",")) {
      const [, name, weight = "1"] = ITEM.exec(item.trim()) ?? [];
      if (name === undefined) continue;
      const coding = name.toLowerCase();
      // Section 8.4.1.3: the same by its older name.
      const known = coding === "x-gzip" ? "gzip" : coding;
      if (!this.#weights.has(known)) this.#weights.set(known, Number(weight));
    }
  }

  /** Whether what is not encoded is refused. */
  get refusesIdentity(): boolean {
    return (this.#weights.get("identity") ?? this.#weights.get("*")) === 0;
  }

  /**
   * The coding that the client likes best.
   *
   * @param codings Those there are, the server's best first.
   * @returns `undefined` if it takes none of them, or rather has none at all.
   */
  best<Coding extends string>(
    codings: readonly Coding[],
  ): Coding | undefined {
    let best: Coding | undefined;
    // It is acceptable by default, and no more than that.
    let most = this.#weights.get("identity") ?? 0;
    for (const coding of codings) {
      const weight = this.weightOf(coding);
      // Of what is liked as well as no coding, the shorter is sent.
      if (best === undefined ? weight >= most && weight > 0 : weight > most) {
        best = coding;
        most = weight;
      }
    }
    return best;
  }

  /** How much the client likes a coding, 0 to 1. */
  weightOf(coding: string): number {
    return this.#weights.get(coding) ?? this.#weights.get("*") ?? 0;
  }
}
