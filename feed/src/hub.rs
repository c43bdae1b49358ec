//! Where released commands meet subscribers: a pure machine. It knows no socket and no clock; sessions take what
//! there is for them, and are woken when there is something.
//!
//! What happens to a contract is encoded once, into one buffer, from which every session that listens copies its
//! stretches into its own bounded queue when the buffer is flushed. Between two flushes many commands may have
//! been released: books and trades are told of all of them, a best bid and ask only as it is at the flush. Nothing
//! here waits for a session: one whose queue is full is cut.

use crate::batch::{Batch, Piece, Session, depth_no};
use crate::encode::{encode_change, encode_state, encode_summary};
use crate::market::{Market, MarketError};
use crate::readers::Readers;
use crate::subscriptions::{Subscriptions, named_class};
use protocol::CloseCode;
use protocol::market_data::{
    CommandEnd, Depth, FeedMessage, Subscribe, SubscribeRefused, Subscribed, by_contract, commands, groups,
};
use protocol::symbol::Pattern;
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::Notify;
use types::{
    Code, ContractId, MarketEvent, Output, Phase, PublicKey, RejectCode, Sequence, StateEvent, Timestamp,
};

/// A connected subscriber, never used for another.
pub(crate) type SessionId = u64;

/// How many sessions there may be, in all and of one key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seats {
    pub(crate) in_all: usize,
    pub(crate) per_key: usize,
}

/// How many subscriptions one session may have.
pub(crate) const SUBSCRIPTIONS_MAX: usize = 64;
/// A session with more bytes than this waiting for it is cut. Snapshots do not count: they are made when the
/// session has room.
pub(crate) const QUEUE_BYTES_MAX: usize = 8 << 20;
/// While more than this waits for all sessions together, the one with the most is cut.
const QUEUES_BYTES_MAX: usize = 512 << 20;
/// A session is given at least so many bytes of snapshots at a time while it has any to come. Few in tests, so that
/// much happens between the snapshots of one subscription.
const SNAPSHOT_BYTES: usize = if cfg!(test) { 512 } else { 256 << 10 };
/// And the contracts of so many at most, whether or not there is anything to send of them.
const SNAPSHOT_CONTRACTS: usize = 4_096;

/// The orders of so many events are asked of the memory together.
const AHEAD: usize = 16;

/// With more than this waiting for a flush it is flushed at once.
const BATCH_BYTES_MAX: usize = 1 << 20;

/// The market, who may see it, and who is looking.
#[derive(Debug)]
pub(crate) struct Hub {
    market: Market,
    readers: Readers,
    progress: Progress,
    seats: Seats,
    sessions: FxHashMap<SessionId, Session>,
    joined: SessionId,
    subscriptions: Subscriptions,
    batch: Batch,
    ended: Option<CloseCode>,
}

/// How far the exchange has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The last released command.
    pub(crate) sequence: Sequence,
    /// Its stamp.
    pub(crate) time: Timestamp,
    /// Commands released since the feed was started.
    pub(crate) commands: u64,
}

/// A session that has been let in.
#[derive(Debug)]
pub(crate) struct Joined {
    /// Which.
    pub(crate) session: SessionId,
    /// Wakes who takes for it.
    pub(crate) wake: Arc<Notify>,
    /// How far the exchange has come.
    pub(crate) progress: Progress,
}

/// What there is for a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// These bytes, and perhaps more.
    Bytes,
    /// Nothing now: wait to be woken.
    Nothing,
    /// Nothing any more: the connection is to be closed with this code.
    End(CloseCode),
}

/// Why a subscription is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    /// It cannot be; the subscriber is told so.
    Refused(SubscribeRefused),
    /// Its number is in use, which no subscriber of ours does.
    NumberInUse,
}

impl Hub {
    /// With the market and the keys as the exchange recovered them.
    ///
    /// # Errors
    /// [`MarketError`] if the state contradicts itself.
    pub(crate) fn new(
        state: &[StateEvent],
        sequence: Sequence,
        time: Timestamp,
        seats: Seats,
    ) -> Result<Hub, MarketError> {
        Ok(Hub {
            market: Market::from_state(state)?,
            readers: Readers::from_state(state),
            progress: Progress { sequence, time, commands: 0 },
            seats,
            sessions: FxHashMap::default(),
            joined: 0,
            subscriptions: Subscriptions::default(),
            batch: Batch::default(),
            ended: None,
        })
    }

    /// The market.
    pub(crate) fn market(&self) -> &Market {
        &self.market
    }

