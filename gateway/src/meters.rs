//! What the gateway counts. No account and no key is ever a label.

use metrics::{counter, describe_counter, describe_gauge, gauge};
use protocol::CloseCode;
use types::{Lane, RejectCode};

/// Says what the meters mean.
pub(crate) fn describe() {
    describe_gauge!("cuex_gateway_sessions", "open order-entry sessions");
    describe_counter!("cuex_gateway_commands_total", "commands sent on to the sequencer");
    describe_counter!("cuex_gateway_refusals_total", "commands refused by the gateway");
    describe_counter!("cuex_gateway_closed_total", "sessions closed by the gateway, by close code");
}

/// How many sessions there are now.
pub(crate) fn sessions(count: usize) {
    gauge!("cuex_gateway_sessions").set(f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
}

/// A chunk of commands goes on.
pub(crate) fn forwarded(lane: Lane, count: usize) {
    let lane = match lane {
        Lane::Orders => "orders",
        Lane::Cancels => "cancels",
    };
    counter!("cuex_gateway_commands_total", "lane" => lane)
        .increment(u64::try_from(count).unwrap_or(u64::MAX));
}

/// A command is refused.
pub(crate) fn refused(code: RejectCode) {
    counter!("cuex_gateway_refusals_total", "code" => code.to_string()).increment(1);
}

/// A session is closed, or a connection refused.
pub(crate) fn closed(code: CloseCode) {
    counter!("cuex_gateway_closed_total", "code" => code.to_string()).increment(1);
}
