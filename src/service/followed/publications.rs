//! The channels of a server that others may follow, for programs that list them.

use crate::domain::channel::ChannelKind;
use crate::domain::follow::{Approval, Audience, Publication};
use crate::domain::ids::ChannelId;
use crate::domain::permissions::Permissions;

use crate::service::access::GuildChannel;
use crate::service::{Actor, FollowService, ServiceError};

/// A channel that can be followed, and who may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowableChannel {
    /// The channel.
    pub channel: ChannelId,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: ChannelKind,
    /// Who may follow it from other servers, as chosen.
    pub audience: Audience,
    /// Whether its moderators are asked first.
    pub approval: Approval,
    /// Whether other servers may follow it: by that choice, or because Discord itself opens it.
    pub open: bool,
    /// How many follow it, from its own server, too.
    pub followers: u64,
}

impl FollowService {
    /// The channels of this server that can be followed and that the person sees, with who may follow them;
    /// in the order of their numbers. That takes Manage Messages in the server as a whole.
    #[tracing::instrument(skip_all, fields(server = %actor.guild))]
    pub async fn followable_channels(&self, actor: Actor) -> Result<Vec<FollowableChannel>, ServiceError> {
        let rest = self.on_behalf_of(actor);
        let mut access = self.reading_access(&rest, actor).await?;
        access.require_here(actor, Permissions::MANAGE_MESSAGES).await?;
        let mut seen = Vec::new();
        for channel in access.channels_of(actor.guild).await? {
            let place = GuildChannel { channel, guild: actor.guild };
            let listed = place.kind().is_followable() && !place.kind().is_thread();
            if listed && access.permissions_of(actor.user, &place).await?.contains(Permissions::VIEW_CHANNEL)
            {
                seen.push(place);
            }
        }
        let ids: Vec<ChannelId> = seen.iter().map(GuildChannel::id).collect();
        let publications = self.parts.store.publications(&ids).await?;
        let followers = self.parts.store.follower_counts(&ids).await?;
        let mut channels = Vec::with_capacity(seen.len());
        for place in seen {
            let Publication { audience, approval, .. } =
                publications.get(&place.id()).copied().unwrap_or(Publication::UNCHOSEN);
            let announcement = self.is_public_announcement(&mut access, &place).await?;
            channels.push(FollowableChannel {
                channel: place.id(),
                kind: place.kind(),
                audience,
                approval,
                open: audience.door(announcement).is_some(),
                followers: followers.get(&place.id()).copied().unwrap_or(0),
                name: place.channel.name,
            });
        }
        Ok(channels)
    }
}
