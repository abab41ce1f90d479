//! What people see of channels that follow collections.

use std::fmt::Write;
use std::sync::Arc;

use poise::serenity_prelude as serenity;
use serenity::CreateEmbed;

use crate::domain::ids::ChannelId;
use crate::domain::text;
use crate::service::{CollectionFollowRecord, ServiceError};

use super::super::Bot;
use super::super::channel_name::{plain, shown};
use super::super::ids::IntoDomain;
use super::super::options::filled_channel;
use super::super::reply::{self, mention};

/// How many choices an autocompletion may offer, and how long each may be (Discord).
const CHOICES: (usize, usize) = (25, 100);
/// How many channels that aren't followed are named in a list, and how many in an answer.
const GAPS: (usize, usize) = (3, 10);

/// The answer to `/follow collection:`.
pub(in crate::discord) fn followed(record: &CollectionFollowRecord) -> CreateEmbed {
    let target = mention(record.follow.target);
    let mut text = format!("{target} now follows the collection **{}**. ", name(record));
    text.push_str(&match (record.follow.is_in_step(), record.followed) {
        (false, _) => {
            "Its channels are being followed one after the other; `/follows` shows how far that is."
                .to_owned()
        }
        (true, 0) => "None of its channels is followed because of that yet.".to_owned(),
        (true, 1) => format!("New posts of one channel appear in {target} from now on."),
        (true, count) => format!("New posts of {count} channels appear in {target} from now on."),
    });
    text.push_str(" What is added to the collection, or removed from it, changes here, too.");
    text.push_str(&gaps(record, GAPS.1));
    reply::done(text)
}

/// The answer to `/unfollow collection:`.
pub(in crate::discord) fn unfollowed(target: ChannelId) -> CreateEmbed {
    let target = mention(target);
    reply::done(format!(
        "{target} no longer follows that collection. What came from it ends; what was mirrored stays, but for panels. Channels that {target} follows by themselves are still followed."
    ))
}

/// A collection's line in the list of follows.
pub(super) fn line(record: &CollectionFollowRecord) -> String {
    let state = match (record.follow.is_in_step(), record.gaps.is_empty()) {
        (false, _) => "⏳ catching up",
        (true, true) => "🟢 in step",
        (true, false) => "⚠️ not all of its channels",
    };
    let since = record.follow.created_at.timestamp();
    let count = record.followed;
    let word = if count == 1 { "channel" } else { "channels" };
    let gaps = gaps(record, GAPS.0);
    format!(
        "📚 **{}** → {}\n{state} · {count} {word} · made <t:{since}:R>{gaps}",
        name(record),
        shown(&record.target)
    )
}

fn name(record: &CollectionFollowRecord) -> String {
    text::escape(record.name.as_str())
}

/// Which channels aren't followed, and why.
fn gaps(record: &CollectionFollowRecord, most: usize) -> String {
    let mut lines = String::new();
    for (channel, reason) in record.gaps.iter().take(most) {
        let _ = write!(lines, "\n> Not {}: {}", shown(channel), reason.explanation());
    }
    if record.gaps.len() > most {
        let _ = write!(lines, "\n> and {} more.", record.gaps.len() - most);
    }
    lines
}

/// Offers the collections that this server's channels follow, by name.
pub(in crate::discord) async fn complete(
    ctx: poise::ApplicationContext<'_, Arc<Bot>, ServiceError>,
    typed: &str,
) -> serenity::CreateAutocompleteResponse {
    let found = match reply::actor(ctx) {
        Ok(actor) => ctx.data().follows.collection_choices(actor).await.unwrap_or_default(),
        Err(_) => Vec::new(),
    };
    let meant = filled_channel(ctx, "into").unwrap_or(ctx.interaction.channel_id.into_domain());
    let typed = typed.trim().to_lowercase();
    let choice = |record: &CollectionFollowRecord| {
        let label = format!("{} → {}", record.name.as_str(), plain(&record.target));
        (text::cut(&label, CHOICES.1).into_owned(), record.choice(meant))
    };
    let all = found.iter().map(choice).filter(|(label, _)| label.to_lowercase().contains(&typed));
    all.take(CHOICES.0).fold(serenity::CreateAutocompleteResponse::new(), |answer, (label, value)| {
        answer.add_string_choice(label, value)
    })
}
