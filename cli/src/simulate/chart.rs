//! Charts as inline SVG: lines, bars with a range, a histogram.
//!
//! Colours are classes that the page fills in for light and dark. Whatever is written into a chart
//! is escaped by the templates.

mod axis;

use maud::{Markup, html};

pub(super) use axis::Axis;
use axis::{BOTTOM, LEFT, RIGHT, TOP};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 300.0;
/// As many colours as the page has.
const COLOURS: usize = 8;

/// A line with its name.
pub(super) struct Series {
    pub(super) name: String,
    /// Which colour; the same thing has the same one in every chart.
    pub(super) colour: usize,
    pub(super) points: Vec<(f64, f64)>,
}

/// Lines over a common axis, and their names below.
pub(super) fn lines(x: &Axis, y: &Axis, series: &[Series]) -> Markup {
    let drawn = |series: &Series| {
        let place = |(at, value): &(f64, f64)| {
            let (across, down) = (x.across(*at), y.down(*value));
            format!("{across:.1},{down:.1}")
        };
        series
            .points
            .iter()
            .map(place)
            .collect::<Vec<_>>()
            .join(" ")
    };
    html! {
        svg viewBox=(view()) role="img" {
            (x.below()) (y.beside())
            @for line in series {
                polyline class=(format!("line s{}", line.colour % COLOURS)) points=(drawn(line)) {
                    title { (line.name) }
                }
            }
        }
        (legend(series))
    }
}

/// One bar of a chart of bars.
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) value: f64,
    /// From where to where 95 of 100 lie.
    pub(super) range: Option<(f64, f64)>,
    /// The value in words.
    pub(super) told: String,
}

/// Bars from left to right, each with its name above it.
pub(super) fn bars(bars: &[Bar]) -> Markup {
    const ROW: f64 = 44.0;
    let top = |bar: &Bar| bar.range.map_or(bar.value, |(_, high)| high.max(bar.value));
    let most = bars.iter().map(top).fold(f64::MIN_POSITIVE, f64::max);
    let across = |value: f64| value.max(0.0) / most * (WIDTH - 150.0);
    let height = ROW * bars.len() as f64;
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" {
            @for (index, bar) in bars.iter().enumerate() {
                @let y = ROW * index as f64;
                @let long = across(bar.value);
                text x="0" y=(y + 14.0) { (bar.name) }
                rect class=(format!("fill s{}", index % COLOURS)) x="0" y=(y + 20.0) width=(format!("{long:.1}")) height="14" rx="2" {}
                @if let Some((low, high)) = bar.range {
                    line class="range" x1=(format!("{:.1}", across(low))) x2=(format!("{:.1}", across(high))) y1=(y + 27.0) y2=(y + 27.0) {}
                }
                text class="value" x=(format!("{:.1}", long.max(across(top(bar))) + 8.0)) y=(y + 32.0) { (bar.told) }
            }
        }
    }
}

/// How often each of many values comes, with a line at one of them.
pub(super) fn histogram(x: &Axis, values: &[f64], mark: f64) -> Markup {
    const BINS: usize = 24;
    let (least, most) = x.ends();
    let wide = (most - least) / BINS as f64;
    let mut counts = [0_u32; BINS];
    for value in values {
        let bin = ((value - least) / wide).clamp(0.0, BINS as f64 - 1.0);
        if let Some(count) = counts.get_mut(bin as usize) {
            *count += 1;
        }
    }
    let highest = f64::from(counts.iter().copied().max().unwrap_or(1).max(1));
    let tall = |count: u32| f64::from(count) / highest * (HEIGHT - TOP - BOTTOM);
    let width = (WIDTH - LEFT - RIGHT) / BINS as f64 - 1.0;
    html! {
        svg viewBox=(view()) role="img" {
            (x.below())
            @for (bin, count) in counts.iter().enumerate() {
                @let tall = tall(*count);
                rect class="fill s0" x=(format!("{:.1}", x.across(wide.mul_add(bin as f64, least)))) width=(format!("{width:.1}"))
                    y=(format!("{:.1}", HEIGHT - BOTTOM - tall)) height=(format!("{tall:.1}")) {
                    title { (count) " of " (values.len()) }
                }
            }
            line class="mark" x1=(format!("{:.1}", x.across(mark))) x2=(format!("{:.1}", x.across(mark))) y1=(TOP) y2=(HEIGHT - BOTTOM) {}
        }
    }
}

fn view() -> String {
    format!("0 0 {WIDTH} {HEIGHT}")
}

fn legend(series: &[Series]) -> Markup {
    html! {
        p class="legend" {
            @for line in series {
                span { i class=(format!("s{}", line.colour % COLOURS)) {} (line.name) }
            }
        }
    }
}
