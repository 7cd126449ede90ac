import type { ActorSystem } from '@snakepit/core';
import type { ObservePlan } from '../observe-options.ts';
import type { HelloLine } from '../protocol.ts';
import type { Shower } from '../shown/show.ts';
import type { TreeFeed } from '../tree/tree-feed.ts';
import type { ChartBook } from './chart-book.ts';
import type { Viewers } from './viewers.ts';

/** A system that is looked at, and what there is for it; what the routes are made of. */
export interface ObservedSystem {
  /** The system. */
  readonly system: ActorSystem;
  /** How it is observed. */
  readonly plan: ObservePlan;
  /** Its tree. */
  readonly feed: TreeFeed;
  /** Its charts. */
  readonly charts: ChartBook;
  /** Makes its values fit to be shown. */
  readonly shower: Shower;
  /** Who looks. */
  readonly viewers: Viewers;
  /** The first line of a stream. */
  readonly hello: () => HelloLine;
}
