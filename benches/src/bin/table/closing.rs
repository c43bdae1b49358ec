//! A closing hour: what live trading costs while very many orders of other contracts end.

use crate::Effort;
use crate::line::head;
use benches::closing::{Cost, close};

pub(crate) fn print(effort: Effort) {
    let about = "Orders rest in 100 contracts whose gates come at one moment; others trade on. After each 256 live \
                 commands the sequencer sends one that ends up to 256 orders. ns per live command, in brackets times \
                 that before; µs per command that ends orders.";
    let columns =
        ["orders at rest", "live before", "live while closing", "a command that ends", "how many of these"];
    head("A closing hour", about, &columns);
    for orders in [10_000, 100_000, 1_000_000] {
        let orders = (orders / effort.scale).max(1_000);
        let best = (0..effort.rounds.min(2)).map(|_| close(orders));
        let best = best.min_by(|one, other| one.during.total_cmp(&other.during));
        let Some(Cost { before, during, continued, commands, .. }) = best else { continue };
        let ratio = during / before;
        println!(
            "| {orders} | {before:.0} | {during:.0} ({ratio:.2}×) | {:.1} | {commands} |",
            continued / 1_000.0
        );
    }
}
