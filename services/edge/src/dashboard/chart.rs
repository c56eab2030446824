//! Charts as inline SVG, drawn here: lines over time, and a whole cut into its parts.
//!
//! A picture is stretched to its place, so what is written stands beside it as text: it keeps its
//! size on a small screen. Every chart has its numbers as a table below it, and a title for those who
//! cannot see it. Colours are classes that the style sheet fills in.

use maud::{Markup, html};

const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 240.0;
/// Spaces between the lines across.
const STEPS: u32 = 4;
/// Labels below.
const LABELS: usize = 5;

/// Lines over time.
pub(super) struct Chart<'a> {
    pub(super) title: &'a str,
    /// What it shows, in a sentence.
    pub(super) about: &'a str,
    /// A value in words.
    pub(super) told: fn(f64) -> String,
    /// The highest value that the scale has, where that is fixed.
    pub(super) most: Option<f64>,
    /// The times, shortly.
    pub(super) times: &'a [String],
    pub(super) series: Vec<Series<'a>>,
}

/// One line.
pub(super) struct Series<'a> {
    pub(super) name: &'a str,
    /// The class that colours it.
    pub(super) class: &'a str,
    pub(super) is_filled: bool,
    /// As many as there are times; none where there is nothing to tell.
    pub(super) values: Vec<Option<f64>>,
}

impl Chart<'_> {
    /// The chart, its names, its labels and its numbers.
    pub(super) fn draw(&self) -> Markup {
        let top = self.top();
        html! {
            figure class="chart" {
                figcaption {
                    h2 { (self.title) }
                    ul class="legend" { @for series in &self.series { li class=(series.class) { (series.name) } } }
                }
                @if self.is_empty() {
                    p class="empty" { "Nothing to show for this time." }
                } @else {
                    div class="plot" {
                        ol class="scale" aria-hidden="true" {
                            @for step in (0..=STEPS).rev() { li { ((self.told)(top * f64::from(step) / f64::from(STEPS))) } }
                        }
                        (self.picture(top))
                        ol class="times" aria-hidden="true" { @for label in labels(self.times) { li { (label) } } }
                    }
                    (self.numbers())
                }
            }
        }
    }

    fn is_empty(&self) -> bool {
        let mut values = self.series.iter().flat_map(|series| &series.values);
        values.all(Option::is_none)
    }

    fn picture(&self, top: f64) -> Markup {
        html! {
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) preserveAspectRatio="none" role="img" aria-label=(format!("{}: {}", self.title, self.about)) {
                @for step in 0..=STEPS {
                    @let y = HEIGHT * f64::from(step) / f64::from(STEPS);
                    line class="grid" x1="0" x2=(WIDTH) y1=(y) y2=(y) {}
                }
                @for series in &self.series { @for run in runs(&series.values) {
                    @if series.is_filled { path class={ "fill " (series.class) } d=(self.area(&run, top)) {} }
                    path class={ "line " (series.class) } d=(self.path(&run, top)) {}
                } }
                @for (index, time) in self.times.iter().enumerate() {
                    @let (left, right) = self.column(index);
                    rect class="column" x=(number(left)) width=(number(right - left)) y="0" height=(HEIGHT) { title { (self.said(index, time)) } }
                }
            }
        }
    }

    /// What is at one time, in words.
    fn said(&self, index: usize, time: &str) -> String {
        let value = |series: &Series<'_>| {
            let value = series.values.get(index).copied().flatten();
            value.map(|value| format!("{} {}", series.name, (self.told)(value)))
        };
        let values: Vec<String> = self.series.iter().filter_map(value).collect();
        match values.is_empty() {
            true => format!("{time}: nothing"),
            false => format!("{time}: {}", values.join(", ")),
        }
    }

    fn numbers(&self) -> Markup {
        html! {
            details {
                summary { "Numbers" }
                div class="wide" tabindex="0" role="group" aria-label=(format!("{}, numbers", self.title)) { table {
                    thead { tr { th scope="col" { "time" } @for series in &self.series { th scope="col" class="right" { (series.name) } } } }
                    tbody { @for (index, time) in self.times.iter().enumerate() { tr {
                        th scope="row" { (time) }
                        @for series in &self.series { td class="right" {
                            @match series.values.get(index).copied().flatten() { Some(value) => ((self.told)(value)), None => "–" }
                        } }
                    } } }
                } }
            }
        }
    }

    /// The top of the scale: a round number that nothing is above.
    fn top(&self) -> f64 {
        if let Some(most) = self.most {
            return most;
        }
        let values = self.series.iter().flat_map(|series| &series.values);
        let most = values.flatten().copied().fold(0.0, f64::max);
        if most <= 0.0 {
            return 1.0;
        }
        let rough = most / f64::from(STEPS);
        let power = 10_f64.powf(rough.log10().floor());
        let steps = [1.0, 2.0, 2.5, 5.0, 10.0].map(|factor| factor * power);
        let step = steps.into_iter().find(|step| *step >= rough * 0.999);
        step.unwrap_or(rough) * f64::from(STEPS)
    }

    fn across(&self, index: usize) -> f64 {
        match self.times.len() {
            0 | 1 => WIDTH / 2.0,
            count => WIDTH * index as f64 / (count - 1) as f64,
        }
    }

    /// From where to where a pointer is at this time.
    fn column(&self, index: usize) -> (f64, f64) {
        let half = match self.times.len() {
            0 | 1 => WIDTH / 2.0,
            count => WIDTH / (count - 1) as f64 / 2.0,
        };
        let at = self.across(index);
        ((at - half).max(0.0), (at + half).min(WIDTH))
    }

    fn path(&self, run: &[(usize, f64)], top: f64) -> String {
        let place = |(index, value): &(usize, f64)| {
            let y = HEIGHT * (1.0 - (value / top).clamp(0.0, 1.0));
            format!("{} {}", number(self.across(*index)), number(y))
        };
        match run {
            // One value alone is a short dash.
            [(index, _)] => {
                let at = place(&(*index, run.first().map_or(0.0, |(_, value)| *value)));
                format!("M{at}h4")
            }
            _ => format!("M{}", run.iter().map(place).collect::<Vec<_>>().join("L")),
        }
    }

    fn area(&self, run: &[(usize, f64)], top: f64) -> String {
        let end =
            |at: Option<&(usize, f64)>| number(at.map_or(0.0, |(index, _)| self.across(*index)));
        let (first, last) = (end(run.first()), end(run.last()));
        format!("{}L{last} {HEIGHT}L{first} {HEIGHT}Z", self.path(run, top))
    }
}

