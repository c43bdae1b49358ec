//! Answers to queries, from the mirror, each with the sequence it is true at.

use crate::mirror::Mirror;
use protocol::order_entry::{Query, QueryEnd, QueryKind, QueryRefused, ServerMessage};
use types::{Key, RejectCode, Rights, StateEvent};

/// Appends the whole answer to what `key` asks.
pub(crate) fn answer(mirror: &Mirror, key: &Key, query: Query, out: &mut Vec<u8>) {
    let Query { request, kind } = query;
    match kind {
        QueryKind::Account => {
            let own = mirror.account(key.account).copied().map(StateEvent::Account);
            say(own.into_iter().chain(mirror.belongings(key.account)), out);
        }
        QueryKind::Classes => say(mirror.classes(), out),
        QueryKind::Accounts if key.rights.include(Rights::OPERATE) => {
            say(mirror.accounts_and_keys().chain(mirror.cash()), out);
        }
        QueryKind::Accounts => {
            let (code, value) = (RejectCode::NotAllowed, i64::from(key.rights.0));
            return ServerMessage::QueryRefused(QueryRefused { request, code, value }).encode(out);
        }
    }
    let (sequence, last_report) = (mirror.sequence(), mirror.last_report(key.account));
    ServerMessage::QueryEnd(QueryEnd { request, sequence, last_report }).encode(out);
}

fn say(state: impl Iterator<Item = StateEvent>, out: &mut Vec<u8>) {
    state.filter_map(|event| ServerMessage::from_state(&event)).for_each(|line| line.encode(out));
}
