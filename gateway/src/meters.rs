//! What the gateway counts. No account and no key is ever a label.

use metrics::{counter, describe_counter, describe_gauge, gauge};
use protocol::CloseCode;
use types::{Lane, RejectCode};

/// Says what the meters mean.
pub(crate) fn describe() {
    describe_gauge!("cuex_gateway_sessions", "open order-entry sessions");
    describe_counter!("cuex_gateway_commands_total", "commands sent on to the sequencer");
    describe_counter!("cuex_gateway_refusals_total", "commands refused by the gateway");
    describe_gauge!("cuex_gateway_reports_waiting_bytes", "bytes of reports that clients have not taken");
    describe_counter!(
        "cuex_gateway_disconnected_total",
        "keys whose orders were ended because their sessions had been gone for their grace"
    );
    describe_counter!("cuex_gateway_handshakes_failed_total", "handshakes refused, failed or left open");
    describe_counter!("cuex_gateway_closed_total", "sessions closed by the gateway, by close code");
}

/// A handshake was not brought to its end, in time or at all, or there were too many connections to begin it.
pub(crate) fn handshake_failed() {
    counter!("cuex_gateway_handshakes_failed_total").increment(1);
}

/// How many sessions there are now.
pub(crate) fn sessions(count: usize) {
    gauge!("cuex_gateway_sessions").set(f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
}

/// How much waits to be read.
pub(crate) fn reports_waiting(bytes: usize) {
    gauge!("cuex_gateway_reports_waiting_bytes").set(f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)));
}

/// The graces of so many keys have run out.
pub(crate) fn disconnected(keys: usize) {
    counter!("cuex_gateway_disconnected_total").increment(u64::try_from(keys).unwrap_or(u64::MAX));
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
