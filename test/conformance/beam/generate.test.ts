import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { erlangTerm } from './erlang-term.ts';
import { scenarios } from './generate.ts';
import {
  parentsOf,
  simpleSteps,
  supervisorsOf,
  type Node,
  type Scenario,
  type Worker,
} from './scenario.ts';

function samplesOf(seed: number): Scenario[] {
  return fc.sample(scenarios, { seed, numRuns: 300 });
}

const samples = samplesOf(7);

function workersOf(scenario: Scenario): Worker[] {
  const { tree } = scenario;
  const nodes: Node[] = supervisorsOf(tree).flatMap((node) =>
    node.kind === 'supervisor' ? node.children : [],
  );
  const added = simpleSteps(scenario).flatMap((step) =>
    step.do === 'call' && step.call === 'start_child' ? [step.child] : [],
  );
  return [...nodes.filter((node) => node.kind === 'worker'), ...added];
}

describe('scenarios', () => {
  test('one seed always makes the same', () => {
    expect(samplesOf(7)).toEqual(samples);
    expect(samplesOf(8)).not.toEqual(samples);
  });

  test('hold every strategy, restart type, temper, way to fail and step', () => {
    const seen = JSON.stringify(samples);
    const words = [
      ...['oneForOne', 'oneForAll', 'restForOne', 'dynamic', 'anySignificant', 'allSignificant'],
      ...['permanent', 'transient', 'temporary', 'infinity', 'brutalKill'],
      ...['plain', 'trapping', 'slow', 'hanging', 'contrary', 'shared'],
      ...['ignore', 'raise', 'junk', 'stop', 'exit', 'killing', 'thenStop'],
      ...['startRaise', 'startJunk', 'startExit'],
      ...['finish', 'signal', 'unlink', 'hold', 'suspend', 'message', 'call'],
      ...['query', 'echo', 'wait', 'leave', 'crash'],
      ...['start_child', 'terminate_child', 'restart_child', 'delete_child', 'get_childspec'],
      ...['which_children', 'count_children'],
    ];
    expect(words.filter((word) => !seen.includes(`"${word}"`))).toEqual([]);
  });

  test('[SPEC-013] every id is in one place only', () => {
    for (const scenario of samples) {
      const ids = supervisorsOf(scenario.tree).flatMap((node) => [
        ...(node === scenario.tree ? [node.id] : []),
        ...(node.kind === 'supervisor' ? node.children.map(({ id }) => id) : []),
      ]);
      expect(new Set(ids).size).toBe(ids.length);
      for (const { id } of supervisorsOf(scenario.tree).slice(1)) {
        expect(parentsOf(scenario).has(id)).toBe(true);
      }
    }
  });

  test('[SHD-002] no stop depends on how fast the machine is', () => {
    for (const { id, temper, shutdown } of samples.flatMap(workersOf)) {
      const allowed =
        temper === 'hanging'
          ? [15, 'brutalKill']
          : temper === 'plain'
            ? [5_000, 'infinity', 0, 'brutalKill']
            : [5_000, 'infinity', 'brutalKill'];
      expect({ id, temper, isAllowed: allowed.includes(shutdown) }).toEqual({
        id,
        temper,
        isAllowed: true,
      });
    }
  });

  test('[SPEC-012] what is in a tree is valid', () => {
    for (const { tree } of samples) {
      for (const node of supervisorsOf(tree)) {
        if (node.kind === 'dynamic') continue;
        const faulty = node.children.filter(
          ({ significant, restart }) =>
            significant && (node.auto === 'never' || restart === 'permanent'),
        );
        expect(faulty).toEqual([]);
      }
    }
  });
});

describe('erlangTerm', () => {
  test('strings are atoms, in the words of OTP; objects are maps', () => {
    const value = { do: 'hold', steps: [1, true, 'brutalKill', ["it's", '{shutdown,x}']] };
    expect(erlangTerm(value)).toBe(
      String.raw`#{'do'=>'hold','steps'=>[1,true,'brutal_kill',['it\'s','{shutdown,x}']]}`,
    );
  });

  test('what is no plain data is refused', () => {
    expect(() => erlangTerm(null)).toThrow('no Erlang term for null');
    expect(() => erlangTerm(undefined)).toThrow(TypeError);
  });
});
