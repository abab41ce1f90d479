//! Paints a chart, [`SCALE`] times as large as the picture. All measures here are in pixels of the picture.

use std::sync::OnceLock;

use plotters::backend::{BitMapBackend, DrawingBackend};
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Polygon, Rectangle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{
    Color, FontFamily, FontStyle, RGBAColor, RGBColor, ShapeStyle, TextStyle, register_font,
};

use super::axis::{self, ValueAxis};
use super::picture::SCALE;
use super::series::{self, DrawableSeries};
use super::{Chart, ChartError, HEIGHT, SERIES, Shape, WIDTH};
use crate::domain::text;

/// The card. Darker than Discord's dark theme, so that it stands out from both themes.
const CARD: RGBColor = RGBColor(0x1e, 0x1f, 0x22);
/// Lines of the axes.
const GRID: RGBColor = RGBColor(0x3f, 0x42, 0x48);
/// The line at zero.
const GROUND: RGBColor = RGBColor(0x6d, 0x70, 0x78);
/// What is written at the axes.
const QUIET: RGBColor = RGBColor(0xc4, 0xc9, 0xce);
/// The title and the legend.
const LOUD: RGBColor = RGBColor(0xf2, 0xf3, 0xf5);
/// The series' colours: those of Okabe and Ito that people with any colour vision tell apart, lightened for
/// the dark card.
const COLOURS: [RGBColor; SERIES] = [
    RGBColor(0x56, 0xb4, 0xe9),
    RGBColor(0xf0, 0xa8, 0x1e),
    RGBColor(0x2f, 0xc8, 0x99),
    RGBColor(0xe0, 0x8f, 0xc0),
];

const FONT: FontFamily<'static> = FontFamily::Name("DejaVu Sans");
/// The height of the axes' labels. They are large, as Discord shows a picture at half to two thirds of its
/// size.
const SMALL: u32 = 23;
const LARGE: u32 = 27;
const MARGIN: i32 = 18;
/// Where the plot begins and ends.
const TOP: i32 = 66;
const BOTTOM: i32 = HEIGHT as i32 - 48;
/// Where the times are written: clear of the lowest value's label, which is beside the end of the plot.
const BELOW: i32 = BOTTOM + 18;

type Area<'a> = DrawingArea<BitMapBackend<'a>, Shift>;
type Failed = DrawingAreaErrorKind<<BitMapBackend<'static> as DrawingBackend>::ErrorType>;

/// The pixels of a chart: red, green and blue, row by row.
pub(super) fn paint(chart: &Chart) -> Result<Vec<u8>, ChartError> {
    load_font()?;
    let size = (WIDTH * SCALE, HEIGHT * SCALE);
    let mut pixels = vec![0; (size.0 * size.1 * 3) as usize];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, size).into_drawing_area();
        card(&area, chart).map_err(|error| ChartError::Drawing(error.to_string()))?;
    }
    Ok(pixels)
}

/// Gives the plotting library the font that comes with the program.
fn load_font() -> Result<(), ChartError> {
    static LOADED: OnceLock<bool> = OnceLock::new();
    let loaded = LOADED
        .get_or_init(|| register_font(FONT.as_str(), FontStyle::Normal, dejavu::sans::regular()).is_ok());
    if *loaded { Ok(()) } else { Err(ChartError::Drawing("the font can't be read".to_owned())) }
}

