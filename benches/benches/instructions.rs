//! Instructions a run takes, counted by valgrind through gungraun: the same on every run, so a change of a percent
//! shows. Needs valgrind and `cargo install gungraun-runner --version 0.20.0`; without them it says so and counts
//! nothing. `cargo bench -p benches --bench instructions`; once each, not counted:
//! `cargo test -p benches --bench instructions`.

#![allow(missing_docs, clippy::print_stdout, clippy::print_stderr, reason = "the macros of gungraun")]

use std::process::{Command, Stdio};

/// The benches, each a flow ready to be run.
mod counted {
    use benches::bare::Bare;
    use benches::books::{Books, Command};
    use benches::exchange;
    use benches::flow::{Message, SCENARIOS};
    use benches::peers::{Contender, Matchcore, Shim};
    use benches::reports::{RING, Reports};
    use benches::wide::{Spread, Wide};
    use engine::Engine;
    use gungraun::{library_benchmark, library_benchmark_group, main};
    use types::{Output, Stamped};

    const ORDERS: u32 = 20_000;
    /// Accounts of the exchange, few enough that nothing is looked ahead for.
    const ACCOUNTS: u32 = 1_000;

    /// Who takes a flow, where its reports go, and the flow.
    type Flow<C, M> = (C, Reports, Vec<M>);

    fn messages(scenario: usize) -> Vec<Message> {
        SCENARIOS[scenario].messages(ORDERS)
    }

    fn bare_flow(scenario: usize) -> (Bare, Vec<Command>) {
        (Bare::new(0), Books::commands(1, &messages(scenario)))
    }

    fn shim_flow(scenario: usize) -> Flow<Shim, Message> {
        (Shim::default(), Reports::new(RING), messages(scenario))
    }

    fn peer_flow(scenario: usize) -> Flow<Matchcore, Message> {
        let messages = messages(scenario);
        (Matchcore::new(1, messages.len() + 1), Reports::new(RING), messages)
    }

    fn hot_flow(scenario: usize) -> Flow<Books, Command> {
        (Books::new(1), Reports::new(RING), Books::commands(1, &messages(scenario)))
    }

    fn thin_flow() -> Flow<Books, Command> {
        let wide =
            Wide { contracts: 2_000, spread: Spread::Uniform, resting: 10_000, levels: 20, messages: 40_000 };
        let (placed, follow) = wide.make(1);
        let all: Vec<Message> = placed.iter().chain(&follow).copied().collect();
        let commands = Books::commands(wide.contracts, &all);
        let (mut books, mut reports) = (Books::new(wide.contracts), Reports::new(RING));
        books.run(&commands[..placed.len()], false, &mut reports);
        (books, reports, commands[placed.len()..].to_vec())
    }

    fn exchange_flow(scenario: usize) -> (Engine, Vec<Stamped>) {
        exchange::exchange(&messages(scenario), ACCOUNTS)
    }

    fn take_messages<C: Contender>((mut contender, mut reports, messages): Flow<C, Message>) -> (C, Reports) {
        contender.run(&messages, &mut reports);
        (contender, reports)
    }

    fn take_commands((mut books, mut reports, commands): Flow<Books, Command>) -> (Books, Reports) {
        books.run(&commands, false, &mut reports);
        (books, reports)
    }

    fn take_bare((mut bare, commands): (Bare, Vec<Command>)) -> Bare {
        bare.run(&commands);
        bare
    }

    fn take_stamped((mut engine, stamped): (Engine, Vec<Stamped>)) -> (Engine, usize) {
        let (mut out, mut reports) = (Output::default(), 0);
        for batch in stamped.chunks(256) {
            engine.apply_all(batch, &mut out);
            reports += out.reports.len();
            out.clear();
        }
        (engine, reports)
    }

    #[library_benchmark]
    #[bench::normal(bare_flow(1))]
    #[bench::swing_40(bare_flow(3))]
    fn bare(flow: (Bare, Vec<Command>)) -> Bare {
        take_bare(flow)
    }

    #[library_benchmark]
    #[bench::normal(shim_flow(1))]
    #[bench::swing_40(shim_flow(3))]
    fn client_ids(flow: Flow<Shim, Message>) -> (Shim, Reports) {
        take_messages(flow)
    }

    #[library_benchmark]
    #[bench::normal(hot_flow(1))]
    #[bench::swing_40(hot_flow(3))]
    #[bench::thin(thin_flow())]
    fn own_ids(flow: Flow<Books, Command>) -> (Books, Reports) {
        take_commands(flow)
    }

    #[library_benchmark]
    #[bench::normal(peer_flow(1))]
    #[bench::swing_40(peer_flow(3))]
    fn matchcore(flow: Flow<Matchcore, Message>) -> (Matchcore, Reports) {
        take_messages(flow)
    }

    #[library_benchmark]
    #[bench::normal(exchange_flow(1))]
    #[bench::swing_40(exchange_flow(3))]
    fn whole_exchange(flow: (Engine, Vec<Stamped>)) -> (Engine, usize) {
        take_stamped(flow)
    }

    /// Each bench once, not counted.
    pub(super) fn once() {
        for scenario in [1, 3] {
            assert!(take_messages(shim_flow(scenario)).1.pushed() > 0);
            assert!(take_messages(peer_flow(scenario)).1.pushed() > 0);
            assert!(take_commands(hot_flow(scenario)).1.pushed() > 0);
            assert!(take_bare(bare_flow(scenario)).trades > 0);
            assert!(take_stamped(exchange_flow(scenario)).1 > 0);
        }
        assert!(take_commands(thin_flow()).1.pushed() > 0);
    }

    library_benchmark_group!(name = book; benchmarks = bare, client_ids, own_ids, matchcore, whole_exchange);
    main!(library_benchmark_groups = book);

    pub(super) fn count() {
        main();
    }
}

fn main() {
    let has = |wanted: &str| std::env::args().any(|argument| argument == wanted);
    if has("--gungraun-run") {
        // Started again by the runner, under valgrind.
        return counted::count();
    }
    if !has("--bench") {
        return counted::once();
    }
    let runner = option_env!("GUNGRAUN_RUNNER").unwrap_or("gungraun-runner");
    for needed in ["valgrind", runner] {
        let there =
            Command::new(needed).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if there.is_err() {
            println!("SKIPPED: {needed} is not there, so no instructions are counted");
            return;
        }
    }
    counted::count();
}
