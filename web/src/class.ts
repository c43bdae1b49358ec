// What is known of a whole class beside one contract of it: standard windows and resting blocks.

import { make } from "./dom.ts";
import { day, hours, whole } from "./format.ts";
import type { Block, OfClass, Side, Window } from "./messages.ts";

const FROM: Record<Window["from"], string> = { next: "next slot", day: "within 24 h", any: "whenever" };

/** The windows and the blocks, as far as there are any. */
export function classParts(of: OfClass, slotHours: number, now: number): HTMLElement[] {
  const parts: HTMLElement[] = [];
  if (of.windows.length > 0) parts.push(make("h3", "", "Standard windows, all or none"), windowTable(of.windows, now));
  if (of.blocks.length > 0) {
    parts.push(make("h3", "", `Resting blocks of ${of.class}`), blockTable(of.blocks, slotHours, now));
    if (of.more_blocks) parts.push(make("p", "quiet", "and more blocks"));
  }
  return parts;
}

function windowTable(windows: Window[], now: number): HTMLElement {
  const rows: HTMLElement[] = [];
  const lengths = [...new Set(windows.map((window) => window.hours))];
  for (const length of lengths) {
    let first = true;
    for (const from of ["next", "day", "any"] as const) {
      const of = (side: Side): Window | undefined =>
        windows.find((window) => window.hours === length && window.from === from && window.side === side);
      const [buy, sell] = [of("buy"), of("sell")];
      if (buy === undefined && sell === undefined) continue;
      rows.push(
        make(
          "tr",
          first ? "first" : "",
          make("td", "code", `${length} h`),
          make("td", "soft", FROM[from]),
          windowCell(buy, "ask", now),
          windowCell(sell, "bid", now),
        ),
      );
      first = false;
    }
  }
  const body = make("tbody", "", ...rows);
  return make("table", "windows", headRow(["Length", "Start", "Buy from", "Sell to"]), body);
}

/** The price, and below it when the window begins and how many units there are. */
function windowCell(window: Window | undefined, className: string, now: number): HTMLElement {
  if (window === undefined) return make("td", "number none", "–");
  const begins = `${day(window.start, now)} ${hours(window.start, 1).slice(0, 5)} · ${whole(window.units)}`;
  const cell = make("td", `number ${className}`, make("span", "price", window.price), make("span", "begins", begins));
  cell.title = `${window.total} for one unit for ${window.hours} hours; ${whole(window.units)} units at this price`;
  return cell;
}

function blockTable(blocks: Block[], slotHours: number, now: number): HTMLElement {
  const rows = blocks.map((block) => {
    const length = block.slots * slotHours;
    const terms = [block.min_units < block.units ? `from ${whole(block.min_units)}` : "all or none"];
    if (block.same_provider) terms.push("one provider");
    return make(
      "tr",
      block.side,
      make("td", "", `${day(block.start, now)} ${hours(block.start, 1).slice(0, 5)}`),
      make("td", "number", `${whole(length)} h`),
      make("td", "number", whole(block.units)),
      make("td", "number price", block.price),
      make("td", "soft", terms.join(", ")),
    );
  });
  return make("table", "blocks", headRow(["Start", "Length", "Units", "Limit", "Terms"]), make("tbody", "", ...rows));
}

function headRow(titles: string[]): HTMLElement {
  const headers = titles.map((title, index) => {
    const header = make("th", index > 0 && title !== "Terms" && !(title === "Start" && index === 1) ? "number" : "", title);
    header.scope = "col";
    return header;
  });
  return make("thead", "", make("tr", "", ...headers));
}
