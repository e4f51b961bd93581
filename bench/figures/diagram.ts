import { Drawing } from "./svg.ts";

/** A diagram as text: names, and lines of the characters that draw boxes. */
export interface Diagram {
  readonly title: string;
  readonly text: string;
}

/** The room of one character. */
const CELL = 7.2;
const ROW = 22;
const MARGIN = 14;
const FONT = 12;

/** From the middle of a cell, to which of its sides a character draws a line. */
const LINES: Readonly<Record<string, string>> = {
  ...{ "─": "lr", "│": "tb", "┐": "lb", "┘": "lt", "┌": "rb", "└": "rt" },
  ...{ "▼": "t", "▲": "b", "◀": "r", "▶": "l", "→": "lr" },
};

/** Where the point of an arrow goes. */
const POINTS: Readonly<Record<string, readonly [number, number]>> = {
  ...{ "▼": [0, 1], "▲": [0, -1], "◀": [-1, 0], "▶": [1, 0], "→": [1, 0] },
};

const DRAWN = Object.keys(LINES).join("");
/** A text goes on over one space, and ends at two, or at a line. */
const TEXT = new RegExp(`[^\\s${DRAWN}]+(?: [^\\s${DRAWN}]+)*`, "gu");
/** A function, a method or a class: what has a box. */
const NODE = /^(?:\w+\.)?\w+\(\)(?= |$)|^[A-Z]\w*[a-z]\w*$/;
const FILE = /(?:\.ts(?:, \w+\.ts)*|\/)$/;

/** Draws a diagram of text: the same, with boxes, lines and arrows. */
export function drawDiagram({ title, text }: Diagram): string {
  const rows = text.split("\n");
  const columns = Math.max(...rows.map((row) => row.length));
  const drawing = new Drawing({
    title,
    description: spoken(text),
    width: Math.ceil(columns * CELL + 2 * MARGIN),
    height: rows.length * ROW + 2 * MARGIN,
  });
  // Where nothing else is named, the files are what it is about.
  const onlyFiles = !rows.some((row) =>
    textsOf(row).some(([, each]) => NODE.test(each))
  );
  for (const [i, row] of rows.entries()) {
    const y = MARGIN + (i + 0.5) * ROW;
    for (const [at, char] of [...row].entries()) {
      drawLine(drawing, char, MARGIN + (at + 0.5) * CELL, y);
    }
    for (const [at, each] of textsOf(row)) {
      const node = NODE.exec(each)?.[0] ?? (onlyFiles ? each : "");
      drawNode(drawing, node, MARGIN + at * CELL, y);
      const rest = each.slice(node.length).trimStart();
      const isFile = FILE.test(rest);
      put(
        drawing,
        rest,
        MARGIN + (at + each.length - rest.length) * CELL,
        y,
        isFile,
      );
    }
  }
  return drawing.toString();
}

/** The texts of a row, each with its column. */
function textsOf(row: string): [number, string][] {
  return Array.from(row.matchAll(TEXT), (match) => [match.index, match[0]]);
}

function drawNode(drawing: Drawing, node: string, x: number, y: number): void {
  if (node === "") return;
  const width = node.length * CELL;
  drawing.add("rect", {
    ...{ x: x - 5, y: y - 9, width: width + 10, height: 18, rx: 4 },
    ...{ "class": "f-fill s-one" },
  });
  drawing.text(x, y + 4, node, { size: FONT, mono: true, bold: true, width });
}

function put(
  drawing: Drawing,
  text: string,
  x: number,
  y: number,
  isFile: boolean,
): void {
  if (text === "") return;
  drawing.text(x, y + 4, text, {
    ...{ size: FONT, mono: true, width: text.length * CELL },
    color: isFile ? "faint" : "ink",
  });
}

function drawLine(drawing: Drawing, char: string, x: number, y: number): void {
  const sides = LINES[char];
  if (sides === undefined) return;
  const ends: Readonly<Record<string, readonly [number, number]>> = {
    ...{ l: [x - CELL / 2, y], r: [x + CELL / 2, y] },
    ...{ t: [x, y - ROW / 2], b: [x, y + ROW / 2] },
  };
  for (const side of sides) drawing.line([x, y], ends[side]!, "faint", 1.5);
  // It has no line to end: it stands alone between spaces.
  if (char === "→") drawing.line([x - 1.2 * CELL, y], [x, y], "faint", 1.5);
  const point = POINTS[char];
  if (point === undefined) return;
  const [dx, dy] = point;
  const at = (along: number, across: number) =>
    `${(x + dx * along + dy * across).toFixed(1)},${
      (y + dy * along + dx * across).toFixed(1)
    }`;
  drawing.add("polygon", {
    ...{ points: [at(5, 0), at(-4, 4.5), at(-4, -4.5)].join(" ") },
    "class": "f-faint",
  });
}

/** The diagram as it can be read aloud: arrows as such, other lines left out. */
function spoken(text: string): string {
  return text.split("\n").map((row) =>
    row.replaceAll("▶", "→").replaceAll("◀", "←").replaceAll("▼", "↓")
      .replaceAll("▲", "↑").replaceAll(/[─│┐┘┌└]+/g, " ")
      .replaceAll(/ {2,}/g, " ").trim()
  ).join("\n");
}
