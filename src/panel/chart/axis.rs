//! The axes: where their lines are, and their labels.

use chrono::{DateTime, TimeDelta, Utc};

use super::Unit;

/// The value axis: from 0 to `top`, with a line at each of `ticks`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ValueAxis {
    pub(super) top: f64,
    pub(super) ticks: Vec<f64>,
    scale: Scale,
}

/// The multiple of its unit in which a value is written.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Scale {
    factor: f64,
    /// What follows the number, with a leading space if one belongs there.
    suffix: &'static str,
}

const BYTES: [&str; 7] = [" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"];
const RATES: [&str; 7] = [" B/s", " KiB/s", " MiB/s", " GiB/s", " TiB/s", " PiB/s", " EiB/s"];
const COUNTS: [&str; 7] = ["", "k", "M", "G", "T", "P", "E"];

impl Scale {
    /// The scale for values up to `highest`.
    fn new(unit: Unit, highest: f64) -> Self {
        match unit {
            Unit::Percent => Self { factor: 1.0, suffix: " %" },
            Unit::Milliseconds if highest >= 2000.0 => Self { factor: 1000.0, suffix: " s" },
            Unit::Milliseconds => Self { factor: 1.0, suffix: " ms" },
            Unit::Bytes => Self::of(1024.0, &BYTES, highest),
            Unit::BytesPerSecond => Self::of(1024.0, &RATES, highest),
            // "1500 players" reads better than "1.5k".
            Unit::Count(_) if highest < 10_000.0 => Self { factor: 1.0, suffix: "" },
            Unit::Count(_) => Self::of(1000.0, &COUNTS, highest),
        }
    }

    fn of(base: f64, suffixes: &[&'static str], highest: f64) -> Self {
        let mut scale = Self { factor: 1.0, suffix: suffixes[0] };
        for suffix in &suffixes[1..] {
            if highest < scale.factor * base {
                break;
            }
            scale = Self { factor: scale.factor * base, suffix };
        }
        scale
    }
}

impl ValueAxis {
    /// The axis for values up to `highest`.
    pub(super) fn new(unit: Unit, highest: f64) -> Self {
        let scale = Scale::new(unit, highest);
        if unit == Unit::Percent {
            return Self { top: 100.0, ticks: vec![0.0, 25.0, 50.0, 75.0, 100.0], scale };
        }
        // An axis with nothing on it still shows a range, and there is no half player.
        let least = if matches!(unit, Unit::Count(_)) { 4.0 } else { 1.0 };
        let highest = (highest / scale.factor).max(least);
        let step = nice(highest / 4.0) * scale.factor;
        let mut ticks = vec![0.0];
        let mut top = 0.0;
        while top < highest * scale.factor && ticks.len() < 6 {
            top = step * f64::from(u32::try_from(ticks.len()).unwrap_or(6));
            ticks.push(top);
        }
        Self { top, ticks, scale }
    }

