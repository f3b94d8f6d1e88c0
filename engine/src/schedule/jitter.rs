//! The delay of a start behind its fire time.

use crate::ids::Timestamp;

/// Milliseconds below `limit_ms` by which the start of a fire is delayed: the same for the same schedule and fire
/// time on every node.
pub fn jitter_of(schedule: u64, fire_at: Timestamp, limit_ms: u64) -> u64 {
    if limit_ms == 0 {
        return 0;
    }
    // SplitMix64: neighbouring inputs give results without a pattern.
    let mut mixed = schedule.rotate_left(32) ^ fire_at.0.cast_unsigned();
    for _ in 0..2 {
        mixed = mixed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
    }
    mixed % limit_ms
}
