//! A set of small numbers.

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
        self.numbers().find(|number| *number >= value)
    }

    /// The largest number that is not above `value`.
    pub(super) fn last_until(self, value: u32) -> Option<u32> {
        self.numbers().take_while(|number| *number <= value).last()
    }

    /// The numbers, from the smallest.
    pub(super) fn numbers(self) -> impl Iterator<Item = u32> {
        let last = self.first_value + u64::BITS * 3;
        (self.first_value..last).filter(move |number| self.contains(*number))
    }

    fn place_of(self, value: u32) -> Option<(usize, u32)> {
        let bit = value.checked_sub(self.first_value)?;
        let word = usize::try_from(bit / u64::BITS).ok()?;
        (word < self.bits.len()).then_some((word, bit % u64::BITS))
    }
}
