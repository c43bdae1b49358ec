// How the exchange's own words read on the page.

import { whole } from "./format.ts";
import type { Indicative, Phase } from "./messages.ts";

const PHASES: Record<Phase, string> = {
  pre_open: "Pre-open",
  auction: "Auction",
  continuous: "Trading",
  halted: "Halted",
  closed: "Closed",
  in_delivery: "In delivery",
  settled: "Settled",
};

/** The phase of a contract in a word or two. */
export function phaseName(phase: Phase): string {
  return PHASES[phase];
}

/** What a phase other than trading means, in a sentence. */
export function phaseSentence(phase: Phase, indicative: Indicative | null): string {
  if (phase === "pre_open") return "Pre-open: orders gather for the opening auction";
  if (phase === "halted") return "Halted by the operator: orders can only be cancelled";
  return phase === "auction" ? auctionSentence(indicative) : phaseName(phase);
}

function auctionSentence(indicative: Indicative | null): string {
  const volume = indicative?.volume ?? 0;
  if (volume === 0) return "Auction: orders gather, and none would trade yet";
  const units = `${whole(volume)} unit${volume === 1 ? "" : "s"} would trade`;
  return indicative?.price == null ? `Auction: at least ${units}` : `Auction: ${units} at ${indicative.price}`;
}
