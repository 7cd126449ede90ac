import type { JSX } from 'preact';
import type { Standing } from './standing.ts';

/** Shape, word and colour of a standing. */
export function StandingMark({ standing }: { readonly standing: Standing }): JSX.Element {
  return (
    <span class={`standing tone-${standing.tone}`}>
      <span class="glyph" aria-hidden="true">
        {standing.glyph}
      </span>{' '}
      {standing.word}
    </span>
  );
}
