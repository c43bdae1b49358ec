//! A real exchange for a test: the `cuex` program as its own process, on free ports and in a temporary directory,
//! driven through the real client.

use client::{ExchangeInfo, FeedEvent, FeedSession, PrivateKey, Session};
use protocol::market_data::Depth;
use protocol::symbol::Pattern;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use types::{AccountId, Class, ClassSpec, ContractId, Hour, Role, Timestamp, Why};

/// One minute is longer than anything here takes, on any machine; a test that waits so long hangs.
pub(crate) const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// A running exchange; killed when dropped.
pub(crate) struct Exchange {
    directory: Arc<tempfile::TempDir>,
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
    pub(crate) info: ExchangeInfo,
    pub(crate) page: String,
    pub(crate) metrics: String,
    /// Where it recovered to.
    pub(crate) recovered: u64,
}

/// Somebody with an account.
pub(crate) struct Participant {
    pub(crate) key: PrivateKey,
    pub(crate) account: AccountId,
    pub(crate) session: Session,
}

/// The program, as a command that inherits nothing of the machine's own configuration.
pub(crate) fn cuex() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cuex"));
    command.env_remove("CUEX_KEY").env_remove("CUEX_EXCHANGE").env_remove("RUST_LOG");
    for room in ["GATEWAY", "FEED", "WEB", "METRICS"] {
        command.env(format!("CUEX_SERVE_{room}__LISTEN"), "127.0.0.1:0");
    }
    command.env("CUEX_SERVE_JOURNAL__SEGMENT_MIB", "2").env("CUEX_SERVE_SNAPSHOTS__EVERY_MIB", "1");
    command
}

impl Exchange {
    /// A new exchange.
    pub(crate) fn start() -> Exchange {
        Exchange::start_with(&["--init"])
    }

    /// The same with arguments of the test's own.
    pub(crate) fn start_with(arguments: &[&str]) -> Exchange {
        Exchange::run(Arc::new(tempfile::tempdir().unwrap()), arguments)
    }

    /// A new exchange in a directory under this one.
    pub(crate) fn start_in(parent: &Path) -> Exchange {
        Exchange::run(Arc::new(tempfile::tempdir_in(parent).unwrap()), &["--init"])
    }

    /// An exchange on what the test has put into `data` in this directory.
    pub(crate) fn start_on(directory: tempfile::TempDir, arguments: &[&str]) -> Exchange {
        Exchange::run(Arc::new(directory), arguments)
    }

    /// The same exchange again, from what its journal holds.
    pub(crate) fn restart(self) -> Exchange {
        let directory = Arc::clone(&self.directory);
        drop(self);
        Exchange::run(directory, &[])
    }

    fn run(directory: Arc<tempfile::TempDir>, more: &[&str]) -> Exchange {
        let mut child = spawn(&directory, more);
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let started = next_event(&mut lines, "started").expect("the exchange starts");
        let address = |field: &str| started[field].as_str().unwrap().parse().unwrap();
        let key = transport::parse_public_key(started["public_key"].as_str().unwrap()).unwrap();
        Exchange {
            info: ExchangeInfo { gateway: address("gateway"), feed: address("feed"), key },
            page: started["page"].as_str().unwrap().to_owned(),
            metrics: started["metrics"].as_str().unwrap().to_owned(),
            recovered: started["sequence"].as_u64().unwrap(),
            directory,
            child,
            lines,
        }
    }

    /// Its data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// A file of the test's own beside the data.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Stops it in good order, as SIGTERM does, and gives what it said at the end.
    pub(crate) fn stop(&mut self) -> Value {
        let status = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status().unwrap();
        assert!(status.success());
        let stopped = next_event(&mut self.lines, "stopped").expect("the exchange says how it ended");
        assert!(self.wait().success());
        stopped
    }

