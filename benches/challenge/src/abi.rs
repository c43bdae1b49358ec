//! The exported C functions. The one module of this crate with `unsafe`: it takes pointers from the harness,
//! reads what they point to and calls back through a table of C functions.
//!
//! The interface is for one engine in one process, driven by one thread; a drainer may run in another.
#![allow(unsafe_code)]

use crate::desk::{Desk, Order, Report};
use crate::ring::Ring;
use std::cell::UnsafeCell;
use std::ffi::c_void;
use types::Side;

/// A new order.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct NewOrder {
    /// The client's id.
    pub order_id: u64,
    /// The message's number.
    pub sequence_number: u64,
    /// The limit.
    pub price_ticks: i64,
    /// The units.
    pub quantity: u32,
    /// 0 buy, 1 sell.
    pub side: u8,
    /// 1 if nothing may rest.
    pub ioc: u8,
    /// Zero.
    pub padding: [u8; 2],
}

/// A cancel.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Cancel {
    /// The client's id.
    pub order_id: u64,
    /// The message's number.
    pub sequence_number: u64,
}

/// A modify.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Modify {
    /// The client's id.
    pub order_id: u64,
    /// The message's number.
    pub sequence_number: u64,
    /// The new limit.
    pub new_price_ticks: i64,
    /// The new units.
    pub new_quantity: u32,
    /// 0 buy, 1 sell.
    pub side: u8,
    /// Zero.
    pub padding: [u8; 3],
}

/// A message of a batch.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Message {
    /// 0 new, 1 cancel, 2 modify.
    pub kind: u8,
    /// Zero.
    pub padding: [u8; 7],
    /// Which of them `kind` says.
    pub body: Body,
}

/// The body of a message of a batch.
#[derive(Clone, Copy)]
#[repr(C)]
pub union Body {
    /// If the kind is 0.
    pub new: NewOrder,
    /// If the kind is 1.
    pub cancel: Cancel,
    /// If the kind is 2.
    pub modify: Modify,
}

/// A queue of reports as a table of functions.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Transport {
    /// Makes a queue.
    pub create: extern "C" fn(u32) -> *mut c_void,
    /// Queues a report; 0 if the queue is full.
    pub push: unsafe extern "C" fn(*mut c_void, *const Report) -> i32,
    /// Takes reports out.
    pub drain: unsafe extern "C" fn(*mut c_void, *mut Report, u32) -> u32,
    /// Makes all that was queued visible.
    pub flush: unsafe extern "C" fn(*mut c_void),
    /// Ends a queue.
    pub destroy: unsafe extern "C" fn(*mut c_void),
}

/// Where reports go.
enum Sink {
    Nowhere,
    /// Our own ring, without a call through the table.
    Own(*const Ring),
    Theirs(Transport, *mut c_void),
}

struct State {
    desk: Option<Desk>,
    sink: Sink,
}

/// The one engine. The interface has no handle, so it must live here.
struct Global(UnsafeCell<State>);

// SAFETY: the interface has one thread at a time call the engine.
unsafe impl Sync for Global {}

static STATE: Global = Global(UnsafeCell::new(State { desk: None, sink: Sink::Nowhere }));

/// Lends the engine to the one caller there is. Nothing that is done with it calls back into the engine.
#[inline]
fn with<T>(act: impl FnOnce(&mut State) -> T) -> T {
    // SAFETY: by the interface only one thread calls, and none of the functions below calls another.
    act(unsafe { &mut *STATE.0.get() })
}

impl Sink {
    /// Queues a report, waiting while the queue is full.
    #[inline]
    fn push(&self, report: &Report) {
        while !self.queued(report) {
            std::hint::spin_loop();
        }
    }

    #[inline]
    fn queued(&self, report: &Report) -> bool {
        match self {
            Sink::Nowhere => true,
            // SAFETY: `engine_init` was given the ring, which outlives the engine by the interface.
            Sink::Own(ring) => unsafe { &**ring }.push(report),
            // SAFETY: `engine_init` was given the table with its queue.
            Sink::Theirs(table, queue) => unsafe { (table.push)(*queue, report) != 0 },
        }
    }

    fn flush(&self) {
        match self {
            Sink::Nowhere => {}
            // SAFETY: as in `queued`.
            Sink::Own(ring) => unsafe { &**ring }.flush(),
            // SAFETY: as in `queued`.
            Sink::Theirs(table, queue) => unsafe { (table.flush)(*queue) },
        }
    }
}

impl State {
    #[inline]
    fn new_order(&mut self, message: &NewOrder) {
        let Some(desk) = &mut self.desk else { return };
        let order = Order {
            id: message.order_id,
            sequence: message.sequence_number,
            price: message.price_ticks,
            quantity: message.quantity,
            side: side(message.side),
        };
        desk.new_order(order, message.ioc != 0, &mut |report| self.sink.push(&report));
    }

    #[inline]
    fn cancel(&mut self, message: &Cancel) {
        let Some(desk) = &mut self.desk else { return };
        desk.cancel(message.order_id, message.sequence_number, &mut |report| self.sink.push(&report));
    }

