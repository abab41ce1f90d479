//! What the tests of several kinds need.

use chrono::{DateTime, TimeZone, Utc};

use crate::domain::ids::{ChannelId, GuildId};
use crate::domain::panel::{Filled, PanelId, View};
use crate::panel::kind::{Input, Place, Scene};
use crate::panel::sources::Settings;

/// A Friday's noon.
pub(super) fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, 0).unwrap()
}

pub(super) fn guild() -> GuildId {
    GuildId::new(7).unwrap()
}

pub(super) fn scene() -> Scene {
    let place = Place { guild: guild(), channel: ChannelId::new(8).unwrap() };
    Scene { panel: PanelId(1), title: "Panel".to_owned(), place, since: noon() }
}

/// A press by somebody who may manage the panel.
pub(super) fn press<'a>(action: &'a str, settings: &'a Settings) -> Input<'a> {
    Input { action, chosen: None, filled: None, manager: true, guild: guild(), settings, now: noon() }
}

pub(super) fn filled<const N: usize>(fields: [(&str, &str); N]) -> Filled {
    fields.into_iter().collect()
}

/// Discord takes the view as it is: nothing of it needs to be cut.
pub(super) fn assert_fits(view: &View) {
    let fitted = view.clone().fitted();
    // The whole views are too long to be read in a test's output.
    assert!(fitted.embeds == view.embeds, "an embed is too large");
    assert!(fitted.controls == view.controls, "a control is too large");
}

/// All texts of a view's embeds, one a line.
pub(super) fn texts(view: &View) -> String {
    let mut texts = Vec::new();
    for embed in &view.embeds {
        texts.extend(embed.title.clone());
        texts.extend(embed.description.clone());
        for field in &embed.fields {
            texts.push(format!("{}: {}", field.name, field.value));
        }
    }
    texts.join("\n")
}
