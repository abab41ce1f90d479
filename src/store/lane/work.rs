//! What a lane's holder is given to decide upon.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::domain::activity::{Activity, Delivery, InFlight, Mirror, Showing};
use crate::domain::follow::FollowId;
use crate::domain::ids::{ChannelId, GuildId, MessageId, UserId};
use crate::domain::place::{Place, Spot};

/// A delivery that is next in its lane, with all that its next step depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// Where it is owed.
    pub target: ChannelId,
    /// What that is.
    pub spot: Spot,
    /// Where in its source it was posted.
    pub place: Place,
    /// What is wanted.
    pub activity: Activity,
    /// What it shows; none once it is deleted.
    pub content: Option<Arc<Showing>>,
    /// The source.
    pub source: ChannelId,
    /// Who wrote it.
    pub author: Option<UserId>,
    /// When it was recorded, for the delivery's lag.
    pub recorded_at: DateTime<Utc>,
    /// What is owed.
    pub delivery: Delivery,
    /// What is shown, by part.
    pub mirrors: Vec<Mirror>,
    /// The create whose end isn't known; where the step is a create, that create.
    pub in_flight: Option<InFlight>,
    /// The follow that it is owed by; none once that is removed.
    pub follow: Option<FollowId>,
    /// Whether that delivers: it isn't removed, paused or broken.
    pub follow_active: bool,
    /// It is tried before an older one that keeps failing, to learn whether it can be shown.
    pub overtakes: bool,
    /// Where it is shown.
    pub surroundings: Surroundings,
}

impl Work {
    /// A link to the original; empty where it is deleted.
    pub fn link(&self) -> &str {
        self.content.as_deref().map_or("", Showing::link)
    }

    /// Where its messages stand, or are to: the target; in a forum a post, or none yet, where it begins one.
    pub fn channel(&self) -> Option<ChannelId> {
        match self.spot {
            Spot::Channel | Spot::Thread { .. } => Some(self.target),
            Spot::Forum => self.mirrors.first().map(|mirror| mirror.channel).or(self.surroundings.post),
        }
    }
}

/// What is known of the place where a delivery is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// The source's server and the target's; none once the follow is removed.
    pub servers: Option<(GuildId, GuildId)>,
    /// The follow may carry what was published, and nothing else.
    pub published_only: bool,
    /// Where the message that is answered is mirrored in this target, if it is.
    pub answered: Option<(ChannelId, MessageId)>,
    /// Of an answer in a thread: where what the thread begins with is mirrored in this target, if it is.
    pub starter: Option<(ChannelId, MessageId)>,
    /// Of such an answer, in a forum: the post that shows its thread.
    pub post: Option<ChannelId>,
    /// There was such a post, and somebody removed it.
    pub post_removed: bool,
    /// The follow is of the thread itself.
    pub of_thread: bool,
    /// What stands above is by another author of the same name.
    pub namesake: bool,
    /// Since when somebody has paused the follow.
    pub paused_since: Option<DateTime<Utc>>,
}