    #[inline]
    fn modify(&mut self, message: &Modify) {
        let Some(desk) = &mut self.desk else { return };
        let order = Order {
            id: message.order_id,
            sequence: message.sequence_number,
            price: message.new_price_ticks,
            quantity: message.new_quantity,
            side: side(message.side),
        };
        desk.modify(order, &mut |report| self.sink.push(&report));
    }
}

fn side(code: u8) -> Side {
    if code == 0 { Side::Buy } else { Side::Sell }
}

/// Starts an empty engine that pushes its reports into `sink` by the functions of `transport`.
///
/// # Safety
/// `transport` points to a table whose `push` and `flush` take `sink`, and both stay until the shutdown.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn engine_init(_seed: u64, transport: *const Transport, sink: *mut c_void) {
    // SAFETY: the caller gives a table or null.
    let sink = match unsafe { transport.as_ref() } {
        None => Sink::Nowhere,
        Some(table) if std::ptr::fn_addr_eq(table.push, OWN.push) => Sink::Own(sink.cast_const().cast()),
        Some(table) => Sink::Theirs(*table, sink),
    };
    with(|state| *state = State { desk: Some(Desk::new()), sink });
}

/// Ends the engine.
#[unsafe(no_mangle)]
pub extern "C" fn engine_shutdown() {
    with(|state| *state = State { desk: None, sink: Sink::Nowhere });
}

/// A new order.
///
/// # Safety
/// `message` points to one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn engine_on_new_order(message: *const NewOrder) {
    // SAFETY: by the contract of this function.
    with(|state| state.new_order(unsafe { &*message }));
}

/// A cancel.
///
/// # Safety
/// `message` points to one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn engine_on_cancel(message: *const Cancel) {
    // SAFETY: by the contract of this function.
    with(|state| state.cancel(unsafe { &*message }));
}

/// A modify.
///
/// # Safety
/// `message` points to one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn engine_on_modify(message: *const Modify) {
    // SAFETY: by the contract of this function.
    with(|state| state.modify(unsafe { &*message }));
}

/// Messages one after the other, as if given one by one, published at the end.
///
/// # Safety
/// `messages` points to `count` of them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn engine_on_batch(messages: *const Message, count: u32) {
    if messages.is_null() || count == 0 {
        return;
    }
    // SAFETY: by the contract of this function.
    let messages = unsafe { std::slice::from_raw_parts(messages, count as usize) };
    with(|state| {
        for message in messages {
            // SAFETY: the kind says which body it is.
            unsafe {
                match message.kind {
                    0 => state.new_order(&message.body.new),
                    1 => state.cancel(&message.body.cancel),
                    2 => state.modify(&message.body.modify),
                    _ => {}
                }
            }
        }
        state.sink.flush();
    });
}

/// Returns when every report of what was delivered is visible to the drainer.
#[unsafe(no_mangle)]
pub extern "C" fn engine_flush() {
    with(|state| state.sink.flush());
}

/// The best bid, or the least i64.
#[unsafe(no_mangle)]
pub extern "C" fn engine_query_best_bid() -> i64 {
    with(|state| state.desk.as_ref().and_then(|desk| desk.best(Side::Buy)).unwrap_or(i64::MIN))
}

/// The best ask, or the greatest i64.
#[unsafe(no_mangle)]
pub extern "C" fn engine_query_best_ask() -> i64 {
    with(|state| state.desk.as_ref().and_then(|desk| desk.best(Side::Sell)).unwrap_or(i64::MAX))
}

/// The units at one price of a side.
#[unsafe(no_mangle)]
pub extern "C" fn engine_query_depth_at(price_ticks: i64, side_code: u8) -> u64 {
    with(|state| state.desk.as_ref().map_or(0, |desk| desk.depth_at(side(side_code), price_ticks)))
}

/// Our own transport.
#[unsafe(no_mangle)]
pub extern "C" fn engine_get_transport() -> *const Transport {
    &raw const OWN
}

static OWN: Transport = Transport {
    create: own_create,
    push: own_push,
    drain: own_drain,
    flush: own_flush,
    destroy: own_destroy,
};

extern "C" fn own_create(capacity: u32) -> *mut c_void {
    Box::into_raw(Box::new(Ring::new(capacity as usize))).cast()
}

unsafe extern "C" fn own_push(ring: *mut c_void, report: *const Report) -> i32 {
    // SAFETY: the ring is one of `own_create`, and the report is one.
    let (ring, report) = unsafe { (&*ring.cast::<Ring>(), &*report) };
    i32::from(ring.push(report))
}

unsafe extern "C" fn own_drain(ring: *mut c_void, out: *mut Report, most: u32) -> u32 {
    if out.is_null() || most == 0 {
        return 0;
    }
    // SAFETY: the ring is one of `own_create`, and `out` has room for `most` reports.
    let (ring, out) = unsafe { (&*ring.cast::<Ring>(), std::slice::from_raw_parts_mut(out, most as usize)) };
    u32::try_from(ring.drain(out)).unwrap_or(0)
}

