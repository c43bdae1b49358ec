//! The exchange's process: set up, started, stepped, ended.

use super::{World, say};
use crate::auditor;
use crate::server::Server;
use crate::traffic::{OPERATOR, public};
use crate::{Break, Wrong};
use gateway::{Closing, Desk};
use journal::{OpenError, ReadError};
use protocol::CloseCode;
use rand::RngExt;
use sequencer::{Inbound, Progress, Recovery, SnapshotterError, StartError, Steps};
use std::ops::ControlFlow;
use types::{Lane, StateEvent};

/// Where a chunk comes from that no client has sent.
const NO_LINK: u64 = 0;

impl World {
    /// Sets the exchange up, again and again if the power fails meanwhile.
    pub(super) fn set_up(&mut self) -> Result<(), Wrong> {
        while self.faults.power_at_start > 0 && self.random.random_bool(0.7) {
            self.disk.lose_power_after(self.random.random_range(0..12));
            match sequencer::init_on(self.disk.mount(), &self.options, public(OPERATOR), 1) {
                Ok(()) | Err(StartError::Exists { .. }) => break,
                Err(error) => say!(self, "setting up is broken off: {error}"),
            }
        }
        self.disk.kill();
        match sequencer::init_on(self.disk.mount(), &self.options, public(OPERATOR), 1) {
            // The genesis of an attempt that was broken off may have got to the disk.
            Ok(()) | Err(StartError::Exists { .. }) => {}
            Err(error) => return Err(format!("an exchange cannot be set up: {error}")),
        }
        self.disk.kill();
        match self.plan.broken {
            Some(Break::NoSync) => self.disk.lie_about_syncs(),
            Some(Break::ReleaseBeforeSync) => self.disk.defer_syncs(),
            _ => {}
        }
        let standing = auditor::read(&self.disk).map_err(|error| error.to_string())?;
        self.auditor.set_up(&standing)?;
        self.start()
    }

    /// Starts the exchange. It may not come to its end if the disk fails meanwhile; it is tried again later then.
    pub(super) fn start(&mut self) -> Result<(), Wrong> {
        if self.plan.broken == Some(Break::LastBatchCut) && self.counts.recoveries == 2 {
            self.cut_last_batch()?;
        }
        self.rot_maybe()?;
        let standing = auditor::read(&self.disk).map_err(|error| format!("it cannot be read: {error}"))?;
        self.auditor.check_found(&standing)?;
        self.arm_start();
        let opened = sequencer::open_on(self.disk.mount(), &self.options);
        let was_rotten = self.unrot();
        match opened {
            Ok(steps) => {
                let skipped = &steps.recovery.skipped;
                if !was_rotten && !self.is_armed && !skipped.is_empty() {
                    return Err(format!("sound snapshots are passed over: {skipped:?}"));
                }
                self.recovered(steps)
            }
            Err(error) if self.is_armed => {
                check_broken_off(&error)?;
                say!(self, "a start is broken off: {error}");
                self.counts.broken_off += 1;
                self.kill();
                Ok(())
            }
            Err(error) => Err(format!("it does not start: {error}")),
        }
    }

    fn recovered(&mut self, steps: Steps) -> Result<(), Wrong> {
        let Steps { recovery, sequencing, .. } = &steps;
        let Recovery { sequence, snapshot, torn_tail, .. } = recovery;
        say!(self, "starts with {sequence} after snapshot {snapshot:?}, cut: {torn_tail:?}");
        self.auditor.recover(recovery, sequencing.engine())?;
        self.counts.recoveries += 1;
        let forgets = self.plan.broken == Some(Break::GatewayForgetsNumbers);
        let forgetful = forgets.then(|| without_numbers(recovery));
        let desk = Desk::new(forgetful.as_ref().unwrap_or(recovery), self.limits.clone(), self.now);
        self.server = Some(Server::new(steps, desk, (self.now, self.watch)));
        self.check_mirror()
    }

    /// The sequencer stamps and applies a batch.
    pub(super) fn sequence(&mut self) -> Result<(), Wrong> {
        let Some(server) = &mut self.server else { return Ok(()) };
        let Some(records) = server.sequence(self.now) else { return Ok(()) };
        self.auditor.stamp(records)?;
        say!(self, "stamps {} bytes of records", records.len());
        Ok(())
    }

    /// The journal makes a batch durable, and it is released.
    pub(super) fn write(&mut self) -> Result<(), Wrong> {
        let Some(server) = &mut self.server else { return Ok(()) };
        match server.write() {
            None => Ok(()),
            Some(Ok(released)) => {
                say!(self, "releases {}, {} refused", released.sequence, released.refused.len());
                self.counts.refused += u32::try_from(released.refused.len()).unwrap_or(u32::MAX);
                self.auditor.release(released)
            }
            Some(Err(_)) if self.disk.power_failures() > self.power_seen => Ok(()),
            Some(Err(error)) => {
                if !self.is_armed {
                    return Err(format!("an append fails, and nothing is wrong with the disk: {error}"));
                }
                say!(self, "the exchange fails: {error}");
                self.counts.failures += 1;
                self.stop(CloseCode::Failed)
            }
        }
    }

