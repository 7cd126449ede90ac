import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ChartMoment } from '../../src/chart/chart-picture.ts';
import type { ChartAnswer } from '../../src/protocol.ts';
import { ChartPicture } from './chart-picture.tsx';

interface ScrolledChartProps extends ChartMoment {
  readonly drawable: ChartAnswer;
}

/** A chart that scrolls, what is active or counted first; or all of it, smaller. */
export function ScrolledChart({ drawable, ...moment }: ScrolledChartProps): JSX.Element {
  const [isFitted, setFitted] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (box.current !== null) scrollToActive(box.current);
  }, [drawable, isFitted]);
  return (
    <div class="picture">
      <label>
        <input
          type="checkbox"
          checked={isFitted}
          onChange={(event) => setFitted(event.currentTarget.checked)}
        />{' '}
        whole chart
      </label>
      <div
        ref={box}
        class={isFitted ? 'scroll fitted' : 'scroll'}
        tabIndex={0}
        role="group"
        aria-label="The chart; scrolls"
      >
        <ChartPicture {...drawable} moment={moment} />
      </div>
    </div>
  );
}

/** Charts are larger than screens: what is active is seen first. */
function scrollToActive(box: HTMLElement): void {
  const active = Array.from(box.querySelectorAll('.state.active, .count')).at(-1);
  if (active === undefined) return;
  const [inner, outer] = [active.getBoundingClientRect(), box.getBoundingClientRect()];
  box.scrollLeft += inner.x + inner.width / 2 - outer.x - outer.width / 2;
  box.scrollTop += inner.y + inner.height / 2 - outer.y - outer.height / 2;
}
