//! A thread of the load, with a runtime of its own: takes the seats of its sessions, runs them, and hands in what they
//! measured.

use client::{ExchangeInfo, PrivateKey};
use parking_lot::Mutex;
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use types::ContractId;

use super::ground::take_seats;
use super::ledger::Tally;
use super::pacer::Pacer;
use super::plan::{LoadPlan, Pace};
use super::recorder::Recorder;
use super::session::{Counters, Session, Shared};
use super::{LoadError, SessionPlace};

/// What a thread needs for its part of a run.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) info: ExchangeInfo,
    pub(super) plan: Arc<LoadPlan>,
    /// Its sessions: their index among all, their keys, and what they trade in.
    pub(super) traders: Vec<(u32, PrivateKey, Vec<ContractId>)>,
    pub(super) tag: u64,
    pub(super) counters: Arc<Counters>,
    /// Told once all its seats are taken.
    pub(super) ready: mpsc::Sender<()>,
    /// When to begin.
    pub(super) start: watch::Receiver<Option<Instant>>,
}

/// What a thread hands in.
#[derive(Debug)]
pub(super) struct Harvest {
    pub(super) tally: Tally,
    pub(super) recorder: Recorder,
}

/// Runs `work` on a thread and a runtime of its own. What it comes to is received; nothing, if it panicked.
pub(super) fn on_thread<T, Work>(
    name: &str,
    work: impl FnOnce() -> Work + Send + 'static,
) -> Result<oneshot::Receiver<T>, LoadError>
where
    T: Send + 'static,
    Work: Future<Output = T>,
{
    let (hand_in, handed_in) = oneshot::channel();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(LoadError::Thread)?;
    let body = move || {
        // Whoever asked may be gone.
        let _ = hand_in.send(runtime.block_on(work()));
    };
    std::thread::Builder::new().name(name.to_owned()).spawn(body).map_err(LoadError::Thread)?;
    Ok(handed_in)
}

impl Worker {
    /// From the first seat to the last outcome.
    pub(super) async fn run(self) -> Result<Harvest, LoadError> {
        let Worker { info, plan, traders, tag, counters, ready, mut start } = self;
        let indices: Vec<u32> = traders.iter().map(|(index, ..)| *index).collect();
        let seats = traders.into_iter().map(|(_, key, contracts)| (key, contracts)).collect();
        let seats = take_seats(&info, seats, tag).await?;
        // Nobody to tell means that another thread has failed; then there is no start either.
        let _ = ready.send(()).await;
        let Ok(Some(start)) = start.wait_for(Option::is_some).await.map(|start| *start) else {
            return Err(LoadError::Broken);
        };

        let recorder = Arc::new(Mutex::new(Recorder::new(start + plan.warm_up, &steps(&plan))));
        let pacer = Pacer::new(seats.len());
        let shared = Shared { pacer: pacer.clone(), recorder: Arc::clone(&recorder), counters };
        let mut sessions = JoinSet::new();
        for ((own, index), (seat, contracts)) in indices.into_iter().enumerate().zip(seats) {
            let place = SessionPlace { index, own };
            let session = Session::new(seat, &plan, place, &contracts, shared.clone());
            sessions.spawn(session.run(start));
        }
        drop(shared);
        let mut tally = Tally::default();
        let all = async {
            while let Some(session) = sessions.join_next().await {
                tally.add(&session??);
            }
            Ok::<(), LoadError>(())
        };
        tokio::select! {
            done = all => done?,
            error = pacer.drive() => return Err(LoadError::Timer(error)),
        }
        let recorder = recorder.lock().clone();
        Ok(Harvest { tally, recorder })
    }
}

/// How long each measured step lasts.
fn steps(plan: &LoadPlan) -> Vec<std::time::Duration> {
    match &plan.pace {
        Pace::Open { steps, .. } => steps.iter().map(|step| step.lasts).collect(),
        Pace::Closed { run_for, .. } => vec![*run_for],
    }
}
