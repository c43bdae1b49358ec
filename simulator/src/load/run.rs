//! One run from the first seat to the last outcome: starts the threads, and watches both ends meanwhile.

use client::{FeedCounters, SessionError};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};
use types::Sequence;

use super::audience::{Attended, Audience, Heard};
use super::figures::{self, Figures, Usage, own_usage};
use super::ground::Ground;
use super::ledger::Tally;
use super::plan::LoadPlan;
use super::recorder::Recorder;
use super::session::Counters;
use super::watcher;
use super::worker::{Harvest, Worker, on_thread};
use super::{LoadError, LoadProgress, LoadTarget};

/// The time between the last seat taken and the first command.
const LEAD: Duration = Duration::from_millis(50);
/// What both ends use is looked at about so often in a run, and not more often than this.
const SAMPLES: u32 = 120;
const SAMPLE_MIN: Duration = Duration::from_millis(250);
/// How often the progress is told.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// Everything a report is made of.
#[derive(Debug)]
pub(super) struct Findings {
    pub(super) tally: Tally,
    pub(super) recorder: Recorder,
    /// `None` if the feed was not followed.
    pub(super) feed: Option<FeedCounters>,
    /// `None` if there were no subscribers.
    pub(super) attended: Option<Attended>,
    /// From the beginning of measuring to its end.
    pub(super) samples: Vec<Sample>,
}

/// What both ends had used at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// From the beginning of measuring.
    pub(super) at: Duration,
    pub(super) client: Usage,
    /// `None` if the exchange did not say.
    pub(super) exchange: Option<Figures>,
    /// Messages and bytes that the subscribers had been sent.
    pub(super) heard: (u64, u64),
}

type Handed<T> = oneshot::Receiver<Result<T, LoadError>>;

/// Makes the load on this ground.
pub(super) async fn make(
    target: &LoadTarget,
    plan: &LoadPlan,
    ground: &Ground,
    tell: &mut dyn FnMut(LoadProgress),
) -> Result<Findings, LoadError> {
    let counters = Arc::new(Counters::default());
    let (end, ended) = watch::channel(None);
    let feed = start_watcher(target, plan, ground, ended.clone())?;
    let heard = Arc::new(Heard::default());
    let audience = start_audience(target, plan, ground, &heard, ended).await?;
    let (start, starting) = watch::channel(None);
    let (mut workers, mut ready) = start_workers(target, plan, ground, &counters, &starting)?;
    for _ in 0..workers.len() {
        if ready.recv().await.is_none() {
            // A thread has failed before it was ready, and says why.
            return Err(collect(&mut workers).await.err().unwrap_or(LoadError::Broken));
        }
    }
    let begins = Instant::now() + LEAD;
    start.send_replace(Some(begins));
    let watched = Watched { page: target.metrics.as_deref(), heard: &heard };
    let watching = async { Ok(watch_both_ends(plan, begins, &counters, &watched, tell).await) };
    let (samples, Harvest { tally, recorder }) = tokio::try_join!(watching, collect(&mut workers))?;
    end.send_replace(Some(tally.last_sequence));
    let feed = match feed {
        Some(feed) => Some(feed.await.map_err(|_| LoadError::Broken)??),
        None => None,
    };
    let attended = match audience {
        Some(audience) => Some(audience.await.map_err(|_| LoadError::Broken)??),
        None => None,
    };
    Ok(Findings { tally, recorder, feed, attended, samples })
}

/// Follows the feed, if the plan says so.
fn start_watcher(
    target: &LoadTarget,
    plan: &LoadPlan,
    ground: &Ground,
    ended: watch::Receiver<Option<Sequence>>,
) -> Result<Option<oneshot::Receiver<Result<FeedCounters, SessionError>>>, LoadError> {
    let Some(pattern) = ground.watched(plan.watch) else { return Ok(None) };
    let (info, key) = (target.info, ground.watcher.clone());
    on_thread("load-feed", move || watcher::follow(info, key, pattern, ended)).map(Some)
}

