//! What orders, levels and contracts take, as the system counts it: resident memory of a process that does
//! nothing else.

use crate::Effort;
use crate::line::head;
use benches::books::{Books, Command};
use benches::flow::{Kind, Message};
use benches::reports::Reports;
use types::Side;

/// The argument by which the program asks itself.
const ASKED: &str = "--memory-of";

/// Books of one shape.
#[derive(Clone, Copy)]
struct Shape {
    contracts: u32,
    /// Price levels of each, half of them a side.
    levels: u32,
    /// Orders at each level.
    orders: u32,
}

pub(crate) fn print(effort: Effort) {
    let about =
        "Resident bytes of a process of its own that places the orders, the book's own share of 96 included.";
    head("Memory", about, &["books", "resting orders", "bytes a contract", "bytes an order"]);
    let many = 201_600 / effort.scale;
    let large = 1_000_000 / effort.scale;
    let shapes = [
        ("thin, one order", Shape { contracts: many, levels: 1, orders: 1 }),
        ("thin, five orders", Shape { contracts: many, levels: 5, orders: 1 }),
        ("thin, ten orders", Shape { contracts: many, levels: 10, orders: 1 }),
        ("just hot, twelve orders", Shape { contracts: many / 10, levels: 12, orders: 1 }),
        ("hot, 100 levels of one order", Shape { contracts: 1_000, levels: 100, orders: 1 }),
        ("hot, 100 levels of ten orders", Shape { contracts: 1_000, levels: 100, orders: 10 }),
        ("one, 2,000 levels", Shape { contracts: 1, levels: 2_000, orders: large / 2_000 }),
        ("one, 100,000 levels of one order", Shape { contracts: 1, levels: 100_000, orders: 1 }),
    ];
    for (name, shape) in shapes {
        let orders = u64::from(shape.contracts) * u64::from(shape.levels) * u64::from(shape.orders);
        match ask(shape) {
            Some(bytes) => {
                let contract = bytes / u64::from(shape.contracts);
                println!("| {name} | {orders} | {contract} | {} |", bytes / orders.max(1));
            }
            None => println!("| {name} | {orders} | not measured: no /proc/self/statm | |"),
        }
    }
}

/// Runs this program again to measure one shape.
fn ask(shape: Shape) -> Option<u64> {
    let Shape { contracts, levels, orders } = shape;
    let numbers = [contracts, levels, orders].map(|number| number.to_string());
    let this = std::env::current_exe().ok()?;
    let output = std::process::Command::new(this).arg(ASKED).args(numbers).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// Answers if it was this program itself that asked.
pub(crate) fn measured_itself(arguments: &[String]) -> bool {
    let [asked, numbers @ ..] = arguments else { return false };
    let numbers: Vec<u32> = numbers.iter().filter_map(|number| number.parse().ok()).collect();
    let (ASKED, &[contracts, levels, orders]) = (asked.as_str(), numbers.as_slice()) else { return false };
    if let Some(bytes) = place(Shape { contracts, levels, orders }) {
        println!("{bytes}");
    }
    true
}

/// How much more memory is resident once the orders rest.
fn place(shape: Shape) -> Option<u64> {
    let mut reports = Reports::new(64);
    let before = resident()?;
    let mut books = Books::new(shape.contracts);
    let mut id = 0;
    // All contracts in turn, as orders arrive.
    for order in 0..shape.orders {
        for level in 0..shape.levels {
            for contract in 0..shape.contracts {
                id += 1;
                let away = i64::from(1 + level / 2);
                let (side, price) = if level % 2 == 0 {
                    (Side::Buy, 1_000_000 - away)
                } else {
                    (Side::Sell, 1_000_000 + away)
                };
                let message = Message { kind: Kind::New, side, quantity: 1 + order, id, price, contract };
                books.apply(id, &Command { message, slot: 0 }, &mut reports);
            }
        }
    }
    let bytes = resident()?.saturating_sub(before);
    let expected = u64::from(shape.contracts) * u64::from(shape.levels) * u64::from(shape.orders);
    (books.resting() as u64 == expected).then_some(bytes)
}

fn resident() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}
