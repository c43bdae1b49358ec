//! What cannot be set up or started is refused with a reason, and nothing is changed.

use crate::{OPERATOR, options, run_to_the_end, sent};
use engine::RULES_VERSION;
use journal::{Journal, OpenError, ReadError, SimulatedDisk};
use sequencer::{Options, StartError, VerifyError};
use std::ops::ControlFlow;
use types::Lane;

#[tokio::test]
async fn an_exchange_is_set_up_once() {
    let directory = tempfile::tempdir().unwrap();
    let inner = directory.path().join("a/b");
    sequencer::init(&inner, &options(), OPERATOR).unwrap();
    let before = sequencer::verify(&inner).unwrap();
    assert_eq!(before.last_sequence, 1);
    let again = sequencer::init(&inner, &options(), OPERATOR);
    assert!(matches!(again, Err(StartError::Exists { .. })), "{again:?}");
    assert_eq!(sequencer::verify(&inner).unwrap().digest, before.digest);
}

#[tokio::test]
async fn a_directory_without_an_exchange_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    for path in [directory.path().to_owned(), directory.path().join("missing")] {
        let refused = sequencer::start(&path, &options()).unwrap_err();
        assert!(matches!(refused, StartError::NoExchange { .. }), "{refused}");
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn an_init_that_was_cut_short_is_done_again() {
    let disk = SimulatedDisk::new(1);
    let journal_options = journal::Options { segment_size: 1 << 20, ..journal::Options::new(RULES_VERSION) };
    let empty = Journal::open_on(disk.mount(), &journal_options, |_| Ok::<(), std::io::Error>(()));
    drop(empty.unwrap());
    let refused = sequencer::start_on(disk.mount(), &options()).unwrap_err();
    assert!(matches!(refused, StartError::NoExchange { .. }), "{refused}");
    sequencer::init_on(disk.mount(), &options(), OPERATOR, 1).unwrap();
    let exchange = sequencer::start_on(disk.mount(), &options()).unwrap();
    let (summary, _) = run_to_the_end(exchange, vec![(Lane::Orders, vec![sent(Lane::Orders, 1)])]).await;
    assert_eq!(summary.sequence, 2);
}

#[tokio::test]
async fn a_directory_in_use_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    sequencer::init(directory.path(), &options(), OPERATOR).unwrap();
    let exchange = sequencer::start(directory.path(), &options()).unwrap();
    let second = sequencer::start(directory.path(), &options()).unwrap_err();
    assert!(matches!(second, StartError::Open(OpenError::Read(ReadError::InUse { .. }))), "{second}");
    assert!(sequencer::verify(directory.path()).is_err(), "a running exchange's journal is not verified");
    exchange.handle.stop().await.unwrap();
    sequencer::verify(directory.path()).unwrap();
}

#[tokio::test]
async fn other_rules_are_refused() {
    for version in [RULES_VERSION - 1, RULES_VERSION + 1] {
        let directory = tempfile::tempdir().unwrap();
        let other = journal::Options { segment_size: 1 << 20, ..journal::Options::new(version) };
        drop(Journal::open(directory.path(), &other, |_| Ok::<(), std::io::Error>(())).unwrap());
        let refused = sequencer::start(directory.path(), &options()).unwrap_err();
        assert!(
            matches!(refused, StartError::Open(OpenError::Read(ReadError::RulesVersion { .. }))),
            "{refused}"
        );
        let refused = sequencer::verify(directory.path()).unwrap_err();
        assert!(matches!(refused, VerifyError::RulesVersion { found } if found == version));
        let said = format!(
            "the journal was written under rules version {version}, this program follows version {RULES_VERSION}"
        );
        assert_eq!(refused.to_string(), said);
        let dumped = sequencer::dump(directory.path(), |_| ControlFlow::Continue(()));
        assert_eq!(dumped.unwrap_err().to_string(), said);
    }
}

#[tokio::test]
async fn options_out_of_range_are_refused() {
    let disk = SimulatedDisk::new(1);
    sequencer::init_on(disk.mount(), &options(), OPERATOR, 1).unwrap();
    let refused = |options: Options| match sequencer::start_on(disk.mount(), &options) {
        Err(StartError::Option { option, found, .. }) => (option, found),
        other => panic!("{other:?}"),
    };
    let good = options();
    assert_eq!(refused(Options { in_flight_orders: 0, ..good }), ("in_flight_orders", 0));
    assert_eq!(refused(Options { in_flight_cancels: 0, ..good }), ("in_flight_cancels", 0));
    assert_eq!(refused(Options { batch_commands: 0, ..good }), ("batch_commands", 0));
    assert_eq!(refused(Options { outlet_commands: 0, ..good }), ("outlet_commands", 0));
    let large = Options { in_flight_orders: 20_000, batch_commands: 20_000, ..good };
    assert_eq!(refused(large), ("batch_commands", 20_000));
    assert_eq!(refused(Options { segment_bytes: 64 << 10, ..good }), ("batch_commands", 4_096));
    let odd = sequencer::start_on(disk.mount(), &Options { segment_bytes: 5_000, ..good }).unwrap_err();
    assert!(matches!(odd, StartError::Open(OpenError::SegmentSize { found: 5_000 })), "{odd}");
    // The defaults fit.
    sequencer::start_on(disk.mount(), &Options { segment_bytes: 2 << 20, ..Options::default() }).unwrap();
}
