//! Records by a number that the exchange gives out one after the other, from 1 on: accounts' and keys'. Found by their
//! place, which is what every report needs several times.

/// See the head of this file. Records up to the highest number ever asked for are there, as they begin.
#[derive(Clone, Debug)]
pub(crate) struct Numbered<T> {
    records: Vec<T>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Numbered<T> {
        Numbered { records: Vec::new() }
    }
}

impl<T: Default> Numbered<T> {
    /// The record of that number, if it or a higher one was ever asked for.
    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        self.records.get(place(number)?)
    }

    /// The same, to be changed.
    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        self.records.get_mut(place(number)?)
    }

    /// The record of a number that the exchange has given out, at least 1.
    pub(crate) fn of(&mut self, number: u32) -> &mut T {
        let place = place(number).expect("the exchange counts from 1");
        if place >= self.records.len() {
            self.records.resize_with(place + 1, T::default);
        }
        &mut self.records[place]
    }
}

fn place(number: u32) -> Option<usize> {
    usize::try_from(number).ok()?.checked_sub(1)
}
