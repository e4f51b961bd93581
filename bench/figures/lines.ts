import {
  type ChartText,
  colorOf,
  drawLegend,
  figure,
  ground,
  legendHeight,
  MARGIN,
  steps,
  WIDTH,
} from "./chart.ts";

/** A line, with a value for each place on the axis. */
export interface LineSeries {
  readonly name: string;
  readonly values: readonly number[];
}

/** Lines over places that are the same distance apart, whatever they are called. */
export interface LineChart extends ChartText {
  /** What the places are. */
  readonly axis: string;
  readonly places: readonly string[];
  /** Four at most: more could not be told apart. */
  readonly series: readonly LineSeries[];
}

const HEIGHT = 200;
const FIGURES = 34;
const AXIS = 38;

/** Draws lines, from 0. */
export function drawLines(
  { axis, places, series, ...text }: LineChart,
): string {
  const values = series.flatMap(({ values }) => values);
  if (
    series.length > 4 ||
    series.some((each) => each.values.length !== places.length) ||
    values.length === 0 ||
    values.some((value) => !(value >= 0 && value < Infinity))
  ) {
    throw new RangeError(
      `Cannot draw lines: 1 to 4 series must have a number of at least 0 for each of ${places.length} places, received ${
        Deno.inspect(series)
      }`,
    );
  }
  const names = series.map(({ name }) => name);
  const legend = legendHeight(names);
  const { drawing, top } = ground(text, legend + HEIGHT + AXIS);
  drawLegend(drawing, top, names);
  const most = Math.max(...values) || 1;
  const base = top + legend + HEIGHT;
  const left = MARGIN + FIGURES;
  const right = WIDTH - MARGIN;
  const y = (value: number) => base - value * (HEIGHT - 10) / most;
  // In the middles of equal parts, so that marks and names have room.
  const x = (place: number) =>
    left + (place + 0.5) * (right - left) / places.length;
  for (const step of steps(most)) {
    drawing.line([left, y(step)], [right, y(step)], "rule");
    drawing.text(left - 6, y(step) + 4, figure(step), {
      ...{ size: 11, color: "faint", anchor: "end" },
    });
  }
  for (const [i, place] of places.entries()) {
    drawing.text(x(i), base + 17, place, { size: 12, anchor: "middle" });
  }
  drawing.text((left + right) / 2, base + 33, axis, {
    ...{ size: 11, color: "faint", anchor: "middle" },
  });
  // Ours, the first, over the others.
  for (const [i, { values }] of [...series.entries()].reverse()) {
    drawing.add("polyline", {
      points: values.map((value, at) =>
        `${x(at).toFixed(1)},${y(value).toFixed(1)}`
      )
        .join(" "),
      ...{ "class": `s-${colorOf(i)}`, "stroke-width": i === 0 ? 2.5 : 1.5 },
    });
    for (const [at, value] of values.entries()) {
      drawing.mark(i, x(at), y(value));
    }
  }
  return drawing.toString();
}
