//! The exchange's own command that comes from outside the sequencer: a key has been gone for its grace.

use crate::traffic::Traffic;
use crate::{OPERATOR, options, run_to_the_end};
use sequencer::Inbound;
use std::ops::ControlFlow;
use types::{
    CancelReason, ClassNo, Command, ContractId, KeyNo, Lane, RejectCode, ReportBody, Sender, Timestamp,
};

const KEY: KeyNo = KeyNo(2);

fn sent(number: u64, command: Command) -> Inbound {
    Inbound::sent(Sender { key: KEY, lane: Lane::Orders, number }, command)
}

#[tokio::test]
async fn the_orders_of_a_key_that_is_gone_end_after_all_it_had_sent() {
    let directory = tempfile::tempdir().unwrap();
    sequencer::init(directory.path(), &options(), OPERATOR).unwrap();
    let exchange = sequencer::start(directory.path(), &options()).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let hour = Timestamp(u64::try_from(now.as_nanos()).unwrap()).hour();
    let contract = ContractId::new(ClassNo(0), hour.plus(5));
    let mut traffic = Traffic::new(1);
    let mut chunk = traffic.set_up();
    chunk.extend(traffic.resting_bids(contract, 20));
    chunk.push(sent(21, Command::CancelOnDisconnect { grace: 1 }));
    // Said by a key it is refused, however it says it.
    chunk.push(sent(22, Command::Disconnected { key: KEY }));
    let gone = vec![Inbound::disconnected(KEY)];
    let (summary, released) =
        run_to_the_end(exchange, vec![(Lane::Orders, chunk), (Lane::Orders, gone)]).await;

    let reports: Vec<ReportBody> =
        released.iter().flat_map(|batch| batch.output.reports.iter().map(|report| report.body)).collect();
    let ends = reports
        .iter()
        .filter(|body| matches!(body, ReportBody::Cancelled { reason: CancelReason::Disconnected, .. }));
    assert_eq!(ends.count(), 20);
    assert!(reports.contains(&ReportBody::Rejected { code: RejectCode::SequencerOnly, value: 0 }));
    assert_eq!(summary.totals.unwrap().open_orders, 0);

    let mut own = Vec::new();
    sequencer::dump(directory.path(), |stamped| {
        if stamped.command == (Command::Disconnected { key: KEY }) {
            own.push(stamped.sender.map(|sender| sender.number));
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(own, [Some(22), None], "in the journal it stands with no sender");
    assert_eq!(sequencer::verify(directory.path()).unwrap().digest, summary.digest);
}
