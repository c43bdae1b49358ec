//! What is wrong with a message is told apart: a misfit in a command, a message of nobody's, a wrong length.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use protocol::header::{Frame, split};
use protocol::order_entry::{ClientMessage, NotOnTheWire, ServerMessage, encode_command, lane_of};
use protocol::{MESSAGE_MAX, VERSION, WireError};
use types::{
    AccountId, Class, ClassNo, ClassSpec, Command, ContractId, KeyNo, Lane, MassCancel, NewOrder, OrderRef,
    PublicKey, RejectCode, Rights, Role, Scope, Side, StateEvent, TimeInForce, Timestamp, Why,
};

fn only(bytes: &[u8]) -> Frame<'_> {
    split(bytes).unwrap().unwrap().0
}

#[test]
fn a_command_with_a_field_that_names_nothing_is_refused_by_number() {
    let order = NewOrder::limit(ContractId(1), Side::Buy, 1, 1);
    let stop = NewOrder { trigger: Some(1), ..order };
    let dated = NewOrder { time_in_force: TimeInForce::Gtd(Timestamp(1)), ..order };
    let all = MassCancel { scope: Scope::All, side: None };
    let public = PublicKey([0; 32]);
    let register = Command::RegisterKey {
        account: AccountId(1),
        public,
        rights: Rights(15),
        expires: Timestamp(0),
        why: Why::NONE,
    };
    let open = Command::OpenAccount { name: "a".parse().unwrap(), role: Role::Broker, why: Why::NONE };
    for (command, at, byte, code, value) in [
        // A side, a kind, a time in force, an instruction and a flag that do not exist.
        (Command::NewOrder(order), 56, 3, RejectCode::UnknownChoice, 3),
        (Command::NewOrder(order), 57, 9, RejectCode::UnknownChoice, 9),
        (Command::NewOrder(order), 58, 0, RejectCode::UnknownChoice, 0),
        (Command::NewOrder(order), 58, 5, RejectCode::UnknownChoice, 5),
        (Command::NewOrder(order), 59, 5, RejectCode::UnknownChoice, 5),
        (Command::NewOrder(order), 60, 8, RejectCode::UnknownChoice, 8),
        // A trigger without the flag of a stop, a moment without the choice it goes with.
        (Command::NewOrder(stop), 60, 0, RejectCode::BadField, 0),
        (Command::NewOrder(dated), 58, 1, RejectCode::BadField, 0),
        (Command::MassCancel(all), 22, 4, RejectCode::UnknownChoice, 4),
        (Command::MassCancel(all), 23, 3, RejectCode::UnknownChoice, 3),
        // A contract and a class that a mass cancel of everything names, and a class that cannot be.
        (Command::MassCancel(all), 16, 1, RejectCode::BadField, 0),
        (Command::MassCancel(all), 20, 1, RejectCode::BadField, 0),
        (Command::MassCancel(all), 21, 8, RejectCode::BadField, 0),
        (Command::Cancel(OrderRef::Number(1)), 24, 9, RejectCode::UnknownChoice, 9),
        (
            Command::Replace { order: OrderRef::Number(1), price: 1, units: 1 },
            36,
            9,
            RejectCode::UnknownChoice,
            9,
        ),
        (register, 119, 31, RejectCode::UnknownChoice, 31),
        (open.clone(), 95, 5, RejectCode::UnknownChoice, 5),
        (open.clone(), 16, b'A', RejectCode::BadField, 0),
        // A reason that is no plain text, and one that goes on behind its end.
        (open.clone(), 32, 0x1b, RejectCode::BadField, 0),
        (open, 94, b'x', RejectCode::BadField, 0),
        (Command::RevokeKey { key: KeyNo(1), why: Why::NONE }, 17, b'x', RejectCode::BadField, 0),
        (
            Command::DefineClass { spec: Box::new(ClassSpec::example()), why: Why::NONE },
            16,
            0,
            RejectCode::BadField,
            0,
        ),
        // A performance without its precision.
        (
            Command::DefineClass { spec: Box::new(ClassSpec::example()), why: Why::NONE },
            76,
            1,
            RejectCode::BadField,
            0,
        ),
        (
            Command::SetKillSwitch { account: AccountId(2), on: true, why: Why::NONE },
            79,
            2,
            RejectCode::UnknownChoice,
            2,
        ),
        (Command::Halt { scope: Scope::All, why: Why::NONE }, 22, 4, RejectCode::UnknownChoice, 4),
        (Command::Halt { scope: Scope::All, why: Why::NONE }, 16, 1, RejectCode::BadField, 0),
        (Command::Resume { scope: Scope::All, why: Why::NONE }, 20, 1, RejectCode::BadField, 0),
        (Command::Resume { scope: Scope::All, why: Why::NONE }, 24, 0x1b, RejectCode::BadField, 0),
    ] {
        let mut bytes = Vec::new();
        encode_command(77, &command, &mut bytes).unwrap();
        bytes[at] = byte;
        let misfit = ClientMessage::Misfit { number: 77, lane: lane_of(&command), code, value };
        assert_eq!(ClientMessage::decode(only(&bytes)), Ok(misfit), "{command:?}, byte {at}");
    }
}

#[test]
fn what_nobody_says_has_no_bytes() {
    let mut out = Vec::new();
    let genesis = Command::Genesis { operator: PublicKey([7; 32]), seed: 0 };
    let disconnected = Command::Disconnected { key: KeyNo(1) };
    for command in [Command::Clock, Command::Continue, genesis, disconnected] {
        assert_eq!(encode_command(1, &command, &mut out), Err(NotOnTheWire));
    }
    let (code, lane) = (RejectCode::BadField, Some(Lane::Orders));
    let misfit = ClientMessage::Misfit { number: 1, lane, code, value: 0 };
    assert_eq!(misfit.encode(&mut out), Err(NotOnTheWire));
    assert!(out.is_empty());
    assert_eq!(ServerMessage::from_state(&StateEvent::Reports { account: AccountId(1), last: 1 }), None);
}

#[test]
fn errors_say_what_was_wrong() {
    let hello = [16, 0, 0x01, VERSION].into_iter().chain([0; 12]).collect::<Vec<u8>>();
    let frame = only(&hello);
    assert_eq!(ServerMessage::decode(frame), Err(WireError::UnknownKind { kind: 0x01 }));
    let short = Frame { bytes: &hello[..12], ..frame };
    let error = ClientMessage::decode(short).unwrap_err();
    assert_eq!(error, WireError::WrongLength { kind: 0x01, length: 12, expected: 16 });
    assert_eq!(error.to_string(), "a message of kind 0x01 is 16 bytes long, not 12");
    let lane = only(&[8, 0, 0x03, VERSION, 9, 0, 0, 0]);
    assert_eq!(ClientMessage::decode(lane).unwrap_err().to_string(), "9 is no lane");

    // A class whose terms would let a reader divide by zero is refused as it is read.
    let mut bytes = Vec::new();
    let spec = ClassSpec { slot_hours: 0, ..ClassSpec::example() };
    ServerMessage::Class(Class { no: ClassNo(0), spec }).encode(&mut bytes);
    assert_eq!(
        ServerMessage::decode(only(&bytes)).unwrap_err().to_string(),
        "the field 'terms of a class' is not in its form"
    );
    assert_eq!(MESSAGE_MAX, 4_096);
}