fn card(area: &Area<'_>, chart: &Chart) -> Result<(), Failed> {
    let series = series::drawable(chart);
    let highest = series.iter().flat_map(|one| &one.runs).flatten().map(|point| point.1).fold(0.0, f64::max);
    let values = ValueAxis::new(chart.unit, highest);
    area.fill(&CARD)?;
    head(area, chart, &series)?;

    let labels: Vec<String> = values.ticks.iter().map(|tick| values.label(*tick)).collect();
    let widest = labels.iter().map(|label| width(area, label, SMALL)).max().unwrap_or(0);
    let left = MARGIN + widest + 12;
    let right = WIDTH as i32 - MARGIN;
    let seconds = series::seconds(chart.from, chart.to);
    let frame = PlotArea { left, right, seconds, top: values.top };

    for (tick, label) in values.ticks.iter().zip(&labels) {
        let y = frame.y(*tick);
        let colour = if *tick > 0.0 { GRID } else { GROUND };
        line(area, &[(left, y), (right, y)], colour.stroke_width(SCALE))?;
        write(area, label, (left - 12, y), SMALL, QUIET, Pos::new(HPos::Right, VPos::Center))?;
    }
    for (time, label) in axis::times(chart.from, chart.to) {
        let x = frame.x((time - chart.from).as_seconds_f64());
        line(area, &[(x, BOTTOM), (x, BOTTOM + 6)], GROUND.stroke_width(SCALE))?;
        // Labels at the edges stay within the picture, and clear of the corner's label.
        let half = width(area, &label, SMALL) / 2;
        let x = x.min(right + MARGIN - 4 - half);
        if x - half > MARGIN + width(area, "UTC", SMALL) + 8 {
            write(area, &label, (x, BELOW), SMALL, QUIET, Pos::new(HPos::Center, VPos::Top))?;
        }
    }
    write(area, "UTC", (MARGIN, BELOW), SMALL, QUIET, Pos::new(HPos::Left, VPos::Top))?;

    if series.iter().all(|one| one.runs.is_empty()) {
        let middle = ((left + right) / 2, (TOP + BOTTOM) / 2);
        let half = width(area, "No data yet", LARGE) / 2 + 12;
        rectangle(area, (middle.0 - half, middle.1 - 20), (middle.0 + half, middle.1 + 20), CARD.filled())?;
        return write(area, "No data yet", middle, LARGE, QUIET, Pos::new(HPos::Center, VPos::Center));
    }
    if chart.shape == Shape::Line {
        // All areas are below all lines, so that no area tints another series' line.
        for (one, colour) in series.iter().zip(COLOURS) {
            fill(area, &frame, one, colour.mix(if series.len() == 1 { 0.28 } else { 0.12 }))?;
        }
    }
    for (at, (one, colour)) in series.iter().zip(COLOURS).enumerate() {
        match chart.shape {
            Shape::Line => lines(area, &frame, one, colour)?,
            Shape::Bars | Shape::Amounts => bars(area, &frame, one, colour, (at, series.len()))?,
        }
    }
    Ok(())
}

/// Maps times and values to pixels.
struct PlotArea {
    left: i32,
    right: i32,
    seconds: f64,
    top: f64,
}

impl PlotArea {
    fn x(&self, seconds: f64) -> i32 {
        self.left + pixels(seconds / self.seconds, self.right - self.left)
    }

    fn y(&self, value: f64) -> i32 {
        BOTTOM - pixels(value / self.top, BOTTOM - TOP)
    }

    /// A point at the scale of painting, which is finer than the picture's pixels.
    fn fine(&self, (seconds, value): (f64, f64)) -> (i32, i32) {
        let scale = SCALE as i32;
        let x = self.left * scale + pixels(seconds / self.seconds, (self.right - self.left) * scale);
        (x, BOTTOM * scale - pixels(value / self.top, (BOTTOM - TOP) * scale))
    }
}

/// A part of a length, never outside it.
#[expect(clippy::cast_possible_truncation, reason = "the part is at most 1, so it fits")]
fn pixels(part: f64, length: i32) -> i32 {
    (part.clamp(0.0, 1.0) * f64::from(length)).round() as i32
}

/// The title, and the legend with each series' value.
fn head(area: &Area<'_>, chart: &Chart, series: &[DrawableSeries]) -> Result<(), Failed> {
    let right = WIDTH as i32 - MARGIN;
    let entry = |one: &DrawableSeries, valued: bool, most: usize| {
        let name = text::cut(&one.name, most).into_owned();
        match one.legend.filter(|_| valued) {
            Some(value) if series.len() == 1 => axis::value(chart.unit, value),
            Some(value) => format!("{name} {}", axis::value(chart.unit, value)),
            None if series.len() == 1 => String::new(),
            None => name,
        }
    };
    let entries =
        |valued, most| -> Vec<String> { series.iter().map(|one| entry(one, valued, most)).collect() };
    // Besides its text, a legend's entry needs room for its square and the space to its neighbours.
    let room =
        |entries: &[String]| -> i32 { entries.iter().map(|entry| width(area, entry, SMALL) + 46).sum() };
    let title = width(area, &chart.title, LARGE).min((right - MARGIN) / 3);
    let legend = [(true, 24), (true, 12), (false, 12), (false, 6)]
        .into_iter()
        .map(|(valued, most)| entries(valued, most))
        .find(|entries| room(entries) <= right - MARGIN - title)
        .unwrap_or_default();
    let mut x = right;
    for (entry, colour) in legend.iter().zip(COLOURS).collect::<Vec<_>>().into_iter().rev() {
        if entry.is_empty() {
            continue;
        }
        write(area, entry, (x, 32), SMALL, LOUD, Pos::new(HPos::Right, VPos::Center))?;
        x -= width(area, entry, SMALL) + 22;
        rectangle(area, (x, 25), (x + 14, 39), colour.filled())?;
        x -= 24;
    }
    let mut title = chart.title.clone();
    while width(area, &title, LARGE) > x - MARGIN && !title.is_empty() {
        title = text::cut(&title, text::units(&title) - 1).into_owned();
    }
    write(area, &title, (MARGIN, 32), LARGE, LOUD, Pos::new(HPos::Left, VPos::Center))
}

