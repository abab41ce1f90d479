//! What a channel at one end of a follow is called towards a person, who may not be allowed to see it.

use crate::domain::text;
use crate::service::ChannelView;

use super::reply;

/// How much of a name from another server is shown (Discord: 100 characters), so that a page fits into one
/// embed.
const NAME: usize = 40;
/// A channel that the person can't see, where its server is named anyway or unknown.
pub(super) const HIDDEN: &str = "a channel that you can't see";

/// A channel in a text that Discord renders.
pub(super) fn shown(channel: &ChannelView) -> String {
    match channel {
        ChannelView::Here { channel, .. } => reply::mention(*channel),
        ChannelView::Elsewhere { name, server, .. } => {
            format!("#{} in {}", text::escape(&text::cut(name, NAME)), text::escape(&text::cut(server, NAME)))
        }
        ChannelView::Hidden { server: None } => format!("*{HIDDEN}*"),
        ChannelView::Hidden { server: Some(server) } => {
            format!("*a channel in {} that you can't see*", text::escape(&text::cut(server, NAME)))
        }
        ChannelView::Deleted(id) => format!("*deleted channel* `{id}`"),
    }
}

/// A channel in a text where Discord renders nothing.
pub(super) fn plain(channel: &ChannelView) -> String {
    match channel {
        ChannelView::Here { name, .. } => format!("#{name}"),
        ChannelView::Elsewhere { name, server, .. } => format!("#{name} in {server}"),
        ChannelView::Hidden { server: None } => HIDDEN.to_owned(),
        ChannelView::Hidden { server: Some(server) } => format!("a channel in {server} that you can't see"),
        ChannelView::Deleted(id) => format!("deleted channel {id}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_channel_is_known_by_its_server() {
        let hidden = |server: Option<&str>| ChannelView::Hidden { server: server.map(str::to_owned) };
        let lakeside = hidden(Some("Lake*side"));
        assert_eq!(shown(&lakeside), "*a channel in Lake\\*side that you can't see*");
        assert_eq!(plain(&lakeside), "a channel in Lake*side that you can't see");
        assert_eq!((shown(&hidden(None)), plain(&hidden(None))), (format!("*{HIDDEN}*"), HIDDEN.to_owned()));
    }
}
