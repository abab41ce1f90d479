//! What a panel is: a message of the bot's that is kept current, and mirrored into every follower of its
//! channel. The kinds of panel are in `crate::panel`. Here is what all of them share.

pub mod form;
pub mod progress;
pub mod view;

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ids::{ChannelId, GuildId, MessageId, UserId};

pub use form::{Field, Filled, Form};
pub use view::{Button, Choice, Control, Picture, SelectMenu, Style, View};

/// How many panels a channel may have.
pub const MOST_IN_CHANNEL: usize = 5;
/// How often a panel is refreshed, where nobody says otherwise.
pub const REFRESH: Duration = Duration::from_secs(5 * 60);
/// How often at most, and how often at least.
pub const REFRESH_BOUNDS: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(24 * 60 * 60));
/// How long a panel's title may be: what fits into the list, an autocompletion and an embed.
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

/// The id of a component that asks a panel for something. It says everything, so a press is understood even
/// after a restart.
pub fn custom_id(panel: PanelId, action: &str) -> String {
    format!("panel:{panel}:{action}")
}

/// Reads a component's id: the panel, and the action that is asked for. `None` where it isn't a panel's.
pub fn read_custom_id(id: &str) -> Option<(PanelId, &str)> {
    let (panel, action) = id.strip_prefix("panel:")?.split_once(':')?;
    Some((PanelId(panel.parse().ok()?), action))
}

/// Whether a panel is kept current.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PanelState {
    /// It is.
    Active,
    /// Its message was deleted by hand, or the bot can't write there any more.
    Inactive,
    /// It is to go: its message is still to be deleted.
    Removed,
}

impl PanelState {
    /// The word that the database keeps.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Removed => "removed",
        }
    }

    /// The state that this word stands for.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Inactive, Self::Removed].into_iter().find(|state| state.as_str() == text)
    }
}

/// What a person chooses when they make a panel.
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
    /// What its kind needs to know.
    pub config: Value,
    /// How often it is refreshed.
    pub refresh: Duration,
    /// Who makes it; none where that is a forgotten person's.
    pub created_by: Option<UserId>,
}

/// A panel as it is kept.
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
    /// What its kind needs to know.
    pub config: Value,
    /// Counts the changes of title and configuration, so that two at once don't overwrite each other.
    pub version: i32,
    /// The last good values of its data source; none before the first.
    pub data: Option<Value>,
    /// When these were gathered.
    pub data_at: Option<DateTime<Utc>>,
    /// Its message; none while it isn't posted.
    pub message: Option<MessageId>,
    /// The newest message of the channel when the posting of its own was begun: what that made is newer.
    pub posting_after: Option<MessageId>,
    /// The revision that its message shows.
    pub shown_revision: Option<i32>,
    /// How often it is refreshed.
    pub refresh: Duration,
    /// How often in a row Discord refused an edit because there were too many (30046).
    pub slowed: u32,
    /// Whether it is kept current.
    pub state: PanelState,
    /// What is wrong with it, as people read it.
    pub error: Option<String>,
    /// Who made it; none once that person is forgotten.
    pub created_by: Option<UserId>,
    /// When it was last refreshed.
    pub refreshed_at: Option<DateTime<Utc>>,
    /// When it is refreshed next.
    pub next_refresh_at: DateTime<Utc>,
}

impl Panel {
    /// How often it is refreshed now. While Discord refuses frequent edits, half as often after each refusal,
    /// down to once an hour.
    pub fn pace(&self) -> Duration {
        const SLOWEST: Duration = Duration::from_secs(60 * 60);
        let slowed = self.refresh.saturating_mul(1 << self.slowed.min(10));
        slowed.min(SLOWEST.max(self.refresh))
    }
}

/// How a panel looks at a revision: what an activity keeps of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Face {
    /// Whose.
    pub panel: PanelId,
    /// The bot's name, which is the author of the mirrors.
    pub author: String,
    /// The bot's picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<String>,
    /// A link to the panel's own message; empty before it is posted.
    #[serde(default)]
    pub link: String,
    /// The only servers in which it may be seen; none means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_in: Option<Vec<GuildId>>,
    /// Since when it has looked like this.
    pub since: DateTime<Utc>,
    /// What it shows.
    pub view: View,
}

impl Face {
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
