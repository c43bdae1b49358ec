//! What bad input gets from the program: one clear sentence with the offending value, a code of its own, the exit
//! status that DESIGN promises, the same for machines, and nothing changed.

use crate::exchange::{Exchange, cuex};
use crate::program::six_hours_ahead;
use client::PrivateKey;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

/// The exchange refused.
const REFUSED: i32 = 1;
/// What was typed or configured cannot be done.
const USAGE: i32 = 2;
/// The exchange could not be reached.
const UNREACHABLE: i32 = 3;

/// Runs a command twice, for people and for machines, and checks what each is told.
fn fails(run: impl Fn(&[&str]) -> Output, line: &str, (status, code): (i32, &str), value: &str) {
    let arguments: Vec<&str> = line.split_whitespace().collect();
    let output = run(&arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(status), "{line}: {said}");
    assert!(output.stdout.is_empty(), "{line} also says something else");
    assert_eq!(said.lines().count(), 1, "{line} is not answered in one line: {said}");
    let sentence = said.strip_prefix("cuex: ").and_then(|said| said.strip_suffix(&format!(" [{code}]\n")));
    let sentence = sentence.unwrap_or_else(|| panic!("{line} should get the code {code}: {said}"));
    assert!(sentence.contains(value), "{line}: '{sentence}' does not say '{value}'");

    let output = run(&[&arguments[..], &["--json"]].concat());
    assert_eq!(output.status.code(), Some(status), "{line} --json: {output:?}");
    assert!(output.stderr.is_empty(), "{line} --json: {output:?}");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told, json!({ "error": { "code": code, "message": sentence } }));
}

/// One cause after the other, each with a code of its own.
fn all_fail(run: impl Fn(&[&str]) -> Output, status: i32, causes: &[(&str, &str, &str)]) {
    let codes: BTreeSet<&str> = causes.iter().map(|(_, code, _)| *code).collect();
    assert_eq!(codes.len(), causes.len(), "two causes share a code");
    for (line, code, value) in causes {
        fails(&run, line, (status, code), value);
    }
}

