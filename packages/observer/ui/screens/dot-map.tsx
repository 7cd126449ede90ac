import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ProcessRow } from '../live/store.ts';
import { useLive } from '../parts/page.ts';
import { go, processAddress } from '../parts/route.ts';
import { standingOf } from '../parts/standing.ts';
import { countStandings } from '../tree/tree-model.ts';

const CELL = 8;
const DOT = 6;

/** One small cell for each process, in the order of the tree: what is unlike its neighbours is seen at once. */
export function DotMap(): JSX.Element {
  const { store } = useLive(250);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  const [hovered, setHovered] = useState<string | null>(null);
  const rows = [...store.living.values()];
  const columns = Math.max(1, Math.floor(width / CELL));
  useEffect(() => {
    const box = canvas.current?.parentElement;
    if (box == null) return undefined;
    const resized = new ResizeObserver(() => setWidth(box.clientWidth));
    resized.observe(box);
    return () => resized.disconnect();
  }, []);
  useEffect(() => {
    if (canvas.current !== null && width > 0) draw(canvas.current, rows, columns);
  });
  const rowAt = (event: MouseEvent): ProcessRow | undefined => {
    const column = Math.floor(event.offsetX / CELL);
    return column < columns ? rows[Math.floor(event.offsetY / CELL) * columns + column] : undefined;
  };
  return (
    <div class="dot-map">
      <canvas
        ref={canvas}
        role="img"
        aria-label={`Map of all processes: ${countStandings(rows)}.`}
        onMouseMove={(event) => setHovered(describe(rowAt(event)))}
        onMouseLeave={() => setHovered(null)}
        onClick={(event) => {
          const row = rowAt(event);
          if (row !== undefined) go(processAddress(row.path));
        }}
      />
      <p class="hovered">{hovered ?? 'Point at a cell to see whose it is.'}</p>
    </div>
  );
}

function describe(row: ProcessRow | undefined): string | null {
  return row === undefined ? null : `${row.path}: ${standingOf(row).word}`;
}

function draw(canvas: HTMLCanvasElement, rows: readonly ProcessRow[], columns: number): void {
  const context = canvas.getContext('2d');
  if (context === null) return;
  const height = Math.ceil(rows.length / columns) * CELL;
  const scale = devicePixelRatio;
  const [pixelWidth, pixelHeight] = [columns * CELL * scale, height * scale].map(Math.ceil);
  if (canvas.width !== pixelWidth || canvas.height !== pixelHeight) {
    canvas.width = pixelWidth ?? 0;
    canvas.height = pixelHeight ?? 0;
    canvas.style.width = `${columns * CELL}px`;
    canvas.style.height = `${height}px`;
  }
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, columns * CELL, height);
  const style = getComputedStyle(canvas);
  const colours = new Map<string, string>();
  for (const [index, row] of rows.entries()) {
    const { tone } = standingOf(row);
    const colour = colours.get(tone) ?? style.getPropertyValue(`--${tone}`).trim();
    colours.set(tone, colour);
    context.fillStyle = colour;
    context.strokeStyle = colour;
    const x = (index % columns) * CELL;
    const y = Math.floor(index / columns) * CELL;
    // Those that do not just run have another shape too.
    if (tone === 'running') context.fillRect(x + 1, y + 1, DOT - 1, DOT - 1);
    else if (tone === 'failed') context.fillRect(x, y, CELL, CELL);
    else context.strokeRect(x + 1.5, y + 1.5, DOT - 2, DOT - 2);
  }
}