    /// The label of a line.
    pub(super) fn label(&self, value: f64) -> String {
        // As many decimals as the steps need: 2.5, but 50.
        let text = format!("{:.3}", value / self.scale.factor);
        let text = text.trim_end_matches('0').trim_end_matches('.');
        format!("{text}{}", self.scale.suffix)
    }
}

/// The smallest of 1, 2, 2.5, 5 and 10 times a power of ten that is at least `step`.
fn nice(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    [1.0, 2.0, 2.5, 5.0].iter().map(|digit| digit * power).find(|nice| *nice >= step).unwrap_or(10.0 * power)
}

/// A value as people read it: "37 %", "1.2 MiB/s", "3 players".
pub fn value(unit: Unit, value: f64) -> String {
    let scale = Scale::new(unit, value);
    let scaled = value / scale.factor;
    let places = usize::from(scale.factor > 1.0 && scaled < 9.95);
    let number = format!("{scaled:.places$}{}", scale.suffix);
    match unit {
        Unit::Count(name) if number == "1" => format!("1 {}", name.strip_suffix('s').unwrap_or(name)),
        Unit::Count(name) => format!("{number} {name}"),
        _ => number,
    }
}

/// The steps that a time axis may have, in minutes.
const STEPS: [i64; 16] =
    [1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440, 2 * 1440, 7 * 1440, 30 * 1440];

/// The lines of the time axis with their labels: at most eight, at round times.
pub(super) fn times(from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<(DateTime<Utc>, String)> {
    let span = (to - from).num_seconds();
    let fits = |step: &&i64| span / (**step * 60) < 8;
    let step = STEPS.iter().find(fits).map_or_else(|| span / 7 + 1, |step| step * 60);
    let first = from.timestamp().div_euclid(step) * step;
    let all = (0..=9).filter_map(|at| DateTime::from_timestamp(first.checked_add(at * step)?, 0));
    let inside = all.filter(|time| *time >= from && *time <= to);
    let format = |time: DateTime<Utc>| {
        let midnight = time.timestamp().rem_euclid(TimeDelta::days(1).num_seconds()) == 0;
        time.format(if midnight { "%-d %b" } else { "%H:%M" }).to_string()
    };
    inside.map(|time| (time, format(time))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(unit: Unit, highest: f64) -> Vec<String> {
        let axis = ValueAxis::new(unit, highest);
        axis.ticks.iter().map(|tick| axis.label(*tick)).collect()
    }

    #[test]
    fn values_have_round_lines_in_a_fitting_unit() {
        assert_eq!(labels(Unit::Percent, 3.0), ["0 %", "25 %", "50 %", "75 %", "100 %"]);
        assert_eq!(
            labels(Unit::BytesPerSecond, 1_700_000.0),
            ["0 MiB/s", "0.5 MiB/s", "1 MiB/s", "1.5 MiB/s", "2 MiB/s"]
        );
        assert_eq!(labels(Unit::Count("players"), 2.0), ["0", "1", "2", "3", "4"]);
        assert_eq!(labels(Unit::Count("players"), 37.0), ["0", "10", "20", "30", "40"]);
        assert_eq!(labels(Unit::Count("members"), 48_000.0), ["0k", "20k", "40k", "60k"]);
        assert_eq!(labels(Unit::Milliseconds, 80.0), ["0 ms", "20 ms", "40 ms", "60 ms", "80 ms"]);
        assert_eq!(labels(Unit::Milliseconds, 4000.0), ["0 s", "1 s", "2 s", "3 s", "4 s"]);
        assert_eq!(labels(Unit::Bytes, 0.0).last().unwrap(), "1 B");
    }

    #[test]
    fn the_legend_shows_short_values() {
        assert_eq!(value(Unit::Percent, 37.4), "37 %");
        assert_eq!(value(Unit::BytesPerSecond, 1_300_000.0), "1.2 MiB/s");
        assert_eq!(value(Unit::Bytes, 160.0 * 1024.0 * 1024.0), "160 MiB");
        assert_eq!(value(Unit::Count("players"), 12.0), "12 players");
        assert_eq!(value(Unit::Count("players"), 1.0), "1 player");
        assert_eq!(value(Unit::Milliseconds, 43.2), "43 ms");
    }

    #[test]
    fn times_are_round_and_few() {
        let to: DateTime<Utc> = "2026-11-20T12:34:56Z".parse().unwrap();
        let texts = |span| times(to - span, to).into_iter().map(|(_, text)| text).collect::<Vec<_>>();
        assert_eq!(texts(TimeDelta::hours(1)), ["11:40", "11:50", "12:00", "12:10", "12:20", "12:30"]);
        assert_eq!(texts(TimeDelta::hours(24)), ["16:00", "20:00", "20 Nov", "04:00", "08:00", "12:00"]);
        assert_eq!(
            texts(TimeDelta::days(7)),
            ["14 Nov", "15 Nov", "16 Nov", "17 Nov", "18 Nov", "19 Nov", "20 Nov"]
        );
        assert!(texts(TimeDelta::days(4000)).len() <= 9);
        assert!(texts(TimeDelta::zero()).len() <= 1);
    }
}
