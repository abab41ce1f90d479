//! What the buttons of a monitoring panel show to the person who pressed one.

use crate::domain::limits;
use crate::domain::message::{Embed, EmbedField};
use crate::domain::panel::progress::bar;
use crate::domain::panel::{Button, Control, PanelView, Picture};
use crate::domain::text;
use crate::panel::chart::{Chart, Series, Shape, Unit, value};
use crate::panel::embed::{GREY, code, field, lines, picture, wide};
use crate::panel::kind::PanelContext;
use crate::panel::sources::history::TimeSpan;
use crate::panel::sources::host::{HostProcess, HostSample};
use crate::panel::sources::host_facts::{CPU, HostFacts, MEMORY, RECEIVED, SENT};

use super::{free, size};

/// How many processes stand beside other details.
const FEW: usize = 5;
/// How long the name of a process, a disk or an interface may be.
const NAME: usize = 40;
/// Shown where there is nothing, as Discord refuses an empty field.
const NONE: &str = "None that I can see.";

/// A detail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    Cpu,
    Memory,
    Disks,
    Network,
    Processes,
}

impl Detail {
    pub(super) const ALL: [Self; 5] = [Self::Cpu, Self::Memory, Self::Disks, Self::Network, Self::Processes];

    const fn action(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Disks => "disks",
            Self::Network => "network",
            Self::Processes => "processes",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "CPU",
            Self::Memory => "Memory",
            Self::Disks => "Disks",
            Self::Network => "Network",
            Self::Processes => "Processes",
        }
    }

    pub(super) fn find(action: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|detail| detail.action() == action)
    }

    pub(super) fn buttons() -> Control {
        let button = |detail: Self| Button::quiet(detail.name(), detail.action());
        Control::Buttons(Self::ALL.into_iter().map(button).collect())
    }

    pub(super) fn view(self, context: &PanelContext, span: TimeSpan, machine: &HostFacts) -> PanelView {
        let now = &machine.now;
        let fields = match self {
            Self::Cpu => cpu(now),
            Self::Memory => memory(now),
            Self::Disks => disks(now),
            Self::Network => network(now),
            Self::Processes => vec![
                wide("Busiest", processes(&now.by_cpu, now.by_cpu.len(), busy)),
                wide("Largest", processes(&now.by_memory, now.by_memory.len(), large)),
            ],
        };
        let picture = self.chart(span, machine);
        let embed = Embed {
            title: Some(
                text::cut(&format!("{} · {}", context.title, self.name()), limits::EMBED_TITLE).into_owned(),
            ),
            description: Some(format!("As of <t:{0}:T>, <t:{0}:R>", context.since.timestamp())),
            color: Some(GREY),
            fields,
            image: picture.as_ref().map(|_| Picture::address()),
            ..Embed::default()
        };
        PanelView { embeds: vec![embed], picture, controls: Vec::new() }
    }

    /// The chart of a detail that has a history.
    fn chart(self, span: TimeSpan, machine: &HostFacts) -> Option<Picture> {
        let (unit, series): (_, &[(&str, &str)]) = match self {
            Self::Cpu => (Unit::Percent, &[("CPU", CPU)]),
            Self::Memory => (Unit::Percent, &[("Memory", MEMORY)]),
            Self::Network => (Unit::BytesPerSecond, &[("in", RECEIVED), ("out", SENT)]),
            Self::Disks | Self::Processes => return None,
        };
        let history = machine.history(span)?;
        let (from, to) = history.times();
        let of =
            |(name, key): &(&str, &str)| Series { name: (*name).to_owned(), points: history.points(key) };
        let title = format!("{}, {}", self.name(), span.last());
        let alt = format!("A chart of {title}");
        let series = series.iter().map(of).collect();
        picture(&Chart { title, unit, shape: Shape::Line, from, to, gap: history.gap(), series }, alt)
    }
}

/// The load, rounded so that a quiet machine's stays the same.
pub(super) fn load(now: &HostSample) -> String {
    let [one, five, fifteen] = now.load;
    format!("{one:.1} · {five:.1} · {fifteen:.1}\n1, 5, 15 minutes")
}

fn cpu(now: &HostSample) -> Vec<EmbedField> {
    let core = |(at, percent): (usize, &f64)| format!("`{at:>3} {} {percent:>3.0} %`", bar(*percent / 100.0));
    let all: Vec<String> =
        now.cores.iter().enumerate().map(|(at, percent)| core((at + 1, percent))).collect();
    let more = |left| format!("… and {left} more");
    let mut fields = vec![field("All cores", format!("**{:.0} %**", now.cpu)), field("Load", load(now))];
    // Not every system lists its cores.
    if !all.is_empty() {
        fields.push(wide("Each core", lines(&all, limits::FIELD_VALUE, more)));
    }
    fields.push(wide("Busiest", processes(&now.by_cpu, FEW, busy)));
    fields
}

fn memory(now: &HostSample) -> Vec<EmbedField> {
    let of = |usage: crate::panel::sources::host::Usage| {
        format!("`{}` **{:.0} %**\n{}", bar(usage.percent() / 100.0), usage.percent(), size(usage))
    };
    let swap = if now.swap.total == 0 { "none".to_owned() } else { of(now.swap) };
    vec![
        field("Memory", of(now.memory)),
        field("Swap", swap),
        wide("Largest", processes(&now.by_memory, FEW, large)),
    ]
}

fn disks(now: &HostSample) -> Vec<EmbedField> {
    let disk = |disk: &crate::panel::sources::host::Disk| {
        let name = format!("`{}`", code(&text::cut(&disk.mount, NAME)));
        let percent = disk.usage.percent();
        field(name, format!("`{}` **{percent:.0} %**\n{}", bar(percent / 100.0), free(disk.usage)))
    };
    let all: Vec<_> = now.disks.iter().take(limits::EMBED_FIELDS).map(disk).collect();
    if all.is_empty() { vec![wide("Disks", NONE)] } else { all }
}

fn network(now: &HostSample) -> Vec<EmbedField> {
    let rate = |bytes: u64| value(Unit::BytesPerSecond, bytes as f64);
    let interface = |one: &crate::panel::sources::host::NetworkInterface| {
        let name = format!("`{}`", code(&text::cut(&one.name, NAME)));
        field(name, format!("↓ {}\n↑ {}", rate(one.received), rate(one.sent)))
    };
    // The busiest come first; some machines have many that nobody uses.
    let all: Vec<_> = now.network.iter().take(9).map(interface).collect();
    if all.is_empty() { vec![wide("Network", "No interface leads out of this machine.")] } else { all }
}

fn busy(process: &HostProcess) -> String {
    format!("{:.0} %", process.cpu)
}

fn large(process: &HostProcess) -> String {
    value(Unit::Bytes, process.memory as f64)
}

/// A table in a block of code, within a field.
fn processes(all: &[HostProcess], many: usize, number: impl Fn(&HostProcess) -> String) -> String {
    let line = |process: &HostProcess| {
        let name = code(&text::cut(&process.name, NAME)).replace('\n', " ");
        format!("{:>9}  {name} ({})", number(process), process.pid)
    };
    let all: Vec<String> = all.iter().take(many).map(line).collect();
    if all.is_empty() {
        return NONE.to_owned();
    }
    format!("```\n{}\n```", lines(&all, limits::FIELD_VALUE - 10, |_| "…".to_owned()))
}
