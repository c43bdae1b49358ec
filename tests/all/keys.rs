//! Keys from their first day to their last: read-only ones, rotation, reasons and the audit, and no secret in a log.

use crate::exchange::{Exchange, PATIENCE, Participant, cuex, feed_until};
use client::{CommandError, FeedEvent, Session, SessionError};
use protocol::CloseCode;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command as Process, Stdio};
use transport::PrivateKey;
use types::{
    ClassSpec, Command, KeyNo, MassCancel, NewOrder, OrderRef, PublicKey, RejectCode, Rights, Role, Scope,
    Side, TimeInForce, Timestamp, Why,
};

/// What the program prints for machines, line by line.
fn says(exchange: &Exchange, key: &Path, arguments: &[&str]) -> Vec<Value> {
    let output = exchange.cuex_as(key, &[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A key for an account, in a file of its own.
async fn with_key(operator: &Session, lab: &Participant, file: &Path, rights: Rights) -> (PrivateKey, KeyNo) {
    let key = PrivateKey::generate();
    key.save(file).unwrap();
    let registered =
        operator.register_key(lab.account, key.public(), rights, Timestamp::MAX, Why::NONE).await;
    (key, registered.unwrap())
}

#[tokio::test]
async fn a_read_only_key_reads_everything_and_is_refused_every_command() {
    let exchange = Exchange::start();
    let operator = exchange.operator().await;
    let (_, contract) = exchange.contract(&operator).await;
    let lab = exchange.participant(&operator, "lab", Role::Broker).await;
    let bid = lab.session.buy(contract, TimeInForce::Gtc, 19_000, 3).await.unwrap();
    let (key, _) = with_key(&operator, &lab, &exchange.file("analyst.key"), Rights::READ).await;
    let analyst = Session::connect(&exchange.info, &key).await.unwrap();

    assert_eq!(analyst.account().await.unwrap().orders.len(), 1);
    assert_eq!(analyst.classes().await.unwrap().len(), 1);
    let mut feed = exchange.subscriber(&key).await;
    lab.session.buy(contract, TimeInForce::Gtc, 18_000, 1).await.unwrap();
    feed_until(&mut feed, |feed, event| {
        matches!(event, FeedEvent::Book { .. })
            && feed.book(contract).is_some_and(|book| book.orders().count() == 2)
    })
    .await;

    let (spec, order) = (ClassSpec::example(), OrderRef::from(bid));
    let (public, rights, expires) = (PublicKey([9; 32]), Rights::READ, Timestamp::MAX);
    let currency = spec.currency;
    for command in [
        Command::NewOrder(NewOrder::limit(contract, Side::Buy, 1, 1)),
        Command::Cancel(order),
        Command::Replace { order, price: 18_000, units: 1 },
        Command::MassCancel(MassCancel { scope: Scope::All, side: None }),
        Command::CancelOnDisconnect { grace: 1 },
        Command::DepositCapacity { contract, units: 1, external: 1 },
        Command::DepositCash { account: lab.account, currency, amount: 1, external: 9, why: Why::NONE },
        Command::DefineClass { spec: Box::new(spec), why: Why::NONE },
        Command::OpenAccount { name: "mine".parse().unwrap(), role: Role::Operator, why: Why::NONE },
        Command::RegisterKey { account: lab.account, public, rights, expires, why: Why::NONE },
        Command::RevokeKey { key: KeyNo(1), why: Why::NONE },
    ] {
        let refused = analyst.request(command.clone()).await.unwrap_err();
        assert_eq!(refused.code(), Some(RejectCode::NotAllowed), "{command:?}");
    }
    let asked = analyst.accounts().await.unwrap_err();
    assert_eq!(asked.code(), Some(RejectCode::NotAllowed));
    assert_eq!(lab.session.account().await.unwrap().orders.len(), 2, "nothing has changed");
}

#[tokio::test]
async fn a_rotated_key_goes_on_with_the_orders_and_the_old_one_is_out() {
    let exchange = Exchange::start();
    let operator = exchange.operator().await;
    let (_, contract) = exchange.contract(&operator).await;
    let lab = exchange.participant(&operator, "lab", Role::Broker).await;
    let old_file = exchange.file("lab.key");
    let (old, no) = with_key(&operator, &lab, &old_file, Role::Broker.rights()).await;
    let session = Session::connect(&exchange.info, &old).await.unwrap();
    let bid = session.buy(contract, TimeInForce::Gtc, 19_000, 3).await.unwrap();
    session.close().await;

    let rotated = &says(&exchange, &old_file, &["key", "rotate", "lab-2"])[0];
    assert_eq!((rotated["replaces"].as_u64(), rotated["key"].as_u64()), (Some(no.0.into()), Some(4)));
    let refused = Session::connect(&exchange.info, &old).await.unwrap_err();
    assert!(matches!(refused, SessionError::Closed { code: CloseCode::KeyRevoked, .. }), "{refused}");
    let again = exchange.cuex_as(&old_file, &["key", "rotate", "lab-3"]);
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    assert!(!exchange.file("lab-3.key").exists(), "no key is made for a session that cannot be had");

    let new = PrivateKey::load(&exchange.file("lab-2.key")).unwrap();
    assert_eq!(rotated["public_key"], new.public().to_string());
    let session = Session::connect(&exchange.info, &new).await.unwrap();
    assert_eq!(session.welcome().rights, Role::Broker.rights());
    session.cancel(bid).await.unwrap();
    assert!(session.account().await.unwrap().orders.is_empty());
}

#[tokio::test]
async fn a_session_that_rotates_its_key_reads_the_answer_and_ends() {
    let exchange = Exchange::start();
    let operator = exchange.operator().await;
    exchange.contract(&operator).await;
    let lab = exchange.participant(&operator, "lab", Role::Broker).await;
    let next = PrivateKey::generate();
    // A public key that is listed is refused, and the session goes on.
    let listed = lab.session.rotate_key(lab.key.public()).await.unwrap_err();
    assert!(matches!(listed, CommandError::Rejected { code: RejectCode::KeyListed, .. }), "{listed}");
    assert_eq!(lab.session.rotate_key(next.public()).await.unwrap(), KeyNo(3));
    let ended = tokio::time::timeout(PATIENCE, lab.session.ended()).await.expect("it is cut");
    assert!(matches!(ended, SessionError::Closed { code: CloseCode::KeyRevoked, .. }), "{ended}");
    let session = Session::connect(&exchange.info, &next).await.unwrap();
    assert_eq!((session.welcome().key, session.welcome().account), (KeyNo(3), lab.account));
}

#[tokio::test]
async fn the_audit_lists_every_privileged_act_with_who_why_and_what_came_of_it() {
    let mut exchange = Exchange::start();
    let operator = exchange.data().join("operator.key");
    for name in ["lab", "thief", "spare"] {
        says(&exchange, &operator, &["key", "new", name]);
    }
    let public = |name: &str| PrivateKey::load(&exchange.file(name)).unwrap().public().to_string();
    let (lab, spare) = (public("lab.key"), public("spare.key"));
    let by_operator = |arguments: &[&str]| says(&exchange, &operator, arguments);
    by_operator(&["class", "define", "H100SXM-USE", "--why", "spring listing"]);
    by_operator(&[
        "account",
        "open",
        "lab",
        "--role",
        "broker",
        "--public-key",
        &lab,
        "--why",
        "contract 114",
    ]);
    by_operator(&["account", "deposit", "lab", "1000", "--id", "7", "--why", "wire of Friday"]);
    by_operator(&["account", "deposit", "lab", "1000", "--id", "7"]);
    by_operator(&["account", "add-key", "lab", &spare, "--read-only"]);
    // Why a key is revoked must be said.
    for why in [&["key", "revoke", "3"][..], &["key", "revoke", "3", "--why", " "]] {
        let output = exchange.cuex_as(&operator, why);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
    by_operator(&["key", "revoke", "3", "--why", "lost laptop"]);
    let refused =
        exchange.cuex_as(&operator, &["account", "open", "lab", "--role", "analyst", "--why", "again"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    // A broker that tries is in the list too.
    let stolen = exchange.cuex_as(&exchange.file("lab.key"), &["key", "revoke", "1", "--why", "mine now"]);
    assert_eq!(stolen.status.code(), Some(1), "{stolen:?}");
    let set = says(&exchange, &exchange.file("lab.key"), &["cancel", "--on-disconnect", "30s"]);
    assert_eq!(set[0]["reports"][0]["grace_s"], 30);
    says(&exchange, &exchange.file("lab.key"), &["key", "rotate", "lab-2"]);
    let data = exchange.data();
    let running = exchange.cuex_as(&operator, &["audit", data.to_str().unwrap()]);
    assert_eq!(running.status.code(), Some(2), "the journal of a running exchange is not read: {running:?}");
    exchange.stop();

    let acts = says(&exchange, &operator, &["audit", data.to_str().unwrap()]);
    let listed: Vec<[String; 4]> = acts
        .iter()
        .map(|act| {
            let text = |field: &str| act[field].as_str().unwrap_or("-").to_owned();
            let by = act["key"].as_u64().map_or("-".to_owned(), |key| key.to_string());
            [text("act"), by, text("why"), text("code")]
        })
        .collect();
    let expected = [
        ["genesis", "-", "", "-"],
        ["define-class", "1", "spring listing", "-"],
        ["open-account", "1", "contract 114", "-"],
        ["register-key", "1", "contract 114", "-"],
        ["deposit-cash", "1", "wire of Friday", "-"],
        ["deposit-cash", "1", "", "-"],
        ["register-key", "1", "", "-"],
        ["revoke-key", "1", "lost laptop", "-"],
        ["open-account", "1", "again", "NameTaken"],
        ["revoke-key", "2", "mine now", "NotAllowed"],
        ["rotate-key", "2", "", "-"],
    ];
    assert_eq!(listed, expected.map(|act| act.map(str::to_owned)));
    assert!(acts.iter().all(|act| act["refused"] == (act["code"] != Value::Null)));
    assert_eq!((&acts[9]["account_name"], &acts[8]["account_name"]), (&"lab".into(), &"operator".into()));
    assert_eq!(acts[5]["outcome"], "done: it was there already");
    assert!(acts.is_sorted_by_key(|act| act["sequence"].as_u64()), "{acts:?}");
    let page = exchange.cuex_as(&operator, &["audit", data.to_str().unwrap()]);
    let page = String::from_utf8(page.stdout).unwrap();
    assert!(page.contains("revoke key 3 of account 2 'lab'") && page.contains("lost laptop"), "{page}");
    assert_eq!(page.lines().count(), expected.len() + 1);
}

#[test]
fn no_log_shows_a_private_key() {
    let directory = tempfile::tempdir().unwrap();
    let (data, log) = (directory.path().join("data"), directory.path().join("serve.log"));
    let mut serve = cuex();
    serve.args(["--json", "serve", "--init", "--data"]).arg(&data).env("RUST_LOG", "trace");
    serve.stdout(Stdio::piped()).stderr(std::fs::File::create(&log).unwrap());
    let mut child = serve.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.find(|line| line.as_ref().unwrap().contains("\"started\"")).expect("it starts").unwrap();
    let mut list = cuex();
    list.args(["account", "list"]).env("RUST_LOG", "trace");
    list.env("CUEX_KEY", data.join("operator.key")).env("CUEX_EXCHANGE", data.join("exchange.toml"));
    let listed = list.output().unwrap();
    assert!(listed.status.success(), "{listed:?}");
    Process::new("kill").arg("-TERM").arg(child.id().to_string()).status().unwrap();
    assert!(child.wait().unwrap().success());

    let mut said = std::fs::read_to_string(&log).unwrap();
    said.push_str(&String::from_utf8(listed.stderr).unwrap());
    said.push_str(&String::from_utf8(listed.stdout).unwrap());
    assert!(said.contains("TRACE"), "the logs were made to say everything");
    for name in ["operator.key", "server.key"] {
        let pem = std::fs::read_to_string(data.join(name)).unwrap();
        let body: Vec<&str> = pem.lines().filter(|line| !line.starts_with('-')).collect();
        assert!(!body.is_empty() && body.iter().all(|line| !said.contains(line)), "{name}");
        assert!(!said.contains("PRIVATE KEY"), "{name}");
    }
}
