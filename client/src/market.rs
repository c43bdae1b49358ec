//! The market as this client sees it: the public book of every contract subscribed to, rebuilt from snapshots and
//! increments and proven against the feed's digests. A pure machine; `feed` moves its bytes.

use crate::error::SessionError;
use protocol::PublicBook;
use protocol::market_data::{
    BookDigest, CommandEnd, Depth, FeedMessage, Increment, Index, SnapshotEnd, SnapshotStart, Start,
    Subscribe, SubscribeRefused, Subscribed, SubscriberMessage, Top, TradePrint, Window,
};
use protocol::public_book::BookError;
use protocol::symbol::Pattern;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;
use types::{Class, ClassNo, Code, ContractId, MarketBody, Phase, Sequence, Side, Timestamp};

/// What a feed session tells. A contract's book is, when the event is given out, as it was right after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedEvent {
    /// A class is listed. On every connection all classes come first.
    Class(Class),
    /// A contract's book is there, whole and proven.
    Snapshot {
        /// Of what.
        contract: ContractId,
    },
    /// The subscription is served: all its snapshots have come.
    Subscribed(Subscribed),
    /// The subscription is not served, and is forgotten.
    SubscribeRefused(SubscribeRefused),
    /// One command changed a book, its resting blocks, its contract's phase or what is told of its auction.
    Book {
        /// Of what.
        contract: ContractId,
        /// The command.
        sequence: Sequence,
        /// Its stamp.
        time: Timestamp,
        /// The trades it made, in order.
        trades: Vec<TradePrint>,
        /// True if it changed other contracts too, as a block does: until [`FeedEvent::CommandEnd`] says that all has
        /// come, only some of the books are as they were after it.
        several: bool,
    },
    /// All has come of what this command changed in several contracts: all books are as they were after it.
    CommandEnd {
        /// The command.
        sequence: Sequence,
    },
    /// Best bid and ask, where [`Depth::Top`] was subscribed to.
    Top(Top),
    /// A trade, where [`Depth::Trades`] was subscribed to.
    Trade(TradePrint),
    /// The index of a model of which something is subscribed to.
    Index(Index),
    /// What a window of a standard length costs or brings, in a class of which every slot is subscribed to at
    /// [`Depth::Book`] or [`Depth::Top`].
    Window(Window),
    /// A book agrees with the feed's digest of it.
    Proven {
        /// Of what.
        contract: ContractId,
        /// After this command.
        sequence: Sequence,
    },
    /// A book does not agree with the feed's digest of it. It is forgotten and subscribed to again.
    Mismatch {
        /// What the feed says.
        expected: BookDigest,
        /// What the book came to.
        found: u32,
    },
    /// Something is missing, or does not go with a book. The book is forgotten and subscribed to again.
    Gap {
        /// Of what.
        contract: ContractId,
        /// What is wrong.
        error: BookError,
    },
    /// Nothing is lost up to here.
    Heartbeat {
        /// The last released command.
        sequence: Sequence,
        /// Its stamp, or the time the feed had come to.
        time: Timestamp,
    },
    /// The connection was lost and made again. All books are forgotten and come again as snapshots.
    Reconnected,
}

/// What a feed session has counted since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeedCounters {
    /// Messages of the feed.
    pub messages: u64,
    /// Their bytes, without what carries them.
    pub bytes: u64,
    /// Changes of books: one for each command and contract.
    pub changes: u64,
    /// Trades seen in changes of books.
    pub trades: u64,
    /// Snapshots taken in.
    pub snapshots: u64,
    /// Books that agreed with a digest, a snapshot's included.
    pub proven: u64,
    /// Books that did not: should be 0.
    pub mismatches: u64,
    /// Gaps: should be 0.
    pub gaps: u64,
    /// Connections lost and made again.
    pub reconnects: u64,
}

