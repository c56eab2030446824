//! The figures as a picture: a panel for each thing that grows, its size by powers of ten.

use std::fmt::Write as _;

use super::axis::Axis;
use super::{Point, Report};

const PANEL: (f64, f64) = (260.0, 170.0);
const GAP: f64 = 70.0;
const TOP: f64 = 50.0;
const COLUMNS: usize = 3;
/// Terrace and PostgreSQL; colours that can be told apart without seeing red and green.
const LINES: [(&str, &str); 2] = [("Terrace", "#0072b2"), ("PostgreSQL", "#d55e00")];

/// Draws all panels.
pub(super) fn draw(report: &Report) -> String {
    let axes: Vec<Axis> = Axis::chosen(&[])
        .into_iter()
        .filter(|axis| report.points.iter().any(|point| point.axis == *axis))
        .collect();
    let rows = axes.len().div_ceil(COLUMNS);
    let width = COLUMNS as f64 * (PANEL.0 + GAP) + GAP / 2.0;
    let height = TOP + rows as f64 * (PANEL.1 + GAP);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for (index, (name, colour)) in LINES.iter().enumerate() {
        let x = GAP + 220.0 * index as f64;
        let _infallible = writeln!(
            svg,
            "<text x=\"{x}\" y=\"20\" fill=\"{colour}\">{name}, CPU us a request</text>"
        );
    }
    for (index, axis) in axes.iter().enumerate() {
        let x = GAP + (index % COLUMNS) as f64 * (PANEL.0 + GAP);
        let y = TOP + (index / COLUMNS) as f64 * (PANEL.1 + GAP);
        let points = report.points.iter().filter(|point| point.axis == *axis);
        panel(&mut svg, *axis, &points.collect::<Vec<_>>(), (x, y));
    }
    svg.push_str("</svg>\n");
    svg
}

fn panel(svg: &mut String, axis: Axis, points: &[&Point], (left, top): (f64, f64)) {
    let (width, height) = PANEL;
    let bottom = top + height;
    let figures = points.iter();
    let most = figures.fold(1.0_f64, |most, point| {
        most.max(point.terrace_us).max(point.postgres_us)
    });
    let least = points.first().map_or(0.0, |point| place(point.size));
    let span = points.last().map_or(1.0, |point| place(point.size) - least);
    let x = |point: &Point| left + (place(point.size) - least) / span.max(0.1) * width;
    let y = |figure: f64| bottom - figure / most * height;
    let _infallible = writeln!(
        svg,
        "<path d=\"M{left} {top} V{bottom} H{}\" fill=\"none\" stroke=\"black\"/>\n\
         <text x=\"{}\" y=\"{}\">{most:.0}</text>\n<text x=\"{}\" y=\"{bottom}\">0</text>\n\
         <text x=\"{left}\" y=\"{}\">{}</text>",
        left + width,
        left - 46.0,
        top + 10.0,
        left - 14.0,
        bottom + 32.0,
        axis.unit()
    );
    let of: [fn(&Point) -> f64; 2] = [|point| point.terrace_us, |point| point.postgres_us];
    for ((_, colour), figure) in LINES.iter().zip(of) {
        let mut line = String::new();
        for point in points {
            let (x, y) = (x(point), y(figure(point)));
            let _infallible = write!(line, "{x:.1},{y:.1} ");
            let _infallible = writeln!(
                svg,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\" fill=\"{colour}\"/>"
            );
        }
        let line = line.trim_end();
        let _infallible = writeln!(
            svg,
            "<polyline points=\"{line}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.6\"/>"
        );
    }
    for point in points {
        let (x, y) = (x(point), bottom + 16.0);
        let size = short(point.size);
        let _infallible = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{size}</text>"
        );
    }
}

/// Where a size stands: by its power of ten, with nothing at the place of one.
fn place(size: u64) -> f64 {
    (size.max(1) as f64).log10()
}

fn short(size: u64) -> String {
    match size {
        1_000_000.. if size.is_multiple_of(1_000_000) => format!("{}M", size / 1_000_000),
        1000.. if size.is_multiple_of(1000) => format!("{}k", size / 1000),
        _ => size.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantiles::Quantiles;

    fn point(axis: Axis, size: u64, us: f64) -> Point {
        Point {
            axis,
            size,
            terrace_us: us,
            postgres_us: us / 4.0,
            latency: Quantiles::of(vec![]),
            good: 1.0,
            bad: 0,
            error: None,
        }
    }

    #[test]
    fn each_thing_that_grew_has_a_panel_with_its_sizes() {
        let report = Report {
            began: String::new(),
            machine: String::new(),
            load_average: 0.0,
            seconds: 1,
            points: vec![
                point(Axis::Prompt, 100, 200.0),
                point(Axis::Prompt, 1_000_000, 900.0),
                point(Axis::Rows, 0, 200.0),
            ],
        };
        let svg = draw(&report);
        assert_eq!(svg.matches("<path").count(), 2);
        assert_eq!(svg.matches("<polyline").count(), 4);
        assert!(
            svg.contains(">1M<") && svg.contains(">bytes of prompt<"),
            "{svg}"
        );
    }
}