fn number(value: f64) -> String {
    format!("{value:.1}")
}

/// Values that follow each other without a gap, each with its place.
fn runs(values: &[Option<f64>]) -> Vec<Vec<(usize, f64)>> {
    let mut runs: Vec<Vec<(usize, f64)>> = vec![Vec::new()];
    for (index, value) in values.iter().enumerate() {
        match (value, runs.last_mut()) {
            (Some(value), Some(run)) => run.push((index, *value)),
            (None, Some(run)) if !run.is_empty() => runs.push(Vec::new()),
            _ => {}
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// Some of the times, evenly.
fn labels(times: &[String]) -> Vec<&String> {
    let count = LABELS.min(times.len());
    let place = |label: usize| match count {
        0 | 1 => 0,
        count => (label * (times.len() - 1)).div_euclid(count - 1),
    };
    (0..count)
        .filter_map(|label| times.get(place(label)))
        .collect()
}

/// A part of a whole.
pub(super) struct Piece {
    pub(super) name: String,
    pub(super) size: f64,
    /// The size in words.
    pub(super) told: String,
}

/// A bar cut into the parts of a whole, and what they are.
pub(super) fn parts(title: &str, pieces: &[Piece]) -> Markup {
    let whole: f64 = pieces.iter().map(|piece| piece.size).sum();
    let mut at = 0.0;
    let placed: Vec<(f64, f64, &Piece)> = pieces
        .iter()
        .map(|piece| {
            let (from, wide) = (at, WIDTH * piece.size / whole.max(f64::MIN_POSITIVE));
            at += wide;
            (from, wide, piece)
        })
        .collect();
    html! {
        @if whole > 0.0 {
            svg class="parts" viewBox=(format!("0 0 {WIDTH} 10")) preserveAspectRatio="none" role="img" aria-label=(spoken(title, pieces, whole)) {
                @for (index, (from, wide, piece)) in placed.iter().enumerate() {
                    rect class={ "fill s" (index % COLOURS) } x=(number(*from)) width=(number((wide - 3.0).max(1.0))) y="0" height="10" {
                        title { (piece.name) " " (piece.told) }
                    }
                }
            }
            ul class="legend" { @for (index, piece) in pieces.iter().enumerate() {
                li class={ "s" (index % COLOURS) } { (piece.name) " " b { (super::format::percent(piece.size / whole)) } }
            } }
        }
    }
}

/// As many colours as the style sheet has.
const COLOURS: usize = 6;

fn spoken(title: &str, pieces: &[Piece], whole: f64) -> String {
    let told = |piece: &Piece| {
        let share = super::format::percent(piece.size / whole);
        format!("{} {share}", piece.name)
    };
    let told: Vec<String> = pieces.iter().map(told).collect();
    format!("{title}: {}", told.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart<'a>(times: &'a [String], values: Vec<Option<f64>>) -> Chart<'a> {
        Chart {
            title: "Cost",
            about: "what was spent",
            told: |value| format!("{value}"),
            most: None,
            times,
            series: vec![Series {
                name: "cost",
                class: "s0",
                is_filled: true,
                values,
            }],
        }
    }

    fn times(count: usize) -> Vec<String> {
        (0..count).map(|index| index.to_string()).collect()
    }

    #[test]
    fn a_gap_in_the_values_is_a_gap_in_the_line() {
        let values = [Some(1.0), Some(2.0), None, Some(3.0)];
        let times = times(4);
        let drawn = chart(&times, values.to_vec()).draw().into_string();
        assert_eq!(drawn.matches("class=\"line s0\"").count(), 2);
        assert!(drawn.contains("<td class=\"right\">–</td>"), "{drawn}");
    }

    #[test]
    fn the_scale_ends_at_a_round_number_above_all() {
        for (most, top) in [
            (0.9, 1.0),
            (3.0, 4.0),
            (17.0, 20.0),
            (0.0, 1.0),
            (41.0, 80.0),
        ] {
            let times = times(1);
            assert!(
                (chart(&times, vec![Some(most)]).top() - top).abs() < 1e-9,
                "{most}"
            );
        }
    }

    #[test]
    fn nothing_and_one_thing_can_be_drawn() {
        for count in [0, 1, 2] {
            let times = times(count);
            let drawn = chart(&times, vec![Some(1.0); count]).draw().into_string();
            assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
        }
        let nothing = chart(&times(3), vec![None; 3]).draw().into_string();
        assert!(nothing.contains("Nothing to show"));
    }

    #[test]
    fn names_are_escaped_in_pictures_too() {
        let piece = Piece {
            name: "<script>".to_owned(),
            size: 1.0,
            told: "\"x".to_owned(),
        };
        let drawn = parts("tiers", &[piece]).into_string();
        assert!(!drawn.contains("<script"), "{drawn}");
    }
}