/// Everything known of the market.
#[derive(Debug, Default)]
pub(crate) struct Market {
    classes: BTreeMap<ClassNo, Class>,
    books: FxHashMap<ContractId, PublicBook>,
    /// Contracts whose books were wrong; what is said of them is passed over until their snapshots come.
    broken: FxHashSet<ContractId>,
    subscriptions: BTreeMap<u32, Subscription>,
    /// The snapshot that is coming in.
    snapshot: Option<(ContractId, PublicBook)>,
    /// The command of which parts have come, but not the last, with the contract it changes.
    partial: Option<(ContractId, Sequence)>,
    /// The trades in those parts.
    trades: Vec<TradePrint>,
    /// The command in several contracts of which something has come, but not its end.
    open_command: Option<Sequence>,
    indices: BTreeMap<(Code, Code), Index>,
    windows: BTreeMap<(ClassNo, u8, Side, Start), Window>,
    sequence: Sequence,
    pub(crate) counters: FeedCounters,
    /// What is to be said to the feed.
    pub(crate) out: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Subscription {
    pattern: Pattern,
    depth: Depth,
    /// True once all its snapshots have come.
    served: bool,
}

impl Market {
    /// Takes a subscription in.
    pub(crate) fn subscribe(&mut self, pattern: Pattern, depth: Depth) -> u32 {
        let number = self.subscriptions.last_key_value().map_or(1, |(number, _)| number.wrapping_add(1));
        self.subscriptions.insert(number, Subscription { pattern, depth, served: false });
        self.say_subscribe(number);
        number
    }

    /// Takes a subscription back, with the books that no other one is for.
    pub(crate) fn unsubscribe(&mut self, number: u32) {
        let Some(subscription) = self.subscriptions.remove(&number) else { return };
        SubscriberMessage::Unsubscribe { subscription: number }.encode(&mut self.out);
        self.forget(&subscription);
    }

    /// A new connection: everything comes again.
    pub(crate) fn reconnect(&mut self) {
        self.books.clear();
        self.broken.clear();
        self.snapshot = None;
        self.partial = None;
        self.trades.clear();
        self.open_command = None;
        self.indices.clear();
        self.windows.clear();
        self.out.clear();
        self.subscriptions.values_mut().for_each(|subscription| subscription.served = false);
        let numbers: Vec<u32> = self.subscriptions.keys().copied().collect();
        numbers.into_iter().for_each(|number| self.say_subscribe(number));
    }

    /// The book of a contract, if it is subscribed to, whole, and the slot is not over.
    pub(crate) fn book(&self, contract: ContractId) -> Option<&PublicBook> {
        self.books.get(&contract)
    }

    /// All books, in no order.
    pub(crate) fn books(&self) -> impl Iterator<Item = (ContractId, &PublicBook)> {
        self.books.iter().map(|(contract, book)| (*contract, book))
    }

    /// The books of a class by the start of the slot.
    pub(crate) fn books_of(&self, class: ClassNo) -> BTreeMap<ContractId, &PublicBook> {
        self.books().filter(|(contract, _)| contract.class() == class).collect()
    }

    /// The indices, by model and currency.
    pub(crate) fn indices(&self) -> impl Iterator<Item = &Index> {
        self.indices.values()
    }

    /// The standard windows that can be had, by class, hours, side and start.
    pub(crate) fn windows(&self) -> impl Iterator<Item = &Window> {
        self.windows.values()
    }

    /// The last command of which something has come.
    pub(crate) fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// True unless a command that changed several contracts has come in a part of them only.
    pub(crate) fn is_whole(&self) -> bool {
        self.open_command.is_none()
    }

    /// True if every subscription has been served.
    pub(crate) fn is_served_whole(&self) -> bool {
        self.subscriptions.values().all(|subscription| subscription.served)
    }

    /// The listed classes, in the order of their numbers.
    pub(crate) fn classes(&self) -> impl Iterator<Item = &Class> {
        self.classes.values()
    }

