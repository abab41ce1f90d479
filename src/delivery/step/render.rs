//! What a delivery shows in its target: its content as messages, rendered for the place where they land.

use std::num::NonZeroUsize;

use crate::domain::activity::{ActivityContent, Part};
use crate::domain::channel::message_link;
use crate::domain::ids::{ChannelId, MessageId};
use crate::domain::limits;
use crate::domain::place::TargetKind;
use crate::domain::rendering::{
    PartLimit, Payload, RenderContext, ThreadCaption, hidden_panel, panel, panel_title, render,
    title as title_of,
};
use crate::rest::Destination;
use crate::store::Work;

/// The messages that show an activity, in order. Of what is posted already, no more than are posted: an edit
/// never adds one.
pub(in crate::delivery) fn payloads(work: &Work, file_limit: u64) -> Vec<Payload> {
    match work.content.as_deref() {
        Some(ActivityContent::Message(content)) => render(content, &render_context(work, file_limit)),
        Some(ActivityContent::Panel { panel: face }) => {
            let place = work.surroundings;
            let hidden = place.servers.is_some_and(|(_, target)| !face.may_be_seen_in(target));
            vec![if hidden { hidden_panel(face) } else { panel(face, place.paused_since) }]
        }
        None => Vec::new(),
    }
}

/// The message that shows this part.
pub(super) fn payload(work: &Work, part: Part, file_limit: u64) -> Option<Payload> {
    usize::try_from(part.0).ok().and_then(|part| payloads(work, file_limit).into_iter().nth(part))
}

/// Where the next create is to land.
pub(super) fn destination(work: &Work) -> Destination {
    match (work.target_kind, work.channel()) {
        (TargetKind::Channel, _) => Destination::Channel(work.target),
        (TargetKind::Thread { .. } | TargetKind::Forum, Some(thread)) => Destination::Thread(thread),
        (TargetKind::Thread { .. } | TargetKind::Forum, None) => Destination::NewPost,
    }
}

/// The title of a forum's post that shows it.
pub(super) fn post_title(work: &Work) -> Option<String> {
    match work.content.as_deref() {
        Some(ActivityContent::Message(content)) => Some(title_of(content)),
        Some(ActivityContent::Panel { .. }) => payloads(work, limits::FILE_BYTES).first().map(panel_title),
        None => None,
    }
}

fn render_context(work: &Work, file_limit: u64) -> RenderContext {
    let place = work.surroundings;
    // A part that somebody deleted leaves its place empty: the others keep theirs.
    let last = work.mirrors.iter().map(|mirror| mirror.part.0).max();
    let part_limit = last.and_then(|last| NonZeroUsize::new(usize::try_from(last).ok()? + 1));
    let part_limit =
        part_limit.filter(|_| work.delivery.shown.is_some()).map_or(PartLimit::New, PartLimit::Existing);
    let link = |mirror: Option<(ChannelId, MessageId)>| {
        let ((_, server), (channel, message)) = place.servers.zip(mirror)?;
        Some(message_link(server, channel, message))
    };
    let thread = match work.target_kind {
        TargetKind::Forum => ThreadCaption::Nothing,
        _ if place.of_thread => ThreadCaption::StarterOnly,
        TargetKind::Channel | TargetKind::Thread { .. } => ThreadCaption::All,
    };
    RenderContext {
        part_limit,
        same_server: place.servers.is_none_or(|(source, target)| source == target),
        published_only: place.published_only,
        answered: link(place.answered),
        thread,
        starter: link(place.starter),
        namesake: place.namesake,
        file_limit,
    }
}
