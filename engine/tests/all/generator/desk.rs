//! Commands of the operator's desk and deposits, and what opens a stream.

use types::{
    AccountId, AccountName, ClassNo, ClassSpec, Code, Command, ContractId, HOUR_NANOS, Hour, KeyNo, Limits,
    MINUTE_NANOS, PublicKey, Rights, Role, Scope, Timestamp, Why,
};

use super::super::reference::Reference;
use super::{Generator, Kind};

const ROLES: [Role; 4] = [Role::Broker, Role::Provider, Role::Analyst, Role::Operator];

impl Generator {
    pub(super) fn open(&mut self) {
        let classes = match self.kind {
            Kind::Busy => 1 + self.rng.below(3),
            Kind::Halts => 2,
            _ => 1,
        };
        let seed = if self.kind.has_auctions() { self.rng.below(3) * 0x5eed } else { 0 };
        let mut opening = vec![Command::Genesis { operator: public(1), seed }];
        opening.extend((0..classes).map(|number| self.define_class(number)));
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
        self.opening = opening.iter().map(|command| (KeyNo(1), command.clone())).collect();
        if self.kind == Kind::Sweeping {
            self.opening.push_back((KeyNo(2), Command::CancelOnDisconnect { grace: 30 }));
        }
        let specs = opening.iter().filter_map(|command| match command {
            Command::DefineClass { spec, .. } => Some(**spec),
            _ => None,
        });
        let all = if self.kind.has_auctions() { usize::MAX } else { 1 };
        for (number, spec) in (0..).zip(specs).take(all) {
            self.deposit(ClassNo(number), spec);
        }
    }

    /// Every provider brings units of the contracts of a class that are traded from the beginning.
    fn deposit(&mut self, class: ClassNo, spec: ClassSpec) {
        let slot_hours = u32::from(spec.slot_hours);
        let first = match self.kind.has_auctions() {
            true => self.opening_hour(spec),
            false => self.first_hour().next_multiple_of(slot_hours),
        };
        for (key, role) in (2..).zip(self.mix.roles) {
            if *role == Role::Provider {
                for ahead in 0..self.mix.contracts {
                    let contract = ContractId::new(class, Hour(first + ahead * slot_hours));
                    let deposit = Command::DepositCapacity { contract, units: 50_000, external: 1 };
                    self.opening.push_back((KeyNo(key), deposit));
                }
            }
        }
    }

    /// When the slot starts that comes within the horizon in the hour in which the stream begins.
    fn opening_hour(&self, spec: ClassSpec) -> u32 {
        u32::try_from(self.began / HOUR_NANOS).unwrap() + u32::from(spec.horizon_hours) - 1
    }

    fn opening_cash(&mut self) -> i64 {
        if self.kind == Kind::Busy { self.rng.pick(&[200_000, 5_000_000, 1 << 40]) } else { 1 << 50 }
    }

    /// The slots that are traded from the beginning start then or later.
    pub(super) fn first_hour(&self) -> u32 {
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
                self.define_class(number)
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
                Command::Genesis { operator: public(3), seed: 0 },
                Command::Disconnected { key: KeyNo(2) },
            ]),
        }
    }

    /// Halts and their ends, kill switches, limits.
    pub(super) fn supervise(&mut self, known: &Reference) -> Command {
        let why = Why::NONE;
        let account = self.account();
        match self.rng.below(10) {
            0..4 if !known.halts.is_empty() => Command::Resume { scope: self.rng.pick(&known.halts), why },
            0..2 => Command::Resume { scope: self.scope(known), why },
            2..6 => Command::Halt { scope: self.scope(known), why },
            6..8 => {
                let killed = known.accounts.iter().find(|account| account.killed);
                match killed.filter(|_| self.rng.chance(70)) {
                    Some(killed) => Command::SetKillSwitch { account: killed.id, on: false, why },
                    None => Command::SetKillSwitch { account, on: true, why },
                }
            }
            _ => {
                let limits = Limits {
                    open_orders: self.rng.pick(&[0, 3, 10, 100_000, 100_000, 100_000, (1 << 24) + 1]),
                    open_blocks: self.rng.pick(&[0, 1_000]),
                    order_value: self.rng.pick(&[-1, 0, 100, 5_000, i64::MAX, i64::MAX, i64::MAX]),
                };
                Command::SetLimits { account, limits, why }
            }
        }
    }

    fn scope(&mut self, known: &Reference) -> Scope {
        match self.rng.below(10) {
            0..6 => Scope::Contract(self.contract(known)),
            6..9 => Scope::Class(ClassNo(u16::from(self.rng.byte(3)))),
            _ => Scope::All,
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
            0..98 if self.kind.has_auctions() => {
                (class.no, self.opening_hour(class.spec) - u32::from(self.rng.chance(4)))
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

    fn define_class(&mut self, number: u64) -> Command {
        Command::DefineClass { spec: Box::new(self.spec(number)), why: Why::NONE }
    }

    /// The terms of a class: one of a few symbols and currencies, so that some are taken; some are bad.
    fn spec(&mut self, number: u64) -> ClassSpec {
        if self.kind.has_auctions() {
            return self.auction_spec(number);
        }
        let (is_busy, is_first) = (self.kind == Kind::Busy, number == 0);
        let slot_hours = if is_busy { self.rng.pick(&[1, 1, 2, 4, 5]) } else { 1 };
        let gates: &[u16] = if is_busy { &[0, 0, 15, 60] } else { &[0, 15] };
        let horizons: &[u16] = match self.kind {
            Kind::Busy => &[6, 4, 3],
            Kind::Blocks | Kind::Waiting => &[8, 10],
            _ => &[6, 8],
        };
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
            ..ClassSpec::example()
        }
    }
}

impl Generator {
    /// Short calls and narrow bands; contracts of some classes close minutes after they have opened.
    fn auction_spec(&mut self, number: u64) -> ClassSpec {
        let (horizon_hours, gate_minutes) = self.rng.pick(&[(2, 50), (2, 40), (6, 0), (6, 15)]);
        let opening_minutes = if self.rng.chance(75) { 1 + u16::from(self.rng.byte(3)) } else { 0 };
        let auction_seconds = self.rng.pick(&[0, 5, 20, 90]);
        let has_bands = auction_seconds > 0;
        let mut band = |of: &[u32]| if has_bands { self.rng.pick(of) } else { 0 };
        let (static_band_ppm, dynamic_band_ppm) =
            (band(&[0, 300_000, 500_000, 1_000_000]), band(&[0, 90_000, 200_000, 300_000]));
        ClassSpec {
            model: code("M", number),
            region: code("R", 0),
            currency: code("CUR", 0),
            tick: self.rng.pick(&[1, 7, 100]),
            gate_minutes,
            horizon_hours,
            fee_ppm: self.rng.pick(&[0, 333, 100_000]),
            preopen_minutes: if opening_minutes > 0 { u16::from(self.rng.byte(3)) } else { 0 },
            opening_minutes,
            auction_seconds,
            random_seconds: self.rng.pick(&[0, 3, 30]),
            static_band_ppm,
            dynamic_band_ppm,
            order_units_max: self.rng.pick(&[30, 1_000_000, 1_000_000]),
            ..ClassSpec::example()
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
