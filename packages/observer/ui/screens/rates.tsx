import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Rate } from '../live/store.ts';
import { useLive } from '../parts/page.ts';

const SHOWN_MS = 300_000;
const SIZE = { width: 220, height: 44 };

const CURVES: readonly { title: string; unit: string; of: (rate: Rate) => number }[] = [
  { title: 'Turns', unit: 'a second', of: (rate) => rate.turns / rate.seconds },
  { title: 'Started', unit: 'a second', of: (rate) => rate.born / rate.seconds },
  { title: 'Ended', unit: 'a second', of: (rate) => rate.died / rate.seconds },
  { title: 'Messages waiting', unit: '', of: (rate) => rate.waiting },
];

/** What was counted in the last five minutes. */
export function Rates(): JSX.Element {
  const { store } = useLive(500);
  const from = store.t - SHOWN_MS;
  const rates = store.rates.filter((rate) => rate.t >= from);
  return (
    <section aria-labelledby="rates-title" class="rates">
      <h2 id="rates-title">The last five minutes</h2>
      <ul>
        {CURVES.map(({ title, unit, of }) => (
          <Curve key={title} title={title} unit={unit} rates={rates} of={of} until={store.t} />
        ))}
      </ul>
    </section>
  );
}

interface CurveProps {
  readonly title: string;
  readonly unit: string;
  readonly rates: readonly Rate[];
  readonly of: (rate: Rate) => number;
  readonly until: number;
}

function Curve({ title, unit, rates, of, until }: CurveProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  // The last second, so that the number can be read.
  const recent = rates.filter((rate) => rate.t > until - 1_000);
  const now = recent.reduce((sum, rate) => sum + of(rate), 0) / Math.max(1, recent.length);
  const most = Math.max(0, ...rates.map(of));
  useEffect(() => {
    if (canvas.current !== null) draw(canvas.current, rates, of, most, until);
  });
  return (
    <li>
      <span class="curve-title">
        {title}: <b>{number(now)}</b> {unit}
      </span>
      <canvas
        ref={canvas}
        width={SIZE.width * 2}
        height={SIZE.height * 2}
        role="img"
        aria-label={`${title} in the last five minutes, at most ${number(most)} ${unit}`}
      />
      <span class="most">at most {number(most)}</span>
    </li>
  );
}

function draw(
  canvas: HTMLCanvasElement,
  rates: readonly Rate[],
  of: (rate: Rate) => number,
  most: number,
  until: number,
): void {
  const context = canvas.getContext('2d');
  if (context === null) return;
  context.setTransform(2, 0, 0, 2, 0, 0);
  context.clearRect(0, 0, SIZE.width, SIZE.height);
  context.strokeStyle = getComputedStyle(canvas).getPropertyValue('--running').trim();
  context.beginPath();
  for (const rate of rates) {
    const x = ((rate.t - until + SHOWN_MS) / SHOWN_MS) * SIZE.width;
    context.lineTo(x, SIZE.height - 2 - (of(rate) / Math.max(most, 1e-9)) * (SIZE.height - 4));
  }
  context.stroke();
}

function number(value: number): string {
  return value >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1);
}
