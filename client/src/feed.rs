//! A feed session: subscriptions in, the market out, over as many connections as it takes.
//!
//! There is no task and no queue behind it: who waits for the next event is who reads the connection, so a slow
//! reader is slow towards the feed, and every book is exactly as it was right after the event just given out.

use crate::ExchangeInfo;
use crate::dial::{
    Call, Dialer, Patience, WELCOME_TIMEOUT, ended, failed, next_pushed, start, stream_ended, violated,
};
use crate::error::SessionError;
use crate::market::{FeedCounters, FeedEvent, Market};
use protocol::header::split;
use protocol::market_data::{ALPN, Depth, FeedMessage, Index, SubscribeRefused, SubscriberMessage, Window};
use protocol::symbol::Pattern;
use protocol::{CloseCode, PublicBook};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use transport::{FrameReader, Outbox, PrivateKey};
use types::{Class, ClassNo, ContractId, Sequence};

/// What may wait to be said to the feed.
const CONTROL_BYTES: usize = 256 << 10;
/// How long to try for a new connection when one is lost.
const PATIENCE: Duration = Duration::from_secs(30);
/// Gateway and feed learn of a new key each by themselves: so long after it was registered the feed knows it too.
const NEW_KEY_WITHIN: Duration = Duration::from_secs(2);
/// The pause between two calls to a feed that does not know the key yet.
const NEW_KEY_PAUSE: Duration = Duration::from_millis(20);

/// A session of one key with the feed. It ends when dropped.
#[derive(Debug)]
pub struct FeedSession {
    dialer: Arc<Dialer>,
    patience: Patience,
    /// `None` while there is no connection.
    link: Option<Link>,
    /// Why there is none.
    lost: Option<SessionError>,
    /// The task that calls for a new one, so that a dropped wait for the next event does not stop it.
    calling: Option<JoinHandle<Result<Link, SessionError>>>,
    market: Market,
    /// What has arrived; the messages from `next` on have not been taken in.
    arrived: Vec<u8>,
    next: usize,
    received: Instant,
}

/// A connection on which the feed has said its first words.
#[derive(Debug)]
struct Link {
    call: Call,
    out: Outbox,
    control: FrameReader,
    /// There once the first message is.
    data: Option<FrameReader>,
}

impl FeedSession {
    /// Connects to the feed as `key`. Calls once only, but for two seconds if the feed does not know the key, which may
    /// have been registered a moment ago.
    ///
    /// # Errors
    /// [`SessionError`]: nobody answers, the wrong one does, or the exchange does not let the key in.
    pub async fn connect(info: &ExchangeInfo, key: &PrivateKey) -> Result<FeedSession, SessionError> {
        let dialer = Arc::new(Dialer::new(info.feed, info.key, key, ALPN)?);
        let link = open_as_new(&dialer).await?;
        Ok(FeedSession {
            dialer,
            patience: Patience::new(PATIENCE),
            link: Some(link),
            lost: None,
            calling: None,
            market: Market::default(),
            arrived: Vec::new(),
            next: 0,
            received: Instant::now(),
        })
    }

    /// How long to try for a new connection when one is lost, from now on; half a minute if nothing is said.
    pub fn set_patience(&mut self, patience: Duration) {
        self.patience = Patience::new(patience);
    }

    /// Subscribes to all contracts of `pattern`, those to come included, and gives the subscription's number.
    /// [`FeedEvent::Subscribed`] or [`FeedEvent::SubscribeRefused`] will say what came of it.
    pub fn subscribe(&mut self, pattern: Pattern, depth: Depth) -> u32 {
        let number = self.market.subscribe(pattern, depth);
        self.flush();
        number
    }

    /// Takes a subscription back. Books for which there is no other one are forgotten.
    pub fn unsubscribe(&mut self, subscription: u32) {
        self.market.unsubscribe(subscription);
        self.flush();
    }

