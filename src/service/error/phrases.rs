//! Phrases that the texts of refusals are made of.

use crate::domain::channel::ChannelKind;
use crate::domain::follow::ChannelPair;
use crate::domain::ids::ChannelId;
use crate::domain::tags::{Tag, TagSet};
use crate::domain::text;

use super::MissingPermissions;

/// Who may change a panel. Doesn't name another server's channel.
pub(super) fn panel_right(own: bool, channel: ChannelId) -> String {
    if own {
        format!("You need **Manage Channels** in <#{channel}> to change this panel.")
    } else {
        "This panel belongs to another server. People with **Manage Channels** change it there.".to_owned()
    }
}

/// What a follow would make public.
pub(super) fn not_confirmed(pair: ChannelPair) -> String {
    format!(
        "Everyone in this server would be able to read in <#{}> what is posted in <#{}>, a channel that most of them can't see. Confirm it if that is what you want.",
        pair.target, pair.source
    )
}

/// What somebody typed, as code.
pub(super) fn code(typed: &str) -> String {
    format!("`{}`", text::cut(typed, TagSet::LONGEST).replace('`', "'"))
}

pub(super) fn no_such_tag(forum: ChannelId, name: &str, offered: &[String]) -> String {
    let names: Vec<String> = offered.iter().map(|name| text::escape(name)).collect();
    let tags = match names.split_last() {
        None => "It has none at all.".to_owned(),
        Some(_) => format!("Its tags are {}.", names.join(", ")),
    };
    let hashtag = match Tag::hashtag(name) {
        Some(_) => format!(" For a hashtag in the text write {}.", code(&format!("#{name}"))),
        None => String::new(),
    };
    format!("<#{forum}> has no tag {}. {tags}{hashtag}", code(name))
}

pub(super) fn lacks(lacks: &[MissingPermissions]) -> String {
    let each = lacks.iter().map(|lack| format!("{} in <#{}>", lack.permissions.listed(), lack.channel));
    each.collect::<Vec<_>>().join(", and ")
}

pub(super) const fn later(kind: ChannelKind) -> &'static str {
    match kind {
        ChannelKind::Forum | ChannelKind::PublicThread | ChannelKind::PrivateThread => " yet",
        _ => "",
    }
}
