//! What `/collection` answers, and what is offered while a collection's name is typed.

use std::sync::Arc;

use poise::serenity_prelude as serenity;
use serenity::CreateEmbed;

use crate::domain::collection::Collection;
use crate::domain::ids::ChannelId;
use crate::domain::{limits, text};
use crate::service::ServiceError;
use crate::service::collections::{CollectionCounts, CollectionRecord};

use super::Bot;
use super::channel_name;
use super::reply::{self, mention};

/// How many choices an autocompletion may offer (Discord).
const CHOICES: usize = 25;

/// A collection's name in a text.
pub(super) fn name(collection: &Collection) -> String {
    format!("**{}**", text::escape(collection.options.name.as_str()))
}

/// It was made.
pub(super) fn created(collection: &Collection) -> CreateEmbed {
    reply::done(format!(
        "The collection {} is ready, and has no channels yet. Add some with `/collection add`.",
        name(collection)
    ))
}

/// It was changed, or was so already.
pub(super) fn edited(record: &CollectionRecord) -> CreateEmbed {
    let mut lines = vec![format!("The collection is now {}.", name(&record.collection))];
    lines.extend(about(&record.collection));
    reply::done(lines.join("\n"))
}

/// A channel was added, or was there already.
pub(super) fn added(collection: &str, channel: ChannelId, is_new: bool) -> CreateEmbed {
    let (channel, collection) = (mention(channel), text::escape(collection));
    reply::done(if is_new {
        format!("{channel} is now in the collection **{collection}**.")
    } else {
        format!("{channel} is already in the collection **{collection}**.")
    })
}

/// A channel was removed.
pub(super) fn removed(collection: &str, channel: ChannelId) -> CreateEmbed {
    let (channel, collection) = (mention(channel), text::escape(collection));
    reply::done(format!("{channel} is no longer in the collection **{collection}**."))
}

/// It was deleted.
pub(super) fn deleted(collection: &str) -> CreateEmbed {
    let collection = text::escape(collection);
    reply::done(format!(
        "The collection **{collection}** is deleted, and nobody follows it any more. The channels themselves stay."
    ))
}

/// The server's collections.
pub(super) fn list(all: &[(Collection, CollectionCounts)]) -> CreateEmbed {
    let title = match all.len() {
        0 => {
            let text = "A collection is a list of channels that can be followed as one. Make the first with `/collection create`.";
            return reply::info("No collections", text);
        }
        1 => "1 collection".to_owned(),
        count => format!("{count} collections"),
    };
    let line = |(collection, counts): &(Collection, CollectionCounts)| {
        let channels = counted(counts.channels, "channel");
        format!("{} · {channels} · {}", name(collection), people(counts.followers))
    };
    let lines: Vec<String> = all.iter().map(line).collect();
    reply::info(title, text::cut(&lines.join("\n"), limits::EMBED_DESCRIPTION))
}

/// One collection with its channels.
pub(super) fn show(record: &CollectionRecord) -> CreateEmbed {
    let CollectionRecord { collection, counts, channels } = record;
    let mut lines: Vec<String> = about(collection).into_iter().collect();
    lines.push(format!("{} · {}", counted(counts.channels, "channel"), people(counts.followers)));
    if channels.is_empty() {
        lines.push("Add channels with `/collection add`.".to_owned());
    }
    lines.extend(channels.iter().map(|channel| format!("• {}", channel_name::shown(channel))));
    let title = text::escape(collection.options.name.as_str());
    reply::info(title, text::cut(&lines.join("\n"), limits::EMBED_DESCRIPTION))
}

/// What it is about, and whether others may follow it.
fn about(collection: &Collection) -> Option<String> {
    let described = collection.options.description.as_ref().map(|about| text::escape(about.as_str()));
    let open = collection.options.open.then(|| {
        "Open: members of other servers who can read one of its channels may follow it, too.".to_owned()
    });
    let lines: Vec<String> = described.into_iter().chain(open).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn counted(count: u64, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

fn people(count: u64) -> String {
    match count {
        0 => "followed by nobody".to_owned(),
        1 => "followed by 1 person".to_owned(),
        count => format!("followed by {count} people"),
    }
}

/// Offers the server's collections by name.
pub(super) async fn complete(
    ctx: poise::ApplicationContext<'_, Arc<Bot>, ServiceError>,
    typed: &str,
) -> serenity::CreateAutocompleteResponse {
    let found = match reply::actor(ctx) {
        Ok(actor) => ctx.data().collections.choices(actor, typed).await.unwrap_or_default(),
        Err(_) => Vec::new(),
    };
    let names = found.iter().take(CHOICES).map(|found| found.options.name.as_str().to_owned());
    names.fold(serenity::CreateAutocompleteResponse::new(), |answer, name| {
        answer.add_string_choice(name.clone(), name)
    })
}
