// Numbers and times as people read them. All times are UTC, as in the symbols.

const WHOLE = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const RATE = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 });
const DAY = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone: "UTC" });

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** 1234567 as 1,234,567. */
export function whole(value: number): string {
  return WHOLE.format(value);
}

/** A rate: one decimal while it is small. */
export function rate(value: number): string {
  return value < 100 ? RATE.format(value) : WHOLE.format(value);
}

/** Milliseconds since 1970 as 14:03:22. */
export function clock(milliseconds: number): string {
  return CLOCK.format(milliseconds);
}

/** The day a slot starts, seen from `now` (milliseconds): Today, Tomorrow, or Wed 25 Nov. */
export function day(start: number, now: number): string {
  const days = Math.floor((start * 1000) / DAY_MS) - Math.floor(now / DAY_MS);
  if (days === 0) return "Today";
  if (days === 1) return "Tomorrow";
  return DAY.format(start * 1000).replace(",", "");
}

/** The hours of a slot: 14:00–15:00, with the number of days it goes on when that is more than one. */
export function hours(start: number, slotHours: number): string {
  const begin = start * 1000;
  const end = begin + slotHours * HOUR_MS;
  const days = Math.floor((end - 1) / DAY_MS) - Math.floor(begin / DAY_MS);
  return `${clock(begin).slice(0, 5)}–${clock(end).slice(0, 5)}${days > 0 ? ` +${days} d` : ""}`;
}

/** A length of time to its two largest parts: 3 d 4 h, 2 h 10 min, 40 s. */
export function span(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours >= 48) return `${Math.floor(hours / 24)} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  if (minutes > 0) return `${minutes} min ${seconds % 60} s`;
  return `${seconds} s`;
}

/** The difference of two prices, with as many decimals as they have. */
export function spread(bid: string, ask: string): string {
  const decimals = Math.max(decimalsOf(bid), decimalsOf(ask));
  return (Number(ask) - Number(bid)).toFixed(decimals);
}

function decimalsOf(price: string): number {
  const point = price.indexOf(".");
  return point < 0 ? 0 : price.length - point - 1;
}
