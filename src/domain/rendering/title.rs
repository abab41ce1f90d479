//! The title of a forum's post that shows a message or a panel: 1 to 100 characters (Discord: "Channel"),
//! without formatting, since titles have none.

use crate::domain::{limits, message::Content, text};

use super::{Payload, excerpt::first_line, mentions::Mentions, name, words};

/// The title of a post that shows this. A message of a thread has the thread's title; another message has its
/// first line, or the name of what else it shows.
pub fn title(content: &Content) -> String {
    content.thread.as_ref().and_then(|thread| squeezed(&thread.title)).unwrap_or_else(|| beginning(content))
}

/// A message's text with the names of what it mentions, for places without formatting; where it has none, the
/// name of what else it shows.
pub fn named_text(content: &Content) -> String {
    written(content).unwrap_or_else(|| beginning(content))
}

/// The first text of a message in which something can be seen, with the names of what it mentions: its own,
/// that of what it forwards, of its embeds or of its poll.
pub(super) fn written(content: &Content) -> Option<String> {
    let forward = content.forward.as_ref();
    let texts = [Some(content.text.as_str()), forward.map(|forward| forward.text.as_str())];
    let embeds = content.embeds.iter().chain(forward.iter().flat_map(|forward| &forward.embeds));
    let embeds = embeds.flat_map(|embed| [embed.description.as_deref(), embed.title.as_deref()]);
    let poll = content.poll.as_ref().map(|poll| poll.question.as_str());
    let mut all = texts.into_iter().chain(embeds).chain([poll]).flatten();
    let text = all.find(|text| text::is_visible(text))?;
    Some(Mentions::always(&content.names).named(text.trim()).into_owned())
}

/// The first line of a message's text, or the name of what else it shows.
pub fn beginning(content: &Content) -> String {
    let names = Mentions::always(&content.names);
    let line = |text: &str| {
        Some(first_line(&names.named(text), limits::CHANNEL_NAME)).filter(|line| text::is_visible(line))
    };
    let forward = content.forward.as_ref();
    let texts = [Some(content.text.as_str()), forward.map(|forward| forward.text.as_str())];
    let embeds = content.embeds.iter().chain(forward.iter().flat_map(|forward| &forward.embeds));
    let embeds = embeds.flat_map(|embed| [embed.title.as_deref(), embed.description.as_deref()]);
    let poll = content.poll.as_ref().map(|poll| poll.question.as_str());
    let files = content.files.iter().chain(forward.iter().flat_map(|forward| &forward.files));
    let stickers = content.stickers.iter().chain(forward.iter().flat_map(|forward| &forward.stickers));
    let plain = files.map(|file| &file.name).chain(stickers.map(|sticker| &sticker.name));
    let mut written = texts.into_iter().chain(embeds).chain([poll]).flatten();
    written
        .find_map(line)
        .or_else(|| plain.into_iter().find_map(|name| squeezed(name)))
        .unwrap_or_else(|| format!("Message by {}", name::username(&content.author, None)))
}

/// The title of a post that shows a panel as this message does.
pub fn panel_title(panel: &Payload) -> String {
    let titles = panel.embeds.iter().filter_map(|embed| embed.title.as_deref());
    let mut titles = titles.map(|title| first_line(title, limits::CHANNEL_NAME));
    titles.find(|title| text::is_visible(title)).unwrap_or_else(|| format!("Panel by {}", panel.username))
}

/// A name as it is, in one line; `None` where nothing of it can be seen.
fn squeezed(name: &str) -> Option<String> {
    let kept: String = name.chars().filter(|c| !text::is_noise(*c)).collect();
    let line = words::one_line(&kept);
    text::is_visible(&line).then(|| text::cut(&line, limits::CHANNEL_NAME).into_owned())
}