    /// How far the exchange has come.
    pub(crate) fn progress(&self) -> Progress {
        self.progress
    }

    /// Lets a key in.
    ///
    /// # Errors
    /// Why not, as the code to close with.
    pub(crate) fn join(&mut self, public: PublicKey, now: Timestamp) -> Result<Joined, CloseCode> {
        if let Some(code) = self.ended {
            return Err(code);
        }
        let key = self.readers.check(&public, now.max(self.progress.time))?;
        let of_key = self.sessions.values().filter(|session| session.key == key).count();
        if self.sessions.len() >= self.seats.in_all || of_key >= self.seats.per_key {
            return Err(CloseCode::TooMany);
        }
        self.joined += 1;
        let mut session = Session::new(public, key);
        for class in self.market.classes() {
            FeedMessage::Class(*class).encode(&mut session.queue);
        }
        let wake = Arc::clone(&session.wake);
        self.sessions.insert(self.joined, session);
        Ok(Joined { session: self.joined, wake, progress: self.progress })
    }

    /// Forgets a session.
    pub(crate) fn leave(&mut self, id: SessionId) {
        let Some(session) = self.sessions.remove(&id) else { return };
        for subscription in session.subscriptions.into_values() {
            self.subscriptions.remove(subscription, &self.market);
        }
    }

    /// Adds a subscription; its snapshots come as the session takes them.
    ///
    /// # Errors
    /// [`Denied`] if there cannot be such a subscription.
    pub(crate) fn subscribe(&mut self, id: SessionId, wish: &Subscribe) -> Result<(), Denied> {
        let Some(session) = self.sessions.get_mut(&id) else { return Ok(()) };
        let Subscribe { subscription: number, pattern, depth } = *wish;
        if session.subscriptions.contains_key(&number) {
            return Err(Denied::NumberInUse);
        }
        let refuse = |(code, value)| Denied::Refused(SubscribeRefused { subscription: number, code, value });
        if session.subscriptions.len() >= SUBSCRIPTIONS_MAX {
            let max = i64::try_from(SUBSCRIPTIONS_MAX).unwrap_or(i64::MAX);
            return Err(refuse((RejectCode::Full, max)));
        }
        check_pattern(&pattern, &self.market).map_err(refuse)?;
        let subscription = self.subscriptions.add(id, number, pattern, depth, &self.market);
        session.subscriptions.insert(number, subscription);
        session.pending.push_back(subscription);
        session.wake.notify_one();
        Ok(())
    }

