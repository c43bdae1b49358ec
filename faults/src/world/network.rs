//! What passes between clients and gateway: connections made, bytes arriving, ends that find out.

use super::{World, say};
use crate::link::Link;
use crate::user::User;
use crate::{Break, Wrong};
use client::SessionError;
use gateway::Closing;
use protocol::order_entry::{ClientMessage, ServerMessage};
use protocol::{Frame, Frames};
use rand::RngExt;
use sequencer::Inbound;
use std::time::Duration;
use types::{Lane, Sender, Timestamp};

impl World {
    /// A user without a connection calls.
    pub(super) fn dial(&mut self) -> Result<(), Wrong> {
        let at = self.random.random_range(0..self.users.len());
        let user = &mut self.users[at];
        let Some(server) = &mut self.server else { return Ok(()) };
        if user.link.is_some() || user.ended.is_some() {
            return Ok(());
        }
        let moment = server.moment(self.watch);
        let connected = match server.desk.connect(user.public, moment) {
            Ok(connected) => connected,
            Err(closing) => return user.fail(closed(closing), &self.auditor),
        };
        // Unless the gateway has yet to hear of it.
        if server.outlet.is_empty() && self.plan.broken != Some(Break::MirrorMissesBatch) {
            self.auditor.keys.check_let_in(user.key, moment)?;
        }
        self.next_link += 1;
        self.counts.links += 1;
        let mut link = Link::new(self.next_link, at, connected);
        let mut hello = Vec::new();
        let said = ClientMessage::Hello(user.machine.hello()).encode(&mut hello);
        said.map_err(|error| error.to_string())?;
        link.to_server[0].write(&hello);
        user.link = Some(link.no);
        say!(self, "key {} calls: link {}, {:?}", user.key, link.no, user.machine.hello());
        self.links.push(link);
        Ok(())
    }

    /// Bytes arrive at one end of a stream.
    pub(super) fn deliver(&mut self) -> Result<(), Wrong> {
        if self.links.is_empty() {
            return Ok(());
        }
        let (at, pipe) = (self.random.random_range(0..self.links.len()), self.random.random_range(0..5));
        // Mostly all there is, so that a long stream gets anywhere.
        let count = if self.random.random_bool(0.6) { usize::MAX } else { self.random.random_range(1..200) };
        if self.links[at].is_cut {
            return Ok(());
        }
        if pipe < 3 {
            self.deliver_to_server(at, pipe, count)
        } else {
            self.deliver_to_client(at, pipe - 3, count)
        }
    }

    fn deliver_to_server(&mut self, at: usize, pipe: usize, count: usize) -> Result<(), Wrong> {
        let (link, Some(server)) = (&mut self.links[at], &mut self.server) else { return Ok(()) };
        let Some(end) = &mut link.server else { return Ok(()) };
        let now = server.moment(self.watch);
        let lane = pipe.checked_sub(1).and_then(|lane| end.lanes[lane]);
        if link.to_server[pipe].on_the_way() == 0 || server.is_sending(link.no, lane) || now < link.held[pipe]
        {
            return Ok(());
        }
        let bytes = link.to_server[pipe].deliver(count).map_err(|error| error.to_string())?;
        let mut frames = Frames::new(&bytes);
        let session = end.connected.session;
        let heard = if pipe == 0 {
            let mut answer = Vec::new();
            let heard = frames.try_fold(Duration::ZERO, |held, frame| {
                let frame = frame.map_err(Closing::from)?;
                server.desk.control(session, frame, now, &mut answer).map(|this| held + this)
            });
            link.to_client[0].write(&answer);
            heard
        } else {
            let breaks = self.plan.broken == Some(Break::CommandSentAgain);
            let sends_again = breaks && self.random.random_bool(0.02);
            hear_lane(server, &mut end.lanes[pipe - 1], link.no, session, frames, now, sends_again)
        };
        match heard {
            Ok(held) => link.held[pipe].0 = now.0 + u64::try_from(held.as_nanos()).unwrap_or(u64::MAX),
            Err(closing) => server.desk.close(session, closing, now),
        }
        Ok(())
    }

    fn deliver_to_client(&mut self, at: usize, pipe: usize, count: usize) -> Result<(), Wrong> {
        let now = self.instant();
        let link = &mut self.links[at];
        let Some(of) = link.user else { return Ok(()) };
        // The client reads no report before its welcome.
        if link.to_client[pipe].on_the_way() == 0 || (pipe == 1 && !link.is_greeted) {
            return Ok(());
        }
        let bytes = link.to_client[pipe].deliver(count).map_err(|error| error.to_string())?;
        let mut events = Vec::new();
        for frame in Frames::new(&bytes) {
            let message = frame.and_then(ServerMessage::decode).map_err(|error| error.to_string())?;
            let user = &mut self.users[of];
            let ServerMessage::Welcome(welcome) = message else {
                // On an ordered stream nothing is ever missing.
                user.machine.take(message, now, &mut events).map_err(|error| error.to_string())?;
                continue;
            };
            say!(self, "key {} is welcome on link {}: {welcome:?}", user.key, link.no);
            user.attach(welcome, now, &self.auditor)?;
            link.is_greeted = true;
            for (pipe, lane) in [(1, Lane::Orders), (2, Lane::Cancels)] {
                let mut opening = Vec::new();
                let said = ClientMessage::LaneOpen(lane).encode(&mut opening);
                said.map_err(|error| error.to_string())?;
                link.to_server[pipe].write(&opening);
            }
        }
        self.users[of].hear(events, &self.auditor)?;
        if let Some(last_report) = self.users[of].machine.logged_out() {
            say!(self, "key {} has logged out", self.users[of].key);
            self.users[of].check_left(last_report, &self.auditor)?;
            return self.replace(of);
        }
        if self.users[of].ended.is_some() {
            self.leave(of);
        }
        self.flush(of);
        Ok(())
    }

