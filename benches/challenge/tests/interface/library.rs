//! `libcuex_challenge.so`, loaded and called as the public harness does. The one file of these tests with
//! `unsafe`: it calls C functions and gives them pointers.
#![allow(unsafe_code)]

use cuex_challenge::Report;
use cuex_challenge::abi::{Body, Cancel, Message, Modify, NewOrder, Transport};
use libloading::{Library, Symbol};
use std::ffi::c_void;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a client asks. Sides are 0 buy, 1 sell.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ask {
    /// An order that may rest.
    New {
        id: u64,
        side: u8,
        price: i64,
        units: u32,
    },
    /// One of which nothing may rest.
    Ioc {
        id: u64,
        side: u8,
        price: i64,
        units: u32,
    },
    Cancel {
        id: u64,
    },
    Modify {
        id: u64,
        side: u8,
        price: i64,
        units: u32,
    },
}

/// Whose queue the reports go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queue {
    /// The harness's.
    Harness,
    /// The library's own.
    Own,
}

/// An engine behind the interface. The library holds one for the whole process, so tests take turns.
pub(crate) struct Engine {
    library: Library,
    transport: *const Transport,
    queue: *mut c_void,
    /// Numbers the messages.
    sequence: u64,
    _turn: MutexGuard<'static, ()>,
}

static TURN: Mutex<()> = Mutex::new(());

impl Engine {
    pub(crate) fn start(through: Queue) -> Engine {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let library = library();
        // SAFETY: the types are those of the interface, and the queue is ended after the engine.
        unsafe {
            let own: Symbol<'_, extern "C" fn() -> *const Transport> =
                library.get(b"engine_get_transport").unwrap();
            let transport = if through == Queue::Own { own() } else { &raw const HARNESS };
            let queue = ((*transport).create)(1 << 20);
            let init: Symbol<'_, unsafe extern "C" fn(u64, *const Transport, *mut c_void)> =
                library.get(b"engine_init").unwrap();
            init(1, transport, queue);
            Engine { library, transport, queue, sequence: 0, _turn: turn }
        }
    }

    /// Gives messages one by one.
    pub(crate) fn ask(&mut self, asks: &[Ask]) {
        // SAFETY: the types are those of the interface, and the kind says which body it is.
        unsafe {
            let new: Symbol<'_, unsafe extern "C" fn(*const NewOrder)> =
                self.library.get(b"engine_on_new_order").unwrap();
            let cancel: Symbol<'_, unsafe extern "C" fn(*const Cancel)> =
                self.library.get(b"engine_on_cancel").unwrap();
            let modify: Symbol<'_, unsafe extern "C" fn(*const Modify)> =
                self.library.get(b"engine_on_modify").unwrap();
            for ask in asks {
                let message = message(*ask, self.sequence);
                self.sequence += 1;
                match message.kind {
                    0 => new(&raw const message.body.new),
                    1 => cancel(&raw const message.body.cancel),
                    _ => modify(&raw const message.body.modify),
                }
            }
        }
    }

    /// Gives messages a hundred at a time.
    pub(crate) fn ask_in_batches(&mut self, asks: &[Ask]) {
        let messages: Vec<Message> =
            asks.iter().zip(self.sequence..).map(|(ask, sequence)| message(*ask, sequence)).collect();
        self.sequence += asks.len() as u64;
        // SAFETY: the types are those of the interface.
        unsafe {
            let batch: Symbol<'_, unsafe extern "C" fn(*const Message, u32)> =
                self.library.get(b"engine_on_batch").unwrap();
            for some in messages.chunks(100) {
                batch(some.as_ptr(), u32::try_from(some.len()).unwrap());
            }
        }
    }

