//! `monitoring`: the machine that the bot runs on, with a chart; only in servers that the operator allows.

mod details;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::domain::ids::GuildId;
use crate::domain::message::Embed;
use crate::domain::panel::progress::bar;
use crate::domain::panel::{
    Button, Control, FormAnswers, FormField, MenuOption, PanelView, Picture, SelectMenu,
};
use crate::panel::chart::{Chart, Series, Shape, Unit};
use crate::panel::embed::{AMBER, GREEN, GREY, RED, field, picture};
use crate::panel::kind::{
    ActionInput, ActionOutcome, InvalidInput, PanelContext, PanelKind, PanelLocation, PressKind,
};
use crate::panel::sources::history::{SampleHistory, TimeSpan};
use crate::panel::sources::host::{Disk, HostSample, Usage};
use crate::panel::sources::host_facts::{CPU, HostFacts, MEMORY};
use crate::panel::sources::{DataSources, PanelSettings, SourceUnavailable};

use self::details::Detail;

/// The menu of spans.
const SPAN: &str = "span";
/// From how many percent on something is nearly used up, and from how many it is.
const HIGH: f64 = 80.0;
const HIGHEST: f64 = 92.0;

/// The kind.
pub(super) struct Monitoring;

/// What is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Config {
    span: TimeSpan,
}

/// What is known of the machine.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Data {
    /// The server isn't allowed to see it (any more).
    refused: bool,
    machine: Option<HostFacts>,
}

impl PanelKind for Monitoring {
    type Config = Config;
    type Data = Data;

    const NAME: &'static str = "monitoring";
    const SUMMARY: &'static str = "the machine that the bot runs on";
    const TITLE: &'static str = "Monitoring";

    fn permit(settings: &PanelSettings, guild: GuildId) -> Result<(), InvalidInput> {
        if settings.monitoring_guilds.contains(&guild) {
            return Ok(());
        }
        Err(InvalidInput(format!(
            "My operator allows `monitoring` only in certain servers. To allow it in this one, they can add `{guild}` to the setting `PANEL_MONITORING_GUILDS`."
        )))
    }

    fn only_in(settings: &PanelSettings) -> Option<Vec<GuildId>> {
        Some(settings.monitoring_guilds.clone())
    }

    fn form(_: Option<&Config>) -> Vec<FormField> {
        Vec::new()
    }

    fn configure(former: Option<Config>, _: &FormAnswers) -> Result<Config, InvalidInput> {
        Ok(former.unwrap_or_default())
    }

    async fn gather(
        sources: &DataSources,
        location: PanelLocation,
        _: &Config,
    ) -> Result<Data, SourceUnavailable> {
        if Self::permit(sources.settings(), location.guild).is_err() {
            return Ok(Data { refused: true, machine: None });
        }
        Ok(Data { refused: false, machine: Some(sources.machine().await?) })
    }

    fn render(context: &PanelContext, config: &Config, data: &Data) -> PanelView {
        let mut embed = Embed { title: Some(context.title.clone()), color: Some(GREY), ..Embed::default() };
        let Some(machine) = &data.machine else {
            let why = if data.refused {
                "My operator doesn't allow this panel in this server any more."
            } else {
                "Nothing is known about this machine yet."
            };
            embed.description = Some(why.to_owned());
            return PanelView { embeds: vec![embed], picture: None, controls: vec![refresh()] };
        };
        let now = &machine.now;
        let (color, headline) = headline(now);
        embed.color = Some(color);
        embed.description = Some(match &machine.part {
            Some(part) => format!("{headline}\n-# The machine that serves shards {part}."),
            None => headline,
        });
        embed.fields = vec![
            field("CPU", share(now.cpu, &cores(now.cores.len()))),
            field("Memory", share(now.memory.percent(), &size(now.memory))),
            fullest(&now.disks).map_or_else(
                || field("Disk", "none that I can see"),
                |disk| field("Disk", share(disk.usage.percent(), &free(disk.usage))),
            ),
            field("Load", details::load(now)),
            field("Network", format!("↓ {}\n↑ {}", about(now.received()), about(now.sent()))),
            field("Running since", format!("<t:{0}:D>\n<t:{0}:R>", now.booted)),
        ];
        let picture = machine.history(config.span).and_then(chart);
        embed.image = picture.as_ref().map(|_| Picture::address());
        let controls = vec![spans(config.span), Detail::buttons(), refresh()];
        PanelView { embeds: vec![embed], picture, controls }
    }

    fn press_kind(action: &str) -> Option<PressKind> {
        if action == SPAN {
            return Some(PressKind::ChangeOrPreview);
        }
        Detail::find(action).map(|_| PressKind::Show)
    }

