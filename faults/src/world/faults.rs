//! What goes wrong: chosen by the seed, and taken back at the end.

use super::{MILLISECOND, World, say};
use crate::auditor::{self, Standing};
use crate::plan::Faults;
use crate::user::User;
use crate::{Break, Wrong};
use journal::{Chances, OpenError, Operation, ReadError};
use protocol::CloseCode;
use rand::RngExt;
use sequencer::StartError;
use types::{HOUR_NANOS, Timestamp};

/// The most sessions a world has at once.
const USERS_MAX: usize = 9;

/// The length of a segment's header, in bytes.
const SEGMENT_HEADER: u64 = 4_096;

/// A byte that will be wrong.
struct Rot {
    name: String,
    byte: u64,
    shows: Shows,
}

/// How it shows that a byte is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shows {
    /// The exchange does not start.
    AtStart,
    /// It starts after the newest snapshot; who reads the journal from its beginning sees it.
    ToReaders,
    /// As a batch half written, which is cut; or as corruption.
    AsTornTail,
    /// The snapshot is passed over.
    InSnapshot,
}

/// Something that can go wrong, and of a thousand steps in how many.
type Kind = (u32, fn(&mut World) -> Result<(), Wrong>);

impl World {
    /// Something goes wrong, or nothing.
    pub(super) fn fault(&mut self) -> Result<(), Wrong> {
        if self.full_until.is_some_and(|until| self.trace.step >= until) {
            say!(self, "the disk has space again");
            self.full_until = None;
            self.disk.set_capacity(u64::MAX);
        }
        let faults = &self.faults;
        let kinds: [Kind; 15] = [
            (faults.kills, World::is_killed),
            (faults.power, World::loses_power),
            (faults.power_within, World::will_lose_power),
            (faults.stops, World::is_stopped),
            (faults.disk, World::disk_will_fail),
            (faults.full, World::disk_fills_up),
            (faults.slow, World::disk_is_slow),
            (faults.cuts, World::link_is_cut),
            (faults.deaths, World::client_dies),
            (faults.leaves, World::client_leaves),
            (faults.rivals, World::rival_comes),
            (faults.clock, World::clock_is_set),
            (faults.rotations, World::key_rotates),
            (faults.revocations, World::key_is_revoked),
            (faults.registrations, World::key_is_registered),
        ];
        let mut at = self.random.random_range(0..1_000);
        for (of_a_thousand, fault) in kinds {
            if at < of_a_thousand {
                return fault(self);
            }
            at -= of_a_thousand;
        }
        Ok(())
    }

    /// From now on nothing goes wrong; what was about to, does not.
    pub(super) fn end_faults(&mut self) -> Result<(), Wrong> {
        say!(self, "the faults end");
        self.faults = Faults::none();
        self.disk.set_capacity(u64::MAX);
        self.disk.set_chances(Chances::default());
        (self.full_until, self.slow_until) = (None, 0);
        self.kill();
        Ok(())
    }

    /// What a start may meet.
    pub(super) fn arm_start(&mut self) {
        let percent = self.random.random_range(0..100);
        if percent < self.faults.power_at_start {
            self.disk.lose_power_after(self.random.random_range(0..10));
            self.is_armed = true;
        } else if self.faults.disk > 0 && percent > 90 {
            let operation = self.any_operation();
            self.disk.fail_after(operation, self.random.random_range(0..10));
            self.is_armed = true;
        }
        self.disk.set_chances(Chances { garble: self.faults.garble, ..Chances::default() });
    }