    /// The desk is told of a released batch.
    pub(super) fn release(&mut self) -> Result<(), Wrong> {
        let Some(server) = &mut self.server else { return Ok(()) };
        let Some(released) = server.outlet.pop_front() else { return Ok(()) };
        if self.plan.broken == Some(Break::MirrorMissesBatch) && self.random.random_bool(0.02) {
            return Ok(());
        }
        server.desk.release(&released, server.moment(self.watch));
        if server.outlet.is_empty() && self.random.random_bool(0.2) {
            self.check_mirror()?;
        }
        Ok(())
    }

    /// The snapshotter takes a step.
    pub(super) fn snapshot(&mut self) -> Result<(), Wrong> {
        let Some(server) = &mut self.server else { return Ok(()) };
        let Some(snapshotter) = &mut server.snapshotter else { return Ok(()) };
        let gives_up = self.random.random_bool(0.05);
        let mut rest = || if gives_up { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        match snapshotter.step(&mut rest) {
            Ok(Progress::Idle | Progress::Worked) => {}
            Ok(done) => {
                say!(self, "snapshots: {done:?}");
                self.counts.snapshots += u32::from(matches!(done, Progress::Wrote(_)));
            }
            Err(_) if self.has_lost_power() => {}
            Err(error) => self.check_snapshotter(&error)?,
        }
        Ok(())
    }

    /// What makes snapshots may fail if the disk does, and only then; and never says that anything is damaged.
    fn check_snapshotter(&mut self, error: &SnapshotterError) -> Result<(), Wrong> {
        let is_due_to_disk = match error {
            SnapshotterError::GivenUp => true,
            SnapshotterError::List(_)
            | SnapshotterError::Read(ReadError::Io { .. })
            | SnapshotterError::Write(_)
            | SnapshotterError::NotRestored { .. }
            | SnapshotterError::Prune(_)
            | SnapshotterError::Retire(_) => self.is_armed || self.full_until.is_some(),
            _ => false,
        };
        say!(self, "snapshots: {error}");
        if is_due_to_disk { Ok(()) } else { Err(format!("what makes snapshots fails: {error}")) }
    }

    /// The desk looks what time has brought about.
    pub(super) fn pass(&mut self) {
        let Some(server) = &mut self.server else { return };
        let over = server.desk.pass(server.moment(self.watch));
        if !over.is_empty() {
            say!(self, "the graces of {over:?} have run out");
            let chunk = over.into_iter().map(Inbound::disconnected).collect();
            server.send(NO_LINK, Lane::Orders, chunk);
        }
    }

    /// A chunk that waits looks for room.
    pub(super) fn send_on(&mut self) {
        let Some(server) = &mut self.server else { return };
        if server.sends() > 0 {
            server.poll_send(self.random.random_range(0..server.sends()));
        }
    }

    /// The process stops: what is released is told, and every session is told why. Or it does not get so far.
    pub(super) fn stop(&mut self, code: CloseCode) -> Result<(), Wrong> {
        while code == CloseCode::Stopping && self.server.as_ref().is_some_and(|server| !server.is_written()) {
            self.release()?;
            self.write()?;
        }
        let Some(server) = &mut self.server else { return Ok(()) };
        if self.random.random_bool(0.7) {
            let moment = server.moment(self.watch);
            while let Some(released) = server.outlet.pop_front() {
                server.desk.release(&released, moment);
            }
            server.desk.stop(&Closing::new(code, "the exchange ends"), moment);
            if code == CloseCode::Stopping {
                match server.seal() {
                    Err(error) if !self.has_lost_power() => self.check_snapshotter(&error)?,
                    _ => {}
                }
            }
            self.write_all_reports();
            self.close_links();
        }
        self.kill();
        Ok(())
    }

    /// The power has failed in the middle of an operation, and nobody has seen to that yet.
    fn has_lost_power(&self) -> bool {
        self.disk.power_failures() > self.power_seen
    }

    /// With the power the process is gone.
    pub(super) fn see_to_power(&mut self) {
        if self.has_lost_power() {
            say!(self, "the power has failed");
            self.kill();
        }
    }

    /// The process is gone; what it wrote is still there for the next.
    pub(super) fn kill(&mut self) {
        // First the disk: what the process does as it goes must not count.
        self.disk.kill();
        self.server = None;
        for link in &mut self.links {
            link.is_cut |= link.server.take().is_some();
        }
        self.is_armed = false;
        self.power_seen = self.disk.power_failures();
    }

    pub(super) fn check_mirror(&self) -> Result<(), Wrong> {
        match &self.server {
            // Whether it is noticed in another way.
            _ if self.plan.broken == Some(Break::GatewayForgetsNumbers) => Ok(()),
            Some(server) if server.outlet.is_empty() => self.auditor.check_mirror(&server.desk),
            _ => Ok(()),
        }
    }
}

/// A start that a failing disk has broken off says that the disk failed, and never that the journal is damaged.
fn check_broken_off(error: &StartError) -> Result<(), Wrong> {
    match error {
        StartError::Open(
            OpenError::Read(ReadError::Io { .. }) | OpenError::Write { .. } | OpenError::NoSpace { .. },
        ) => Ok(()),
        other => Err(format!("a start on a failing disk: {other}")),
    }
}

/// A recovery whose reports and numbers are lost on the way.
fn without_numbers(recovery: &Recovery) -> Recovery {
    let mut recovery = recovery.clone();
    recovery.reports.clear();
    for event in &mut recovery.state {
        if let StateEvent::Key(key) = event {
            key.taken = [0; 2];
        }
    }
    recovery
}
