//! The program as people type it: the README's tour as it stands there, and the same commands for machines.

use crate::exchange::{Exchange, hours_ahead};
use protocol::symbol::ContractSymbol;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use types::{Class, ClassNo, ClassSpec};

/// Runs a test again if a whole hour went by in its middle: then `+6h` did not mean one slot.
fn within_one_hour<T>(mut test: impl FnMut() -> T) -> T {
    loop {
        let hour = hours_ahead(0);
        let outcome = test();
        if hours_ahead(0) == hour {
            return outcome;
        }
    }
}

/// The code blocks of the README's tour: the operator's, the provider's, the broker's, and what the last prints.
fn tour() -> [String; 4] {
    let readme = include_str!("../../README.md");
    let (_, section) = readme.split_once("## Three terminals\n").expect("the README has the tour");
    let (section, _) = section.split_once("\n## ").unwrap();
    let blocks: Vec<String> = section
        .split("```")
        .skip(1)
        .step_by(2)
        .map(|block| block.trim_start_matches("sh").to_owned())
        .collect();
    blocks.try_into().expect("the tour has four blocks")
}

/// Runs lines in a shell of their own, as one of three terminals, in the test's directory.
fn type_in(exchange: &Exchange, lines: &str) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_cuex"));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let directory = exchange.file("");
    let output = Command::new("sh")
        .args(["-e", "-c", lines])
        .env("PATH", path)
        .env_remove("CUEX_KEY")
        .env_remove("CUEX_EXCHANGE")
        .current_dir(directory)
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success() && err.is_empty(), "{lines}\n{out}{err}");
    out
}

/// Lines that begin so, and the others.
fn taken_out(lines: &str, start: &str) -> (String, String) {
    let (with, without): (Vec<&str>, Vec<&str>) = lines.lines().partition(|line| line.starts_with(start));
    (with.join("\n"), without.join("\n"))
}

/// Output without what differs from run to run: the numbers of orders and the slot.
fn same_each_time(output: &str) -> Vec<String> {
    let line = |line: &str| {
        let mut words: Vec<&str> = line.split_whitespace().collect();
        for at in 0..words.len() {
            if at > 0 && words[at - 1] == "order" {
                words[at] = "N";
            } else if words[at].starts_with("H100SXM-USE-20") {
                words[at] = "SLOT";
            }
        }
        words.join(" ")
    };
    output.lines().map(line).collect()
}

#[test]
fn the_tour_of_the_readme_is_what_happens() {
    let [operator, provider, broker, printed] = tour();
    let (serve, operator) = taken_out(&operator, "cuex serve");
    assert_eq!(serve, "cuex serve --init --config docs/cuex.toml");
    let (mut exchange, told) = within_one_hour(|| {
        let exchange = Exchange::start_with(&["--init", "--config", "docs/cuex.toml"]);
        std::os::unix::fs::symlink(exchange.data(), exchange.file("cuex-data")).unwrap();
        let mut operator = operator.clone();
        let mut trading = Vec::new();
        for (who, lines) in [("ACME", &provider), ("LAB", &broker)] {
            let (makes_key, trades) = taken_out(lines, "cuex key new");
            let key = type_in(&exchange, &makes_key);
            operator = operator.replace(
                &format!("PUBLIC_KEY_OF_{who}"),
                key.split_whitespace().next().expect("the public key comes first"),
            );
            trading.push(trades);
        }
        type_in(&exchange, &operator);
        type_in(&exchange, &trading[0]);
        let told = type_in(&exchange, &trading[1]);
        (exchange, told)
    });
    let (told, printed) = (same_each_time(&told), same_each_time(printed.trim()));
    assert!(told.windows(printed.len()).any(|lines| lines == printed), "{told:#?}\nhas no {printed:#?}");
    // Before it bought it saw the offer, and afterwards it holds what it paid for.
    assert!(told.iter().any(|line| line == "1.9500 8 1"), "{told:#?}");
    assert!(told.iter().any(|line| line == "SLOT 3 0"), "{told:#?}");
    assert!(told.iter().any(|line| line == "USD 994.14415 0.00"), "{told:#?}");

    let stopped = exchange.stop();
    let verified = type_in(&exchange, "cuex journal verify cuex-data");
    assert!(verified.contains(stopped["digest"].as_str().unwrap()), "{verified}");
}

