//! A broker: turns jobs into bids, one for each hour, gives up on what is not filled in time, and now and then
//! sells an hour on.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;
use types::{
    Class, Command, ContractId, Hour, Lane, NewOrder, PRICE_MAX, RejectCode, Report, Side, Ticks,
    TimeInForce, Units,
};

use super::Wish;
use super::own_orders::{News, OwnOrders};
use crate::demand::Job;

/// How long to wait before an order that is not accepted yet is looked at again.
const LATER: Duration = Duration::from_millis(50);

/// How a broker trades; all of it made up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Habits {
    /// The share of jobs, 0 to 1, bid for immediate-or-cancel; the others' bids rest until their patience ends.
    pub ioc_share: f64,
    /// The share of fills, 0 to 1, that are offered on.
    pub resale_share: f64,
    /// How much dearer they are offered on than they were bought, in parts per hundred.
    pub resale_markup_percent: u16,
    /// How long such an offer rests before it is taken back.
    pub resale_patience: Duration,
}

/// What an order is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// An hour of a job.
    Job,
    /// An hour sold on.
    Resale,
}

/// One broker. Time is told as how long the run has lasted.
#[derive(Debug)]
pub struct Broker {
    rng: StdRng,
    habits: Habits,
    orders: OwnOrders<Purpose>,
    /// When orders are given up, soonest first, by number. Those that have ended before are passed over.
    due: BinaryHeap<Reverse<(Duration, u64)>>,
}

/// A job's bids as they are to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Bids {
    /// One order for each hour.
    pub wishes: Vec<Wish<Purpose>>,
    /// How long they rest.
    pub patience: Duration,
}

impl Broker {
    /// A broker whose choices come from `seed`.
    #[must_use]
    pub fn new(seed: u64, habits: Habits) -> Broker {
        let rng = StdRng::seed_from_u64(seed);
        Broker { rng, habits, orders: OwnOrders::default(), due: BinaryHeap::new() }
    }

    /// The bids for a job that pays `limit` at most in `class`, whose contracts trade from `first` on and start
    /// before `end`. A job without a start of its own takes the first window that can be had whole, judged by
    /// `best_ask`, and bids for the very first if there is none. Hours beyond `end` are left out.
    pub fn bids(
        &mut self,
        job: &Job,
        class: &Class,
        limit: Ticks,
        (first, end): (Hour, Hour),
        best_ask: impl Fn(ContractId) -> Option<Ticks>,
    ) -> Bids {
        let ioc = self.rng.random_bool(self.habits.ioc_share);
        let affordable =
            |start: u32| best_ask(ContractId::new(class.no, Hour(start))).is_some_and(|price| price <= limit);
        let start = if job.start_in_hours > 0 {
            first.0 + job.start_in_hours
        } else {
            first_window(first.0..end.0, job.hours, affordable).unwrap_or(first.0)
        };
        let time_in_force = if ioc { TimeInForce::Ioc } else { TimeInForce::Gtc };
        let wishes = (start..end.0.min(start.saturating_add(job.hours)))
            .map(|hour| {
                let contract = ContractId::new(class.no, Hour(hour));
                let order =
                    NewOrder { time_in_force, ..NewOrder::limit(contract, Side::Buy, job.units, limit) };
                Wish { command: Command::NewOrder(order), tag: Purpose::Job }
            })
            .collect();
        Bids { wishes, patience: job.patience }
    }

    /// The command was sent as this number at `now`. What rests of an order is given up after `patience`.
    pub fn sent(&mut self, wish: Wish<Purpose>, number: u64, now: Duration, patience: Duration) {
        if let Command::NewOrder(NewOrder { time_in_force: TimeInForce::Gtc, .. }) = wish.command {
            self.due.push(Reverse((now + patience, number)));
        }
        self.orders.sent(number, wish);
    }

    /// When the next order may have to be given up.
    #[must_use]
    pub fn next_due(&self) -> Option<Duration> {
        self.due.peek().map(|Reverse((due, _))| *due)
    }

    /// The next cancel to send at `now`, `None` when nothing is due. After it, [`Broker::sent`] must be called.
    pub fn give_up(&mut self, now: Duration) -> Option<Wish<Purpose>> {
        while let Some(&Reverse((due, number))) = self.due.peek() {
            if due > now {
                return None;
            }
            self.due.pop();
            let Some(own) = self.orders.get(number) else { continue };
            match own.free() {
                Some(order) => return Some(Wish { command: Command::Cancel(order), tag: own.tag }),
                None => self.due.push(Reverse((now + LATER, number))),
            }
        }
        None
    }

