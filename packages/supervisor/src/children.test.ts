import { describe, expect, test } from '@jest/globals';
import {
  addChild,
  childAt,
  childOfPid,
  markExited,
  markRestarting,
  markRunning,
  noChildren,
  removeChild,
  settleBetween,
  settleChild,
  type Children,
  type ChildTraits,
} from './children.ts';

const traits: ChildTraits = {
  id: 'a',
  key: '"a"',
  restart: 'permanent',
  shutdown: 5_000,
  type: 'worker',
  significant: false,
};

function withFour(): Children {
  return ['a', 'b', 'c', 'd'].reduce(
    (children, id) => addChild(children, { ...traits, id, key: JSON.stringify(id) }),
    noChildren,
  );
}

describe('the index of pids', () => {
  test('has running children only, however often they end and come back', () => {
    let children = withFour();
    for (let pid = 1; pid <= 100; pid++) {
      children = markExited(markRunning(children, 0, pid, 0), 0, 'custom');
      expect([children.byPid, childOfPid(children, pid)]).toEqual([noChildren.byPid, undefined]);
    }
    children = settleChild(markRunning(children, 0, 101, 0), 0);
    expect(children.byPid).toEqual(noChildren.byPid);
    expect(removeChild(markRunning(children, 1, 102, 0), 1).byPid).toEqual(noChildren.byPid);
  });
});

describe('settleBetween', () => {
  test('[STR-020] whoever of the group waits to be restarted waits no more; others keep their state', () => {
    let children = withFour();
    children = markRestarting(markExited(markRunning(children, 0, 10, 0), 0, 'custom'), 0);
    children = markRestarting(markExited(markRunning(children, 1, 11, 0), 1, 'custom'), 1);
    children = markRunning(children, 2, 12, 0);
    children = markExited(markRunning(children, 3, 13, 0), 3, 'custom');
    const settled = settleBetween(children, 1, 3);
    expect([0, 1, 2, 3].map((at) => childAt(settled, at)?.status)).toEqual([
      'restarting',
      'undefined',
      'running',
      'undefined',
    ]);
    expect([0, 1, 2, 3].map((at) => childAt(settled, at)?.pid)).toEqual([10, null, 12, null]);
  });
});
