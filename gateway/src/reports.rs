//! The report store: the newest reports of one account, for whoever resumes or asks again. Each is encoded when it
//! comes, once for all who are ever sent it, and kept as it is on the wire: half of what a report takes in memory.

use protocol::order_entry::encode_report;
use std::collections::VecDeque;
use types::{KeyNo, Lane, Report};

/// How many reports of an account are kept. Who resumes after an older one starts from the account's state.
pub(crate) const REPORTS_KEPT: usize = 8_192;
/// How many reports a piece of the store holds. A piece is used again once none of them is kept any more.
const PIECE: usize = 64;

/// The newest reports of one account, at most [`REPORTS_KEPT`], without gaps.
#[derive(Debug, Default)]
pub(crate) struct ReportStore {
    last: u64,
    kept: usize,
    /// Oldest first; all but the last are full. The first may begin with reports that are no longer kept.
    pieces: VecDeque<Piece>,
}

/// Reports that follow each other.
#[derive(Debug, Default)]
struct Piece {
    /// The number of the first.
    first: u64,
    bytes: Vec<u8>,
    places: Vec<Place>,
}

/// Where a report ends in its piece, and to whose command it is an answer.
#[derive(Clone, Copy, Debug)]
struct Place {
    end: usize,
    answers: Option<(KeyNo, Lane)>,
}

/// A report that is no longer kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dropped {
    pub(crate) number: u64,
    /// The key and the lane of the command it answered.
    pub(crate) answers: Option<(KeyNo, Lane)>,
}

impl ReportStore {
    /// A store that keeps nothing of the reports up to `last`.
    pub(crate) fn after_report(last: u64) -> ReportStore {
        ReportStore { last, ..ReportStore::default() }
    }

    /// The number of the newest report; 0 before the first.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// The number of the oldest report kept; one more than the last if none is.
    pub(crate) fn first(&self) -> u64 {
        let kept = u64::try_from(self.kept).expect("a length fits in 64 bits");
        self.last + 1 - kept
    }

    /// Adds the next report. Gives it as it is on the wire, and which is no longer kept in its place, if any.
    pub(crate) fn push(&mut self, report: &Report) -> (&[u8], Option<Dropped>) {
        debug_assert!(report.number == self.last + 1, "an account's reports are numbered without gaps");
        let dropped = if self.kept == REPORTS_KEPT { self.drop_oldest() } else { None };
        if self.pieces.back().is_none_or(|piece| piece.places.len() == PIECE) {
            self.begin_piece(report.number);
        }
        self.last = report.number;
        self.kept += 1;
        let piece = self.pieces.back_mut().expect("one was begun if there was none");
        let start = piece.bytes.len();
        encode_report(report, &mut piece.bytes);
        let answers = report.answers.map(|sender| (sender.key, sender.lane));
        piece.places.push(Place { end: piece.bytes.len(), answers });
        (&piece.bytes[start..], dropped)
    }

    /// The report with this number as it is on the wire, if it is kept.
    pub(crate) fn get(&self, number: u64) -> Option<&[u8]> {
        if !(self.first()..=self.last).contains(&number) {
            return None;
        }
        let (piece, place) = self.find(number)?;
        Some(&piece.bytes[piece.start(place)..piece.places.get(place)?.end])
    }

    /// The reports after the one with this number, as they are on the wire, in pieces; `None` if not all of them are
    /// kept, or there has been no such report yet.
    pub(crate) fn after(&self, number: u64) -> Option<impl Iterator<Item = &[u8]>> {
        let from = number.checked_add(1)?;
        if !(self.first()..=self.last + 1).contains(&from) {
            return None;
        }
        Some(self.pieces.iter().filter_map(move |piece| piece.from(from)))
    }

    /// The piece that holds the report of this number, and its place there.
    fn find(&self, number: u64) -> Option<(&Piece, usize)> {
        let place = usize::try_from(number.checked_sub(self.pieces.front()?.first)?).ok()?;
        Some((self.pieces.get(place / PIECE)?, place % PIECE))
    }

    fn drop_oldest(&mut self) -> Option<Dropped> {
        let number = self.first();
        let (piece, place) = self.find(number)?;
        let answers = piece.places.get(place)?.answers;
        self.kept -= 1;
        Some(Dropped { number, answers })
    }

