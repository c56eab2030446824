//! The hash of words: stable for ever, because weights files are written in terms of it.

/// FNV-1a's beginning.
pub(crate) const SEED: u64 = 0xcbf2_9ce4_8422_2325;

/// Goes on with a hash by one byte (FNV-1a).
pub(crate) const fn push(hash: u64, byte: u8) -> u64 {
    (hash ^ byte as u64).wrapping_mul(0x0000_0100_0000_01b3)
}

/// The hash of a whole word.
pub(crate) fn of(bytes: &[u8]) -> u64 {
    bytes.iter().fold(SEED, |hash, byte| push(hash, *byte))
}

/// The hash of two words in this order.
pub(crate) const fn pair(first: u64, second: u64) -> u64 {
    (first.rotate_left(23) ^ second).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// One of `2^bits` buckets; every bit of the hash has a say in it.
pub(crate) const fn bucket(hash: u64, bits: u32) -> u32 {
    let mut mixed = hash ^ (hash >> 32);
    mixed = mixed.wrapping_mul(0xd6e8_feb8_6659_fd93);
    mixed ^= mixed >> 32;
    mixed = mixed.wrapping_mul(0xd6e8_feb8_6659_fd93);
    (mixed >> (64 - bits)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weights_file_of_yesterday_means_the_same_today() {
        assert_eq!(of(b"terrace"), 0x3f76_e19c_871c_7ec5);
        assert_eq!(bucket(of(b"terrace"), 17), 55007);
    }

    #[test]
    fn the_order_of_a_pair_counts() {
        let (a, b) = (of(b"a"), of(b"b"));
        assert_ne!(pair(a, b), pair(b, a));
    }

    #[test]
    fn buckets_are_filled_evenly() {
        let mut counts = [0_u32; 16];
        for word in 0..16_000_u32 {
            counts[bucket(of(&word.to_le_bytes()), 4) as usize] += 1;
        }
        assert!(
            counts.iter().all(|count| (850..1150).contains(count)),
            "{counts:?}"
        );
    }
}
