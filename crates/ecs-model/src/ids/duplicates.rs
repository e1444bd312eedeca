//! Detection of duplicate server ids.

use super::ServerId;

/// A free place of the table.
const FREE: u32 = u32::MAX;

/// Returns the positions of duplicates, each with the position of the previous equal id.
///
/// Each request checks its servers, and a run checks all of them. So this is a table of positions
/// with open addressing, twice as large as needed, and not a map with a copy of each id.
pub(super) fn duplicates(ids: &[ServerId]) -> Vec<(usize, usize)> {
    let places = (ids.len() * 2).next_power_of_two().max(2);
    let shift = u64::BITS - places.trailing_zeros();
    let mut table = vec![FREE; places];
    let mut found = Vec::new();
    for (index, id) in ids.iter().enumerate() {
        let mut place = usize::try_from(mix(id) >> shift).unwrap_or_default();
        // Less than half of the places are taken, so the loop reaches a free one.
        while let Some(taken) = table.get_mut(place) {
            let first = usize::try_from(*taken).unwrap_or(usize::MAX);
            match ids.get(first) {
                Some(other) if other == id => {
                    found.push((index, first));
                    break;
                }
                Some(_) => place = (place + 1) % places,
                None => {
                    // More ids do not fit into memory; then some are not compared.
                    *taken = u32::try_from(index).unwrap_or(FREE);
                    break;
                }
            }
        }
    }
    found
}

/// Spreads ids over all values, including those that differ in a few bytes only.
fn mix(id: &ServerId) -> u64 {
    /// The golden ratio, as in multiplicative hashing.
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let (high, low) = id.0.as_u64_pair();
    (high.wrapping_mul(ODD).rotate_left(32) ^ low).wrapping_mul(ODD)
}
