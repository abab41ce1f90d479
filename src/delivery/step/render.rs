//! How a delivery looks at its place: its content, rendered for its target, and where that lands.

use std::num::NonZeroUsize;

use crate::domain::activity::{Part, Showing};
use crate::domain::channel::message_link;
use crate::domain::ids::{ChannelId, MessageId};
use crate::domain::limits;
use crate::domain::place::Spot;
use crate::domain::rendering::{
    Payload, Room, Stage, Told, hidden_panel, panel, panel_title, render, title as title_of,
};
use crate::rest::Landing;
use crate::store::Work;

/// The parts in which an activity is to be shown: of what stands already no more than stand, since an edit never adds one.
pub(in crate::delivery) fn parts(work: &Work, file_limit: u64) -> Vec<Payload> {
    match work.content.as_deref() {
        Some(Showing::Message(content)) => render(content, &stage(work, file_limit)),
        Some(Showing::Panel { panel: face }) => {
            let place = work.surroundings;
            let hidden = place.servers.is_some_and(|(_, target)| !face.may_be_seen_in(target));
            vec![if hidden { hidden_panel(face) } else { panel(face, place.paused_since) }]
        }
        None => Vec::new(),
    }
}

/// One of these parts.
pub(in crate::delivery) fn part(work: &Work, part: Part, file_limit: u64) -> Option<Payload> {
    usize::try_from(part.0).ok().and_then(|part| parts(work, file_limit).into_iter().nth(part))
}

/// Where what is made next is to land.
pub(in crate::delivery) fn landing(work: &Work) -> Landing {
    match (work.spot, work.channel()) {
        (Spot::Channel, _) => Landing::Channel(work.target),
        (Spot::Thread { .. } | Spot::Forum, Some(thread)) => Landing::Thread(thread),
        (Spot::Thread { .. } | Spot::Forum, None) => Landing::NewPost,
    }
}

/// What a forum's post is called that shows it.
pub(in crate::delivery) fn title(work: &Work) -> Option<String> {
    match work.content.as_deref() {
        Some(Showing::Message(content)) => Some(title_of(content)),
        Some(Showing::Panel { .. }) => parts(work, limits::FILE_BYTES).first().map(panel_title),
        None => None,
    }
}

fn stage(work: &Work, file_limit: u64) -> Stage {
    let place = work.surroundings;
    // One that somebody deleted leaves its place empty: the others keep theirs.
    let last = work.mirrors.iter().map(|mirror| mirror.part.0).max();
    let room = last.and_then(|last| NonZeroUsize::new(usize::try_from(last).ok()? + 1));
    let room = room.filter(|_| work.delivery.shown.is_some()).map_or(Room::Any, Room::Parts);
    let link = |mirror: Option<(ChannelId, MessageId)>| {
        let ((_, server), (channel, message)) = place.servers.zip(mirror)?;
        Some(message_link(server, channel, message))
    };
    let thread = match work.spot {
        Spot::Forum => Told::Nothing,
        _ if place.of_thread => Told::Beginning,
        Spot::Channel | Spot::Thread { .. } => Told::All,
    };
    Stage {
        room,
        same_server: place.servers.is_none_or(|(source, target)| source == target),
        published_only: place.published_only,
        answered: link(place.answered),
        thread,
        starter: link(place.starter),
        namesake: place.namesake,
        file_limit,
    }
}
