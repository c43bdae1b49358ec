//! Line charts as SVG, drawn by hand: a few axes and scales, nothing that needs a script or the network.

use std::fmt::Write;

/// The size of a chart, and how much of it is left for what stands around the lines.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 44.0;
/// The colours there are; further lines begin again with the first.
const COLOURS: usize = 7;

/// A chart.
#[derive(Clone, Debug)]
pub(super) struct Chart {
    pub(super) title: &'static str,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) lines: Vec<Line>,
}

/// An axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    pub(super) label: &'static str,
    pub(super) scale: Scale,
}

/// How values lie on an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// Evenly, from 0.
    Linear,
    /// By their logarithm; only values above 0.
    Log,
    /// Shares from 0 to 1, each nine as wide as the one before.
    Nines,
}

/// A line with its name.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
}

/// An axis with the range of what lies on it.
#[derive(Clone, Copy, Debug)]
struct Range {
    scale: Scale,
    /// In the axis's own measure: the logarithm, or the number of nines.
    from: f64,
    to: f64,
}

impl Chart {
    /// The chart with its title and legend, as HTML.
    pub(super) fn html(&self) -> String {
        let lines: Vec<Line> = self.lines.iter().filter_map(|line| self.drawable(line)).collect();
        let mut html = format!("<figure><figcaption>{}</figcaption>\n", escaped(self.title));
        if lines.is_empty() {
            html.push_str("<p class=\"none\">nothing was told</p></figure>\n");
            return html;
        }
        html.push_str("<p class=\"legend\">");
        for (at, line) in lines.iter().enumerate() {
            write_into(
                &mut html,
                format_args!("<span class=\"c{}\">{}</span> ", at % COLOURS, escaped(&line.name)),
            );
        }
        html.push_str("</p>\n");
        self.draw(&lines, &mut html);
        html.push_str("</figure>\n");
        html
    }

    /// What of a line can be drawn on these scales.
    fn drawable(&self, line: &Line) -> Option<Line> {
        let points = line.points.iter().copied();
        let points = points.filter(|&(x, y)| self.x.scale.holds(x) && self.y.scale.holds(y)).collect();
        let line = Line { name: line.name.clone(), points };
        (!line.points.is_empty()).then_some(line)
    }

    fn draw(&self, lines: &[Line], svg: &mut String) {
        let all = || lines.iter().flat_map(|line| line.points.iter().copied());
        let x = Range::of(self.x.scale, all().map(|(x, _)| x));
        let y = Range::of(self.y.scale, all().map(|(_, y)| y));
        let at_x = |value| LEFT + x.part(value) * (WIDTH - LEFT - RIGHT);
        let at_y = |value| HEIGHT - BOTTOM - y.part(value) * (HEIGHT - TOP - BOTTOM);
        write_into(svg, format_args!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\n"));
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for tick in y.ticks() {
            let (height, label) = (at_y(tick), tick_label(y.scale, tick));
            write_into(svg, format_args!("<path class=\"grid\" d=\"M{LEFT} {height:.1}H{right}\"/>"));
            let (left, base) = (LEFT - 8.0, height + 4.0);
            write_into(svg, format_args!("<text class=\"y\" x=\"{left}\" y=\"{base:.1}\">{label}</text>\n"));
        }
        for tick in x.ticks() {
            let (place, label) = (at_x(tick), tick_label(x.scale, tick));
            write_into(svg, format_args!("<path class=\"grid\" d=\"M{place:.1} {TOP}V{bottom}\"/>"));
            let base = bottom + 16.0;
            write_into(svg, format_args!("<text class=\"x\" x=\"{place:.1}\" y=\"{base}\">{label}</text>\n"));
        }
        let (middle, base) = ((LEFT + right) / 2.0, HEIGHT - 8.0);
        let label = escaped(self.x.label);
        write_into(svg, format_args!("<text class=\"x label\" x=\"{middle}\" y=\"{base}\">{label}</text>\n"));
        let (middle, label) = ((TOP + bottom) / 2.0, escaped(self.y.label));
        let turned = format!("transform=\"rotate(-90 14 {middle})\"");
        write_into(
            svg,
            format_args!("<text class=\"x label\" x=\"14\" y=\"{middle}\" {turned}>{label}</text>\n"),
        );
        for (at, line) in lines.iter().enumerate() {
            let colour = at % COLOURS;
            let places: Vec<String> =
                line.points.iter().map(|&(x, y)| format!("{:.1},{:.1}", at_x(x), at_y(y))).collect();
            write_into(
                svg,
                format_args!("<polyline class=\"c{colour}\" points=\"{}\"/>\n", places.join(" ")),
            );
            for &(x, y) in &line.points {
                let (name, of_x, of_y) = (escaped(&line.name), self.x.scale.text(x), self.y.scale.text(y));
                let told = format!("{name}: {of_y} at {of_x}");
                let (x, y) = (at_x(x), at_y(y));
                let dot = format!("<circle class=\"c{colour}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2\">");
                write_into(svg, format_args!("{dot}<title>{told}</title></circle>"));
            }
            svg.push('\n');
        }
        svg.push_str("</svg>\n");
    }
}

impl Scale {
    /// True if the value has a place.
    fn holds(self, value: f64) -> bool {
        match self {
            Scale::Linear => value.is_finite() && value >= 0.0,
            Scale::Log => value.is_finite() && value > 0.0,
            Scale::Nines => (0.0..1.0).contains(&value),
        }
    }

