/**
 * Draws the diagrams of ARCHITECTURE.md: the pictures of docs/figures/ from the text
 * that stands behind each in the document.
 */
import { drawDiagram } from "./diagram.ts";
import { diagramsOf } from "./diagrams_of.ts";

const root = new URL("../../", import.meta.url);
const document = await Deno.readTextFile(new URL("ARCHITECTURE.md", root));
const diagrams = diagramsOf(document);
for (const diagram of diagrams) {
  await Deno.writeTextFile(new URL(diagram.file, root), drawDiagram(diagram));
  console.log(diagram.file);
}
