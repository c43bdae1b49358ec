//! Listed classes, and which of a class's contracts have been touched.

use types::{CLASSES_MAX, Class, ClassNo, ClassSpec, ContractId, RejectCode, Timestamp};

/// "No contract": the slot of the calendar has not been touched.
const UNTOUCHED: u32 = u32::MAX;

#[derive(Clone, Debug)]
pub(crate) struct ClassRecord {
    pub(crate) class: Class,
    /// The index of its currency.
    pub(crate) currency: usize,
    /// Where each touched contract lies, by its place in the calendar, round and round. Empty until the
    /// first is touched. Twice the horizon long, so that a contract still being settled is not in the way.
    touched: Vec<u32>,
}

/// All classes by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Classes {
    records: Vec<ClassRecord>,
}

impl Classes {
    pub(crate) fn get(&self, no: ClassNo) -> Option<&ClassRecord> {
        self.records.get(usize::from(no.0))
    }

    /// The class of a contract that has been touched.
    pub(crate) fn of(&self, contract: ContractId) -> &ClassRecord {
        &self.records[usize::from(contract.class().0)]
    }

    /// The number of the class with this model and region.
    pub(crate) fn listed(&self, spec: &ClassSpec) -> Option<ClassNo> {
        let same = |class: &Class| class.spec.model == spec.model && class.spec.region == spec.region;
        self.iter().find(|class| same(class)).map(|class| class.no)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.records.len() >= usize::from(CLASSES_MAX)
    }

    /// Lists a class.
    pub(crate) fn add(&mut self, spec: ClassSpec, currency: usize) -> Class {
        let no = ClassNo(u16::try_from(self.records.len()).expect("classes are bounded by CLASSES_MAX"));
        let class = Class { no, spec };
        self.records.push(ClassRecord { class, currency, touched: Vec::new() });
        class
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Class> {
        self.records.iter().map(|record| &record.class)
    }

    /// Whether orders and deposits for `contract` are taken at `now`: it is a slot of a listed class, within
    /// the horizon and before its gate.
    pub(crate) fn check_open(
        &self,
        contract: ContractId,
        now: Timestamp,
    ) -> Result<&ClassRecord, (RejectCode, i64)> {
        let no = contract.class();
        let record = self.get(no).ok_or((RejectCode::UnknownClass, i64::from(no.0)))?;
        let class = &record.class;
        if !class.is_aligned(contract.start()) {
            return Err((RejectCode::NotASlot, i64::from(class.spec.slot_hours)));
        }
        let gate = class.gate(contract);
        if now >= gate {
            return Err((RejectCode::GateClosed, i64::try_from(gate.0 / 1_000_000_000).unwrap_or(i64::MAX)));
        }
        if !class.is_within_horizon(contract, now) {
            return Err((RejectCode::BeyondHorizon, i64::from(class.spec.horizon_hours)));
        }
        Ok(record)
    }

    /// Where the touched contract at this place of the calendar lies. Another contract may share the place:
    /// the caller compares ids.
    pub(crate) fn place(&self, contract: ContractId) -> Option<u32> {
        let record = self.get(contract.class())?;
        let at = record.touched.get(record.place_of(contract)).copied()?;
        (at != UNTOUCHED).then_some(at)
    }

    pub(crate) fn set_place(&mut self, contract: ContractId, at: Option<u32>) {
        let record = &mut self.records[usize::from(contract.class().0)];
        if record.touched.is_empty() {
            record.touched = vec![UNTOUCHED; record.places()];
        }
        let place = record.place_of(contract);
        record.touched[place] = at.unwrap_or(UNTOUCHED);
    }
}

impl ClassRecord {
    fn places(&self) -> usize {
        let slots =
            usize::from(self.class.spec.horizon_hours).div_ceil(usize::from(self.class.spec.slot_hours));
        2 * (slots + 1)
    }

    fn place_of(&self, contract: ContractId) -> usize {
        (contract.start().0 / u32::from(self.class.spec.slot_hours)) as usize % self.places()
    }
}
