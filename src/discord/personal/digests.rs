//! What is said of digests.

use poise::serenity_prelude as serenity;
use serenity::CreateEmbed;

use crate::domain::digest::{Digest, MOST_REFUSALS};
use crate::service::people::schedule_in_words;

use super::super::reply;

/// A digest was set up, and the first one sent.
pub(in crate::discord) fn set(digest: &Digest) -> CreateEmbed {
    reply::done(format!(
        "You get a digest {}, if there is something new. I have just sent you the first one.",
        schedule_in_words(&digest.schedule)
    ))
}

/// A digest was ended, or there was none.
pub(in crate::discord) fn ended(was_there: bool) -> CreateEmbed {
    if was_there {
        reply::done("You get no more digests.")
    } else {
        reply::info("Nothing to do", "You get no digests.")
    }
}

/// What somebody set.
pub(in crate::discord) fn shown(digest: Option<&Digest>) -> CreateEmbed {
    let Some(digest) = digest else {
        return reply::info(
            "You get no digests",
            "With `/feed digest every:day hour:8 timezone:Europe/Berlin`, I send you what is new in your feed, every day at that hour.",
        );
    };
    let when = schedule_in_words(&digest.schedule);
    match digest.next_at {
        Some(next) => reply::info(
            "Your digest",
            format!(
                "It comes {when}, if there is something new: next <t:{0}:F> (<t:{0}:R>). `/feed digest every:off` ends it.",
                next.timestamp()
            ),
        ),
        None => reply::question(format!(
            "Your digest ({when}) is paused: Discord refused {MOST_REFUSALS} in a row. Allow direct messages in the privacy settings of a server that we share, and set it up again with `/feed digest every:{}`.",
            digest.schedule.every.as_str()
        )),
    }
}
