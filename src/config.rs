//! The configuration of `cuex serve`: a TOML file, environment variables `CUEX_SERVE_…`, and the defaults.

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
    pub(crate) gateway: Listen,
    /// Market data (QUIC).
    pub(crate) feed: Listen,
    /// The market page (HTTP and WebSocket).
    pub(crate) web: Listen,
    /// Prometheus metrics (HTTP).
    pub(crate) metrics: Listen,
    /// The journal.
    pub(crate) journal: JournalConfig,
}

/// An address to listen on; port 0 takes any free one.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listen {
    pub(crate) listen: SocketAddr,
}

#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct JournalConfig {
    /// The length of a segment in MiB, 1 to 1,024. Two are taken on the disk at once.
    pub(crate) segment_mib: u64,
}

impl Default for Config {
    fn default() -> Config {
        let on = |port| Listen { listen: SocketAddr::from(([127, 0, 0, 1], port)) };
        Config {
            data: PathBuf::from("cuex-data"),
            gateway: on(7411),
            feed: on(7412),
            web: on(8080),
            metrics: on(9464),
            journal: JournalConfig { segment_mib: 64 },
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
        if !(1..=1_024).contains(&config.journal.segment_mib) {
            let message =
                format!("journal.segment_mib is {}, expected 1 to 1,024", config.journal.segment_mib);
            return Err(Failure::usage("bad-config-value", message));
        }
        Ok(config)
    }
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

    fn load(text: &str) -> Result<Config, Failure> {
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