    fn handle(
        context: &PanelContext,
        config: Config,
        data: &Data,
        input: &ActionInput<'_>,
    ) -> Result<ActionOutcome<Config>, InvalidInput> {
        if let Some(detail) = Detail::find(input.action) {
            // A mirror may be in a server that isn't allowed to see the details.
            Self::permit(input.settings, input.guild)?;
            let machine = data.machine.as_ref();
            let machine =
                machine.ok_or_else(|| InvalidInput("Nothing is known about this machine yet.".to_owned()))?;
            return Ok(ActionOutcome::Show(detail.view(context, config.span, machine)));
        }
        let span = input.chosen.filter(|_| input.action == SPAN).and_then(TimeSpan::find);
        let span = span.ok_or_else(InvalidInput::outdated)?;
        let config = Config { span };
        if input.manager {
            return Ok(ActionOutcome::Change(
                config,
                format!("The chart shows the {} from now on.", span.last()),
            ));
        }
        Ok(ActionOutcome::Preview(config))
    }
}

/// The machine's state, as a colour and a sentence.
fn headline(now: &HostSample) -> (u32, String) {
    let disk = fullest(&now.disks).map_or(0.0, |disk| disk.usage.percent());
    let shares = [
        ("The CPU is busy", now.cpu),
        ("Memory is short", now.memory.percent()),
        ("A disk is nearly full", disk),
    ];
    let high: Vec<&str> =
        shares.iter().filter(|(_, percent)| *percent >= HIGH).map(|(what, _)| *what).collect();
    if high.is_empty() {
        return (GREEN, "🟢 All is well.".to_owned());
    }
    let highest = shares.iter().any(|(_, percent)| *percent >= HIGHEST);
    let (color, mark) = if highest { (RED, "🔴") } else { (AMBER, "🟠") };
    (color, format!("{mark} {}.", high.join(". ")))
}

/// A percentage, its bar, and a line below; each on a line of its own, as fields are narrow.
fn share(percent: f64, below: &str) -> String {
    format!("**{percent:.0} %**\n`{}`\n{below}", bar(percent.round() / 100.0))
}

fn cores(many: usize) -> String {
    if many == 1 { "1 core".to_owned() } else { format!("{many} cores") }
}

/// "8.2 of 15.6 GiB", in the unit of the whole.
fn size(usage: Usage) -> String {
    const NAMES: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut unit = 1024.0;
    let mut name = NAMES[0];
    for larger in &NAMES[1..] {
        if (usage.total as f64) < unit * 1024.0 {
            break;
        }
        (unit, name) = (unit * 1024.0, larger);
    }
    let in_unit = |bytes: u64| {
        let value = bytes as f64 / unit;
        if value < 99.95 { format!("{value:.1}") } else { format!("{value:.0}") }
    };
    format!("{} of {} {name}", in_unit(usage.used), in_unit(usage.total))
}

/// "29.0 of 252 GiB free". For a disk, the free space counts; some of the rest may be reserved rather than
/// used.
fn free(usage: Usage) -> String {
    format!("{} free", size(Usage { used: usage.total.saturating_sub(usage.used), ..usage }))
}

/// Bytes a second, rounded to one significant digit: the next digits always change, and would have the panel
/// edited for nothing.
fn about(bytes: u64) -> String {
    if bytes < 1024 {
        return "below 1 KiB/s".to_owned();
    }
    const NAMES: [&str; 4] = ["KiB/s", "MiB/s", "GiB/s", "TiB/s"];
    let mut value = bytes as f64 / 1024.0;
    let mut at = 0;
    while value >= 1000.0 && at + 1 < NAMES.len() {
        value /= 1024.0;
        at += 1;
    }
    let digit = 10_f64.powf(value.max(1.0).log10().floor());
    format!("about {:.0} {}", (value / digit).round().max(1.0) * digit, NAMES[at])
}

fn fullest(disks: &[Disk]) -> Option<&Disk> {
    disks.iter().max_by(|a, b| a.usage.percent().total_cmp(&b.usage.percent()))
}

fn chart(history: &SampleHistory) -> Option<Picture> {
    let series = |name: &str, key| Series { name: name.to_owned(), points: history.points(key) };
    let alt = format!("A chart of CPU and memory use, {}", history.span.last());
    let (from, to) = history.times();
    let chart = Chart {
        title: format!("CPU and memory, {}", history.span.last()),
        unit: Unit::Percent,
        shape: Shape::Line,
        from,
        to,
        gap: history.gap(),
        series: vec![series("CPU", CPU), series("Memory", MEMORY)],
    };
    picture(&chart, alt)
}

fn spans(now: TimeSpan) -> Control {
    let choice = |span: TimeSpan| MenuOption {
        label: span.name().to_owned(),
        value: span.key().to_owned(),
        description: String::new(),
        chosen: span == now,
    };
    Control::Select(SelectMenu {
        action: SPAN.to_owned(),
        placeholder: "How much time the chart shows".to_owned(),
        options: TimeSpan::ALL.into_iter().map(choice).collect(),
    })
}

fn refresh() -> Control {
    Control::Buttons(vec![Button::quiet("Refresh", "refresh")])
}
