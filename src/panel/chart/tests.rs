use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::{Chart, HEIGHT, Series, Shape, Unit, WIDTH, draw};

/// No picture may be larger, in bytes.
const LARGEST: usize = 40_000;

fn noon() -> DateTime<Utc> {
    "2026-11-20T12:34:56Z".parse().unwrap()
}

fn chart(unit: Unit, span: TimeDelta, series: Vec<Series>) -> Chart {
    Chart {
        title: "CPU".to_owned(),
        unit,
        shape: Shape::Line,
        from: noon() - span,
        to: noon(),
        gap: span / 20,
        series,
    }
}

/// A series with a point every hundredth of the span.
fn wave(name: &str, span: TimeDelta, value: impl Fn(f64) -> f64) -> Series {
    let points = (0..=100).map(|at| (noon() - span + span / 100 * at, value(f64::from(at)))).collect();
    Series { name: name.to_owned(), points }
}

fn size(file: &[u8]) -> (u32, u32) {
    let info = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
    info.info().size()
}

/// The pictures that people look at: `CHARTS=folder cargo test --lib chart` writes them there.
fn gallery() -> Vec<(&'static str, Chart)> {
    let (hour, day, week) = (TimeDelta::hours(1), TimeDelta::hours(24), TimeDelta::days(7));
    let busy = |at: f64| 35.0 + 25.0 * (at / 9.0).sin() + 12.0 * (at / 2.3).cos();
    let mut gaps = wave("Memory", day, busy);
    gaps.points.retain(|(time, _)| !(6..11).contains(&(noon() - *time).num_hours()));
    let traffic = |at: f64| (1.0 + (at / 12.0).sin()) * 3_400_000.0;
    let named = |title: &str, chart: Chart| Chart { title: title.to_owned(), ..chart };
    let point = Series { name: "CPU".to_owned(), points: vec![(noon() - TimeDelta::minutes(20), 42.0)] };
    let bars = Chart {
        shape: Shape::Bars,
        ..chart(Unit::Count("players"), day, vec![wave("Players", day, |at| (at / 7.0).sin().abs() * 23.0)])
    };
    let many = ["CPU", "Memory", "Swap", "Disk"];
    vec![
        ("cpu_1h", chart(Unit::Percent, hour, vec![wave("CPU", hour, busy)])),
        (
            "two_24h",
            named(
                "CPU and memory, last 24 hours",
                chart(Unit::Percent, day, vec![wave("CPU", day, busy), gaps.clone()]),
            ),
        ),
        (
            "network_7d",
            named(
                "Network",
                chart(
                    Unit::BytesPerSecond,
                    week,
                    vec![wave("in", week, traffic), wave("out", week, |at| traffic(at + 20.0) / 4.0)],
                ),
            ),
        ),
        ("players_24h", named("Players", bars)),
        ("empty", chart(Unit::Percent, hour, Vec::new())),
        ("one_point", chart(Unit::Percent, hour, vec![point])),
        ("constant_zero", chart(Unit::Count("players"), week, vec![wave("Players", week, |_| 0.0)])),
        (
            "latency",
            named("Latency", chart(Unit::Milliseconds, day, vec![wave("ms", day, |at| 40.0 + at / 5.0)])),
        ),
        (
            "four",
            named(
                "Everything that this machine has to say",
                chart(
                    Unit::Percent,
                    day,
                    many.iter()
                        .zip([0.0, 20.0, 40.0, 60.0])
                        .map(|(name, up)| wave(name, day, |at| up + busy(at) / 3.0))
                        .collect(),
                ),
            ),
        ),
        ("huge", chart(Unit::Bytes, hour, vec![wave("a", hour, |at| 1e300 * at)])),
    ]
}

#[test]
fn every_picture_is_small_and_the_same_each_time() {
    for (name, chart) in gallery() {
        let file = draw(&chart).unwrap();
        if let Ok(folder) = std::env::var("CHARTS") {
            std::fs::write(format!("{folder}/{name}.png"), &file).unwrap();
        }
        assert_eq!(size(&file), (WIDTH, HEIGHT), "{name}");
        assert!(file.len() < LARGEST, "{name}: {} bytes", file.len());
        assert_eq!(file, draw(&chart).unwrap(), "{name}");
    }
}

#[test]
fn what_is_missing_is_not_joined() {
    let hour = TimeDelta::hours(1);
    let whole = wave("CPU", hour, |_| 50.0);
    let mut parted = whole.clone();
    parted.points.retain(|(time, _)| !(20..40).contains(&(noon() - *time).num_minutes()));
    let runs = |series| super::series::drawable(&chart(Unit::Percent, hour, vec![series]))[0].runs.len();
    assert_eq!((runs(whole), runs(parted)), (1, 2));
}

#[test]
fn the_newest_point_is_the_one_in_the_legend() {
    let mut series = wave("CPU", TimeDelta::hours(1), |at| at);
    series.points.reverse();
    let drawable = super::series::drawable(&chart(Unit::Percent, TimeDelta::hours(1), vec![series]));
    assert_eq!(drawable[0].legend, Some(100.0));
}

#[test]
fn of_amounts_the_legend_has_the_sum() {
    let at = |minutes: i64, amount: f64| (noon() - TimeDelta::minutes(minutes), amount);
    let series = |points| vec![Series { name: "Relayed".to_owned(), points }];
    let legend = |points| {
        let chart = chart(Unit::Count("messages"), TimeDelta::hours(1), series(points));
        super::series::drawable(&Chart { shape: Shape::Amounts, ..chart })[0].legend
    };
    // What lies before the chart's beginning isn't counted.
    assert_eq!(legend(vec![at(10, 3.0), at(50, 4.0), at(90, 5.0), at(30, 0.0)]), Some(7.0));
    assert_eq!(legend(Vec::new()), None);
}

fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![any::<f64>(), 0.0..100.0, Just(f64::NAN), Just(f64::INFINITY), Just(f64::MIN_POSITIVE)]
}

fn any_chart() -> impl Strategy<Value = Chart> {
    let point = (-90_000_i64..700_000, any_value());
    let series = (".{0,40}", prop::collection::vec(point, 0..400));
    let unit = prop::sample::select(vec![
        Unit::Percent,
        Unit::Bytes,
        Unit::BytesPerSecond,
        Unit::Milliseconds,
        Unit::Count("players"),
    ]);
    let shape = prop::sample::select(vec![Shape::Line, Shape::Bars, Shape::Amounts]);
    let span = prop_oneof![-10_i64..10, Just(3600), Just(86_400), Just(604_800), 0..i64::from(u32::MAX)];
    let gap = prop_oneof![-5_i64..5, Just(600), Just(1_000_000)];
    (".{0,80}", unit, shape, span, gap, prop::collection::vec(series, 0..6)).prop_map(
        |(title, unit, shape, span, gap, series)| {
            let points = |points: Vec<(i64, f64)>| {
                points.into_iter().map(|(ago, value)| (noon() - TimeDelta::seconds(ago), value)).collect()
            };
            let series = series.into_iter().map(|(name, of)| Series { name, points: points(of) }).collect();
            Chart {
                title,
                unit,
                shape,
                from: noon() - TimeDelta::seconds(span),
                to: noon(),
                gap: TimeDelta::seconds(gap),
                series,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn anything_makes_a_small_picture(chart in any_chart()) {
        let file = draw(&chart).unwrap();
        prop_assert_eq!(size(&file), (WIDTH, HEIGHT));
        prop_assert!(file.len() < LARGEST, "{} bytes", file.len());
    }
}
