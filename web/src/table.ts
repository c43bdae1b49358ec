// The market as a table: one row per contract, changed in place, sorted by the column the reader chose.

import { byId, flash, make, setText } from "./dom.ts";
import { day, hours, whole } from "./format.ts";
import type { ClassTerms, Row } from "./messages.ts";
import { phaseName } from "./words.ts";

interface Column {
  title: string;
  help: string;
  /** What rows are sorted by; text sorts upwards first, numbers downwards. */
  key: (row: Row) => string | number;
  className: string;
}

interface Line {
  row: Row;
  element: HTMLTableRowElement;
  cells: HTMLTableCellElement[];
}

const COLUMNS: Column[] = [
  { title: "Class", help: "Model and region", key: (row) => row.class, className: "class" },
  { title: "Delivery slot, UTC", help: "When the accelerators run", key: (row) => row.start, className: "slot" },
  { title: "Units", help: "Units wanted at the best bid", key: (row) => row.bid_units, className: "number bid-units" },
  { title: "Bid", help: "The highest price somebody pays", key: (row) => priceKey(row.bid), className: "number bid" },
  { title: "Ask", help: "The lowest price somebody sells at", key: (row) => priceKey(row.ask), className: "number ask" },
  { title: "Units", help: "Units offered at the best ask", key: (row) => row.ask_units, className: "number ask-units" },
  { title: "Last", help: "The price of the last trade", key: (row) => priceKey(row.last), className: "number last" },
  { title: "Volume", help: "Units traded since the exchange was started", key: (row) => row.volume, className: "number volume" },
];
const VOLUME = COLUMNS.length - 1;
/** Rows change places at most this often, and not while the pointer is over them. */
const RESORT_MS = 1_000;

export class Table {
  #lines = new Map<string, Line>();
  #body = byId<HTMLTableSectionElement>("rows");
  #headers: HTMLTableCellElement[] = [];
  #sort = { column: VOLUME, down: true };
  #opened: string | null = null;
  #unsorted = false;
  #terms: ReadonlyMap<string, ClassTerms>;
  #now: () => number;

