//! Commands of the operator's desk and deposits, and what opens a stream.

use types::{
    AccountId, AccountName, ClassNo, ClassSpec, Code, Command, ContractId, HOUR_NANOS, Hour, KeyNo,
    MINUTE_NANOS, PublicKey, Rights, Role, Timestamp, Why,
};

use super::super::reference::Reference;
use super::{Generator, Kind};

const ROLES: [Role; 4] = [Role::Broker, Role::Provider, Role::Analyst, Role::Operator];

impl Generator {
    pub(super) fn open(&mut self) {
        let classes = if self.kind == Kind::Busy { 1 + self.rng.below(3) } else { 1 };
        let mut opening = vec![Command::Genesis { operator: public(1) }];
        opening.extend(
            (0..classes).map(|number| Command::DefineClass { spec: self.spec(number), why: Why::NONE }),
        );
        for (number, &role) in (2..).zip(self.mix.roles) {
            opening.push(Command::OpenAccount { name: name(number), role, why: Why::NONE });
            let (rights, expires) = (role.rights(), Timestamp::MAX);
            let account = AccountId(u32::try_from(number).unwrap());
            opening.push(Command::RegisterKey {
                account,
                public: public(number),
                rights,
                expires,
                why: Why::NONE,
            });
            let (currency, amount) = (code("CUR", 0), self.opening_cash());
            opening.push(Command::DepositCash { account, currency, amount, external: 1, why: Why::NONE });
        }
        // A second key for the first provider: its numbers are its own.
        let (rights, expires) = (Role::Provider.rights(), Timestamp(self.time + 40 * HOUR_NANOS));
        opening.push(Command::RegisterKey {
            account: AccountId(2),
            public: public(60),
            rights,
            expires,
            why: Why::NONE,
        });
        self.opening = opening.iter().map(|&command| (KeyNo(1), command)).collect();
        if self.kind == Kind::Sweeping {
            self.opening.push_back((KeyNo(2), Command::CancelOnDisconnect { grace: 30 }));
        }
        let Some(Command::DefineClass { spec: first, .. }) = opening.get(1).copied() else {
            unreachable!("listed above")
        };
        let slot_hours = u32::from(first.slot_hours);
        for (key, role) in (2..).zip(self.mix.roles) {
            if *role == Role::Provider {
                for ahead in 0..self.mix.contracts {
                    let start = self.first_hour().next_multiple_of(slot_hours) + ahead * slot_hours;
                    let contract = ContractId::new(ClassNo(0), Hour(start));
                    let deposit = Command::DepositCapacity { contract, units: 50_000, external: 1 };
                    self.opening.push_back((KeyNo(key), deposit));
                }
            }
        }
    }

    fn opening_cash(&mut self) -> i64 {
        if self.kind == Kind::Busy { self.rng.pick(&[200_000, 5_000_000, 1 << 40]) } else { 1 << 50 }
    }

    /// The slots that are traded from the beginning start then or later.
    fn first_hour(&self) -> u32 {
        u32::try_from(self.began / HOUR_NANOS).unwrap() + if self.kind == Kind::Busy { 1 } else { 3 }
    }

    pub(super) fn desk(&mut self) -> Command {
        match self.rng.below(20) {
            0..5 => Command::DepositCash {
                account: self.account(),
                currency: code("CUR", self.rng.below(4)),
                amount: self.rng.pick(&[0, 1, 7_000, 60_000, 2_500_000, 1 << 62]),
                external: self.rng.below(12),
                why: Why::NONE,
            },
            5..7 => {
                let number = self.rng.below(7);
                Command::DefineClass { spec: self.spec(number), why: Why::NONE }
            }
            7..9 => Command::OpenAccount {
                name: name(self.rng.below(12)),
                role: self.rng.pick(&ROLES),
                why: Why::NONE,
            },
            9..12 => self.register_key(),
            12 => Command::RevokeKey {
                key: KeyNo(1 + self.rng.small(14) * u32::from(self.rng.chance(98))),
                why: Why::NONE,
            },
            13..17 => Command::CancelOnDisconnect { grace: self.rng.pick(&[0, 1, 30, 86_400, 86_401]) },
            17..19 => Command::RotateKey { public: public(self.rng.below(250)) },
            _ => self.rng.pick(&[
                Command::Clock,
                Command::Continue,
                Command::Genesis { operator: public(3) },
                Command::Disconnected { key: KeyNo(2) },
            ]),
        }
    }