    /// Waits for the next event. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`SessionError`] if the session is over; it is the same if asked again.
    pub async fn next(&mut self) -> Result<FeedEvent, SessionError> {
        loop {
            match self.take() {
                Ok(Some(event)) => return Ok(event),
                Ok(None) => {}
                Err(error) => self.lose(error),
            }
            if self.link.is_none() {
                self.call_again().await?;
                return Ok(FeedEvent::Reconnected);
            }
            if let Err(error) = self.read().await {
                self.lose(error);
            }
        }
    }

    /// Waits until every subscription is served: then all their books are there, as they were at one moment. Gives the
    /// first that is refused as soon as it is. The events on the way are passed over.
    ///
    /// # Errors
    /// [`SessionError`] if the session is over.
    pub async fn until_served(&mut self) -> Result<Option<SubscribeRefused>, SessionError> {
        while !(self.market.is_served_whole() && self.is_whole()) {
            if let FeedEvent::SubscribeRefused(refused) = self.next().await? {
                return Ok(Some(refused));
            }
        }
        Ok(None)
    }

    /// True unless a command that changed several contracts, such as the trade of a block, has come in a part of them
    /// only. While it is true and all subscriptions are served, all books are as they were at one moment.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.market.is_whole()
    }

    /// The last command of which something has come; 0 before.
    #[must_use]
    pub fn sequence(&self) -> Sequence {
        self.market.sequence()
    }

    /// The book of a contract as it was right after the last event given out; `None` if it is not subscribed to,
    /// its snapshot has not come, nothing has ever happened in it, or its slot is over.
    #[must_use]
    pub fn book(&self, contract: ContractId) -> Option<&PublicBook> {
        self.market.book(contract)
    }

    /// All books there are, in no order.
    pub fn books(&self) -> impl Iterator<Item = (ContractId, &PublicBook)> {
        self.market.books()
    }

    /// The books of a class, in the order of the slots. Of a block the book of its first slot tells.
    #[must_use]
    pub fn books_of(&self, class: ClassNo) -> BTreeMap<ContractId, &PublicBook> {
        self.market.books_of(class)
    }

    /// The indices of all models of which something is subscribed to, by model and currency.
    pub fn indices(&self) -> impl Iterator<Item = &Index> {
        self.market.indices()
    }

    /// The standard windows that can be had, by class, hours, side and start, of the classes of which every slot is
    /// subscribed to at [`Depth::Book`] or [`Depth::Top`].
    pub fn windows(&self) -> impl Iterator<Item = &Window> {
        self.market.windows()
    }

    /// The listed classes, in the order of their numbers.
    pub fn classes(&self) -> impl Iterator<Item = &Class> {
        self.market.classes()
    }

    /// What has been counted since the session began.
    #[must_use]
    pub fn counters(&self) -> FeedCounters {
        self.market.counters
    }

    /// When what the last event was made of arrived.
    #[must_use]
    pub fn received(&self) -> Instant {
        self.received
    }

    /// Takes in what has arrived, up to the first event.
    fn take(&mut self) -> Result<Option<FeedEvent>, SessionError> {
        let mut event = None;
        while event.is_none() {
            let frame = split(&self.arrived[self.next..])
                .map_err(|error| SessionError::violation(error.to_string()))?;
            let Some((frame, _)) = frame else { break };
            self.next += frame.bytes.len();
            self.market.counters.messages += 1;
            self.market.counters.bytes += u64::try_from(frame.bytes.len()).unwrap_or(0);
            match FeedMessage::decode(frame) {
                Ok(message) => event = self.market.take(message)?,
                Err(error) => {
                    if let Some(link) = &self.link {
                        violated(&link.call, &error);
                    }
                    return Err(SessionError::violation(error.to_string()));
                }
            }
        }
        self.flush();
        Ok(event)
    }

    /// Reads on, when all that has arrived is taken in.
    async fn read(&mut self) -> Result<(), SessionError> {
        let Some(Link { call, control, data, .. }) = &mut self.link else { return Ok(()) };
        let frames = tokio::select! {
            frames = control.next() => frames,
            frames = next_pushed(call, data) => frames?,
        };
        let Some(frames) = frames.map_err(|error| failed(call, &error))? else {
            return Err(stream_ended(call).await);
        };
        self.arrived.clear();
        self.next = 0;
        self.received = Instant::now();
        for frame in frames {
            self.arrived.extend_from_slice(frame.map_err(|error| violated(call, &error))?.bytes);
        }
        Ok(())
    }

    /// Says what there is to say. What cannot be said is said again on the next connection.
    fn flush(&mut self) {
        if let Some(link) = &self.link
            && !self.market.out.is_empty()
            && link.out.push(&self.market.out).is_err()
        {
            link.call.close(CloseCode::TooSlow.number().into(), b"nothing is read");
        }
        self.market.out.clear();
    }

    fn lose(&mut self, error: SessionError) {
        self.link = None;
        self.arrived.clear();
        self.next = 0;
        self.lost = Some(error);
    }

    /// Calls until there is a connection.
    async fn call_again(&mut self) -> Result<(), SessionError> {
        loop {
            let called = match &mut self.calling {
                Some(calling) => calling.await,
                None => {
                    let error = self.lost.clone().unwrap_or(SessionError::Finished);
                    let pause = self.patience.pause(error)?;
                    self.calling = Some(tokio::spawn(call_after(pause, Arc::clone(&self.dialer))));
                    continue;
                }
            };
            self.calling = None;
            match called {
                Ok(Ok(link)) => {
                    self.link = Some(link);
                    self.patience.connected();
                    self.market.counters.reconnects += 1;
                    self.market.reconnect();
                    self.flush();
                    return Ok(());
                }
                Ok(Err(error)) => self.lost = Some(error),
                // The runtime is going down.
                Err(_) => self.lost = Some(SessionError::Finished),
            }
        }
    }
}

