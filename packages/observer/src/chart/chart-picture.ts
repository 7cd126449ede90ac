import { type Chart, type ChartEdge, type ChartState, edgeLabel } from './chart.ts';
import {
  BOX_PADDING,
  boxLines,
  LINE_HEIGHT,
  RING_ROOM,
  shorten,
  stateTitle,
  textWidth,
} from './chart-boxes.ts';
import type { ChartBox, ChartLayout, ChartPoint, ChartRoute } from './chart-layout.ts';

/** An element of a picture. */
export interface SvgNode {
  /** Name of the element. */
  readonly tag: string;
  /** Its attributes; no style among them, so that it may be shown under a strict content policy. */
  readonly attributes: Readonly<Record<string, string>>;
  /** What is in it: elements, and text that is not yet escaped. */
  readonly children: readonly (SvgNode | string)[];
}

/** A delay that runs. */
export interface ChartTimer {
  /** Type of the event that it will send, as XState names it: `xstate.after.1000.m.waiting`. */
  readonly event: string;
  /** Its whole length, in milliseconds. */
  readonly delayMs: number;
  /** What is left of it, in milliseconds. */
  readonly leftMs: number;
}

/** What a chart shows besides the machine. */
export interface ChartMoment {
  /** Ids of the active states. */
  readonly active?: Iterable<string>;
  /** Id of the transition taken last. */
  readonly lastEdge?: string | null;
  /** Delays that run. */
  readonly timers?: readonly ChartTimer[];
  /** How many processes are in each state, by its id. */
  readonly counts?: Readonly<Record<string, number>>;
}

interface Drawing {
  readonly chart: Chart;
  readonly active: ReadonlySet<string>;
  readonly lastEdge: string | null;
  readonly timers: ReadonlyMap<string, ChartTimer>;
  readonly counts: Readonly<Record<string, number>>;
}

const RING_RADIUS = 5;
const HEAD = 7;

/**
 * Draws a chart as elements: for a page, which adds them as they are, and for {@link drawChart}, which writes them.
 *
 * @param chart - The chart.
 * @param layout - Its layout.
 * @param moment - What is active, lit, running and counted; default nothing.
 * @returns The `svg` element.
 */
export function chartPicture(chart: Chart, layout: ChartLayout, moment: ChartMoment = {}): SvgNode {
  const drawing: Drawing = {
    chart,
    active: new Set(moment.active),
    lastEdge: moment.lastEdge ?? null,
    timers: new Map(moment.timers?.map((timer) => [timer.event, timer])),
    counts: moment.counts ?? {},
  };
  const { width, height } = layout;
  return element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      class: 'chart',
      viewBox: `0 0 ${width} ${height}`,
      width: String(width),
      height: String(height),
      role: 'img',
      'aria-label': sentence(drawing),
    },
    ...chart.states.map((state, index) => drawState(drawing, state, layout.states[index])),
    ...layout.initials.map(drawInitial),
    ...layout.routes.map((route) => drawRoute(drawing, route)),
    ...layout.routes.map((route) => drawLabel(drawing, route)),
  );
}

/**
 * Says in words what a picture shows.
 *
 * @param drawing - What is shown.
 * @returns One sentence.
 */
function sentence({ chart, active, counts }: Drawing): string {
  const leaves = chart.states.filter(
    ({ id }) =>
      active.has(id) && !chart.states.some((one) => one.parent === id && active.has(one.id)),
  );
  const counted = chart.states.filter(({ id }) => (counts[id] ?? 0) > 0);
  const parts = [
    `Statechart ${chart.id}, ${chart.states.length - 1} states`,
    ...(leaves.length === 0 ? [] : [`active: ${leaves.map(({ key }) => key).join(', ')}`]),
    ...(counted.length === 0
      ? []
      : [counted.map(({ id, key }) => `${counts[id] ?? 0} in ${key}`).join(', ')]),
  ];
  return `${parts.join('; ')}.`;
}

function drawState(drawing: Drawing, state: ChartState, box: ChartBox | undefined): SvgNode {
  const place = box ?? { x: 0, y: 0, width: 0, height: 0 };
  const isActive = drawing.active.has(state.id);
  const attributes = {
    class: `state ${state.type}${isActive ? ' active' : ''}`,
    'data-state': state.id,
  };
  const title = element('title', {}, state.description ?? state.id);
  if (state.type === 'history') {
    const circle = element('circle', {
      cx: String(place.x + place.width / 2),
      cy: String(place.y + place.height / 2),
      r: String(place.width / 2),
      class: 'box',
    });
    return element('g', attributes, title, circle, ...writeTitle(state, place, isActive));
  }
  return element(
    'g',
    attributes,
    title,
    rectangle(place, 'box', state.type === 'atomic' ? 8 : 4),
    ...(state.type === 'final' ? [rectangle(shrink(place, 4), 'inner', 3)] : []),
    ...writeTitle(state, place, isActive),
    ...drawCount(place, drawing.counts[state.id]),
    ...boxLines(drawing.chart, state).map((line, index) => {
      const edge = drawing.chart.edges.find(({ id }) => id === line.edge);
      const left = edge === undefined ? '' : timeLeft(drawing, edge);
      const isLast = line.edge !== null && line.edge === drawing.lastEdge;
      return element(
        'text',
        {
          class: isLast ? 'line last' : 'line',
          x: String(place.x + BOX_PADDING),
          y: String(place.y + BOX_PADDING + (index + 2) * LINE_HEIGHT - 4),
          ...(line.edge === null ? {} : { 'data-edge': line.edge }),
        },
        ...(line.full === line.text ? [] : [element('title', {}, line.full)]),
        `${line.text}${left}`,
      );
    }),
  );
}

