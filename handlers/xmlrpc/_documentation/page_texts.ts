import type { XMLRPCDocumentation } from "../xmlrpc_documentation.ts";
import { checkDocumentation } from "./check_documentation.ts";

/** What a page says beside the methods. It may change while a server serves. */
export class PageTexts {
  #texts: XMLRPCDocumentation;

  /** @throws {TypeError} If something of it is no text, or has an unknown name. */
  constructor(documentation: XMLRPCDocumentation = {}) {
    checkDocumentation(documentation);
    this.#texts = { ...documentation };
  }

  /** All of it, as it is now. */
  get texts(): XMLRPCDocumentation {
    return this.#texts;
  }

  /** @throws {TypeError} If it is no text. */
  set(name: keyof XMLRPCDocumentation, text: string): void {
    const changed = { ...this.#texts, [name]: text };
    checkDocumentation(changed);
    this.#texts = changed;
  }
}