    /// Begins a piece, in the room of the oldest if nothing of that is kept.
    fn begin_piece(&mut self, first: u64) {
        let (oldest, full) = (self.first(), u64::try_from(PIECE).expect("a small number"));
        let mut piece = match self.pieces.front() {
            Some(front) if front.first + full <= oldest => self.pieces.pop_front().unwrap_or_default(),
            _ => Piece::default(),
        };
        piece.first = first;
        piece.bytes.clear();
        piece.places.clear();
        self.pieces.push_back(piece);
    }
}

impl Piece {
    /// Where the report at this place begins.
    fn start(&self, place: usize) -> usize {
        place.checked_sub(1).and_then(|before| self.places.get(before)).map_or(0, |before| before.end)
    }

    /// What is in here from this number on.
    fn from(&self, number: u64) -> Option<&[u8]> {
        let place = usize::try_from(number.saturating_sub(self.first)).ok()?;
        (place < self.places.len()).then(|| &self.bytes[self.start(place)..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Frames;
    use protocol::order_entry::ServerMessage;
    use types::{AccountId, RejectCode, ReportBody, Sender, Timestamp};

    /// Reports of different lengths.
    fn report(number: u64) -> Report {
        let body = match number % 3 {
            0 => ReportBody::Rejected { code: RejectCode::UnknownOrder, value: 0 },
            _ => ReportBody::CancelOnDisconnectSet { grace: 7 },
        };
        let answers = Some(Sender { key: KeyNo(3), lane: Lane::Orders, number });
        Report { account: AccountId(2), number, sequence: number, time: Timestamp(0), answers, body }
    }

    fn numbers(bytes: &[u8]) -> Vec<u64> {
        let number = |message| match message {
            ServerMessage::Report(told) => {
                assert_eq!(told, report(told.number));
                told.number
            }
            other => panic!("{other:?}"),
        };
        Frames::new(bytes).map(|frame| number(ServerMessage::decode(frame.unwrap()).unwrap())).collect()
    }

    fn after(store: &ReportStore, number: u64) -> Option<Vec<u64>> {
        Some(store.after(number)?.flat_map(numbers).collect())
    }

    fn push(store: &mut ReportStore, number: u64) -> Option<u64> {
        let (bytes, dropped) = store.push(&report(number));
        assert_eq!(numbers(bytes), [number]);
        let dropped = dropped?;
        assert_eq!(dropped.answers, Some((KeyNo(3), Lane::Orders)));
        Some(dropped.number)
    }

    #[test]
    fn a_store_resumes_from_any_report_it_keeps_and_from_no_other() {
        let mut store = ReportStore::after_report(5);
        assert_eq!((store.first(), store.last()), (6, 5));
        assert_eq!((after(&store, 4), after(&store, 5), after(&store, 6)), (None, Some(vec![]), None));
        (6..=8).for_each(|number| assert_eq!(push(&mut store, number), None));
        assert_eq!(after(&store, 4), None);
        assert_eq!(after(&store, 5), Some(vec![6, 7, 8]));
        assert_eq!(after(&store, 7), Some(vec![8]));
        assert_eq!(after(&store, 8), Some(vec![]));
        assert_eq!((after(&store, 9), after(&store, u64::MAX)), (None, None));
        assert_eq!((store.get(7).map(numbers), store.get(5), store.get(9)), (Some(vec![7]), None, None));
    }

    #[test]
    fn a_full_store_gives_up_its_oldest() {
        let mut store = ReportStore::default();
        let kept = u64::try_from(REPORTS_KEPT).unwrap();
        (1..=kept).for_each(|number| assert_eq!(push(&mut store, number), None));
        for more in 1..=1_000 {
            assert_eq!(push(&mut store, kept + more), Some(more));
            assert_eq!((store.first(), store.last()), (more + 1, kept + more));
            assert_eq!((store.get(more), store.get(more + 1).map(numbers)), (None, Some(vec![more + 1])));
            assert_eq!(store.get(kept + more).map(numbers), Some(vec![kept + more]));
            assert!(store.pieces.len() <= REPORTS_KEPT / PIECE + 1, "pieces are used again");
        }
        assert_eq!(after(&store, 999), None);
        assert_eq!(after(&store, 1_000), Some((1_001..=kept + 1_000).collect()));
        assert_eq!(after(&store, kept + 998), Some(vec![kept + 999, kept + 1_000]));
    }
}
