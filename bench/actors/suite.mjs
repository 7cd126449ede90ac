import { inTurn, toRow } from '../harness.mjs';
import { hasBeam, startBeam } from './beam.mjs';
import { startNodeContestant } from './node-contestant.mjs';

/**
 * How one contestant does a work.
 *
 * @typedef {object} ContestantWork
 * @property {string} contestant One of `contestants/`, or `beam`.
 * @property {string} work Which of its works.
 * @property {number} size How much of it in a round at scale 1.
 * @property {Record<string, number>} [option] What else it is told; scaled down with the size, never up.
 * @property {number} [rounds] Counted rounds at most, where one takes long.
 */

/**
 * A work, who does it, and what of it is put side by side.
 *
 * @typedef {object} Comparison
 * @property {Record<string, ContestantWork>} sides By name; each has a process of its own.
 * @property {{ name: string, unit: string, figure: string, ours?: string, peer: string, against: string, goal?: object }[]} rows
 *   `ours` and `peer` name sides; ours is `snakepit` unless said.
 */

/** Makes a suite of a comparison. */
export function toSuite({ sides, rows }) {
  return async ({ rounds, scale, note }) => {
    const contestants = [];
    try {
      const running = {};
      const beam = Object.values(sides).some(({ contestant }) => contestant === 'beam');
      const withBeam = beam && hasBeam();
      if (beam && !withBeam) note('Erlang/OTP (erl, erlc) is not here: its rows are left out');
      for (const [name, side] of Object.entries(sides)) {
        if (side.contestant === 'beam' && !withBeam) continue;
        const contestant = await startContestant(side.contestant);
        contestants.push(contestant);
        running[name] = {
          measure: () => contestant.run(...toRun(side, scale)),
          rounds: side.rounds,
        };
      }
      const figures = await inTurn(rounds, running);
      return rows
        .filter(({ peer }) => Object.hasOwn(running, peer))
        .map(({ name, unit, figure, ours = 'snakepit', peer, against, goal }) => {
          const both = { ours: figures[figure][ours], peer: figures[figure][peer] };
          return toRow(name, unit, both, { against, goal });
        });
    } finally {
      await Promise.all(contestants.map((contestant) => contestant.close()));
    }
  };
}

function startContestant(name) {
  return name === 'beam' ? startBeam() : startNodeContestant(name);
}

function toRun({ work, size, option = {} }, scale) {
  const scaled = Math.max(1, Math.round(size * scale));
  const limited = Object.entries(option).map(([name, value]) => [
    name,
    Math.max(1, Math.round(value * Math.min(1, scale))),
  ]);
  return [work, scaled, Object.fromEntries(limited)];
}
