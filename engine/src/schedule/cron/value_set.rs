//! A set of small numbers.

use std::iter::successors;

/// Numbers of one field, counted from the field's first value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ValueSet {
    first_value: u32,
    bits: [u64; 3],
}

impl ValueSet {
    /// A set without numbers, for numbers from `first_value` to `first_value + 191`.
    pub(super) const fn empty(first_value: u32) -> Self {
        Self {
            first_value,
            bits: [0; 3],
        }
    }

    pub(super) fn insert(&mut self, value: u32) {
        if let Some((word, bit)) = self.place_of(value) {
            self.bits[word] |= 1 << bit;
        }
    }

    pub(super) fn contains(self, value: u32) -> bool {
        self.place_of(value)
            .is_some_and(|(word, bit)| self.bits[word] & (1 << bit) != 0)
    }

    pub(super) fn len(self) -> u32 {
        self.bits.iter().map(|word| word.count_ones()).sum()
    }

    /// The smallest number.
    pub(super) fn first(self) -> Option<u32> {
        self.first_from(self.first_value)
    }

    /// The largest number.
    pub(super) fn last(self) -> Option<u32> {
        self.last_until(u32::MAX)
    }

    /// The smallest number that is not below `value`.
    pub(super) fn first_from(self, value: u32) -> Option<u32> {
        let start = value.saturating_sub(self.first_value);
        self.words().find_map(|(lowest, word)| {
            let passed = start.saturating_sub(lowest);
            let rest = word & u64::MAX.checked_shl(passed).unwrap_or(0);
            (rest != 0).then(|| self.first_value + lowest + rest.trailing_zeros())
        })
    }

    /// The largest number that is not above `value`.
    pub(super) fn last_until(self, value: u32) -> Option<u32> {
        let end = value.checked_sub(self.first_value)?.saturating_add(1);
        self.words().rev().find_map(|(lowest, word)| {
            let kept = end.saturating_sub(lowest).min(u64::BITS);
            let rest = word & u64::MAX.checked_shr(u64::BITS - kept).unwrap_or(0);
            (rest != 0).then(|| self.first_value + lowest + rest.ilog2())
        })
    }

    /// The numbers, from the smallest.
    pub(super) fn numbers(self) -> impl Iterator<Item = u32> {
        self.numbers_from(self.first_value)
    }

    /// The numbers that are not below `value`, from the smallest.
    pub(super) fn numbers_from(self, value: u32) -> impl Iterator<Item = u32> {
        successors(self.first_from(value), move |number| self.first_from(number + 1))
    }

    /// The numbers that are not above `value`, from the largest.
    pub(super) fn numbers_until(self, value: u32) -> impl Iterator<Item = u32> {
        successors(self.last_until(value), move |number| {
            self.last_until(number.checked_sub(1)?)
        })
    }

    /// The words, each with the place of its lowest bit.
    fn words(self) -> impl DoubleEndedIterator<Item = (u32, u64)> {
        [0, u64::BITS, 2 * u64::BITS].into_iter().zip(self.bits)
    }

    fn place_of(self, value: u32) -> Option<(usize, u32)> {
        let bit = value.checked_sub(self.first_value)?;
        let word = usize::try_from(bit / u64::BITS).ok()?;
        (word < self.bits.len()).then_some((word, bit % u64::BITS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_across_words_in_both_directions() {
        let all = [1970, 2033, 2034, 2097, 2098, 2099];
        let mut set = ValueSet::empty(1970);
        for number in all {
            set.insert(number);
        }
        assert_eq!(set.numbers().collect::<Vec<_>>(), all);
        let back: Vec<u32> = set.numbers_until(u32::MAX).collect();
        assert_eq!(back, all.into_iter().rev().collect::<Vec<_>>());
        for value in 1960..2110 {
            let first = all.into_iter().find(|number| *number >= value);
            let last = all.into_iter().rev().find(|number| *number <= value);
            assert_eq!(
                (set.first_from(value), set.last_until(value)),
                (first, last),
                "{value}"
            );
        }
        assert_eq!(ValueSet::empty(0).last(), None);
    }
}
