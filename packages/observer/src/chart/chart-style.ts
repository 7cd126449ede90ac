/**
 * How charts look: the style sheet of the page and of pictures that stand alone. Light and dark as the viewer prefers;
 * no meaning is in a colour alone.
 */
export const CHART_STYLE = `
.chart { --ink: #1b1f24; --paper: #ffffff; --soft: #f3f5f7; --line: #5f6670; --lit: #0072b2; --on-lit: var(--paper); --wait: #b35900;
  font: 11px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; background: var(--paper); }
@media (prefers-color-scheme: dark) {
  .chart { --ink: #e8eaed; --paper: #15181c; --soft: #1e2329; --line: #9aa3ad; --lit: #56b4e9; --wait: #e69f00; }
}
@media (forced-colors: active) {
  .chart { --ink: CanvasText; --paper: Canvas; --soft: Canvas; --line: CanvasText; --lit: Highlight; --on-lit: HighlightText; --wait: LinkText; }
}
.chart .box { fill: var(--paper); stroke: var(--line); stroke-width: 1; }
.chart .inner { fill: none; stroke: var(--line); stroke-width: 1; }
.chart .compound > .box, .chart .parallel > .box { fill: var(--soft); }
.chart .parallel > .box { stroke-dasharray: 6 3; }
.chart .active > .box { stroke: var(--lit); stroke-width: 3; }
.chart .mark, .chart .count { fill: var(--lit); }
.chart text { fill: var(--ink); }
.chart .name { font-weight: 700; }
.chart .middle { text-anchor: middle; }
.chart .number { fill: var(--on-lit); font-weight: 700; }
.chart .initial { fill: var(--ink); }
.chart .way { fill: none; stroke: var(--line); stroke-width: 1.2; }
.chart .head { fill: var(--line); }
.chart .last .way { stroke: var(--lit); stroke-width: 3; }
.chart .last .head { fill: var(--lit); }
.chart .line.last { font-weight: 700; text-decoration: underline; }
.chart .back { fill: var(--paper); fill-opacity: 0.85; }
.chart .ring { fill: none; stroke: var(--line); stroke-width: 1; }
.chart .ring.left { stroke: var(--wait); stroke-width: 3; }
`;
