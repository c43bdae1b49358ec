//! Valid bytes to begin with: the examples in the documentation, which its own tests hold to the code.

/// All messages of order entry.
pub(super) fn order_entry() -> Vec<Vec<u8>> {
    examples(include_str!("../../../docs/order-entry.md"))
}

/// All messages of market data.
pub(super) fn market_data() -> Vec<Vec<u8>> {
    examples(include_str!("../../../docs/market-data.md"))
}

/// All records of the journal.
pub(super) fn records() -> Vec<Vec<u8>> {
    examples(include_str!("../../../docs/journal-records.md"))
}

/// The header and all records of a snapshot's payload.
pub(super) fn states() -> Vec<Vec<u8>> {
    examples(include_str!("../../../docs/snapshots.md"))
}

/// One with all of them behind each other, and each alone.
pub(super) fn with_stream(examples: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let stream = examples.concat();
    [vec![stream], examples].concat()
}

/// Every block of `hex`.
fn examples(page: &str) -> Vec<Vec<u8>> {
    let mut examples: Vec<Vec<u8>> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        if line.starts_with("```") {
            inside = line == "```hex";
            examples.extend(inside.then(Vec::new));
        } else if let Some(example) = examples.last_mut().filter(|_| inside) {
            let bytes = line.split_whitespace().map(|byte| u8::from_str_radix(byte, 16));
            example.extend(bytes.map_while(Result::ok));
        }
    }
    assert!(!examples.is_empty(), "the page has examples");
    examples
}
