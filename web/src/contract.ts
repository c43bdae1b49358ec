// One contract: its figures, its ladder with depth bars, its last trades.

import { classParts } from "./class.ts";
import { byId, flash, make, setText } from "./dom.ts";
import { clock, day, hours, span, spread, whole } from "./format.ts";
import type { Book, ClassTerms, Level, OfClass, Side, Trade } from "./messages.ts";
import { phaseSentence } from "./words.ts";

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** What the panel is called while no contract is open. */
const NO_CONTRACT = "Order book";

export class ContractPanel {
  #panel = byId("contract");
  #book: Book | null = null;
  #parts: Parts | null = null;
  #newest = 0;
  #terms: ReadonlyMap<string, ClassTerms>;
  #now: () => number;
  #onClose: () => void;

  constructor(terms: ReadonlyMap<string, ClassTerms>, now: () => number, onClose: () => void) {
    this.#terms = terms;
    this.#now = now;
    this.#onClose = onClose;
    this.showNone();
  }

  /** No contract is open. */
  showNone(): void {
    this.#forget();
    this.#message(NO_CONTRACT, "No contract is open", "Choose a row of the market to see its order book and its last trades, live.");
    this.#panel.classList.remove("open");
  }

  /** A contract was asked for and has not come yet. */
  showLoading(symbol: string): void {
    this.#forget();
    this.#message(symbol, "Opening…", "");
    this.#panel.classList.add("open");
  }

  /** The exchange has no such contract. */
  showFailure(symbol: string, text: string): void {
    this.#forget();
    this.#message(symbol, "There is no such contract", sentence(text));
    this.#panel.classList.add("open");
  }

