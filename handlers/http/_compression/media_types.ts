import { checkTexts } from "../../_settings.ts";

/** A type, all types of a kind, or all with a suffix (RFC 6838, section 4.2.8). */
const PATTERN =
  /^(?:([a-z0-9!#$&^_.+-]+\/)(?:\*|[a-z0-9!#$&^_.+-]+)|\*(\+[a-z0-9!#$&^_.-]+))$/;

/** A set of media types. */
export class MediaTypes {
  readonly #types = new Set<string>();
  readonly #kinds = new Set<string>();
  readonly #suffixes = new Set<string>();

  /**
   * @param patterns `"text/html"`, `"text/*"`, `"*+json"`.
   * @throws {TypeError} If it is no list, or one of them is no such pattern.
   */
  constructor(patterns: readonly string[]) {
    checkTexts("compress responses", "compression.types", patterns);
    for (const pattern of patterns) {
      const lower = pattern.toLowerCase();
      const found = PATTERN.exec(lower);
      if (found === null) {
        throw new TypeError(
          `Cannot compress responses: compression.types has ${
            JSON.stringify(pattern)
          }; write a type as "text/html", "text/*" or "*+json"`,
        );
      }
      const [, kind, suffix] = found;
      if (suffix !== undefined) this.#suffixes.add(suffix);
      else if (lower.endsWith("/*")) this.#kinds.add(kind!);
      else this.#types.add(lower);
    }
  }

  /**
   * Whether a type is one of them.
   *
   * @param contentType The value of `Content-Type`, with its parameters.
   */
  has(contentType: string): boolean {
    const end = contentType.indexOf(";");
    const type = (end < 0 ? contentType : contentType.slice(0, end)).trim()
      .toLowerCase();
    if (this.#types.has(type)) return true;
    const slash = type.indexOf("/") + 1;
    if (slash === 0) return false;
    if (this.#kinds.has(type.slice(0, slash))) return true;
    const plus = type.lastIndexOf("+");
    return plus > slash && this.#suffixes.has(type.slice(plus));
  }
}
