//! `/follow`.

use std::sync::Arc;

use poise::serenity_prelude as serenity;

use crate::domain::follow::{Delivery, Filter, Follow, FollowState, Mode};
use crate::domain::text;
use crate::service::{DeliveryChoice, FollowRequest, Followed, ServiceError, SourceChoice};

use super::super::ids::IntoDomain;
use super::super::reply::{self, mention};
use super::super::{Bot, Context};

/// Let a channel follow another: what is posted there appears here
///
/// From then on, what is posted in the source also appears in the target. Announcement channels use Discord's own following, which copies what is published; all others
/// are relayed by the bot. Needs Manage Channels in the target, and a source that you see.
///
/// Example: `/follow channel:#releases into:#news`
#[poise::command(slash_command, guild_only, default_member_permissions = "MANAGE_CHANNELS")]
#[expect(clippy::too_many_arguments, reason = "one for each option of the command")]
pub(super) async fn follow(
    ctx: Context<'_>,
    #[description = "The channel to follow"] channel: Option<serenity::ChannelId>,
    #[description = "Or its link or id, for a channel of another server"] link: Option<String>,
    #[description = "The channel that receives the posts (default: this one)"] into: Option<
        serenity::ChannelId,
    >,
    #[description = "Which posts: all, all except those with the tags, or only those (default: all)"]
    mode: Option<Mode>,
    #[description = "Tags for the modes except and only, separated by commas"]
    #[autocomplete = "complete_tags"]
    tags: Option<String>,
    #[description = "How: native (Discord's own following) or relay (default: auto)"] delivery: Option<
        DeliveryChoice,
    >,
    #[description = "Mirror the source's panels too (default: true)"] panels: Option<bool>,
    #[description = "Begin with this many of the source's last posts (relay only; default: 0)"]
    #[min = 0]
    #[max = 50]
    backfill: Option<u8>,
) -> Result<(), ServiceError> {
    let actor = reply::actor(ctx)?;
    let source = SourceChoice::new(channel.map(IntoDomain::into_domain), link.as_deref())?;
    let target = into.map_or(actor.channel, IntoDomain::into_domain);
    let mode = mode.unwrap_or(Mode::All);
    let delivery = delivery.unwrap_or_default();
    let (panels, backfill) = (panels.unwrap_or(true), backfill.unwrap_or(0));
    let request = FollowRequest::new(source, target, mode, tags.as_deref(), delivery, panels, backfill)?;
    let followed = ctx.data().follows.follow(actor, request).await?;
    reply::embed(ctx, reply::done(describe(&followed))).await;
    Ok(())
}

/// What came of it, as the admin reads it.
fn describe(followed: &Followed) -> String {
    let (Followed::New { follow, .. } | Followed::Changed(follow) | Followed::Repaired(follow)) = followed;
    let source = mention(follow.pair.source);
    let target = mention(follow.pair.target);
    let id = follow.id;
    let outcome = match followed {
        Followed::New { earlier: 0, .. } => format!("{target} now follows {source} (follow {id})."),
        Followed::New { earlier, .. } => {
            format!("{target} now follows {source} (follow {id}), beginning with its last {earlier} posts.")
        }
        Followed::Changed(_) => format!("Follow {id} has new options: {target} follows {source}."),
        Followed::Repaired(_) => format!("Follow {id} works again: {target} follows {source}."),
    };
    if follow.state == FollowState::Paused {
        return format!("{outcome} It is still paused: resume it in `/follows`.");
    }
    format!("{outcome} {}", what_to_expect(follow))
}

fn what_to_expect(follow: &Follow) -> String {
    let target = mention(follow.pair.target);
    match (follow.options.delivery, &follow.options.filter) {
        (Delivery::Native, _) => {
            "Discord's own following delivers: posts appear once they are published in the source.".to_owned()
        }
        (Delivery::Relay, Filter::All) => format!("New posts appear in {target} from now on."),
        (Delivery::Relay, filter) => {
            let tags = text::escape(&text::cut(&filter.tag_list(), 200));
            format!(
                "The mode `{}` with {tags} is remembered; until a later version filters by tag, all new posts appear in {target}.",
                filter.mode().as_str()
            )
        }
    }
}

/// Offers the tags that this server's follows use already, and what has been typed.
async fn complete_tags(
    ctx: poise::ApplicationContext<'_, Arc<Bot>, ServiceError>,
    typed: &str,
) -> serenity::CreateAutocompleteResponse {
    let known = match reply::actor(ctx) {
        Ok(actor) => ctx.data().follows.known_tags(actor).await.unwrap_or_default(),
        Err(_) => Vec::new(),
    };
    complete(typed, &known).into_iter().fold(serenity::CreateAutocompleteResponse::new(), |answer, text| {
        answer.add_string_choice(text.clone(), text)
    })
}

/// What the text may become: itself, or itself with its last tag completed. Discord: 25 choices of at most 100 characters.
fn complete(typed: &str, known: &[String]) -> Vec<String> {
    let (before, last) = typed.rsplit_once(',').map_or(("", typed), |(before, last)| (before.trim(), last));
    let last = crate::domain::tags::normalise(last);
    let join = |tag: &str| if before.is_empty() { tag.to_owned() } else { format!("{before}, {tag}") };
    let itself = (!last.is_empty()).then(|| join(&last));
    let completed = known.iter().filter(|tag| tag.starts_with(&last) && **tag != last).map(|tag| join(tag));
    itself.into_iter().chain(completed).filter(|text| text.chars().count() <= 100).take(25).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completes_the_last_tag() {
        let known = ["bug".to_owned(), "build".to_owned(), "release".to_owned()];
        assert_eq!(complete("bu", &known), ["bu", "bug", "build"]);
        assert_eq!(complete("release, BUG", &known), ["release, bug"]);
        assert_eq!(complete("", &known), known);
        assert_eq!(complete(&"x".repeat(200), &known), [""; 0]);
    }
}
