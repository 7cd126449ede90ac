import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { keysOf } from '../parts/keys.ts';
import { useLive } from '../parts/page.ts';
import { go, processAddress } from '../parts/route.ts';
import { Table } from '../parts/table.tsx';
import { plural, timeOfDay } from '../parts/words.ts';
import { MomentButton } from '../replay/moment-button.tsx';
import { isFailure } from '../replay/failures.ts';
import { offsetOf } from '../replay/replay-bar.tsx';
import { AXIS_HEIGHT, drawTime, momentAt, ROW_HEIGHT } from './draw-time.ts';
import { shifted, type Span, type Tick, type TimeRow, timeRows, zoomed } from './time-rows.ts';

const HEIGHT = 380;
const MOST_LISTED = 200;

/** A part that somebody is choosing, and what is to be seen meanwhile: it stands still under the pointer. */
interface Brush extends Span {
  readonly within: Span;
}

/** What somebody did to the picture. */
interface View {
  /** The part that is shown; null: all of it, growing. */
  readonly span: Span | null;
  readonly selected: string | null;
  readonly cursor: number | null;
  readonly brush: Brush | null;
  readonly scrolled: number;
}

const START: View = { span: null, selected: null, cursor: null, brush: null, scrolled: 0 };

/** What happened in a subtree: rows are paths, bars incarnations, ticks what happened and messages. */
export function Timeline({ root }: { readonly root: string }): JSX.Element {
  const { store, connection } = useLive(500);
  const [view, setView] = useState<View>(START);
  const rows = timeRows(store, root, isFailure);
  const times = rows.flatMap(({ ticks }) => ticks[0]?.at ?? []);
  const until = Math.max(connection.clock(), store.t);
  const whole = { from: Math.min(until - 1_000, ...times), until };
  const span = view.brush?.within ?? view.span ?? whole;
  const change = (part: Partial<View>): void => setView({ ...view, ...part });
  const listed = rows
    .filter(({ path }) => view.selected === null || path === view.selected)
    .flatMap(({ ticks }) => ticks)
    .filter(({ at }) => at >= span.from && at <= span.until)
    .sort((a, b) => b.at - a.at);
  return (
    <div class="timeline">
      <div
        role="group"
        class="time-box"
        tabIndex={0}
        aria-label="Time line; the list below says the same"
        aria-describedby="time-keys"
        onKeyDown={(event) => {
          const next = viewAfter(event.key, view, { rows, span, whole });
          if (next === null) return;
          event.preventDefault();
          setView(next);
        }}
      >
        <Picture rows={rows} span={span} whole={whole} view={view} onChange={change} />
      </div>
      <p id="time-keys" class="about">
        <kbd>+</kbd> <kbd>-</kbd> zoom, <kbd>←</kbd> <kbd>→</kbd> move, <kbd>↑</kbd> <kbd>↓</kbd>{' '}
        choose a row, <kbd>,</kbd> <kbd>.</kbd> go from one event to the next, Enter opens, Home
        shows all. Drag over a part to see it larger. □ life, │ message, ✕ failure.
      </p>
      <p class="cursor" aria-live="polite">
        {cursorText(view, rows, offsetOf(store))}
      </p>
      <Events ticks={listed} selected={view.selected} />
    </div>
  );
}

interface Drawn {
  readonly rows: readonly TimeRow[];
  readonly span: Span;
  readonly whole: Span;
}

/** What a key makes of the view; null: nothing. */
function viewAfter(key: string, view: View, { rows, span, whole }: Drawn): View | null {
  const length = span.until - span.from;
  const around = view.cursor ?? (span.from + span.until) / 2;
  const index = rows.findIndex(({ path }) => path === view.selected);
  const select = (to: number): View => {
    const row = rows[Math.min(rows.length - 1, Math.max(0, to))];
    return { ...view, selected: row?.path ?? null, scrolled: Math.max(0, (to - 8) * ROW_HEIGHT) };
  };
  const toTick = (tick: Tick | undefined): View | null =>
    tick === undefined
      ? null
      : { ...view, cursor: tick.at, span: shifted(span, offBy(tick.at, span), whole) };
  const ticks = rows[index]?.ticks ?? [];
  switch (key) {
    case '+':
    case '=':
      return { ...view, span: zoomed(span, 0.5, around, whole) };
    case '-':
      return { ...view, span: zoomed(span, 2, around, whole) };
    case 'ArrowLeft':
      return { ...view, span: shifted(span, -length / 4, whole) };
    case 'ArrowRight':
      return { ...view, span: shifted(span, length / 4, whole) };
    case 'ArrowUp':
      return select(index - 1);
    case 'ArrowDown':
      return select(index + 1);
    case ',':
      return toTick(ticks.findLast(({ at }) => at < (view.cursor ?? Infinity)));
    case '.':
      return toTick(ticks.find(({ at }) => at > (view.cursor ?? -Infinity)));
    case 'Home':
      return { ...view, span: null, cursor: null };
    case 'Enter':
      if (view.selected !== null) go(processAddress(view.selected, 'life'));
      return view;
    default:
      return null;
  }
}

