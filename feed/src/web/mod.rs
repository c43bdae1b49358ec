//! The market page and its WebSocket, over plain HTTP.
//!
//! Each page has a task of its own that looks at the market about ten times a second and sends what has changed
//! since it last could: a page that is slow, or gone, holds nobody up and piles nothing up.

mod class;
mod messages;
pub(crate) mod page;
#[cfg(test)]
mod page_tests;
pub(crate) mod ranking;

use crate::Shared;
use axum::Router;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{any, get};
use page::{BadWish, Page};
use parking_lot::Mutex;
use ranking::Ranking;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// How many pages may be open at once.
const PAGES_MAX: usize = 128;
/// How often a page is told what has changed.
const TICK: Duration = Duration::from_millis(100);
/// How often it is told where the exchange is.
const STATUS_TICKS: u32 = 5;
/// How often the order of the contracts is looked at anew.
const RANKING_EVERY: Duration = Duration::from_secs(1);
/// A page that takes nothing for so long is gone.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest message of a page, in bytes.
const MESSAGE_BYTES_MAX: usize = 1_024;
/// How many messages a page may send between two ticks.
const WISHES_PER_TICK: u32 = 20;

/// The page itself, one file that needs nothing else.
const PAGE: &str = include_str!(concat!(env!("OUT_DIR"), "/index.html"));

/// True if this program was built with its market page; false if npm was missing or failed then.
#[must_use]
pub fn has_page() -> bool {
    env!("CUEX_PAGE") == "built"
}

/// What all pages share.
#[derive(Debug)]
struct Pages {
    shared: Arc<Shared>,
    origins: Vec<String>,
    open: AtomicUsize,
    ranking: Mutex<Ranked>,
    stopping: watch::Receiver<bool>,
}

/// The ranking and when it was made.
#[derive(Debug, Default)]
struct Ranked {
    ranking: Arc<Ranking>,
    made: Option<Instant>,
}

/// Serves until `stopping` says true, and then until every page is told so.
pub(crate) async fn serve(
    listener: TcpListener,
    address: SocketAddr,
    mut origins: Vec<String>,
    shared: Arc<Shared>,
    stopping: watch::Receiver<bool>,
) {
    origins.extend(own_origins(address));
    let mut stop = stopping.clone();
    let pages = Pages { shared, origins, open: AtomicUsize::new(0), ranking: Mutex::default(), stopping };
    let router = Router::new().route("/", get(page)).route("/ws", any(socket)).with_state(Arc::new(pages));
    let stop = async move { stopped(&mut stop).await };
    if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stop).await {
        tracing::error!(%error, "the market page is no longer served");
    }
}

async fn page() -> Response {
    let headers = [
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, Html(PAGE)).into_response()
}

async fn socket(State(pages): State<Arc<Pages>>, headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    if !origin.is_some_and(|origin| pages.origins.iter().any(|known| known == origin)) {
        let sentence = format!(
            "pages from {} may not read this exchange: open its own page, or name that origin in its configuration",
            origin.unwrap_or("nowhere")
        );
        return (StatusCode::FORBIDDEN, sentence).into_response();
    }
    let Some(seat) = Seat::take(&pages) else {
        let sentence = format!("{PAGES_MAX} pages are open already: close one and try again");
        return (StatusCode::SERVICE_UNAVAILABLE, sentence).into_response();
    };
    let upgrade = upgrade.max_message_size(MESSAGE_BYTES_MAX).max_frame_size(MESSAGE_BYTES_MAX);
    upgrade.on_upgrade(|socket| show(socket, seat))
}

/// One of the places there are for open pages, given back when dropped.
struct Seat {
    pages: Arc<Pages>,
}

impl Seat {
    fn take(pages: &Arc<Pages>) -> Option<Seat> {
        let open = pages.open.fetch_add(1, Ordering::Relaxed);
        // Made before the check, so that a refusal gives the place back.
        let seat = Seat { pages: Arc::clone(pages) };
        metrics::gauge!("cuex_feed_pages").increment(1);
        (open < PAGES_MAX).then_some(seat)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.pages.open.fetch_sub(1, Ordering::Relaxed);
        metrics::gauge!("cuex_feed_pages").decrement(1);
    }
}

