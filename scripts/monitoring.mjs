// Writes docs/metrics.md from the definitions of all metrics, docs/alerts.md from the rules and docs/dashboards.md from the
// dashboards of examples/monitoring; --check fails when one of them is stale.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { coreMetrics } from '@snakepit/core';
import { createProcessMetrics, prometheusName } from '@snakepit/observer';
import { bridgeMetrics } from '@snakepit/python-bridge';
import { supervisorMetrics } from '@snakepit/supervisor';
import { format, resolveConfig } from 'prettier';
import { parse } from 'yaml';
import { tableOf, writeOrCheck } from './generated-page.mjs';

/** @typedef {import('@snakepit/core').MetricDefinition} MetricDefinition */
/** @typedef {{ alert: string, expr: string, for?: string, labels: { severity: string }, annotations: Record<string, string> }} Rule */

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const EXAMPLE = join(ROOT, 'examples/monitoring');
const REMEDY = 'npm run monitoring';
const DASHBOARDS = ['snakepit-processes.json', 'snakepit-calls.json'];

const own = createProcessMetrics();
own.close();

/** @type {(readonly [title: string, text: string, metrics: readonly MetricDefinition[]])[]} */
const SECTIONS = [
  ['Pools, calls and workers', 'Of every Snakepit.', bridgeMetrics(() => [])],
  ['Supervisors', 'Of every system with supervisors.', supervisorMetrics],
  ['Processes of the actor system', 'Of every system.', coreMetrics],
  [
    'The host process',
    'Only for Prometheus, and not with `processMetrics: false`; OpenTelemetry has instrumentations of its own for them.',
    own.metrics,
  ],
];

const METRICS = `# Metrics

Generated from the definitions by \`npm run monitoring\`; do not edit.

The libraries define what can be measured; who collects it is up to you. Nothing is measured before somebody collects: a call
costs nothing more until then (5 ns were measured). With Prometheus its two distributions cost a quarter of a microsecond together; the SDK of OpenTelemetry takes 0.7 µs for each. Counts that are kept anyway are
read when they are asked for. What a runtime finds and does while it starts (leftovers of earlier runs, starts of workers) is kept for whoever
comes later.

## Prometheus

The observer serves \`/metrics\`, to this machine only. Give \`metrics: { open: true }\`, or have Prometheus send the token of the observer:

\`\`\`js
const observer = await observe(snakepit.system, {
  port: Number(values.port),
  metrics: { open: true },
});
\`\`\`

[examples/monitoring](../examples/monitoring/main.mjs) is a whole set-up: a system under load, \`prometheus.yml\`, [alerts](alerts.md) and
[dashboards](dashboards.md) for Grafana. \`npm run example -- monitoring\` starts it and says how to go on.

\`createMetricsRegistry(system)\` from \`@snakepit/observer\` gives a registry of prom-client instead, for a server that you have already;
\`Registry.merge\` puts it together with yours. Each has its own registry: the global one of prom-client is not touched.

With the token, in \`prometheus.yml\`:

\`\`\`yaml
authorization:
  credentials_file: /etc/prometheus/snakepit-token
\`\`\`

A metric has 1,000 series at most. What goes beyond that is counted with all labels \`other\`, and is left out where values are read. Labels have few values:
names of pools and supervisors, reasons, states; the ids of workers are the same through all their restarts.

## OpenTelemetry

\`reportMetrics(system)\` from \`@snakepit/core\` reports the same to the global meter provider, \`reportMetrics(system, meter)\` to a meter of yours.
Only the API is used. Register the SDK before: a meter that was asked for earlier drops everything. The function that it returns ends it; begun again it needs another meter,
because what is kept of the start is then told again.

The names are those of the last column. Units are of UCUM; durations are in seconds.
`;

const ALERTS = `# Alerts

Generated from [alerts.yml](../examples/monitoring/alerts.yml) by \`npm run monitoring\`; do not edit.

The rules work as they are with the metrics of the observer ([metrics](metrics.md)): name the file under \`rule_files\` of \`prometheus.yml\`. They are
tested by [alerts.test.yml](../examples/monitoring/alerts.test.yml): \`promtool test rules alerts.test.yml\`. Limits are those of a service whose calls take
seconds; change them to what is normal for yours. \`SnakepitUnreachable\` expects the job to be called \`snakepit\`.

\`critical\`: calls fail, or something lives that must not; somebody should look now. \`warning\`: somebody should look today. \`info\`: worth knowing.
`;