    /// What a user's machine has to say goes on its way.
    pub(super) fn flush(&mut self, of: usize) {
        let user = &mut self.users[of];
        let link = self.links.iter_mut().find(|link| link.user == Some(of) && link.is_greeted);
        let Some(link) = link else { return };
        let out = user.machine.out();
        for (pipe, bytes) in [&mut out.control, &mut out.orders, &mut out.cancels].into_iter().enumerate() {
            link.to_server[pipe].write(bytes);
            if pipe > 0 && self.random.random_range(0..100) < self.faults.doubles {
                link.to_server[pipe].write(bytes);
            }
            bytes.clear();
        }
    }

    /// The clients say that they are there.
    pub(super) fn beat(&mut self) {
        for of in 0..self.users.len() {
            self.users[of].machine.beat();
            self.flush(of);
        }
    }

    /// A session's reports go on their way.
    pub(super) fn write_reports(&mut self) {
        if !self.links.is_empty() {
            let at = self.random.random_range(0..self.links.len());
            self.write_reports_of(at);
        }
    }

    pub(super) fn write_all_reports(&mut self) {
        (0..self.links.len()).for_each(|at| self.write_reports_of(at));
    }

    fn write_reports_of(&mut self, at: usize) {
        let link = &mut self.links[at];
        let Some(end) = &link.server else { return };
        let mut bytes = Vec::new();
        end.connected.reports.take(&mut bytes);
        if self.plan.broken != Some(Break::ReportLost) {
            return link.to_client[1].write(&bytes);
        }
        for frame in Frames::new(&bytes) {
            let Ok(Frame { bytes, .. }) = frame else { continue };
            if !self.random.random_bool(0.003) {
                link.to_client[1].write(bytes);
            }
        }
    }

    /// The gateway closes what its desk says is over.
    pub(super) fn close_links(&mut self) {
        for link in &mut self.links {
            let Some(end) = &mut link.server else { continue };
            if let Ok(closing) = end.connected.closed.try_recv() {
                say!(self, "the gateway closes link {}: {closing:?}", link.no);
                link.server = None;
                link.closing = Some(closing);
            }
        }
        self.links.retain(|link| link.user.is_some() || link.server.is_some());
    }

    /// One end of a connection finds out that it is over.
    pub(super) fn notice(&mut self) -> Result<(), Wrong> {
        if self.links.is_empty() {
            return Ok(());
        }
        let at = self.random.random_range(0..self.links.len());
        let link = &mut self.links[at];
        if let (Some(end), Some(server)) = (&link.server, &mut self.server)
            && (link.is_cut || link.user.is_none())
        {
            say!(self, "the gateway notices that link {} is lost", link.no);
            server.desk.close(end.connected.session, Closing::done(), server.moment(self.watch));
            link.server = None;
            return Ok(());
        }
        let Some(of) = link.user else { return Ok(()) };
        let error = match link.closing.take() {
            Some(closing) if !link.is_cut => closed(closing),
            _ if link.is_cut => SessionError::Lost { cause: "the network".to_owned() },
            _ => return Ok(()),
        };
        say!(self, "key {} notices that link {} is over: {error}", self.users[of].key, link.no);
        self.leave(of);
        let user = &mut self.users[of];
        let mut events = Vec::new();
        user.machine.detach(&mut events);
        user.hear(events, &self.auditor)?;
        user.fail(error, &self.auditor)
    }

    /// The user's end of its connection is gone.
    pub(super) fn leave(&mut self, of: usize) {
        let left = self.users[of].link.take();
        for link in self.links.iter_mut().filter(|link| Some(link.no) == left) {
            link.user = None;
        }
    }

    /// A client's process dies, and another takes its place, which knows what the user was told.
    pub(super) fn replace(&mut self, of: usize) -> Result<(), Wrong> {
        self.leave(of);
        let user = &mut self.users[of];
        if user.ended.is_some() {
            return Ok(());
        }
        let mut next = User::new(user.key, user.account, user.told, self.random.random());
        (next.public, next.has_rival) = (user.public, user.has_rival);
        let mut dead = std::mem::replace(user, next);
        dead.ended = Some(SessionError::Finished);
        dead.check_end(&self.auditor)?;
        self.dead.push(dead);
        Ok(())
    }
}

/// What the task of a lane does with what it has read.
fn hear_lane(
    server: &mut crate::server::Server,
    lane: &mut Option<Lane>,
    link: u64,
    session: gateway::SessionNo,
    mut frames: Frames<'_>,
    now: Timestamp,
    sends_again: bool,
) -> Result<Duration, Closing> {
    let lane = match lane {
        Some(lane) => *lane,
        None => {
            let Some(frame) = frames.next() else { return Ok(Duration::ZERO) };
            *lane.insert(server.desk.open_lane(session, frame?)?)
        }
    };
    let mut chunk = Vec::new();
    let taken = server.desk.commands(session, lane, frames, now, &mut chunk);
    if sends_again && let Some(first) = chunk.first().cloned() {
        chunk.extend(under_another_number(&first));
    }
    if !chunk.is_empty() {
        server.send(link, lane, chunk);
    }
    taken
}

/// The same command as one that nobody has sent.
fn under_another_number(inbound: &Inbound) -> Option<Inbound> {
    let sender = inbound.sender()?;
    Some(Inbound::sent(Sender { number: sender.number + 1_000, ..sender }, inbound.command().clone()))
}

fn closed(closing: Closing) -> SessionError {
    SessionError::Closed { code: closing.code, reason: closing.reason }
}
