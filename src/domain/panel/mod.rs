//! What a panel is: a message that the bot keeps current, and mirrors into every channel that follows its
//! channel. Here is what all panels have; `crate::panel` has their kinds, and says who else works on panels.

pub mod form;
pub mod progress;
pub mod view;

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::choice::choice;
use super::ids::{ChannelId, GuildId, MessageId, UserId};

pub use form::{FieldProblem, Form, FormAnswers, FormField};
pub use view::{Button, ButtonStyle, Control, MenuOption, PanelView, Picture, SelectMenu};

/// How many panels a channel may have.
pub const MOST_IN_CHANNEL: usize = 5;
/// How often a panel is refreshed, unless its creator chooses otherwise.
pub const REFRESH: Duration = Duration::from_secs(5 * 60);
/// The shortest and the longest interval.
pub const REFRESH_BOUNDS: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(24 * 60 * 60));
/// How long a panel's title may be: what fits into the list, into a choice of an autocompletion and into an
/// embed.
pub const LONGEST_TITLE: usize = 80;

/// A panel's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PanelId(pub i64);

impl fmt::Display for PanelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The id of a component that asks a panel for something. It says all that is needed, so presses work after a
/// restart, too.
pub fn custom_id(panel: PanelId, action: &str) -> String {
    format!("panel:{panel}:{action}")
}

/// Reads a component's id: which panel, and which action. `None` for one that doesn't belong to a panel.
pub fn read_custom_id(id: &str) -> Option<(PanelId, &str)> {
    let (panel, action) = id.strip_prefix("panel:")?.split_once(':')?;
    Some((PanelId(panel.parse().ok()?), action))
}

choice! {
    /// Whether a panel is kept current.
    PanelState {
        /// It is.
        Active = "active",
        /// Somebody deleted its message, or the bot can't post in its channel any more.
        Inactive = "inactive",
        /// It is deleted; its message still has to be.
        Removed = "removed",
    }
}

/// What a person chooses when they create a panel.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPanel {
    /// Its server.
    pub guild: GuildId,
    /// Where it is posted.
    pub channel: ChannelId,
    /// The name of its kind.
    pub kind: String,
    /// Its title.
    pub title: String,
    /// Its kind's configuration.
    pub config: Value,
    /// How often it is refreshed.
    pub refresh: Duration,
    /// Who creates it; `None` for a person who was forgotten.
    pub created_by: Option<UserId>,
}

/// A panel as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// Its number.
    pub id: PanelId,
    /// Its server.
    pub guild: GuildId,
    /// Where it is posted.
    pub channel: ChannelId,
    /// The name of its kind.
    pub kind: String,
    /// Its title.
    pub title: String,
    /// Its kind's configuration.
    pub config: Value,
    /// Counts the changes of title and configuration, so that two changes at once don't overwrite each other.
    pub version: i32,
    /// The last good values of its data source; `None` before the first.
    pub data: Option<Value>,
    /// When these were gathered.
    pub data_at: Option<DateTime<Utc>>,
    /// Its message; `None` while it isn't posted.
    pub message: Option<MessageId>,
    /// The newest message in the channel when the bot began to post the panel's own: whatever that posted is
    /// newer.
    pub posting_after: Option<MessageId>,
    /// The revision that its message shows.
    pub shown_revision: Option<i32>,
    /// How often it is refreshed.
    pub refresh: Duration,
    /// How often in a row Discord refused an edit because there were too many (error 30046).
    pub slowed: u32,
    /// Whether it is kept current.
    pub state: PanelState,
    /// What is wrong with it, as people read it.
    pub error: Option<String>,
    /// Who created it; `None` once that person is forgotten.
    pub created_by: Option<UserId>,
    /// When it was last refreshed.
    pub refreshed_at: Option<DateTime<Utc>>,
    /// When it is next refreshed.
    pub next_refresh_at: DateTime<Utc>,
}

impl Panel {
    /// Its present interval: doubled after each refusal while Discord refuses frequent edits, up to an hour.
    pub fn interval(&self) -> Duration {
        const SLOWEST: Duration = Duration::from_secs(60 * 60);
        let slowed = self.refresh.saturating_mul(1 << self.slowed.min(10));
        slowed.min(SLOWEST.max(self.refresh))
    }
}

/// What a panel shows at one revision: the content of its activity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PanelSnapshot {
    /// The panel.
    pub panel: PanelId,
    /// The bot's name, which heads the mirrors.
    pub author: String,
    /// The bot's picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<String>,
    /// A link to the panel's own message; empty before it is posted.
    #[serde(default)]
    pub link: String,
    /// The only servers in which it may be seen; `None` means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_in: Option<Vec<GuildId>>,
    /// Since when it has looked like this.
    pub since: DateTime<Utc>,
    /// What it shows.
    pub view: PanelView,
}

impl PanelSnapshot {
    /// Whether an edit from one to the other is worth a request.
    pub fn shows_the_same(&self, other: &Self) -> bool {
        (&self.view, &self.only_in) == (&other.view, &other.only_in)
    }

    /// Whether it may be seen in this server.
    pub fn may_be_seen_in(&self, guild: GuildId) -> bool {
        self.only_in.as_ref().is_none_or(|allowed| allowed.contains(&guild))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_read_back() {
        for state in [PanelState::Active, PanelState::Inactive, PanelState::Removed] {
            assert_eq!(PanelState::parse(state.as_str()), Some(state));
        }
        assert_eq!(PanelState::parse("Active"), None);
    }

    #[test]
    fn ids_of_components_are_read_back() {
        assert_eq!(read_custom_id(&custom_id(PanelId(7), "span:24h")), Some((PanelId(7), "span:24h")));
        for other in ["follows:act:0:n", "panel:x:y", "panel:7", ""] {
            assert_eq!(read_custom_id(other), None, "{other}");
        }
    }
}
