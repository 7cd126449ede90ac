import type { Span, Tick, TimeRow } from './time-rows.ts';

export const ROW_HEIGHT = 20;
export const AXIS_HEIGHT = 22;
const GUTTER = 230;

/** What is to be drawn. */
export interface TimePicture {
  /** The rows that are to be seen, and the place of the first one in the list. */
  readonly rows: readonly TimeRow[];
  readonly first: number;
  readonly scrolled: number;
  readonly span: Span;
  readonly selected: string | null;
  readonly cursor: number | null;
  readonly brush: Span | null;
  readonly timeText: (t: number) => string;
  readonly size: { readonly width: number; readonly height: number };
}

/** Where a moment is, in pixels from the left. */
function xOf(t: number, { from, until }: Span, width: number): number {
  return GUTTER + ((t - from) / Math.max(1e-6, until - from)) * (width - GUTTER - 8);
}

/** Which moment is at a place. */
export function momentAt(x: number, { from, until }: Span, width: number): number {
  return from + ((x - GUTTER) / Math.max(1, width - GUTTER - 8)) * (until - from);
}

/** Draws the rows that are to be seen. */
export function drawTime(canvas: HTMLCanvasElement, picture: TimePicture): void {
  const context = canvas.getContext('2d');
  if (context === null) return;
  const { width, height } = picture.size;
  const scale = devicePixelRatio;
  if (canvas.width !== Math.ceil(width * scale) || canvas.height !== Math.ceil(height * scale)) {
    canvas.width = Math.ceil(width * scale);
    canvas.height = Math.ceil(height * scale);
  }
  const style = getComputedStyle(canvas);
  const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = '12px system-ui, sans-serif';
  context.textBaseline = 'middle';
  for (const [index, row] of picture.rows.entries()) {
    const y = AXIS_HEIGHT + (picture.first + index) * ROW_HEIGHT - picture.scrolled;
    drawRow(context, row, y, picture, colour);
  }
  drawAxis(context, picture, colour);
  const line = (t: number, name: string): void => {
    context.strokeStyle = colour(name);
    context.beginPath();
    context.moveTo(xOf(t, picture.span, width), 0);
    context.lineTo(xOf(t, picture.span, width), height);
    context.stroke();
  };
  if (picture.cursor !== null) line(picture.cursor, 'ink');
  const { brush } = picture;
  for (const t of brush === null ? [] : [brush.from, brush.until]) line(t, 'waiting');
}

type Colour = (name: string) => string;

function drawRow(
  context: CanvasRenderingContext2D,
  { path, bars, ticks }: TimeRow,
  y: number,
  { span, size: { width }, selected }: TimePicture,
  colour: Colour,
): void {
  if (path === selected) {
    context.fillStyle = colour('chosen');
    context.fillRect(0, y, width, ROW_HEIGHT);
  }
  const middle = y + ROW_HEIGHT / 2;
  context.fillStyle = colour(path === selected ? 'on-chosen' : 'ink');
  context.fillText(shortName(path), 4, middle, GUTTER - 12);
  context.save();
  context.beginPath();
  context.rect(GUTTER, y, width - GUTTER, ROW_HEIGHT);
  context.clip();
  for (const { from, until } of bars) {
    const left = Math.max(GUTTER - 4, xOf(from ?? span.from, span, width));
    const right = Math.min(width + 4, xOf(until ?? span.until, span, width));
    context.fillStyle = colour(until === null ? 'running' : 'stopped');
    context.fillRect(left, middle - 2, Math.max(2, right - left), 4);
  }
  for (const tick of ticks) {
    const [from, until] = [tick.at, tick.at + tick.tookMs].map((t) => xOf(t, span, width));
    drawTick(context, tick, { from: from ?? 0, until: until ?? 0 }, middle, colour);
  }
  context.restore();
}

/** Messages are low, what happened in a life is high, failures are crosses: shapes as well as colours. */
function drawTick(
  context: CanvasRenderingContext2D,
  { kind }: Tick,
  { from: x, until }: Span,
  middle: number,
  colour: Colour,
): void {
  if (kind === 'message') {
    context.fillStyle = colour('finished');
    // As wide as it took long.
    context.fillRect(x - 0.5, middle - 5, Math.max(1.5, until - x), 10);
    return;
  }
  context.strokeStyle = colour(kind === 'failure' ? 'failed' : 'ink');
  context.lineWidth = kind === 'failure' ? 2.5 : 1.5;
  context.beginPath();
  if (kind === 'failure') {
    context.moveTo(x - 4, middle - 5);
    context.lineTo(x + 4, middle + 5);
    context.moveTo(x + 4, middle - 5);
    context.lineTo(x - 4, middle + 5);
  } else context.rect(x - 2.5, middle - 6, 5, 12);
  context.stroke();
  context.lineWidth = 1;
}

function drawAxis(
  context: CanvasRenderingContext2D,
  { span, size: { width }, timeText }: TimePicture,
  colour: Colour,
): void {
  context.fillStyle = colour('soft');
  context.fillRect(0, 0, width, AXIS_HEIGHT);
  context.fillStyle = colour('quiet');
  const marks = Math.max(1, Math.floor((width - GUTTER) / 120));
  for (let mark = 0; mark < marks; mark += 1) {
    const t = span.from + ((span.until - span.from) * mark) / marks;
    const x = xOf(t, span, width);
    context.fillRect(x, AXIS_HEIGHT - 6, 1, 6);
    context.fillText(timeText(t), x + 3, AXIS_HEIGHT / 2);
  }
}

/** The last two parts of a path: the first ones are the same for all. */
function shortName(path: string): string {
  const parts = path.split('/');
  return `${'  '.repeat(Math.min(4, parts.length - 1))}${parts.slice(-2).join('/')}`;
}