/** How far a span has to move to hold a moment. */
function offBy(at: number, { from, until }: Span): number {
  if (at < from) return at - from - (until - from) / 10;
  return at > until ? at - until + (until - from) / 10 : 0;
}

function cursorText(view: View, rows: readonly TimeRow[], offset: number): string {
  if (view.selected === null) return 'No row is chosen: the list is of all rows.';
  const row = rows.find(({ path }) => path === view.selected);
  const tick = row?.ticks.find(({ at }) => at === view.cursor);
  if (tick === undefined) return view.selected;
  return `${view.selected}: ${timeOfDay(offset + tick.at)} ${tick.what}, ${tick.text}`;
}

interface PictureProps extends Drawn {
  readonly view: View;
  readonly onChange: (part: Partial<View>) => void;
}

function Picture({ rows, span, whole, view, onChange }: PictureProps): JSX.Element {
  const { store } = useLive(250);
  const canvas = useRef<HTMLCanvasElement>(null);
  const height = Math.min(HEIGHT, AXIS_HEIGHT + rows.length * ROW_HEIGHT + 4);
  const most = Math.max(0, AXIS_HEIGHT + rows.length * ROW_HEIGHT + 4 - height);
  const scrolled = Math.min(most, view.scrolled);
  const first = Math.floor(scrolled / ROW_HEIGHT);
  const offset = offsetOf(store);
  useEffect(() => {
    if (canvas.current === null) return;
    drawTime(canvas.current, {
      ...view,
      rows: rows.slice(first, first + Math.ceil(height / ROW_HEIGHT) + 1),
      ...{ first, scrolled, span },
      timeText: (t) => timeOfDay(offset + t).slice(0, span.until - span.from > 20_000 ? 8 : 12),
      size: { width: widthOf(canvas.current), height },
    });
  });
  const at = ({ offsetX }: MouseEvent): number =>
    momentAt(offsetX, span, canvas.current === null ? 0 : widthOf(canvas.current));
  return (
    <canvas
      ref={canvas}
      height={height}
      style={{ height: `${height}px` }}
      role="img"
      aria-label={`${plural(rows.length, 'row')} from ${timeOfDay(offset + span.from)} to ${timeOfDay(offset + span.until)}`}
      onWheel={(event) => {
        event.preventDefault();
        if (event.ctrlKey) {
          onChange({ span: zoomed(span, event.deltaY > 0 ? 1.25 : 0.8, at(event), whole) });
        } else onChange({ scrolled: Math.min(most, Math.max(0, scrolled + event.deltaY)) });
      }}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        // Wherever it is let go of, that is told here.
        event.currentTarget.setPointerCapture(event.pointerId);
        onChange({ brush: { from: at(event), until: at(event), within: span } });
      }}
      onPointerMove={(event) => {
        if (view.brush !== null) onChange({ brush: { ...view.brush, until: at(event) } });
      }}
      onPointerCancel={() => onChange({ brush: null })}
      onPointerUp={(event) => {
        if (view.brush === null) return;
        const row = rows[Math.floor((event.offsetY - AXIS_HEIGHT + scrolled) / ROW_HEIGHT)];
        onChange(afterBrush(view.brush.from, at(event), row?.path ?? null, { span, whole }));
      }}
    />
  );
}

/** How wide it may be, which is not known before it is on the page. */
function widthOf(canvas: HTMLCanvasElement): number {
  return canvas.parentElement?.clientWidth ?? 0;
}

/** A brush of some width is what is to be seen; without, it was a click, on a row. */
function afterBrush(
  began: number,
  ended: number,
  selected: string | null,
  { span, whole }: Pick<Drawn, 'span' | 'whole'>,
): Partial<View> {
  const [from, until] = [Math.min(began, ended), Math.max(began, ended)];
  if (until - from < (span.until - span.from) / 100) {
    return { brush: null, cursor: ended, selected };
  }
  const brushed = {
    from: Math.max(whole.from, from),
    until: Math.min(whole.until, Math.max(until, from + 10)),
  };
  return { brush: null, span: shifted(brushed, 0, whole) };
}

interface EventsProps {
  readonly ticks: readonly Tick[];
  readonly selected: string | null;
}

/** The same as a list. */
function Events({ ticks, selected }: EventsProps): JSX.Element {
  const listed = ticks.slice(0, MOST_LISTED);
  const keys = keysOf(listed, ({ at, path, what }) => `${at} ${what} ${path}`);
  return (
    <section aria-label="Events">
      <h3>
        {plural(ticks.length, 'event')} {selected === null ? '' : `of ${selected}`}
        {ticks.length > MOST_LISTED && `; the last ${MOST_LISTED} are listed`}
      </h3>
      {ticks.length > 0 && (
        <Table label="Events" titles={['When', 'Who', 'What', 'More']}>
          {listed.map((tick, index) => (
            <tr key={keys[index]} class={tick.kind === 'failure' ? 'failure' : ''}>
              <td>
                <MomentButton at={tick.at} />
              </td>
              <td class="long">
                <a href={processAddress(tick.path)}>{tick.path}</a>
              </td>
              <td>
                {tick.kind === 'failure' && '✕ '}
                {tick.what}
              </td>
              <td class="long">{tick.text}</td>
            </tr>
          ))}
        </Table>
      )}
    </section>
  );
}