/// Has the subscribers take their seats, if the plan has any.
async fn start_audience(
    target: &LoadTarget,
    plan: &LoadPlan,
    ground: &Ground,
    heard: &Arc<Heard>,
    ended: watch::Receiver<Option<Sequence>>,
) -> Result<Option<Handed<Attended>>, LoadError> {
    if plan.subscribers == 0 {
        return Ok(None);
    }
    let subscribers = ground.followed_by(plan.subscribers);
    let audience =
        Audience { info: target.info, subscribers, depth: plan.subscribed, heard: Arc::clone(heard) };
    let (seated, all_seated) = oneshot::channel();
    let audience = on_thread("load-audience", move || audience.attend(seated, ended))?;
    match all_seated.await {
        Ok(()) => Ok(Some(audience)),
        // The thread has failed before, and says why.
        Err(_) => Err(audience
            .await
            .map_or(LoadError::Broken, |attended| attended.err().unwrap_or(LoadError::Broken))),
    }
}

/// Starts the threads; each says when it is ready.
fn start_workers(
    target: &LoadTarget,
    plan: &LoadPlan,
    ground: &Ground,
    counters: &Arc<Counters>,
    start: &watch::Receiver<Option<Instant>>,
) -> Result<(Vec<Handed<Harvest>>, mpsc::Receiver<()>), LoadError> {
    let (tell_ready, ready) = mpsc::channel(1);
    let plan = Arc::new(plan.clone());
    let threads = plan.threads.min(plan.sessions);
    let mut workers = Vec::new();
    for thread in 0..threads {
        // The sessions are dealt out in turn.
        let traders = (0..plan.sessions).zip(&ground.traders).filter(|(index, _)| index % threads == thread);
        let worker = Worker {
            info: target.info,
            plan: Arc::clone(&plan),
            traders: traders
                .map(|(index, key)| (index, key.clone(), ground.contracts_of(index, plan.sessions)))
                .collect(),
            tag: ground.tag,
            counters: Arc::clone(counters),
            ready: tell_ready.clone(),
            start: start.clone(),
        };
        workers.push(on_thread("load", move || worker.run())?);
    }
    Ok((workers, ready))
}

/// Waits for all threads and puts together what they measured.
async fn collect(workers: &mut Vec<Handed<Harvest>>) -> Result<Harvest, LoadError> {
    let mut all: Option<Harvest> = None;
    for worker in workers.drain(..) {
        let harvest = worker.await.map_err(|_| LoadError::Broken)??;
        match &mut all {
            Some(all) => {
                all.tally.add(&harvest.tally);
                all.recorder.add(&harvest.recorder);
            }
            None => all = Some(harvest),
        }
    }
    all.ok_or(LoadError::Broken)
}

/// What is looked at besides this process.
struct Watched<'a> {
    /// The exchange's metrics page.
    page: Option<&'a str>,
    heard: &'a Heard,
}

/// Looks now and then at what both ends use, and tells how far the run is, until measuring ends.
async fn watch_both_ends(
    plan: &LoadPlan,
    begins: Instant,
    counters: &Counters,
    watched: &Watched<'_>,
    tell: &mut dyn FnMut(LoadProgress),
) -> Vec<Sample> {
    let measured = begins + plan.warm_up;
    let every = (plan.run_for() / SAMPLES).max(SAMPLE_MIN);
    let (mut next_sample, mut next_told) = (measured, begins + TELL_EVERY);
    let ends = measured + plan.run_for();
    let mut samples = Vec::new();
    loop {
        let next = next_sample.min(next_told).min(ends);
        tokio::time::sleep_until(next.into()).await;
        let now = Instant::now();
        if now >= next_sample || now >= ends {
            samples.push(watched.sample(measured).await);
            next_sample += every;
        }
        if now >= next_told {
            let [sent, acknowledged] =
                [&counters.sent, &counters.acknowledged].map(|count| count.load(Ordering::Relaxed));
            tell(LoadProgress { elapsed: now - begins, of: ends - begins, sent, acknowledged });
            next_told += TELL_EVERY;
        }
        if now >= ends {
            return samples;
        }
    }
}

impl Watched<'_> {
    async fn sample(&self, measured: Instant) -> Sample {
        let exchange = match self.page {
            Some(page) => figures::ask(page).await,
            None => None,
        };
        Sample { at: measured.elapsed(), client: own_usage(), exchange, heard: self.heard.so_far() }
    }
}
