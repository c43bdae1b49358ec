//! Serves the market page over a small market at play, to look at while working on the page:
//! `cargo run -p feed --example page -- [PORT] [SECONDS]`.
#![expect(clippy::print_stdout, reason = "it says where the page is")]

#[path = "../src/play_market.rs"]
#[expect(dead_code, reason = "tests use more of it")]
mod play_market;

use play_market::PlayMarket;
use protocol::CloseCode;
use sequencer::Released;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::{Instant, interval};
use transport::PrivateKey;
use types::Timestamp;

const BATCH: usize = 12;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().as_deref().unwrap_or("8080").parse()?;
    let seconds = arguments.next().map(|text| text.parse()).transpose()?;

    let key = PrivateKey::generate();
    let mut market = PlayMarket::new(7, now(), key.public());
    market.play(6_000, now());
    let (outlet, released) = sequencer::outlet(65_536);
    let config = feed::Config {
        listen: "127.0.0.1:0".parse()?,
        web_listen: Some(([127, 0, 0, 1], port).into()),
        web_origins: Vec::new(),
        key,
        flush: Duration::from_millis(10),
        sessions: 128,
        sessions_per_key: 16,
    };
    let feed = feed::serve(config, &market.recovery(), released).await?;
    println!("http://{}/", feed.web_address().ok_or("the page is served")?);

    let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut tick = interval(Duration::from_millis(25));
    while end.is_none_or(|end| Instant::now() < end) {
        tick.tick().await;
        let output = market.play(BATCH, now());
        let (sequence, time) = (market.last_sequence(), market.last_time());
        let commands = u32::try_from(BATCH)?;
        outlet.send(Arc::new(Released { sequence, time, commands, output, refused: Vec::new() }))?;
    }
    drop(outlet);
    feed.stop(CloseCode::Stopping).await;
    Ok(())
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
