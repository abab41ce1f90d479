//! What a lane's holder is given to decide upon.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::domain::activity::{Activity, ActivityContent, Delivery, InFlight, Mirror};
use crate::domain::follow::FollowId;
use crate::domain::ids::{ChannelId, GuildId, MessageId, UserId};
use crate::domain::place::{SourcePlace, TargetKind};

/// A delivery that is next in its lane, with everything that its next step depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// Where it is due.
    pub target: ChannelId,
    /// The target's kind.
    pub target_kind: TargetKind,
    /// Where in its source it was posted.
    pub place: SourcePlace,
    /// What is wanted.
    pub activity: Activity,
    /// What it shows; `None` once it is deleted.
    pub content: Option<Arc<ActivityContent>>,
    /// The source.
    pub source: ChannelId,
    /// Who wrote it.
    pub author: Option<UserId>,
    /// When it was recorded, for the delivery's lag.
    pub recorded_at: DateTime<Utc>,
    /// What is due.
    pub delivery: Delivery,
    /// The mirrors that show it, by part.
    pub mirrors: Vec<Mirror>,
    /// The create whose outcome isn't known; for the step of a create, that create.
    pub in_flight: Option<InFlight>,
    /// The follow that it is due by; `None` once that is removed.
    pub follow: Option<FollowId>,
    /// Whether that follow delivers: it isn't removed, paused or broken.
    pub follow_active: bool,
    /// It is tried before an older one that keeps failing, to find out whether it can be shown.
    pub overtakes: bool,
    /// Where it is shown.
    pub surroundings: Surroundings,
}

impl Work {
    /// A link to the original; empty if that is deleted.
    pub fn link(&self) -> &str {
        self.content.as_deref().map_or("", ActivityContent::link)
    }

    /// The channel of its messages: the target; in a forum a post, or none yet if it begins one.
    pub fn channel(&self) -> Option<ChannelId> {
        match self.target_kind {
            TargetKind::Channel | TargetKind::Thread { .. } => Some(self.target),
            TargetKind::Forum => self.mirrors.first().map(|mirror| mirror.channel).or(self.surroundings.post),
        }
    }
}

/// What is known about the place where a delivery is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// The source's server and the target's; `None` once the follow is removed.
    pub servers: Option<(GuildId, GuildId)>,
    /// The follow may carry only what was published.
    pub published_only: bool,
    /// Where the message that is answered is mirrored in this target, if it is.
    pub answered: Option<(ChannelId, MessageId)>,
    /// For an answer in a thread: where the thread's first message is mirrored in this target, if it is.
    pub starter: Option<(ChannelId, MessageId)>,
    /// For such an answer in a forum: the post that shows its thread.
    pub post: Option<ChannelId>,
    /// There was such a post, and somebody removed it. Only for forums.
    pub post_removed: bool,
    /// The follow is of the thread itself.
    pub of_thread: bool,
    /// The mirror above is by another author of the same name.
    pub namesake: bool,
    /// Since when the follow has been paused.
    pub paused_since: Option<DateTime<Utc>>,
}
