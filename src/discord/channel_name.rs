//! What a channel at one end of a follow is called towards a person, who may not be allowed to see it.

use crate::domain::text;
use crate::service::ChannelView;

use super::reply;

/// How much of a name from another server is shown (Discord: 100 characters), so that a page fits into one
/// embed.
const NAME: usize = 40;

/// A channel in a text that Discord renders.
pub(super) fn shown(channel: &ChannelView) -> String {
    match channel {
        ChannelView::Here { channel, .. } => reply::mention(*channel),
        ChannelView::Elsewhere { name, server, .. } => {
            format!("#{} in {}", text::escape(&text::cut(name, NAME)), text::escape(&text::cut(server, NAME)))
        }
        ChannelView::Hidden => "*a channel that you can't see*".to_owned(),
        ChannelView::Deleted(id) => format!("*deleted channel* `{id}`"),
    }
}

/// A channel in a text where Discord renders nothing.
pub(super) fn plain(channel: &ChannelView) -> String {
    match channel {
        ChannelView::Here { name, .. } => format!("#{name}"),
        ChannelView::Elsewhere { name, server, .. } => format!("#{name} in {server}"),
        ChannelView::Hidden => "a channel that you can't see".to_owned(),
        ChannelView::Deleted(id) => format!("deleted channel {id}"),
    }
}
