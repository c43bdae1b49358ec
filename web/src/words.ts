// How the exchange's own words read on the page.

import type { Phase } from "./messages.ts";

const PHASES: Record<Phase, string> = {
  continuous: "Trading",
  closed: "Closed",
  in_delivery: "In delivery",
  settled: "Settled",
};

/** The phase of a contract in a word or two. */
export function phaseName(phase: Phase): string {
  return PHASES[phase];
}