/// Somebody who types with `--json` before an exchange.
pub(crate) struct Typist<'a> {
    pub(crate) exchange: &'a Exchange,
    pub(crate) key: PathBuf,
}

impl Typist<'_> {
    /// What a command prints, which is one line of JSON.
    pub(crate) fn says(&self, line: &str) -> Value {
        let mut lines = self.lines(line);
        assert_eq!(lines.len(), 1, "{line}: {lines:?}");
        lines.remove(0)
    }

    fn lines(&self, line: &str) -> Vec<Value> {
        let arguments: Vec<&str> = line.split_whitespace().chain(["--json"]).collect();
        let output = self.exchange.cuex_as(&self.key, &arguments);
        assert!(output.status.success() && output.stderr.is_empty(), "{line}: {output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[test]
fn every_command_speaks_json() {
    let mut exchange = Exchange::start();
    let by = |key: &str| Typist { exchange: &exchange, key: exchange.file(key) };
    let (operator, acme, lab) = (by("data/operator.key"), by("acme.key"), by("lab.key"));
    let slot = six_hours_ahead();
    let class = operator.says("class define H100SXM-USE --tick 0.0001");
    assert_eq!((class["symbol"].as_str(), class["tick"].as_str()), (Some("H100SXM-USE"), Some("0.0001")));
    assert_eq!(operator.says("class list").as_array().map(Vec::len), Some(1));
    for (typist, name, role) in [(&acme, "acme", "provider"), (&lab, "lab", "broker")] {
        let key = typist.says(&format!("key new {name}"));
        assert_eq!(typist.says(&format!("key show {name}.key"))["public_key"], key["public_key"]);
        let public = key["public_key"].as_str().unwrap();
        let opened = operator.says(&format!("account open {name} --role {role} --public-key {public}"));
        assert_eq!((opened["name"].as_str(), opened["role"].as_str()), (Some(name), Some(role)));
    }
    let paid = operator.says("account deposit lab 1000 --id 7");
    assert_eq!((paid["credited"].as_str(), paid["external"].as_u64()), (Some("1000.00"), Some(7)));
    let again = operator.says("account deposit lab 1000 --id 7");
    assert_eq!(again["credited"], "0.00");

    assert_eq!(
        acme.says(&format!("capacity add {slot}-3H 8 --id 1"))["deposits"].as_array().unwrap().len(),
        3
    );
    assert_eq!(acme.says("capacity list")["holdings"][0]["free"], 8);
    let ask = acme.says(&format!("sell {slot} 8@1.95"))["reports"][0].clone();
    assert_eq!((ask["kind"].as_str(), ask["contract"].as_str()), (Some("accepted"), Some(slot.as_str())));
    let reports = lab.says(&format!("buy {slot} 3@2.10"))["reports"].clone();
    assert_eq!((reports[1]["kind"].as_str(), reports[1]["price"].as_str()), (Some("filled"), Some("1.9500")));
    assert_eq!(lab.says("fills")["fills"][0]["fee"], "0.00585");
    let book = lab.says(&format!("book {slot}"));
    assert_eq!((book["asks"][0]["units"].as_u64(), book["last_price"].as_str()), (Some(5), Some("1.9500")));

    let order = ask["order"].as_u64().unwrap();
    let replaced = acme.says(&format!("replace {order} 6@2.00"))["reports"][0].clone();
    assert_eq!((replaced["kind"].as_str(), replaced["left"].as_u64()), (Some("replaced"), Some(3)));
    assert_eq!(acme.says("orders")["orders"][0]["price"], "2.0000");
    assert_eq!(acme.says(&format!("cancel {order}"))["reports"][0]["units"], 3);
    assert_eq!(acme.says("orders")["orders"].as_array().map(Vec::len), Some(0));
    assert_eq!(lab.says("account show")["holdings"][0]["free"], 3);

    let spare = lab.says("key new spare")["public_key"].as_str().unwrap().to_owned();
    let added = operator.says(&format!("account add-key lab {spare} --read-only --expires +30d"));
    assert_eq!(added["rights"], "read");
    assert_eq!(operator.says(&format!("key revoke {} --why spare", added["key"]))["revoked"], true);
    let accounts = operator.says("account list")["accounts"].clone();
    let keys: Vec<usize> =
        accounts.as_array().unwrap().iter().map(|one| one["keys"].as_array().unwrap().len()).collect();
    assert_eq!(keys, [1, 1, 2]);

    let data = exchange.data();
    let stopped = exchange.stop();
    let anybody = Typist { exchange: &exchange, key: exchange.file("lab.key") };
    let verified = anybody.says(&format!("journal verify {}", data.display()));
    assert_eq!((&verified["ok"], &verified["digest"]), (&Value::Bool(true), &stopped["digest"]));
    let head = anybody.says(&format!("journal digest {}", data.display()));
    assert_eq!((&head["head"], &head["last_sequence"]), (&verified["head"], &verified["last_sequence"]));
    let records = anybody.lines(&format!("journal dump {}", data.display()));
    assert_eq!(Some(records.len() as u64), verified["records"].as_u64());
    assert_eq!(records.last().unwrap()["sequence"], verified["last_sequence"]);
}

#[test]
fn an_order_is_changed_and_taken_back_in_words() {
    let exchange = Exchange::start();
    let (operator, acme) = (exchange.data().join("operator.key"), exchange.file("acme.key"));
    let says = |key: &Path, line: &str| {
        let output = exchange.cuex_as(key, &line.split_whitespace().collect::<Vec<_>>());
        assert!(output.status.success() && output.stderr.is_empty(), "{line}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let key = says(&acme, "key new acme");
    let public = key.split_whitespace().next().unwrap();
    says(&operator, "class define H100SXM-USE");
    says(&operator, &format!("account open acme --role provider --public-key {public}"));
    let slot = six_hours_ahead();
    says(&acme, &format!("capacity add {slot} 8 --id 1"));
    let accepted = says(&acme, &format!("sell {slot} 8@1.95"));
    let order = accepted.split_whitespace().nth(1).unwrap();

    let told = says(&acme, &format!("replace {order} 6@1.95"));
    assert_eq!(told, format!("order {order} is now 6 at 1.9500 USD, 6 left, in its place\n"));
    let told = says(&acme, &format!("replace {order} 6@1.90"));
    assert_eq!(told, format!("order {order} is now 6 at 1.9000 USD, 6 left, at the end of the queue\n"));
    let told = says(&acme, "orders");
    assert_eq!(same_each_time(&told)[1], format!("{order} SLOT sell limit 1.9000 - 6 6 6 gate"));
    let told = says(&acme, &format!("cancel {order}"));
    assert_eq!(told, format!("order {order} ended with 6 unfilled: cancelled by its owner\n"));
    assert_eq!(says(&acme, "orders"), "no open orders\n");
    assert_eq!(says(&acme, &format!("book {slot}")).lines().nth(1), Some("the book is empty"));
}

#[test]
fn orders_of_all_kinds_are_typed_shown_and_cancelled_together() {
    let exchange = Exchange::start();
    let by = |key: &str| Typist { exchange: &exchange, key: exchange.file(key) };
    let (operator, acme) = (by("data/operator.key"), by("acme.key"));
    let slot = six_hours_ahead();
    operator.says("class define H100SXM-USE");
    let public = acme.says("key new acme")["public_key"].as_str().unwrap().to_owned();
    operator.says(&format!("account open acme --role provider --public-key {public}"));
    operator.says("account deposit acme 1000 --id 1");
    acme.says(&format!("capacity add {slot} 800 --id 1"));

    let iceberg = acme.says(&format!("sell {slot} 400@2.10 --show 40 --until +90m --post-only"));
    let accepted = &iceberg["reports"][0];
    assert_eq!((&accepted["show"], &accepted["post_only"]), (&Value::from(40), &Value::Bool(true)));
    assert_eq!(accepted["tif"], "gtd");
    acme.says(&format!("sell {slot} 8@1.80 --stop 1.90 --all-or-none --self-trade decrement"));
    acme.says(&format!("buy {slot} 3@1.50"));
    let market = acme.says(&format!("buy {slot} 3@1.60 --market --self-trade cancel-resting"));
    assert_eq!(market["reports"][1]["reason"], "nothing more to be had within a market order's price");

    let orders = acme.says("orders")["orders"].clone();
    let [iceberg, stop, bid] = [&orders[0], &orders[1], &orders[2]];
    assert_eq!((&iceberg["shown"], &iceberg["left"]), (&Value::from(40), &Value::from(400)));
    assert_eq!(iceberg["until"], accepted["until"]);
    assert_eq!((&stop["stop"], &stop["min"], &stop["shown"]), (&"1.9000".into(), &8.into(), &0.into()));
    assert_eq!((&bid["self_trade"], &bid["tif"]), (&Value::from("cancel-incoming"), &Value::from("gtc")));
    let output = exchange.cuex_as(&acme.key, &["orders"]);
    let told = same_each_time(&String::from_utf8(output.stdout).unwrap());
    let row = |of: &Value, rest: &str| format!("{} SLOT {rest}", of["order"]);
    assert_eq!(told[0], "order N side kind price trigger left of shown until");
    let until = iceberg["until"].as_str().unwrap();
    assert_eq!(told[1], row(iceberg, &format!("sell post-only iceberg 2.1000 - 400 400 40 {until}")));
    assert_eq!(told[2], row(stop, "sell stop limit 1.8000 1.9000 8 8 0 gate"));
    assert_eq!(told[3], row(bid, "buy limit 1.5000 - 3 3 3 gate"));

    let asks = acme.says("cancel --class H100SXM-USE --side sell")["reports"].clone();
    let kinds: Vec<&str> = asks.as_array().unwrap().iter().map(|it| it["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["mass_cancel_accepted", "cancelled", "cancelled", "mass_cancel_done"]);
    assert_eq!(asks[3]["orders"], 2);
    assert_eq!(acme.says("orders")["orders"][0]["order"], bid["order"]);
    let output = exchange.cuex_as(&acme.key, &["cancel", "--contract", &slot]);
    let told = same_each_time(&String::from_utf8(output.stdout).unwrap());
    let ended = "order N ended with 3 unfilled: cancelled by its owner, with others";
    assert_eq!(told, ["cancelling your orders of SLOT", ended, "done: 1 cancelled"]);
    let [one, other] = ["1.40", "1.30"]
        .map(|price| acme.says(&format!("buy {slot} 1@{price}"))["reports"][0]["order"].as_u64().unwrap());
    let both = acme.says(&format!("cancel {one} {other}"))["reports"].clone();
    assert_eq!((both[0]["order"].as_u64(), both[1]["order"].as_u64()), (Some(one), Some(other)));
    assert_eq!(acme.says("cancel --all")["reports"][1]["orders"], 0);
}

/// A contract of the class the tests list first, by its full symbol.
pub(crate) fn six_hours_ahead() -> String {
    let class = Class { no: ClassNo(0), spec: ClassSpec::example() };
    let contract = class.contract(hours_ahead(6)).unwrap();
    ContractSymbol::of(&class, contract).to_string()
}