    /// Ends a subscription; one that is not there has ended already.
    pub(crate) fn unsubscribe(&mut self, id: SessionId, number: u32) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if let Some(subscription) = session.subscriptions.remove(&number) {
            session.pending.retain(|pending| *pending != subscription);
            self.subscriptions.remove(subscription, &self.market);
        }
    }

    /// Takes in what came of a batch of commands. Every session is given what it listens to at the next
    /// [`Hub::flush`].
    ///
    /// # Errors
    /// [`MarketError`] if it does not fit what came before; the hub is not to be used any more.
    pub(crate) fn release(&mut self, output: &Output, progress: Progress) -> Result<(), MarketError> {
        for event in &output.state {
            match *event {
                StateEvent::Class(class) => {
                    self.market.list(class)?;
                    self.subscriptions.list(&class);
                    let piece = self.batch.piece(|bytes| FeedMessage::Class(class).encode(bytes));
                    self.sessions
                        .iter_mut()
                        .for_each(|(id, session)| session.give(*id, &piece, &mut self.batch));
                }
                StateEvent::Key(key) => {
                    self.readers.take(key);
                    self.check_keys(progress.time, |session| session.key == key.no);
                }
                StateEvent::Halt { scope, on } => self.market.halt(scope, on),
                _ => {}
            }
        }
        let (mut done, mut asked) = (0, 0);
        for command in commands(&output.events) {
            if done >= asked {
                asked = output.events.len().min(done + AHEAD);
                self.market.look_ahead(&output.events[done..asked]);
            }
            done += command.len();
            self.release_command(command)?;
        }
        self.progress = progress;
        if self.batch.bytes.len() > BATCH_BYTES_MAX {
            self.flush();
        }
        Ok(())
    }

    /// Gives every session what was released for it since the last flush, and wakes those that got something.
    pub(crate) fn flush(&mut self) {
        while let Some(contract) = self.batch.tops.pop_first() {
            self.tell_top(contract);
        }
        for id in self.batch.touched.drain(..) {
            if let Some(session) = self.sessions.get_mut(&id) {
                session.flush(&self.batch.bytes);
                session.wake.notify_one();
            }
        }
        self.batch.bytes.clear();
        self.bound_queues();
    }

    /// Cuts who lets the most wait until what waits for all is within its bound.
    fn bound_queues(&mut self) {
        let mut waiting: usize = self.sessions.values().map(|session| session.queue.len()).sum();
        while waiting > QUEUES_BYTES_MAX {
            let slowest = self.sessions.values_mut().max_by_key(|session| session.queue.len());
            let Some(slowest) = slowest else { return };
            waiting -= slowest.queue.len();
            slowest.cut(CloseCode::TooSlow);
        }
    }

    /// A sign of life for everybody, once a second; keys that have expired are out.
    pub(crate) fn heartbeat(&mut self, now: Timestamp) {
        let (sequence, time) = (self.progress.sequence, now.max(self.progress.time));
        self.check_keys(time, |_| true);
        // It says that all has been told up to here.
        self.flush();
        let piece = self.batch.piece(|bytes| FeedMessage::Heartbeat { sequence, time }.encode(bytes));
        self.sessions.iter_mut().for_each(|(id, session)| session.give(*id, &piece, &mut self.batch));
        self.flush();
    }

    /// Tells what has changed of indices and standard windows, to be called every so often.
    pub(crate) fn summarize(&mut self) {
        let Progress { sequence, time, .. } = self.progress;
        let summary = self.market.summarize(sequence, time);
        let models = if summary.indices.is_empty() { BTreeSet::new() } else { self.listeners() };
        for index in summary.indices {
            let piece = self.batch.piece(|bytes| FeedMessage::Index(index).encode(bytes));
            for (id, _) in models.iter().filter(|(_, model)| model.is_none_or(|model| model == index.model)) {
                self.give(*id, &piece);
            }
        }
        for of_class in summary.windows.chunk_by(|one, next| one.class == next.class) {
            let piece = self.batch.piece(|bytes| {
                of_class.iter().for_each(|window| FeedMessage::Window(*window).encode(bytes));
            });
            let Some(class) = self.market.class(of_class[0].class) else { continue };
            let sessions: BTreeSet<SessionId> = self.subscriptions.of_windows(class).collect();
            sessions.into_iter().for_each(|id| self.give(id, &piece));
        }
        self.flush();
    }

    /// Whom to tell of the index of a model, or of any: each session for each model once.
    fn listeners(&self) -> BTreeSet<(SessionId, Option<Code>)> {
        let mut listeners: BTreeSet<(SessionId, Option<Code>)> = self.subscriptions.models().collect();
        let all: Vec<SessionId> =
            listeners.iter().filter(|(_, model)| model.is_none()).map(|(id, _)| *id).collect();
        listeners.retain(|(id, model)| model.is_none() || all.binary_search(id).is_err());
        listeners
    }

    fn give(&mut self, id: SessionId, piece: &Piece) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.give(id, piece, &mut self.batch);
        }
    }

    /// Lets every session take what it has been given, and then ends it with this code; nobody gets in any more.
    pub(crate) fn end(&mut self, code: CloseCode) {
        self.flush();
        self.ended.get_or_insert(code);
        for session in self.sessions.values_mut() {
            session.ends.get_or_insert(code);
            session.wake.notify_one();
        }
    }

    /// Moves what there is for a session into `out`, which is empty: what it was given, and then snapshots.
    pub(crate) fn take(&mut self, id: SessionId, out: &mut Vec<u8>) -> Taken {
        // A snapshot shows what has been released, so what has been given of that goes before it.
        if self.sessions.get(&id).is_some_and(|session| !session.pending.is_empty()) {
            self.flush();
        }
        let Some(session) = self.sessions.get_mut(&id) else { return Taken::End(CloseCode::Done) };
        if let (true, Some(code)) = (session.cut, session.ends) {
            return Taken::End(code);
        }
        std::mem::swap(&mut session.queue, out);
        self.take_snapshots(id, out);
        match self.sessions.get(&id).and_then(|session| session.ends) {
            _ if !out.is_empty() => Taken::Bytes,
            Some(code) => Taken::End(code),
            None => Taken::Nothing,
        }
    }

    fn take_snapshots(&mut self, id: SessionId, out: &mut Vec<u8>) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let full = out.len() + SNAPSHOT_BYTES;
        for _ in 0..SNAPSHOT_CONTRACTS {
            let Some(&pending) = session.pending.front() else { return };
            let Some(subscription) = self.subscriptions.get_mut(pending) else { return };
            let (number, depth) = (subscription.number, subscription.depth);
            match subscription.advance(&self.market) {
                None => {
                    let contracts = subscription.contracts;
                    encode_summary(subscription, &self.market, out);
                    FeedMessage::Subscribed(Subscribed { subscription: number, contracts }).encode(out);
                    session.pending.pop_front();
                }
                Some(contract) => {
                    let mut live = self.subscriptions.live(contract);
                    let comes_already = live
                        .any(|other| other.session == id && other.depth == depth && other.number != number);
                    if let (false, Some(at)) = (comes_already, self.market.contract(contract)) {
                        encode_state(depth, contract, at, out);
                    }
                }
            }
            if out.len() >= full {
                break;
            }
        }
        // There may be more: come again as soon as this is written.
        session.wake.notify_one();
    }

    /// Releases what one command did, contract by contract, and says where that ends if there are several: so a
    /// subscriber of several contracts knows when it has every part of a block.
    fn release_command(&mut self, command: &[MarketEvent]) -> Result<(), MarketError> {
        let Some(&MarketEvent { contract, sequence, .. }) = command.first() else { return Ok(()) };
        if command.iter().all(|event| event.contract == contract) {
            return self.release_group(command, false);
        }
        for group in groups(&by_contract(command)) {
            self.release_group(group, true)?;
        }
        let piece = self.batch.piece(|bytes| FeedMessage::CommandEnd(CommandEnd { sequence }).encode(bytes));
        for id in std::mem::take(&mut self.batch.concerned) {
            self.give(id, &piece);
        }
        Ok(())
    }

    fn release_group(&mut self, group: &[MarketEvent], several: bool) -> Result<(), MarketError> {
        let Some(&MarketEvent { contract: id, sequence, .. }) = group.first() else { return Ok(()) };
        let top_changed = self.market.apply(group)?;
        let Some(contract) = self.market.contract(id) else { return Ok(()) };
        if top_changed {
            self.batch.tops.insert(id);
        }
        let mut pieces: [Option<Piece>; 3] = [None, None, None];
        for subscription in self.subscriptions.live(id) {
            let Some(session) = self.sessions.get_mut(&subscription.session) else { continue };
            let depth = subscription.depth;
            if depth == Depth::Top {
                continue;
            }
            let piece = pieces[depth_no(depth)].get_or_insert_with(|| {
                self.batch.piece(|bytes| encode_change(depth, group, several, id, contract, bytes))
            });
            session.give_once(depth, subscription.session, piece, &mut self.batch);
            if several && !piece.place.is_empty() && session.command != sequence {
                session.command = sequence;
                self.batch.concerned.push(subscription.session);
            }
        }
        if contract.book.phase() == Phase::Settled {
            if self.batch.tops.remove(&id) {
                self.tell_top(id);
            }
            self.market.remove(id);
        }
        Ok(())
    }

    /// Gives a contract's best bid and ask to those who listen.
    fn tell_top(&mut self, id: ContractId) {
        let Some(contract) = self.market.contract(id) else { return };
        let mut piece = None;
        for subscription in self.subscriptions.live(id).filter(|live| live.depth == Depth::Top) {
            let Some(session) = self.sessions.get_mut(&subscription.session) else { continue };
            let piece = piece.get_or_insert_with(|| {
                self.batch.piece(|bytes| encode_state(Depth::Top, id, contract, bytes))
            });
            session.give_once(Depth::Top, subscription.session, piece, &mut self.batch);
        }
    }

    /// Ends those of the chosen sessions whose key may not read any more.
    fn check_keys(&mut self, now: Timestamp, chosen: impl Fn(&Session) -> bool) {
        for session in self.sessions.values_mut().filter(|session| chosen(session)) {
            if let Err(code) = self.readers.check(&session.public, now) {
                session.cut(code);
            }
        }
    }
}

/// Refuses what can never match.
fn check_pattern(pattern: &Pattern, market: &Market) -> Result<(), (RejectCode, i64)> {
    if pattern.model.is_none() || pattern.region.is_none() {
        return Ok(());
    }
    let class = named_class(pattern, market).ok_or((RejectCode::UnknownClass, 0))?;
    match pattern.start {
        Some(start) if class.contract(start).is_none() => {
            Err((RejectCode::NotASlot, i64::from(class.spec.slot_hours)))
        }
        _ => Ok(()),
    }
}
