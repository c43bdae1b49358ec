//! Gateway and feed on more threads than one, or on the program's own: what an exchange promises does not depend on it.

use crate::exchange::Exchange;
use crate::load::{assert_clean, load};

fn an_exchange_on(gateway: u32, feed: u32) {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("cuex.toml");
    std::fs::write(&config, format!("[threads]\ngateway = {gateway}\nfeed = {feed}\n")).unwrap();
    let arguments = ["--config", config.to_str().unwrap()];
    let mut exchange = Exchange::start_with(&[&["--init"], &arguments[..]].concat());
    let report = load(
        &exchange,
        &[
            "--in-flight",
            "512",
            "--sessions",
            "16",
            "--subscribers",
            "20",
            "--subscribed",
            "book",
            "--for",
            "2s",
        ],
    );
    assert_clean(&report);
    assert!(report["books_proven"].as_u64() > Some(0), "{report}");
    let stopped = exchange.stop();
    assert_eq!(stopped["conserved"], true);
    assert_eq!(
        stopped["snapshot"]["sequence"], stopped["sequence"],
        "the journal comes to the same: {stopped}"
    );
}

#[test]
fn on_several_threads_each_nothing_is_lost_or_out_of_order() {
    an_exchange_on(3, 2);
}

#[test]
fn on_one_thread_for_both_nothing_is_lost_or_out_of_order() {
    an_exchange_on(0, 0);
}
