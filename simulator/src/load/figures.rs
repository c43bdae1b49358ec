//! What both ends of a run cost: this process by the system, the exchange by what its metrics page says.

use serde::Serialize;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long the exchange may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// More than any metrics page of ours.
const PAGE_MAX: u64 = 4 << 20;

/// What a process has used since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Usage {
    /// Seconds of CPU, of all its threads.
    pub cpu_s: f64,
    /// Bytes of memory now.
    pub memory: u64,
}

/// What an exchange says of itself, counted since it was started.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Figures {
    pub(super) commands: f64,
    /// Each was one sync.
    pub(super) batches: f64,
    /// Of the commands' records.
    pub(super) bytes: f64,
    /// Time spent writing and syncing them.
    pub(super) append_s: f64,
    /// `None` if it does not say.
    pub(super) usage: Option<Usage>,
}

/// What this process has used; the memory is 0 where the system does not say.
#[must_use]
pub fn own_usage() -> Usage {
    let clock = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let cpu = Duration::try_from(clock).unwrap_or_default();
    Usage { cpu_s: cpu.as_secs_f64(), memory: own_memory().unwrap_or(0) }
}

/// Asks the exchange at its metrics page, such as `http://127.0.0.1:9464/metrics`. `None` if it does not answer, or
/// not with what is asked for.
pub(super) async fn ask(page: &str) -> Option<Figures> {
    let text = tokio::time::timeout(PATIENCE, get(page)).await.ok()??;
    let usage = || {
        let cpu_s = value(&text, "process_cpu_seconds_total")?;
        let memory = value(&text, "process_resident_memory_bytes")?;
        // Bytes of memory are whole and far below 2^53.
        Some(Usage { cpu_s, memory: format!("{memory:.0}").parse().ok()? })
    };
    Some(Figures {
        commands: value(&text, "cuex_commands_total")?,
        batches: value(&text, "cuex_batches_total")?,
        bytes: value(&text, "cuex_journal_bytes_total")?,
        append_s: value(&text, "cuex_journal_append_seconds_sum")?,
        usage: usage(),
    })
}

async fn get(page: &str) -> Option<String> {
    let (host, path) = page.strip_prefix("http://")?.split_once('/')?;
    let mut stream = TcpStream::connect(host).await.ok()?;
    let request = format!("GET /{path} HTTP/1.0\r\nHost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.take(PAGE_MAX).read_to_string(&mut answer).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split_whitespace().nth(1)?;
    (status == "200").then(|| body.to_owned())
}

/// The value of a metric without labels.
fn value(page: &str, name: &str) -> Option<f64> {
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    line.trim().parse().ok()
}

fn own_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    const PAGE: &str = "# TYPE cuex_commands_total counter\ncuex_commands_total 1200\n\n\
        cuex_batches_total 40\ncuex_journal_bytes_total 76800\n\
        cuex_journal_append_seconds{quantile=\"0.5\"} 0.0001\ncuex_journal_append_seconds_sum 0.5\n";

    /// The page of an exchange that answers once, with this.
    async fn page_that_says(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 256];
            let length = stream.read(&mut request).await.unwrap();
            assert!(request[..length].starts_with(b"GET /metrics HTTP/1.0\r\n"));
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        format!("http://{address}/metrics")
    }

    #[tokio::test]
    async fn what_an_exchange_says_is_understood_and_what_it_does_not_say_is_unknown() {
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n{PAGE}").leak();
        let figures = ask(&page_that_says(answer).await).await.unwrap();
        assert_eq!((figures.commands, figures.batches, figures.append_s), (1_200.0, 40.0, 0.5));
        assert_eq!(figures.usage, None);

        let usage = "process_cpu_seconds_total 1.25\nprocess_resident_memory_bytes 1048576\n";
        let answer = format!("HTTP/1.1 200 OK\r\n\r\n{PAGE}{usage}").leak();
        let figures = ask(&page_that_says(answer).await).await.unwrap();
        assert_eq!(figures.usage, Some(Usage { cpu_s: 1.25, memory: 1 << 20 }));

        for bad in ["HTTP/1.1 404 Not Found\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\ncuex_commands_total 1\n", ""] {
            assert_eq!(ask(&page_that_says(bad).await).await, None, "{bad}");
        }
        assert_eq!(ask("").await, None);
    }

    #[test]
    fn this_process_uses_time_and_memory() {
        let before = own_usage();
        let mut sum = 0_u64;
        while own_usage().cpu_s == before.cpu_s {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(before.memory > 0 || cfg!(not(target_os = "linux")));
    }
}
