//! One subscriber's connection: lets it in, hears its subscriptions, and writes what the hub has for it.

use crate::hub::{Denied, Joined, SessionId, Taken};
use crate::{Shared, now};
use protocol::CloseCode;
use protocol::market_data::{FeedMessage, SubscriberMessage};
use quinn::{Connection, Incoming, SendStream};
use std::sync::Arc;
use transport::{FrameError, FrameReader, Outbox};

/// What may wait on the control stream; a subscriber that does not read its few answers is cut.
const CONTROL_BYTES_MAX: usize = 64 << 10;
/// A buffer that a burst has made larger than this is given back once it is written.
const KEPT_BYTES: usize = 512 << 10;

/// How a session ends: the code to close with, and one sentence. `None` if the connection is lost.
type End = Option<(CloseCode, String)>;

/// Serves one connection to its end.
pub(crate) async fn serve(incoming: Incoming, shared: Arc<Shared>) {
    let from = incoming.remote_address();
    let connection = match incoming.await {
        Ok(connection) => connection,
        Err(error) => return tracing::debug!(%from, %error, "a subscriber did not get through the handshake"),
    };
    let joined = match transport::peer_key(&connection) {
        Some(public) => shared.hub.lock().join(public, now()),
        None => Err(CloseCode::UnknownKey),
    };
    let end = match joined {
        Ok(joined) => {
            let seat = Seat::take(&shared, joined.session);
            tokio::select! {
                end = listen(&connection, &seat, &joined) => end,
                end = speak(&connection, &seat, &joined) => end,
                error = connection.closed() => lost(&error),
            }
        }
        Err(code) => Some((code, sentence(code).to_owned())),
    };
    if let Some((code, reason)) = end {
        tracing::debug!(%from, %code, reason, "a subscriber's session ends");
        connection.close(code.number().into(), reason.as_bytes());
    }
}

/// A session's place in the hub, given up when dropped.
struct Seat<'a> {
    shared: &'a Shared,
    session: SessionId,
}

impl<'a> Seat<'a> {
    fn take(shared: &'a Shared, session: SessionId) -> Seat<'a> {
        metrics::gauge!("cuex_feed_sessions").increment(1);
        Seat { shared, session }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        metrics::gauge!("cuex_feed_sessions").decrement(1);
        self.shared.hub.lock().leave(self.session);
    }
}

/// Hears what the subscriber wants, on the stream that it opens.
async fn listen(connection: &Connection, seat: &Seat<'_>, joined: &Joined) -> End {
    let (send, receive) = match connection.accept_bi().await {
        Ok(streams) => streams,
        Err(error) => return lost(&error),
    };
    let answers = Outbox::new(CONTROL_BYTES_MAX);
    tokio::select! {
        end = hear(FrameReader::new(receive), &answers, seat, joined) => end,
        written = answers.write_to(send) => {
            tracing::debug!(?written, "a subscriber stopped reading its control stream");
            None
        }
    }
}

async fn hear(mut reader: FrameReader, answers: &Outbox, seat: &Seat<'_>, joined: &Joined) -> End {
    let mut greeted = false;
    loop {
        let frames = match reader.next().await {
            Ok(Some(frames)) => frames,
            Ok(None) => return Some((CloseCode::Done, "the control stream was finished".to_owned())),
            Err(error) => return unreadable(&error),
        };
        let mut out = Vec::new();
        for frame in frames {
            let message = match frame.and_then(SubscriberMessage::decode) {
                Ok(message) => message,
                Err(error) => return Some((error.close_code(), error.to_string())),
            };
            if let Err(end) = answer(message, &mut greeted, seat, joined, &mut out) {
                return Some(end);
            }
        }
        if let Err(error) = answers.push(&out) {
            return Some((CloseCode::TooSlow, format!("answers on the control stream: {error}")));
        }
    }
}

fn answer(
    message: SubscriberMessage,
    greeted: &mut bool,
    seat: &Seat<'_>,
    joined: &Joined,
    out: &mut Vec<u8>,
) -> Result<(), (CloseCode, String)> {
    let out_of_place = |reason: String| (CloseCode::OutOfPlace, reason);
    match message {
        SubscriberMessage::Hello if !*greeted => {
            *greeted = true;
            let (sequence, time) = (joined.progress.sequence, joined.progress.time);
            FeedMessage::Welcome { sequence, time }.encode(out);
        }
        SubscriberMessage::Hello => return Err(out_of_place("Hello comes once".to_owned())),
        _ if !*greeted => return Err(out_of_place("Hello comes first".to_owned())),
        SubscriberMessage::Subscribe(wish) => match seat.shared.hub.lock().subscribe(seat.session, &wish) {
            Ok(()) => {}
            Err(Denied::Refused(refused)) => FeedMessage::SubscribeRefused(refused).encode(out),
            Err(Denied::NumberInUse) => {
                return Err(out_of_place(format!("subscription {} is there already", wish.subscription)));
            }
        },
        SubscriberMessage::Unsubscribe { subscription } => {
            seat.shared.hub.lock().unsubscribe(seat.session, subscription);
        }
    }
    Ok(())
}

/// Writes what there is for the session, on a stream of its own.
async fn speak(connection: &Connection, seat: &Seat<'_>, joined: &Joined) -> End {
    let mut stream = match connection.open_uni().await {
        Ok(stream) => stream,
        Err(error) => return lost(&error),
    };
    let bytes_sent = metrics::counter!("cuex_feed_bytes_total");
    let mut batch = Vec::new();
    loop {
        let taken = seat.shared.hub.lock().take(seat.session, &mut batch);
        match taken {
            Taken::Bytes => {
                if let Err(error) = stream.write_all(&batch).await {
                    tracing::debug!(%error, "a subscriber's data stream is lost");
                    return None;
                }
                bytes_sent.increment(u64::try_from(batch.len()).unwrap_or(u64::MAX));
                batch.clear();
                batch.shrink_to(KEPT_BYTES);
            }
            Taken::Nothing => joined.wake.notified().await,
            Taken::End(code) => {
                if code != CloseCode::TooSlow {
                    finish(&mut stream).await;
                } else {
                    metrics::counter!("cuex_feed_too_slow_total").increment(1);
                }
                return Some((code, sentence(code).to_owned()));
            }
        }
    }
}

/// Finishes the stream and waits until the subscriber has it all; the connection's own time limit bounds the wait.
async fn finish(stream: &mut SendStream) {
    if stream.finish().is_ok() {
        // However it ends, nothing more can be done for it.
        let _ = stream.stopped().await;
    }
}

fn unreadable(error: &FrameError) -> End {
    match error {
        FrameError::Wire(error) => Some((error.close_code(), error.to_string())),
        FrameError::Lost(_) => None,
    }
}

fn lost(error: &quinn::ConnectionError) -> End {
    tracing::debug!(%error, "a subscriber's connection is lost");
    None
}

/// What a session is told that ends with this code by the feed's own decision.
fn sentence(code: CloseCode) -> &'static str {
    match code {
        CloseCode::UnknownKey => "this key is not registered here, or has expired",
        CloseCode::KeyRevoked => "this key has been revoked",
        CloseCode::NotAllowed => "this key has no right to read market data",
        CloseCode::TooMany => "there are as many subscribers as there may be",
        CloseCode::TooSlow => "market data was not taken fast enough: connect again for fresh snapshots",
        CloseCode::Stopping => "the exchange is stopping",
        CloseCode::Failed => "the exchange has failed",
        _ => "the session is over",
    }
}
