import type { Incident } from '@snakepit/core';
import type { IncidentSummary } from '../protocol.ts';
import type { ObservedSystem } from '../server/observed-system.ts';
import {
  contentOf,
  prepareCharts,
  withCharts,
  withFollowing,
  type KeptContent,
} from './incident-content.ts';
import type { IncidentContent } from './incident-file.ts';

/** Of how many incidents the tree is kept; of older ones only what the core keeps. */
const mostTrees = 4;

/** The incidents of a system. The core keeps them; here the tree is added, as it was when one was noticed. */
export class IncidentShelf {
  readonly #observed: ObservedSystem;
  readonly #contents = new Map<number, KeptContent>();
  #lastSeen: number;

  /** @param observed - Whose incidents. */
  constructor(observed: ObservedSystem) {
    this.#observed = observed;
    this.#lastSeen = this.#all.at(-1)?.id ?? 0;
  }

  /** All that are kept, newest first. */
  list(): readonly IncidentSummary[] {
    return this.#all.map((incident) => this.#summary(incident)).reverse();
  }

  /** Those that were kept since this was asked last; their trees are kept, too. */
  fresh(): readonly IncidentSummary[] {
    const fresh = this.#all.filter(({ id }) => id > this.#lastSeen);
    for (const incident of fresh.slice(-mostTrees)) this.#keepTree(incident);
    this.#lastSeen = fresh.at(-1)?.id ?? this.#lastSeen;
    return fresh.map((incident) => this.#summary(incident));
  }

  /** Keeps the last 30 s now. */
  keep(title: string): IncidentSummary {
    const incident = this.#observed.system.records.keepIncident(title);
    this.#keepTree(incident);
    return this.#summary(incident);
  }

  /** All of an incident; `undefined` when it is not kept any more. */
  async content(id: string): Promise<IncidentContent | undefined> {
    const incident = this.#all.find((one) => String(one.id) === id);
    if (incident === undefined) return undefined;
    const kept = this.#contents.get(incident.id) ?? contentOf(this.#observed, incident);
    return withCharts(this.#observed, withFollowing(this.#observed, kept, incident));
  }

  get #all(): readonly Incident[] {
    return this.#observed.system.records.incidents;
  }

  #keepTree(incident: Incident): void {
    const content = contentOf(this.#observed, incident);
    this.#contents.set(incident.id, content);
    prepareCharts(this.#observed, content);
    const oldest = this.#contents.keys().next();
    if (this.#contents.size > mostTrees && oldest.done !== true) {
      this.#contents.delete(oldest.value);
    }
  }

  #summary({ id, at, title }: Incident): IncidentSummary {
    const wall = Date.now() - (this.#observed.system.clock.now() - at);
    return { id: String(id), t: at, wall, title };
  }
}
