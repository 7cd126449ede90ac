import {
  createSystem,
  exitReason,
  ExitError,
  silentLogger,
  sys,
  type ActorSystem,
  type Pid,
} from '@snakepit/core';
import { Supervisor } from '@snakepit/supervisor';
import { answersOf, type Answer } from './our-calls.ts';
import { supervising } from './our-children.ts';
import { Journal } from './our-journal.ts';
import { reasonOf } from './reasons.ts';
import {
  supervisorsOf,
  type During,
  type Scenario,
  type SimpleStep,
  type Step,
} from './scenario.ts';

/** The answer of a call that nobody is there to take. */
const nobody: Answer = () => Promise.resolve('nobody');

/** Plays a scenario on our own supervisors and gives its log, in the form that the BEAM's driver writes. */
export async function playOurs(scenario: Scenario): Promise<readonly string[]> {
  const system = createSystem({ logger: silentLogger });
  const journal = new Journal(system);
  const player = new Player(system, journal);
  try {
    await player.play(scenario);
    return [...journal.log];
  } finally {
    // Killed rather than asked: some children do not listen.
    for (const { pid } of [...system.processes()]) system.exit(pid, exitReason.kill);
    await system.stop();
  }
}

class Player {
  readonly #system: ActorSystem;
  readonly #journal: Journal;
  readonly #queried: string[] = [];

  constructor(system: ActorSystem, journal: Journal) {
    this.#system = system;
    this.#journal = journal;
  }

  async play({ tree, steps }: Scenario): Promise<void> {
    const journal = this.#journal;
    journal.write('step start');
    const started = await this.#start(tree);
    await this.#settle();
    journal.write(`> ${started}`);
    for (const [index, step] of steps.entries()) {
      journal.write(`step ${index + 1}`);
      const answers = await this.#do(step);
      await this.#settle();
      for (const answer of answers) journal.write(`> ${await answer()}`);
      this.#writeQueried();
    }
    await this.#finish(tree);
  }

  async #start(tree: Scenario['tree']): Promise<string> {
    const { behaviour, options } = supervising(this.#journal, tree);
    try {
      const pid = await this.#system.start(behaviour, options, { timeout: Infinity });
      return `ok ${this.#journal.nameOf(pid)}`;
    } catch (error) {
      if (!(error instanceof ExitError)) throw error;
      return `error ${this.#journal.textOf(error.reason)}`;
    }
  }

  /** Looks at every supervisor that lives, then ends the tree as its parent. */
  async #finish(tree: Scenario['tree']): Promise<void> {
    this.#journal.write('step end');
    for (const { id, kind } of supervisorsOf(tree)) {
      if (!this.#journal.lives(id)) continue;
      for (const call of ['which_children', 'count_children'] as const) {
        const [answer] = this.#once({ do: 'call', call, on: id, kind });
        this.#journal.write(`> ${String(await answer?.())}`);
      }
    }
    const root = this.#journal.pidOf(tree.id);
    if (root !== undefined) this.#system.exit(root, exitReason.shutdown);
    await this.#settle();
    this.#writeQueried();
  }

  /** What calls of children have brought by now; callers of one child are told in no order. */
  #writeQueried(): void {
    for (const line of this.#queried.splice(0).sort()) this.#journal.write(`> ${line}`);
  }

  async #do(step: Step): Promise<Answer[]> {
    if (step.do === 'suspend') return this.#suspended(step);
    if (step.do !== 'hold') return this.#once(step);
    const held = this.#journal.pidOf(step.on);
    if (held === undefined || !this.#journal.lives(step.on)) return [nobody];
    const gate = answersOf(this.#journal).hold(held, { id: step.on, kind: step.kind });
    await gate.held;
    const answers = [gate.answer];
    for (const one of step.steps) {
      answers.push(...this.#once(one));
      await this.#settle(held);
    }
    gate.open();
    return answers;
  }

  async #suspended({ on, steps }: During<'suspend'>): Promise<Answer[]> {
    const pid = this.#journal.pidOf(on);
    if (pid === undefined || !this.#journal.lives(on)) return [nobody];
    await sys.suspend(this.#system, pid);
    const answers: Answer[] = [];
    for (const one of steps) {
      answers.push(...this.#once(one));
      await this.#settle(pid);
    }
    // It may have been stopped meanwhile.
    await sys.resume(this.#system, pid).catch(() => undefined);
    return answers;
  }

  /** Calls a child; the answer may come much later, or be the child's end. */
  #query(pid: Pid, { id, how }: SimpleStep & { do: 'query' }): void {
    this.#system.call(pid, { type: how }, { timeout: Infinity }).then(
      (answer) => this.#queried.push(`query ${id} ${how}: ${String(answer)}`),
      (error: unknown) => {
        const { reason } = error as ExitError;
        this.#queried.push(`query ${id} ${how}: exit ${this.#journal.textOf(reason)}`);
      },
    );
  }

  #once(step: SimpleStep): Answer[] {
    const system = this.#system;
    const pid = this.#journal.pidOf(step.do === 'call' ? step.on : step.id);
    if (pid === undefined) return [nobody];
    if (step.do === 'call') return [answersOf(this.#journal).ask(pid, step)];
    if (step.do === 'query') {
      this.#query(pid, step);
      return [];
    }
    if (!this.#journal.lives(step.id)) return [nobody];
    switch (step.do) {
      case 'finish':
        system.send(pid, { type: 'finish', how: step.how, reason: reasonOf(step.reason) });
        return [];
      case 'signal':
        system.exit(pid, reasonOf(step.reason));
        return [];
      case 'unlink':
        system.send(pid, { type: 'unlink' });
        return [];
      case 'junk':
        if (step.how === 'message') system.send(pid, { type: 'junk' });
        // How it ends is seen in the log.
        else system.call(pid, { type: 'junk' }, { timeout: Infinity }).catch(() => undefined);
        return [];
    }
  }

  /** Waits until nothing moves: each supervisor answers, nobody is on the way out, and the log has stopped growing. */
  async #settle(held?: Pid): Promise<void> {
    const journal = this.#journal;
    let before = -1;
    for (let rounds = 3; rounds > 0;) {
      for (const pid of journal.supervisors) {
        if (pid === held) continue;
        await Supervisor.whichChildren(Supervisor.at(this.#system, pid)).catch(() => undefined);
      }
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
      if (journal.ending.size > 0) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        before = -1;
      }
      rounds = journal.log.length === before ? rounds - 1 : 3;
      before = journal.log.length;
    }
  }
}
