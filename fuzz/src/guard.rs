//! One input tried in safety: a panic, too much memory or an endless loop is an answer, and not the end.

use crate::{Attempt, Trace};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};

/// The most memory one input may take, in bytes. What is stated in an input must not be allocated before it is
/// there.
const MEMORY_MAX: u64 = 48 << 20;
/// An input that takes so long is taken for one that never ends, on any machine.
const PATIENCE: Duration = Duration::from_secs(60);

thread_local! {
    /// True while this thread tries an input.
    static TRYING: Cell<bool> = const { Cell::new(false) };
    /// The first panic of it, with its place.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Tries one input; the error says what did not hold. A panic counts also where somebody has caught it, such as a
/// runtime in one of its tasks.
pub(crate) fn attempt(attempt: &mut Attempt, input: &[u8]) -> Result<Trace, String> {
    listen();
    TRYING.set(true);
    PANIC.take();
    let mut outcome = Err("it was not tried".to_owned());
    let memory = allocation_counter::measure(|| {
        outcome = catch_unwind(AssertUnwindSafe(|| attempt(input))).map_err(|_| "it panicked".to_owned());
    });
    TRYING.set(false);
    match (PANIC.take(), outcome) {
        (Some(panic), _) => Err(panic),
        (None, Ok(_)) if memory.bytes_max > MEMORY_MAX => {
            Err(format!("it took {} bytes of memory: at most {MEMORY_MAX} may be", memory.bytes_max))
        }
        (None, outcome) => outcome,
    }
}

/// Catches what panics say while an input is tried; any other panic is told as before.
fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            if TRYING.get() {
                PANIC.with_borrow_mut(|first| {
                    first.get_or_insert_with(|| panic.to_string());
                });
            } else {
                before(panic);
            }
        }));
    });
}

/// Looks on from another thread, and ends the process if one input takes forever.
#[derive(Debug)]
pub(crate) struct Watch {
    tried: Arc<Mutex<Tried>>,
}

#[derive(Debug)]
struct Tried {
    input: Vec<u8>,
    since: Instant,
    over: bool,
}

impl Watch {
    /// `stuck` is told the input before the process ends.
    pub(crate) fn start(stuck: impl Fn(&[u8]) + Send + 'static) -> Watch {
        let tried = Tried { input: Vec::new(), since: Instant::now(), over: false };
        let tried = Arc::new(Mutex::new(tried));
        let seen = Arc::downgrade(&tried);
        std::thread::spawn(move || {
            while let Some(tried) = seen.upgrade() {
                let tried_now = lock(&tried);
                if tried_now.over {
                    return;
                }
                if tried_now.since.elapsed() > PATIENCE {
                    stuck(&tried_now.input);
                    std::process::abort();
                }
                drop(tried_now);
                drop(tried);
                std::thread::sleep(PATIENCE / 60);
            }
        });
        Watch { tried }
    }

    /// This one is tried next.
    pub(crate) fn tries(&self, input: &[u8]) {
        let mut tried = lock(&self.tried);
        tried.input.clear();
        tried.input.extend_from_slice(input);
        tried.since = Instant::now();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        lock(&self.tried).over = true;
    }
}

/// Nothing panics while it holds this.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
