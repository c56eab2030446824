//! Who said the same. Pure.
//!
//! Two answers belong to one group when they agree, or when a third one agrees with both: so it
//! does not matter in which order they came.

use crate::route::consensus::meaning::Meaning;

/// What was said so far, by whom.
#[derive(Debug, Default)]
pub struct Said(Vec<(usize, Meaning)>);

impl Said {
    /// Takes in what a member says.
    pub fn add(&mut self, member: usize, meaning: Meaning) {
        self.0.push((member, meaning));
    }

    /// The members in groups, each sorted, the group of the first member first.
    #[must_use]
    pub fn groups(&self) -> Vec<Vec<usize>> {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for at in 0..self.0.len() {
            let (with, without): (Vec<_>, Vec<_>) = groups
                .into_iter()
                .partition(|group| group.iter().any(|other| self.agree(at, *other)));
            groups = without;
            let mut joined: Vec<usize> = with.into_iter().flatten().collect();
            joined.push(at);
            groups.push(joined);
        }
        let member = |at: usize| self.0.get(at).map(|(member, _)| *member);
        let sorted = groups.into_iter().map(|group| {
            let mut members: Vec<usize> = group.into_iter().filter_map(member).collect();
            members.sort_unstable();
            members
        });
        let mut sorted: Vec<Vec<usize>> = sorted.collect();
        sorted.sort_unstable();
        sorted
    }

    fn agree(&self, a: usize, b: usize) -> bool {
        let (Some((_, a)), Some((_, b))) = (self.0.get(a), self.0.get(b)) else {
            return false;
        };
        a.agrees_with(b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(said: impl IntoIterator<Item = (usize, Meaning)>) -> Vec<Vec<usize>> {
        Said(said.into_iter().collect()).groups()
    }

    #[test]
    fn equal_words_are_one_group_in_whatever_order_they_come() {
        let word = |member: usize, word: &str| (member, Meaning::Said(word.to_owned()));
        let expected = [vec![0, 2], vec![1]];
        assert_eq!(groups([word(0, "a"), word(1, "b"), word(2, "a")]), expected);
        assert_eq!(groups([word(2, "a"), word(1, "b"), word(0, "a")]), expected);
        assert!(groups([]).is_empty());
    }

    #[test]
    fn an_answer_between_two_others_joins_them_whenever_it_comes() {
        let at = |member: usize, degrees: f32| {
            let angle = degrees.to_radians();
            (member, Meaning::Direction(vec![angle.cos(), angle.sin()]))
        };
        let (low, middle, high) = (at(0, 0.0), at(1, 20.0), at(2, 40.0));
        assert_eq!(groups([low.clone(), high.clone()]).len(), 2);
        for order in [
            [low.clone(), middle.clone(), high.clone()],
            [low.clone(), high.clone(), middle.clone()],
            [middle, high, low],
        ] {
            assert_eq!(groups(order), [vec![0, 1, 2]]);
        }
    }
}
