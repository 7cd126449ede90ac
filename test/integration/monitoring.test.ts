import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { coreMetrics, type MetricDefinition } from '@snakepit/core';
import { createProcessMetrics, prometheusName } from '@snakepit/observer';
import { bridgeMetrics } from '@snakepit/python-bridge';
import { supervisorMetrics } from '@snakepit/supervisor';
import { parse } from 'yaml';
import { promtool } from '../fixtures/prometheus.ts';
import { runProgram } from '../fixtures/run-program.ts';
import { faultsOf, queriesOf, type Dashboard } from '../fixtures/dashboard-faults.ts';

const FOLDER = join(import.meta.dirname, '../../examples/monitoring');
const ALERTS = join(FOLDER, 'alerts.yml');
const DASHBOARDS = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

const base = mkdtempSync(join(tmpdir(), 'monitoring-'));
afterAll(() => {
  rmSync(base, { recursive: true, force: true });
});

const host = createProcessMetrics();
host.close();
const definitions = [
  ...[...coreMetrics, ...supervisorMetrics, ...bridgeMetrics(() => []), ...host.metrics],
];

/** Every series that there is, and the labels that it may have. */
const series = new Map(definitions.flatMap(seriesOf));

function seriesOf(metric: MetricDefinition): (readonly [string, readonly string[]])[] {
  const name = prometheusName(metric);
  const labels = [...Object.keys(metric.labels), 'instance', 'job'];
  if (metric.kind !== 'histogram') return [[name, labels]];
  return [
    [`${name}_bucket`, [...labels, 'le']],
    [`${name}_sum`, labels],
    [`${name}_count`, labels],
  ];
}

/** The names of metrics in an expression. */
function namesIn(expression: string): string[] {
  return Array.from(expression.matchAll(/\b(?:snakepit|process|nodejs)_\w+/g), ([name]) => name);
}

/** What an expression asks for that no definition has. */
function unknownIn(expression: string): string[] {
  const names = namesIn(expression).filter((name) => !series.has(name));
  const selectors = expression.matchAll(/\b(\w+)\{([^}]*)\}/g);
  const labels = Array.from(selectors).flatMap(([, name = '', matchers = '']) =>
    Array.from(matchers.matchAll(/(\w+)\s*(?:=|!)/g), ([, label = '']) => `${name}.${label}`)
      .filter(() => series.has(name))
      .filter((one) => series.get(name)?.includes(one.slice(name.length + 1)) !== true),
  );
  return [...names, ...labels];
}

function rules(): readonly Rule[] {
  const { groups } = parse(readFileSync(ALERTS, 'utf8')) as {
    readonly groups: readonly { readonly rules: readonly Rule[] }[];
  };
  return groups.flatMap((group) => group.rules);
}

function dashboard(name: string): Dashboard {
  return JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as Dashboard;
}

describe('metric definitions', () => {
  test('[T4.2] [I6.3] names and labels are those that OpenTelemetry and Prometheus allow, once each', () => {
    const names = definitions.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const { name, unit, description, labels } of definitions) {
      expect(name).toMatch(/^(snakepit|process|nodejs)(\.[a-z][a-z0-9_]*)+$/);
      expect(unit).toMatch(/^(s|By|1|\{[a-z]+\})$/);
      expect(description).toMatch(/^[A-Z0-9].*[.]$/);
      for (const label of Object.keys(labels)) expect(label).toMatch(/^[a-z][a-z_]*$/);
    }
  });
});