  constructor(terms: ReadonlyMap<string, ClassTerms>, now: () => number, onOpen: (symbol: string) => void) {
    this.#terms = terms;
    this.#now = now;
    this.#makeHead();
    this.#body.addEventListener("click", (event) => {
      const symbol = (event.target as Element).closest("tr")?.dataset["symbol"];
      if (symbol !== undefined) onOpen(symbol);
    });
    this.#body.addEventListener("keydown", (event) => this.#onKey(event, onOpen));
    setInterval(() => {
      if (this.#unsorted && !this.#body.matches(":hover")) this.#arrange();
    }, RESORT_MS);
  }

  /** How many rows there are. */
  get size(): number {
    return this.#lines.size;
  }

  /** Takes rows in, changed and new, and takes rows out. */
  update(changed: Row[], gone: string[]): void {
    for (const symbol of gone) {
      this.#lines.get(symbol)?.element.remove();
      this.#lines.delete(symbol);
    }
    let added = false;
    for (const row of changed) {
      const line = this.#lines.get(row.symbol);
      if (line === undefined) {
        this.#add(row);
        added = true;
      } else {
        this.#change(line, row);
      }
    }
    if (added || gone.length > 0) this.#arrange();
  }

  /** Forgets every row, as when a new connection starts over. */
  clear(): void {
    this.update([], [...this.#lines.keys()]);
  }

  /** Marks the row of the opened contract, or none. */
  mark(symbol: string | null): void {
    this.#markLine(this.#opened, false);
    this.#opened = symbol;
    this.#markLine(symbol, true);
  }

  /** Puts the keyboard on the first row. */
  focusFirst(): void {
    (this.#body.firstElementChild as HTMLElement | null)?.focus();
  }

  /** Writes the slots again: what was tomorrow is today. */
  renameSlots(): void {
    for (const line of this.#lines.values()) this.#fillSlot(line);
  }

  #makeHead(): void {
    COLUMNS.forEach((column, index) => {
      const button = make("button", "", column.title);
      button.type = "button";
      button.title = column.help;
      button.addEventListener("click", () => this.#sortBy(index));
      const header = make("th", column.className, button);
      header.scope = "col";
      this.#headers.push(header);
    });
    byId("table-head").append(...this.#headers);
    this.#showSort();
  }

  #sortBy(column: number): void {
    const numeric = column > 1;
    this.#sort = { column, down: this.#sort.column === column ? !this.#sort.down : numeric };
    this.#showSort();
    this.#arrange();
  }

  #showSort(): void {
    this.#headers.forEach((header, index) => {
      if (index === this.#sort.column) header.setAttribute("aria-sort", this.#sort.down ? "descending" : "ascending");
      else header.removeAttribute("aria-sort");
    });
  }

  #add(row: Row): void {
    const cells = COLUMNS.map((column) => make("td", column.className));
    const element = make("tr", "", ...cells);
    element.dataset["symbol"] = row.symbol;
    element.tabIndex = -1;
    element.title = row.symbol;
    const line = { row, element, cells };
    this.#lines.set(row.symbol, line);
    const currency = this.#terms.get(row.class)?.currency ?? "";
    cells[0]?.append(make("span", "code", row.class), make("span", "currency", currency));
    this.#fillSlot(line);
    this.#fill(line);
    if (row.symbol === this.#opened) this.#markLine(row.symbol, true);
  }

  #change(line: Line, row: Row): void {
    const before = line.row;
    line.row = row;
    this.#fill(line);
    if (phaseText(row) !== phaseText(before)) this.#fillSlot(line);
    const prices = [[3, before.bid, row.bid], [4, before.ask, row.ask], [6, before.last, row.last]] as const;
    for (const [index, was, is] of prices) {
      const cell = line.cells[index];
      if (cell !== undefined && is !== null && was !== is) flash(cell, way(was, is));
    }
    const key = COLUMNS[this.#sort.column]?.key;
    if (key !== undefined && key(before) !== key(row)) this.#unsorted = true;
  }

  #fill(line: Line): void {
    const { row, cells } = line;
    const texts = [
      row.bid === null ? "" : whole(row.bid_units),
      row.bid ?? "–",
      row.ask ?? "–",
      row.ask === null ? "" : whole(row.ask_units),
      row.last ?? "–",
      row.volume === 0 ? "–" : whole(row.volume),
    ];
    texts.forEach((text, index) => {
      const cell = cells[index + 2];
      if (cell === undefined) return;
      setText(cell, text);
      cell.classList.toggle("none", text === "–");
    });
  }

  #fillSlot(line: Line): void {
    const { row, cells } = line;
    const slotHours = this.#terms.get(row.class)?.slot_hours ?? 1;
    const parts: HTMLElement[] = [
      make("span", "day", day(row.start, this.#now())),
      make("span", "hours", hours(row.start, slotHours)),
    ];
    if (row.phase !== "continuous") parts.push(phaseChip(row));
    cells[1]?.replaceChildren(...parts);
  }

  #markLine(symbol: string | null, on: boolean): void {
    const element = symbol === null ? undefined : this.#lines.get(symbol)?.element;
    element?.classList.toggle("opened", on);
    if (on) element?.setAttribute("aria-current", "true");
    else element?.removeAttribute("aria-current");
  }

  /** Puts the rows in order, moving only those that are out of place. */
  #arrange(): void {
    this.#unsorted = false;
    const { column, down } = this.#sort;
    const key = COLUMNS[column]?.key ?? ((row: Row) => row.symbol);
    const lines = [...this.#lines.values()];
    lines.sort((one, other) => {
      const order = compare(key(one.row), key(other.row));
      return (down ? -order : order) || one.row.start - other.row.start || compare(one.row.symbol, other.row.symbol);
    });
    const focused = document.activeElement;
    lines.forEach((line, index) => {
      const there = this.#body.children[index];
      if (there !== line.element) this.#body.insertBefore(line.element, there ?? null);
    });
    if (focused instanceof HTMLElement && this.#body.contains(focused)) focused.focus({ preventScroll: true });
    this.#keepOneTabStop();
  }

  /** Tab reaches the table once; the arrow keys move inside it. */
  #keepOneTabStop(): void {
    const first = this.#body.firstElementChild;
    const current = this.#body.querySelector<HTMLElement>("tr:focus, tr.opened") ?? first;
    for (const line of this.#lines.values()) line.element.tabIndex = line.element === current ? 0 : -1;
  }

  #onKey(event: KeyboardEvent, onOpen: (symbol: string) => void): void {
    const row = (event.target as Element).closest("tr");
    if (row === null) return;
    const next: Record<string, Element | null> = {
      ArrowDown: row.nextElementSibling,
      ArrowUp: row.previousElementSibling,
      Home: this.#body.firstElementChild,
      End: this.#body.lastElementChild,
    };
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      onOpen(row.dataset["symbol"] ?? "");
    } else if (event.key in next) {
      event.preventDefault();
      const target = next[event.key] as HTMLElement | null | undefined;
      if (target == null) return;
      row.tabIndex = -1;
      target.tabIndex = 0;
      target.focus();
    }
  }
}

/** The phase, and of an auction the price that would come of it. */
function phaseText(row: Row): string {
  const price = row.indicative?.price ?? null;
  return price === null ? phaseName(row.phase) : `${phaseName(row.phase)} ${price}`;
}

function phaseChip(row: Row): HTMLElement {
  const chip = make("span", "chip", phaseText(row));
  if (row.indicative !== null) chip.title = `${whole(row.indicative.volume)} units would trade`;
  chip.dataset["phase"] = row.phase;
  return chip;
}

function way(was: string | null, is: string): "up" | "down" | "new" {
  if (was === null) return "new";
  return Number(is) > Number(was) ? "up" : "down";
}

/** No price sorts below every price. */
function priceKey(price: string | null): number {
  return price === null ? -1 : Number(price);
}

function compare(one: string | number, other: string | number): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
