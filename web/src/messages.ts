// What the page and the exchange say to each other over the WebSocket; docs/web-socket.md describes it.

/** A price as decimal text, in the class's currency per accelerator-hour. */
export type Price = string;
export type Side = "buy" | "sell";
export type Phase = "pre_open" | "auction" | "continuous" | "halted" | "closed" | "in_delivery" | "settled";

/** The terms of a class. */
export interface ClassTerms {
  class: string;
  currency: string;
  tick: Price;
  slot_hours: number;
  gate_minutes: number;
}

/** One contract as a row of the table. */
export interface Row {
  symbol: string;
  class: string;
  /** Start of the slot, seconds since 1970. */
  start: number;
  bid: Price | null;
  bid_units: number;
  ask: Price | null;
  ask_units: number;
  last: Price | null;
  /** Units traded since the exchange was started. */
  volume: number;
  phase: Phase;
  indicative: Indicative | null;
}

/** What would come of a running auction. */
export interface Indicative {
  /** None if nothing would trade, or if it would take too long to work out. */
  price: Price | null;
  volume: number;
}

/** Price, units and number of orders of one level. */
export type Level = [price: Price, units: number, orders: number];

export interface Trade {
  sequence: number;
  /** Milliseconds since 1970. */
  time: number;
  price: Price;
  units: number;
  /** The side that came in and took what was resting; none in an auction. */
  taker: Side | null;
  /** Only blocks set no last price. */
  kind: "single" | "auction" | "block";
}

/** A resting block. */
export interface Block {
  order: number;
  side: Side;
  /** When its first slot starts, seconds since 1970. */
  start: number;
  slots: number;
  /** The limit of the average over its slots. */
  price: Price;
  /** Left of each slot. */
  units: number;
  /** The fewest it takes at once. */
  min_units: number;
  same_provider: boolean;
}

/** The best standard window of some starts. */
export interface Window {
  hours: number;
  /** Buy: what it costs. Sell: what it brings. */
  side: Side;
  /** Which starts were looked at: the next slot, those of the next 24 hours, or any. */
  from: "next" | "day" | "any";
  start: number;
  /** The average over its slots. */
  price: Price;
  /** What one unit for all of it comes to. */
  total: string;
  units: number;
}

/** The class of the opened contract. */
export interface OfClass {
  type: "class";
  class: string;
  blocks: Block[];
  more_blocks: boolean;
  windows: Window[];
}

/** The index of a model in a currency. */
export interface Index {
  model: string;
  currency: string;
  /** None if nothing traded in the last 24 hours. */
  price: string | null;
  precision: string | null;
  pflop_hour: string | null;
  unit_hours: number;
}

export interface IndexNews {
  type: "index";
  indices: Index[];
}

/** The opened contract, whole. */
export interface Book {
  type: "book";
  symbol: string;
  class: string;
  start: number;
  phase: Phase;
  indicative: Indicative | null;
  /** The last command that changed it; 0 if none did. */
  sequence: number;
  last: Price | null;
  volume: number;
  /** Best first. */
  bids: Level[];
  asks: Level[];
  /** True if there are levels beyond those sent. */
  more_bids: boolean;
  more_asks: boolean;
  /** Newest first. */
  trades: Trade[];
}

/** New and changed rows of the table, and the symbols of those that left it. */
export interface Rows {
  type: "rows";
  /** The filter they were chosen by. */
  filter: string;
  changed: Row[];
  gone: string[];
  /** How many contracts match the filter; those beyond `shown_max` are left out. */
  matching: number;
  shown_max: number;
}

export interface Status {
  type: "status";
  sequence: number;
  /** Milliseconds since 1970. */
  time: number;
  /** Since the exchange was started. */
  commands: number;
  trades: number;
  contracts: number;
}

export interface Classes {
  type: "classes";
  classes: ClassTerms[];
}

export interface Failure {
  type: "error";
  code: string;
  symbol: string;
  message: string;
}

export type FromExchange = Classes | Rows | Status | Book | OfClass | IndexNews | Failure;

export type ToExchange = { open: string | null } | { filter: string };