    /// Follows a report: what it means, and the order it makes the broker want to send, if any, with the
    /// patience of [`Broker::resale_patience`].
    pub fn follow(&mut self, report: &Report) -> (Option<News<Purpose>>, Option<Wish<Purpose>>) {
        let news = self.orders.follow(report);
        let resale = match news {
            Some(News::Filled { tag: Purpose::Job, contract, price, units, .. }) => {
                self.resale(contract, price, units)
            }
            _ => None,
        };
        (news, resale)
    }

    /// The command of that number was refused before it was taken.
    pub fn not_taken(&mut self, lane: Lane, number: u64, code: RejectCode) {
        self.orders.not_taken(lane, number, code);
    }

    /// How long what is sold on rests.
    #[must_use]
    pub fn resale_patience(&self) -> Duration {
        self.habits.resale_patience
    }

    /// How many of its orders are open or under way.
    #[must_use]
    pub fn open_orders(&self) -> usize {
        self.orders.len()
    }

    fn resale(&mut self, contract: ContractId, bought_at: Ticks, units: Units) -> Option<Wish<Purpose>> {
        if !self.rng.random_bool(self.habits.resale_share) {
            return None;
        }
        let percent = Ticks::from(100 + self.habits.resale_markup_percent);
        let price = (bought_at.saturating_mul(percent) / 100).clamp(1, PRICE_MAX);
        let order = NewOrder::limit(contract, Side::Sell, units, price);
        Some(Wish { command: Command::NewOrder(order), tag: Purpose::Resale })
    }
}

