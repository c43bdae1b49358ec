//! The shim's own transport: a ring of reports between one producer and one consumer.
//!
//! Records are kept as relaxed atomic words, so the ring needs no `unsafe`; what the producer has written is
//! published in strides, so that the consumer's reads seldom take its cache lines away.
//!
//! `tests/model` builds this file once more, with the atomics of a model checker.

use crate::atomic::{AtomicU64, Ordering, STRIDE};
use crate::desk::Report;

/// A report as words.
const WORDS: usize = 8;

/// The ring. Only one thread may push and flush, only one may drain.
#[derive(Debug)]
pub struct Ring {
    records: Box<[[AtomicU64; WORDS]]>,
    producer: Producer,
    consumer: Consumer,
}

/// What the producer writes, on lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Producer {
    /// Reports pushed; only the producer looks at it.
    pushed: AtomicU64,
    /// Reports that may be drained.
    published: AtomicU64,
    /// The consumer's count when the producer last had to look.
    seen: AtomicU64,
}

/// What the consumer writes.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Consumer {
    drained: AtomicU64,
}

impl Ring {
    /// A ring for at least so many reports.
    #[must_use]
    pub fn new(capacity: usize) -> Ring {
        let least = usize::try_from(2 * STRIDE).expect("it is small");
        let room = capacity.max(least).next_power_of_two();
        let records = (0..room).map(|_| std::array::from_fn(|_| AtomicU64::new(0))).collect();
        Ring { records, producer: Producer::default(), consumer: Consumer::default() }
    }

    /// Queues a report; false if the ring is full.
    #[inline]
    pub fn push(&self, report: &Report) -> bool {
        let at = self.producer.pushed.load(Ordering::Relaxed);
        if at - self.producer.seen.load(Ordering::Relaxed) == self.records.len() as u64 {
            // What is there must be visible before anybody can make room.
            self.flush();
            let drained = self.consumer.drained.load(Ordering::Acquire);
            self.producer.seen.store(drained, Ordering::Relaxed);
            if at - drained == self.records.len() as u64 {
                return false;
            }
        }
        let record = &self.records[self.place(at)];
        for (place, word) in record.iter().zip(words(report)) {
            place.store(word, Ordering::Relaxed);
        }
        self.producer.pushed.store(at + 1, Ordering::Relaxed);
        if (at + 1).is_multiple_of(STRIDE) {
            self.producer.published.store(at + 1, Ordering::Release);
        }
        true
    }

    /// Makes all that was pushed visible to the consumer.
    #[inline]
    pub fn flush(&self) {
        let pushed = self.producer.pushed.load(Ordering::Relaxed);
        self.producer.published.store(pushed, Ordering::Release);
    }

    /// Takes reports out, at most as many as fit; how many.
    pub fn drain(&self, out: &mut [Report]) -> usize {
        let from = self.consumer.drained.load(Ordering::Relaxed);
        let there = self.producer.published.load(Ordering::Acquire) - from;
        let mut to = from;
        for (report, _) in out.iter_mut().zip(0..there) {
            *report = of_words(&self.records[self.place(to)]);
            to += 1;
        }
        self.consumer.drained.store(to, Ordering::Release);
        usize::try_from(to - from).expect("at most as many as fit")
    }

    #[expect(clippy::cast_possible_truncation, reason = "the low bits are what is wanted")]
    fn place(&self, at: u64) -> usize {
        at as usize & (self.records.len() - 1)
    }
}

fn words(report: &Report) -> [u64; WORDS] {
    [
        u64::from(report.kind) | u64::from(report.side) << 8,
        report.sequence,
        report.order,
        report.price.cast_unsigned(),
        u64::from(report.quantity),
        report.maker,
        report.taker,
        0,
    ]
}

#[expect(clippy::cast_possible_truncation, reason = "the parts of a word")]
fn of_words(words: &[AtomicU64; WORDS]) -> Report {
    let word = |at: usize| words[at].load(Ordering::Relaxed);
    Report {
        kind: word(0) as u8,
        side: (word(0) >> 8) as u8,
        sequence: word(1),
        order: word(2),
        price: word(3).cast_signed(),
        quantity: word(4) as u32,
        maker: word(5),
        taker: word(6),
        ..Report::default()
    }
}
