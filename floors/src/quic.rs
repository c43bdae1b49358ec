//! An echo over QUIC: as many bytes both ways as an order takes, in the same sessions and writes, and nothing behind.

use crate::{FloorError, Measured, Times, on_thread};
use quinn::{Connection, Endpoint, RecvStream, SendStream};
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use transport::{Accepts, PrivateKey, client_endpoint, connect, serve};
use types::PublicKey;

const ALPN: &[u8] = b"cuex-echo/1";
const ACCEPTS: Accepts = Accepts { bidirectional: 1, unidirectional: 0 };
/// The most bytes read at once, as a reader of messages takes.
const READ: usize = 64 << 10;
/// The most bytes written at once by the answering end.
const WRITE_MAX: usize = 1 << 20;

/// What is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuicPlan {
    /// How many sessions, at least 1, each a connection of its own.
    pub sessions: usize,
    /// How many orders are under way in all; at least one a session.
    pub in_flight: usize,
    /// How many orders are written together.
    pub together: usize,
    /// The bytes of one order, and of its answer, at least 1 each.
    pub order_bytes: usize,
    /// The same of what answers it.
    pub answer_bytes: usize,
    /// For how long.
    pub lasts: Duration,
}

/// How fast that is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuicFloor {
    /// Orders answered in a second.
    pub orders_per_s: f64,
    /// From the writing of an order to the arrival of its whole answer.
    pub times: Times,
}

/// Echoes on loopback, both ends on a thread of their own as exchange and client would be.
///
/// # Errors
/// [`FloorError`] if the two ends do not come together, or not through.
pub async fn quic_echo(plan: QuicPlan) -> Result<QuicFloor, FloorError> {
    let key = PrivateKey::generate();
    let server_key = key.public();
    let (tell, told) = tokio::sync::oneshot::channel();
    let answering = on_thread("floor-answer", move || async move {
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let endpoint = serve(local, &key, ALPN, ACCEPTS)?;
        let address = endpoint.local_addr()?;
        // Whoever asked may be gone.
        let _ = tell.send(address);
        answer_all(endpoint, plan).await;
        Ok::<(), FloorError>(())
    })?;
    let Ok(address) = told.await else {
        return Err(answering.await.ok().and_then(Result::err).unwrap_or_else(gone));
    };
    let asked = on_thread("floor-ask", move || ask_all(address, server_key, plan))?;
    asked.await.map_err(|_| gone())?
}

fn gone() -> FloorError {
    std::io::Error::other("an echoing thread ended without a word").into()
}

fn lost(error: impl std::fmt::Display) -> FloorError {
    FloorError::Lost(error.to_string())
}

/// The answering end: for the bytes of each order the bytes of its answer, as they come.
async fn answer_all(endpoint: Endpoint, plan: QuicPlan) {
    let mut sessions = JoinSet::new();
    for _ in 0..plan.sessions {
        let Some(incoming) = endpoint.accept().await else { break };
        sessions.spawn(async move {
            let Ok(connection) = incoming.await else { return };
            let Ok((send, receive)) = connection.accept_bi().await else { return };
            // An end of the stream is the end of the session.
            let _ = answer(send, receive, plan).await;
        });
    }
    while sessions.join_next().await.is_some() {}
}

async fn answer(mut send: SendStream, mut receive: RecvStream, plan: QuicPlan) -> Result<(), FloorError> {
    let (mut buffer, answers) = (vec![0; READ], vec![0x5a; WRITE_MAX]);
    let mut bytes = 0;
    while let Some(count) = receive.read(&mut buffer).await.map_err(lost)? {
        bytes += count;
        let mut due = bytes / plan.order_bytes * plan.answer_bytes;
        bytes %= plan.order_bytes;
        while due > 0 {
            let piece = due.min(WRITE_MAX);
            send.write_all(&answers[..piece]).await.map_err(lost)?;
            due -= piece;
        }
    }
    Ok(())
}

/// The asking end, with all its sessions on this thread.
async fn ask_all(address: SocketAddr, server: PublicKey, plan: QuicPlan) -> Result<QuicFloor, FloorError> {
    let mut connections = Vec::new();
    for _ in 0..plan.sessions.max(1) {
        // An endpoint for each, as every client has its own.
        let endpoint = client_endpoint(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)))?;
        let key = PrivateKey::generate();
        connections.push(connect(&endpoint, address, server, &key, ALPN, ACCEPTS).await?);
    }
    let share = (plan.in_flight / connections.len()).max(1);
    let (start, mut sessions) = (Instant::now(), JoinSet::new());
    for connection in connections {
        sessions.spawn(ask(connection, share, plan, start + plan.lasts));
    }
    let mut all = Measured::new();
    while let Some(session) = sessions.join_next().await {
        all.add(&session.map_err(lost)??);
    }
    let orders_per_s = all.count() as f64 / plan.lasts.as_secs_f64();
    Ok(QuicFloor { orders_per_s, times: all.times() })
}

/// Keeps `share` orders under way until `end`; only what is answered by then counts.
async fn ask(
    connection: Connection,
    share: usize,
    plan: QuicPlan,
    end: Instant,
) -> Result<Measured, FloorError> {
    let (mut send, mut receive) = connection.open_bi().await.map_err(lost)?;
    let together = plan.together.clamp(1, share);
    let orders = vec![0xa5; together * plan.order_bytes];
    let mut sent: VecDeque<Instant> = VecDeque::new();
    let (mut measured, mut buffer, mut bytes) = (Measured::new(), vec![0; READ], 0);
    loop {
        while sent.len() + together <= share {
            let now = Instant::now();
            send.write_all(&orders).await.map_err(lost)?;
            sent.extend(std::iter::repeat_n(now, together));
        }
        let Some(count) = receive.read(&mut buffer).await.map_err(lost)? else {
            return Err(lost("the stream has ended"));
        };
        let now = Instant::now();
        if now >= end {
            connection.close(0u8.into(), b"done");
            return Ok(measured);
        }
        bytes += count;
        for began in sent.drain(..(bytes / plan.answer_bytes).min(sent.len())) {
            measured.record(now - began, 1);
        }
        bytes %= plan.answer_bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIES: usize = 50;

    #[tokio::test]
    async fn every_order_is_answered_and_more_together_are_faster() {
        let plan = |in_flight, together| QuicPlan {
            sessions: 2,
            in_flight,
            together,
            order_bytes: 64,
            answer_bytes: 80,
            lasts: Duration::from_millis(200),
        };
        // A machine that is busy elsewhere is asked again.
        let mut rates: Vec<[f64; 2]> = Vec::new();
        while rates.last().is_none_or(|[one, many]| *many <= 2.0 * one) {
            assert!(rates.len() < TRIES, "{rates:?}");
            let one = quic_echo(plan(2, 1)).await.unwrap();
            let many = quic_echo(plan(512, 32)).await.unwrap();
            assert!(one.orders_per_s > 0.0 && one.times.p50_us <= one.times.p99_us, "{one:?}");
            rates.push([one.orders_per_s, many.orders_per_s]);
        }
    }
}
