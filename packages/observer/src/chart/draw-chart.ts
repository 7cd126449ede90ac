import type { Chart } from './chart.ts';
import type { ChartLayout } from './chart-layout.ts';
import { type ChartMoment, chartPicture, type SvgNode } from './chart-picture.ts';
import { CHART_STYLE } from './chart-style.ts';

// Not allowed in XML at all, not even escaped.
const FORBIDDEN = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;
const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/**
 * Draws a chart as a picture that stands alone: with its style in it, and nothing from elsewhere.
 *
 * @param chart - The chart.
 * @param layout - Its layout.
 * @param moment - What is active, lit, running and counted; default nothing.
 * @returns An SVG document.
 */
export function drawChart(chart: Chart, layout: ChartLayout, moment?: ChartMoment): string {
  const picture = chartPicture(chart, layout, moment);
  const style: SvgNode = { tag: 'style', attributes: {}, children: [CHART_STYLE] };
  return `${write({ ...picture, children: [style, ...picture.children] })}\n`;
}

function write(node: SvgNode | string): string {
  if (typeof node === 'string') return xmlText(node);
  const attributes = Object.entries(node.attributes).map(
    ([name, value]) => ` ${name}="${xmlText(value)}"`,
  );
  const inside = node.children.map(write).join('');
  return `<${node.tag}${attributes.join('')}${inside === '' ? '/>' : `>${inside}</${node.tag}>`}`;
}

/** A text as it may stand in XML, in an attribute too. @internal */
export function xmlText(text: string): string {
  return text.replace(FORBIDDEN, '·').replace(/[&<>"']/g, (character) => ESCAPES[character] ?? '');
}
