//! A row of numbers as a row of bars.

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A bar for each number, as high as its part of the highest; a blank for nothing.
pub(crate) fn spark(numbers: &[i64]) -> String {
    let highest = numbers.iter().copied().max().unwrap_or(0).max(1);
    let bar = |number: &i64| {
        if *number <= 0 {
            return ' ';
        }
        // The highest is the last bar, and whatever is more than nothing is at least the first.
        let height = (i128::from(*number) * 8 - 1) / i128::from(highest);
        let height = usize::try_from(height).unwrap_or(0);
        BARS.get(height).copied().unwrap_or('█')
    };
    numbers.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::spark;

    #[test]
    fn bars_are_as_high_as_their_part_of_the_highest() {
        assert_eq!(spark(&[0, 1, 25, 50, 100, -5]), " ▁▂▄█ ");
        assert_eq!(spark(&[i64::MAX, 1]), "█▁");
        assert_eq!(spark(&[]), "");
    }
}
