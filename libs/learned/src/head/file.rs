//! The file of a head: written, and read with everything about it checked.

use sha2::{Digest as _, Sha256};

use super::joint::{JOINT_BUCKETS, Joint};
use super::{Head, Input};

const MAGIC: &[u8; 4] = b"TRCJ";
const VERSION: u16 = 2;
const CHECKSUM_BYTES: usize = 32;
/// Magic, version, number of measures, identity, examples.
const OPENING_BYTES: usize = 4 + 2 + 2 + 8 + 4;
/// Numbers of each measure: centre, spread, weight, and what it adds to the gain.
const OF_A_MEASURE: usize = 4;
/// Numbers beside those of the measures.
const OTHERS: usize = 8;

/// Why bytes are no head.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHead {
    /// It is some other file.
    #[error("is no file of a judge's head: it does not begin with TRCJ")]
    Magic,
    /// It was written by another version.
    #[error("has version {0}, and this program reads version {VERSION}: train it again")]
    Version(u16),
    /// Something is missing, or there is too much.
    #[error("has {0} bytes where its beginning promises {1}")]
    Length(usize, usize),
    /// It was changed since it was written.
    #[error("is damaged: its checksum is not that of its bytes")]
    Checksum,
    /// It was learned from other measures than this program takes.
    #[error("was learned from other measures than this program takes: train it again")]
    Measures,
    /// A number is none.
    #[error("has a weight that is no number")]
    NotANumber,
}

const fn length_of(measures: usize) -> usize {
    OPENING_BYTES + 4 * (OF_A_MEASURE * measures + OTHERS) + JOINT_BUCKETS + CHECKSUM_BYTES
}

impl Head {
    /// The file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length_of(self.inputs.len()));
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend((self.inputs.len() as u16).to_le_bytes());
        bytes.extend(self.identity.to_le_bytes());
        bytes.extend(self.examples.to_le_bytes());
        let inputs = self
            .inputs
            .iter()
            .flat_map(|input| [input.centre, input.spread, input.weight]);
        let joint = &self.joint;
        let others = [
            &[self.constant][..],
            &self.alone,
            &self.routed,
            &[joint.mean, joint.scale],
            &joint.measures,
        ];
        for number in inputs.chain(others.concat()) {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(joint.buckets.iter().map(|steps| *steps as u8));
        let checksum = Sha256::digest(&bytes);
        bytes.extend(checksum);
        bytes
    }

    /// Reads the file of a head over measures with this [`identity`](super::identity).
    ///
    /// # Errors
    /// The bytes are no head of this version, of other measures, or damaged.
    pub fn from_bytes(bytes: &[u8], identity: u64) -> Result<Self, InvalidHead> {
        let (magic, rest) = bytes.split_first_chunk().ok_or(InvalidHead::Magic)?;
        if magic != MAGIC {
            return Err(InvalidHead::Magic);
        }
        let short = || InvalidHead::Length(bytes.len(), OPENING_BYTES);
        let (version, rest) = rest.split_first_chunk().ok_or_else(short)?;
        let version = u16::from_le_bytes(*version);
        if version != VERSION {
            return Err(InvalidHead::Version(version));
        }
        let (measures, rest) = rest.split_first_chunk().ok_or_else(short)?;
        let promised = length_of(usize::from(u16::from_le_bytes(*measures)));
        if bytes.len() != promised {
            return Err(InvalidHead::Length(bytes.len(), promised));
        }
        let (body, checksum) = bytes.split_at(promised - CHECKSUM_BYTES);
        if Sha256::digest(body)[..] != *checksum {
            return Err(InvalidHead::Checksum);
        }
        let (found, rest) = rest.split_first_chunk().ok_or_else(short)?;
        if u64::from_le_bytes(*found) != identity {
            return Err(InvalidHead::Measures);
        }
        let (examples, rest) = rest.split_first_chunk().ok_or_else(short)?;
        let body = &rest[..rest.len() - CHECKSUM_BYTES];
        let (numbers, buckets) = body.split_at(body.len() - JOINT_BUCKETS);
        read(identity, u32::from_le_bytes(*examples), numbers, buckets)
    }
}

fn read(identity: u64, examples: u32, bytes: &[u8], buckets: &[u8]) -> Result<Head, InvalidHead> {
    let (words, _) = bytes.as_chunks::<4>();
    let numbers: Vec<f32> = words.iter().map(|word| f32::from_le_bytes(*word)).collect();
    if !numbers.iter().all(|number| number.is_finite()) {
        return Err(InvalidHead::NotANumber);
    }
    let measures = numbers.len().saturating_sub(OTHERS) / OF_A_MEASURE;
    let (triples, rest) = numbers.split_at(3 * measures);
    let input = |&[centre, spread, weight]: &[f32; 3]| Input {
        centre,
        spread,
        weight,
    };
    match rest {
        [constant, a, b, c, d, e, mean, scale, gains @ ..] => Ok(Head {
            identity,
            examples,
            inputs: triples.as_chunks().0.iter().map(input).collect(),
            constant: *constant,
            alone: [*a, *b],
            joint: Joint {
                mean: *mean,
                measures: gains.to_vec(),
                scale: *scale,
                buckets: buckets.iter().map(|byte| *byte as i8).collect(),
            },
            routed: [*c, *d, *e],
        }),
        _ => Err(InvalidHead::Length(bytes.len(), length_of(0))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::identity;

    fn head() -> Head {
        let input = Input {
            centre: 1.0,
            spread: 2.0,
            weight: -0.5,
        };
        Head {
            identity: identity(&["a", "b"]),
            examples: 7,
            inputs: vec![input, Input::default()],
            constant: 0.25,
            alone: [0.1, 0.9],
            joint: Joint {
                mean: 0.3,
                measures: vec![0.01, -0.02],
                scale: 0.001,
                buckets: (0..JOINT_BUCKETS).map(|index| index as i8).collect(),
            },
            routed: [0.2, 0.8, 0.5],
        }
    }

    #[test]
    fn a_file_gives_back_what_was_written() {
        let head = head();
        assert_eq!(Head::from_bytes(&head.to_bytes(), head.identity), Ok(head));
    }

    #[test]
    fn damage_of_any_kind_is_named() {
        let good = head().to_bytes();
        let after = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = good.clone();
            change(&mut bytes);
            Head::from_bytes(&bytes, head().identity).unwrap_err()
        };
        assert_eq!(after(&|bytes| bytes[0] = 0), InvalidHead::Magic);
        assert_eq!(after(&|bytes| bytes.clear()), InvalidHead::Magic);
        assert_eq!(after(&|bytes| bytes[4] = 9), InvalidHead::Version(9));
        assert_eq!(after(&|bytes| bytes[30] ^= 1), InvalidHead::Checksum);
        assert!(matches!(
            after(&|bytes| bytes[6] = 9),
            InvalidHead::Length(..)
        ));
        assert!(matches!(
            after(&|bytes| bytes.truncate(5)),
            InvalidHead::Length(..)
        ));
        let other = Head::from_bytes(&good, identity(&["b", "a"]));
        assert_eq!(other, Err(InvalidHead::Measures));
    }

    #[test]
    fn a_weight_that_is_no_number_is_refused() {
        let broken = Head {
            constant: f32::NAN,
            ..head()
        };
        let read = Head::from_bytes(&broken.to_bytes(), broken.identity);
        assert_eq!(read, Err(InvalidHead::NotANumber));
    }
}
