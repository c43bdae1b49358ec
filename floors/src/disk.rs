//! Appending alone: batches of records, each written and synced before the next, by the journal itself.

use crate::{FloorError, Measured, Times};
use journal::{Batch, Journal, Options};
use std::convert::Infallible;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The version of rules of a journal that nobody will replay.
const NO_RULES: u32 = u32::MAX;

/// What is appended.
#[derive(Clone, Debug)]
pub struct AppendPlan {
    /// An empty directory, on the disk that is meant.
    pub directory: PathBuf,
    /// How many records a batch holds, at least 1.
    pub records: u32,
    /// How many bytes a record takes.
    pub record_bytes: usize,
    /// For how long.
    pub lasts: Duration,
}

/// How fast that is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AppendFloor {
    /// Records made durable in a second.
    pub records_per_s: f64,
    /// From the call of an append to its return.
    pub times: Times,
}

/// Appends, on a thread of its own. The journal is as the exchange's: prepared ahead, and of its usual size.
///
/// # Errors
/// [`FloorError::Open`] and [`FloorError::Append`] for a disk that does not do it.
pub async fn append(plan: AppendPlan) -> Result<AppendFloor, FloorError> {
    let appended = crate::on_thread("floor-append", move || async move { append_here(&plan) })?;
    appended.await.map_err(|_| std::io::Error::other("the appending thread ended without a word"))?
}

fn append_here(plan: &AppendPlan) -> Result<AppendFloor, FloorError> {
    let nothing = |_: Batch<'_>| Ok::<(), Infallible>(());
    let (mut journal, _) = Journal::open(&plan.directory, &Options::new(NO_RULES), nothing)?;
    let records = plan.records.max(1);
    let bytes = usize::try_from(records).unwrap_or(usize::MAX).saturating_mul(plan.record_bytes);
    // Not zeros, which some disks pass over.
    let payload: Vec<u8> = (0..=u8::MAX).cycle().take(bytes.min(journal.max_batch())).collect();
    let mut measured = Measured::new();
    let (start, mut next) = (Instant::now(), 1);
    while start.elapsed() < plan.lasts {
        let began = Instant::now();
        journal.append(next, records, &payload)?;
        measured.record(began.elapsed(), 1);
        next += u64::from(records);
    }
    let records_per_s = (next - 1) as f64 / start.elapsed().as_secs_f64();
    Ok(AppendFloor { records_per_s, times: measured.times() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIES: usize = 50;

    #[tokio::test]
    async fn larger_batches_make_more_records_durable() {
        let rate = async |records| {
            let directory = tempfile::tempdir().unwrap();
            let plan = AppendPlan {
                directory: directory.path().to_owned(),
                records,
                record_bytes: 64,
                lasts: Duration::from_millis(100),
            };
            let floor = append(plan).await.unwrap();
            assert!(floor.times.p50_us > 0.0 && floor.times.p50_us <= floor.times.p99_us, "{floor:?}");
            floor.records_per_s
        };
        // 512 records cost nowhere near 512 syncs, on any disk. One that is busy elsewhere is asked again.
        let mut rates: Vec<[f64; 2]> = Vec::new();
        while rates.last().is_none_or(|[one, many]| *many <= 2.0 * one) {
            assert!(rates.len() < TRIES, "{rates:?}");
            rates.push([rate(1).await, rate(512).await]);
        }
    }
}
