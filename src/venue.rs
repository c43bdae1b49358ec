//! A whole exchange in this process: journal, sequencer, gateway, feed, page and metrics, started and stopped.

use crate::config::Config;
use crate::connect::AddressFile;
use crate::fail::{Done, Failure};
use crate::journal::read_failure;
use crate::key::{key_failure, load_or_make};
use crate::threads::Threads;
use axum::Router;
use axum::routing::get;
use client::ExchangeInfo;
use feed::Feed;
use gateway::Gateway;
use journal::OpenError;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use protocol::CloseCode;
use sequencer::{Exchange, Handle, Options, SnapshotOptions, StartError, Summary, Took};
use simulator::load::{Usage, own_usage};
use std::error::Error;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use transport::PrivateKey;
use types::PublicKey;

/// What was recovered when an exchange started.
pub(crate) struct Recovered {
    pub(crate) sequence: u64,
    /// The snapshot it started from, and the newer ones that are no good.
    pub(crate) snapshot: Option<u64>,
    pub(crate) skipped: Vec<String>,
    /// How many commands were replayed after it.
    pub(crate) commands: u64,
    pub(crate) torn_tail_bytes: u64,
    pub(crate) took: Took,
    /// How long it took to fill the mirrors of gateway and feed, and to open their doors.
    pub(crate) mirrors: Duration,
}

/// A running exchange.
pub(crate) struct Venue {
    handle: Handle,
    gateway: Gateway,
    feed: Feed,
    /// Held as long as gateway and feed.
    threads: Rooms,
    metrics: JoinHandle<()>,
    metrics_address: SocketAddr,
    key: PublicKey,
    pub(crate) recovered: Recovered,
}

/// The threads of the rooms that speak to the network.
struct Rooms {
    gateway: Threads,
    feed: Threads,
}

/// Makes the directory of a new exchange, with its own key and the first operator's.
pub(crate) fn init(config: &Config, operator: PublicKey) -> Done {
    sequencer::init(&config.data, &options(config), operator).map_err(start_failure)?;
    load_or_make(&server_key_file(&config.data)).map(|_| ())
}

/// Starts everything, on this tokio runtime but for what is configured to have threads of its own; the address file is
/// written last.
pub(crate) async fn start(config: &Config) -> Result<Venue, Failure> {
    // First of all: what is counted before there is a recorder is counted nowhere.
    let prometheus = install_metrics();
    let exchange = sequencer::start(&config.data, &options(config)).map_err(start_failure)?;
    let key = PrivateKey::load(&server_key_file(&config.data)).map_err(key_failure)?;
    let Exchange { recovery, entry, outlets, handle } = exchange;
    let filling = Instant::now();
    let gateway_config = gateway::Config {
        address: config.gateway.listen,
        key: key.clone(),
        clock: options(config).clock,
        limits: config.gateway.limits()?,
    };
    let threads = Rooms::new(config)?;
    let gateway = gateway::serve(gateway_config, &recovery, entry, outlets.gateway);
    let gateway = threads.gateway.start(gateway).await;
    let gateway = gateway.map_err(|error| listen_failure("gateway", &error))?;
    let feed_config = feed::Config {
        listen: config.feed.listen,
        web_listen: Some(config.web.listen),
        web_origins: Vec::new(),
        key: key.clone(),
        flush: Duration::from_millis(config.feed.flush_ms),
        sessions: config.feed.sessions,
        sessions_per_key: config.feed.sessions_per_key,
    };
    let feed = threads.feed.start(feed::serve(feed_config, &recovery, outlets.feed)).await;
    let feed = feed.map_err(|error| match error {
        feed::ServeError::Web { .. } => listen_failure("web", &error),
        feed::ServeError::Endpoint(_) => listen_failure("feed", &error),
        feed::ServeError::Market(_) => Failure::refused("feed-failed", error),
    })?;
    let mirrors = filling.elapsed();
    let (metrics_address, metrics) = serve_metrics(config.metrics.listen, prometheus).await?;
    let recovered = Recovered {
        sequence: recovery.sequence,
        snapshot: recovery.snapshot,
        skipped: recovery.skipped,
        commands: recovery.commands,
        torn_tail_bytes: recovery.torn_tail.map_or(0, |tail| tail.length),
        took: recovery.took,
        mirrors,
    };
    let venue =
        Venue { handle, gateway, feed, threads, metrics, metrics_address, key: key.public(), recovered };
    venue.write_address_file(&config.data)?;
    Ok(venue)
}

impl Rooms {
    fn new(config: &Config) -> Result<Rooms, Failure> {
        let gateway = Threads::new("gateway", config.threads.gateway, false)?;
        Ok(Rooms { gateway, feed: Threads::new("feed", config.threads.feed, true)? })
    }
}

impl Venue {
    /// What a client must know.
    pub(crate) fn info(&self) -> ExchangeInfo {
        ExchangeInfo { gateway: self.gateway.address(), feed: self.feed.address(), key: self.key }
    }

    /// Where the market page is.
    pub(crate) fn page(&self) -> String {
        self.feed.web_address().map_or_else(String::new, |address| format!("http://{address}"))
    }