    /// A bit of the disk may rot while the exchange is down. In a segment it is noticed, or belongs to what one copy
    /// cannot tell from a batch that was being written; and is put right then. In a snapshot it stays for one start,
    /// which does without that snapshot.
    pub(super) fn rot_maybe(&mut self) -> Result<(), Wrong> {
        if self.random.random_range(0..100) >= self.faults.rot {
            return Ok(());
        }
        let standing = auditor::read(&self.disk).map_err(|error| error.to_string())?;
        let Rot { name, byte, shows } = self.choose_rot(&standing)?;
        let bit = byte * 8 + self.random.random_range(0..8);
        self.disk.flip(&name, bit);
        if self.plan.broken == Some(Break::RotPassedOver) {
            self.disk.flip(&name, bit);
        }
        say!(self, "byte {byte} of {name} rots: {shows:?}");
        self.counts.rotted += 1;
        match shows {
            Shows::AtStart => {
                let opened = sequencer::open_on(self.disk.mount(), &self.options);
                let Err(StartError::Open(OpenError::Read(error))) = opened else {
                    return Err(format!("ROT: byte {byte} of {name} is wrong, and nothing is said"));
                };
                check_names(&error, &name, byte)?;
            }
            Shows::ToReaders | Shows::AsTornTail => match auditor::read(&self.disk) {
                Err(error) => check_names(&error, &name, byte)?,
                Ok(_) if shows == Shows::ToReaders => {
                    return Err(format!("ROT: byte {byte} of {name} is wrong, and readers are not told"));
                }
                Ok(found) => check_cut(&standing, &found)?,
            },
            Shows::InSnapshot => {
                // What is as it was need not be put right.
                let is_wrong = self.plan.broken != Some(Break::RotPassedOver);
                self.rotten = is_wrong.then_some((name, bit));
                return Ok(());
            }
        }
        self.disk.flip(&name, bit);
        Ok(())
    }

    /// What rotted for the last start is put right. False if nothing did.
    pub(super) fn unrot(&mut self) -> bool {
        let rotten = self.rotten.take();
        rotten.is_some_and(|(name, bit)| self.disk.flip(&name, bit))
    }

    /// Some byte, and how it shows that it is wrong.
    fn choose_rot(&mut self, standing: &Standing) -> Result<Rot, Wrong> {
        let mut names = self.disk.mount().list().map_err(|error| error.to_string())?;
        names.sort_unstable();
        let newest_snapshot =
            names.iter().rev().find(|name| name.ends_with(".snap")).map_or(0, |name| first_of(name));
        let segments: Vec<u64> =
            names.iter().filter(|name| name.ends_with(".seg")).map(|name| first_of(name)).collect();
        names.retain(|name| name.ends_with(".seg") || name.ends_with(".snap"));
        let at = self.random.random_range(0..names.len());
        let name = names.swap_remove(at);
        let length = self.disk.written(&name).map_or(0, |content| content.len() as u64);
        if name.ends_with(".snap") {
            return Ok(Rot { name, byte: self.random.random_range(0..length), shows: Shows::InSnapshot });
        }
        let first = first_of(&name);
        let next = segments.iter().find(|other| **other > first);
        let (last_segment, last_offset) = standing.last_batch;
        let certain = match next {
            Some(_) => length,
            None if last_segment == first => last_offset,
            // No batch in it yet: its header.
            None => SEGMENT_HEADER,
        };
        let within = if self.random.random_bool(0.8) { certain } else { length };
        let byte = self.random.random_range(0..within);
        let is_needed = next.is_none_or(|next| next - 1 > newest_snapshot);
        let shows = match byte < certain {
            true if is_needed => Shows::AtStart,
            true => Shows::ToReaders,
            false => Shows::AsTornTail,
        };
        Ok(Rot { name, byte, shows })
    }

    /// The end of the journal is cut off behind everybody's back.
    pub(super) fn cut_last_batch(&mut self) -> Result<(), Wrong> {
        let standing = auditor::read(&self.disk).map_err(|error| error.to_string())?;
        let (segment, offset) = standing.last_batch;
        self.disk.flip(&format!("{segment:020}.seg"), offset * 8);
        Ok(())
    }

    fn is_killed(&mut self) -> Result<(), Wrong> {
        if self.server.is_some() {
            say!(self, "the exchange is killed");
            self.kill();
        }
        Ok(())
    }

    fn loses_power(&mut self) -> Result<(), Wrong> {
        say!(self, "the power fails");
        self.disk.lose_power();
        self.kill();
        Ok(())
    }

    fn will_lose_power(&mut self) -> Result<(), Wrong> {
        if self.server.is_some() {
            self.disk.lose_power_after(self.random.random_range(0..12));
            self.is_armed = true;
        }
        Ok(())
    }

