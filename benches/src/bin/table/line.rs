//! One line of a table: what was run, and how long each contender took.

/// The contenders of a line and the least time of each so far; no time for one that did not run.
pub(crate) struct Line {
    name: String,
    nanos: Vec<Option<f64>>,
}

impl Line {
    pub(crate) fn new(name: impl Into<String>, contenders: usize) -> Line {
        Line { name: name.into(), nanos: vec![None; contenders] }
    }

    /// Keeps the time of a run if it was the shortest of its contender.
    pub(crate) fn ran(&mut self, contender: usize, nanos: f64) {
        let best = &mut self.nanos[contender];
        *best = Some(best.map_or(nanos, |best| best.min(nanos)));
    }

    pub(crate) fn nanos(&self, contender: usize) -> Option<f64> {
        self.nanos[contender]
    }

    /// The line in Markdown. Times from `peers` on have beside them how many times that of `ours` they are.
    pub(crate) fn print(&self, ours: usize, peers: usize) {
        let cells = self.nanos.iter().enumerate().map(|(contender, nanos)| match (nanos, self.nanos[ours]) {
            (None, _) => "-".to_owned(),
            (Some(nanos), Some(ours)) if contender >= peers => format!("{nanos:.0} ({:.1}×)", nanos / ours),
            (Some(nanos), _) => format!("{nanos:.0}"),
        });
        println!("| {} | {} |", self.name, cells.collect::<Vec<_>>().join(" | "));
    }
}

/// A heading and the first two lines of a table.
pub(crate) fn head(title: &str, about: &str, columns: &[&str]) {
    println!("\n### {title}\n\n{about}\n\n| {} |", columns.join(" | "));
    println!("|{}", "---|".repeat(columns.len()));
}