const DASHBOARD_TEXT = `# Dashboards

Generated from the dashboards by \`npm run monitoring\`; do not edit.

Two dashboards for Grafana 9 and later. In Grafana: *Dashboards*, *New*, *Import*, and upload the file; or put both into the folder of a provider of
kind \`file\`. The data source is a variable at the top: any Prometheus that scrapes the observer ([metrics](metrics.md)). \`Instance\` and \`Pool\` choose
what is shown, one or several. Firing [alerts](alerts.md) are in the table at the top of the first, and marked in the panels of both.

To change one: edit it in Grafana, then *Share*, *Export*, and keep the file in your own repository. A panel of your own needs no more than one of the
[metrics](metrics.md), with \`{instance=~"$instance",pool=~"$pool"}\`.
`;

/** @param {MetricDefinition} metric */
function rowOf(metric) {
  const { name, kind, description, labels, unit } = metric;
  const told = Object.entries(labels).map(([label, text]) => `\`${label}\`: ${text}`);
  const type = kind === 'observableCounter' ? 'counter' : kind;
  const known = prometheusName(metric);
  return [`\`${known}\``, type, description, told.join('<br>'), `\`${name}\` (${unit})`];
}

function metricsPage() {
  const header = ['metric', 'kind', 'what', 'labels', 'in OpenTelemetry (unit)'];
  const sections = SECTIONS.map(([title, text, metrics]) => {
    const rows = [...metrics].sort((a, b) => (a.name < b.name ? -1 : 1)).map(rowOf);
    return `## ${title}\n\n${text}\n\n${tableOf(header, rows)}\n`;
  });
  return [METRICS, ...sections].join('\n');
}

function alertsPage() {
  /** @type {{ groups: { rules: Rule[] }[] }} */
  const { groups } = parse(readFileSync(join(EXAMPLE, 'alerts.yml'), 'utf8'));
  const sections = groups.flatMap(({ rules }) => rules).map(alertOf);
  return [ALERTS, ...sections].join('\n');
}

/** @param {Rule} rule */
function alertOf({ alert, expr, for: time, labels, annotations }) {
  const { summary = '', description = '', remedy = '' } = annotations;
  const after = time === undefined ? 'At once' : `After ${time}`;
  return [
    `## ${alert}`,
    `${plain(summary)}. ${plain(description)}`,
    `**What to do**: ${plain(remedy)}`,
    `${after}, \`${labels.severity}\`, when:`,
    `\`\`\`promql\n${expr.trim()}\n\`\`\`\n`,
  ].join('\n\n');
}

/** A template as a sentence. @param {string} text */
function plain(text) {
  return text
    .replace(/\{\{[^}]*\$labels\.(\w+)[^}]*\}\}/g, '*$1*')
    .replace(/\{\{[^}]*\}\}/g, '*n*');
}

function dashboardsPage() {
  const sections = DASHBOARDS.map((file) => {
    const { title, description, panels } = JSON.parse(readFileSync(join(EXAMPLE, file), 'utf8'));
    const lines = panels.map(
      (/** @type {{ type: string, title: string, description: string }} */ panel) =>
        panel.type === 'row'
          ? `\n### ${panel.title}\n`
          : `- **${panel.title}**: ${panel.description}`,
    );
    const link = `[${file}](../examples/monitoring/${file})`;
    return [`## ${title}`, '', `${link}. ${description}`, ...lines, ''].join('\n');
  });
  return [DASHBOARD_TEXT, ...sections].join('\n');
}

/** @type {(readonly [name: string, text: string])[]} */
const PAGES = [
  ['metrics', metricsPage()],
  ['alerts', alertsPage()],
  ['dashboards', dashboardsPage()],
];
for (const [name, text] of PAGES) {
  const file = join(ROOT, `docs/${name}.md`);
  const wanted = await format(text, { ...(await resolveConfig(file)), parser: 'markdown' });
  writeOrCheck(file, wanted, REMEDY);
}
