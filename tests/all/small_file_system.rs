//! The real program on a file system that is really full: orders are refused with a code of their own, cancels, questions
//! and market data go on, and orders are taken again when there is space.
//!
//! A file system of some megabytes needs a mount, and that a namespace in which this user may mount. Where the machine
//! does not allow it the test says so and checks nothing.

use crate::exchange::{Exchange, feed_until};
use crate::trading::market;
use std::path::Path;
use std::process::{Command, Output};
use types::{RejectCode, TimeInForce};

/// Names the directory under which the file system is mounted, in the process that is inside.
const INSIDE: &str = "CUEX_SMALL_FILE_SYSTEM";
/// As long as the file system is but for this file, the first segment of 2 MiB fits beside it, and no second.
const FILLER_BYTES: usize = 5 << 20;

/// Runs a shell command where `directory` is a file system of 8 MiB.
fn inside(directory: &Path, command: &str) -> Option<Output> {
    let mount = format!("mount -t tmpfs -o size=8m none '{}' && {command}", directory.display());
    Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &mount])
        .env(INSIDE, directory)
        .output()
        .ok()
}

#[test]
fn a_full_file_system_refuses_orders_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    if !inside(directory.path(), "true").is_some_and(|output| output.status.success()) {
        eprintln!("SKIPPED: this machine lets nobody mount a small file system; nothing was checked");
        return;
    }
    let program = std::env::current_exe().unwrap();
    let test = "small_file_system::on_a_small_file_system";
    let command = format!("exec '{}' --exact {test} --ignored --nocapture", program.display());
    let output = inside(directory.path(), &command).unwrap();
    let told =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
}

#[tokio::test]
#[ignore = "run by the test above, inside"]
async fn on_a_small_file_system() {
    let Some(directory) = std::env::var_os(INSIDE) else { return };
    let filler = Path::new(&directory).join("filler");
    std::fs::write(&filler, vec![1; FILLER_BYTES]).unwrap();
    let mut exchange = Exchange::start_in(Path::new(&directory));
    let (_provider, broker, contract) = market(&exchange).await;
    let mut feed = exchange.subscriber(&broker.key).await;
    let rests = broker.session.buy(contract, TimeInForce::Gtc, 1, 1).await.unwrap();
    feed_until(&mut feed, |feed, _| feed.book(contract).is_some_and(|book| book.orders().count() == 1)).await;

    let mut taken = 0;
    let refused = loop {
        match broker.session.buy(contract, TimeInForce::Ioc, 1, 1).await {
            Ok(_) => taken += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(refused.code(), Some(RejectCode::NoRoom), "{refused}");
    assert!(taken > 5_000, "the segment there is was used: {taken}");
    // Questions and cancels go on, and the feed tells of them.
    assert_eq!(broker.session.account().await.unwrap().orders.len(), 1);
    broker.session.cancel(rests).await.unwrap();
    feed_until(&mut feed, |feed, _| feed.book(contract).is_none_or(|book| book.orders().count() == 0)).await;
    let again = broker.session.buy(contract, TimeInForce::Ioc, 1, 1).await.unwrap_err();
    assert_eq!(again.code(), Some(RejectCode::NoRoom), "still");

    std::fs::remove_file(&filler).unwrap();
    let order = loop {
        match broker.session.buy(contract, TimeInForce::Gtc, 1, 1).await {
            Ok(placed) => break placed.order,
            Err(error) => assert_eq!(error.code(), Some(RejectCode::NoRoom), "{error}"),
        }
    };
    assert_eq!(broker.session.reconnects(), 0);
    // What was acknowledged is there after a kill, on this file system too.
    exchange.kill();
    let mut exchange = exchange.restart();
    assert!(exchange.recovered >= order);
    let orders = exchange.session(&broker.key).await.account().await.unwrap().orders;
    assert_eq!(orders.iter().map(|open| open.order).collect::<Vec<_>>(), [order]);
    assert_eq!(exchange.stop()["conserved"], true);
}
