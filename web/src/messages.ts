// What the page and the exchange say to each other over the WebSocket; docs/web-socket.md describes it.

/** A price as decimal text, in the class's currency per accelerator-hour. */
export type Price = string;
export type Side = "buy" | "sell";
export type Phase = "continuous" | "closed" | "in_delivery" | "settled";

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
}

/** Price, units and number of orders of one level. */
export type Level = [price: Price, units: number, orders: number];

export interface Trade {
  sequence: number;
  /** Milliseconds since 1970. */
  time: number;
  price: Price;
  units: number;
  /** The side that came in and took what was resting. */
  taker: Side;
}

/** The opened contract, whole. */
export interface Book {
  type: "book";
  symbol: string;
  class: string;
  start: number;
  phase: Phase;
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

export type FromExchange = Classes | Rows | Status | Book | Failure;

export type ToExchange = { open: string | null } | { filter: string };