    /// The value in the axis's own measure.
    fn measure(self, value: f64) -> f64 {
        match self {
            Scale::Linear => value,
            Scale::Log => value.log10(),
            Scale::Nines => -(1.0 - value).log10(),
        }
    }

    fn text(self, value: f64) -> String {
        match self {
            Scale::Nines => {
                let text = format!("{:.6}", value * 100.0);
                format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
            }
            Scale::Linear | Scale::Log => number(value),
        }
    }
}

impl Range {
    fn of(scale: Scale, values: impl Iterator<Item = f64>) -> Range {
        let (from, to) = values
            .map(|value| scale.measure(value))
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(from, to), value| (from.min(value), to.max(value)));
        match scale {
            Scale::Linear => Range { scale, from: 0.0, to: if to > 0.0 { to * 1.05 } else { 1.0 } },
            Scale::Log => Range { scale, from: from.floor(), to: to.ceil().max(from.floor() + 1.0) },
            Scale::Nines => Range { scale, from: 0.0, to: to.max(2.0) },
        }
    }

    /// Where a value lies between the two ends, from 0 to 1.
    fn part(&self, value: f64) -> f64 {
        (self.scale.measure(value) - self.from) / (self.to - self.from)
    }

    /// The values that are named on the axis.
    fn ticks(&self) -> Vec<f64> {
        match self.scale {
            Scale::Linear => {
                let step = round_step(self.to / 6.0);
                (0..).map(|at| f64::from(at) * step).take_while(|value| *value <= self.to).collect()
            }
            Scale::Log => {
                let decades = (0..).map(|at| self.from + f64::from(at));
                decades.take_while(|power| *power <= self.to).map(|power| 10f64.powf(power)).collect()
            }
            Scale::Nines => {
                let nines = (1..).map(f64::from).take_while(|nines| *nines <= self.to);
                [0.0, 0.5].into_iter().chain(nines.map(|nines| 1.0 - 10f64.powf(-nines))).collect()
            }
        }
    }
}

/// The next of 1, 2, 5, 10 and so on that is not below `step`.
fn round_step(step: f64) -> f64 {
    let decade = 10f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0]
        .into_iter()
        .map(|part| part * decade)
        .find(|round| *round >= step)
        .unwrap_or(10.0 * decade)
}

fn tick_label(scale: Scale, value: f64) -> String {
    scale.text(value)
}

/// A number as short as it can be told: 1.5k, 20M.
fn number(value: f64) -> String {
    let (value, unit) = match value {
        _ if value >= 1e9 => (value / 1e9, "G"),
        _ if value >= 1e6 => (value / 1e6, "M"),
        _ if value >= 1e3 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let text = if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") };
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{unit}")
}

/// Text that stands in HTML as it is.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn write_into(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("a text takes whatever is written");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(scale: Scale, lines: Vec<Line>) -> Chart {
        let (x, y) = (Axis { label: "s", scale: Scale::Linear }, Axis { label: "<µs>", scale });
        Chart { title: "a & b", x, y, lines }
    }

    fn line(points: &[(f64, f64)]) -> Line {
        Line { name: "p99".to_owned(), points: points.to_vec() }
    }

    #[test]
    fn a_line_goes_from_corner_to_corner_and_every_point_is_told() {
        let html = chart(Scale::Log, vec![line(&[(0.0, 1.0), (10.0, 1_000.0)])]).html();
        // 10 lies at 1/1.05 of an axis that goes a little further.
        assert!(html.contains("points=\"72.0,256.0 673.9,12.0\""), "{html}");
        assert!(html.contains("<title>p99: 1k at 10</title>"), "{html}");
        assert!(html.contains("a &amp; b") && html.contains("&lt;µs&gt;"), "{html}");
        for tick in ["1", "10", "100", "1k"] {
            assert!(html.contains(&format!(">{tick}</text>")), "{tick} {html}");
        }
    }

    #[test]
    fn what_has_no_place_is_left_out_and_nothing_is_said_to_be_nothing() {
        let empty = chart(Scale::Log, vec![line(&[(0.0, 0.0), (1.0, f64::NAN)])]).html();
        assert!(empty.contains("nothing was told") && !empty.contains("<svg"), "{empty}");
        let some = chart(Scale::Log, vec![line(&[(0.0, 0.0), (1.0, 5.0)])]).html();
        assert_eq!(some.matches("<circle").count(), 1);
    }

    #[test]
    fn ticks_are_round_and_nines_are_named() {
        let ticks = |scale, to| Range { scale, from: 0.0, to }.ticks();
        assert_eq!(ticks(Scale::Linear, 31.5), [0.0, 10.0, 20.0, 30.0]);
        let nines: Vec<String> =
            ticks(Scale::Nines, 4.2).iter().map(|tick| Scale::Nines.text(*tick)).collect();
        assert_eq!(nines, ["0 %", "50 %", "90 %", "99 %", "99.9 %", "99.99 %"]);
        let texts: Vec<String> = [0.0, 0.25, 12.0, 1_500.0, 123_456.0, 2e7].into_iter().map(number).collect();
        assert_eq!(texts, ["0", "0.25", "12", "1.5k", "123k", "20M"]);
    }
}
