/** What a row shows. */
export interface RowLook {
  readonly key: string;
  readonly cells: readonly string[];
  readonly tone: string;
  readonly level: number;
  readonly isOpen: boolean;
  readonly hasChildren: boolean;
  readonly position: number;
  readonly siblings: number;
  /** Whether it has just changed. */
  readonly isPulsing: boolean;
  readonly pid: number | null;
  readonly path: string | null;
}

/** What was done to a row: it was clicked, its arrow was, or it was clicked twice. */
export type Pick = 'select' | 'toggle' | 'open';

const ROW_HEIGHT = 24;
const SPARE = 2;

/**
 * A list of any length, in as many elements as are seen. The box that scrolls has the focus and names the active row,
 * because rows come and go.
 */
export class RowPool {
  readonly #box: HTMLElement;
  readonly #pad: HTMLElement;
  readonly #columns: number;
  readonly #onPick: (index: number, how: Pick) => void;
  readonly #slots: Slot[] = [];
  readonly #resized = new ResizeObserver(() => this.#soon());
  readonly #closing = new AbortController();
  #length = 0;
  #selected = -1;
  #lookAt: (index: number) => RowLook | null = () => null;
  #frame = 0;

  /**
   * @param box - What scrolls.
   * @param pad - In it, as high as all rows together.
   * @param columns - Number of cells.
   */
  constructor(
    box: HTMLElement,
    pad: HTMLElement,
    columns: number,
    onPick: (index: number, how: Pick) => void,
  ) {
    this.#box = box;
    this.#pad = pad;
    this.#columns = columns;
    this.#onPick = onPick;
    const { signal } = this.#closing;
    box.addEventListener('scroll', () => this.#soon(), { passive: true, signal });
    pad.addEventListener('click', (event) => this.#click(event), { signal });
    this.#resized.observe(box);
  }

  /** How many rows fit. */
  get pageLength(): number {
    const height = this.#box.clientHeight - this.#pad.offsetTop;
    return Math.max(1, Math.floor(height / ROW_HEIGHT));
  }

  /** Shows a list; the look of a row is asked for only when the row is seen. */
  show(length: number, selected: number, lookAt: (index: number) => RowLook): void {
    this.#length = length;
    this.#selected = selected;
    this.#lookAt = lookAt;
    this.#pad.style.height = `${length * ROW_HEIGHT}px`;
    this.#paint();
  }

  /** Scrolls until a row is seen. */
  reveal(index: number): void {
    const top = index * ROW_HEIGHT;
    const height = this.pageLength * ROW_HEIGHT;
    const box = this.#box;
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top + ROW_HEIGHT > box.scrollTop + height) box.scrollTop = top + ROW_HEIGHT - height;
  }

  close(): void {
    cancelAnimationFrame(this.#frame);
    this.#resized.disconnect();
    this.#closing.abort();
    this.#pad.replaceChildren();
  }

  #soon(): void {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#paint());
  }

  #paint(): void {
    this.#frame = 0;
    const wanted = this.pageLength + 2 * SPARE + 1;
    while (this.#slots.length < wanted) this.#slots.push(createSlot(this.#pad, this.#columns));
    const first = Math.max(0, Math.floor(this.#box.scrollTop / ROW_HEIGHT) - SPARE);
    for (let offset = 0; offset < this.#slots.length; offset++) {
      const index = first + offset;
      // A row keeps its slot while it stays visible.
      const slot = this.#slots[index % this.#slots.length];
      const look = index < this.#length ? this.#lookAt(index) : null;
      if (slot === undefined) continue;
      slot.row.hidden = look === null;
      if (look !== null) fill(slot, index, look, index === this.#selected);
    }
    const active = this.#selected < 0 ? null : `row-${this.#selected}`;
    set(this.#box, 'aria-activedescendant', active);
  }

  #click(event: MouseEvent): void {
    const target = event.target instanceof Element ? event.target : null;
    const row = target?.closest<HTMLElement>('[data-index]');
    if (target === null || row == null) return;
    const how = event.detail > 1 ? 'open' : 'select';
    const isArrow = target.classList.contains('twist') && target.textContent !== '';
    this.#onPick(Number(row.dataset['index']), isArrow ? 'toggle' : how);
  }
}

interface Slot {
  readonly row: HTMLElement;
  readonly twist: HTMLElement;
  readonly cells: readonly HTMLElement[];
}

function createSlot(pad: HTMLElement, columns: number): Slot {
  const row = document.createElement('div');
  row.className = 'row';
  row.setAttribute('role', 'row');
  const twist = document.createElement('span');
  twist.className = 'twist';
  twist.setAttribute('aria-hidden', 'true');
  const cells = Array.from({ length: columns }, (_, index) => {
    const cell = document.createElement('div');
    cell.className = `cell cell-${index}`;
    cell.setAttribute('role', 'gridcell');
    const text = document.createElement('span');
    if (index === 0) cell.append(twist);
    cell.append(text);
    row.append(cell);
    return text;
  });
  pad.append(row);
  return { row, twist, cells };
}

function fill(
  { row, twist, cells }: Slot,
  index: number,
  look: RowLook,
  isSelected: boolean,
): void {
  row.style.transform = `translateY(${index * ROW_HEIGHT}px)`;
  set(row, 'id', `row-${index}`);
  set(row, 'data-index', String(index));
  set(row, 'data-pid', look.pid === null ? null : String(look.pid));
  set(row, 'data-path', look.path);
  set(row, 'aria-rowindex', String(index + 2));
  set(row, 'aria-level', String(look.level));
  set(row, 'aria-posinset', String(look.position));
  set(row, 'aria-setsize', String(look.siblings));
  set(row, 'aria-selected', String(isSelected));
  set(row, 'aria-expanded', look.hasChildren ? String(look.isOpen) : null);
  set(row, 'class', `row tone-${look.tone}${look.isPulsing ? ' pulse' : ''}`);
  const arrow = look.hasChildren ? (look.isOpen ? '▾' : '▸') : '';
  if (twist.textContent !== arrow) twist.textContent = arrow;
  twist.style.marginInlineStart = `${(look.level - 1) * 14}px`;
  for (const [column, cell] of cells.entries()) {
    const text = look.cells[column] ?? '';
    if (cell.textContent === text) continue;
    cell.textContent = text;
    cell.title = text.length > 20 ? text : '';
  }
}

function set(element: HTMLElement, name: string, value: string | null): void {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}
