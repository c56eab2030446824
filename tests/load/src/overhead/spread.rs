//! The figures of several rounds as one: the median, and how far they lie apart.

/// Median, least and greatest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    /// `None` of nothing.
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let middle = figures.len() / 2;
        let upper = *figures.get(middle)?;
        let lower = match figures.len() % 2 {
            0 => figures.get(middle - 1).copied().unwrap_or(upper),
            _ => upper,
        };
        Some(Self {
            median: f64::midpoint(lower, upper),
            least: *figures.first()?,
            most: *figures.last()?,
        })
    }

    /// With so many decimals; the bounds where there is more than one figure.
    pub(crate) fn told(&self, decimals: usize) -> String {
        let Self {
            median,
            least,
            most,
        } = self;
        if least.to_bits() == most.to_bits() {
            return format!("{median:.decimals$}");
        }
        format!("{median:.decimals$} ({least:.decimals$}..{most:.decimals$})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        let of = |figures: &[f64]| Spread::of(figures.iter().copied());
        assert_eq!(of(&[4.0, 1.0, 2.0, 3.0]).unwrap().median, 2.5);
        assert_eq!(of(&[9.0, 1.0, 2.0]).unwrap().told(1), "2.0 (1.0..9.0)");
        assert_eq!(of(&[2.0]).unwrap().told(0), "2");
        assert_eq!(of(&[]), None);
    }
}