    fn is_stopped(&mut self) -> Result<(), Wrong> {
        if self.server.is_some() {
            say!(self, "the exchange is stopped");
            self.stop(CloseCode::Stopping)?;
        }
        Ok(())
    }

    fn disk_will_fail(&mut self) -> Result<(), Wrong> {
        if self.server.is_some() {
            let operation = self.any_operation();
            self.disk.fail_after(operation, self.random.random_range(0..4));
            self.is_armed = true;
        }
        Ok(())
    }

    fn disk_fills_up(&mut self) -> Result<(), Wrong> {
        say!(self, "the disk is full");
        self.disk.set_capacity(self.disk.used() + self.random.random_range(0..8_192));
        self.full_until = Some(self.trace.step + self.random.random_range(20..300));
        Ok(())
    }

    fn disk_is_slow(&mut self) -> Result<(), Wrong> {
        self.slow_until = self.trace.step + self.random.random_range(5..80);
        Ok(())
    }

    fn link_is_cut(&mut self) -> Result<(), Wrong> {
        if !self.links.is_empty() {
            let at = self.random.random_range(0..self.links.len());
            self.links[at].is_cut = true;
            say!(self, "link {} is cut", self.links[at].no);
        }
        Ok(())
    }

    fn client_dies(&mut self) -> Result<(), Wrong> {
        if !self.is_set_up {
            return Ok(());
        }
        let of = self.random.random_range(0..self.users.len());
        say!(self, "the client of key {} dies", self.users[of].key);
        self.replace(of)
    }

    fn client_leaves(&mut self) -> Result<(), Wrong> {
        if self.is_set_up {
            let of = self.random.random_range(0..self.users.len());
            say!(self, "key {} logs out", self.users[of].key);
            self.users[of].machine.log_out();
            self.flush(of);
        }
        Ok(())
    }

    fn rival_comes(&mut self) -> Result<(), Wrong> {
        if !self.is_set_up || self.users.len() == USERS_MAX {
            return Ok(());
        }
        let of = self.random.random_range(1..self.users.len());
        let user = &mut self.users[of];
        if user.ended.is_none() {
            user.has_rival = true;
            let mut rival = User::new(user.key, user.account, user.told, true);
            (rival.public, rival.has_rival) = (user.public, true);
            say!(self, "another session with key {}", rival.key);
            self.users.push(rival);
        }
        Ok(())
    }

    fn clock_is_set(&mut self) -> Result<(), Wrong> {
        let hours = if self.random.random_bool(0.3) { 1 } else { 3 };
        let by = self.random.random_range(MILLISECOND..hours * HOUR_NANOS);
        let now = if hours == 1 { self.now.0 - by } else { self.now.0 + by };
        say!(self, "the clock is set from {} to {now}", self.now.0);
        self.now = Timestamp(now);
        Ok(())
    }

    fn any_operation(&mut self) -> Operation {
        let operations = [Operation::Read, Operation::Write, Operation::Sync, Operation::Directory];
        operations[self.random.random_range(0..operations.len())]
    }
}

/// The sequence a file is named after.
fn first_of(name: &str) -> u64 {
    name.split('.').next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// Damage is reported with its segment and a place at or before it.
fn check_names(error: &ReadError, name: &str, byte: u64) -> Result<(), Wrong> {
    let names_it = match error {
        ReadError::Corrupt { segment, offset, .. } => segment == name && *offset <= byte,
        ReadError::FormatVersion { segment, .. } | ReadError::RulesVersion { segment, .. } => segment == name,
        _ => false,
    };
    if names_it { Ok(()) } else { Err(format!("ROT: byte {byte} of {name} is wrong, and it says: {error}")) }
}

/// At most the last batch is missing.
fn check_cut(before: &Standing, found: &Standing) -> Result<(), Wrong> {
    let least = before.commands.len() - before.last_count;
    let is_cut = found.commands.len() >= least && before.commands.starts_with(&found.commands);
    if is_cut { Ok(()) } else { Err("ROT: more than the last batch is gone, and nothing is said".to_owned()) }
}
