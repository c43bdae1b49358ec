//! Mass cancels at the desk: by either lane, with two reports that name them.

use super::*;
use types::{MassCancel, ReportBody, Scope};

fn mass_cancel(number: u64) -> ClientMessage {
    let asked = MassCancel { scope: Scope::All, side: Some(Side::Buy) };
    ClientMessage::Command { number, command: Command::MassCancel(asked) }
}

/// A client with both lanes open.
fn client(bench: &mut Bench) -> Client {
    let (client, _) = bench.login(BROKER, None);
    for lane in [ORDERS, Lane::Cancels] {
        bench.open(&client, lane).unwrap();
    }
    client
}

#[test]
fn a_mass_cancel_goes_by_either_lane() {
    let mut bench = Bench::new();
    let client = client(&mut bench);
    for (lane, number) in [(ORDERS, 9), (Lane::Cancels, 1)] {
        let (chunk, taken) = bench.commands(&client, lane, &encoded(&[mass_cancel(number)]));
        assert_eq!((numbers(&chunk), taken), (vec![number], Ok(())));
        assert_eq!(chunk[0].sender().map(|sender| sender.lane), Some(lane));
        // The scope is no choice there is: the refusal names the lane it came by.
        let mut misfit = encoded(&[mass_cancel(number + 1)]);
        misfit[22] = 9;
        let (chunk, taken) = bench.commands(&client, lane, &misfit);
        assert_eq!((chunk.len(), taken), (0, Ok(())));
        let (number, code) = (number + 1, RejectCode::UnknownChoice);
        let refused = ServerMessage::Refused(Refused { lane, number, code, value: 9 });
        assert_eq!(client.reports(), [refused]);
    }
}

#[test]
fn its_outcome_is_the_first_report_that_names_it() {
    let mut bench = Bench::new();
    let client = client(&mut bench);
    let (chunk, _) = bench.commands(&client, ORDERS, &encoded(&[bid(1, 10, 1), bid(2, 11, 1)]));
    bench.release(chunk);
    let (chunk, _) = bench.commands(&client, Lane::Cancels, &encoded(&[mass_cancel(5)]));
    bench.release(chunk);
    // The account's cash, two bids, and the mass cancel: taken, one end after the other, done.
    assert_eq!(told(&client.reports()), [2, 3, 4, 5, 6, 7].map(Ok));
    let [taken, done] = [4, 7].map(|number| bench.reports[bench.reports.len() + number - 8]);
    assert!(matches!(taken.body, ReportBody::MassCancelAccepted(_)), "{taken:?}");
    assert_eq!(done.body, ReportBody::MassCancelDone { orders: 2 });
    assert_eq!(taken.answers, done.answers);
    let (chunk, _) = bench.commands(&client, Lane::Cancels, &encoded(&[mass_cancel(5)]));
    assert_eq!((chunk.len(), told(&client.reports())), (0, vec![Ok(4)]));

    // Where only its end is kept, its outcome is too old to tell.
    let desk = Desk::new(&recovery(&bench.engine, &[done]), Limits::default(), NOW);
    let mut again = Bench { engine: bench.engine.clone(), desk, reports: Vec::new(), now: NOW };
    let client = self::client(&mut again);
    let (chunk, _) = again.commands(&client, Lane::Cancels, &encoded(&[mass_cancel(5)]));
    assert_eq!((chunk.len(), told(&client.reports())), (0, vec![Err(RejectCode::OutcomeTooOld)]));
}
