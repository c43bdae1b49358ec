// The page: wires the connection to the table and the contract panel, and the reader's wishes to the connection.

import { Connection, type Link } from "./connection.ts";
import { ContractPanel } from "./contract.ts";
import { byId, setText } from "./dom.ts";
import { clock, rate, whole } from "./format.ts";
import { Indices } from "./indices.ts";
import type { ClassTerms, Failure, FromExchange, Rows, Status } from "./messages.ts";
import { Table } from "./table.ts";

/** Rates are averages over this long. */
const RATE_MS = 4_000;
/** The reader has stopped typing. */
const TYPING_MS = 150;

const terms = new Map<string, ClassTerms>();
const filter = byId<HTMLInputElement>("filter");
const narrow = matchMedia("(max-width: 1080px)");

let link: Link = { state: "connecting" };
let statuses: { at: number; status: Status }[] = [];
let rows: Pick<Rows, "matching" | "shown_max" | "filter"> | null = null;
let opened: string | null = null;
/** The row that had the keyboard when a contract was opened. */
let cameFrom: HTMLElement | null = null;

const table = new Table(terms, exchangeNow, (symbol) => choose(symbol));
const panel = new ContractPanel(terms, exchangeNow, () => choose(null));
const indices = new Indices();
const connection = new Connection(socketUrl(), onMessage, onLink);

addEventListener("hashchange", () => open(symbolInAddress()));
byId("retry").addEventListener("click", () => connection.open());
byId("clear-filter").addEventListener("click", () => {
  filter.value = "";
  sendFilter();
  filter.focus();
});
listenToFilter();
listenToKeys();
setInterval(everySecond, 1_000);
open(symbolInAddress());
connection.open();

function onMessage(message: FromExchange): void {
  switch (message.type) {
    case "classes":
      for (const one of message.classes) terms.set(one.class, one);
      break;
    case "rows":
      table.update(message.changed, message.gone);
      rows = message;
      showRowCount();
      break;
    case "status":
      takeStatus(message);
      break;
    case "book":
      // Beside the table it is in sight already; above it, the reader is taken there.
      if (message.symbol === opened && panel.show(message) && narrow.matches) byId("contract").scrollIntoView();
      break;
    case "class":
      panel.showClass(message);
      break;
    case "index":
      indices.update(message.indices);
      break;
    case "error":
      onFailure(message);
      break;
  }
}

function onFailure(failure: Failure): void {
  if (failure.symbol === opened) panel.showFailure(failure.symbol, failure.message);
}

function onLink(now: Link): void {
  link = now;
  if (now.state === "live") {
    statuses = [];
    table.clear();
    indices.clear();
    if (filter.value.trim() !== "") sendFilter();
    if (opened !== null) connection.send({ open: opened });
  }
  showLink();
}

/** Opens what the address names, so that a contract can be linked to and the back button works. */
function choose(symbol: string | null): void {
  if (symbol !== null && document.activeElement instanceof HTMLElement) cameFrom = document.activeElement;
  if (symbol === null) {
    history.pushState(null, "", location.pathname);
    open(null);
    cameFrom?.focus();
  } else {
    location.hash = symbol;
  }
}

function open(symbol: string | null): void {
  opened = symbol;
  table.mark(symbol);
  document.title = symbol === null ? "cuex" : `${symbol} · cuex`;
  connection.send({ open: symbol });
  if (symbol === null) {
    panel.showNone();
    return;
  }
  panel.showLoading(symbol);
}

function symbolInAddress(): string | null {
  const symbol = decodeURIComponent(location.hash.slice(1));
  return symbol === "" || symbol === "market" ? null : symbol;
}

function listenToFilter(): void {
  let typing: number | undefined;
  filter.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(sendFilter, TYPING_MS);
  });
  filter.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "Enter") {
      event.preventDefault();
      table.focusFirst();
    }
  });
}

function sendFilter(): void {
  connection.send({ filter: filter.value });
}

function listenToKeys(): void {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/" && document.activeElement !== filter) {
      event.preventDefault();
      filter.select();
    } else if (event.key === "Escape" && document.activeElement !== filter && opened !== null) {
      choose(null);
    }
  });
}

function takeStatus(status: Status): void {
  const at = performance.now();
  statuses.push({ at, status });
  while (statuses.length > 2 && at - (statuses[1]?.at ?? at) >= RATE_MS) statuses.shift();
  setText(byId("sequence"), whole(status.sequence));
  setText(byId("contracts"), whole(status.contracts));
  setText(byId("time"), clock(status.time));
  const first = statuses[0];
  if (first === undefined || at - first.at < 500) return;
  const seconds = (at - first.at) / 1000;
  setText(byId("commands-rate"), rate((status.commands - first.status.commands) / seconds));
  setText(byId("trades-rate"), rate((status.trades - first.status.trades) / seconds));
}

/** The exchange's clock in milliseconds, carried on between its messages; before the first, this machine's. */
function exchangeNow(): number {
  const newest = statuses[statuses.length - 1];
  return newest === undefined ? Date.now() : newest.status.time + (performance.now() - newest.at);
}

function everySecond(): void {
  showLink();
  panel.tick();
  if (Math.floor(exchangeNow() / 1000) % 60 === 0) table.renameSlots();
}

function showLink(): void {
  byId("status").dataset["state"] = link.state;
  document.body.classList.toggle("stale", link.state !== "live" && table.size > 0);
  const text = { connecting: "Connecting…", live: "Live", lost: "Not connected" }[link.state];
  setText(byId("status-text"), text);
  byId("banner").hidden = link.state !== "lost";
  if (link.state === "lost") {
    const seconds = Math.max(0, Math.ceil((link.retryAt - Date.now()) / 1000));
    const seen = table.size > 0 ? ` What you see is from ${clock(exchangeTimeSeen())} UTC.` : "";
    const again = seconds === 0 ? "Trying again…" : `Trying again in ${seconds} s.`;
    setText(byId("banner-text"), `${link.reason}${seen} ${again}`);
  }
  showRowCount();
}

function exchangeTimeSeen(): number {
  return statuses[statuses.length - 1]?.status.time ?? Date.now();
}

/** Says what the table leaves out, or why it is empty. */
function showRowCount(): void {
  const empty = table.size === 0;
  byId("empty").hidden = !empty;
  byId("table").hidden = empty;
  const shown = rows === null ? 0 : Math.min(rows.matching, rows.shown_max);
  const left = rows === null ? 0 : rows.matching - shown;
  const leftOut = left > 0 ? `The ${whole(shown)} most traded of ${whole(rows?.matching ?? 0)}; filter to see others` : "";
  setText(byId("left-out"), leftOut);
  if (!empty) return;
  const filtered = rows !== null && rows.filter.trim() !== "";
  byId("clear-filter").hidden = !filtered;
  const [title, text] = emptyWords(filtered);
  setText(byId("empty-title"), title);
  setText(byId("empty-text"), text);
}

function emptyWords(filtered: boolean): [string, string] {
  if (link.state === "lost") return ["The exchange cannot be reached", "This page goes on by itself as soon as it can be."];
  if (rows === null) return ["Connecting to the exchange…", ""];
  if (filtered) return [`No contract matches “${rows.filter.trim()}”`, "Words are looked for anywhere in a symbol; all of them must be there."];
  return ["The market is open, and nothing is posted yet", "Contracts appear here with their first order."];
}

function socketUrl(): string {
  const url = new URL("ws", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  url.hash = "";
  return url.href;
}
