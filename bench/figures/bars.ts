import {
  type ChartText,
  figure,
  ground,
  MARGIN,
  steps,
  WIDTH,
} from "./chart.ts";

/** Bars below a name. */
export interface BarGroup {
  readonly name: string;
  readonly bars: readonly {
    readonly name: string;
    /** 0 or more. */
    readonly value: number;
  }[];
}

/** Bars of ratios; a line stands at 1, where there is no difference. */
export interface BarChart extends ChartText {
  readonly groups: readonly BarGroup[];
}

const BAR = 14;
const ROW = 22;
const GROUP_NAME = 20;
const GROUP_GAP = 8;
const NAMES = 150;
const FIGURES = 40;
const AXIS = 18;
/** How far the 1 on the axis must be from the 0. */
const CLOSEST = 12;

/** Draws bars of ratios, from 0. */
export function drawBars({ groups, ...text }: BarChart): string {
  const values = groups.flatMap(({ bars }) => bars.map(({ value }) => value));
  if (
    values.length === 0 ||
    values.some((value) => !(value >= 0 && value < Infinity))
  ) {
    throw new RangeError(
      `Cannot draw bars: each value must be a number of at least 0, received ${
        Deno.inspect(values)
      }`,
    );
  }
  const most = Math.max(1, ...values);
  const height = groups.reduce(
    (sum, { bars }) => sum + GROUP_NAME + bars.length * ROW + GROUP_GAP,
    AXIS,
  );
  const { drawing, top } = ground(text, height);
  const left = MARGIN + NAMES;
  const scale = (WIDTH - MARGIN - FIGURES - left) / most;
  const bottom = top + height - AXIS;
  const label = (x: number, step: number, bold: boolean) =>
    drawing.text(x, bottom + 14, figure(step), {
      ...{ size: 11, anchor: "middle", bold, color: bold ? "ink" : "faint" },
    });
  for (const step of steps(most)) {
    if (step !== 1) label(left + step * scale, step, false);
  }
  if (scale >= CLOSEST) label(left + scale, 1, true);
  let y = top;
  for (const { name, bars } of groups) {
    drawing.text(MARGIN, y + 14, name, { size: 12, bold: true });
    y += GROUP_NAME;
    // Not over the names of groups, which would be hard to read.
    const ends = y + bars.length * ROW;
    for (const step of steps(most)) {
      const x = left + step * scale;
      drawing.line([x, y], [x, ends], "rule");
    }
    for (const [i, { name, value }] of bars.entries()) {
      drawing.text(left - 8, y + i * ROW + 15, name, {
        ...{ size: 12, anchor: "end" },
      });
      drawing.add("rect", {
        ...{ x: left, y: y + i * ROW + (ROW - BAR) / 2, rx: 2 },
        ...{ width: value * scale, height: BAR, "class": "f-one" },
      });
    }
    // Over the bars, so that it is seen where they end.
    drawing.line([left + scale, y], [left + scale, ends], "ink", 1.5);
    for (const { value } of bars) {
      drawing.text(left + value * scale + 5, y + 15, figure(value), {
        ...{ size: 12, halo: true },
      });
      y += ROW;
    }
    y += GROUP_GAP;
  }
  return drawing.toString();
}
