//! The configuration of `cuex serve`: a TOML file, environment variables `CUEX_SERVE_…`, and the defaults.

mod gateway;

use self::gateway::GatewayConfig;
use crate::fail::Failure;
use figment::Figment;
use figment::error::Kind;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Where an exchange keeps its data and listens. Everything is on loopback unless told otherwise.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The data directory.
    pub(crate) data: PathBuf,
    /// Order entry (QUIC).
    pub(crate) gateway: GatewayConfig,
    /// Market data (QUIC).
    pub(crate) feed: FeedConfig,
    /// The market page (HTTP and WebSocket).
    pub(crate) web: Listen,
    /// Prometheus metrics (HTTP).
    pub(crate) metrics: Listen,
    /// The network threads.
    pub(crate) threads: ThreadsConfig,
    /// The journal.
    pub(crate) journal: JournalConfig,
    /// Snapshots of the state.
    pub(crate) snapshots: SnapshotsConfig,
}

/// An address to listen on; port 0 takes any free one.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listen {
    pub(crate) listen: SocketAddr,
}

#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct FeedConfig {
    pub(crate) listen: SocketAddr,
    /// How long market data may be gathered in a busy moment before it is told, in milliseconds; 0 to tell each
    /// batch by itself.
    pub(crate) flush_ms: u64,
    /// How many subscribers there may be.
    pub(crate) sessions: usize,
    /// How many of them may use one key.
    pub(crate) sessions_per_key: usize,
}

/// How many threads of their own gateway and feed have; those with 0 share the program's first thread.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct ThreadsConfig {
    /// Order entry.
    pub(crate) gateway: usize,
    /// Market data and the page.
    pub(crate) feed: usize,
}

#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct JournalConfig {
    /// The length of a segment in MiB, 2 to 1,024: what is in flight must fit in one. Two are taken on the disk at once.
    pub(crate) segment_mib: u64,
    /// Segments that no kept snapshot needs are deleted, the oldest first, while all of them together take more than
    /// this, in GiB; 0: never for their size.
    pub(crate) keep_gib: u64,
    /// And those whose last command is more days ago than this; 0: never for their age.
    pub(crate) keep_days: u64,
}

#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct SnapshotsConfig {
    /// Whether snapshots are made while the exchange runs. They take the memory of its state once more.
    pub(crate) enabled: bool,
    /// After so much of the journal, in MiB, the next one is made, at least 1.
    pub(crate) every_mib: u64,
    /// How many are kept, at least 2.
    pub(crate) keep: usize,
}

impl Default for Config {
    fn default() -> Config {
        let on = |port| Listen { listen: SocketAddr::from(([127, 0, 0, 1], port)) };
        Config {
            data: PathBuf::from("cuex-data"),
            gateway: GatewayConfig::default(),
            feed: FeedConfig {
                listen: SocketAddr::from(([127, 0, 0, 1], 7412)),
                flush_ms: 10,
                sessions: 2_048,
                sessions_per_key: 64,
            },
            web: on(8080),
            metrics: on(9464),
            threads: ThreadsConfig { gateway: 0, feed: 1 },
            journal: JournalConfig { segment_mib: 64, keep_gib: 0, keep_days: 0 },
            snapshots: SnapshotsConfig { enabled: true, every_mib: 128, keep: 2 },
        }
    }
}

impl Config {
    /// Reads the file if one is named, then the environment (`CUEX_SERVE_GATEWAY__LISTEN=…`), over the defaults.
    pub(crate) fn load(file: Option<&Path>) -> Result<Config, Failure> {
        let mut figment = Figment::from(Serialized::defaults(Config::default()));
        if let Some(file) = file {
            if !file.is_file() {
                let message = format!("there is no configuration file {}", file.display());
                return Err(Failure::usage("no-config", message));
            }
            figment = figment.merge(Toml::file_exact(file));
        }
        let environment = Env::prefixed("CUEX_SERVE_").split("__");
        let figment = figment.merge(environment);
        let config: Config = figment.extract().map_err(|error| wrong(&figment, &error))?;
        config.check_ranges()?;
        Ok(config)
    }

