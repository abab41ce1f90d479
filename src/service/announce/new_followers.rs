//! Tells the moderators of a followed channel who follows it or asks to, in the channel that they chose: at
//! most one message a minute, however many followers there are. If the bot may not post there, that is noted,
//! and it doesn't try again.

use std::collections::HashMap;

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::domain::clock::Clock;
use crate::domain::follow::{Follow, FollowId, FollowState};
use crate::domain::ids::GuildId;
use crate::domain::text;
use crate::rest::Client;
use crate::store::{FollowerNews, Store, StoreError};

use super::{Announcer, NAMED, announce_all};

/// How long a channel waits for the next message about it.
const PAUSE: TimeDelta = TimeDelta::minutes(1);
/// How much of a server's name is shown.
const NAME: usize = 40;
/// How many requests one message offers to decide on (Discord: 5 rows of components); `/followers` shows the
/// others.
const REQUESTS: usize = 5;

/// Announces new followers, and requests to follow.
pub struct NewFollowerAnnouncer {
    store: Store,
    rest: Client,
    clock: Clock,
}

impl NewFollowerAnnouncer {
    /// One over these parts.
    pub const fn new(store: Store, rest: Client, clock: Clock) -> Self {
        Self { store, rest, clock }
    }

    /// Announces until it is stopped.
    pub async fn run(self) {
        announce_all(self).await;
    }

    async fn announce(&self, news: &FollowerNews) -> Result<(), StoreError> {
        let Some(guild) = news.follows.first().map(|follow| follow.source_guild) else { return Ok(()) };
        let rest = self.rest.of_server(guild);
        let mut names = HashMap::new();
        for follow in &news.follows {
            if names.len() < NAMED && !names.contains_key(&follow.guild) {
                let name = rest.guild(follow.guild).await.ok().map(|guild| guild.name);
                names.insert(follow.guild, name);
            }
        }
        let Err(error) = rest.create_message(news.notify, &message(news, &names)).await else {
            return Ok(());
        };
        let (channel, notify) = (news.channel, news.notify);
        tracing::warn!(%channel, %notify, %error, "nobody could be told of a channel's followers");
        if error.passes() {
            return self.store.put_follower_news_back(news).await;
        }
        self.store.refuse_notify(channel, notify, self.clock.now()).await
    }
}

impl Announcer for NewFollowerAnnouncer {
    const SUBJECT: &'static str = "new followers";

    async fn announce_some(&mut self) -> Result<bool, StoreError> {
        for news in self.store.take_follower_news(self.clock.now(), PAUSE).await? {
            self.announce(&news).await?;
        }
        Ok(false)
    }
}

/// What a moderator decides about a request, by a button under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The channel may follow.
    Approve,
    /// The channel may not follow.
    Decline,
}

impl Decision {
    /// The id of the decision's button.
    pub fn custom_id(self, follow: FollowId) -> String {
        let word = match self {
            Self::Approve => "approve",
            Self::Decline => "decline",
        };
        format!("request:{word}:{}", follow.0)
    }

    /// Reads a button's id; `None` if it belongs to no request.
    pub fn parse(id: &str) -> Option<(Self, FollowId)> {
        let (word, id) = id.strip_prefix("request:")?.split_once(':')?;
        let decision = match word {
            "approve" => Self::Approve,
            "decline" => Self::Decline,
            _ => return None,
        };
        Some((decision, FollowId(id.parse().ok()?)))
    }
}

type Names = HashMap<GuildId, Option<String>>;

fn message(news: &FollowerNews, names: &Names) -> Value {
    let (new, asking): (Vec<&Follow>, Vec<&Follow>) =
        news.follows.iter().partition(|follow| follow.state == FollowState::Active);
    let source = format!("<#{}>", news.channel);
    let mut lines = Vec::new();
    match new.len() {
        0 => {}
        1 => lines.push(format!("1 new follower of {source}: {}.", servers(&new, names))),
        count => lines.push(format!("{count} new followers of {source}: {}.", servers(&new, names))),
    }
    match asking.len() {
        0 => {}
        1 => lines.push(format!("A channel of another server asks to follow {source}.")),
        count => lines.push(format!("{count} channels of other servers ask to follow {source}.")),
    }
    lines.extend(asking.iter().take(REQUESTS).map(|follow| request(follow, names)));
    if asking.len() > REQUESTS {
        lines.push("`/followers` shows the others.".to_owned());
    }
    json!({
        "content": lines.join("\n"),
        "components": asking.iter().take(REQUESTS).map(|follow| buttons(follow.id)).collect::<Vec<_>>(),
        "allowed_mentions": { "parse": [] },
    })
}

/// A request in one line, with its number.
fn request(follow: &Follow, names: &Names) -> String {
    format!("{}: a channel of {}", follow.id, name(follow.guild, names).unwrap_or_else(unnamed))
}

fn buttons(follow: FollowId) -> Value {
    let button = |decision: Decision, label: &str, style: u8| json!({ "type": 2, "style": style, "label": format!("{label} {follow}"), "custom_id": decision.custom_id(follow) });
    json!({ "type": 1, "components": [
        button(Decision::Approve, "Approve", 3),
        button(Decision::Decline, "Decline", 4),
    ] })
}

/// The servers of these follows: each is named once, with the number of its follows.
fn servers(follows: &[&Follow], names: &Names) -> String {
    let mut counts: Vec<(GuildId, usize)> = Vec::new();
    for follow in follows {
        match counts.iter_mut().find(|(guild, _)| *guild == follow.guild) {
            Some((_, count)) => *count += 1,
            None => counts.push((follow.guild, 1)),
        }
    }
    let named = counts.iter().filter_map(|(guild, count)| {
        let name = name(*guild, names)?;
        Some(if *count > 1 { format!("{name} ({count})") } else { name })
    });
    let named: Vec<String> = named.take(NAMED).collect();
    let more = counts.len() - named.len();
    match (named.is_empty(), more) {
        (true, _) => unnamed(),
        (false, 0) => named.join(", "),
        (false, 1) => format!("{} and 1 more server", named.join(", ")),
        (false, more) => format!("{} and {more} more servers", named.join(", ")),
    }
}

/// A server's name, made safe to show anywhere.
fn name(guild: GuildId, names: &Names) -> Option<String> {
    let name = names.get(&guild)?.as_ref()?;
    Some(format!("**{}**", text::escape(&text::cut(name, NAME))))
}

fn unnamed() -> String {
    "another server".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_back_and_nothing_else() {
        for decision in [Decision::Approve, Decision::Decline] {
            assert_eq!(Decision::parse(&decision.custom_id(FollowId(7))), Some((decision, FollowId(7))));
        }
        for other in
            ["", "request:", "request:approve", "request:approve:x", "request:remove:1", "follow:yes:1"]
        {
            assert_eq!(Decision::parse(other), None, "{other}");
        }
    }
}
