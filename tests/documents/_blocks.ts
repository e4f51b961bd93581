const ROOT = new URL("../../", import.meta.url);

/** A block of TypeScript of a document. */
export interface Block {
  /** The document and the heading, and of a further one under it which it is. */
  readonly name: string;
  readonly code: string;
}

/** The text of a document. */
export function textOf(document: string): string {
  return Deno.readTextFileSync(new URL(document, ROOT));
}

/** All blocks of TypeScript of a document. */
export function blocksOf(document: string): readonly Block[] {
  const blocks: Block[] = [];
  const parts = textOf(document).matchAll(
    /^#+ (?<heading>.+)$|^```ts\n(?<code>[^]*?)^```$|^```[^]*?^```$/gm,
  );
  let heading = "";
  let count = 0;
  for (const { groups } of parts) {
    if (groups?.heading !== undefined) {
      heading = groups.heading;
      count = 0;
    }
    if (groups?.code === undefined) continue;
    const place = ++count === 1 ? "" : ` (${count})`;
    blocks.push({ name: `${document}: ${heading}${place}`, code: groups.code });
  }
  return blocks;
}

/**
 * The block of a name.
 *
 * @throws {RangeError} If there is none.
 */
export function blockNamed(name: string): Block {
  const [document] = name.split(": ", 1);
  const blocks = blocksOf(document!);
  const found = blocks.find((block) => block.name === name);
  if (found === undefined) {
    const names = blocks.map((block) => block.name).join(", ");
    throw new RangeError(
      `Cannot find the block ${JSON.stringify(name)}: there are ${names}`,
    );
  }
  return found;
}