async fn call_after(pause: Duration, dialer: Arc<Dialer>) -> Result<Link, SessionError> {
    tokio::time::sleep(pause).await;
    open(&dialer).await
}

/// Calls the feed, again if it does not know the key yet.
async fn open_as_new(dialer: &Dialer) -> Result<Link, SessionError> {
    let began = Instant::now();
    loop {
        match open(dialer).await {
            Err(SessionError::Closed { code: CloseCode::UnknownKey, .. })
                if began.elapsed() < NEW_KEY_WITHIN => {}
            opened => return opened,
        }
        tokio::time::sleep(NEW_KEY_PAUSE).await;
    }
}

/// Calls the feed once and introduces itself.
async fn open(dialer: &Dialer) -> Result<Link, SessionError> {
    let call = dialer.call().await?;
    match tokio::time::timeout(WELCOME_TIMEOUT, introduce(call)).await {
        Ok(link) => link,
        Err(_) => {
            Err(SessionError::Lost { cause: format!("no welcome within {} s", WELCOME_TIMEOUT.as_secs()) })
        }
    }
}

async fn introduce(call: Call) -> Result<Link, SessionError> {
    let (control_out, control_in) = call.open_bi().await.map_err(|error| ended(&call, error))?;
    let mut hello = Vec::new();
    SubscriberMessage::Hello.encode(&mut hello);
    let out = start(&call, control_out, &hello, CONTROL_BYTES);
    let mut control = FrameReader::new(control_in);
    let frames = control.next().await.map_err(|error| failed(&call, &error))?;
    let Some(mut frames) = frames else { return Err(stream_ended(&call).await) };
    let frame = frames.next().ok_or_else(|| SessionError::violation("no message"))?;
    match (frame.and_then(FeedMessage::decode).map_err(|error| violated(&call, &error))?, frames.next()) {
        (FeedMessage::Welcome { .. }, None) => Ok(Link { call, out, control, data: None }),
        _ => Err(SessionError::violation("the first words are no welcome")),
    }
}
