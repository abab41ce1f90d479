use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;
use crate::panel::kinds::test_support::{actions, assert_fits, context, guild, noon, press, shown, texts};
use crate::panel::sources::host::{HostProcess, NetworkInterface};
use crate::panel::sources::host_facts::{RECEIVED, SENT};
use crate::store::Sample;

const GIB: u64 = 1 << 30;

fn usage(used: f64, total: u64) -> Usage {
    Usage { used: (used * GIB as f64) as u64, total: total * GIB }
}

fn sample() -> HostSample {
    let process = |name: &str, pid, cpu| HostProcess { name: name.to_owned(), pid, cpu, memory: 3 << 28 };
    let processes = vec![process("postgres", 812, 42.0), process("trib`utary", 77, 3.0)];
    HostSample {
        cpu: 34.4,
        cores: vec![12.0, 57.0],
        memory: usage(8.2, 16),
        swap: usage(0.0, 2),
        disks: vec![
            Disk { mount: "/".to_owned(), usage: usage(35.1, 252) },
            Disk { mount: "/data".to_owned(), usage: usage(600.0, 1024) },
        ],
        network: vec![NetworkInterface { name: "eth0".to_owned(), received: 1_300_000, sent: 43_000 }],
        load: [0.42, 0.38, 0.31],
        booted: 1_760_000_000,
        by_cpu: processes.clone(),
        by_memory: processes,
    }
}

fn data_of(now: HostSample) -> Data {
    let series = [(CPU, 30.0), (MEMORY, 52.0), (RECEIVED, 1e6), (SENT, 4e4)];
    let at = |ago: i64| noon() - TimeDelta::minutes(ago);
    let samples: Vec<Sample> = (0..1440)
        .rev()
        .flat_map(|ago| series.map(|(name, value)| Sample { series: name.to_owned(), at: at(ago), value }))
        .collect();
    let before = TimeSpan::ALL.into_iter().map(|span| SampleHistory::new(span, noon(), &samples)).collect();
    Data { refused: false, machine: Some(HostFacts { now, before, part: None }) }
}

fn allowed() -> PanelSettings {
    PanelSettings { monitoring_guilds: vec![guild()], ..PanelSettings::default() }
}

#[test]
fn the_machine_is_seen_at_a_glance() {
    let view = Monitoring::render(&context(), &Config::default(), &data_of(sample()));
    assert_fits(&view);
    let texts = texts(&view);
    for expected in [
        "🟢 All is well.",
        "CPU: **34 %**\n`▰▰▰▱▱▱▱▱▱▱`\n2 cores",
        "Memory: **51 %**\n`▰▰▰▰▰▱▱▱▱▱`\n8.2 of 16.0 GiB",
        "Disk: **59 %**\n`▰▰▰▰▰▱▱▱▱▱`\n0.4 of 1.0 TiB free",
        "Load: 0.4 · 0.4 · 0.3",
        "↓ about 1 MiB/s\n↑ about 40 KiB/s",
        "<t:1760000000:R>",
    ] {
        assert!(texts.contains(expected), "{expected} is not in:\n{texts}");
    }
    assert!(view.embeds[0].fields.iter().all(|field| field.inline) && view.embeds[0].fields.len() == 6);
    assert!(view.picture.is_some() && view.embeds[0].image.is_some());
    assert_eq!(view.controls.len(), 3);
}

#[test]
fn a_quiet_machine_looks_the_same_a_minute_later() {
    let mut later = sample();
    later.cpu = 33.6;
    later.memory.used += GIB / 100;
    later.network[0].received += 90_000;
    later.load[0] = 0.44;
    later.by_cpu.clear();
    let view = |now| Monitoring::render(&context(), &Config::default(), &data_of(now));
    assert_eq!(view(sample()), view(later));
}

#[test]
fn what_runs_out_is_said() {
    let mut now = sample();
    now.memory = usage(13.5, 16);
    assert_eq!(headline(&now), (AMBER, "🟠 Memory is short.".to_owned()));
    now.disks[1].usage = usage(1000.0, 1024);
    assert_eq!(headline(&now), (RED, "🔴 Memory is short. A disk is nearly full.".to_owned()));
}

#[test]
fn it_is_made_and_shown_only_where_the_operator_allows() {
    assert!(
        Monitoring::permit(&PanelSettings::default(), guild())
            .unwrap_err()
            .0
            .contains("`PANEL_MONITORING_GUILDS`")
    );
    assert_eq!(Monitoring::permit(&allowed(), guild()), Ok(()));
    let refused = Monitoring::render(&context(), &Config::default(), &Data { refused: true, machine: None });
    assert!(texts(&refused).contains("doesn't allow"));
    let settings = PanelSettings::default();
    let pressed = press("processes", &settings);
    assert!(Monitoring::handle(&context(), Config::default(), &data_of(sample()), &pressed).is_err());
}

