import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import { join } from "node:path";
import { type BarChart, drawBars } from "../bench/figures/bars.ts";
import { steps } from "../bench/figures/chart.ts";
import { drawDiagram } from "../bench/figures/diagram.ts";
import { diagramsOf } from "../bench/figures/diagrams_of.ts";
import { drawLines, type LineChart } from "../bench/figures/lines.ts";
import { Program, testWith } from "./_program.ts";

const python = new Program("python3", "python3");

const ROOT = join(import.meta.dirname!, "..");
const read = (path: string) => Deno.readTextFileSync(join(ROOT, path));

const ARCHITECTURE = read("ARCHITECTURE.md");
const diagrams = diagramsOf(ARCHITECTURE);

/** The pictures that are published, by their files. */
const published = [...Deno.readDirSync(join(ROOT, "docs/figures"))]
  .filter(({ name }) => name.endsWith(".svg"))
  .map(({ name }) => [name, read(`docs/figures/${name}`)] as const);

const drawn = new Set(
  diagrams.map(({ file }) => file.replace("docs/figures/", "")),
);
const charts = published.filter(([name]) => !drawn.has(name));

const TEXT = {
  title: "Ours & <theirs>",
  subtitle: 'Less is "better".',
  description: "A is 0.5.",
  caption: ["A machine", "2026-01-01", "a command"],
};

const BARS: BarChart = {
  ...TEXT,
  groups: [
    { name: "one", bars: [{ name: "A", value: 0.5 }, { name: "B", value: 2 }] },
    { name: "two", bars: [{ name: "C", value: 0 }] },
  ],
};

const LINES: LineChart = {
  ...TEXT,
  axis: "connections",
  places: ["1", "50"],
  series: [
    { name: "A", values: [1, 4] },
    { name: "B", values: [2, 0] },
  ],
};

Deno.test("the diagrams of ARCHITECTURE.md are what is drawn of their text", () => {
  ok(diagrams.length >= 6, `${diagrams.length} diagrams`);
  for (const { file, ...diagram } of diagrams) {
    strictEqual(read(file), drawDiagram(diagram), `${file}: deno task figures`);
  }
});

Deno.test("ARCHITECTURE.md has no diagram that is not drawn", () => {
  let rest = ARCHITECTURE;
  for (const { text } of diagrams) {
    const block = text.split("\n").map((line) => line && `    ${line}`)
      .join("\n");
    ok(rest.includes(block), block);
    rest = rest.replace(block, "");
  }
  strictEqual(/^ {4}.*[─│▼▲◀▶→]/m.exec(rest)?.[0], undefined);
});

Deno.test("the guide shows diagrams of ARCHITECTURE.md with the same text", () => {
  const shown = diagramsOf(read("docs/guide/inside.md"));
  ok(shown.length >= 3, `${shown.length} diagrams`);
  for (const diagram of shown) {
    const file = diagram.file.replace("../figures/", "docs/figures/");
    deepStrictEqual(
      { ...diagram, file },
      diagrams.find((drawn) => drawn.file === file),
    );
  }
});

Deno.test("a diagram has boxes for names, lines and arrows, and words for who sees none", () => {
  const svg = drawDiagram({
    title: "A & B",
    text: [
      "Near.start()  ── asks ──▶  Far     far.ts",
      "   │                      two <words>",
      "   ▼",
    ].join("\n"),
  });
  strictEqual(svg.match(/<rect [^>]*rx=/g)?.length, 2);
  // Two points of arrows, and a line for each character that draws one.
  strictEqual(svg.match(/<polygon /g)?.length, 2);
  strictEqual(svg.match(/<line /g)?.length, 4 * 2 + 1 + 2 + 1);
  ok(svg.includes(">Near.start()</text>") && svg.includes(">far.ts</text>"));
  ok(svg.includes(">two &lt;words&gt;</text>"));
  ok(svg.includes('<title id="title">A &amp; B</title>'));
  ok(
    svg.includes(
      ">Near.start() asks → Far far.ts\ntwo &lt;words&gt;\n↓</desc>",
    ),
  );
});

Deno.test("bars are as long as their values, and a line stands at 1", () => {
  const svg = drawBars(BARS);
  const widths = Array.from(
    svg.matchAll(/<rect x="[^"]+" y="[^"]+" rx="2" width="([^"]+)"/g),
    ([, width]) => Number(width),
  );
  strictEqual(widths.length, 3);
  const [half, two, none] = widths;
  ok(Math.abs(two! / half! - 4) < 0.01, `${widths}`);
  strictEqual(none, 0);
  const left = Number(/<rect x="([^"]+)"/.exec(svg)![1]);
  const even = Number(/<line x1="([^"]+)"[^>]*s-ink/.exec(svg)![1]);
  ok(Math.abs(even - left - two! / 2) < 0.02, `${even}`);
});

