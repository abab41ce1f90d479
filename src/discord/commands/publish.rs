//! `/publish`.

use poise::serenity_prelude as serenity;

use crate::domain::follow::{Approval, Audience, Publication};
use crate::service::{PublishRequest, Published, ServiceError};

use super::super::Context;
use super::super::ids::IntoDomain;
use super::super::reply::{self, mention};

/// Choose who in other servers may follow a channel, and whether you approve them first
///
/// A channel that isn't published can be followed from its own server only. The exception is an announcement
/// channel that everyone in its server sees: other servers can follow it unless its audience is `closed`.
/// Taking publication back breaks the follows of other servers.
///
/// With `approval:ask`, each new follower from another server waits until somebody with Manage Channels
/// approves it; existing followers stay. `notify` names a channel in which you are told about requests and
/// new followers, once a minute at most; `quiet:True` ends that.
///
/// Options that you leave out stay as they are. With `channel` alone, the answer shows the present settings.
/// Needs Manage Channels in the channel, and in that of `notify`.
///
/// Example: `/publish channel:#releases audience:servers approval:ask notify:#mods`
#[poise::command(slash_command, guild_only, default_member_permissions = "MANAGE_CHANNELS")]
pub(super) async fn publish(
    ctx: Context<'_>,
    #[description = "The channel"] channel: serenity::ChannelId,
    #[description = "Who may follow it: nobody but this server, other servers, everyone, or closed to all others"]
    audience: Option<Audience>,
    #[description = "Whether you approve new followers from other servers first: none, or ask"]
    approval: Option<Approval>,
    #[description = "Tell us about requests and new followers in this channel"] notify: Option<
        serenity::ChannelId,
    >,
    #[description = "Stop telling us about them"] quiet: Option<bool>,
) -> Result<(), ServiceError> {
    let actor = reply::actor(ctx)?;
    let channel = channel.into_domain();
    let notify = notify.map(IntoDomain::into_domain);
    let request = PublishRequest { audience, approval, notify, quiet: quiet.unwrap_or_default() };
    let published = ctx.data().follows.publish(actor, channel, request).await?;
    reply::embed(ctx, reply::done(describe(&mention(channel), published))).await;
    Ok(())
}

fn describe(channel: &str, published: Published) -> String {
    let now = published.now;
    let mut text = vec![audience(channel, published)];
    text.push(match published.broken {
        0 => String::new(),
        1 => "This broke 1 follow of another server.".to_owned(),
        count => format!("This broke {count} follows of other servers."),
    });
    text.extend(consent(&now));
    text.retain(|sentence| !sentence.is_empty());
    text.join(" ")
}

fn audience(channel: &str, published: Published) -> String {
    match published.now.audience {
        Audience::Nobody if published.announcement => format!(
            "{channel} is not published. As an announcement channel that everyone in this server sees, it can still be followed from other servers, as Discord itself allows."
        ),
        Audience::Nobody => format!("{channel} can be followed from this server only."),
        Audience::Closed if published.announcement => format!(
            "{channel} is closed: no other server can follow it through me. Discord's own Follow button stays; only Discord could remove that."
        ),
        Audience::Closed => format!("{channel} is closed: no other server can follow it through me."),
        Audience::Servers | Audience::Everyone => {
            let hidden = if published.everyone_sees {
                String::new()
            } else {
                format!(
                    " Not everyone in this server sees {channel}, but what is posted in it can be shown to anybody in those servers."
                )
            };
            format!(
                "Other servers can follow {channel} now. Anyone who has its link, whether a member of this server or not, can paste it into `/follow link:`.{hidden}"
            )
        }
    }
}

/// Whether moderators approve followers, and where they are told about them.
fn consent(now: &Publication) -> [String; 2] {
    let approval = match now.approval {
        Approval::None => String::new(),
        Approval::Ask => {
            "A new follower from another server waits until somebody with Manage Channels approves it in `/followers`, or where I tell you about it."
                .to_owned()
        }
    };
    let notify = match now.notify {
        None => String::new(),
        Some(notify) if now.notify_refused => format!(
            "I can't post in {} any more, so nobody is told about requests and new followers. Let me post there, then choose it with `notify` again.",
            mention(notify)
        ),
        Some(notify) => format!("I tell you about requests and new followers in {}.", mention(notify)),
    };
    [approval, notify]
}
