//! A headless Chromium for tests, driven over its DevTools protocol: opens a page, waits for what it shows, clicks,
//! takes pictures.

use crate::exchange::PATIENCE;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Without a window, a sandbox (which root may not have), or any wish to speak to the world.
const FLAGS: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
];

/// A browser with one page; killed when dropped.
pub(crate) struct Browser {
    child: Child,
    _profile: tempfile::TempDir,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    page: Option<String>,
    last_call: u64,
    /// What the page threw or complained of.
    pub(crate) complaints: Vec<String>,
}

impl Browser {
    /// Starts it with an empty page of this size in pixels.
    pub(crate) async fn start(width: u32, height: u32) -> Browser {
        let profile = tempfile::tempdir().unwrap();
        let mut child = spawn(&profile);
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let address = loop {
            let from = said.len();
            assert!(lines.read_line(&mut said).unwrap() > 0, "chromium does not start: {said}");
            if let Some(address) = said[from..].trim().strip_prefix("DevTools listening on ") {
                break address.to_owned();
            }
        };
        // What it complains of later is of no interest, but it must be able to.
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        let (socket, _) = connect_async(address).await.unwrap();
        let complaints = Vec::new();
        let mut browser = Browser { child, _profile: profile, socket, page: None, last_call: 0, complaints };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" })).await;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = browser.call("Target.attachToTarget", attach).await;
        browser.page = attached["sessionId"].as_str().map(str::to_owned);
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        browser.call("Emulation.setDeviceMetricsOverride", size).await;
        for domain in ["Page", "Runtime", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({})).await;
        }
        browser
    }

    /// Takes the part of somebody who has set these media features.
    pub(crate) async fn prefer(&mut self, features: &[(&str, &str)]) {
        let feature = |(name, value): &(&str, &str)| json!({ "name": name, "value": value });
        let features: Vec<Value> = features.iter().map(feature).collect();
        self.call("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    /// Goes to an address, and waits until its document is there.
    pub(crate) async fn open(&mut self, address: &str) {
        let went = self.call("Page.navigate", json!({ "url": address })).await;
        assert!(went.get("errorText").is_none(), "{address}: {went}");
        self.wait_for("document.readyState === 'complete' && location.protocol === 'http:'").await;
    }

    /// Waits until a JavaScript expression gives something true, and gives that. It is asked again whenever the
    /// document changes.
    pub(crate) async fn wait_for(&mut self, expression: &str) -> Value {
        let script = format!(
            "new Promise(resolve => {{
                const look = () => {{
                    const found = {expression};
                    if (found) {{ watcher.disconnect(); resolve(found); }}
                }};
                const watcher = new MutationObserver(look);
                const all = {{ subtree: true, childList: true, characterData: true, attributes: true }};
                watcher.observe(document, all);
                addEventListener('load', look);
                look();
            }})"
        );
        match timeout(PATIENCE, self.evaluate(&script)).await {
            Ok(found) => found,
            Err(_) => {
                let text = self.evaluate("document.body.innerText").await;
                panic!("the page never shows {expression}; it shows\n{}", text.as_str().unwrap_or_default());
            }
        }
    }

    /// Clicks in the middle of the first element a CSS selector finds, as a person would.
    pub(crate) async fn click(&mut self, selector: &str) {
        let script = format!(
            "(() => {{ const box = document.querySelector({selector:?}).getBoundingClientRect();
                return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
        );
        let point = self.evaluate(&script).await;
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
            let event =
                json!({ "type": kind, "x": point[0], "y": point[1], "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", event).await;
        }
    }

    /// What a JavaScript expression, or the promise it gives, comes to.
    pub(crate) async fn evaluate(&mut self, expression: &str) -> Value {
        let call = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let answer = self.call("Runtime.evaluate", call).await;
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// The page as a PNG.
    pub(crate) async fn picture(&mut self) -> Vec<u8> {
        let taken = self.call("Page.captureScreenshot", json!({ "format": "png" })).await;
        from_base64(taken["data"].as_str().unwrap())
    }

    /// Says something to the page, or to the browser while there is no page, and waits for the answer.
    async fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.last_call += 1;
        let id = self.last_call;
        let mut call = json!({ "id": id, "method": method, "params": parameters });
        if let Some(page) = &self.page {
            call["sessionId"] = page.as_str().into();
        }
        self.socket.send(Message::text(call.to_string())).await.unwrap();
        loop {
            let message = self.socket.next().await.expect("the browser lives").unwrap();
            let Message::Text(text) = message else { continue };
            let mut answer: Value = serde_json::from_str(&text).unwrap();
            if answer["id"] == id {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].take();
            }
            self.listen(&answer);
        }
    }

    fn listen(&mut self, event: &Value) {
        let parameters = &event["params"];
        let is_complaint = match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => true,
            Some("Log.entryAdded") => parameters["entry"]["level"] == "error",
            Some("Runtime.consoleAPICalled") => parameters["type"] == "error",
            _ => false,
        };
        if is_complaint {
            self.complaints.push(parameters.to_string());
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its other processes end with the first; it may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Debian calls it `chromium`, Ubuntu `chromium-browser`.
fn spawn(profile: &tempfile::TempDir) -> Child {
    let start = |name: &&str| {
        let mut command = Command::new(name);
        command.args(FLAGS).arg(format!("--user-data-dir={}", profile.path().display()));
        command
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .ok()
    };
    let started = ["chromium", "chromium-browser"].iter().find_map(start);
    started.expect("chromium is not installed: ./check installs it, as does `apt-get install chromium`")
}

fn from_base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |byte: &u8| DIGITS.iter().position(|digit| digit == byte).unwrap();
    let digits: Vec<usize> = text.trim_end_matches('=').as_bytes().iter().map(digit).collect();
    let bits =
        |group: &[usize]| group.iter().fold(0, |bits, digit| bits << 6 | digit) << (6 * (4 - group.len()));
    digits
        .chunks(4)
        .flat_map(|group| u32::try_from(bits(group)).unwrap().to_be_bytes()[1..group.len()].to_vec())
        .collect()
}

#[test]
fn base64_is_read() {
    for (text, bytes) in [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYmFy", "foobar")] {
        assert_eq!(from_base64(text), bytes.as_bytes());
    }
}
