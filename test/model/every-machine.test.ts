import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import * as core from '@snakepit/core';
import * as observer from '@snakepit/observer';
import * as bridge from '@snakepit/python-bridge';
import * as supervisor from '@snakepit/supervisor';
import * as snakepit from 'snakepit';

const folder = import.meta.dirname;
const tests = readdirSync(folder)
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => readFileSync(join(folder, name), 'utf8'));
const charts = readFileSync(join(folder, '../../scripts/charts.mjs'), 'utf8');

function isMachine(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'root' in value && 'transition' in value;
}

const machines = [core, supervisor, bridge, snakepit, observer]
  .flatMap((exports) => Object.entries(exports) as [string, unknown][])
  .flatMap(([name, value]) => (isMachine(value) ? [name] : []));

/** Whether a test uses a machine, or what it made of it, for this. */
function isGivenTo(functionName: string, machine: string): boolean {
  return tests.some((source) => {
    const derived = new RegExp(`(\\w+) = ${machine}\\.provide\\(`).exec(source)?.[1];
    const names = derived === undefined ? [machine] : [machine, derived];
    return (
      source.includes(machine) &&
      names.some((name) => new RegExp(`\\b${functionName}\\(\\s*${name}\\b`).test(source))
    );
  });
}

test('there are machines', () => {
  expect(machines).toEqual(
    expect.arrayContaining([
      'supervisorMachine',
      'grpcWorkerMachine',
      'restartIntensityMachine',
      'anomalyMachine',
    ]),
  );
});

test.each([...new Set(machines)])(
  '%s is drawn, and all its transitions are taken, on an actor and on real processes',
  (machine) => {
    expect(charts).toMatch(new RegExp(`\\b${machine}\\b`));
    expect(isGivenTo('replayAll', machine)).toBe(true);
    expect(isGivenTo('playOnProcesses', machine) || isGivenTo('goAll', machine)).toBe(true);
  },
);
