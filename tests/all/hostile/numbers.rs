//! Games with the numbers of commands: back, twice, with leaps, to the end of all numbers, on both lanes and over
//! restarts. Each number is taken once at most.

use super::honest::market;
use super::raw::{Raw, command, hello};
use crate::exchange::Exchange;
use protocol::order_entry::{self, Refused, ServerMessage};
use types::{Command, ContractId, Lane, NewOrder, OrderRef, RejectCode, ReportBody, Side};

const MAX: u64 = u64::MAX;
/// The numbers as they are sent, and which of them are new.
const GAME: [(u64, bool); 15] = [
    (0, false),
    (5, true),
    (5, false),
    (4, false),
    (0, false),
    (6, true),
    (1 << 40, true),
    (7, false),
    (1 << 40, false),
    ((1 << 63) + 1, true),
    (MAX - 1, true),
    (MAX, true),
    (MAX, false),
    (MAX - 2, false),
    (1, false),
];

/// What was said to one command: the sequence it has, or that it has none.
fn verdict(answer: &ServerMessage, number: u64) -> Option<u64> {
    match answer {
        ServerMessage::Report(report) => {
            assert_eq!(report.answers.unwrap().number, number);
            Some(report.sequence)
        }
        ServerMessage::Refused(Refused { number: about, code, .. }) => {
            assert_eq!((*about, *code), (number, RejectCode::NotTaken));
            None
        }
        other => panic!("{other:?}"),
    }
}

/// Plays the game on a lane and gives what was said to each number.
async fn play(raw: &mut Raw, lane: Lane, order: impl Fn(usize) -> Command) -> Vec<Option<u64>> {
    let mut stream = raw.lane(lane, &[]).await;
    let mut verdicts: Vec<Option<u64>> = Vec::new();
    for (step, (number, is_new)) in GAME.into_iter().enumerate() {
        stream.write_all(&command(number, order(step))).await.unwrap();
        let verdict = verdict(&raw.told(1).await[0], number);
        let before = GAME[..step].iter().rposition(|(earlier, _)| *earlier == number);
        let taken_before = before.and_then(|earlier| verdicts[earlier]);
        if is_new {
            assert!(verdict > verdicts.iter().copied().flatten().max(), "{number} is taken: {verdicts:?}");
        } else {
            assert_eq!(verdict, taken_before, "{number}: its first outcome, or none");
        }
        verdicts.push(verdict);
    }
    // Kept open: the end of a lane is not the game.
    std::mem::forget(stream);
    verdicts
}

fn bid(contract: ContractId, step: usize) -> Command {
    let price = 10 + i64::try_from(step).unwrap();
    Command::NewOrder(NewOrder::limit(contract, Side::Buy, 1, price))
}

#[tokio::test]
async fn a_number_is_taken_once_whatever_is_played_with_it() {
    let exchange = Exchange::start();
    let (contract, lab, honest, mallory) = market(&exchange).await;
    let mut raw = Raw::call(exchange.info.gateway, &exchange.info, &mallory.key, order_entry::ALPN).await;
    raw.greet(&hello()).await;
    let orders = play(&mut raw, Lane::Orders, |step| bid(contract, step)).await;
    // The lanes do not know each other's numbers: what was played on one is new on the other.
    let cancels = play(&mut raw, Lane::Cancels, |step| Command::Cancel(OrderRef::Number(GAME[step].0))).await;
    assert_eq!(orders.iter().flatten().count(), cancels.iter().flatten().count());
    honest.stop(&lab, &exchange).await;
    drop(raw);

    // A new session of the same key, after a restart: it is told the same again, and nothing is taken.
    let mut exchange = exchange;
    exchange.kill();
    let exchange = exchange.restart();
    let mut raw = Raw::call(exchange.info.gateway, &exchange.info, &mallory.key, order_entry::ALPN).await;
    raw.greet(&hello()).await;
    for (lane, before) in [(Lane::Orders, orders), (Lane::Cancels, cancels)] {
        let mut bytes = Vec::new();
        for (step, (number, _)) in GAME.into_iter().enumerate() {
            // What is said with the number this time does not matter.
            let other = if lane == Lane::Orders {
                bid(contract, step + 50)
            } else {
                Command::Cancel(OrderRef::Number(1))
            };
            bytes.extend(command(number, other));
        }
        let _stream = raw.lane(lane, &bytes).await;
        let told = raw.told(GAME.len()).await;
        for ((number, _), answer) in GAME.iter().zip(&told) {
            let mut played = GAME.iter().zip(&before).filter(|((played, _), _)| played == number);
            assert_eq!(verdict(answer, *number), played.find_map(|(_, verdict)| *verdict), "{number}");
        }
        let rejected = told.iter().filter(|answer| {
            matches!(answer, ServerMessage::Report(report) if matches!(report.body, ReportBody::Rejected { .. }))
        });
        assert_eq!(rejected.count(), 0, "each cancel had found the order of its number");
    }
}