    /// Mostly of a key that has a grace; sometimes of any, or none.
    pub(super) fn disconnected(&mut self, known: &Reference) -> Command {
        let waits: Vec<KeyNo> = known.keys.iter().filter(|key| key.grace > 0).map(|key| key.no).collect();
        let key = if waits.is_empty() || self.rng.chance(10) {
            KeyNo(self.rng.small(u32::try_from(known.keys.len()).unwrap() + 2))
        } else {
            self.rng.pick(&waits)
        };
        Command::Disconnected { key }
    }

    pub(super) fn capacity(&mut self, known: &Reference) -> Command {
        let contract = self.contract(known);
        let externals = if self.kind.is_crowded() { 2_000 } else { 12 };
        Command::DepositCapacity { contract, units: self.units(60), external: self.rng.below(externals) }
    }

    pub(super) fn contract(&mut self, known: &Reference) -> ContractId {
        let listed = if self.rng.chance(60) { 1 } else { known.classes.len().max(1) };
        let Some(class) = known.classes.get(self.rng.index(listed)) else {
            return ContractId(0);
        };
        let hour = u32::try_from(self.time / HOUR_NANOS).unwrap();
        let slot_hours = u32::from(class.spec.slot_hours);
        let running = hour / slot_hours * slot_hours;
        let (no, start) = match self.rng.below(100) {
            0..89 if self.kind == Kind::Gates => {
                (class.no, running + slot_hours * (2 + u32::from(self.rng.chance(25))))
            }
            0..86 if self.kind == Kind::Busy => {
                (class.no, running + slot_hours * (1 + self.rng.small(self.mix.contracts)))
            }
            0..98 if self.kind != Kind::Busy && self.first_hour() > hour + 1 => {
                (ClassNo(0), self.first_hour() + self.rng.small(self.mix.contracts))
            }
            0..89 => (class.no, running + slot_hours * self.rng.small(3)),
            89..94 => (class.no, hour + u32::from(class.spec.horizon_hours) - self.rng.small(3)),
            94..96 => (class.no, running + slot_hours + 1),
            96..98 => (ClassNo(u16::try_from(known.classes.len()).unwrap()), running),
            _ => (class.no, self.rng.small(10) * slot_hours),
        };
        ContractId::new(no, Hour(start))
    }

    fn register_key(&mut self) -> Command {
        let account = self.account();
        // What keys live for is long enough for some, and over before it begins for a few.
        let lives = self.rng.below(8 * HOUR_NANOS);
        Command::RegisterKey {
            account,
            public: public(self.rng.below(40)),
            rights: if self.rng.chance(60) { Rights(3) } else { Rights(self.rng.byte(20)) },
            expires: Timestamp(self.time.saturating_sub(MINUTE_NANOS).saturating_add(lives)),
            why: Why::NONE,
        }
    }

    fn account(&mut self) -> AccountId {
        AccountId(self.rng.small(8))
    }

    /// The terms of a class: one of a few symbols and currencies, so that some are taken; some are bad.
    fn spec(&mut self, number: u64) -> ClassSpec {
        let (is_busy, is_first) = (self.kind == Kind::Busy, number == 0);
        let slot_hours = if is_busy { self.rng.pick(&[1, 1, 2, 4, 5]) } else { 1 };
        let gates: &[u16] = if is_busy { &[0, 0, 15, 60] } else { &[0, 15] };
        let horizons: &[u16] = if is_busy { &[6, 4, 3] } else { &[6, 8] };
        ClassSpec {
            model: code("M", number),
            region: code("R", 0),
            currency: code("CUR", number),
            tick: self.rng.pick(if is_first { &[1, 7, 100] } else { &[1, 7, 100, 1_000_000_000] }),
            slot_hours,
            gate_minutes: self.rng.pick(gates),
            horizon_hours: u16::from(slot_hours) * self.rng.pick(horizons),
            fee_ppm: self.rng.pick(if is_first {
                &[0, 333, 1_000, 100_000]
            } else {
                &[0, 333, 1_000, 100_000, 100_001]
            }),
        }
    }
}

fn code(start: &str, number: u64) -> Code {
    format!("{start}{number}").parse().unwrap()
}

fn name(number: u64) -> AccountName {
    format!("account-{number}").parse().unwrap()
}

pub(super) fn public(number: u64) -> PublicKey {
    PublicKey([u8::try_from(number).unwrap(); 32])
}
