import { createElement, type JSX, type VNode } from 'preact';
import { useMemo } from 'preact/hooks';
import type { Chart } from '../../src/chart/chart.ts';
import type { ChartLayout } from '../../src/chart/chart-layout.ts';
import { type ChartMoment, chartPicture, type SvgNode } from '../../src/chart/chart-picture.ts';

interface ChartPictureProps {
  readonly chart: Chart;
  readonly layout: ChartLayout;
  readonly moment: ChartMoment;
}

/** A chart as elements of the page: the same drawing as the picture that the command line writes. */
export function ChartPicture({ chart, layout, moment }: ChartPictureProps): JSX.Element {
  const { active, lastEdge, timers, counts } = moment;
  const rings = timers
    ?.map(({ event, leftMs }) => `${event} ${Math.ceil(leftMs / 100)}`)
    .join('\n');
  return useMemo(
    () => toElement(chartPicture(chart, layout, moment)),
    // The timers are new objects with each tick, and look new ten times a second.
    [chart, layout, active, lastEdge, rings, counts],
  );
}

function toElement({ tag, attributes, children }: SvgNode): VNode {
  return createElement(
    tag,
    attributes,
    ...children.map((child) => (typeof child === 'string' ? child : toElement(child))),
  );
}
