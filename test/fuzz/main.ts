// npm run fuzz -- [--seed S] [--rounds N] [--round K] [--target NAME] [--json]
import { parseArgs } from 'node:util';
import { playRounds } from './rounds.ts';
import { targets } from './targets.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    rounds: { type: 'string', default: '200' },
    round: { type: 'string' },
    target: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const plan = {
  seed: Number(values.seed),
  rounds: Number(values.rounds),
  round: values.round === undefined ? undefined : Number(values.round),
};
for (const { name, attacks, open } of targets) {
  if (values.target !== undefined && values.target !== name) continue;
  const target = await open();
  const report = await playRounds(target, { ...plan, attacks });
  await target.close();
  if (values.json) console.log(JSON.stringify(report));
  else console.log(report);
  if (report.failures.length > 0) process.exitCode = 1;
}
