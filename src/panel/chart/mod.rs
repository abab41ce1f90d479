//! Charts as PNG pictures: a pure function of what they show.
//!
//! A chart is an opaque dark card, so that the same picture is readable on Discord's dark and light themes.
//! It is drawn at twice its size and scaled down, which smooths the lines. Its font comes with the program,
//! so nothing is needed from the system. The numbers are cleaned first (`series.rs`), so any numbers make a
//! picture.

mod axis;
mod paint;
mod picture;
mod series;
#[cfg(test)]
mod tests;

use chrono::{DateTime, TimeDelta, Utc};

pub use self::axis::value;

/// The picture's width in pixels. Discord shows it about 520 wide on a desktop and 400 on a phone.
pub const WIDTH: u32 = 800;
/// The picture's height in pixels.
pub const HEIGHT: u32 = 320;
/// How many series a chart shows at most, one for each colour. More are left out.
pub const SERIES: usize = 4;

/// What the numbers of a chart are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// From 0 to 100; the axis always shows all of it.
    Percent,
    /// Bytes.
    Bytes,
    /// Bytes a second.
    BytesPerSecond,
    /// Milliseconds; long ones are shown in seconds.
    Milliseconds,
    /// A number of things, with their name in the plural: "players".
    Count(&'static str),
}

/// How the numbers are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A line, with the area below it filled.
    Line,
    /// Bars: for numbers of things.
    Bars,
    /// Bars of how many things happened in each span of time. The legend has their sum.
    Amounts,
}

/// Numbers over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// The numbers, in any order. Negative ones and those that aren't finite are left out.
    pub points: Vec<(DateTime<Utc>, f64)>,
}

/// What to draw.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// The title above the chart.
    pub title: String,
    /// What the numbers are.
    pub unit: Unit,
    /// How they are drawn.
    pub shape: Shape,
    /// The time at the left edge.
    pub from: DateTime<Utc>,
    /// The time at the right edge.
    pub to: DateTime<Utc>,
    /// Points further apart than this are not joined: nothing is known about the time between them.
    pub gap: TimeDelta,
    /// At most [`SERIES`] of them.
    pub series: Vec<Series>,
}

/// A chart that can't be drawn. That is a bug, since any numbers make a picture.
#[derive(Debug, thiserror::Error)]
pub enum ChartError {
    /// The plotting library failed.
    #[error("the chart can't be drawn: {0}")]
    Drawing(String),
    /// The picture can't be written as PNG.
    #[error("the chart can't be written")]
    Png(#[from] png::EncodingError),
}

/// Draws a chart. The same chart always gives the same bytes. It takes tens of milliseconds of computing, so
/// call it where blocking is allowed.
///
/// # Errors
/// Only where the plotting or the PNG library fails.
pub fn draw(chart: &Chart) -> Result<Vec<u8>, ChartError> {
    let pixels = paint::paint(chart)?;
    picture::png(&pixels)
}
