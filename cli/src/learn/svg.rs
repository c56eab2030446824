//! The cost-quality curves of an evaluation as a picture.

use std::fmt::Write as _;

use super::report::Report;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 460.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 40.0;
const SIDE: f64 = 360.0;
/// Colours that can be told apart without seeing red and green.
const COLOURS: [&str; 8] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999",
];

/// Draws one report. Points beyond the axes are cut: an oracle gains more than the strong model.
pub(super) fn draw(report: &Report) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    axes(&mut svg, &report.compared);
    for (index, line) in report.lines.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let mut points = String::new();
        for (share, part) in line.figures.curve.iter().enumerate() {
            let (x, y) = place(share as f64 / 100.0, *part);
            let _infallible = write!(points, "{x:.1},{y:.1} ");
        }
        let points = points.trim_end();
        let (x, y) = (LEFT + SIDE + 14.0, TOP + 14.0 + 20.0 * index as f64);
        let _infallible = writeln!(
            svg,
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.6\"/>\n\
             <text x=\"{x}\" y=\"{y}\" fill=\"{colour}\">{} {:.3}</text>",
            escaped(&line.name),
            line.figures.apgr.value
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn axes(svg: &mut String, compared: &str) {
    let (bottom, right) = (TOP + SIDE, LEFT + SIDE);
    let _infallible = writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"20\">{}</text>\n\
         <path d=\"M{LEFT} {TOP} V{bottom} H{right}\" fill=\"none\" stroke=\"black\"/>\n\
         <text x=\"{LEFT}\" y=\"{}\">0</text><text x=\"{}\" y=\"{}\">100 % of calls to the stronger model</text>\n\
         <text x=\"20\" y=\"{TOP}\">100 %</text><text x=\"20\" y=\"{}\">of its gain</text>",
        escaped(compared),
        bottom + 16.0,
        LEFT + 130.0,
        bottom + 16.0,
        TOP + 14.0
    );
}

fn place(share: f64, part: f64) -> (f64, f64) {
    (
        LEFT + share * SIDE,
        TOP + (1.0 - part.clamp(0.0, 1.0)) * SIDE,
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