    fn check_ranges(&self) -> Result<(), Failure> {
        let Config { feed, threads, journal, snapshots, .. } = self;
        for (key, found, least, most) in [
            ("journal.segment_mib", journal.segment_mib, 2, 1_024),
            ("journal.keep_gib", journal.keep_gib, 0, 1 << 30),
            ("journal.keep_days", journal.keep_days, 0, 36_500),
            ("snapshots.every_mib", snapshots.every_mib, 1, 1 << 20),
            ("snapshots.keep", number(snapshots.keep), 2, 1_000),
            ("threads.gateway", number(threads.gateway), 0, 256),
            ("threads.feed", number(threads.feed), 0, 256),
            ("feed.flush_ms", feed.flush_ms, 0, 1_000),
            ("feed.sessions", number(feed.sessions), 1, 1 << 20),
            ("feed.sessions_per_key", number(feed.sessions_per_key), 1, 1 << 20),
        ] {
            within(key, found, least, most)?;
        }
        self.gateway.limits().map(|_| ())
    }
}

/// Refuses a value that is not from `least` to `most`.
fn within(key: &str, found: u64, least: u64, most: u64) -> Result<(), Failure> {
    if (least..=most).contains(&found) {
        return Ok(());
    }
    let message = format!("{key} is {found}, expected {least} to {most}");
    Err(Failure::usage("bad-config-value", message))
}

fn number(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

/// What is wrong with a configuration: which key, where it stands, and why.
fn wrong(figment: &Figment, error: &figment::Error) -> Failure {
    let place = error.metadata.as_ref().map_or_else(String::new, |metadata| match &metadata.source {
        Some(source) => format!(" in {source}"),
        None => format!(" in {}", metadata.name),
    });
    let key = error.path.join(".");
    match &error.kind {
        Kind::UnknownField(_, expected) => {
            let message = format!("there is no key {key}{place}: expected {}", expected.join(", "));
            Failure::usage("unknown-config-key", message)
        }
        // The file as a whole: what the parser says, without its drawing of the line.
        kind if key.is_empty() => {
            let said = kind.to_string();
            let said = said.lines().map(str::trim).filter(|line| !line.is_empty() && !line.contains('|'));
            Failure::usage("bad-config", format!("{}{place}", said.collect::<Vec<_>>().join(": ")))
        }
        kind => {
            let value = figment.find_value(&key).ok();
            let value = value.and_then(|value| value.into_string()).map(|value| format!(" '{value}'"));
            let message = format!("{key}{}{place}: {kind}", value.unwrap_or_default());
            Failure::usage("bad-config-value", message)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn load(text: &str) -> Result<Config, Failure> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("cuex.toml");
        std::fs::write(&file, text).unwrap();
        Config::load(Some(&file))
    }

    #[test]
    fn a_file_changes_what_it_names() {
        let config = load("data = \"elsewhere\"\n[gateway]\nlisten = \"127.0.0.1:0\"\n").unwrap();
        assert_eq!(config.data, PathBuf::from("elsewhere"));
        assert_eq!(config.gateway.listen.port(), 0);
        assert_eq!(config.feed, Config::default().feed);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let named = |text: &str, code: &str, word: &str| {
            let failure = load(text).unwrap_err();
            assert_eq!(failure.code, code);
            assert!(failure.message.contains(word), "{}", failure.message);
            assert_eq!(failure.message.lines().count(), 1, "{}", failure.message);
        };
        named("dta = \"x\"\n", "unknown-config-key", "dta");
        named("[gateway]\nlisten = \"nowhere\"\n", "bad-config-value", "nowhere");
        named("[journal]\nsegment_mib = 0\n", "bad-config-value", "segment_mib is 0");
        named("[feed]\nflush_ms = 1001\n", "bad-config-value", "feed.flush_ms is 1001, expected 0 to 1000");
        named("[feed]\nsessions = 0\n", "bad-config-value", "feed.sessions is 0");
        named("[feed]\nsessions_per_key = 9999999\n", "bad-config-value", "feed.sessions_per_key is 9999999");
        named("[threads]\nfeed = 257\n", "bad-config-value", "threads.feed is 257, expected 0 to 256");
        named("[snapshots]\nkeep = 1\n", "bad-config-value", "snapshots.keep is 1, expected 2 to 1000");
        named("[snapshots]\nevery = 1\n", "unknown-config-key", "every");
        named("data = \n", "bad-config", "line 1");
    }

    #[test]
    fn a_missing_file_is_named() {
        let failure = Config::load(Some(Path::new("no-such.toml"))).unwrap_err();
        assert!(failure.message.contains("no-such.toml"));
    }

    #[test]
    fn the_example_is_the_default() {
        let example = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/cuex.toml"));
        assert_eq!(Config::load(Some(example)).unwrap(), Config::default());
    }
}
