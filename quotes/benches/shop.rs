//! How long a quote takes over a whole market of thin books: `cargo bench -p quotes`. Milliseconds of processor time, the
//! least of some rounds; without `--bench`, as the checks run it, a hundredth of the market once.
#![allow(clippy::print_stdout)]

use quotes::{ClassBooks, Request, SlotBook, quote};
use rustix::time::{ClockId, clock_gettime};
use types::{
    BlockEntry, Class, ClassNo, ClassSpec, Code, ContractId, Hour, MarketEntry, PRICE_MAX, Phase, Side, Units,
};

const FROM: u32 = 480_000;
const SLOTS: u32 = 336;

/// A generator of numbers that look random: the same on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, many: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % many
    }

    fn units(&mut self, most: u64) -> Units {
        Units::try_from(1 + self.below(most)).expect("it is small")
    }

    fn price(&mut self, from: u64, wide: u64) -> i64 {
        i64::try_from(from + self.below(wide)).expect("it is small")
    }
}

/// So many classes of hourly slots, about five asks a slot, and so many resting sell blocks a class.
fn market(models: u16, regions: u16, blocks: u64) -> Vec<ClassBooks> {
    let mut dice = Dice(4_711);
    let code = |letter: char, no: u16| -> Code { format!("{letter}{no}").parse().expect("a code") };
    let mut order = 0;
    let mut classes = Vec::new();
    for no in 0..models * regions {
        let (model, region) = (code('M', no / regions), code('R', no % regions));
        let class = Class { no: ClassNo(no), spec: ClassSpec { model, region, ..ClassSpec::example() } };
        let mut next = || {
            order += 1;
            order
        };
        let base = 10_000 + 1_000 * u64::from(no / regions);
        let slots = (0..SLOTS).map(|at| {
            let mut asks: Vec<MarketEntry> = (0..3 + dice.below(5))
                .map(|_| MarketEntry {
                    order: next(),
                    side: Side::Sell,
                    price: dice.price(base, 4_000),
                    units: dice.units(6),
                })
                .collect();
            asks.sort_by_key(|ask| (ask.price, ask.order));
            let contract = ContractId::new(class.no, Hour(FROM + at));
            SlotBook { contract, phase: Phase::Continuous, band: 1..=PRICE_MAX, asks }
        });
        let slots = slots.collect();
        let blocks = (0..blocks).map(|_| {
            let slots = [4, 6, 8, 24][usize::try_from(dice.below(4)).expect("it is small")];
            let start = u32::try_from(dice.below(u64::from(SLOTS) - 24)).expect("it is small");
            let units = dice.units(12);
            let price = dice.price(base, 4_000);
            let block = BlockEntry {
                order: next(),
                side: Side::Sell,
                price,
                slots,
                units,
                min_units: units.min(2),
                same_provider: false,
            };
            (ContractId::new(class.no, Hour(FROM + start)), block)
        });
        let blocks = blocks.collect();
        classes.push(ClassBooks { class, slots, blocks });
    }
    classes
}

fn request(units: Units, hours: u16) -> Request {
    Request {
        models: Vec::new(),
        regions: Vec::new(),
        performance: None,
        currency: "USD".parse().expect("a code"),
        from: Hour(FROM),
        until: Hour(FROM + SLOTS),
        hours,
        units,
        budget: None,
        most: 10,
    }
}

/// What this thread has had of the processor, in milliseconds.
#[expect(clippy::cast_precision_loss, reason = "a run is shorter than 2^53 ns")]
fn thread_millis() -> f64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    (now.tv_sec * 1_000_000_000 + now.tv_nsec) as f64 / 1e6
}

fn main() {
    let is_measured = std::env::args().any(|argument| argument == "--bench");
    let (models, regions, rounds) = if is_measured { (20, 30, 20) } else { (2, 3, 1) };
    println!("{models} models x {regions} regions x {SLOTS} slots, about five asks each; ms a quote");
    println!("{:>6} {:>6} {:>14} {:>8} {:>8}", "units", "hours", "blocks a class", "ways", "ms");
    for blocks in [0, 100] {
        let market = market(models, regions, blocks);
        for (units, hours) in [(1, 1), (8, 6), (8, 24), (64, 6), (500, 24)] {
            let request = request(units, hours);
            let mut least = f64::MAX;
            let mut ways = 0;
            for _ in 0..rounds {
                let began = thread_millis();
                ways = quote(&request, &market).ways.len();
                least = least.min(thread_millis() - began);
            }
            println!("{units:>6} {hours:>6} {blocks:>14} {ways:>8} {least:>8.2}");
        }
    }
}