    /// Where Prometheus finds the metrics.
    pub(crate) fn metrics(&self) -> String {
        format!("http://{}/metrics", self.metrics_address)
    }

    /// Waits until the exchange stops by itself, and says why; never ends while all is well.
    pub(crate) async fn failed(&self) -> Failure {
        tokio::select! {
            failure = self.handle.failed() => Failure::refused("exchange-failed", failure),
            failure = self.feed.failed() => Failure::refused("feed-failed", failure),
        }
    }

    /// Stops in good order: what is in flight is carried out and told, then every session is closed.
    pub(crate) async fn stop(self) -> Result<Summary, Failure> {
        let stopped = self.handle.stop().await;
        let code = if stopped.is_ok() { CloseCode::Stopping } else { CloseCode::Failed };
        tokio::join!(self.gateway.shutdown(code), self.feed.stop(code));
        drop(self.threads);
        self.metrics.abort();
        stopped.map_err(|failure| Failure::refused("exchange-failed", failure))
    }

    /// Writes the address file whole or not at all, so that no client reads half of it.
    fn write_address_file(&self, data: &Path) -> Done {
        let info = self.info();
        let file = AddressFile {
            gateway: info.gateway,
            feed: info.feed,
            page: self.page(),
            metrics: self.metrics(),
            public_key: self.key.to_string(),
        };
        let text = toml::to_string(&file).expect("addresses and texts are TOML");
        let path = data.join("exchange.toml");
        let temporary = data.join("exchange.toml.new");
        let written = fs::File::create(&temporary)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .and_then(|()| fs::rename(&temporary, &path));
        written.map_err(|error| {
            let message = format!("the address file {} cannot be written: {error}", path.display());
            Failure::usage("data-directory", message)
        })
    }
}

fn options(config: &Config) -> Options {
    let (journal, snapshots) = (&config.journal, &config.snapshots);
    let given = |value: u64| (value > 0).then_some(value);
    let how = SnapshotOptions {
        every_bytes: snapshots.every_mib << 20,
        keep: snapshots.keep,
        journal_bytes: given(journal.keep_gib).map(|gib| gib << 30),
        journal_age: given(journal.keep_days).map(|days| Duration::from_secs(days * 86_400)),
    };
    let snapshots = snapshots.enabled.then_some(how);
    Options { segment_bytes: journal.segment_mib << 20, snapshots, ..Options::default() }
}

fn server_key_file(data: &Path) -> PathBuf {
    data.join("server.key")
}

/// The recorder is the process's: a second exchange in one process shares it.
fn install_metrics() -> PrometheusHandle {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    // Whoever was first keeps counting; that is so in no run of the program.
    let _ = metrics::set_global_recorder(recorder);
    handle
}

async fn serve_metrics(
    listen: SocketAddr,
    prometheus: PrometheusHandle,
) -> Result<(SocketAddr, JoinHandle<()>), Failure> {
    let wrong = |source: io::Error| {
        let what = format!("TCP address {listen} for metrics cannot be used: {source}");
        listen_failure("metrics", &io::Error::new(source.kind(), what))
    };
    let listener = TcpListener::bind(listen).await.map_err(wrong)?;
    let address = listener.local_addr().map_err(wrong)?;
    let page = Router::new()
        .route("/metrics", get(move || std::future::ready(prometheus.render() + &own_metrics())));
    let serving = async move {
        if let Err(error) = axum::serve(listener, page).await {
            tracing::error!(%error, "metrics are no longer served");
        }
    };
    Ok((address, tokio::spawn(serving)))
}

/// What the process itself uses, under the names every Prometheus dashboard knows.
fn own_metrics() -> String {
    let Usage { cpu_s, memory } = own_usage();
    format!(
        "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total {cpu_s}\n\
        # TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes {memory}\n"
    )
}

/// An address that cannot be listened on: taken, or not one of this machine.
fn listen_failure(room: &str, error: &(dyn Error + 'static)) -> Failure {
    let mut cause = Some(error);
    let mut code = "bad-address";
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::AddrInUse) {
            code = "port-in-use";
        }
        cause = error.source();
    }
    Failure::usage(code, format!("{error}: set {room}.listen in the configuration to a free address"))
}

/// Why an exchange cannot be set up or started, with a code of its own.
fn start_failure(error: StartError) -> Failure {
    match &error {
        StartError::NoExchange { .. } => {
            Failure::usage("no-exchange", format!("{error}: `cuex serve --init` sets one up"))
        }
        StartError::Exists { .. } => {
            Failure::usage("exchange-exists", format!("{error}: start it without --init"))
        }
        StartError::Open(OpenError::Read(read)) => read_failure(read),
        StartError::Open(OpenError::NoSpace { .. }) => Failure::usage("disk-full", &error),
        StartError::Open(OpenError::Write { source, .. }) if source.kind() == ErrorKind::PermissionDenied => {
            Failure::usage("data-directory", &error)
        }
        StartError::Open(OpenError::Replay { .. }) => Failure::refused("journal-damaged", &error),
        StartError::Option { .. } => Failure::usage("bad-config-value", &error),
        StartError::Open(_) | StartError::Genesis(_) | StartError::Seed(_) | StartError::Thread(_) => {
            Failure::refused("cannot-start", &error)
        }
    }
}