/// Shows the market to one page until it goes or the exchange stops.
async fn show(mut socket: WebSocket, seat: Seat) {
    if let Some(frame) = talk(&mut socket, &seat.pages).await {
        // A page that does not take its goodbye is gone all the same.
        let _ = timeout(SEND_TIMEOUT, socket.send(Message::Close(Some(frame)))).await;
    }
}

/// Gives the close frame to send, or `None` if the page is gone already.
async fn talk(socket: &mut WebSocket, pages: &Pages) -> Option<CloseFrame> {
    let mut page = Page::default();
    let mut stopping = pages.stopping.clone();
    let (mut ticks, mut wishes) = (0, 0);
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stopped(&mut stopping) => return Some(close(close_code::AWAY, "The exchange has stopped.")),
            message = socket.recv() => match message?.ok()? {
                Message::Text(text) => {
                    wishes += 1;
                    if wishes > WISHES_PER_TICK {
                        return Some(close(close_code::POLICY, "too many messages"));
                    }
                    if let Err(bad) = pages.ask(&mut page, &text) {
                        return Some(close(close_code::POLICY, &bad.to_string()));
                    }
                }
                Message::Binary(_) => return Some(close(close_code::UNSUPPORTED, "only text is understood")),
                Message::Close(_) => return None,
                Message::Ping(_) | Message::Pong(_) => {}
            },
            _ = tick.tick() => {
                for text in pages.news(&mut page, ticks % STATUS_TICKS == 0) {
                    timeout(SEND_TIMEOUT, socket.send(Message::Text(text.into()))).await.ok()?.ok()?;
                }
                (ticks, wishes) = (ticks.wrapping_add(1), 0);
            }
        }
    }
}

impl Pages {
    fn ask(&self, page: &mut Page, text: &str) -> Result<(), BadWish> {
        let hub = self.shared.hub.lock();
        page.ask(text, hub.market(), hub.progress().time)
    }

    fn news(&self, page: &mut Page, with_status: bool) -> Vec<String> {
        let ranking = self.ranking();
        let hub = self.shared.hub.lock();
        page.news(hub.market(), &ranking, hub.progress().time, with_status.then(|| hub.progress()))
    }

    /// The ranking, made anew if it is old and something may have changed it. The first page to ask makes it for all.
    fn ranking(&self) -> Arc<Ranking> {
        let mut ranked = self.ranking.lock();
        if ranked.made.is_none_or(|made| made.elapsed() >= RANKING_EVERY) {
            let hub = self.shared.hub.lock();
            let fresh = (hub.market().ranking_changes() != ranked.ranking.changes)
                .then(|| Ranking::gather(hub.market()));
            drop(hub);
            if let Some(fresh) = fresh {
                ranked.ranking = Arc::new(fresh.sort());
            }
            ranked.made = Some(Instant::now());
        }
        Arc::clone(&ranked.ranking)
    }
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error says that whoever could say so is gone, which is as good.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// A close frame; its reason is cut to what fits in one.
fn close(code: u16, reason: &str) -> CloseFrame {
    let end = reason.floor_char_boundary(120);
    CloseFrame { code, reason: reason[..end].into() }
}

/// The origins a browser names when it shows our own page: by the address it is served at, and by name on loopback.
fn own_origins(address: SocketAddr) -> Vec<String> {
    let mut origins = vec![format!("http://{address}")];
    let loopback = match address.ip() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_unspecified(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unspecified(),
    };
    if loopback {
        let names = ["localhost", "127.0.0.1", "[::1]"];
        origins.extend(names.map(|name| format!("http://{name}:{}", address.port())));
    }
    // A browser leaves out the port that plain HTTP has anyway.
    let short: Vec<String> =
        origins.iter().filter_map(|origin| origin.strip_suffix(":80").map(str::to_owned)).collect();
    origins.extend(short);
    origins
}
