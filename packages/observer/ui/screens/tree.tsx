import type { JSX, RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { ProcessRow, Store } from '../live/store.ts';
import { useLive, wantsStillness } from '../parts/page.ts';
import { go, placeOf, processAddress, treeAddress } from '../parts/route.ts';
import { standingOf, valueText } from '../parts/standing.ts';
import { bytes, duration, plural, shortTime } from '../parts/words.ts';
import { filterFields, parseFilter } from '../tree/filter.ts';
import { type Pick, type RowLook, RowPool } from '../tree/row-pool.ts';
import { createTypeAhead, type TreeKeys, treeKey } from '../tree/tree-keys.ts';
import { countStandings, groupsAbove, listTree, type TreeNode } from '../tree/tree-model.ts';

const COLUMNS = [
  'Name',
  'Kind',
  'State',
  'Restarts',
  'Waiting',
  'Last message',
  'Since',
  'Memory',
  'Beat',
  'Calls',
  'OS pid',
] as const;
const PULSE_MS = 600;
const ADDRESS_AFTER_MS = 300;

/** The tree of all processes, and of those that ended and have no successor yet. */
export function TreeScreen({ query }: { readonly query: URLSearchParams }): JSX.Element {
  const { store, connection } = useLive(100);
  const [{ q, sel }, setWanted] = useTreeAddress(query);
  const rows = [...store.living.values(), ...store.dead.values()];
  const [toggled, setToggled] = useState(() => groupsAbove(rows, sel));
  const search = useRef<HTMLInputElement>(null);
  const { filter, problem } = parseFilter(q);
  const isFiltered = q.trim() !== '';
  const nodes = listTree(rows, { filter: isFiltered ? filter : null, toggled });
  const matching = isFiltered ? rows.filter(filter).length : rows.length;
  return (
    <div class="tree-screen">
      <div class="tools">
        <FilterField field={search} text={q} onChange={(text) => setWanted({ q: text, sel })} />
        <span role="status">
          {matching} of {plural(rows.length, 'process', 'processes')}
          {problem !== null && <b class="problem"> {problem}</b>}
        </span>
        <details class="filter-help">
          <summary>How to filter, and keys</summary>
          <TreeHelp />
        </details>
      </div>
      <TreeGrid
        store={store}
        now={connection.clock()}
        nodes={nodes}
        selectedKey={sel}
        onSelect={(key) => setWanted({ q, sel: key })}
        onToggle={(keys) => setToggled(flip(toggled, keys))}
        onSearch={() => search.current?.focus()}
      />
      {nodes.length === 0 && (
        <p class="empty">
          {rows.length === 0 ? 'There is no process yet.' : 'No process passes the filter.'}
        </p>
      )}
    </div>
  );
}

interface FilterFieldProps {
  readonly field: RefObject<HTMLInputElement | null>;
  readonly text: string;
  readonly onChange: (text: string) => void;
}

function FilterField({ field, text, onChange }: FilterFieldProps): JSX.Element {
  return (
    <label>
      Filter{' '}
      <input
        ref={field}
        type="search"
        value={text}
        placeholder="state:busy restarts>0 path:Pools/*"
        onInput={(event) => onChange(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape' || event.key === 'Enter') focusTree();
        }}
      />
    </label>
  );
}

interface Wanted {
  readonly q: string;
  readonly sel: string;
}

/** What is filtered and selected; the address follows a little later, since browsers refuse to change it often. */
function useTreeAddress(query: URLSearchParams): [Wanted, (wanted: Wanted) => void] {
  const given = { q: query.get('q') ?? '', sel: query.get('sel') ?? '' };
  const [wanted, setWanted] = useState<Wanted>(given);
  const address = treeAddress({ ...given });
  const own = useRef(address);
  useEffect(() => {
    if (address === own.current) return;
    own.current = address;
    setWanted(given);
  }, [address]);
  useEffect(() => {
    const next = treeAddress({ ...wanted });
    const timer = setTimeout(() => {
      // Who has gone somewhere else meanwhile, which is told a moment later, is not called back.
      if (next === own.current || placeOf(location.hash).screen !== 'tree') return;
      own.current = next;
      go(next, true);
    }, ADDRESS_AFTER_MS);
    return () => clearTimeout(timer);
  }, [wanted]);
  return [wanted, setWanted];
}

function TreeHelp(): JSX.Element {
  return (
    <div>
      <p>
        Words are looked for in path, label, state and last message; <code>"…"</code> keeps words
        together, <code>-</code> turns a term around, <code>*</code> stands for anything. Fields:{' '}
        <code>{filterFields.join(' ')}</code>, with <code>:</code> or, for numbers,{' '}
        <code>{'> < >= <='}</code>.
      </p>
      <p>
        Keys: arrows move, open and close; Home, End, PageUp, PageDown; <kbd>*</kbd> opens all
        siblings; letters jump to a name; <kbd>.</kbd> goes to the parent; <kbd>/</kbd> filters;
        Enter opens.
      </p>
    </div>
  );
}

interface GridProps {
  readonly store: Store;
  readonly now: number;
  readonly nodes: readonly TreeNode[];
  readonly selectedKey: string;
  readonly onSelect: (key: string) => void;
  readonly onToggle: (keys: readonly string[]) => void;
  readonly onSearch: () => void;
}

function TreeGrid(props: GridProps): JSX.Element {
  const { nodes, selectedKey } = props;
  const box = useRef<HTMLDivElement>(null);
  const pad = useRef<HTMLDivElement>(null);
  const pool = useRef<RowPool | null>(null);
  const ahead = useRef(createTypeAhead());
  const selected = nodes.findIndex(({ key }) => key === selectedKey);
  const keys = keysOf(props, selected, pool.current);
  const current = useRef(keys);
  current.current = keys;
  useLayoutEffect(() => {
    if (box.current === null || pad.current === null) return undefined;
    const made = new RowPool(box.current, pad.current, COLUMNS.length, (index, how) =>
      pick(current.current, index, how),
    );
    pool.current = made;
    box.current.focus({ preventScroll: true });
    return () => made.close();
  }, []);
  const isCalm = wantsStillness();
  // At once, not after the frame: keys that follow each other read what is selected.
  useLayoutEffect(() => {
    pool.current?.show(nodes.length, selected, (index) => lookOf(props, nodes[index], isCalm));
  });
  useLayoutEffect(() => {
    if (selected >= 0) pool.current?.reveal(selected);
  }, []);
  const first = nodes[0];
  return (
    <div
      ref={box}
      id="tree"
      class="tree"
      role="treegrid"
      tabIndex={0}
      aria-label="Processes"
      aria-rowcount={nodes.length + 1}
      onKeyDown={(event) => treeKey(event, keys, ahead.current)}
      onFocus={() => selectedKey === '' && first !== undefined && props.onSelect(first.key)}
    >
      <div class="row head" role="row" aria-rowindex={1}>
        {COLUMNS.map((title, index) => (
          <div key={title} class={`cell cell-${index}`} role="columnheader">
            {title}
          </div>
        ))}
      </div>
      <div ref={pad} class="pad" role="presentation" />
    </div>
  );
}

function keysOf(props: GridProps, selected: number, pool: RowPool | null): TreeKeys {
  const { nodes, store, onSelect, onToggle, onSearch } = props;
  return {
    nodes,
    selected,
    pageLength: pool?.pageLength ?? 10,
    nameOf: (node) => nameOf(store, node),
    select: (index) => {
      const node = nodes[index];
      if (node === undefined) return;
      onSelect(node.key);
      pool?.reveal(index);
    },
    toggle: (list) => onToggle(list.map(({ key }) => key)),
    open: (node) => {
      if (node.kind === 'process') go(processAddress(node.path));
      else onToggle([node.key]);
    },
    search: onSearch,
  };
}

function pick({ nodes, select, toggle, open }: TreeKeys, index: number, how: Pick): void {
  const node = nodes[index];
  if (node === undefined) return;
  if (how === 'toggle') toggle([node]);
  else if (how === 'open') open(node);
  else select(index);
}

function nameOf(store: Store, node: TreeNode): string {
  return node.kind === 'group' ? node.label : (store.find(node.path)?.name ?? node.path);
}

function lookOf({ store, now }: GridProps, node: TreeNode | undefined, isCalm: boolean): RowLook {
  const row = node?.kind === 'process' ? store.find(node.path) : undefined;
  const place = node ?? {
    key: '',
    level: 1,
    isOpen: false,
    hasChildren: false,
    position: 1,
    siblings: 1,
  };
  if (node?.kind === 'group') {
    const members = node.paths.flatMap((path) => store.find(path) ?? []);
    return {
      ...place,
      cells: [`${members.length} × ${node.label}`, members[0]?.kind ?? '', countStandings(members)],
      tone: members.some((one) => standingOf(one).tone === 'failed') ? 'failed' : 'running',
      isPulsing: false,
      pid: null,
      path: null,
    };
  }
  return {
    ...place,
    cells: row === undefined ? [] : cellsOf(row, now),
    tone: row === undefined ? 'stopped' : standingOf(row).tone,
    isPulsing: !isCalm && row !== undefined && now - row.changedAt < PULSE_MS,
    pid: row?.pid ?? null,
    path: row?.path ?? null,
  };
}

function cellsOf(row: ProcessRow, now: number): string[] {
  const { glyph, word } = standingOf(row);
  const value = valueText(row.value);
  const restarts = row.restarts === 0 ? '' : String(row.restarts);
  return [
    row.name,
    row.kind,
    `${glyph} ${word}${row.ended !== null ? endedText(row) : value === '' || value === word || value === row.status ? '' : ` · ${value}`}`,
    row.window ?? restarts,
    row.mbox === 0 ? '' : String(row.mbox),
    row.last ?? '',
    duration(Math.max(0, now - (row.ended?.at ?? row.since))),
    row.rss === null ? '' : bytes(row.rss),
    row.hb === null ? '' : shortTime(row.hb),
    row.inflight === null ? '' : String(row.inflight),
    row.os === null ? '' : String(row.os),
  ];
}

function endedText({ ended }: ProcessRow): string {
  return ended?.reason == null ? '' : `: ${ended.reason}`;
}

function flip(toggled: ReadonlySet<string>, keys: readonly string[]): ReadonlySet<string> {
  const next = new Set(toggled);
  for (const key of keys) {
    if (!next.delete(key)) next.add(key);
  }
  return next;
}

function focusTree(): void {
  document.getElementById('tree')?.focus();
}