/// An exchange with a class, a provider `acme` who has 8 units, and a broker `lab` who has 100 dollars, by their
/// key files.
fn market() -> Exchange {
    let exchange = Exchange::start();
    let does = |key: &str, line: &str| {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        let output = exchange.cuex_as(&exchange.file(key), &arguments);
        assert!(output.status.success(), "{line}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    does("data/operator.key", "class define H100SXM-USE");
    for (name, role) in [("acme", "provider"), ("lab", "broker")] {
        let key = does("data/operator.key", &format!("key new {name}"));
        let public = key.split_whitespace().next().unwrap();
        does("data/operator.key", &format!("account open {name} --role {role} --public-key {public}"));
    }
    does("data/operator.key", "account deposit lab 100 --id 1");
    does("acme.key", &format!("capacity add {} 8 --id 1", six_hours_ahead()));
    does("lab.key", &format!("buy {} 1@1.50", six_hours_ahead()));
    exchange
}

/// What an account has, whatever the exchange has counted to meanwhile.
fn holds(exchange: &Exchange, key: &str) -> Value {
    let output = exchange.cuex_as(&exchange.file(key), &["account", "show", "--json"]);
    let mut state: Value = serde_json::from_slice(&output.stdout).unwrap();
    state.as_object_mut().unwrap().remove("sequence").unwrap();
    state
}

/// The commands in the journal of a stopped exchange that came from a key.
fn journaled(exchange: &Exchange, key: u64) -> usize {
    let data = exchange.data();
    let dump = exchange.cuex_as(Path::new("none"), &["journal", "dump", "--json", data.to_str().unwrap()]);
    assert!(dump.status.success(), "{dump:?}");
    let text = String::from_utf8(dump.stdout).unwrap();
    text.lines().filter(|line| serde_json::from_str::<Value>(line).unwrap()["key"] == key).count()
}

/// Every file of a directory, byte by byte.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect()
}

#[test]
fn what_is_typed_wrongly_is_sent_nowhere() {
    let mut exchange = market();
    let before = [holds(&exchange, "acme.key"), holds(&exchange, "lab.key")];
    let slot = six_hours_ahead();
    let as_lab = |arguments: &[&str]| exchange.cuex_as(&exchange.file("lab.key"), arguments);
    let line = |rest: &str| rest.replace("SLOT", &slot);
    let lines = [
        (line("buy SLOT 1@2.10 --bogus"), "unknown-argument", "--bogus"),
        (line("bye SLOT 1@2.10"), "unknown-command", "bye"),
        (line("buy SLOT"), "missing-argument", "<UNITS@PRICE>"),
        (line("buy SLOT 1@2.10 --tif day"), "bad-argument", "day"),
        (line("buy SLOT 1@2.10 --tif ioc --until +90m"), "conflicting-arguments", "--until"),
        (line("buy H100_USE 1@2.10"), "bad-symbol", "H100_USE"),
        (line("buy H100SXM-USE 1@2.10 --at soonish"), "bad-time", "soonish"),
        (line("buy SLOT 1@2.00005"), "off-tick", "2.00005"),
        (line("buy SLOT 1@999999999"), "price-out-of-range", "999999999"),
        (line("buy SLOT 0@2.10"), "bad-units", "'0'"),
        (line("buy SLOT 1@cheap"), "bad-number", "cheap"),
        (line("buy SLOT 8"), "bad-order", "'8'"),
        (line("account deposit lab -5 --id 2").replace(" -5", " 0"), "bad-amount", "0"),
        (line("account deposit lab 5 --currency dollars --id 2"), "bad-currency", "dollars"),
        (line("account open Big_Lab --role broker"), "bad-name", "Big_Lab"),
        (line("account open big --role broker --public-key 00ff"), "bad-public-key", "00ff"),
    ];
    let causes: Vec<(&str, &str, &str)> =
        lines.iter().map(|(line, code, value)| (line.as_str(), *code, *value)).collect();
    all_fail(as_lab, USAGE, &causes);
    // The same codes again for what comes to the same.
    fails(as_lab, "buy H100SXM-USE 1@2.10", (USAGE, "bad-symbol"), "H100SXM-USE");
    fails(
        as_lab,
        "buy SLOT -1@2.10 --at now".replace("SLOT", &slot).as_str(),
        (USAGE, "unknown-argument"),
        "-1",
    );
    fails(as_lab, &line("capacity add SLOT none --id 1"), (USAGE, "bad-units"), "none");
    fails(as_lab, &line("buy SLOT 8@2.10 --show many"), (USAGE, "bad-units"), "many");
    fails(as_lab, &line("buy SLOT 8@2.10 --until soonish"), (USAGE, "bad-time"), "soonish");
    fails(as_lab, &line("buy SLOT 8@2.10 --stop 2.00005"), (USAGE, "off-tick"), "2.00005");
    fails(as_lab, &line("buy SLOT 8@2.10 --min 4 --all-or-none"), (USAGE, "conflicting-arguments"), "--min");
    fails(as_lab, &line("buy SLOT 8@2.10 --self-trade never"), (USAGE, "bad-argument"), "never");
    fails(as_lab, "cancel", (USAGE, "missing-argument"), "--all");
    fails(as_lab, "cancel 7 --all", (USAGE, "conflicting-arguments"), "--all");
    fails(as_lab, "cancel 7 --side buy", (USAGE, "conflicting-arguments"), "--side");
    fails(as_lab, "cancel --class H100_USE", (USAGE, "bad-symbol"), "H100_USE");
    fails(as_lab, &line("replace 9 1@2,10"), (USAGE, "bad-number"), "2,10");

    assert_eq!([holds(&exchange, "acme.key"), holds(&exchange, "lab.key")], before);
    exchange.stop();
    // Key 3 is the lab's: its one command is the bid that was there before.
    assert_eq!(journaled(&exchange, 3), 1);
}

#[test]
fn what_the_exchange_refuses_changes_nothing() {
    let mut exchange = market();
    let slot = six_hours_ahead();
    let ask = exchange.cuex_as(&exchange.file("acme.key"), &["sell", &slot, "1@3.00"]);
    assert!(ask.status.success(), "{ask:?}");
    let before = [holds(&exchange, "acme.key"), holds(&exchange, "lab.key")];
    let line = |rest: &str| rest.replace("SLOT", &slot);
    let as_lab = |arguments: &[&str]| exchange.cuex_as(&exchange.file("lab.key"), arguments);
    let lines = [
        (line("buy H100SXM-USE-20200101T00Z 1@2.10"), "GateClosed", "2020-01-01T00:00:00Z"),
        (line("buy H100SXM-USE 1@2.10 --at +400h"), "BeyondHorizon", "336 h"),
        (line("buy A100-USE 1@2.10 --at +6h"), "UnknownClass", "A100-USE"),
        (line("buy SLOT 1000@2.10"), "NotEnoughCash", "2102.1"),
        (line("sell SLOT 3@2.10"), "NotEnoughUnits", "0"),
        (line("cancel 4711"), "UnknownOrder", "4711"),
        (line("buy SLOT 1@2.10 --min 2"), "MinUnitsOutOfRange", "2"),
        (line("buy SLOT 5@2.10 --show 10"), "ShownOutOfRange", "10"),
        (line("buy SLOT 5@2.10 --post-only --market"), "TermsConflict", "post-only"),
        (line("buy SLOT 1@3.10 --post-only"), "WouldTrade", "3.0000 USD"),
        (line("buy SLOT 1@2.10 --until 2020-01-01T00:00:00Z"), "ExpiryPassed", "2020-01-01T00:00:00Z"),
        (line("account open other --role broker"), "NotAllowed", "read and trade"),
    ];
    let causes: Vec<(&str, &str, &str)> =
        lines.iter().map(|(line, code, value)| (line.as_str(), *code, *value)).collect();
    all_fail(as_lab, REFUSED, &causes);
    let as_operator = |arguments: &[&str]| exchange.cuex_as(&exchange.file("data/operator.key"), arguments);
    let spare = PrivateKey::load(&exchange.file("lab.key")).unwrap().public();
    let add_key = format!("account add-key acme {spare}");
    all_fail(
        as_operator,
        REFUSED,
        &[
            ("class define H100SXM-USE", "ClassListed", "number 0"),
            ("class define H200-USE --slot-hours 200", "BadClass", "class"),
            ("account open acme --role broker", "NameTaken", "account 2"),
            ("account deposit nobody 5 --id 1", "UnknownAccount", "nobody"),
            ("account deposit lab 5 --id 1", "DepositDiffers", "100"),
            ("account deposit lab 5 --id 2 --currency EUR", "UnknownCurrency", "currency"),
            (&add_key, "KeyListed", "key 3"),
        ],
    );
    assert_eq!([holds(&exchange, "acme.key"), holds(&exchange, "lab.key")], before);
    assert_eq!(exchange.stop()["conserved"], true);
}

#[test]
fn windows_and_wishes_typed_wrongly_are_sent_nowhere() {
    let mut exchange = market();
    let slot = six_hours_ahead();
    let as_lab = |arguments: &[&str]| exchange.cuex_as(&exchange.file("lab.key"), arguments);
    let line = |rest: &str| rest.replace("SLOT", &slot);
    for (line, code, value) in [
        (line("buy SLOT-1H 1@2.10"), "bad-window", slot.as_str()),
        (line("buy SLOT-337H 1@2.10"), "bad-window", "at most 336"),
        (line("buy SLOT --hours 1 1@2.10"), "bad-window", "order for the contract"),
        (line("buy SLOT-6H 1@2.10 --hours 6"), "bad-symbol", "--hours"),
        (line("buy SLOT-6H 1@2.10 --at +6h"), "bad-symbol", "--at"),
        (line("buy SLOT-6 1@2.10"), "bad-symbol", "'6' is no length"),
        (line("buy SLOT 1@2.10 --hours 0"), "bad-argument", "0"),
        (line("cancel --contract SLOT-6H"), "bad-symbol", "window"),
        (line("halt SLOT-6H"), "bad-symbol", "window"),
        (line("halt"), "missing-argument", "<SCOPE>"),
        (line("account limits lab"), "missing-argument", "--open-orders"),
        (line("account limits lab --order-value 0"), "bad-amount", "0"),
        (line("class define B200-USE --performance 0 --precision BF16"), "bad-performance", "0 TFLOP/s"),
        (line("class define B200-USE --performance 989.5"), "missing-argument", "--precision"),
        (line("class define B200-USE --static-band ten --auction 2m"), "bad-band", "ten"),
        (line("class define B200-USE --static-band 10%"), "missing-argument", "--auction"),
        (line("class define B200-USE --opening 90s"), "bad-span", "90 s"),
        (line("quote --units 8"), "missing-argument", "--hours"),
        (line("quote --hours 6 --units none"), "bad-units", "none"),
        (line("quote --hours 6 --units 8 --until +3h"), "too-short", "6 hours"),
        (line("quote --hours 6 --units 8 --model h100"), "bad-model", "h100"),
        (line("quote --hours 6 --units 8 --region us_east"), "bad-region", "us_east"),
        (line("quote --hours 6 --units 8 --from noon"), "bad-time", "noon"),
        (line("quote --hours 6 --units 8 --budget 0.00"), "bad-amount", "0.00"),
        (line("quote --hours 6 --units 8 --min-performance 1"), "missing-argument", "--precision"),
    ] {
        fails(as_lab, &line, (USAGE, code), value);
    }
    exchange.stop();
    // Key 3 is the lab's: its one command is the bid that was there before.
    assert_eq!(journaled(&exchange, 3), 1);
}

#[test]
fn windows_and_wishes_that_cannot_be_are_refused_with_what_can() {
    let exchange = market();
    let slot = six_hours_ahead();
    let as_lab = |arguments: &[&str]| exchange.cuex_as(&exchange.file("lab.key"), arguments);
    let ask = exchange.cuex_as(&exchange.file("acme.key"), &["sell", &slot, "1@3.00"]);
    assert!(ask.status.success(), "{ask:?}");
    let line = |rest: &str| rest.replace("SLOT", &slot);
    for (line, code, value) in [
        (line("buy H100SXM-USE-20200101T00Z-6H 1@2.10"), "BlockInThePast", "2020-01-01T05:00:00Z"),
        (line("buy H100SXM-USE 1@2.10 --at +330h --hours 24"), "BlockBeyondHorizon", "336 h"),
        (line("buy SLOT-3H 1@2.10 --market"), "TermsConflict", "market order"),
        (line("buy SLOT-3H 1@2.10 --post-only"), "TermsConflict", "post-only"),
        (line("buy SLOT-3H 1@2.10 --stop 2.00"), "TermsConflict", "stop"),
        (line("sell SLOT-3H 1@2.10 --same-provider"), "TermsConflict", "same provider"),
        (line("buy SLOT-3H 1000@2.10"), "NotEnoughCash", "6306.3"),
        (line("quote --hours 1 --units 2"), "nothing-offered", "2 for 1 h"),
        (line("quote --hours 1 --units 1 --budget 3.00"), "over-budget", "3.003 USD"),
        (line("quote --hours 1 --units 1 --model B200"), "UnknownClass", "cuex class list"),
    ] {
        fails(as_lab, &line, (REFUSED, code), value);
    }
}

#[test]
fn a_slot_that_does_not_start_then_is_refused() {
    let exchange = market();
    let operator = exchange.data().join("operator.key");
    let define = ["class", "define", "B200-USE", "--slot-hours", "24"];
    assert!(exchange.cuex_as(&operator, &define).status.success());
    let as_lab = |arguments: &[&str]| exchange.cuex_as(&exchange.file("lab.key"), arguments);
    fails(as_lab, "buy B200-USE-20261122T14Z 1@2.10", (USAGE, "not-a-slot"), "B200-USE-20261122T14Z");
}

#[test]
fn a_key_that_does_not_open_is_named() {
    let exchange = market();
    let file = |name: &str| exchange.file(name);
    let text = fs::read(file("lab.key")).unwrap();
    let write = |name: &str, bytes: &[u8], mode: u32| {
        fs::write(file(name), bytes).unwrap();
        fs::set_permissions(file(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    write("open.key", &text, 0o644);
    write("poem.key", b"roses are red", 0o600);
    write("half.key", &text[..text.len() / 2], 0o600);
    PrivateKey::generate().save(&file("stranger.key")).unwrap();
    let orders_as = |name: &'static str| {
        let key = file(name);
        let exchange = &exchange;
        move |arguments: &[&str]| exchange.cuex_as(&key, arguments)
    };
    fails(orders_as("none.key"), "orders", (USAGE, "no-key-file"), "none.key");
    fails(orders_as("open.key"), "orders", (USAGE, "key-open-to-others"), "mode 644");
    fails(orders_as("poem.key"), "orders", (USAGE, "not-a-key"), "poem.key");
    fails(orders_as("half.key"), "orders", (USAGE, "not-a-key"), "half.key");
    fails(orders_as("data"), "orders", (USAGE, "key-open-to-others"), "data");
    fails(orders_as("stranger.key"), "orders", (REFUSED, "UnknownKey"), "key");
    fails(orders_as("stranger.key"), &format!("book {}", six_hours_ahead()), (REFUSED, "UnknownKey"), "key");
    let unnamed = |arguments: &[&str]| {
        let mut command = cuex();
        command.args(arguments).env("CUEX_EXCHANGE", exchange.data().join("exchange.toml")).output().unwrap()
    };
    fails(unnamed, "orders", (USAGE, "no-key"), "--key");
    // A key is never overwritten.
    fails(orders_as("lab.key"), "key new lab", (USAGE, "key-exists"), "lab.key");
    assert_eq!(fs::read(file("lab.key")).unwrap(), text);

    let operator = orders_as("data/operator.key");
    assert!(operator(&["key", "revoke", "3", "--why", "lost laptop"]).status.success());
    fails(orders_as("lab.key"), "orders", (REFUSED, "KeyRevoked"), "key");
}

#[test]
fn an_exchange_that_is_not_there_is_named() {
    let exchange = market();
    let addresses = fs::read_to_string(exchange.data().join("exchange.toml")).unwrap();
    let with_addresses = |name: &str, text: Option<String>| {
        let file = exchange.file(name);
        if let Some(text) = text {
            fs::write(&file, text).unwrap();
        }
        let key = exchange.file("lab.key");
        move |arguments: &[&str]| {
            let mut command = cuex();
            command.args(arguments).env("CUEX_EXCHANGE", &file).env("CUEX_KEY", &key).output().unwrap()
        }
    };
    fails(with_addresses("none.toml", None), "orders", (USAGE, "no-address-file"), "none.toml");
    let broken = with_addresses("broken.toml", Some("gateway = \n".to_owned()));
    fails(broken, "orders", (USAGE, "bad-address-file"), "broken.toml");
    let half = with_addresses("half.toml", Some(addresses.lines().take(2).collect::<Vec<_>>().join("\n")));
    fails(half, "orders", (USAGE, "bad-address-file"), "half.toml");
    let other = PrivateKey::generate().public().to_string();
    let renamed =
        with_addresses("other.toml", Some(addresses.replace(&exchange.info.key.to_string(), &other)));
    fails(&renamed, "orders", (UNREACHABLE, "wrong-server"), &other);
    let (gateway, feed) = (exchange.info.gateway.to_string(), exchange.info.feed.to_string());
    // Somebody is there who does not speak the protocol: nobody answers.
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let silent_gateway = with_addresses("silent.toml", Some(addresses.replace(&gateway, &silent)));
    let deaf_feed = with_addresses("deaf.toml", Some(addresses.replace(&feed, &silent)));
    let book = format!("book {}", six_hours_ahead());
    // Each waits some seconds before it gives up, so all wait together.
    std::thread::scope(|scope| {
        scope.spawn(|| fails(silent_gateway, "orders", (UNREACHABLE, "unreachable"), &silent));
        scope.spawn(|| fails(deaf_feed, &book, (UNREACHABLE, "unreachable"), &silent));
    });
}

/// Runs `cuex serve` that must end by itself: it is stopped if it does not. A variable without a value is unset.
fn serve(data: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> Output {
    let program = cuex();
    let mut command = Command::new("timeout");
    command.arg("30").arg(program.get_program());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.env("CUEX_SERVE_DATA", data);
    for (name, value) in environment {
        if value.is_empty() {
            command.env_remove(name)
        } else {
            command.env(name, value)
        };
    }
    command.args(arguments).output().unwrap()
}

#[test]
fn a_configuration_that_does_not_hold_is_told_where() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let file = directory.path().join("cuex.toml");
    let name = file.to_str().unwrap();
    let with = |text: &'static str| {
        let (file, data) = (&file, &data);
        move |arguments: &[&str]| {
            fs::write(file, text).unwrap();
            // The environment would go before the file.
            serve(data, &[("CUEX_SERVE_GATEWAY__LISTEN", "")], arguments)
        }
    };
    let line = format!("serve --init --config {name}");
    fails(with("dta = \"x\"\n"), &line, (USAGE, "unknown-config-key"), "dta");
    fails(with("[gateway]\nport = 7411\n"), &line, (USAGE, "unknown-config-key"), "gateway.port");
    fails(with("[gateway\n"), &line, (USAGE, "bad-config"), "line 1");
    fails(with("gateway = 7411\n"), &line, (USAGE, "bad-config-value"), "7411");
    let set = |name: &'static str, value: &'static str| {
        let data = &data;
        move |arguments: &[&str]| serve(data, &[(name, value)], arguments)
    };
    let (key, init) = ("CUEX_SERVE_FEED__LISTEN", "serve --init");
    fails(set(key, "nowhere"), init, (USAGE, "bad-config-value"), "feed.listen 'nowhere'");
    let key = "CUEX_SERVE_JOURNAL__SEGMENT_MIB";
    fails(set(key, "0"), init, (USAGE, "bad-config-value"), "journal.segment_mib is 0");
    fails(set("CUEX_SERVE_BOGUS", "1"), init, (USAGE, "unknown-config-key"), "bogus");
    let missing = "serve --init --config no-such.toml";
    fails(set("CUEX_SERVE_JOURNAL__SEGMENT_MIB", "2"), missing, (USAGE, "no-config"), "no-such.toml");
    assert!(!data.exists(), "nothing is made for a configuration that does not hold");
}

#[test]
fn an_address_that_is_taken_is_named_with_its_setting() {
    let mut exchange = Exchange::start();
    exchange.stop();
    let before = fs::read(exchange.data().join("00000000000000000001.seg")).unwrap();
    let (udp, tcp) = (UdpSocket::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let taken_udp = udp.local_addr().unwrap().to_string();
    let taken_tcp = tcp.local_addr().unwrap().to_string();
    for (room, taken) in
        [("gateway", &taken_udp), ("feed", &taken_udp), ("web", &taken_tcp), ("metrics", &taken_tcp)]
    {
        let variable = format!("CUEX_SERVE_{}__LISTEN", room.to_uppercase());
        let run = |address: &str| {
            let (variable, address, data) = (variable.clone(), address.to_owned(), exchange.data());
            move |arguments: &[&str]| serve(&data, &[(&variable, &address)], arguments)
        };
        fails(run(taken), "serve", (USAGE, "port-in-use"), taken);
        fails(run(taken), "serve", (USAGE, "port-in-use"), &format!("{room}.listen"));
        // An address of a documentation network is nobody's own.
        fails(run("192.0.2.1:7411"), "serve", (USAGE, "bad-address"), "192.0.2.1:7411");
    }
    assert_eq!(fs::read(exchange.data().join("00000000000000000001.seg")).unwrap(), before);
    assert_eq!(exchange.restart().recovered, 1);
}

#[test]
fn a_data_directory_that_cannot_be_used_is_left_as_it_is() {
    let exchange = market();
    let data = exchange.data();
    let verify = format!("journal verify {}", data.display());
    let digest = format!("journal digest {}", data.display());
    let at = |data: &Path| {
        let data = data.to_owned();
        move |arguments: &[&str]| serve(&data, &[], arguments)
    };
    let before = holds(&exchange, "lab.key");
    for line in ["serve", "serve --init", &verify, &digest] {
        fails(at(&data), line, (USAGE, "data-in-use"), &data.display().to_string());
    }
    assert_eq!(holds(&exchange, "lab.key"), before, "the exchange that holds it goes on");

    let none = exchange.file("none");
    fails(at(&none), "serve", (USAGE, "no-exchange"), "none");
    fails(at(&none), &format!("journal verify {}", none.display()), (USAGE, "no-exchange"), "none");
    assert!(!none.exists());
}

#[test]
fn a_directory_that_holds_an_exchange_is_not_set_up_again() {
    let mut exchange = Exchange::start();
    exchange.stop();
    // The operator keeps the key elsewhere: no other one is made in its place.
    fs::rename(exchange.data().join("operator.key"), exchange.file("operator.key")).unwrap();
    let before = files(&exchange.data());
    let at = |arguments: &[&str]| serve(&exchange.data(), &[], arguments);
    fails(at, "serve --init", (USAGE, "exchange-exists"), &exchange.data().display().to_string());
    let mut after = files(&exchange.data());
    // The next segment's space is taken anew at every start, and is worth nothing to anybody else.
    after.retain(|name, _| before.contains_key(name) || !name.ends_with("prepared.tmp"));
    assert_eq!(after, before);
}

/// Puts a number into the header of the journal's first segment, and the checksum right.
fn with_number_at(segment: &[u8], offset: usize, number: u32) -> Vec<u8> {
    let mut bytes = segment.to_vec();
    bytes[offset..offset + 4].copy_from_slice(&number.to_le_bytes());
    let checksum = crc32c::crc32c(&bytes[..4_092]);
    bytes[4_092..4_096].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

#[test]
fn a_journal_of_another_version_or_a_damaged_one_is_refused() {
    let mut exchange = market();
    exchange.stop();
    let data = exchange.data();
    // A snapshot would say that the journal has lost its end, as no batch is intact under a header made up like these.
    for file in files(&data).keys().filter(|file| file.ends_with(".snap")) {
        fs::remove_file(file).unwrap();
    }
    let segment = data.join("00000000000000000001.seg");
    let good = fs::read(&segment).unwrap();
    let mut damaged = good.clone();
    // Inside the first batch, behind which others follow.
    damaged[4_096 + 60] ^= 1;
    let cases = [
        (with_number_at(&good, 8, 77), (USAGE, "other-version"), "77"),
        (with_number_at(&good, 12, 4_711), (USAGE, "other-version"), "4711"),
        (damaged, (REFUSED, "journal-damaged"), "00000000000000000001.seg"),
    ];
    for (bytes, expected, value) in cases {
        fs::write(&segment, bytes).unwrap();
        let before = files(&data);
        let at = |arguments: &[&str]| serve(&data, &[], arguments);
        fails(at, "serve", expected, value);
        for what in ["verify", "dump"] {
            fails(at, &format!("journal {what} {}", data.display()), expected, value);
        }
        assert_eq!(files(&data), before);
    }
    fs::write(&segment, &good).unwrap();
    assert!(exchange.restart().recovered > 1);
}
