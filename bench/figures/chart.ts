import { type Color, Drawing, fitting, SERIES } from "./svg.ts";

/** The width of all charts: on a phone they are drawn a little smaller. */
export const WIDTH = 440;
/** What is left free around a chart. */
export const MARGIN = 14;

const CAPTION_SIZE = 11;
const CAPTION_LINE = 15;
const TITLE_LINE = 19;

/** What every chart says of itself. */
export interface ChartText {
  readonly title: string;
  /** What is measured, in what unit, and whether more or less is better. */
  readonly subtitle: string;
  /** The figures in words, for who does not see them. */
  readonly description: string;
  /** Machine, date and command, a line each. */
  readonly caption: readonly string[];
}

/** A chart's ground: its texts, and room for what is measured. */
export interface Ground {
  readonly drawing: Drawing;
  /** Where the room begins. */
  readonly top: number;
}

/** Lays out the texts around `height` of room. */
export function ground(
  { title, subtitle, description, caption }: ChartText,
  height: number,
): Ground {
  const room = WIDTH - 2 * MARGIN;
  const titles = fitting(title, room, 15);
  const subtitles = fitting(subtitle, room, CAPTION_SIZE + 1);
  const captions = caption.flatMap((line) => fitting(line, room, CAPTION_SIZE));
  const top = MARGIN + TITLE_LINE * titles.length +
    CAPTION_LINE * subtitles.length + 8;
  const bottom = top + height + 8;
  const drawing = new Drawing({
    title,
    description: `${subtitle} ${description} ${caption.join(". ")}.`,
    width: WIDTH,
    height: bottom + CAPTION_LINE * captions.length + MARGIN,
  });
  for (const [i, line] of titles.entries()) {
    drawing.text(MARGIN, MARGIN + 13 + i * TITLE_LINE, line, {
      ...{ size: 15, bold: true },
    });
  }
  const below = MARGIN + titles.length * TITLE_LINE;
  for (const [i, line] of subtitles.entries()) {
    drawing.text(MARGIN, below + 12 + i * CAPTION_LINE, line, {
      ...{ size: CAPTION_SIZE + 1, color: "faint" },
    });
  }
  for (const [i, line] of captions.entries()) {
    drawing.text(MARGIN, bottom + 12 + i * CAPTION_LINE, line, {
      ...{ size: CAPTION_SIZE, color: "faint" },
    });
  }
  return { drawing, top };
}

/** How high the legend of so many series is. */
export function legendHeight(names: readonly string[]): number {
  return 20 * Math.ceil(names.length / 2) + 6;
}

/** Which mark is whose, two in a row. */
export function drawLegend(
  drawing: Drawing,
  top: number,
  names: readonly string[],
): void {
  for (const [i, name] of names.entries()) {
    const x = MARGIN + 6 + (i % 2) * (WIDTH / 2 - MARGIN);
    const y = top + 8 + 20 * (i >> 1);
    drawing.mark(i, x, y);
    drawing.text(x + 12, y + 4, name, { size: 12, color: colorOf(i) });
  }
}

/** The color of a series. */
export function colorOf(series: number): Color {
  return SERIES[series % SERIES.length]!;
}

/** Numbers for the lines of a scale from 0: 4 to 8 of them, of 1, 2 or 5 tens. */
export function steps(most: number): number[] {
  const rough = most / 5;
  const ten = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * ten)
    .find((each) => each >= rough)!;
  const found: number[] = [];
  // Not by adding up, which would end at 0.30000000000000004.
  for (let i = 0; i * step <= most * 1.0001 || found.length < 2; i++) {
    found.push(Number((i * step).toPrecision(12)));
  }
  return found;
}

/** A figure as short as it says enough. */
export function figure(value: number): string {
  return value.toLocaleString("en", { maximumSignificantDigits: 3 });
}