    /// Takes in what the feed says, and gives what the user is to be told of it.
    pub(crate) fn take(&mut self, message: FeedMessage<'_>) -> Result<Option<FeedEvent>, SessionError> {
        Ok(match message {
            FeedMessage::Increment(increment) => self.take_increment(&increment)?,
            FeedMessage::BookDigest(digest) => self.prove(digest),
            FeedMessage::Top(top) => {
                self.come_to(top.sequence);
                Some(FeedEvent::Top(top))
            }
            FeedMessage::TradePrint(print) => {
                self.come_to(print.sequence);
                Some(FeedEvent::Trade(print))
            }
            FeedMessage::Index(index) => {
                self.come_to(index.sequence);
                self.indices.insert((index.model, index.currency), index);
                Some(FeedEvent::Index(index))
            }
            FeedMessage::Window(window) => Some(self.take_window(window)),
            FeedMessage::CommandEnd(end) => Some(self.end_command(end)?),
            FeedMessage::SnapshotStart(start) => {
                self.start_snapshot(&start)?;
                None
            }
            FeedMessage::SnapshotOrder(entry) => {
                let (contract, book) = self.snapshot.as_mut().ok_or_else(no_snapshot)?;
                book.apply(&MarketBody::Add(entry)).map_err(|error| bad_snapshot(*contract, &error))?;
                None
            }
            FeedMessage::SnapshotBlock(block) => {
                let (contract, book) = self.snapshot.as_mut().ok_or_else(no_snapshot)?;
                book.apply(&MarketBody::Block(block)).map_err(|error| bad_snapshot(*contract, &error))?;
                None
            }
            FeedMessage::SnapshotEnd(end) => Some(self.end_snapshot(&end)?),
            FeedMessage::Class(class) => {
                self.classes.insert(class.no, class);
                Some(FeedEvent::Class(class))
            }
            FeedMessage::Subscribed(subscribed) => {
                if let Some(subscription) = self.subscriptions.get_mut(&subscribed.subscription) {
                    subscription.served = true;
                }
                Some(FeedEvent::Subscribed(subscribed))
            }
            FeedMessage::SubscribeRefused(refused) => {
                self.subscriptions.remove(&refused.subscription);
                Some(FeedEvent::SubscribeRefused(refused))
            }
            FeedMessage::Heartbeat { sequence, time } => {
                self.come_to(sequence);
                Some(FeedEvent::Heartbeat { sequence, time })
            }
            FeedMessage::Welcome { .. } => return Err(SessionError::violation("a second welcome")),
        })
    }

    fn start_snapshot(&mut self, start: &SnapshotStart) -> Result<(), SessionError> {
        if let Some((contract, _)) = self.snapshot {
            return Err(SessionError::violation(format!(
                "the snapshot of contract {} has no end",
                contract.0
            )));
        }
        self.books.remove(&start.contract);
        self.broken.remove(&start.contract);
        self.come_to(start.sequence);
        self.snapshot = Some((start.contract, start.book()));
        Ok(())
    }

    /// The snapshot is whole. One that does not prove is the feed's own contradiction.
    fn end_snapshot(&mut self, end: &SnapshotEnd) -> Result<FeedEvent, SessionError> {
        let (contract, book) = self.snapshot.take().ok_or_else(no_snapshot)?;
        let found = book.digest();
        if (end.contract, end.sequence, end.digest) != (contract, book.sequence(), found) {
            self.counters.mismatches += 1;
            return Err(SessionError::violation(format!(
                "the snapshot of contract {} comes to {found:08x}, not {:08x}",
                contract.0, end.digest
            )));
        }
        book.check_whole().map_err(|error| bad_snapshot(contract, &error))?;
        self.counters.snapshots += 1;
        self.counters.proven += 1;
        self.books.insert(contract, book);
        Ok(FeedEvent::Snapshot { contract })
    }

    fn take_increment(&mut self, increment: &Increment<'_>) -> Result<Option<FeedEvent>, SessionError> {
        let &Increment { contract, sequence, time, previous, last, several, .. } = increment;
        if self.open_command.is_some_and(|open| open != sequence) {
            return Err(SessionError::violation("the end of a command is missing"));
        }
        self.open_command = several.then_some(sequence);
        self.come_to(sequence);
        if self.partial.take().is_some_and(|partial| partial != (contract, sequence)) {
            return Err(SessionError::violation("the last part of an increment is missing"));
        }
        if !self.books.contains_key(&contract) && !self.begin_book(contract, previous) {
            let missed = self.is_served(contract) && !self.broken.contains(&contract);
            return Ok(missed.then(|| self.gap(contract, BookError::Gap { at: 0, previous })));
        }
        let book = self.books.get_mut(&contract).expect("it was there or has begun");
        for event in increment.events() {
            let event = event.map_err(|error| SessionError::violation(error.to_string()))?;
            if let Err(error) = book.follow(&event) {
                return Ok(Some(self.gap(contract, error)));
            }
            self.trades.extend(TradePrint::of(&event));
        }
        if !last {
            self.partial = Some((contract, sequence));
            return Ok(None);
        }
        if let Err(error) = book.check_whole() {
            return Ok(Some(self.gap(contract, error)));
        }
        if book.phase() == Phase::Settled {
            self.books.remove(&contract);
        }
        let trades = std::mem::take(&mut self.trades);
        self.counters.changes += 1;
        self.counters.trades += u64::try_from(trades.len()).expect("a length fits in 64 bits");
        Ok(Some(FeedEvent::Book { contract, sequence, time, trades, several }))
    }