    /// Kills it at once, as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.wait();
    }

    /// Starts it again after it was killed, and kills it so long after that, mostly before it has started.
    pub(crate) fn kill_while_starting(&mut self, after: std::time::Duration) {
        self.child = spawn(&self.directory, &[]);
        std::thread::sleep(after);
        self.kill();
    }

    /// Its process, for the system's own figures of it.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// A session of a key that may come in. A machine busy with other things may take longer than one call lasts.
    pub(crate) async fn session(&self, key: &PrivateKey) -> Session {
        let calling = async {
            loop {
                match Session::connect(&self.info, key).await {
                    Err(error) if !error.is_final() => tokio::task::yield_now().await,
                    connected => return connected.unwrap(),
                }
            }
        };
        tokio::time::timeout(PATIENCE, calling).await.expect("the exchange answers")
    }

    /// The operator.
    pub(crate) async fn operator(&self) -> Session {
        self.session(&self.operator_key()).await
    }

    pub(crate) fn operator_key(&self) -> PrivateKey {
        PrivateKey::load(&self.data().join("operator.key")).unwrap()
    }

    /// Somebody new, with a key, and cash if a broker.
    pub(crate) async fn participant(&self, operator: &Session, name: &str, role: Role) -> Participant {
        let key = PrivateKey::generate();
        let account = operator.open_account(name.parse().unwrap(), role, Why::NONE).await.unwrap();
        operator.register_key(account, key.public(), role.rights(), Timestamp::MAX, Why::NONE).await.unwrap();
        if role == Role::Broker {
            operator
                .deposit_cash(account, "USD".parse().unwrap(), 1_000_000_000, 1, Why::NONE)
                .await
                .unwrap();
        }
        let session = self.session(&key).await;
        Participant { key, account, session }
    }

    /// `H100SXM-USE`, and its contract some hours ahead.
    pub(crate) async fn contract(&self, operator: &Session) -> (Class, ContractId) {
        let spec = ClassSpec::example();
        let no = operator.define_class(spec, Why::NONE).await.unwrap();
        let class = Class { no, spec };
        (class, class.contract(hours_ahead(6)).unwrap())
    }

    /// A feed session that has everything there is now.
    pub(crate) async fn subscriber(&self, key: &PrivateKey) -> FeedSession {
        let mut feed = FeedSession::connect(&self.info, key).await.unwrap();
        feed.subscribe(Pattern::default(), Depth::Book);
        feed_until(&mut feed, |_, event| matches!(event, FeedEvent::Subscribed(_))).await;
        feed
    }

    /// Runs the program against this exchange as whoever has this key file.
    pub(crate) fn cuex_as(&self, key: &Path, arguments: &[&str]) -> Output {
        let mut command = cuex();
        command.args(arguments).env("CUEX_EXCHANGE", self.data().join("exchange.toml")).env("CUEX_KEY", key);
        command.current_dir(self.directory.path()).output().unwrap()
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(directory: &tempfile::TempDir, more: &[&str]) -> Child {
    let mut command = cuex();
    command.args(["--json", "serve", "--data"]).arg(directory.path().join("data")).args(more);
    command.stdout(Stdio::piped()).spawn().unwrap()
}

/// Reads the feed until `done` says so of an event.
pub(crate) async fn feed_until(
    feed: &mut FeedSession,
    mut done: impl FnMut(&FeedSession, &FeedEvent) -> bool,
) {
    let reading = async {
        loop {
            let event = feed.next().await.unwrap();
            if done(feed, &event) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("the feed says it in time");
}

/// The whole hour so far ahead of now.
pub(crate) fn hours_ahead(hours: u32) -> Hour {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Hour(u32::try_from(since.as_secs() / 3_600).unwrap() + hours)
}

fn next_event(lines: &mut impl BufRead, name: &str) -> Option<Value> {
    let mut line = String::new();
    while lines.read_line(&mut line).unwrap() > 0 {
        let value: Value = serde_json::from_str(&line).unwrap();
        if value["event"] == name {
            return Some(value);
        }
        line.clear();
    }
    None
}
