//! Plots, as SVG: dark on their own light card, so that they are equally readable on light and dark pages.

use std::path::Path;
use std::sync::OnceLock;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;

use crate::Failure;
use crate::stats::Sorted;

const SIZE: (u32, u32) = (860, 420);
const FONT: &str = "sans-serif";
const TITLE: u32 = 20;
const LABEL: u32 = 15;
const CARD: RGBColor = RGBColor(0xff, 0xff, 0xff);
const INK: RGBColor = RGBColor(0x24, 0x29, 0x2f);
const GRID: RGBColor = RGBColor(0xd8, 0xde, 0xe4);
/// Colours from Okabe and Ito's palette, which people with any colour vision can tell apart.
const OURS: RGBColor = RGBColor(0x00, 0x72, 0xb2);
const THEIRS: RGBColor = RGBColor(0xd5, 0x5e, 0x00);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Deliveries a second, by the number of followers: the bot's, and the bare loop's.
#[derive(Debug, Default)]
pub(crate) struct Throughput(Vec<(usize, f64, f64)>);

/// Memory over time: seconds and megabytes.
#[derive(Debug, Default)]
pub(crate) struct Memory(Vec<(f64, f64)>);

impl Throughput {
    pub(crate) fn add(&mut self, followers: usize, bot: f64, bare: f64) {
        self.0.push((followers, bot, bare));
    }

    pub(crate) fn draw(&self, file: &Path) -> Result<(), Failure> {
        let area = card(file)?;
        let most = self.0.iter().map(|(_, bot, bare)| bot.max(*bare)).fold(1.0, f64::max);
        let last = self.0.iter().map(|(followers, ..)| *followers as f64).fold(2.0, f64::max);
        let mut chart = ChartBuilder::on(&area)
            .caption("Deliveries a second, by the number of followers", font(TITLE))
            .margin(14)
            .x_label_area_size(48)
            .y_label_area_size(76)
            .build_cartesian_2d((1.0..last * 1.1).log_scale(), 0.0..most * 1.15)?;
        chart
            .configure_mesh()
            .x_desc("followers of the source (logarithmic)")
            .y_desc("requests a second")
            .x_label_formatter(&|value| format!("{value:.0}"))
            .y_label_formatter(&|value| thousands(*value))
            .label_style(font(LABEL))
            .axis_style(INK)
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .draw()?;
        let series = [
            ("Tributary", OURS, self.0.iter().map(|(x, bot, _)| (*x as f64, *bot)).collect::<Vec<_>>()),
            ("bare loop", THEIRS, self.0.iter().map(|(x, _, bare)| (*x as f64, *bare)).collect()),
        ];
        for (name, colour, points) in series {
            chart
                .draw_series(LineSeries::new(points.clone(), colour.stroke_width(3)))?
                .label(name)
                .legend(move |(x, y)| key(x, y, colour));
            chart.draw_series(points.into_iter().map(|point| Circle::new(point, 4, colour.filled())))?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .label_font(font(LABEL))
            .background_style(CARD)
            .border_style(GRID)
            .draw()?;
        Ok(area.present()?)
    }
}

impl Memory {
    pub(crate) fn add(&mut self, seconds: f64, megabytes: f64) {
        self.0.push((seconds, megabytes));
    }

    pub(crate) fn draw(&self, file: &Path) -> Result<(), Failure> {
        let area = card(file)?;
        let most = self.0.iter().map(|(_, megabytes)| *megabytes).fold(40.0, f64::max);
        let last = self.0.iter().map(|(seconds, _)| seconds / 60.0).fold(0.1, f64::max);
        let mut chart = ChartBuilder::on(&area)
            .caption("Memory (resident), 1,000 servers of 50 channels, 20 messages a second", font(TITLE))
            .margin(14)
            .x_label_area_size(48)
            .y_label_area_size(76)
            .build_cartesian_2d(0.0..last, 0.0..most * 1.2)?;
        mesh(&mut chart, "minutes of traffic", "megabytes", last < 5.0)?;
        let points = self.0.iter().map(|(seconds, megabytes)| (seconds / 60.0, *megabytes));
        chart.draw_series(LineSeries::new(points, OURS.stroke_width(3)))?;
        Ok(area.present()?)
    }
}

/// How many mirrors arrived how long after the API's own latency.
pub(crate) fn lags(lags: &Sorted, file: &Path) -> Result<(), Failure> {
    let area = card(file)?;
    let most = (lags.quantile(0.999) * 1.1).max(20.0);
    let mut chart = ChartBuilder::on(&area)
        .caption("Message to mirror, above the API's own latency", font(TITLE))
        .margin(14)
        .x_label_area_size(48)
        .y_label_area_size(76)
        .build_cartesian_2d(0.0..most, 0.0..100.0)?;
    mesh(&mut chart, "milliseconds above the API's own latency", "% of all mirrors", false)?;
    let all = lags.values().len() as f64;
    let place = |(place, lag): (usize, &f64)| (lag.clamp(0.0, most), (place + 1) as f64 / all * 100.0);
    let points: Vec<(f64, f64)> = lags.values().iter().enumerate().map(place).collect();
    // A thousand points look the same as all of them.
    let step = points.len().div_ceil(1_000).max(1);
    chart.draw_series(LineSeries::new(points.into_iter().step_by(step), OURS.stroke_width(3)))?;
    for (share, name) in [(0.5, "p50"), (0.99, "p99")] {
        let lag = lags.quantile(share).clamp(0.0, most);
        // Where there is space: below, near the right edge.
        let beside = if lag > most * 0.8 { (-60, 34) } else { (10, 8) };
        let mark = EmptyElement::at((lag, share * 100.0))
            + Circle::new((0, 0), 5, THEIRS.filled())
            + Text::new(format!("{name} {:.1} ms", lags.quantile(share)), beside, font(LABEL));
        chart.draw_series(std::iter::once(mark))?;
    }
    Ok(area.present()?)
}

fn card(file: &Path) -> Result<Area<'_>, Failure> {
    static LOADED: OnceLock<bool> = OnceLock::new();
    if !LOADED.get_or_init(|| register_font(FONT, FontStyle::Normal, dejavu::sans::regular()).is_ok()) {
        return Err("the font can't be read".into());
    }
    let area = SVGBackend::new(file, SIZE).into_drawing_area();
    area.fill(&CARD)?;
    Ok(area)
}

fn mesh<'a>(
    chart: &mut ChartContext<
        'a,
        SVGBackend<'a>,
        Cartesian2d<plotters::coord::types::RangedCoordf64, plotters::coord::types::RangedCoordf64>,
    >,
    x: &str,
    y: &str,
    x_is_fine: bool,
) -> Result<(), Failure> {
    chart
        .configure_mesh()
        .x_desc(x)
        .y_desc(y)
        .x_label_formatter(&|value| if x_is_fine { format!("{value:.1}") } else { format!("{value:.0}") })
        .y_label_formatter(&|value| format!("{value:.0}"))
        .label_style(font(LABEL))
        .axis_style(INK)
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .draw()?;
    Ok(())
}

fn font(size: u32) -> TextStyle<'static> {
    (FONT, size).into_font().color(&INK)
}

fn key(x: i32, y: i32, colour: RGBColor) -> PathElement<(i32, i32)> {
    PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(3))
}

/// 12345 as `12,345`.
fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