  /** The contract as it is now; true if it was not there before. */
  show(book: Book): boolean {
    const before = this.#book?.symbol === book.symbol ? this.#book : null;
    if (before === null || this.#parts === null) this.#build(book);
    this.#book = book;
    const parts = this.#parts;
    if (parts === null) return false;
    this.#fillFigures(parts, book);
    fillLadder(parts, book, before);
    this.#fillTrades(parts, book.trades, before !== null);
    this.tick();
    return before === null;
  }

  /** What is known of the contract's class. */
  showClass(of: OfClass): void {
    if (this.#book === null || this.#parts === null || of.class !== this.#book.class) return;
    const slotHours = this.#terms.get(of.class)?.slot_hours ?? 1;
    this.#parts.ofClass.replaceChildren(...classParts(of, slotHours, this.#now()));
  }

  /** Says how long the contract still trades. */
  tick(): void {
    if (this.#book === null || this.#parts === null) return;
    setText(this.#parts.gate, gateText(this.#book, this.#terms.get(this.#book.class), this.#now()));
    this.#parts.gate.dataset["phase"] = this.#book.phase;
  }

  #forget(): void {
    this.#book = null;
    this.#parts = null;
  }

  #message(title: string, headline: string, text: string): void {
    const head = make("div", "panel-head", heading(title));
    if (title !== NO_CONTRACT) head.append(this.#closeButton());
    const empty = make("div", "empty", make("p", "empty-title", headline), make("p", "", text));
    this.#panel.replaceChildren(head, empty);
  }

  #closeButton(): HTMLButtonElement {
    const button = make("button", "close", "×");
    button.type = "button";
    button.setAttribute("aria-label", "Close this contract");
    button.addEventListener("click", this.#onClose);
    return button;
  }

  #build(book: Book): void {
    const terms = this.#terms.get(book.class);
    this.#newest = book.trades[0]?.sequence ?? 0;
    const title = heading(book.class);
    title.append(make("span", "currency", terms === undefined ? "" : `${terms.currency} per accelerator-hour`));
    const parts = makeParts();
    this.#parts = parts;
    const when = `${day(book.start, this.#now())}, ${hours(book.start, terms?.slot_hours ?? 1)} UTC`;
    this.#panel.replaceChildren(
      make("div", "panel-head", title, this.#closeButton()),
      make("div", "contract-head", make("p", "when", when), make("p", "symbol", book.symbol), parts.gate),
      parts.figures,
      make(
        "div",
        "sides",
        parts.ladder,
        make("div", "last-trades", make("h3", "", "Last trades"), parts.trades),
      ),
      parts.ofClass,
    );
    this.#panel.classList.add("open");
  }

  #fillFigures(parts: Parts, book: Book): void {
    const bid = book.bids[0]?.[0];
    const ask = book.asks[0]?.[0];
    setText(parts.last, book.last ?? "–");
    const crossed = bid !== undefined && ask !== undefined && Number(bid) >= Number(ask);
    setText(parts.spread, bid === undefined || ask === undefined || crossed ? "–" : spread(bid, ask));
    setText(parts.volume, whole(book.volume));
    setText(parts.sequence, book.sequence === 0 ? "–" : whole(book.sequence));
  }

  #fillTrades(parts: Parts, trades: Trade[], flashNew: boolean): void {
    if (trades.length === 0) {
      parts.trades.replaceChildren(make("p", "quiet", "Nothing has traded here yet."));
      return;
    }
    const rows = trades.map((trade) => {
      const row = make(
        "tr",
        `${trade.taker ?? ""} ${trade.kind}`,
        make("td", "", clock(trade.time)),
        make("td", "number price", trade.price),
        make("td", "number", whole(trade.units)),
        make("td", "taker", takerWord(trade), ...(trade.kind === "block" ? [make("span", "flag", "block")] : [])),
      );
      if (flashNew && trade.sequence > this.#newest) flash(row, way(trade));
      return row;
    });
    this.#newest = Math.max(this.#newest, trades[0]?.sequence ?? 0);
    const head = headRow(["Time", "Price", "Units", "Taker"], ["", "number", "number", "taker"]);
    parts.trades.replaceChildren(make("table", "trades", make("thead", "", head), make("tbody", "", ...rows)));
  }
}

interface Parts {
  gate: HTMLElement;
  figures: HTMLElement;
  last: HTMLElement;
  spread: HTMLElement;
  volume: HTMLElement;
  sequence: HTMLElement;
  ladder: HTMLElement;
  asks: HTMLElement;
  middle: HTMLElement;
  bids: HTMLElement;
  trades: HTMLElement;
  ofClass: HTMLElement;
}

function makeParts(): Parts {
  const [last, spreadPart, volume, sequence] = [make("dd"), make("dd"), make("dd"), make("dd")];
  const figure = (name: string, value: HTMLElement): HTMLElement => make("div", "", make("dt", "", name), value);
  const asks = make("tbody", "asks");
  const bids = make("tbody", "bids");
  const middle = make("td", "middle");
  middle.colSpan = 4;
  const head = make("thead", "", headRow(["Orders", "Total", "Units", "Price"], ["number", "number", "number", "number"]));
  const ladder = make("table", "ladder", head, asks, make("tbody", "", make("tr", "", middle)), bids);
  ladder.setAttribute("aria-label", "Order book: asks above, bids below, best in the middle");
  return {
    gate: make("p", "gate"),
    figures: make(
      "dl",
      "figures small",
      figure("Last", last),
      figure("Spread", spreadPart),
      figure("Volume", volume),
      figure("Sequence", sequence),
    ),
    last,
    spread: spreadPart,
    volume,
    sequence,
    ladder,
    asks,
    middle,
    bids,
    trades: make("div", "trades-box"),
    ofClass: make("div", "of-class"),
  };
}

function fillLadder(parts: Parts, book: Book, before: Book | null): void {
  const deepest = Math.max(total(book.bids), total(book.asks), 1);
  const asks = levelRows(book.asks, before?.asks ?? null, "sell", deepest).reverse();
  const bids = levelRows(book.bids, before?.bids ?? null, "buy", deepest);
  if (book.more_asks) asks.unshift(noteRow("more asks above"));
  if (book.more_bids) bids.push(noteRow("more bids below"));
  if (book.asks.length === 0) asks.push(noteRow("Nobody is selling."));
  if (book.bids.length === 0) bids.push(noteRow("Nobody is buying."));
  parts.asks.replaceChildren(...asks);
  parts.bids.replaceChildren(...bids);
  const last = book.trades.find((trade) => trade.kind !== "block");
  const arrow = last?.taker == null ? "" : last.taker === "buy" ? " ↑" : " ↓";
  setText(parts.middle, book.last === null ? "no trade yet" : `${book.last}${arrow}`);
  parts.middle.dataset["taker"] = last?.taker ?? "";
}

/** One row per level, best first, each with a bar as long as what stands up to it. */
function levelRows(levels: Level[], before: Level[] | null, side: Side, deepest: number): HTMLElement[] {
  const units = new Map(before?.map(([price, count]) => [price, count]));
  let running = 0;
  return levels.map(([price, count, orders]) => {
    running += count;
    const bar = make("span", "bar");
    bar.style.width = `${(100 * running) / deepest}%`;
    const cell = make("td", "number", whole(count));
    const was = units.get(price) ?? 0;
    if (before !== null && was !== count) flash(cell, count > was ? "new" : "down");
    return make(
      "tr",
      side,
      make("td", "number orders", bar, make("span", "", whole(orders))),
      make("td", "number", whole(running)),
      cell,
      make("td", "number price", price),
    );
  });
}

function noteRow(text: string): HTMLElement {
  const cell = make("td", "quiet", text);
  cell.colSpan = 4;
  return make("tr", "", cell);
}

function headRow(titles: string[], classes: string[]): HTMLElement {
  return make("tr", "", ...titles.map((title, index) => {
    const header = make("th", classes[index] ?? "", title);
    header.scope = "col";
    return header;
  }));
}

function heading(text: string): HTMLElement {
  const title = make("h2", "", text === NO_CONTRACT ? text : make("span", "code", text));
  title.id = "contract-title";
  return title;
}

function takerWord(trade: Trade): string {
  if (trade.taker === null) return "auction";
  return trade.taker === "buy" ? "bought" : "sold";
}

function way(trade: Trade): "up" | "down" | "new" {
  if (trade.taker === null) return "new";
  return trade.taker === "buy" ? "up" : "down";
}

/** What a program said, as a sentence on a page. */
function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}

function total(levels: Level[]): number {
  return levels.reduce((sum, level) => sum + level[1], 0);
}

function gateText(book: Book, terms: ClassTerms | undefined, now: number): string {
  if (book.phase !== "continuous") return phaseSentence(book.phase, book.indicative);
  const gate = book.start * 1000 - (terms?.gate_minutes ?? 0) * MINUTE_MS;
  const length = (terms?.slot_hours ?? 1) * HOUR_MS;
  return `Trades for another ${span(gate - now)}; one unit is one accelerator for ${span(length).replace(" 0 min", "")}`;
}