describe('alerts.yml', () => {
  test('[R12.3] [T4.4] [I6.5] passes `promtool check rules`', () => {
    const { code, output } = promtool(['check', 'rules', ALERTS]);
    expect(output).toContain(`SUCCESS: ${String(rules().length)} rules found`);
    expect(code).toBe(0);
  });

  test('[R12.3] [T4.4] [I6.5] each alert is silent while things are well, and fires when they are not', () => {
    const tests = join(FOLDER, 'alerts.test.yml');
    const { code, output } = promtool(['test', 'rules', tests]);
    expect([code, output]).toEqual([0, `Unit Testing:  ${tests}\n  SUCCESS`]);
    const tested = parse(readFileSync(tests, 'utf8')) as {
      readonly tests: readonly { readonly name: string }[];
    };
    expect(tested.tests.map(({ name }) => name)).toEqual(rules().map(({ alert }) => alert));
  });

  test('[I6.5] a rule that is wrong fails the tests', () => {
    const broken = readFileSync(ALERTS, 'utf8').replace('> 0.05', '> 0.5');
    writeFileSync(join(base, 'alerts.yml'), broken);
    const tests = join(base, 'alerts.test.yml');
    writeFileSync(tests, readFileSync(join(FOLDER, 'alerts.test.yml')));
    const { code, output } = promtool(['test', 'rules', tests]);
    expect(code).toBe(1);
    expect(output).toContain('SnakepitCallsFailing');
  });

  test('[R12.3] [T4.4] [I6.5] says what is the case, what to do, and where that is explained', () => {
    const page = readFileSync(join(FOLDER, '../../docs/alerts.md'), 'utf8');
    for (const { alert, labels, annotations, expr } of rules()) {
      expect(['critical', 'warning', 'info']).toContain(labels['severity']);
      expect(Object.keys(annotations)).toEqual(['summary', 'description', 'remedy', 'runbook']);
      expect(annotations['runbook']).toBe(`docs/alerts.md#${alert.toLowerCase()}`);
      expect(page).toContain(`\n## ${alert}\n`);
      expect([alert, unknownIn(expr)]).toEqual([alert, []]);
      // `up` is Prometheus' own.
      expect(namesIn(expr).length > 0 || expr.startsWith('up{')).toBe(true);
    }
  });

  test('[T4.2] prometheus.yml is one that Prometheus takes', () => {
    const { code, output } = promtool(['check', 'config', join(FOLDER, 'prometheus.yml')]);
    expect(output).toContain('prometheus.yml is valid prometheus config file syntax');
    expect(code).toBe(0);
  });
});

describe.each(DASHBOARDS)('%s', (name) => {
  test('[R12.3] [T4.4] [I6.5] follows the rules by which Grafana imports', () => {
    expect(faultsOf(dashboard(name))).toEqual([]);
  });

  test('[R12.3] [T4.4] [I6.5] every query is one that Prometheus parses, of metrics and labels that exist', () => {
    const queries = queriesOf(dashboard(name));
    expect(queries.length).toBeGreaterThan(15);
    // As recording rules, because promtool parses those.
    const recorded = queries.map((expr, at) => ({ record: `test:query:${String(at)}`, expr }));
    const file = join(base, `${name}.rules.yml`);
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'queries', rules: recorded }] }));
    const { code, output } = promtool(['check', 'rules', file]);
    expect([code, output]).toEqual([
      0,
      `Checking ${file}\n  SUCCESS: ${String(queries.length)} rules found`,
    ]);
    expect(queries.flatMap(unknownIn)).toEqual([]);
  });
});

describe('the dashboards', () => {
  const [calls, processes] = DASHBOARDS.map(dashboard);

  test('[T4.4] have panels for heartbeats, lives, restarts, ends and clean-up', () => {
    const titles = processes?.panels.map(({ title }) => title);
    const wanted = ['Success rate', 'Latency', 'Workers by state', 'Starts and restarts'];
    const ends = ['Terminations by cause', 'Terminations by signal', 'Clean-up time'];
    expect(titles).toEqual(expect.arrayContaining([...wanted, ...ends, 'Alerts that fire']));
  });

  test('[I6.3] [T4.4] show every metric that there is', () => {
    const text = JSON.stringify([calls, processes]);
    const shown = new Set(namesIn(text));
    const unseen = definitions
      .map(prometheusName)
      .filter((one) => !['', '_bucket', '_sum', '_count'].some((end) => shown.has(one + end)));
    expect(unseen).toEqual(['process_start_time_seconds']);
  });

  test('[I6.5] what Grafana would not take is found', () => {
    if (calls === undefined) throw new Error('no dashboard');
    const [first, second, third] = calls.panels;
    if (first === undefined || second === undefined || third === undefined) throw new Error('few');
    const broken = {
      ...calls,
      uid: 'has spaces',
      templating: { list: calls.templating.list.slice(1) },
      panels: [
        first,
        { ...second, id: third.id, datasource: { type: 'prometheus', uid: 'my-prometheus' } },
        { ...third, gridPos: second.gridPos, targets: [] },
      ],
    };
    expect(faultsOf(broken)).toEqual([
      'uid has characters that it may not have',
      'no variable chooses the data source',
      'two panels have the same id',
      `the panels "${second.title}" and "${third.title}" overlap`,
      `the panel "${second.title}" names the data source my-prometheus`,
      `the panel "${third.title}" asks for nothing`,
    ]);
  });
});

describe('documentation', () => {
  test('[R12.3] metrics, alerts and dashboards in the documentation are those that there are', async () => {
    const { code, stderr } = await runProgram(['scripts/monitoring.mjs', '--check']);
    expect([code, stderr]).toEqual([0, '']);
  }, 60_000);
});
