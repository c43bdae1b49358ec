//! The thin shell around the desk: QUIC connections, and the tasks that carry bytes between them and it.
//!
//! A connection has one task of its own, one that writes reports, and one for each stream the client opens. All
//! say to the desk why a session should end, and only the connection's own task closes it, when the desk says so.

use crate::desk::{Connected, Desk};
use crate::limits::Limits;
use crate::meters;
use crate::session::{Closing, SessionNo};
use parking_lot::Mutex;
use protocol::CloseCode;
use quinn::{Connection, Endpoint, Incoming, RecvStream, SendStream};
use sequencer::{Entry, Inbound, Outlet, Recovery};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use transport::{FrameError, FrameReader, Outbox, peer_key};
use types::{Lane, Timestamp};

/// The most bytes of answers that wait before the next question is looked at.
const ANSWERS_WAITING: usize = 64 << 10;
/// How long an answer may wait for the client to read it, or the ones before it.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How often the desk is told the time.
const TICK: Duration = Duration::from_secs(1);
/// How long a session that ends in good order may take to read what waits for it.
pub(crate) const FLUSH_WITHIN: Duration = Duration::from_secs(2);

/// What all tasks share.
#[derive(Debug)]
pub(crate) struct Shared {
    desk: Mutex<Desk>,
    entry: Entry,
    limits: Limits,
    /// When it began, by the clock and by a watch.
    began: (Timestamp, Instant),
}

impl Shared {
    /// A desk that starts where the journal ended, at this moment.
    pub(crate) fn new(recovery: &Recovery, entry: Entry, limits: Limits, now: Timestamp) -> Shared {
        let desk = Mutex::new(Desk::new(recovery, limits.clone(), now));
        Shared { desk, entry, limits, began: (now, Instant::now()) }
    }

