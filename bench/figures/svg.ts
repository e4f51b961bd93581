/** What a drawing is made of: SVG 1.1 that needs nothing from elsewhere. */

/** The width of a character, of that of its height: no font is measured here. */
const CHARACTER_WIDTH = 0.56;

/**
 * Each in light and in dark. What has text in it stands out from the ground by at
 * least 4.5 to 1 (WCAG 2.1, 1.4.3).
 */
const COLORS = {
  ground: ["#ffffff", "#0d1117"],
  ink: ["#1f2328", "#e6edf3"],
  faint: ["#59636e", "#9198a1"],
  rule: ["#d1d9e0", "#3d444d"],
  fill: ["#ddf4ff", "#121d2f"],
  one: ["#0969da", "#58a6ff"],
  two: ["#9a6700", "#d29922"],
  three: ["#1a7f37", "#3fb950"],
  four: ["#a40e7a", "#f778ba"],
} as const;

/** The name of a color, which differs in light and in dark. */
export type Color = keyof typeof COLORS;

/** The colors of what is compared, ours first. */
export const SERIES: readonly Color[] = ["one", "two", "three", "four"];

/** Attributes of an element. */
export type Attributes = Readonly<Record<string, string | number>>;

/** How a text stands. */
export interface TextStyle {
  readonly color?: Color;
  /** The height of the font, in units of the drawing; 13 by default. */
  readonly size?: number;
  readonly anchor?: "start" | "middle" | "end";
  readonly bold?: boolean;
  readonly mono?: boolean;
  /** Whether what is below is covered around it. */
  readonly halo?: boolean;
  /** How wide it must be, whatever font there is. */
  readonly width?: number;
}

/** What is said of a drawing to who does not see it, and how large it is. */
export interface DrawingOptions {
  readonly title: string;
  readonly description: string;
  readonly width: number;
  readonly height: number;
}

/** A drawing in SVG. Numbers are in its own units, a pixel where it is not scaled. */
export class Drawing {
  readonly #options: DrawingOptions;
  readonly #elements: string[] = [];

  constructor(options: DrawingOptions) {
    this.#options = options;
  }

  /** Adds an element, and draws it over those before it. */
  add(name: string, attributes: Attributes, text?: string): void {
    const pairs = Object.entries(attributes)
      .map(([name, value]) =>
        ` ${name}="${
          typeof value === "number" ? shortest(value) : escape(value)
        }"`
      );
    this.#elements.push(
      `<${name}${pairs.join("")}${
        text === undefined ? "/>" : `>${escape(text)}</${name}>`
      }`,
    );
  }

  text(x: number, y: number, text: string, style: TextStyle = {}): void {
    const { color = "ink", size = 13, anchor = "start", width } = style;
    const classes = [
      `f-${color}`,
      ...style.bold ? ["bold"] : [],
      ...style.mono ? ["mono"] : [],
      ...style.halo ? ["halo s-ground"] : [],
    ];
    this.add("text", {
      ...{ x, y, "class": classes.join(" "), "font-size": size },
      ...anchor === "start" ? {} : { "text-anchor": anchor },
      ...width === undefined
        ? {}
        : { textLength: width, lengthAdjust: "spacingAndGlyphs" },
    }, text);
  }

  line(
    from: readonly [number, number],
    to: readonly [number, number],
    color: Color,
    width = 1,
  ): void {
    this.add("line", {
      ...{ x1: from[0], y1: from[1], x2: to[0], y2: to[1] },
      ...{ "class": `s-${color}`, "stroke-width": width },
    });
  }

  /** The mark of a series, which is told apart by its form too. */
  mark(series: number, x: number, y: number): void {
    const paint = { "class": `f-${SERIES[series % SERIES.length]!}` };
    const r = 4.5;
    const polygon = (...points: readonly (readonly [number, number])[]) =>
      this.add("polygon", {
        ...paint,
        points: points.map(([dx, dy]) =>
          `${shortest(x + dx)},${shortest(y + dy)}`
        )
          .join(" "),
      });
    if (series === 0) this.add("circle", { ...paint, cx: x, cy: y, r });
    else if (series === 1) polygon([-r, -r], [r, -r], [r, r], [-r, r]);
    else if (series === 2) polygon([0, -r - 1], [r, r - 1], [-r, r - 1]);
    else polygon([0, -r - 1], [r + 1, 0], [0, r + 1], [-r - 1, 0]);
  }

  toString(): string {
    const { title, description, width, height } = this.#options;
    const rules = (at: 0 | 1) =>
      Object.entries(COLORS).map(([name, colors]) =>
        `.f-${name}{fill:${colors[at]}}.s-${name}{stroke:${colors[at]}}`
      ).join("");
    return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title description">
<title id="title">${escape(title)}</title>
<desc id="description">${escape(description)}</desc>
<style>
text{font-family:system-ui,sans-serif}
.mono{font-family:ui-monospace,monospace}
.bold{font-weight:600}
.halo{paint-order:stroke;stroke-width:4px}
polyline,.hollow{fill:none}
${rules(0)}
@media (prefers-color-scheme:dark){${rules(1)}}
</style>
<rect class="f-ground" width="${width}" height="${height}"/>
${this.#elements.join("\n")}
</svg>
`;
  }
}

/** As long as it may be in so much room, by what characters are wide on average. */
export function fitting(text: string, width: number, size: number): string[] {
  const most = Math.max(1, Math.floor(width / (size * CHARACTER_WIDTH)));
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= most) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(word);
  }
  return lines;
}

/** A number with two digits behind the point at most. */
function shortest(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** XML's own characters, in text and in attributes alike. */
function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