    /// All has come of a command. At depth Trades there is no increment that says that it is one in several contracts.
    fn end_command(&mut self, end: CommandEnd) -> Result<FeedEvent, SessionError> {
        let sequence = end.sequence;
        if self.open_command.take().is_some_and(|open| open != sequence) {
            return Err(SessionError::violation("the end of another command"));
        }
        self.come_to(sequence);
        Ok(FeedEvent::CommandEnd { sequence })
    }

    fn take_window(&mut self, window: Window) -> FeedEvent {
        self.come_to(window.sequence);
        let key = (window.class, window.hours, window.side, window.start);
        match window.best {
            Some(_) => drop(self.windows.insert(key, window)),
            None => drop(self.windows.remove(&key)),
        }
        FeedEvent::Window(window)
    }

    fn come_to(&mut self, sequence: Sequence) {
        self.sequence = self.sequence.max(sequence);
    }

    /// A contract's first change begins its book; false if it is not the first, or nobody asked.
    fn begin_book(&mut self, contract: ContractId, previous: Sequence) -> bool {
        let begins = previous == 0 && self.subscribed(contract, |_| true);
        if begins {
            self.books.insert(contract, PublicBook::new());
        }
        begins
    }

    fn prove(&mut self, expected: BookDigest) -> Option<FeedEvent> {
        let BookDigest { contract, sequence, digest } = expected;
        let book = self.books.get(&contract)?;
        if book.sequence() != sequence {
            let (at, previous) = (book.sequence(), sequence);
            return Some(self.gap(contract, BookError::Gap { at, previous }));
        }
        let found = book.digest();
        if found == digest {
            self.counters.proven += 1;
            return Some(FeedEvent::Proven { contract, sequence });
        }
        self.counters.mismatches += 1;
        self.recover(contract);
        Some(FeedEvent::Mismatch { expected, found })
    }

    fn gap(&mut self, contract: ContractId, error: BookError) -> FeedEvent {
        self.counters.gaps += 1;
        self.recover(contract);
        FeedEvent::Gap { contract, error }
    }

    /// Forgets the book of `contract`, and asks again for everything that one of the subscriptions for it is for.
    fn recover(&mut self, contract: ContractId) {
        self.trades.clear();
        self.books.remove(&contract);
        self.broken.insert(contract);
        let Some(class) = self.classes.get(&contract.class()) else { return };
        let mut all = self.subscriptions.iter_mut();
        let found = all.find(|(_, subscription)| subscription.shows_book(class, contract));
        let Some((&number, subscription)) = found else { return };
        subscription.served = false;
        let subscription = *subscription;
        self.forget(&subscription);
        SubscriberMessage::Unsubscribe { subscription: number }.encode(&mut self.out);
        self.say_subscribe(number);
    }

    /// Forgets the books of a subscription which no served one keeps up.
    fn forget(&mut self, subscription: &Subscription) {
        let mut books = std::mem::take(&mut self.books);
        books.retain(|contract, _| {
            let class = self.classes.get(&contract.class());
            let concerned = class.is_some_and(|class| subscription.shows_book(class, *contract));
            !concerned || self.is_served(*contract)
        });
        self.books = books;
    }

    /// True if a subscription whose snapshots have all come shows the book of `contract`.
    fn is_served(&self, contract: ContractId) -> bool {
        self.subscribed(contract, |subscription| subscription.served)
    }

    fn subscribed(&self, contract: ContractId, such: impl Fn(&Subscription) -> bool) -> bool {
        let Some(class) = self.classes.get(&contract.class()) else { return false };
        self.subscriptions
            .values()
            .any(|subscription| such(subscription) && subscription.shows_book(class, contract))
    }

    fn say_subscribe(&mut self, number: u32) {
        if let Some(&Subscription { pattern, depth, .. }) = self.subscriptions.get(&number) {
            let subscribe = Subscribe { subscription: number, pattern, depth };
            SubscriberMessage::Subscribe(subscribe).encode(&mut self.out);
        }
    }
}

impl Subscription {
    fn shows_book(&self, class: &Class, contract: ContractId) -> bool {
        self.depth == Depth::Book && self.pattern.matches(&class.spec, contract.start())
    }
}

fn no_snapshot() -> SessionError {
    SessionError::violation("a part of a snapshot that has not begun")
}

fn bad_snapshot(contract: ContractId, error: &BookError) -> SessionError {
    SessionError::violation(format!("in the snapshot of contract {}: {error}", contract.0))
}
