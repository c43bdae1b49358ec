//! What it takes to save a market with very many resting orders, and to bring it back.

use crate::Effort;
use crate::line::head;
use benches::clock::nanos_each;
use benches::resting::resting;
use engine::Engine;
use sequencer::snapshot;

pub(crate) fn print(effort: Effort) {
    let orders = 1_000_000 / effort.scale;
    let engine = resting(orders);
    let orders = engine.open_orders();
    let about = format!(
        "{orders} resting orders of 200 accounts in 300 contracts; processor time of one thread, the least of some \
         rounds. Writing counts and hashes the state and puts it out as bytes; reading checks every record, restores \
         the engine, adds everything up and compares the digest."
    );
    head("Snapshots", &about, &["step", "ms", "ns an order"]);
    let mut payload = Vec::new();
    let mut restored = None;
    let line = |name, step: &mut dyn FnMut()| print_line(name, effort, orders, step);
    line("state out as data", &mut || {
        engine.save(&mut |item| {
            std::hint::black_box(item);
        });
    });
    line("digest", &mut || {
        std::hint::black_box(engine.digest());
    });
    line("audit", &mut || assert!(engine.audit().is_ok(), "the market adds up"));
    line("written", &mut || payload = written(&engine));
    line("read and restored", &mut || restored = snapshot::read(&payload).ok());
    let restored = restored.expect("what was written is read");
    assert_eq!(restored.digest, engine.digest(), "the same market");
    println!("\nThe payload takes {} bytes an order.", payload.len() / orders.max(1));
}

fn print_line(name: &str, effort: Effort, orders: usize, step: &mut dyn FnMut()) {
    let nanos = (0..effort.rounds).map(|_| nanos_each(orders, &mut *step)).fold(f64::INFINITY, f64::min);
    #[expect(clippy::cast_precision_loss, reason = "there are far fewer than 2^53 orders")]
    let millis = nanos * orders as f64 / 1e6;
    println!("| {name} | {millis:.0} | {nanos:.0} |");
}

/// The payload of a snapshot without reports.
fn written(engine: &Engine) -> Vec<u8> {
    let mut payload = Vec::new();
    let append = |piece: &[u8]| {
        payload.extend_from_slice(piece);
        Ok::<(), std::convert::Infallible>(())
    };
    let Ok(_) = snapshot::write(engine, [].iter(), append);
    payload
}
