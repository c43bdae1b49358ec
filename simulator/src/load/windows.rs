//! Where the blocks of a session can begin: every slot of its contracts that has others behind it.

use types::ContractId;

/// The most slots of a block.
const SLOTS_MAX: u16 = 6;

/// Each of these contracts, whose slots are an hour, from which on at least one more of its class follows, with how many
/// follow each other from there, itself included, up to a limit. In the order of the contracts; those given may be in any.
pub(super) fn of(contracts: &[ContractId]) -> Vec<(ContractId, u16)> {
    let mut contracts = contracts.to_vec();
    contracts.sort_unstable();
    contracts.dedup();
    let mut windows: Vec<(ContractId, u16)> = Vec::new();
    let mut slots: u16 = 0;
    let mut next = None;
    for &contract in contracts.iter().rev() {
        let following = ContractId::new(contract.class(), contract.start().plus(1));
        slots = if next == Some(following) { (slots + 1).min(SLOTS_MAX) } else { 1 };
        next = Some(contract);
        if slots > 1 {
            windows.push((contract, slots));
        }
    }
    windows.reverse();
    windows
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{ClassNo, Hour};

    fn contract(class: u16, hour: u32) -> ContractId {
        ContractId::new(ClassNo(class), Hour(hour))
    }

    #[test]
    fn windows_are_of_neighbours_in_one_class_in_whatever_order_they_are_given() {
        // As a session has them that begins in the middle and goes round; the first hour of another class follows.
        let given =
            [(0, 12), (0, 14), (1, 15), (1, 16), (0, 10), (0, 11)].map(|(class, hour)| contract(class, hour));
        let found =
            [(0, 10, 3), (0, 11, 2), (1, 15, 2)].map(|(class, hour, slots)| (contract(class, hour), slots));
        assert_eq!(of(&given), found);
        assert_eq!(of(&given[..1]), []);
    }

    #[test]
    fn no_window_is_longer_than_the_longest() {
        let row: Vec<ContractId> = (0..10).map(|hour| contract(3, hour)).collect();
        let lengths: Vec<u16> = of(&row).into_iter().map(|(_, slots)| slots).collect();
        assert_eq!(lengths, [6, 6, 6, 6, 6, 5, 4, 3, 2]);
    }
}
