//! `follows`: this server's follows, what they deliver, and what is broken.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::domain::limits;
use crate::domain::message::Embed;
use crate::domain::panel::{Button, Control, PanelView, Picture};
use crate::panel::chart::{Chart, Series, Shape, Unit};
use crate::panel::embed::{GREEN, GREY, RED, field, lines, picture, wide};
use crate::panel::kind::{PanelContext, PanelKind, PanelLocation};
use crate::panel::placeholders::grouped;
use crate::panel::sources::follows::{FollowFacts, HourlyCount};
use crate::panel::sources::{DataSources, SourceUnavailable};

/// The kind.
pub(super) struct FollowsPanel;

/// There is nothing to choose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Config {}

impl PanelKind for FollowsPanel {
    type Config = Config;
    type Data = FollowFacts;

    const NAME: &'static str = "follows";
    const SUMMARY: &'static str = "this server's follows, and what is broken";
    const TITLE: &'static str = "Follows";

    async fn gather(
        sources: &DataSources,
        location: PanelLocation,
        _: &Config,
    ) -> Result<FollowFacts, SourceUnavailable> {
        sources.follows(location.guild).await
    }

    fn render(context: &PanelContext, _: &Config, data: &FollowFacts) -> PanelView {
        let (color, headline) = headline(data);
        let (relayed, at_once) = sums(&data.hours);
        let mut fields = vec![
            field("Follows", states(data)),
            field(
                "Sources",
                format!("{}\ninto {} of this server", channels(data.sources), count(data.targets)),
            ),
            field("Followers", followers(data)),
            field("Relayed, 24 hours", messages(relayed)),
            field("Within 2 seconds", share(at_once, relayed)),
            field("Waiting", messages(data.waiting)),
        ];
        if !data.broken_follows.is_empty() {
            let each = data.broken_follows.iter();
            let each: Vec<_> = each
                .map(|broken| {
                    format!("**#{}** into <#{}>: {}", broken.id, broken.target, broken.explanation())
                })
                .collect();
            let unnamed = usize::try_from(data.broken).unwrap_or(0).saturating_sub(each.len());
            let more = |left: usize| format!("… and {} more: see `/follows`.", left + unnamed);
            let mut text = lines(&each, limits::FIELD_VALUE - 50, more);
            if unnamed > 0 && !text.ends_with("`/follows`.") {
                text.push('\n');
                text.push_str(&more(0));
            }
            fields.push(wide("Broken", text));
        }
        let picture = chart(data, relayed);
        let embed = Embed {
            title: Some(context.title.clone()),
            description: Some(headline),
            color: Some(color),
            fields,
            image: picture.as_ref().map(|_| Picture::address()),
            ..Embed::default()
        };
        let controls = vec![Control::Buttons(vec![Button::quiet("Refresh", "refresh")])];
        PanelView { embeds: vec![embed], picture, controls }
    }
}

fn headline(data: &FollowFacts) -> (u32, String) {
    match (data.active + data.paused, data.broken) {
        (0, 0) => (GREY, "This server follows nothing yet. Start with `/follow`.".to_owned()),
        (_, 0) => (GREEN, "🟢 All follows deliver.".to_owned()),
        (_, 1) => (RED, "🔴 1 follow is broken.".to_owned()),
        (_, broken) => (RED, format!("🔴 {} follows are broken.", count(broken))),
    }
}

fn states(data: &FollowFacts) -> String {
    let states = [(data.active, "active"), (data.paused, "paused"), (data.broken, "broken")];
    let shown = states.iter().filter(|(many, name)| *many > 0 || *name == "active");
    shown.map(|(many, name)| format!("**{}** {name}", count(*many))).collect::<Vec<_>>().join("\n")
}

fn followers(data: &FollowFacts) -> String {
    if data.followers == 0 {
        return "none yet".to_owned();
    }
    let servers = if data.follower_servers == 1 { "server" } else { "servers" };
    format!("{}\nof {} {servers}", channels(data.followers), count(data.follower_servers))
}

fn sums(hours: &[HourlyCount]) -> (i64, i64) {
    hours.iter().fold((0, 0), |(messages, at_once), hour| (messages + hour.messages, at_once + hour.at_once))
}

fn channels(many: i64) -> String {
    if many == 1 { "1 channel".to_owned() } else { format!("{} channels", count(many)) }
}

fn messages(many: i64) -> String {
    if many == 1 { "1 message".to_owned() } else { format!("{} messages", count(many)) }
}

/// A share in whole percent; 100 % only if it is everything.
fn share(part: i64, whole: i64) -> String {
    if whole <= 0 {
        return "–".to_owned();
    }
    format!("{} %", part.saturating_mul(100) / whole)
}

fn count(many: i64) -> String {
    grouped(many.unsigned_abs())
}

fn chart(data: &FollowFacts, relayed: i64) -> Option<Picture> {
    if relayed == 0 {
        return None;
    }
    let half = TimeDelta::minutes(30);
    let chart = Chart {
        title: "Messages relayed per hour, last 24 hours".to_owned(),
        unit: Unit::Count("messages"),
        shape: Shape::Amounts,
        from: data.from(),
        to: data.until,
        gap: TimeDelta::hours(1),
        series: vec![Series {
            name: "Relayed".to_owned(),
            points: data.hours.iter().map(|hour| (hour.at + half, hour.messages as f64)).collect(),
        }],
    };
    picture(&chart, "A chart of the messages relayed per hour in the last 24 hours".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::test_support::{self, noon, texts};
    use super::*;
    use crate::domain::ids::ChannelId;
    use crate::panel::sources::follows::BrokenFollow;

    fn broken(id: i64) -> BrokenFollow {
        BrokenFollow { id, target: ChannelId::new(9).unwrap(), reason: "target_forbidden".to_owned() }
    }

    #[test]
    fn what_is_broken_is_said_first() {
        let hours = vec![HourlyCount { at: noon(), messages: 200, at_once: 199 }];
        let data = FollowFacts { active: 3, broken: 7, hours, until: noon(), ..FollowFacts::default() };
        let data = FollowFacts { broken_follows: (1..=5).map(broken).collect(), ..data };
        let view = FollowsPanel::render(&test_support::context(), &Config {}, &data);
        test_support::assert_fits(&view);
        let text = texts(&view);
        assert!(text.contains("🔴 7 follows are broken."), "{text}");
        assert!(text.contains("**#1** into <#9>: Discord does not let me post"), "{text}");
        assert!(text.contains("more: see `/follows`."), "{text}");
        assert!(text.contains("99 %") && view.picture.is_some(), "{text}");
    }

    #[test]
    fn a_server_without_follows_is_told_how_to_begin() {
        let view = FollowsPanel::render(&test_support::context(), &Config {}, &FollowFacts::default());
        test_support::assert_fits(&view);
        assert!(texts(&view).contains("Start with `/follow`") && view.picture.is_none());
    }
}
