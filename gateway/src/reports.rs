//! The report store: the newest reports of one account, for whoever resumes or asks again.

use std::collections::VecDeque;
use types::Report;

/// How many reports of an account are kept. Who resumes after an older one starts from the account's state.
pub(crate) const REPORTS_KEPT: usize = 8_192;

/// The newest reports of one account, at most [`REPORTS_KEPT`], without gaps.
#[derive(Debug, Default)]
pub(crate) struct ReportStore {
    last: u64,
    kept: VecDeque<Report>,
}

impl ReportStore {
    /// A store that keeps nothing of the reports up to `last`.
    pub(crate) fn after_report(last: u64) -> ReportStore {
        ReportStore { last, kept: VecDeque::new() }
    }

    /// The number of the newest report; 0 before the first.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// The number of the oldest report kept; one more than the last if none is.
    pub(crate) fn first(&self) -> u64 {
        self.kept.front().map_or(self.last + 1, |report| report.number)
    }

    /// Adds the next report, and gives back the one that is no longer kept, if any.
    pub(crate) fn push(&mut self, report: Report) -> Option<Report> {
        debug_assert!(report.number == self.last + 1, "an account's reports are numbered without gaps");
        self.last = report.number;
        self.kept.push_back(report);
        if self.kept.len() > REPORTS_KEPT { self.kept.pop_front() } else { None }
    }

    /// The report with this number, if it is kept.
    pub(crate) fn get(&self, number: u64) -> Option<&Report> {
        self.kept.get(self.place(number)?)
    }

    /// The reports after the one with this number; `None` if not all of them are kept, or there has been no such
    /// report yet.
    pub(crate) fn after(&self, number: u64) -> Option<impl Iterator<Item = &Report>> {
        let from = self.place(number.checked_add(1)?)?;
        (from <= self.kept.len()).then(|| self.kept.range(from..))
    }

    fn place(&self, number: u64) -> Option<usize> {
        usize::try_from(number.checked_sub(self.first())?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{AccountId, RejectCode, ReportBody, Timestamp};

    fn report(number: u64) -> Report {
        let body = ReportBody::Rejected { code: RejectCode::UnknownOrder, value: 0 };
        Report { account: AccountId(2), number, sequence: number, time: Timestamp(0), answers: None, body }
    }

    fn after(store: &ReportStore, number: u64) -> Option<Vec<u64>> {
        Some(store.after(number)?.map(|report| report.number).collect())
    }

    #[test]
    fn a_store_resumes_from_any_report_it_keeps_and_from_no_other() {
        let mut store = ReportStore::after_report(5);
        assert_eq!((store.first(), store.last()), (6, 5));
        assert_eq!((after(&store, 4), after(&store, 5), after(&store, 6)), (None, Some(vec![]), None));
        (6..=8).for_each(|number| assert_eq!(store.push(report(number)), None));
        assert_eq!(after(&store, 4), None);
        assert_eq!(after(&store, 5), Some(vec![6, 7, 8]));
        assert_eq!(after(&store, 7), Some(vec![8]));
        assert_eq!(after(&store, 8), Some(vec![]));
        assert_eq!((after(&store, 9), after(&store, u64::MAX)), (None, None));
        assert_eq!(
            (store.get(7).map(|report| report.number), store.get(5), store.get(9)),
            (Some(7), None, None)
        );
    }

    #[test]
    fn a_full_store_gives_up_its_oldest() {
        let mut store = ReportStore::default();
        let kept = u64::try_from(REPORTS_KEPT).unwrap();
        (1..=kept).for_each(|number| assert_eq!(store.push(report(number)), None));
        assert_eq!(store.push(report(kept + 1)), Some(report(1)));
        assert_eq!((store.first(), store.last()), (2, kept + 1));
        assert_eq!(after(&store, 0), None);
        assert_eq!(after(&store, 1).map(|numbers| numbers.len()), Some(REPORTS_KEPT));
    }
}
