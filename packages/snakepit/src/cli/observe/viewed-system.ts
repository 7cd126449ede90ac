import type { ActorAnswer, ActorRow, Handled, LifeRecord } from '@snakepit/observer';

/** Everything of one process that can be told. */
export interface ProcessStory {
  /** Its row; that of its successor when it was restarted. */
  readonly row: ActorRow;
  /** All there is to see of it, when it runs and was asked. */
  readonly answer: ActorAnswer | undefined;
  /** Messages, of a saved incident only. */
  readonly messages: readonly Handled[];
  /** What happened on its path, oldest first. */
  readonly life: readonly LifeRecord[];
}

/** What a viewer needs to know: of a system that runs, or of a moment of one that did. */
export interface ViewedSystem {
  /** What it is called. */
  readonly name: string;
  /** Where it runs, or what was saved, and how it is reached now. */
  readonly standing: string;
  /** The processes, parents first. */
  readonly rows: readonly ActorRow[];
  /** What happened, oldest first. */
  readonly life: readonly LifeRecord[];
  /** What is to be added to times of the system to have times of the calendar, in milliseconds. */
  readonly wallOffset: number;
  /** Turns of all processes, per second. */
  readonly turnsPerSecond: number;
  /** Of each process, by pid; empty unless they were asked for. */
  readonly turns: ReadonlyMap<number, number>;
  /** The tables of the sources, by source and name. */
  readonly panels: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** The process that is looked at. */
  readonly story: ProcessStory | undefined;
}

/** What of it is looked at: nobody asks for more. */
export interface Interest {
  /** Path of the process that is opened. */
  readonly path: string | undefined;
  /** Whether turns of each process are shown. */
  readonly turns: boolean;
  /** Whether pools and calls are shown. */
  readonly panels: boolean;
}

/** Where a viewer has it from. */
export interface ViewSource {
  /** As it is known now. */
  readonly system: () => ViewedSystem;
  /** Asks for what else is looked at; resolves when it is known, or cannot be had. */
  readonly refresh: (interest: Interest) => Promise<void>;
  /** Moves in time, by so many moments; nothing happens where there is only one time. */
  readonly move: (moments: number) => void;
  /** Lets it go. */
  readonly close: () => void;
}

/** The living process of a path, and what happened on it. @internal */
export function storyOf(
  path: string | undefined,
  rows: readonly ActorRow[],
  life: readonly LifeRecord[],
): Omit<ProcessStory, 'answer' | 'messages'> | undefined {
  const row = rows.filter((one) => one.path === path).at(-1);
  return row === undefined
    ? undefined
    : { row, life: life.filter((record) => record.path === path) };
}