/// The areas below a line.
fn fill(area: &Area<'_>, frame: &PlotArea, one: &DrawableSeries, colour: RGBAColor) -> Result<(), Failed> {
    let ground = BOTTOM * SCALE as i32;
    for run in one.runs.iter().filter(|run| run.len() > 1) {
        let mut points: Vec<(i32, i32)> = run.iter().map(|point| frame.fine(*point)).collect();
        let ends = [points.last(), points.first()].map(|point| point.map(|point| (point.0, ground)));
        points.extend(ends.into_iter().flatten());
        area.draw(&Polygon::new(points, colour))?;
    }
    Ok(())
}

fn lines(area: &Area<'_>, frame: &PlotArea, one: &DrawableSeries, colour: RGBColor) -> Result<(), Failed> {
    for run in &one.runs {
        let mut points: Vec<(i32, i32)> = run.iter().map(|point| frame.fine(*point)).collect();
        points.dedup();
        if let [point] = points[..] {
            area.draw(&Circle::new(point, 5 * SCALE, colour.filled()))?;
        } else {
            area.draw(&PathElement::new(points, colour.stroke_width(3 * SCALE)))?;
        }
    }
    Ok(())
}

/// Bars as wide as the points are apart, several series side by side.
fn bars(
    area: &Area<'_>,
    frame: &PlotArea,
    one: &DrawableSeries,
    colour: RGBColor,
    (at, many): (usize, usize),
) -> Result<(), Failed> {
    let ground = BOTTOM * SCALE as i32;
    let step = one.step(frame.seconds);
    for point in one.runs.iter().flatten() {
        let share = step * 0.8 / many as f64;
        let from = point.0 - step * 0.4 + share * at as f64;
        let (left, top) = frame.fine((from, point.1));
        let (right, _) = frame.fine((from + share, point.1));
        area.draw(&Rectangle::new([(left, top), (right.max(left + 1), ground)], colour.filled()))?;
    }
    Ok(())
}

fn line(area: &Area<'_>, points: &[(i32, i32)], style: ShapeStyle) -> Result<(), Failed> {
    area.draw(&PathElement::new(points.iter().map(|point| scaled(*point)).collect::<Vec<_>>(), style))
}

fn rectangle(area: &Area<'_>, from: (i32, i32), to: (i32, i32), style: ShapeStyle) -> Result<(), Failed> {
    area.draw(&Rectangle::new([scaled(from), scaled(to)], style))
}

fn write(
    area: &Area<'_>,
    text: &str,
    at: (i32, i32),
    size: u32,
    colour: RGBColor,
    pos: Pos,
) -> Result<(), Failed> {
    // The library centres on the middle of the line, but the letters are lower.
    let lower = if matches!(pos.v_pos, VPos::Center) { 2 } else { 0 };
    let style = TextStyle::from((FONT, size * SCALE)).color(&colour).pos(pos);
    area.draw_text(text, &style, scaled((at.0, at.1 + lower)))
}

const fn scaled(point: (i32, i32)) -> (i32, i32) {
    (point.0 * SCALE as i32, point.1 * SCALE as i32)
}

/// How wide a text is.
fn width(area: &Area<'_>, text: &str, size: u32) -> i32 {
    let style = TextStyle::from((FONT, size * SCALE));
    let width = area.estimate_text_size(text, &style).map_or(0, |size| size.0 / SCALE);
    i32::try_from(width).unwrap_or(WIDTH as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How well two colours are told apart, from 1 to 21 (W3C, WCAG 2.2, "contrast ratio").
    fn contrast(a: RGBColor, b: RGBColor) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        let luminance =
            |RGBColor(r, g, b): RGBColor| 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn everything_stands_out_from_the_card() {
        // The guidelines ask for 4.5 for texts, 3 for graphics; these pictures are shown small.
        for text in [QUIET, LOUD] {
            assert!(contrast(text, CARD) > 7.0);
        }
        for line in COLOURS {
            assert!(contrast(line, CARD) > 5.0, "{line:?}");
        }
        assert!(contrast(GROUND, CARD) > 3.0);
    }
}
