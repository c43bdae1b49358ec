// The indices in the header: one price per model and currency, those most traded first.

import { byId, make } from "./dom.ts";
import type { Index } from "./messages.ts";

/** How many are shown. */
const SHOWN = 6;

export class Indices {
  #all = new Map<string, Index>();
  #list = byId("indices");

  /** Takes in the indices that have changed. */
  update(changed: Index[]): void {
    for (const index of changed) this.#all.set(`${index.model} ${index.currency}`, index);
    this.#show();
  }

  /** Forgets them, as when a new connection starts over. */
  clear(): void {
    this.#all.clear();
    this.#show();
  }

  #show(): void {
    const traded = [...this.#all.values()].filter((index) => index.price !== null);
    traded.sort((one, other) => other.unit_hours - one.unit_hours || (one.model < other.model ? -1 : 1));
    this.#list.hidden = traded.length === 0;
    this.#list.replaceChildren(...traded.slice(0, SHOWN).map(entry));
  }
}

function entry(index: Index): HTMLElement {
  const value = make("dd", "", cut(index.price ?? ""), make("span", "currency", index.currency));
  if (index.pflop_hour !== null) {
    value.append(make("span", "per-pflop", `${cut(index.pflop_hour)} per PFLOP/s·h ${index.precision ?? ""}`));
  }
  const box = make("div", "", make("dt", "", index.model), value);
  box.title = "The volume-weighted price of the last 24 hours, per accelerator-hour, blocks left out";
  return box;
}

/** A price with no more than four decimals. */
function cut(price: string): string {
  const point = price.indexOf(".");
  return point < 0 || price.length - point <= 5 ? price : Number(price).toFixed(4);
}
