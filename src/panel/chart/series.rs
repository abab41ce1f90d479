//! Makes any numbers drawable: sorted, within the chart's times, no more than can be seen, and split where
//! values are missing.

use chrono::{DateTime, Utc};

use super::{Chart, SERIES, Series, Shape};

/// How many points a chart can tell apart from left to right; more are averaged.
const COLUMNS: u32 = 240;
/// No quantity is larger. Beyond this, the axes' arithmetic would fail.
const LARGEST: f64 = 1e18;

/// A series that is ready to draw.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DrawableSeries {
    pub(super) name: String,
    /// Runs of joined points, each as seconds since the chart's left edge and a value. There is a gap between
    /// two runs.
    pub(super) runs: Vec<Vec<(f64, f64)>>,
    /// The value in the legend: the newest, or the sum of amounts.
    pub(super) legend: Option<f64>,
}

/// How many seconds a chart spans; at least one.
pub(super) fn seconds(from: DateTime<Utc>, to: DateTime<Utc>) -> f64 {
    ((to - from).as_seconds_f64()).max(1.0)
}

/// The series of a chart, ready to draw.
pub(super) fn drawable(chart: &Chart) -> Vec<DrawableSeries> {
    chart.series.iter().take(SERIES).map(|series| one(chart, series)).collect()
}

fn one(chart: &Chart, series: &Series) -> DrawableSeries {
    let within = |(time, value): &&(DateTime<Utc>, f64)| {
        *time >= chart.from && *time <= chart.to && value.is_finite() && *value >= 0.0
    };
    let relative =
        |(time, value): &(DateTime<Utc>, f64)| ((*time - chart.from).as_seconds_f64(), value.min(LARGEST));
    let mut points: Vec<(f64, f64)> = series.points.iter().filter(within).map(relative).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let legend = match chart.shape {
        Shape::Line | Shape::Bars => points.last().map(|point| point.1),
        Shape::Amounts if points.is_empty() => None,
        Shape::Amounts => Some(points.iter().map(|point| point.1).sum::<f64>().min(LARGEST)),
    };
    let gap = chart.gap.as_seconds_f64().max(0.0);
    let mut runs: Vec<Vec<(f64, f64)>> = Vec::new();
    for point in points {
        match runs.last_mut() {
            Some(run) if run.last().is_some_and(|before| point.0 - before.0 <= gap) => run.push(point),
            _ => runs.push(vec![point]),
        }
    }
    let column = seconds(chart.from, chart.to) / f64::from(COLUMNS);
    let mut runs: Vec<_> = runs.into_iter().map(|run| average(&run, column)).collect();
    // So many runs would overlap: nobody could tell them apart, so they become single averaged points.
    if runs.len() > COLUMNS as usize / 2 {
        let all: Vec<_> = runs.concat();
        runs = average(&all, column).into_iter().map(|point| vec![point]).collect();
    }
    DrawableSeries { name: series.name.clone(), runs, legend }
}

/// Replaces the points in each column by their mean.
fn average(points: &[(f64, f64)], column: f64) -> Vec<(f64, f64)> {
    let same = |a: &(f64, f64), b: &(f64, f64)| (a.0 / column).floor() == (b.0 / column).floor();
    let mean = |points: &[(f64, f64)]| {
        let (seconds, value) =
            points.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
        let many = f64::from(u32::try_from(points.len()).unwrap_or(u32::MAX));
        (seconds / many, value / many)
    };
    points.chunk_by(same).map(mean).collect()
}

impl DrawableSeries {
    /// How far apart the points are, in seconds: the least distance, but not too narrow to see.
    pub(super) fn step(&self, seconds: f64) -> f64 {
        let points: Vec<f64> = self.runs.iter().flatten().map(|point| point.0).collect();
        let least = points.windows(2).map(|pair| pair[1] - pair[0]).fold(seconds / 12.0, f64::min);
        least.max(seconds / f64::from(COLUMNS))
    }
}