/// The first start in `hours` with `len` hours after one another that all pass.
fn first_window(hours: std::ops::Range<u32>, len: u32, passes: impl Fn(u32) -> bool) -> Option<u32> {
    let mut run = 0;
    for hour in hours {
        run = if passes(hour) { run + 1 } else { 0 };
        if run == len {
            return Some(hour + 1 - len);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::play::Play;
    use super::*;
    use crate::demand::Demand;
    use std::num::NonZeroU32;
    use types::{ClassNo, ClassSpec};

    const RESTS: Habits = Habits {
        ioc_share: 0.0,
        resale_share: 0.0,
        resale_markup_percent: 10,
        resale_patience: Duration::from_secs(30),
    };
    const SLOTS: (Hour, Hour) = (Hour(1_000), Hour(1_010));

    fn class() -> Class {
        Class { no: ClassNo(1), spec: ClassSpec::example() }
    }

    fn job(units: Units, hours: u32, start_in_hours: u32) -> Job {
        let mut demand = Demand::new(1, NonZeroU32::MIN, NonZeroU32::MIN);
        let mut job = demand.next_job();
        (job.units, job.hours, job.start_in_hours) = (units, hours, start_in_hours);
        job.patience = Duration::from_secs(10);
        job
    }

    fn starts(bids: &Bids) -> Vec<u32> {
        bids.wishes
            .iter()
            .map(|wish| match &wish.command {
                Command::NewOrder(order) => order.contract.start().0,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    fn send(broker: &mut Broker, play: &mut Play, wish: Wish<Purpose>, now: Duration) -> Vec<Report> {
        let (number, reports) = play.take(wish.command.clone());
        broker.sent(wish, number, now, Duration::from_secs(10));
        reports
    }

    #[test]
    fn a_job_takes_the_first_window_it_can_pay() {
        let mut broker = Broker::new(1, RESTS);
        let asks = [50, 90, 50, 60, 90, 50, 50, 50];
        let best_ask = |contract: ContractId| asks.get(contract.start().0 as usize - 1_000).copied();
        let mut at = |hours, start, limit| {
            let bids = broker.bids(&job(2, hours, start), &class(), limit, SLOTS, best_ask);
            starts(&bids)
        };
        assert_eq!(at(1, 0, 70), [1_000]);
        assert_eq!(at(2, 0, 70), [1_002, 1_003]);
        assert_eq!(at(3, 0, 70), [1_005, 1_006, 1_007]);
        assert_eq!(at(4, 0, 70), [1_000, 1_001, 1_002, 1_003], "none is free: the very first");
        assert_eq!(at(2, 4, 70), [1_004, 1_005], "a start of its own is kept");
        assert_eq!(at(5, 8, 70), [1_008, 1_009], "clipped to the horizon");
    }

    #[test]
    fn what_rests_is_given_up_when_patience_ends_and_not_before() {
        let (mut broker, mut play) = (Broker::new(1, RESTS), Play::default());
        let bids = broker.bids(&job(2, 3, 0), &class(), 70, SLOTS, |_| None);
        assert_eq!(bids.patience, Duration::from_secs(10));
        for wish in bids.wishes {
            for report in send(&mut broker, &mut play, wish, Duration::ZERO) {
                broker.follow(&report);
            }
        }
        let (filled, _) = play.only(ContractId::new(ClassNo(1), Hour(1_001))).unwrap();
        broker.follow(&play.fill(filled, 2));
        assert_eq!((broker.open_orders(), broker.next_due()), (2, Some(Duration::from_secs(10))));
        assert_eq!(broker.give_up(Duration::from_millis(9_999)), None);
        let now = Duration::from_secs(10);
        while let Some(wish) = broker.give_up(now) {
            for report in send(&mut broker, &mut play, wish, now) {
                broker.follow(&report);
            }
        }
        assert_eq!((broker.open_orders(), play.orders.len(), broker.next_due()), (0, 0, None));
    }

    #[test]
    fn an_order_without_an_acknowledgement_is_looked_at_again_later() {
        let (mut broker, mut play) = (Broker::new(1, RESTS), Play::default());
        let bids = broker.bids(&job(1, 1, 0), &class(), 70, SLOTS, |_| None);
        let late = send(&mut broker, &mut play, bids.wishes[0].clone(), Duration::ZERO);
        let now = Duration::from_secs(11);
        assert_eq!((broker.give_up(now), broker.next_due()), (None, Some(now + LATER)));
        broker.follow(&late[0]);
        let wish = broker.give_up(now + LATER).unwrap();
        assert!(matches!(wish.command, Command::Cancel(_)));
    }

    #[test]
    fn immediate_orders_end_by_themselves() {
        let habits = Habits { ioc_share: 1.0, ..RESTS };
        let (mut broker, mut play) = (Broker::new(1, habits), Play::default());
        let bids = broker.bids(&job(1, 1, 0), &class(), 70, SLOTS, |_| None);
        for report in send(&mut broker, &mut play, bids.wishes[0].clone(), Duration::ZERO) {
            broker.follow(&report);
        }
        assert_eq!((broker.open_orders(), broker.next_due()), (0, None));
    }

    #[test]
    fn a_fill_is_offered_on_dearer_and_a_resale_is_not() {
        let habits = Habits { resale_share: 1.0, ..RESTS };
        let (mut broker, mut play) = (Broker::new(1, habits), Play::default());
        let bids = broker.bids(&job(3, 1, 0), &class(), 70, SLOTS, |_| None);
        for report in send(&mut broker, &mut play, bids.wishes[0].clone(), Duration::ZERO) {
            broker.follow(&report);
        }
        let contract = ContractId::new(ClassNo(1), Hour(1_000));
        let (bid, _) = play.only(contract).unwrap();
        let (news, resale) = broker.follow(&play.fill(bid, 3));
        assert!(matches!(news, Some(News::Filled { tag: Purpose::Job, units: 3, left: 0, .. })));
        let wish = resale.unwrap();
        let offer = NewOrder::limit(contract, Side::Sell, 3, 77);
        assert_eq!(wish, Wish { command: Command::NewOrder(offer), tag: Purpose::Resale });
        play.free.insert(contract, 3);
        for report in send(&mut broker, &mut play, wish, Duration::ZERO) {
            broker.follow(&report);
        }
        let (ask, _) = play.only(contract).unwrap();
        let (news, resale) = broker.follow(&play.fill(ask, 3));
        assert!(matches!(news, Some(News::Filled { tag: Purpose::Resale, .. })) && resale.is_none());
    }

    #[test]
    fn the_same_seed_makes_the_same_choices() {
        let habits = Habits { ioc_share: 0.5, ..RESTS };
        let choices = |seed| -> Vec<Bids> {
            let mut broker = Broker::new(seed, habits);
            (0..64).map(|_| broker.bids(&job(1, 1, 0), &class(), 70, SLOTS, |_| None)).collect()
        };
        assert_eq!(choices(3), choices(3));
        assert_ne!(choices(3), choices(4));
    }
}