unsafe extern "C" fn own_flush(ring: *mut c_void) {
    // SAFETY: the ring is one of `own_create`.
    unsafe { &*ring.cast::<Ring>() }.flush();
}

unsafe extern "C" fn own_destroy(ring: *mut c_void) {
    // SAFETY: the ring is one of `own_create` and used no more.
    drop(unsafe { Box::from_raw(ring.cast::<Ring>()) });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicPtr, Ordering};

    fn order(id: u64, side: u8, quantity: u32) -> NewOrder {
        let (price_ticks, padding) = (100, [0; 2]);
        NewOrder { order_id: id, sequence_number: id, price_ticks, quantity, side, ioc: 0, padding }
    }

    /// A queue of somebody else's: it takes every other report only, so that the others are pushed again.
    #[derive(Default)]
    struct Slow {
        kinds: Vec<u8>,
        is_full: bool,
    }

    extern "C" fn slow_create(_: u32) -> *mut c_void {
        Box::into_raw(Box::<Slow>::default()).cast()
    }

    unsafe extern "C" fn slow_push(queue: *mut c_void, report: *const Report) -> i32 {
        // SAFETY: the queue is one of `slow_create`, used by one thread, and the report is one.
        let (queue, report) = unsafe { (&mut *queue.cast::<Slow>(), &*report) };
        queue.is_full = !queue.is_full;
        if queue.is_full {
            return 0;
        }
        queue.kinds.push(report.kind);
        1
    }

    unsafe extern "C" fn slow_drain(_: *mut c_void, _: *mut Report, _: u32) -> u32 {
        0
    }

    unsafe extern "C" fn slow_flush(_: *mut c_void) {}

    unsafe extern "C" fn slow_destroy(queue: *mut c_void) {
        // SAFETY: the queue is one of `slow_create` and used no more.
        drop(unsafe { Box::from_raw(queue.cast::<Slow>()) });
    }

    /// One test, as there is one engine; and short, so that Miri comes to its end, which checks every pointer that
    /// this file follows and every access of two threads.
    #[test]
    fn pointers_are_followed_to_what_is_there_only() {
        let own = engine_get_transport();
        // SAFETY: the types and the order of calls are those of the interface.
        unsafe {
            let queue = ((*own).create)(1);
            engine_init(1, own, queue);
            let shared = AtomicPtr::new(queue);
            let drained = std::thread::scope(|scope| {
                // More reports than the queue has room for.
                let drainer = scope.spawn(|| {
                    let (mut reports, mut some) = (Vec::new(), [Report::default(); 7]);
                    while reports.len() < 100 {
                        let count = own_drain(shared.load(Ordering::Relaxed), some.as_mut_ptr(), 7);
                        reports.extend_from_slice(&some[..count as usize]);
                        std::thread::yield_now();
                    }
                    reports
                });
                for id in 0..50 {
                    engine_on_new_order(&raw const *Box::new(order(id, 0, 1)));
                }
                let cancels = (0..50).map(|id| Cancel { order_id: id, sequence_number: id });
                let messages: Vec<Message> = cancels
                    .map(|cancel| Message { kind: 1, padding: [0; 7], body: Body { cancel } })
                    .collect();
                engine_on_batch(messages.as_ptr(), 50);
                drainer.join().unwrap()
            });
            assert!(drained.iter().map(|report| report.order).eq((0..50).chain(0..50)));
            assert_eq!(own_drain(queue, std::ptr::null_mut(), 7), 0);
            engine_shutdown();
            ((*own).destroy)(queue);

            let slow = Transport {
                create: slow_create,
                push: slow_push,
                drain: slow_drain,
                flush: slow_flush,
                destroy: slow_destroy,
            };
            let queue = (slow.create)(1);
            engine_init(1, &raw const slow, queue);
            engine_on_new_order(&raw const *Box::new(order(1, 1, 5)));
            let modify = Modify {
                order_id: 1,
                sequence_number: 2,
                new_price_ticks: 90,
                new_quantity: 4,
                side: 1,
                padding: [0; 3],
            };
            engine_on_modify(&raw const modify);
            engine_on_new_order(&raw const *Box::new(order(2, 0, 3)));
            engine_on_cancel(&raw const *Box::new(Cancel { order_id: 1, sequence_number: 4 }));
            engine_on_batch(std::ptr::null(), 3);
            engine_flush();
            let kinds = &(*queue.cast::<Slow>()).kinds;
            assert_eq!(*kinds, [0, 3, 0, 1, 2]);
            assert_eq!((engine_query_best_bid(), engine_query_best_ask()), (i64::MIN, i64::MAX));
            engine_shutdown();
            (slow.destroy)(queue);

            engine_init(1, std::ptr::null(), std::ptr::null_mut());
            engine_on_new_order(&raw const *Box::new(order(1, 1, 5)));
            assert_eq!((engine_query_best_ask(), engine_query_depth_at(100, 1)), (100, 5));
            engine_shutdown();
        }
    }
}
