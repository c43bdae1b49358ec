//! The `cuex` program: a file per subcommand; this one parses the command line and runs the one asked for.

mod account;
mod audit;
mod book;
mod books;
mod cancel;
mod capacity;
mod class;
mod config;
mod connect;
mod demo;
mod fail;
mod halt;
mod journal;
mod key;
mod load;
mod order;
mod orders;
mod quote;
mod replay;
mod serve;
mod show;
mod symbols;
mod terms;
mod threads;
mod told;
mod typed;
mod venue;

use clap::{CommandFactory, Parser, Subcommand};
use fail::{Done, Failure};
use std::process::ExitCode;

/// The compute-unit exchange: idle accelerator time, bought and sold by continuous double auction.
#[derive(Debug, Parser)]
#[command(name = "cuex", version, arg_required_else_help = true, infer_subcommands = false)]
#[command(after_help = "Exit status: 0 done, 1 the exchange refused, 2 wrong usage, 3 could not reach it.\n\
    Start with: cuex demo")]
struct Arguments {
    /// Print JSON for machines.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A whole market on this machine: exchange, page, real asks, live bids.
    Demo(demo::DemoArguments),
    /// Run an exchange.
    Serve(serve::ServeArguments),
    /// Make, show, replace and revoke keys.
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Accounts: the operator opens them and pays in; everybody sees their own.
    Account(account::AccountArguments),
    /// Classes: the operator lists them; everybody sees them.
    Class(class::ClassArguments),
    /// A provider's idle slots.
    Capacity(capacity::CapacityArguments),
    /// Operator: stop the trading of everything, a class or a contract.
    Halt(halt::HaltArguments),
    /// Operator: let it go on.
    Resume(halt::ResumeArguments),
    /// Buy units of a contract, or of every slot of a window.
    Buy(order::OrderArguments),
    /// Sell units of a contract, or of every slot of a window.
    Sell(order::OrderArguments),
    /// End orders, one by one or many at a time.
    Cancel(cancel::CancelArguments),
    /// Change an order's price and total quantity.
    Replace(order::ReplaceArguments),
    /// Your open orders.
    Orders(orders::OrdersArguments),
    /// Your latest fills.
    Fills(orders::FillsArguments),
    /// The cheapest ways to get accelerators for hours in a row, compared.
    Quote(quote::QuoteArguments),
    /// One book as it stands, or those of a window.
    Book(book::BookArguments),
    /// Send load through the real gateway and measure it.
    Load(load::LoadArguments),
    /// Play recorded order flow against one book and compare, maker by maker.
    Replay(replay::ReplayArguments),
    /// The journal of a stopped exchange, checked and read.
    #[command(subcommand)]
    Journal(journal::JournalCommand),
    /// What was done with an operator's rights on a stopped exchange: when, by which key, and why.
    Audit(audit::AuditArguments),
    /// Print a completion script for your shell.
    #[command(
        after_help = "Example:\n  cuex completions bash > ~/.local/share/bash-completion/completions/cuex"
    )]
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if typed::is_help(&error) => {
            // A reader that went away is no failure.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
        Err(error) => {
            // The flag may stand anywhere, also where the rest could not be understood.
            let as_json = std::env::args_os().any(|argument| argument == "--json");
            return typed::usage_failure(&error).tell(as_json);
        }
    };
    start_logging();
    match run(arguments.command, arguments.json) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(arguments.json),
    }
}

fn run(command: Command, as_json: bool) -> Done {
    match command {
        Command::Demo(arguments) => block_on(demo::run(arguments, as_json)),
        Command::Serve(arguments) => block_on(serve::run(arguments, as_json)),
        Command::Key(command) => block_on(key::run(command, as_json)),
        Command::Account(arguments) => block_on(account::run(arguments, as_json)),
        Command::Class(arguments) => block_on(class::run(arguments, as_json)),
        Command::Capacity(arguments) => block_on(capacity::run(arguments, as_json)),
        Command::Halt(arguments) => block_on(halt::halt(arguments, as_json)),
        Command::Resume(arguments) => block_on(halt::resume(arguments, as_json)),
        Command::Buy(arguments) => block_on(order::send(arguments, types::Side::Buy, as_json)),
        Command::Sell(arguments) => block_on(order::send(arguments, types::Side::Sell, as_json)),
        Command::Cancel(arguments) => block_on(cancel::run(arguments, as_json)),
        Command::Replace(arguments) => block_on(order::replace(arguments, as_json)),
        Command::Orders(arguments) => block_on(orders::run(arguments, as_json)),
        Command::Fills(arguments) => block_on(orders::fills(arguments, as_json)),
        Command::Quote(arguments) => block_on(quote::run(arguments, as_json)),
        Command::Book(arguments) => block_on(book::run(arguments, as_json)),
        Command::Load(arguments) => block_on(load::run(arguments, as_json)),
        Command::Replay(arguments) => replay::run(&arguments, as_json),
        Command::Journal(command) => journal::run(command, as_json),
        Command::Audit(arguments) => audit::run(&arguments, as_json),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Arguments::command(), "cuex", &mut std::io::stdout());
            Ok(())
        }
    }
}

/// One network thread: all of a client's sessions, or what of the exchange has no threads of its own, share it.
fn block_on(work: impl Future<Output = Done>) -> Done {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::refused("no-runtime", format!("cannot start: {error}")))?.block_on(work)
}

/// Logs go to standard error, warnings and worse unless `RUST_LOG` says otherwise.
fn start_logging() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into());
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(is_terminal)
        .with_writer(std::io::stderr)
        .init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_in_order() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        fn check(command: &clap::Command) {
            for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
                let help = sub.get_after_help().map(ToString::to_string).unwrap_or_default();
                let has_subcommands = sub.get_subcommands().next().is_some();
                assert!(has_subcommands || help.contains("cuex "), "{} has no example", sub.get_name());
                check(sub);
            }
        }
        check(&Arguments::command());
    }
}
