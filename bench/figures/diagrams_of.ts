import type { Diagram } from "./diagram.ts";

/** A diagram, and the file that a document shows it from. */
export interface PlacedDiagram extends Diagram {
  /** As the document names it. */
  readonly file: string;
}

/** A picture, and behind it the text that it is made of, folded away. */
const PLACED =
  /!\[([^\]]+)\]\(([^)\s]+\.svg)\)\n\n<details>\s*<summary>[^<]*<\/summary>\n\n((?: {4}.*\n|\n)+?)\n*<\/details>/g;

/**
 * The diagrams of a document in Markdown: each is a picture in SVG, with its
 * alternative text as the title, and behind it a block of text in `<details>`.
 */
export function diagramsOf(markdown: string): PlacedDiagram[] {
  return Array.from(markdown.matchAll(PLACED), ([, title, file, block]) => ({
    title: title!,
    file: file!,
    text: block!.split("\n").map((line) => line.slice(4).trimEnd()).join("\n")
      .trimEnd(),
  }));
}
