import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Graphviz } from '@hpcc-js/wasm-graphviz';
import { createActor, createMachine, type AnyStateMachine, type MachineConfig } from 'xstate';
import { everyKind, hostileMachine, hostileNames } from '../chart/chart.fixture.ts';
import { chartOf } from '../chart/chart.ts';
import type { ActorRow, Handled } from '../protocol.ts';
import { chartToDot, treeToDot } from './dot.ts';
import { exportMachine, isStateMachine, machineFormats } from './export-machine.ts';
import { machineConfig, machineToJson } from './machine-json.ts';
import { chartToMermaid } from './mermaid.ts';
import { machineToScxml } from './scxml.ts';
import { messagesToMermaid } from './sequence.ts';

const python = join(import.meta.dirname, '../../../../.venv/bin/python');

type Element = [tag: string, attributes: Record<string, string>, children: Element[]];

/** What an XML parser, Expat, finds in a document. Throws when it is not well-formed. */
function parseXml(text: string): Element {
  const program = [
    'import sys, json, xml.etree.ElementTree as E',
    'def tell(e): return [e.tag.split("}")[1], e.attrib, [tell(c) for c in e]]',
    'print(json.dumps(tell(E.fromstring(sys.stdin.buffer.read()))))',
  ].join('\n');
  const { status, stdout, stderr } = spawnSync(python, ['-c', program], {
    input: text,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Element;
}
const elements = (element: Element, tag: string): Element[] => [
  ...(element[0] === tag ? [element] : []),
  ...element[2].flatMap((child) => elements(child, tag)),
];

/** The machine that is made of what was written. */
function again(machine: AnyStateMachine): AnyStateMachine {
  type Config = MachineConfig<
    Record<string, unknown>,
    { type: string },
    never,
    never,
    never,
    never,
    string,
    never,
    never,
    never,
    never
  >;
  return createMachine(JSON.parse(machineToJson(machine)) as Config);
}

describe('JSON', () => {
  test.each([
    ['one of everything', everyKind],
    ['hostile names', hostileMachine()],
    [
      'names with dots',
      createMachine({
        id: 'a.b',
        initial: 'c.d',
        states: {
          'c.d': {
            on: { 'GO.*': '#e\\.f', X: { target: '#a\\.b.g\\\\' } },
            initial: 'h',
            states: { h: {} },
          },
          e: { id: 'e.f', type: 'parallel', states: { x: {}, past: { type: 'history' } } },
          'g\\': { tags: ['t'] },
        },
      }),
    ],
  ])('[I6.8] %s: createMachine makes the same chart of it', (_, machine) => {
    expect(chartOf(again(machine))).toEqual(chartOf(machine));
  });

  test('[I6.8] it is of the form that XState has, so that it is run', () => {
    expect(machineConfig(everyKind)).toMatchObject({
      id: 'every',
      initial: 'resting',
      states: {
        resting: {
          after: { patience: [{ target: ['#every.working'] }] },
          on: { go: [{ guard: { type: 'isReady and not isTired' } }, {}] },
        },
        again: { type: 'history', target: 'resting' },
        working: {
          states: {
            right: {
              invoke: [{ id: 'fetch', src: 'fetching', onDone: [{ target: ['#every.done'] }] }],
            },
          },
        },
      },
    });
    const copy = createMachine({
      ...machineConfig(
        createMachine({
          id: 'door',
          initial: 'shut',
          states: { shut: { on: { open: 'open' } }, open: { on: { shut: { target: 'shut' } } } },
        }),
      ),
    });
    const actor = createActor(copy).start();
    actor.send({ type: 'open' });
    expect(actor.getSnapshot().value).toBe('open');
    actor.stop();
  });
});

describe('SCXML', () => {
  test('[I6.8] has every state and transition where the machine has it', () => {
    const root = parseXml(machineToScxml(everyKind));
    // The machine itself handles `*`: so it is a state of the document.
    expect(root[1]).toMatchObject({ version: '1.0', name: 'every', initial: 'every' });
    const state = (id: string): Element => {
      const found = ['state', 'parallel', 'final', 'history']
        .flatMap((tag) => elements(root, tag))
        .find(([, attributes]) => attributes['id'] === id);
      if (found === undefined) throw new Error(`${id} is not there`);
      return found;
    };
    for (const { id } of chartOf(everyKind).states) expect(state(id)[1]['id']).toBe(id);
    expect(state('every.working')[0]).toBe('parallel');
    expect(state('every.working.left')[1]['initial']).toBe('every.working.left.one');
    expect(state('every.again')).toMatchObject([
      'history',
      { type: 'shallow' },
      [['transition', { target: 'every.resting' }, []]],
    ]);
    expect(state('every.working.memory')[2]).toMatchObject([
      ['transition', { target: 'every.working' }, []],
    ]);
    expect(elements(state('every.working.right'), 'invoke')[0]?.[1]).toMatchObject({
      src: 'fetching',
    });
    expect(
      elements(state('every.resting'), 'transition').map(([, attributes]) => attributes),
    ).toEqual(
      expect.arrayContaining([
        { event: 'go', cond: 'isReady and not isTired', target: 'every.working', type: 'internal' },
        { event: 'note' },
      ]),
    );
    expect(elements(state('every.resting'), 'onentry')[0]?.[2]).toEqual([
      ['log', { label: 'greet' }, []],
    ]);
  });

  test('[I6.8] is well-formed whatever states are called', () => {
    const machine = hostileMachine();
    const root = parseXml(machineToScxml(machine));
    const ids = elements(root, 'state').map(([, { id }]) => id);
    expect(new Set(ids).size).toBe(hostileNames.length);
    for (const id of ids) expect(id).toMatch(/^[A-Za-z_][\w.-]*$/);
    for (const [, { target = ids[0] }] of elements(root, 'transition')) {
      expect(ids).toContain(target);
    }
  });
});

describe('DOT', () => {
  test.each([
    ['one of everything', everyKind],
    ['hostile names', hostileMachine()],
  ])('[I6.8] %s: Graphviz draws all of it', async (_, machine) => {
    const graphviz = await Graphviz.load();
    const chart = chartOf(machine);
    const drawn = parseXml(graphviz.dot(chartToDot(chart)));
    const ofClass = (name: string): Element[] =>
      elements(drawn, 'g').filter(([, attributes]) => attributes['class'] === name);
    const parents = new Set(chart.states.map(({ parent }) => parent));
    const initials = chart.states.flatMap(({ initial }) => initial);
    const leaves = chart.states.filter(({ id }) => !parents.has(id));
    expect(ofClass('cluster')).toHaveLength(parents.size - 2);
    expect(ofClass('node')).toHaveLength(leaves.length + initials.length);
    const arrows = chart.edges.filter(({ source }) => source !== chart.root);
    expect(ofClass('edge')).toHaveLength(
      arrows.flatMap(({ targets }) => targets).length + initials.length,
    );
  });

  test('[I6.8] the tree of processes, with names from anybody', async () => {
    const graphviz = await Graphviz.load();
    const row = (pid: number, parent: number, name: string): ActorRow => ({
      ...{ pid, parent, name, path: name, inc: 1, kind: pid === 1 ? 'supervisor' : 'worker' },
      ...{ label: '', value: null, status: 'waiting', restarts: pid - 1, window: null, mbox: 0 },
      ...{ since: 0, last: null, lastAt: null, err: null, chart: null, os: null, rss: null },
      ...{ hb: null, inflight: null },
    });
    const rows = hostileNames.map((name, index) => row(index + 1, index === 0 ? 0 : 1, name));
    const drawn = graphviz.dot(treeToDot([...rows, row(99, 50, 'its parent is gone')]));
    const nodes = elements(parseXml(drawn), 'g').filter(([, { class: name }]) => name === 'node');
    const edges = elements(parseXml(drawn), 'g').filter(([, { class: name }]) => name === 'edge');
    expect([nodes.length, edges.length]).toEqual([rows.length + 1, rows.length - 1]);
    expect(drawn).toContain('restarted 98');
  });
});

describe('Mermaid', () => {
  test('[I6.8] regions, history, ends, and what is possible anywhere', () => {
    const text = chartToMermaid(chartOf(everyKind), ['every', 'every.resting', 'nobody']);
    const alias = (title: string): string => {
      const found = new RegExp(`state "${title}" as (s\\d+)`).exec(text)?.[1];
      if (found === undefined) throw new Error(`${title} is not there:\n${text}`);
      return found;
    };
    expect(text.split('\n')[0]).toBe('stateDiagram-v2');
    expect(text.match(/^ {4}--$/gm)).toHaveLength(2);
    expect(text).toContain(`  [*] --> ${alias('resting')}\n`);
    expect(text).toContain(`${alias('done')} --> [*]`);
    alias('memory \\(H\\*\\)');
    alias('again \\(H\\)');
    expect(text).toContain(
      `  ${alias('resting')} --> ${alias('working')}: go #91;isReady and not isTired#93; / write\n`,
    );
    expect(text).toContain(`note right of ${alias('resting')}: anywhere, * / write`);
    expect(text).toMatch(new RegExp(`class ${alias('resting')} active\n$`));
    expect(text.match(/^ {2}class /gm)).toHaveLength(1);
  });

  test('[I6.8] no name is anything but text', () => {
    const lines = chartToMermaid(chartOf(hostileMachine())).trimEnd().split('\n');
    const text = String.raw`(?:[^#;:<>"'\x60{}%&|\\[\]-]|#\d+;)+`;
    const allowed = new RegExp(
      `^(stateDiagram-v2| *state "${text}" as s\\d+| *\\[\\*\\] --> s\\d+| *s\\d+ --> s\\d+: ${text})$`,
    );
    expect(lines.filter((line) => !allowed.test(line))).toEqual([]);
    expect(lines).toHaveLength(2 + hostileNames.length * 3);
  });
});

describe('a sequence diagram', () => {
  const record = (seq: number, change: Partial<Handled> = {}): Handled => ({
    ...{ seq, t: seq, waitedMs: 0, tookMs: 0, actor: 2, from: 1, kind: 'cast', event: 'go' },
    ...{ steps: [], actions: [], sent: [], outcome: 'handled', status: 'waiting', value: null },
    ...change,
  });

  test('[I6.8] messages, what XState sends, crashes', () => {
    const names = ['', 'pool', 'worker;\n1'];
    const text = messagesToMermaid(
      [
        record(1),
        record(2, { event: 'xstate.done.actor.x', from: null }),
        record(3, { outcome: 'crashed', event: 'x: --> y' }),
        record(4, { outcome: 'postponed' }),
      ],
      (pid) => names[pid] ?? '',
    );
    expect(text).toBe(
      [
        'sequenceDiagram',
        '  participant p1 as pool',
        '  participant p2 as worker#59;·1',
        '  participant p0 as outside',
        '  p1->>p2: go',
        '  p0-->>p2: xstate.done.actor.x',
        '  p1-xp2: x#58; #45;#45;#62; y',
        '  p1->>p2: go (postponed)',
        '',
      ].join('\n'),
    );
  });

  test('[I6.8] of very many the last 200, and it says so', () => {
    const text = messagesToMermaid(Array.from({ length: 1_000 }, (_, seq) => record(seq)));
    expect(text.match(/->>/g)).toHaveLength(200);
    expect(text).toContain('Note over p1: 800 earlier messages are left out');
    expect(messagesToMermaid([])).toBe('sequenceDiagram\n');
  });
});

test('[I6.8] what is a machine is known by its form, also one of another copy of XState', async () => {
  expect(isStateMachine(everyKind)).toBe(true);
  for (const other of [
    null,
    'x',
    {},
    { root: 1, id: 'x', transition: 1 },
    createActor(everyKind),
  ]) {
    expect(isStateMachine(other)).toBe(false);
  }
  const starts = ['stateDiagram-v2', '<?xml', '{', '<svg', 'digraph "every"'];
  for (const [index, format] of machineFormats.entries()) {
    expect(await exportMachine(everyKind, format)).toMatch(
      new RegExp(`^${starts[index] ?? ''}`.replace('?', '\\?')),
    );
  }
});
