import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { ElkNode } from 'elkjs/lib/elk-api.js';
import type { Chart } from './chart.ts';
import { chartHash } from './chart-hash.ts';
import type { ChartLayout } from './chart-layout.ts';
import { fromElk, toElk } from './elk-graph.ts';

/** Computes layouts, each one once. */
export interface ChartLayouts {
  /** The layout of a chart: from memory when an equal chart was asked for before. */
  layoutOf(chart: Chart): Promise<ChartLayout>;
  /** Ends the one that is being computed, and refuses those that wait and all later ones. */
  close(): Promise<void>;
}

/** Lays out charts one after the other, in a thread of its own that stays until it is ended: most of the time of a first layout is that of loading ELK. */
export interface LayoutThread {
  /**
   * Finds a place for everything in a chart.
   *
   * @param patienceMs - How long it may take, in milliseconds; default 30,000.
   * @throws Error when ELK cannot lay it out, or not in time; the next one gets a new thread then.
   */
  layout(chart: Chart, patienceMs?: number): Promise<ChartLayout>;
  /** Ends the thread; the next layout begins another one. */
  end(): Promise<void>;
}

const MOST_KEPT = 200;
/** A layout takes up to a second; what takes so long, in milliseconds, comes to no end. Others wait for it. */
const PATIENCE_MS = 30_000;

// ELK computes for up to a second and cannot be interrupted: not on the thread that supervises.
// When it fails while it makes the picture compact, it is asked once more without (kieler/elkjs#98).
const PROGRAM = `
const { parentPort, workerData } = require('node:worker_threads');
const ELK = require(workerData.elk);
const elk = new ELK();
const plain = { 'elk.layered.compaction.postCompaction.strategy': 'NONE', 'elk.layered.considerModelOrder.strategy': 'NONE' };
parentPort.on('message', (graph) => {
  const loose = { ...graph.layoutOptions, ...plain };
  elk.layout(structuredClone(graph))
    .catch(() => elk.layout({ ...graph, layoutOptions: loose }))
    .then((found) => parentPort.postMessage({ graph: found }), (error) => parentPort.postMessage({ problem: String(error) }));
});
`;

/** Makes one; its thread begins with the first layout. Whoever uses it asks for one layout at a time. */
export function createLayoutThread(): LayoutThread {
  let worker: Worker | undefined;
  const end = async (): Promise<void> => {
    const ended = worker;
    worker = undefined;
    await ended?.terminate();
  };
  return {
    async layout(chart, patienceMs = PATIENCE_MS) {
      worker ??= new Worker(PROGRAM, {
        eval: true,
        execArgv: [],
        env: {},
        workerData: { elk: createRequire(import.meta.url).resolve('elkjs/lib/elk.bundled.js') },
      });
      const { graph, problem } = await answerOf(worker, toElk(chart), patienceMs);
      if (graph !== undefined) return fromElk(chart, graph);
      // It may still be at it.
      await end();
      throw new Error(`no layout for ${chart.id}: ${problem ?? 'no answer'}`);
    },
    end,
  };
}

/**
 * Finds a place for everything in a chart, in a thread of its own that ends with the answer.
 *
 * @param chart - The chart.
 * @param patienceMs - How long it may take, in milliseconds; default 30,000.
 * @returns The layout; the same chart always gives the same one.
 * @throws Error when ELK cannot lay it out, or not in time.
 */
export async function layoutChart(chart: Chart, patienceMs = PATIENCE_MS): Promise<ChartLayout> {
  const thread = createLayoutThread();
  try {
    return await thread.layout(chart, patienceMs);
  } finally {
    await thread.end();
  }
}

/**
 * Makes a memory for layouts: the second viewer of a machine waits for nothing.
 *
 * @param thread - What computes layouts; default {@link createLayoutThread}. It is ended whenever nothing is to be laid out.
 * @returns The memory; it keeps the layouts of the last 200 machines.
 */
export function createChartLayouts(thread: LayoutThread = createLayoutThread()): ChartLayouts {
  const kept = new Map<string, Promise<ChartLayout>>();
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  let isClosed = false;
  const layOut = async (chart: Chart): Promise<ChartLayout> => {
    try {
      if (isClosed) throw new Error(`no layout for ${chart.id}: nobody looks any more`);
      return await thread.layout(chart);
    } finally {
      waiting -= 1;
      if (waiting === 0) await thread.end();
    }
  };
  return {
    layoutOf(chart) {
      const hash = chartHash(chart);
      const known = kept.get(hash);
      if (known !== undefined) return known;
      // One after the other: many charts opened at once must not take every core from those who work.
      waiting += 1;
      const found = last.then(() => layOut(chart));
      last = found.catch(() => kept.delete(hash));
      kept.set(hash, found);
      for (const oldest of kept.keys()) {
        if (kept.size <= MOST_KEPT) break;
        kept.delete(oldest);
      }
      return found;
    },
    close() {
      isClosed = true;
      return thread.end();
    },
  };
}

interface Answer {
  readonly graph?: ElkNode;
  readonly problem?: string;
}

function answerOf(worker: Worker, graph: ElkNode, patienceMs: number): Promise<Answer> {
  return new Promise<Answer>((resolve, reject) => {
    const settle = (end: () => void): void => {
      clearTimeout(limit);
      worker.off('message', answered).off('error', failed).off('exit', ended);
      end();
    };
    const answered = (answer: Answer): void => {
      settle(() => {
        resolve(answer);
      });
    };
    const failed = (error: Error): void => {
      settle(() => {
        reject(error);
      });
    };
    const ended = (): void => {
      answered({ problem: 'its thread ended' });
    };
    const limit = setTimeout(() => {
      answered({ problem: `it took longer than ${String(patienceMs)} ms` });
    }, patienceMs);
    worker.on('message', answered).on('error', failed).on('exit', ended);
    worker.postMessage(graph);
  });
}
