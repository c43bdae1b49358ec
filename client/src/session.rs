//! A session: commands in, outcomes and reports out, over as many connections as it takes.

use crate::ExchangeInfo;
use crate::account::{AccountState, Directory};
use crate::burst::{Burst, Given};
use crate::dial::Dialer;
use crate::driver::{Reader, Shared, State, run};
use crate::error::{CommandError, SessionError};
use crate::events::Reports;
use crate::link;
use crate::machine::Machine;
use crate::numbers::Waiter;
use crate::questions::Asker;
use protocol::order_entry::{ALPN, Allowance, Welcome, lane_of};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};
use transport::PrivateKey;
use types::{Class, Command, Lane, RejectCode, Report};

/// How many batches wait for a reader of reports before the session is held back.
pub(crate) const BATCHES_WAITING: usize = 64;
/// How long a goodbye may take to be answered.
const GOODBYE_WITHIN: Duration = Duration::from_secs(5);
/// The longest pause before a question is asked again.
const REST_LONGEST: Duration = Duration::from_secs(1);

/// How a session behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The last report seen in an earlier session: those after it come first. `None`: only new ones.
    pub resume_after: Option<u64>,
    /// How many commands may be under way on each lane before the next one waits; at least 1.
    pub in_flight: usize,
    /// How long to try for a new connection when one is lost.
    pub patience: Duration,
    /// True: a command that would be one too many for the exchange waits until it is not. False: it is sent, and most
    /// likely refused as [`RejectCode::Throttled`]. The same holds of questions.
    pub paces: bool,
}

/// A session of one key. Cheap to clone; it ends when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Session {
    handle: Arc<Handle>,
}

/// Ends the session when dropped.
#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    paces: bool,
}

impl Default for Options {
    /// Only new reports, 4,096 commands under way on each lane, half a minute of patience, no more commands than the
    /// exchange allows.
    fn default() -> Options {
        Options { resume_after: None, in_flight: 4_096, patience: Duration::from_secs(30), paces: true }
    }
}

impl Session {
    /// Connects to the gateway as `key`, with the default [`Options`]. Calls once only.
    ///
    /// # Errors
    /// [`SessionError`]: nobody answers, the wrong one does, or the exchange does not let the key in.
    pub async fn connect(info: &ExchangeInfo, key: &PrivateKey) -> Result<Session, SessionError> {
        Ok(Session::open(info, key, Options::default()).await?.0)
    }

    /// Connects, and tells everything from the first report on.
    ///
    /// # Errors
    /// As [`Session::connect`].
    pub async fn open(
        info: &ExchangeInfo,
        key: &PrivateKey,
        options: Options,
    ) -> Result<(Session, Reports), SessionError> {
        let dialer = Dialer::new(info.gateway, info.key, key, ALPN)?;
        let mut machine = Machine::new(options.resume_after, options.in_flight);
        let link = link::open(&dialer, machine.hello(), options.in_flight).await?;
        machine.attach(link.welcome, Instant::now())?;
        let (sender, batches) = mpsc::channel(BATCHES_WAITING);
        let shared = Arc::new(Shared::new(machine, sender));
        tokio::spawn(run(Arc::clone(&shared), dialer, link, options));
        Ok((Session { handle: Arc::new(Handle { shared, paces: options.paces }) }, Reports { batches }))
    }

    /// Sends a command without waiting for its outcome, and gives its number on its lane; a cancel may name an
    /// order by that. Waits while [`Options::in_flight`] commands of the lane have no outcome, and, with
    /// [`Options::paces`], while the exchange allows no more. Dropping the future before it is ready sends nothing.
    ///
    /// # Errors
    /// [`CommandError::NotOnTheWire`] and [`CommandError::Session`] only.
    pub async fn submit(&self, command: Command) -> Result<u64, CommandError> {
        self.send(usual_lane(&command), command, None, None).await
    }

    /// Sends a command and waits for its outcome: the first report that answers it.
    ///
    /// # Errors
    /// [`CommandError`] if the exchange refused or rejected it, or the session has ended.
    pub async fn request(&self, command: Command) -> Result<Report, CommandError> {
        self.request_by(usual_lane(&command), command).await
    }

    /// The same by a lane the command may go by.
    pub(crate) async fn request_by(&self, lane: Lane, command: Command) -> Result<Report, CommandError> {
        let (waiter, outcome) = oneshot::channel();
        self.send(lane, command, Some(waiter), None).await?;
        outcome.await.unwrap_or_else(|_| Err(self.over().into()))
    }

    /// Everything the session tells from now on. Read or drop it: see [`Reports`].
    #[must_use]
    pub fn reports(&self) -> Reports {
        let (sender, batches) = mpsc::channel(BATCHES_WAITING);
        let mut state = self.shared().state.lock();
        if state.machine.ended().is_none() {
            state.readers.push(sender);
        }
        Reports { batches }
    }

    /// The account's cash, holdings and open orders. The outcome of every command that was waited for is in it.
    ///
    /// # Errors
    /// [`CommandError`] if the exchange refused to answer, or the session has ended.
    pub async fn account(&self) -> Result<AccountState, CommandError> {
        self.ask(Asker::Account).await
    }

    /// The listed classes in the order of their numbers.
    ///
    /// # Errors
    /// As [`Session::account`].
    pub async fn classes(&self) -> Result<Vec<Class>, CommandError> {
        Ok(self.ask_classes().await?.0)
    }