#[test]
fn the_chart_changes_for_all_or_for_one() {
    let settings = allowed();
    let act = |chosen, manager| {
        let input = ActionInput { chosen, manager, ..press(SPAN, &settings) };
        Monitoring::handle(&context(), Config::default(), &data_of(sample()), &input)
    };
    let week = Config { span: TimeSpan::Week };
    assert_eq!(
        act(Some("7d"), true),
        Ok(ActionOutcome::Change(week, "The chart shows the last 7 days from now on.".to_owned()))
    );
    assert_eq!(act(Some("7d"), false), Ok(ActionOutcome::Preview(week)));
    assert!(act(Some("1y"), true).is_err() && act(None, true).is_err());
    assert_eq!(Monitoring::press_kind(SPAN), Some(PressKind::ChangeOrPreview));
    assert_eq!(Monitoring::press_kind("nonsense"), None);
}

#[test]
fn every_button_shows_its_detail() {
    let settings = allowed();
    let panel = Monitoring::render(&context(), &Config::default(), &data_of(sample()));
    for (detail, expected) in Detail::ALL.into_iter().zip([
        "  2 ▰▰▰▰▰▱▱▱▱▱  57 %",
        "Swap: `▱▱▱▱▱▱▱▱▱▱` **0 %**\n0.0 of 2.0 GiB",
        "`/data`: `▰▰▰▰▰▱▱▱▱▱` **59 %**",
        "`eth0`: ↓ 1.2 MiB/s\n↑ 42 KiB/s",
        "     42 %  postgres (812)\n      3 %  tribˋutary (77)",
    ]) {
        let action = actions(&panel)[detail as usize];
        assert_eq!(Monitoring::press_kind(action), Some(PressKind::Show));
        let pressed = press(action, &settings);
        let view = shown(Monitoring::handle(&context(), Config::default(), &data_of(sample()), &pressed));
        assert_fits(&view);
        assert!(texts(&view).contains(expected), "{expected} is not in:\n{}", texts(&view));
        assert_eq!(view.picture.is_some(), !matches!(detail, Detail::Disks | Detail::Processes));
    }
}

#[test]
fn rates_have_one_digit() {
    let texts = [0, 1023, 1024, 47_000, 960_000, 1_023_000, 5 << 30].map(about);
    assert_eq!(
        texts,
        [
            "below 1 KiB/s",
            "below 1 KiB/s",
            "about 1 KiB/s",
            "about 50 KiB/s",
            "about 900 KiB/s",
            "about 1000 KiB/s",
            "about 5 GiB/s"
        ]
    );
}

fn any_sample() -> impl Strategy<Value = HostSample> {
    let usage = (any::<u64>(), any::<u64>()).prop_map(|(used, total)| Usage { used, total });
    let process = (".{0,80}", any::<u32>(), 0.0..1e6, any::<u64>())
        .prop_map(|(name, pid, cpu, memory)| HostProcess { name, pid, cpu, memory });
    let processes = prop::collection::vec(process, 0..12);
    let disks = prop::collection::vec((".{0,200}", usage.clone()), 0..40)
        .prop_map(|disks| disks.into_iter().map(|(mount, usage)| Disk { mount, usage }).collect());
    let network = prop::collection::vec((".{0,80}", any::<u32>(), any::<u32>()), 0..40).prop_map(|all| {
        all.into_iter()
            .map(|(name, received, sent)| NetworkInterface {
                name,
                received: received.into(),
                sent: sent.into(),
            })
            .collect()
    });
    let cores = prop::collection::vec(0.0..100.0, 0..300);
    let numbers = (0.0..100.0, cores, any::<[f64; 3]>(), any::<i64>());
    (numbers, usage.clone(), usage, disks, network, processes.clone(), processes).prop_map(
        |((cpu, cores, load, booted), memory, swap, disks, network, by_cpu, by_memory)| HostSample {
            cpu,
            cores,
            memory,
            swap,
            disks,
            network,
            load: load.map(|load| load.abs().min(1e6)),
            booted,
            by_cpu,
            by_memory,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_machine_fits(now in any_sample()) {
        let machine = HostFacts { now, before: Vec::new(), part: Some("0..3/16".to_owned()) };
        let data = Data { refused: false, machine: Some(machine.clone()) };
        assert_fits(&Monitoring::render(&context(), &Config::default(), &data));
        for detail in Detail::ALL {
            assert_fits(&detail.view(&context(), TimeSpan::Day, &machine));
        }
    }
}