    /// What has come out since the last time.
    pub(crate) fn reports(&mut self) -> Vec<Report> {
        let (mut all, mut some) = (Vec::new(), [Report::default(); 64]);
        // SAFETY: the types are those of the interface, and `some` has room for 64.
        unsafe {
            let flush: Symbol<'_, extern "C" fn()> = self.library.get(b"engine_flush").unwrap();
            flush();
            loop {
                let count = ((*self.transport).drain)(self.queue, some.as_mut_ptr(), 64) as usize;
                all.extend_from_slice(&some[..count]);
                if count == 0 {
                    return all;
                }
            }
        }
    }

    /// The best bid and ask.
    pub(crate) fn best(&self) -> (i64, i64) {
        // SAFETY: the types are those of the interface.
        unsafe {
            let bid: Symbol<'_, extern "C" fn() -> i64> = self.library.get(b"engine_query_best_bid").unwrap();
            let ask: Symbol<'_, extern "C" fn() -> i64> = self.library.get(b"engine_query_best_ask").unwrap();
            (bid(), ask())
        }
    }

    pub(crate) fn depth_at(&self, price: i64, side: u8) -> u64 {
        // SAFETY: the types are those of the interface.
        unsafe {
            let depth: Symbol<'_, extern "C" fn(i64, u8) -> u64> =
                self.library.get(b"engine_query_depth_at").unwrap();
            depth(price, side)
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // SAFETY: the types are those of the interface, and nobody uses the queue any more.
        unsafe {
            let shutdown: Symbol<'_, extern "C" fn()> = self.library.get(b"engine_shutdown").unwrap();
            shutdown();
            ((*self.transport).destroy)(self.queue);
        }
    }
}

fn library() -> Library {
    let deps = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let name = format!("{}cuex_challenge{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let paths = [deps.join(&name), deps.join("..").join(&name)];
    let path: &PathBuf =
        paths.iter().find(|path| path.exists()).expect("cargo builds the library before its tests");
    // SAFETY: the library has no initialisers.
    unsafe { Library::new(path) }.unwrap()
}

fn message(ask: Ask, sequence_number: u64) -> Message {
    let (kind, body) = match ask {
        Ask::New { id: order_id, side, price: price_ticks, units: quantity } => {
            let new =
                NewOrder { order_id, sequence_number, price_ticks, quantity, side, ioc: 0, padding: [0; 2] };
            (0, Body { new })
        }
        Ask::Ioc { id: order_id, side, price: price_ticks, units: quantity } => {
            let new =
                NewOrder { order_id, sequence_number, price_ticks, quantity, side, ioc: 1, padding: [0; 2] };
            (0, Body { new })
        }
        Ask::Cancel { id: order_id } => (1, Body { cancel: Cancel { order_id, sequence_number } }),
        Ask::Modify { id: order_id, side, price: new_price_ticks, units: new_quantity } => {
            let modify =
                Modify { order_id, sequence_number, new_price_ticks, new_quantity, side, padding: [0; 3] };
            (2, Body { modify })
        }
    };
    Message { kind, padding: [0; 7], body }
}

/// The harness's own queue: a vector.
static HARNESS: Transport = Transport { create, push, drain, flush, destroy };

extern "C" fn create(_: u32) -> *mut c_void {
    Box::into_raw(Box::new(Vec::<Report>::new())).cast()
}

unsafe extern "C" fn push(queue: *mut c_void, report: *const Report) -> i32 {
    // SAFETY: made by `create`.
    unsafe { (*queue.cast::<Vec<Report>>()).push(*report) };
    1
}

unsafe extern "C" fn drain(queue: *mut c_void, out: *mut Report, most: u32) -> u32 {
    // SAFETY: made by `create`, and `out` has room for `most`.
    unsafe {
        let queue = &mut *queue.cast::<Vec<Report>>();
        let count = queue.len().min(most as usize);
        for (at, report) in queue.drain(..count).enumerate() {
            *out.add(at) = report;
        }
        u32::try_from(count).unwrap()
    }
}

unsafe extern "C" fn flush(_: *mut c_void) {}

unsafe extern "C" fn destroy(queue: *mut c_void) {
    // SAFETY: made by `create`.
    drop(unsafe { Box::from_raw(queue.cast::<Vec<Report>>()) });
}