Deno.test("lines go through their values", () => {
  const svg = drawLines(LINES);
  const heights = Array.from(
    svg.matchAll(/<polyline points="[^,]+,([^ ]+) [^,]+,([^"]+)"/g),
    (match) => [Number(match[1]), Number(match[2])],
  );
  // B is drawn first, so that ours is on top; 0 is at the bottom.
  const [b, a] = heights as [[number, number], [number, number]];
  const base = b[1];
  const ratio = (base - a[0]) / (base - a[1]);
  ok(Math.abs(ratio - 1 / 4) < 0.01, `${heights}`);
  ok(Math.abs((base - b[0]) / (base - a[1]) - 1 / 2) < 0.01, `${heights}`);
});

Deno.test("what cannot be drawn is refused", () => {
  const bars = (value: number) => ({
    ...{ ...BARS, groups: [{ name: "one", bars: [{ name: "A", value }] }] },
  });
  for (const value of [NaN, -1, Infinity]) {
    throws(() => drawBars(bars(value)), RangeError);
  }
  throws(() => drawBars({ ...BARS, groups: [] }), RangeError);
  const lines = (values: number[]) => ({
    ...{ ...LINES, series: [{ name: "A", values }] },
  });
  for (const values of [[1], [1, NaN], [1, -1], [1, 2, 3]]) {
    throws(() => drawLines(lines(values)), RangeError);
  }
  throws(() => drawLines({ ...LINES, series: [] }), RangeError);
  const many = Array(5).fill({ name: "A", values: [1, 2] });
  throws(() => drawLines({ ...LINES, series: many }), RangeError);
});

Deno.test("scales have round numbers, whatever the largest value", () => {
  deepStrictEqual(steps(1), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  deepStrictEqual(steps(9.94), [0, 2, 4, 6, 8]);
  deepStrictEqual(steps(2300), [0, 500, 1000, 1500, 2000]);
  for (const most of [1e-6, 0.3, 1, 7, 33, 1e9]) {
    const found = steps(most);
    ok(found.length >= 2 && found.length <= 11, `${most}: ${found}`);
  }
});

testWith(
  [python],
  "pictures are well-formed XML, whatever their texts",
  async () => {
    const all = [
      drawBars(BARS),
      drawLines(LINES),
      ...published.map(([, svg]) => svg),
    ];
    const script = [
      "import json, sys, xml.etree.ElementTree as tree",
      "for text in json.load(sys.stdin): print(tree.fromstring(text)[0].text)",
    ].join("\n");
    const printed = await python.run(["-c", script], JSON.stringify(all));
    const titles = printed.trim().split("\n");
    strictEqual(titles.length, all.length);
    deepStrictEqual(titles.slice(0, 2), [TEXT.title, TEXT.title]);
  },
);

Deno.test("every picture says what it shows, in light and in dark, and loads nothing", () => {
  ok(published.length >= 9, `${published.length} pictures`);
  for (const [name, svg] of published) {
    ok(/<title id="title">.{10,}<\/title>/.test(svg), name);
    ok(/<desc id="description">[^<]{30,}<\/desc>/.test(svg), name);
    ok(svg.includes('role="img" aria-labelledby="title description"'), name);
    ok(svg.includes("@media (prefers-color-scheme:dark)"), name);
    const own = svg.replace('xmlns="http://www.w3.org/2000/svg"', "");
    ok(!/https?:|url\(|@import|@font-face|href|<script/.test(own), name);
  }
});

/** The contrast of two colors, WCAG 2.1. */
function contrast(one: string, other: string): number {
  const luminance = (color: string) =>
    [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16) / 255)
      .map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
      .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i]!, 0);
  const [less, more] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (more! + 0.05) / (less! + 0.05);
}

Deno.test("texts stand out from the ground, in light and in dark", () => {
  const svg = drawLines(LINES);
  const [light, dark] = svg.split("@media");
  for (const rules of [light!, dark!]) {
    const colors = new Map(
      Array.from(
        rules.matchAll(/\.f-(\w+)\{fill:(#\w{6})\}/g),
        (match) => [match[1]!, match[2]!],
      ),
    );
    for (const name of ["ink", "faint", "one", "two", "three", "four"]) {
      const found = contrast(colors.get(name)!, colors.get("ground")!);
      ok(found >= 4.5, `${name}: ${found}`);
    }
  }
});

Deno.test("each figure that was measured has its machine, date and command in it", () => {
  deepStrictEqual(
    charts.map(([name]) => name).sort(),
    ["costs.svg", "latencies.svg", "ratios.svg"],
  );
  for (const [name, svg] of charts) {
    ok(/>Deno \d+\.\d+\.\d+, \d+ cores/.test(svg), name);
    ok(/>20\d\d-\d\d-\d\d, load average/.test(svg), name);
    ok(/>deno task bench:report/.test(svg), name);
    // Of few rounds, they say so.
    ok(/>A first impression|, medians of \d+ rounds/.test(svg), name);
  }
});

Deno.test("README.md and bench/README.md show pictures that are there", () => {
  for (
    const [document, folder] of [["README.md", ""], [
      "bench/README.md",
      "bench/",
    ]]
  ) {
    const shown = Array.from(
      read(document!).matchAll(/!\[[^\]]{10,}\]\(([^)]+\.svg)\)/g),
      ([, file]) => file!,
    );
    ok(shown.length > 0, document);
    for (const file of shown) Deno.statSync(join(ROOT, folder!, file));
  }
});
