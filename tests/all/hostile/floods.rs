//! Commands that the exchange takes and rejects, as fast as they can be sent: they are in the journal for good, so
//! they are bounded by what an account may say.

use super::honest::{market, memory, metric};
use super::raw::{Raw, command, hello};
use crate::exchange::Exchange;
use protocol::order_entry::{self, ServerMessage};
use std::time::Instant;
use types::{Command, Lane, NewOrder, RejectCode, ReportBody, Side};

/// What mallory's account may say on the orders lane: so much a second, and so much at once.
const RATE: u32 = 500;
const BURST: u32 = 300;
/// What a command costs besides that is taken and then rejected; the default.
const REJECT_COST: u32 = 10;
/// How many are sent, one right after the other.
const SENT: u64 = 6_000;
/// A command in the journal, in bytes, with its share of the batch.
const RECORD_BYTES: f64 = 256.0;

#[tokio::test]
async fn rejects_at_full_speed_do_not_fill_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("cuex.toml");
    let text = format!("[gateway.accounts.mallory]\norders = {{ rate = {RATE}, burst = {BURST} }}\n");
    std::fs::write(&config, text).unwrap();
    let mut exchange = Exchange::start_with(&["--init", "--config", config.to_str().unwrap()]);
    let (contract, lab, mut honest, mallory) = market(&exchange).await;
    let (quiet, before) = (honest.pace().await, memory(&exchange));
    let journal = metric(&exchange, "cuex_journal_bytes_total");
    let rounds = honest.rounds();

    let began = Instant::now();
    let mut raw = Raw::call(exchange.info.gateway, &exchange.info, &mallory.key, order_entry::ALPN).await;
    raw.greet(&hello()).await;
    // Nobody has the cash for it.
    let dear = Command::NewOrder(NewOrder::limit(contract, Side::Buy, 1_000_000, 1_000_000));
    let mut lane = raw.lane(Lane::Orders, &[]).await;
    let flood = tokio::spawn(async move {
        for number in 1..=SENT {
            lane.write_all(&command(number, dear.clone())).await.unwrap();
        }
        lane
    });
    let (mut rejected, mut throttled) = (0_u32, 0_u32);
    for message in raw.told(usize::try_from(SENT).unwrap()).await {
        match message {
            ServerMessage::Report(report) if matches!(report.body, ReportBody::Rejected { .. }) => {
                rejected += 1
            }
            ServerMessage::Refused(refused) if refused.code == RejectCode::Throttled => throttled += 1,
            other => panic!("{other:?}"),
        }
    }
    let lasted = began.elapsed();
    let pace = honest.pace().await;
    let bytes = metric(&exchange, "cuex_journal_bytes_total") - journal;
    // One round may be half done at either end.
    let honestly = 2.0 * f64::from(u32::try_from(honest.rounds() - rounds + 2).unwrap());
    drop(flood.await.unwrap());

    let tokens = f64::from(BURST) + f64::from(RATE) * lasted.as_secs_f64();
    eprintln!(
        "{rejected} rejected, {throttled} throttled in {lasted:?}; {bytes} bytes of journal for {tokens} tokens"
    );
    eprintln!("an honest round meanwhile: {:.1} times a quiet one", pace.div_duration_f64(quiet));
    // What is under way when the tokens run out is taken on credit: a burst at most, which is paid back later.
    assert!(f64::from(rejected) <= f64::from(BURST) + tokens / f64::from(1 + REJECT_COST));
    assert!(bytes <= (f64::from(rejected) + honestly) * RECORD_BYTES, "{bytes} bytes");
    assert_eq!(metric(&exchange, "cuex_gateway_refusals_total{code=\"Throttled\"}"), f64::from(throttled));
    assert!(throttled > rejected, "most of it was throttled");
    let after = memory(&exchange);
    assert!(after < 3 * before, "{after} bytes, {before} before");
    honest.stop(&lab, &exchange).await;
    assert_eq!(exchange.stop()["conserved"], true);
}
