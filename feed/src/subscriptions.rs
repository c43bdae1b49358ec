//! The subscriptions of all sessions, and which of them an event of a contract concerns.
//!
//! A subscription is served contract by contract in rising order, as its subscriber takes the snapshots. `next` is
//! how far that has come: contracts before it are live, and those from it on are not there yet for the subscriber.
//! So no increment comes before its snapshot, and none is missing after it.

use crate::hub::SessionId;
use crate::market::Market;
use protocol::market_data::Depth;
use protocol::symbol::Pattern;
use rustc_hash::FxHashMap;
use types::{Class, Code, ContractId, Hour};

/// A subscription of any session, never used for another.
pub(crate) type SubscriptionId = u64;

/// One subscription.
#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    /// Whose.
    pub(crate) session: SessionId,
    /// The subscriber's number of it.
    pub(crate) number: u32,
    /// Of what.
    pub(crate) pattern: Pattern,
    /// How much of it.
    pub(crate) depth: Depth,
    /// The first contract that is not live yet; `None` once all are.
    pub(crate) next: Option<ContractId>,
    /// How many contracts have come to be live by snapshots.
    pub(crate) contracts: u32,
}

/// All subscriptions.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    all: FxHashMap<SubscriptionId, Subscription>,
    made: SubscriptionId,
    /// Those of one contract exactly.
    by_contract: FxHashMap<ContractId, Vec<SubscriptionId>>,
    /// All others, under every class they may concern, by its number.
    by_class: Vec<Vec<SubscriptionId>>,
}

impl Subscription {
    /// True if the subscriber is to be told what happens to `contract`, of a class the pattern takes.
    pub(crate) fn is_live(&self, contract: ContractId) -> bool {
        let after = self.next.is_none_or(|next| contract < next);
        after && self.pattern.start.is_none_or(|start| start == contract.start())
    }

    /// True if the subscriber is to be told the index of a model, once all is live.
    pub(crate) fn takes_model(&self, model: Code) -> bool {
        self.pattern.model.is_none_or(|wanted| wanted == model)
    }

    /// True if the subscriber is to be told the standard windows of a class, once all is live: it looks at all its slots,
    /// and at what rests there.
    pub(crate) fn takes_windows(&self, class: &Class) -> bool {
        self.depth != Depth::Trades && self.pattern.start.is_none() && self.pattern.matches_class(&class.spec)
    }

    /// Moves on to the next contract of the pattern, which is live from now on; `None` if there is none any more.
    pub(crate) fn advance(&mut self, market: &Market) -> Option<ContractId> {
        let contract = self.next.and_then(|from| self.first_from(from, market));
        self.next = contract.and_then(|contract| contract.0.checked_add(1)).map(ContractId);
        self.contracts += u32::from(contract.is_some());
        contract
    }

    fn first_from(&self, from: ContractId, market: &Market) -> Option<ContractId> {
        let classes = market.classes().get(usize::from(from.class().0)..).unwrap_or_default();
        let mut matching = classes.iter().filter(|class| self.pattern.matches_class(&class.spec));
        matching.find_map(|class| {
            let [first, last] = match self.pattern.start {
                Some(start) => [ContractId::new(class.no, start); 2],
                None => [ContractId::new(class.no, Hour(0)), ContractId::new(class.no, Hour(u32::MAX))],
            };
            market.first_in(first.max(from), last)
        })
    }
}

impl Subscriptions {
    /// Takes in a subscription nothing of which is live yet.
    pub(crate) fn add(
        &mut self,
        session: SessionId,
        number: u32,
        pattern: Pattern,
        depth: Depth,
        market: &Market,
    ) -> SubscriptionId {
        self.made += 1;
        let next = Some(ContractId(0));
        self.all.insert(self.made, Subscription { session, number, pattern, depth, next, contracts: 0 });
        match exact(&pattern, market) {
            Some(contract) => self.by_contract.entry(contract).or_default().push(self.made),
            None => {
                self.by_class.resize_with(market.classes().len(), Vec::new);
                for class in market.classes().iter().filter(|class| pattern.matches_class(&class.spec)) {
                    self.by_class[usize::from(class.no.0)].push(self.made);
                }
            }
        }
        self.made
    }

    /// Forgets a subscription.
    pub(crate) fn remove(&mut self, id: SubscriptionId, market: &Market) {
        let Some(subscription) = self.all.remove(&id) else { return };
        match exact(&subscription.pattern, market) {
            Some(contract) => {
                if let Some(list) = self.by_contract.get_mut(&contract) {
                    list.retain(|other| *other != id);
                    if list.is_empty() {
                        self.by_contract.remove(&contract);
                    }
                }
            }
            None => self.by_class.iter_mut().for_each(|list| list.retain(|other| *other != id)),
        }
    }

    /// A class has been listed, after all others.
    pub(crate) fn list(&mut self, class: &Class) {
        self.by_class.resize_with(usize::from(class.no.0) + 1, Vec::new);
        let matching = self.all.iter().filter(|(_, subscription)| {
            // Exact subscriptions name a listed class, so none of them can be of this one.
            subscription.pattern.matches_class(&class.spec)
        });
        self.by_class[usize::from(class.no.0)].extend(matching.map(|(id, _)| *id));
    }

    /// A subscription, to be moved on.
    pub(crate) fn get_mut(&mut self, id: SubscriptionId) -> Option<&mut Subscription> {
        self.all.get_mut(&id)
    }

    /// Whom to tell of which model's index, or of all of them; some more than once.
    pub(crate) fn models(&self) -> impl Iterator<Item = (SessionId, Option<Code>)> {
        let live = self.all.values().filter(|subscription| subscription.next.is_none());
        live.map(|subscription| (subscription.session, subscription.pattern.model))
    }

    /// Whom to tell of the standard windows of a class; some more than once.
    pub(crate) fn of_windows(&self, class: &Class) -> impl Iterator<Item = SessionId> {
        let ids = self.by_class.get(usize::from(class.no.0)).map_or(&[][..], Vec::as_slice);
        let all = ids.iter().filter_map(|id| self.all.get(id));
        let live =
            all.filter(|subscription| subscription.next.is_none() && subscription.takes_windows(class));
        live.map(|subscription| subscription.session)
    }

    /// The subscriptions that are to be told what happens to a contract.
    pub(crate) fn live(&self, contract: ContractId) -> impl Iterator<Item = &Subscription> {
        let of_class = self.by_class.get(usize::from(contract.class().0)).map_or(&[][..], Vec::as_slice);
        let of_contract = self.by_contract.get(&contract).map_or(&[][..], Vec::as_slice);
        let ids = of_class.iter().chain(of_contract);
        ids.filter_map(|id| self.all.get(id)).filter(move |subscription| subscription.is_live(contract))
    }
}

/// The class that the pattern names, if it names one.
pub(crate) fn named_class<'a>(pattern: &Pattern, market: &'a Market) -> Option<&'a Class> {
    pattern.model.and(pattern.region)?;
    market.classes().iter().find(|class| pattern.matches_class(&class.spec))
}

/// The one contract that the pattern names, if it names one of a listed class.
fn exact(pattern: &Pattern, market: &Market) -> Option<ContractId> {
    let start = pattern.start?;
    named_class(pattern, market).map(|class| ContractId::new(class.no, start))
}
