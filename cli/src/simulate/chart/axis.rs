//! Axes: where a value stands, and the round numbers that are written beside it.

use maud::{Markup, html};

use super::{HEIGHT, WIDTH};

pub(super) const LEFT: f64 = 76.0;
pub(super) const RIGHT: f64 = 40.0;
pub(super) const TOP: f64 = 12.0;
pub(super) const BOTTOM: f64 = 44.0;

/// One axis of a chart.
pub(in crate::simulate) struct Axis {
    name: String,
    least: f64,
    most: f64,
    is_log: bool,
    /// A value in words.
    told: fn(f64) -> String,
}

impl Axis {
    /// A straight axis over these values.
    pub(in crate::simulate) fn straight(
        name: &str,
        values: impl IntoIterator<Item = f64>,
        told: fn(f64) -> String,
    ) -> Self {
        let (least, most) = ends(values.into_iter());
        Self {
            name: name.to_owned(),
            least,
            most: if most > least { most } else { least + 1.0 },
            is_log: false,
            told,
        }
    }

    /// An axis on which each power of ten has the same length; what is not above zero stands at
    /// its beginning.
    pub(in crate::simulate) fn powers(
        name: &str,
        values: impl IntoIterator<Item = f64>,
        told: fn(f64) -> String,
    ) -> Self {
        let above = values.into_iter().filter(|value| *value > 0.0);
        let (least, most) = ends(above.map(f64::log10));
        let (least, most) = (least.floor(), most.ceil());
        Self {
            name: name.to_owned(),
            least,
            most: if most > least { most } else { least + 1.0 },
            is_log: true,
            told,
        }
    }

    /// The least and the greatest value.
    pub(super) const fn ends(&self) -> (f64, f64) {
        (self.least, self.most)
    }

    /// How far right a value stands.
    pub(super) fn across(&self, value: f64) -> f64 {
        (WIDTH - LEFT - RIGHT).mul_add(self.part(value), LEFT)
    }

    /// How far down a value stands.
    pub(super) fn down(&self, value: f64) -> f64 {
        (HEIGHT - TOP - BOTTOM).mul_add(1.0 - self.part(value), TOP)
    }

    fn part(&self, value: f64) -> f64 {
        let value = match self.is_log {
            true if value > 0.0 => value.log10(),
            true => self.least,
            false => value,
        };
        ((value - self.least) / (self.most - self.least)).clamp(0.0, 1.0)
    }

    /// The values with a number beside them.
    fn ticks(&self) -> Vec<f64> {
        if self.is_log {
            let count = (self.most - self.least).round() as u32;
            let power = |step| 10_f64.powf(self.least + f64::from(step));
            return (0..=count).map(power).collect();
        }
        let rough = (self.most - self.least) / 5.0;
        let power = 10_f64.powf(rough.log10().floor());
        let factors = [1.0, 2.0, 5.0, 10.0];
        let step = factors.into_iter().map(|factor| factor * power);
        let step = step
            .into_iter()
            .find(|step| *step >= rough)
            .unwrap_or(rough);
        let first = (self.least / step).ceil();
        let tick = |index: u32| (first + f64::from(index)) * step;
        (0..12)
            .map(tick)
            .take_while(|tick| *tick <= self.most * (1.0 + 1e-9))
            .collect()
    }

    /// The axis below a chart.
    pub(super) fn below(&self) -> Markup {
        let bottom = HEIGHT - BOTTOM;
        html! {
            @for tick in self.ticks() {
                @let x = format!("{:.1}", self.across(tick));
                line class="grid" x1=(x) x2=(x) y1=(TOP) y2=(bottom) {}
                text class="tick" x=(x) y=(bottom + 16.0) text-anchor="middle" { ((self.told)(tick)) }
            }
            text class="axis" x=(f64::midpoint(LEFT, WIDTH - RIGHT)) y=(HEIGHT - 6.0) text-anchor="middle" { (self.name) }
        }
    }

    /// The axis beside a chart.
    pub(super) fn beside(&self) -> Markup {
        html! {
            @for tick in self.ticks() {
                @let y = self.down(tick);
                line class="grid" x1=(LEFT) x2=(WIDTH - RIGHT) y1=(format!("{y:.1}")) y2=(format!("{y:.1}")) {}
                text class="tick" x=(LEFT - 8.0) y=(format!("{:.1}", y + 4.0)) text-anchor="end" { ((self.told)(tick)) }
            }
        }
    }
}

fn ends(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let ends = values.fold(None, |ends: Option<(f64, f64)>, value| {
        let (least, most) = ends.unwrap_or((value, value));
        Some((least.min(value), most.max(value)))
    });
    ends.unwrap_or((0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_beside_an_axis_are_round() {
        let axis = Axis::straight("x", [0.0, 137.0], |value| value.to_string());
        assert_eq!(axis.ticks(), [0.0, 50.0, 100.0]);
        let axis = Axis::powers("x", [3.0, 700.0, 0.0], |value| value.to_string());
        assert_eq!(axis.ticks(), [1.0, 10.0, 100.0, 1000.0]);
        let axis = Axis::straight("x", [5.0, 5.0], |value| value.to_string());
        assert!(!axis.ticks().is_empty());
    }

    #[test]
    fn what_lies_outside_stands_at_the_edge() {
        let axis = Axis::powers("x", [1.0, 100.0], |value| value.to_string());
        assert_eq!(axis.across(0.0), LEFT);
        assert_eq!(axis.across(1e9), WIDTH - RIGHT);
        assert_eq!(axis.across(10.0), f64::midpoint(LEFT, WIDTH - RIGHT));
    }
}
