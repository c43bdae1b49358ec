//! What everybody may reach: three routes over HTTP, none of which takes a command; and that SECURITY.md names tests
//! that there are.

use crate::exchange::Exchange;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

/// Every route, and the file that serves it.
const ROUTES: [(&str, &str); 3] =
    [("feed/src/web/mod.rs", "/"), ("feed/src/web/mod.rs", "/ws"), ("src/venue.rs", "/metrics")];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The routes that a source sets up: what stands in quotes behind `.route(`, or the call itself if nothing does.
fn routes(source: &str) -> Vec<String> {
    let calls = [".route(", ".nest(", ".route_service(", ".nest_service(", ".fallback("];
    let found = calls.iter().flat_map(|call| source.split(call).skip(1).map(move |rest| (*call, rest)));
    found
        .map(|(call, rest)| match rest.trim_start().strip_prefix('"').and_then(|rest| rest.split_once('"')) {
            Some((path, _)) => path.to_owned(),
            None => call.to_owned(),
        })
        .collect()
}

/// The status with which one of the exchange's pages answers.
fn status(page: &str, method: &str, path: &str) -> u16 {
    let address = page.trim_start_matches("http://").trim_end_matches("/metrics");
    let mut stream = TcpStream::connect(address).unwrap();
    let body = r#"{"command":"open_account","name":"sybil","role":"operator"}"#;
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\n");
    let rest = format!("Connection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    // It may be refused before it is read to its end.
    let _ = stream.write_all((head + &rest).as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    answer.split(' ').nth(1).unwrap_or_else(|| panic!("{method} {path}: '{answer}'")).parse().unwrap()
}

#[test]
fn http_has_three_routes_and_none_takes_a_command() {
    let mut found = Vec::new();
    for room in std::fs::read_dir(root()).unwrap() {
        let room = room.unwrap().path();
        let source = if room.ends_with("src") { room } else { room.join("src") };
        if source.is_dir() {
            let mut files = Vec::new();
            sources(&source, &mut files);
            for file in files {
                let text = std::fs::read_to_string(&file).unwrap();
                let name = file.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                found.extend(routes(&text).into_iter().map(|route| (name.clone(), route)));
            }
        }
    }
    found.sort();
    let expected = ROUTES.map(|(file, route)| (file.to_owned(), route.to_owned()));
    assert_eq!(found, expected, "a new route needs its reason in SECURITY.md");

    let mut exchange = Exchange::start();
    for page in [exchange.page.clone(), exchange.metrics.clone()] {
        for path in ["/admin", "/api/orders", "/accounts", "/keys", "/halt", "/../server.key", "/server.key"]
        {
            for method in ["GET", "POST", "PUT", "DELETE"] {
                assert_eq!(status(&page, method, path), 404, "{page}: {method} {path}");
            }
        }
        for path in ["/", "/ws", "/metrics"] {
            for method in ["POST", "PUT", "PATCH", "DELETE"] {
                assert!(status(&page, method, path) >= 400, "{page}: {method} {path}");
            }
        }
    }
    assert_eq!(
        (status(&exchange.page, "GET", "/"), status(&exchange.metrics, "GET", "/metrics")),
        (200, 200)
    );
    // Each has a listener of its own.
    assert_eq!(
        (status(&exchange.page, "GET", "/metrics"), status(&exchange.metrics, "GET", "/")),
        (404, 404)
    );
    let stopped = exchange.stop();
    assert_eq!(stopped["sequence"], 1, "nothing but the genesis is in the journal");
}

#[test]
fn routes_are_found_however_they_are_set_up() {
    let source = "Router::new()\n    .route(\n        \"/admin\", post(x)).nest(\"/api\", y).fallback(z)";
    assert_eq!(routes(source), ["/admin", "/api", ".fallback("]);
}

/// The tests that a page names: a link whose text is the test's name and whose target is the file it stands in.
fn named_tests(page: &str) -> Vec<(String, String)> {
    let links = page.split("[`").skip(1).filter_map(|rest| {
        let (name, rest) = rest.split_once("`](")?;
        Some((name.to_owned(), rest.split_once(')')?.0.to_owned()))
    });
    links.filter(|(_, file)| file.ends_with(".rs")).collect()
}

#[test]
fn the_tests_that_security_names_are_there() {
    let page = std::fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let named = named_tests(&page);
    assert!(named.len() > 15, "{named:?}");
    for (name, file) in named {
        let source = std::fs::read_to_string(root().join(&file)).unwrap();
        assert!(source.contains(&format!("fn {name}(")), "{file} has no test {name}");
    }
}