function writeTitle(state: ChartState, place: ChartBox, isActive: boolean): SvgNode[] {
  const isHistory = state.type === 'history';
  const x = place.x + (isHistory ? place.width / 2 : BOX_PADDING + (isActive ? RING_ROOM : 0));
  const y = place.y + (isHistory ? place.height / 2 + 4 : BOX_PADDING + LINE_HEIGHT - 4);
  const name = element(
    'text',
    { class: isHistory ? 'name middle' : 'name', x: String(x), y: String(y) },
    stateTitle(state),
  );
  if (!isActive || isHistory) return [name];
  // A mark besides the colour: a triangle that points to the name.
  const left = place.x + BOX_PADDING;
  const points = `${left},${y - 10} ${left + 10},${y - 5} ${left},${y}`;
  return [element('polygon', { class: 'mark', points }), name];
}

function drawCount(place: ChartBox, count: number | undefined): SvgNode[] {
  if (count === undefined || count === 0) return [];
  const text = String(count);
  const width = textWidth(text) + 10;
  const x = place.x + place.width - width - 5;
  return [
    rectangle({ x, y: place.y + 6, width, height: LINE_HEIGHT + 2 }, 'count', 9),
    element(
      'text',
      { class: 'number middle', x: String(x + width / 2), y: String(place.y + LINE_HEIGHT + 3) },
      text,
    ),
  ];
}

function drawInitial(box: ChartBox): SvgNode {
  return element('circle', {
    class: 'initial',
    cx: String(box.x + box.width / 2),
    cy: String(box.y + box.height / 2),
    r: String(box.width / 2 - 1),
  });
}

function drawRoute({ lastEdge }: Drawing, { edges, points }: ChartRoute): SvgNode {
  const isLast = lastEdge !== null && edges.includes(lastEdge);
  const path = points.map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${x} ${y}`).join('');
  return element(
    'g',
    { class: isLast ? 'route last' : 'route' },
    element('path', { class: 'way', d: path }),
    element('polygon', { class: 'head', points: arrowHead(points) }),
  );
}

function arrowHead(points: readonly ChartPoint[]): string {
  const tip = points.at(-1) ?? { x: 0, y: 0 };
  const before = points.findLast(({ x, y }) => x !== tip.x || y !== tip.y) ?? tip;
  const length = Math.hypot(tip.x - before.x, tip.y - before.y) || 1;
  const [dx, dy] = [(tip.x - before.x) / length, (tip.y - before.y) / length];
  const [backX, backY] = [tip.x - dx * HEAD, tip.y - dy * HEAD];
  const half = HEAD / 2;
  return [
    [tip.x, tip.y],
    [backX - dy * half, backY + dx * half],
    [backX + dy * half, backY - dx * half],
  ]
    .map(([x = 0, y = 0]) => `${round(x)},${round(y)}`)
    .join(' ');
}

function drawLabel(drawing: Drawing, { edges, label }: ChartRoute): SvgNode {
  if (label === null) return element('g', {});
  const transitions = edges.flatMap((id) => drawing.chart.edges.filter((edge) => edge.id === id));
  return element(
    'g',
    { class: 'label' },
    rectangle(label, 'back', 2),
    ...transitions.flatMap((edge, index) => {
      const y = label.y + (index + 1) * LINE_HEIGHT - 4;
      const full = [edgeLabel(edge), ...edge.actions].join(' / ');
      return [
        ...(edge.kind === 'after' ? drawRing(drawing, edge, label.x + 8, y - 4) : []),
        element(
          'text',
          {
            class: edge.id === drawing.lastEdge ? 'line last' : 'line',
            'data-edge': edge.id,
            x: String(label.x + 3 + (edge.kind === 'after' ? RING_ROOM : 0)),
            y: String(y),
          },
          element('title', {}, full),
          `${shorten(edgeLabel(edge))}${timeLeft(drawing, edge)}`,
        ),
      ];
    }),
  );
}

/** The ring of a timer: what is left of it is thick. */
function drawRing({ timers }: Drawing, edge: ChartEdge, cx: number, cy: number): SvgNode[] {
  const place = { cx: String(cx), cy: String(cy), r: String(RING_RADIUS) };
  const timer = timers.get(edge.event);
  if (timer === undefined) return [element('circle', { class: 'ring', ...place })];
  const around = 2 * Math.PI * RING_RADIUS;
  const part = timer.delayMs <= 0 ? 0 : Math.min(1, Math.max(0, timer.leftMs / timer.delayMs));
  return [
    element('circle', { class: 'ring', ...place }),
    element('circle', {
      class: 'ring left',
      ...place,
      'stroke-dasharray': `${round(part * around)} ${round(around)}`,
      transform: `rotate(-90 ${cx} ${cy})`,
    }),
  ];
}

function timeLeft({ timers }: Drawing, edge: ChartEdge): string {
  const timer = edge.kind === 'after' ? timers.get(edge.event) : undefined;
  if (timer === undefined) return '';
  const seconds = Math.max(0, timer.leftMs) / 1000;
  return ` ${seconds < 100 ? seconds.toFixed(1) : seconds.toFixed(0)} s`;
}

function rectangle(box: ChartBox, className: string, radius: number): SvgNode {
  return element('rect', {
    class: className,
    x: String(box.x),
    y: String(box.y),
    width: String(box.width),
    height: String(box.height),
    rx: String(radius),
  });
}

function shrink({ x, y, width, height }: ChartBox, by: number): ChartBox {
  return { x: x + by, y: y + by, width: width - 2 * by, height: height - 2 * by };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function element(
  tag: string,
  attributes: Readonly<Record<string, string>>,
  ...children: readonly (SvgNode | string)[]
): SvgNode {
  return { tag, attributes, children };
}