    /// What time it is. It goes on steadily also when the clock is set, so that whoever is waited for has the time
    /// that was promised.
    fn now(&self) -> Timestamp {
        let (began, watch) = self.began;
        Timestamp(began.0.saturating_add(u64::try_from(watch.elapsed().as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// Brings what is released to the desk, until the exchange ends. Never waits for a session.
pub(crate) async fn release(shared: Arc<Shared>, mut outlet: Outlet) {
    while let Some(released) = outlet.recv().await {
        shared.desk.lock().release(&released, shared.now());
    }
}

/// Takes connections until it is told to stop, ends those there are, and closes the endpoint.
pub(crate) async fn accept(shared: Arc<Shared>, endpoint: Endpoint, mut stop: oneshot::Receiver<CloseCode>) {
    let mut connections = JoinSet::new();
    let mut ticks = tokio::time::interval(TICK);
    let code = loop {
        tokio::select! {
            // Dropping the gateway stops it too.
            code = &mut stop => break code.unwrap_or(CloseCode::Stopping),
            incoming = endpoint.accept() => match incoming {
                Some(incoming) if connections.len() < shared.limits.connections => {
                    connections.spawn(connection(Arc::clone(&shared), incoming));
                }
                Some(incoming) => {
                    meters::handshake_failed();
                    incoming.refuse();
                }
                None => break CloseCode::Stopping,
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            _ = ticks.tick() => pass(&shared),
        }
    };
    let reason =
        if code == CloseCode::Failed { "the exchange has failed" } else { "the exchange is stopping" };
    shared.desk.lock().stop(&Closing::new(code, reason), shared.now());
    // Those that are still in their handshake are closed with the endpoint.
    let _ = timeout(2 * FLUSH_WITHIN, async { while connections.join_next().await.is_some() {} }).await;
    endpoint.close(code.number().into(), reason.as_bytes());
    let _ = timeout(FLUSH_WITHIN, endpoint.wait_idle()).await;
}

/// Tells the desk that time has passed, and the exchange whose graces have run out.
fn pass(shared: &Arc<Shared>) {
    let over = shared.desk.lock().pass(shared.now());
    if over.is_empty() {
        return;
    }
    meters::disconnected(over.len());
    tracing::info!(keys = over.len(), "sessions have been gone for their grace");
    let (shared, chunk) = (Arc::clone(shared), over.into_iter().map(Inbound::disconnected).collect());
    tokio::spawn(async move {
        // If the exchange takes nothing more, the next one gives these keys their grace anew.
        let _ = shared.entry.send(Lane::Orders, chunk).await;
    });
}

async fn connection(shared: Arc<Shared>, incoming: Incoming) {
    let connection = match timeout(shared.limits.hello_within, incoming).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => {
            meters::handshake_failed();
            return tracing::debug!(%error, "a handshake failed");
        }
        Err(_) => {
            meters::handshake_failed();
            return tracing::debug!("a handshake took too long");
        }
    };
    let connected = match peer_key(&connection) {
        Some(key) => shared.desk.lock().connect(key, shared.now()),
        None => Err(Closing::new(CloseCode::UnknownKey, "a key is needed")),
    };
    let closing = match connected {
        Ok(connected) => converse(&shared, &connection, connected).await,
        Err(refused) => {
            meters::closed(refused.code);
            refused
        }
    };
    let remote = connection.remote_address();
    tracing::debug!(%remote, code = %closing.code, reason = closing.reason, "a connection is closed");
    connection.close(closing.code.number().into(), closing.reason.as_bytes());
}

/// Carries a session from its first stream to its end, and says why it ended.
async fn converse(shared: &Arc<Shared>, connection: &Connection, connected: Connected) -> Closing {
    let Connected { session, reports, mut closed } = connected;
    let mut writer = tokio::spawn(write_reports(connection.clone(), reports.clone()));
    let mut has_control = false;
    let closing = loop {
        // Tasks are never aborted: a chunk whose numbers are noted must reach the sequencer.
        tokio::select! {
            biased;
            closing = &mut closed => break closing.unwrap_or_else(|_| Closing::done()),
            stream = connection.accept_bi(), if !has_control => match stream {
                Ok((send, receive)) => {
                    has_control = true;
                    tokio::spawn(control(Arc::clone(shared), session, send, receive));
                }
                Err(_) => break lost(shared, session),
            },
            stream = connection.accept_uni() => match stream {
                Ok(stream) => drop(tokio::spawn(lane(Arc::clone(shared), session, stream))),
                Err(_) => break lost(shared, session),
            },
        }
    };
    reports.finish();
    use CloseCode::{Done, Failed, KeyRevoked, Stopping};
    if matches!(closing.code, Done | KeyRevoked | Stopping | Failed) {
        // What was said before the end is still told, to a key that has rotated the report that it has. If the
        // connection is lost, this ends at once.
        let _ = timeout(FLUSH_WITHIN, &mut writer).await;
    }
    closing
}

fn lost(shared: &Shared, session: SessionNo) -> Closing {
    shared.desk.lock().close(session, Closing::done(), shared.now());
    Closing::done()
}

/// Writes reports as they come. The stream is there for the client once the first is.
async fn write_reports(connection: Connection, reports: Outbox) {
    // An error says that the connection is lost, which its own task learns too.
    if let Ok(stream) = connection.open_uni().await {
        let _ = reports.write_to(stream).await;
    }
}

/// Carries the control stream. When the client ends it, the session is over.
async fn control(shared: Arc<Shared>, session: SessionNo, send: SendStream, receive: RecvStream) {
    let answers = Outbox::new(ANSWERS_WAITING);
    tokio::spawn({
        let answers = answers.clone();
        async move { answers.write_to(send).await }
    });
    let closing = match answer_all(&shared, session, receive, &answers).await {
        Ok(()) => Closing::done(),
        Err(closing) => closing,
    };
    answers.finish();
    shared.desk.lock().close(session, closing, shared.now());
}

async fn answer_all(
    shared: &Shared,
    session: SessionNo,
    receive: RecvStream,
    answers: &Outbox,
) -> Result<(), Closing> {
    let mut reader = FrameReader::new(receive);
    while let Some(frames) = reader.next().await? {
        for frame in frames {
            // One at a time: the next is looked at when there is room for its answer.
            let mut answer = Vec::new();
            let held = shared.desk.lock().control(session, frame?, shared.now(), &mut answer)?;
            if answer.is_empty() {
                continue;
            }
            match timeout(ANSWER_WITHIN, answers.send(&answer)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Ok(()),
                Err(_) => {
                    let reason = format!("an answer was not read within {} s", ANSWER_WITHIN.as_secs());
                    return Err(Closing::new(CloseCode::TooSlow, reason));
                }
            }
            hold(held).await;
        }
    }
    Ok(())
}

/// Leaves a stream unread for so long, which holds its client back.
async fn hold(held: Duration) {
    if !held.is_zero() {
        sleep(held).await;
    }
}

/// Carries a lane.
async fn lane(shared: Arc<Shared>, session: SessionNo, stream: RecvStream) {
    if let Err(closing) = take_all(&shared, session, stream).await {
        shared.desk.lock().close(session, closing, shared.now());
    }
}

/// Takes commands until the client ends the lane. While the sequencer has no room, nothing is read, and QUIC holds
/// the client back.
async fn take_all(shared: &Shared, session: SessionNo, stream: RecvStream) -> Result<(), Closing> {
    let mut reader = FrameReader::new(stream);
    let mut lane: Option<Lane> = None;
    // How many commands came together last: about so many will come together next.
    let mut together = 0;
    while let Some(mut frames) = reader.next().await? {
        let lane = match lane {
            Some(lane) => lane,
            None => {
                let Some(frame) = frames.next() else { continue };
                *lane.insert(shared.desk.lock().open_lane(session, frame?)?)
            }
        };
        let mut chunk = Vec::with_capacity(together);
        let taken = shared.desk.lock().commands(session, lane, frames, shared.now(), &mut chunk);
        together = chunk.len();
        if shared.entry.send(lane, chunk).await.is_err() {
            // The exchange takes nothing more. What came of this chunk is unknown, so nothing is said of it; whoever
            // stopped the exchange stops the gateway.
            return Ok(());
        }
        hold(taken?).await;
    }
    Ok(())
}

impl From<FrameError> for Closing {
    fn from(error: FrameError) -> Closing {
        match error {
            FrameError::Wire(error) => error.into(),
            FrameError::Lost(quinn::ReadError::Reset(_)) => Closing::out_of_place("a stream was broken off"),
            FrameError::Lost(_) => Closing::done(),
        }
    }
}
