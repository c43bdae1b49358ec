//! The market page in a real browser: it shows a trade that the test has just made, and what happens while it looks.

use crate::browser::Browser;
use crate::exchange::{Exchange, cuex};
use protocol::symbol::ContractSymbol;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};
use types::{Role, TimeInForce};

const GTC: TimeInForce = TimeInForce::Gtc;

#[tokio::test]
async fn the_page_shows_a_trade_that_was_just_made() {
    if !feed::has_page() {
        eprintln!("SKIPPED: the program was built without its page, as npm was missing or failed then");
        return;
    }
    let exchange = Exchange::start();
    let operator = exchange.operator().await;
    let (class, contract) = exchange.contract(&operator).await;
    let acme = exchange.participant(&operator, "acme", Role::Provider).await;
    let lab = exchange.participant(&operator, "lab", Role::Broker).await;
    acme.session.deposit_capacity(contract, 100, 1).await.unwrap();
    acme.session.sell(contract, GTC, 19_500, 10).await.unwrap();
    acme.session.sell(contract, GTC, 20_500, 7).await.unwrap();
    lab.session.buy(contract, GTC, 19_500, 4).await.unwrap();
    lab.session.buy(contract, GTC, 18_250, 5).await.unwrap();

    let symbol = ContractSymbol::of(&class, contract).to_string();
    let mut browser = Browser::start(1280, 800).await;
    browser.open(&exchange.page).await;
    // The row of the table: units and price of bid and ask, the last price, the volume.
    let row = format!("tr[data-symbol='{symbol}']");
    let cells = format!("Array.from(document.querySelectorAll(\"{row} td\"), cell => cell.innerText)");
    browser.wait_for(&format!("document.querySelector(\"{row}\") && {cells}.at(-1) === '4'")).await;
    let shown = browser.evaluate(&cells).await;
    let shown: Vec<&str> = shown.as_array().unwrap().iter().map(|cell| cell.as_str().unwrap()).collect();
    assert!(shown[0].starts_with("H100SXM-USE"), "{shown:?}");
    assert_eq!(shown[2..], ["5", "1.8250", "1.9500", "6", "1.9500", "4"]);

    // A click opens the book: the ladder, and the trade.
    browser.click(&row).await;
    browser.wait_for(&trades_are(&[("1.9500", "4", "bought")])).await;
    let prices = "Array.from(document.querySelectorAll('.ladder .price'), cell => cell.innerText).join(' ')";
    assert_eq!(browser.evaluate(prices).await, "2.0500 1.9500 1.8250");

    // What happens now shows by itself, newest first.
    lab.session.buy(contract, GTC, 20_500, 8).await.unwrap();
    let trades = [("2.0500", "2", "bought"), ("1.9500", "6", "bought"), ("1.9500", "4", "bought")];
    browser.wait_for(&trades_are(&trades)).await;
    acme.session.sell(contract, GTC, 18_000, 5).await.unwrap();
    browser.wait_for(&trades_are(&[&[("1.8250", "5", "sold")], &trades[..]].concat())).await;
    browser.wait_for(&format!("{cells}.at(-1) === '17' && {cells}.at(-2) === '1.8250'")).await;

    let picture = browser.picture().await;
    assert!(picture.starts_with(b"\x89PNG\r\n") && picture.len() > 10_000, "{} bytes", picture.len());
    assert_eq!(browser.complaints, Vec::<String>::new());
}

/// JavaScript that is true when the opened contract's last trades are these: price, units, and what the taker did.
fn trades_are(trades: &[(&str, &str, &str)]) -> String {
    let trades: Vec<String> =
        trades.iter().map(|(price, units, way)| format!("{price} {units} {way}")).collect();
    format!(
        "Array.from(document.querySelectorAll('.trades tbody tr'), \
         row => Array.from(row.cells).slice(1).map(cell => cell.innerText).join(' ')).join() === '{}'",
        trades.join(",")
    )
}

/// Not a test: takes the README's picture, one hour of a whole market with one book opened.
/// `cargo test --test all picture -- --ignored`
#[tokio::test]
#[ignore = "takes the README's picture anew"]
async fn picture_for_the_readme() {
    let mut command = cuex();
    let directory = tempfile::tempdir().unwrap();
    command.args(["demo", "--for", "60s", "--data"]).arg(directory.path().join("data"));
    let mut demo = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(demo.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let mut browser = Browser::start(1280, 800).await;
    browser.prefer(&[("prefers-color-scheme", "dark"), ("prefers-reduced-motion", "reduce")]).await;
    browser.open(line.trim().rsplit(' ').next().unwrap()).await;
    // Every class at the hour that trades most.
    browser.wait_for("Number(document.querySelector('#rows .volume')?.innerText) >= 30").await;
    let filter = "filter.value = document.querySelector('#rows tr').dataset.symbol.split('-').pop(), \
        filter.dispatchEvent(new Event('input')), filter.value";
    let slot = browser.evaluate(filter).await;
    let only = "[...document.querySelectorAll('#rows tr')].every(row => row.dataset.symbol.endsWith";
    browser.wait_for(&format!("{only}({slot}))")).await;
    let two_sided = "[...document.querySelectorAll('#rows tr')].slice(1, 12).filter(row => \
        row.querySelector('.bid').innerText !== '–' && row.querySelector('.ask').innerText !== '–')";
    // The books move all the time, so pictures are taken until one shows both sides.
    let is_good = "document.querySelectorAll('.asks .price').length >= 3 && \
        document.querySelectorAll('.bids .price').length >= 1 && \
        document.querySelectorAll('.trades tbody tr').length >= 10";
    let mut picture = Vec::new();
    let began = Instant::now();
    while picture.is_empty() && began.elapsed() < Duration::from_secs(40) {
        if browser.evaluate(is_good).await == true {
            let taken = browser.picture().await;
            if browser.evaluate(is_good).await == true {
                picture = taken;
            }
        } else {
            let next = format!("{two_sided}.sort(() => Math.random() - 0.5)[0]?.click()");
            browser.evaluate(&next).await;
            browser.wait_for("document.querySelector('.ladder')").await;
        }
    }
    demo.kill().unwrap();
    demo.wait().unwrap();
    assert!(!picture.is_empty(), "no book shows both sides");
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/page.png"), picture).unwrap();
}