    /// All accounts, keys and balances: for operators.
    ///
    /// # Errors
    /// As [`Session::account`].
    pub async fn accounts(&self) -> Result<Directory, CommandError> {
        self.ask(Asker::Accounts).await
    }

    /// What the gateway said when the last connection was made: account, key, role, rights and more.
    #[must_use]
    pub fn welcome(&self) -> Welcome {
        let state = self.shared().state.lock();
        *state.machine.welcome().expect("there is a session only after a welcome")
    }

    /// What may be said on a lane now before the exchange refuses the next as one too many: what it told last, less
    /// what was said since, and what has come since.
    #[must_use]
    pub fn allowance(&self, lane: Lane) -> Allowance {
        self.shared().state.lock().machine.allowance(lane, Instant::now())
    }

    /// How often the connection was lost and made again.
    #[must_use]
    pub fn reconnects(&self) -> u64 {
        self.shared().state.lock().reconnects
    }

    /// Waits until the session has ended, and says why.
    pub async fn ended(&self) -> SessionError {
        let mut error = self.shared().error.subscribe();
        match error.wait_for(Option::is_some).await {
            Ok(error) => error.clone().unwrap_or(SessionError::Finished),
            Err(_) => SessionError::Finished,
        }
    }

    /// Waits until every command has its outcome, says goodbye, and ends the session for all its clones. Gives the
    /// number of the account's last report if the exchange has said goodbye too: everything up to it has been told.
    pub async fn close(&self) -> Option<u64> {
        self.until(|state| (state.machine.is_idle() || state.machine.ended().is_some()).then_some(())).await;
        {
            let mut state = self.shared().state.lock();
            state.machine.log_out();
            state.flush();
        }
        // Who does not answer is left without.
        let _ = timeout(GOODBYE_WITHIN, self.ended()).await;
        self.shared().stop.notify_one();
        self.ended().await;
        self.shared().state.lock().machine.logged_out()
    }

    /// Commands that go out together; nothing else is said or heard on this session until it is dropped.
    pub fn burst(&self) -> Burst<'_> {
        Burst::new(self.shared().state.lock(), self.handle.paces)
    }

    /// Gives a command to the machine once there is room; from then on `reader` is told everything.
    pub(crate) async fn send(
        &self,
        lane: Lane,
        command: Command,
        mut waiter: Option<Waiter>,
        mut reader: Option<Reader>,
    ) -> Result<u64, CommandError> {
        loop {
            let given = self.until(|state| {
                let when = (Instant::now(), self.handle.paces);
                let given = state.give(lane, command.clone(), when, &mut waiter);
                match given {
                    Given::Full => return None,
                    Given::Now(Ok(_)) => {
                        state.readers.extend(reader.take());
                        state.flush();
                    }
                    Given::Now(Err(_)) | Given::Later(_) => {}
                }
                Some(given)
            });
            match given.await {
                Given::Now(number) => return number,
                Given::Later(pause) => self.rest(pause).await,
                Given::Full => {}
            }
        }
    }

    /// Waits, but not beyond the end of the session.
    async fn rest(&self, pause: Duration) {
        tokio::select! {
            () = sleep(pause) => {}
            _ = self.ended() => {}
        }
    }

    pub(crate) async fn ask_classes(&self) -> Result<(Vec<Class>, u64), CommandError> {
        self.ask(Asker::Classes).await
    }

    async fn ask<Answer>(
        &self,
        asker: fn(oneshot::Sender<Result<Answer, CommandError>>) -> Asker,
    ) -> Result<Answer, CommandError> {
        loop {
            match self.ask_once(asker).await {
                // One question too many: the exchange says how long to wait.
                Err(CommandError::Refused { code: RejectCode::Throttled, value }) if self.handle.paces => {
                    self.rest(Duration::from_millis(u64::try_from(value).unwrap_or(1)).min(REST_LONGEST))
                        .await;
                }
                answered => return answered,
            }
        }
    }

    async fn ask_once<Answer>(
        &self,
        asker: fn(oneshot::Sender<Result<Answer, CommandError>>) -> Asker,
    ) -> Result<Answer, CommandError> {
        let (waiter, answer) = oneshot::channel();
        {
            let mut state = self.shared().state.lock();
            if let Some(error) = state.machine.ended() {
                return Err(error.clone().into());
            }
            state.machine.ask(asker(waiter));
            state.flush();
        }
        answer.await.unwrap_or_else(|_| Err(self.over().into()))
    }

    /// Waits until `ready`, which is asked again whenever commands have come to their outcome.
    async fn until<T>(&self, mut ready: impl FnMut(&mut State) -> Option<T>) -> T {
        let shared = self.shared();
        if let Some(value) = ready(&mut shared.state.lock()) {
            return value;
        }
        loop {
            let answered = shared.answered.notified();
            tokio::pin!(answered);
            // Registered before looking, so that an outcome in between is not missed.
            answered.as_mut().enable();
            if let Some(value) = ready(&mut shared.state.lock()) {
                return value;
            }
            answered.await;
        }
    }

    /// Why nobody answers any more.
    pub(crate) fn over(&self) -> SessionError {
        self.shared().error.borrow().clone().unwrap_or(SessionError::Finished)
    }

    fn shared(&self) -> &Shared {
        &self.handle.shared
    }
}

/// The lane a command goes by if nothing else is said: of both that may take a mass cancel, the one that overtakes.
pub(crate) fn usual_lane(command: &Command) -> Lane {
    lane_of(command).unwrap_or(Lane::Cancels)
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.stop.notify_one();
    }
}
