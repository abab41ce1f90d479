//! `server`: members, channels and boosts, and how the server grows.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::domain::message::{Embed, EmbedMedia};
use crate::domain::panel::{Button, Control, PanelView, Picture};
use crate::domain::text;
use crate::panel::chart::{Chart, Series, Shape, Unit};
use crate::panel::embed::{field, picture};
use crate::panel::kind::{PanelContext, PanelKind, PanelLocation};
use crate::panel::placeholders::{grouped, if_known};
use crate::panel::sources::growth::{Growth, GrowthChange};
use crate::panel::sources::{DataSources, ServerFacts, SourceUnavailable};

/// Blurple, as Discord's own.
const COLOR: u32 = 0x58_65_f2;

/// The kind.
pub(super) struct Server;

/// There is nothing to choose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Config {}

/// What is known of the server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Data {
    facts: ServerFacts,
    growth: Growth,
}

impl PanelKind for Server {
    type Config = Config;
    type Data = Data;

    const NAME: &'static str = "server";
    const SUMMARY: &'static str = "this server's members, channels and boosts";
    const TITLE: &'static str = "Server";

    async fn gather(
        sources: &DataSources,
        location: PanelLocation,
        _: &Config,
    ) -> Result<Data, SourceUnavailable> {
        let facts = sources.server(location.guild).await?;
        let growth = sources.growth(location.guild, &facts).await?;
        Ok(Data { facts, growth })
    }

    fn render(context: &PanelContext, _: &Config, Data { facts, growth }: &Data) -> PanelView {
        let picture = growth.times().and_then(|times| chart(growth, times));
        let embed = Embed {
            title: Some(context.title.clone()),
            description: Some(format!("**{}**", text::escape(&facts.name))),
            color: Some(COLOR),
            thumbnail: facts.icon_url.clone().map(|url| EmbedMedia { url }),
            fields: vec![
                field("Members", if_known(facts.members)),
                field("Online", about(facts.online.map(rounded))),
                field("Growth", grown(&growth.changes)),
                field("Channels", grouped(facts.channels)),
                field("Boosts", grouped(facts.boosts)),
                field("Boost level", facts.boost_level.to_string()),
            ],
            image: picture.as_ref().map(|_| Picture::address()),
            ..Embed::default()
        };
        let controls = vec![Control::Buttons(vec![Button::quiet("Refresh", "refresh")])];
        PanelView { embeds: vec![embed], picture, controls }
    }
}

/// Rounds to two significant digits: the number changes all the time, and isn't worth an edit each time.
fn rounded(online: u64) -> u64 {
    let digits = online.checked_ilog10().unwrap_or(0);
    let unit = 10_u64.pow(digits.saturating_sub(1));
    (online + unit / 2) / unit * unit
}

/// An approximate number, if one is known.
pub(super) fn about(number: Option<u64>) -> String {
    number.map_or_else(|| if_known(None), |number| format!("about {}", grouped(number)))
}

fn grown(changes: &[GrowthChange]) -> String {
    if changes.is_empty() {
        return "known after a day".to_owned();
    }
    let line = |change: &GrowthChange| {
        let sign = if change.members > 0 {
            "+"
        } else if change.members < 0 {
            "−"
        } else {
            "±"
        };
        let time = if change.days == 1 { "24 hours".to_owned() } else { format!("{} days", change.days) };
        format!("**{sign}{}** in {time}", grouped(change.members.unsigned_abs()))
    };
    changes.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn chart(
    growth: &Growth,
    (from, to): (chrono::DateTime<chrono::Utc>, chrono::DateTime<chrono::Utc>),
) -> Option<Picture> {
    let chart = Chart {
        title: "Members, last 7 days".to_owned(),
        unit: Unit::Count("members"),
        shape: Shape::Line,
        from,
        to,
        gap: TimeDelta::hours(6),
        series: vec![Series { name: "Members".to_owned(), points: growth.points() }],
    };
    picture(&chart, "A chart of the number of members in the last 7 days".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::test_support;
    use super::*;

    #[test]
    fn who_is_online_is_rounded() {
        assert_eq!([0, 7, 12, 123, 4567, 99_999].map(rounded), [0, 7, 12, 120, 4600, 100_000]);
    }

    #[test]
    fn growth_is_said_as_far_as_it_is_known() {
        assert_eq!(grown(&[]), "known after a day");
        let changes = [(1, 0), (7, 1234), (30, -5)].map(|(days, members)| GrowthChange { days, members });
        assert_eq!(grown(&changes), "**±0** in 24 hours\n**+1,234** in 7 days\n**−5** in 30 days");
    }

    #[test]
    fn a_server_that_is_not_known_yet_is_shown_too() {
        let view = Server::render(&test_support::context(), &Config {}, &Data::default());
        test_support::assert_fits(&view);
        assert!(view.picture.is_none());
        let value =
            |name: &str| view.embeds[0].fields.iter().find(|field| field.name == name).unwrap().value.clone();
        assert_eq!((value("Members"), value("Online")), ("unknown".to_owned(), "unknown".to_owned()));
    }
}
