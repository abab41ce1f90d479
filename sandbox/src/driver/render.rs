//! A channel or guild as readable text, for demos and failed tests.

use std::fmt::Write as _;

use serde_json::Value;

use super::{Channel, Guild, SeenMessage};
use crate::model::MessageFlags;

impl Guild {
    /// All channels of this guild, and what they show.
    pub fn render_text(&self) -> String {
        let mut text = format!("══ {} ══\n", self.name());
        for channel in self.channels() {
            text.push_str(&channel.render_text());
        }
        text
    }
}

impl Channel {
    /// What this channel shows: author, APP tag, time, content, embeds, files.
    pub fn render_text(&self) -> String {
        let mut text = format!("#{}\n", self.name());
        let messages = self.messages();
        if messages.is_empty() {
            text.push_str("  (nothing yet)\n");
        }
        for message in &messages {
            message.render_into(&mut text);
        }
        text
    }
}

impl SeenMessage {
    /// The message as it is shown.
    pub fn render_text(&self) -> String {
        let mut text = String::new();
        self.render_into(&mut text);
        text
    }

    fn render_into(&self, text: &mut String) {
        let tag = if self.is_app { " [APP]" } else { "" };
        let edited = if self.edited_at.is_some() { " (edited)" } else { "" };
        let published = match self.flags {
            flags if flags.contains(MessageFlags::CROSSPOSTED) => " · published",
            flags if flags.contains(MessageFlags::EPHEMERAL) => " · only you can see this",
            _ => "",
        };
        let at = self.at.format("%H:%M:%S");
        let _ = writeln!(text, "  {}{tag} · {at}{edited}{published}", self.author);
        if self.kind == 12 {
            let _ = writeln!(text, "    → has added {} to this channel", self.content);
            return;
        }
        for line in self.content.lines() {
            let _ = writeln!(text, "    {line}");
        }
        for embed in &self.embeds {
            render_embed(embed, text);
        }
        for file in &self.attachments {
            let _ = writeln!(text, "    📎 {} ({} bytes)", file.filename, file.bytes.len());
        }
        for component in crate::validate::interactive(&self.components) {
            let name = component["label"].as_str().or_else(|| component["placeholder"].as_str());
            let _ = writeln!(text, "    [{}]", name.unwrap_or("select"));
        }
    }
}

fn render_embed(embed: &Value, text: &mut String) {
    let mut line = |content: &str| {
        for part in content.lines() {
            let _ = writeln!(text, "    ┃ {part}");
        }
    };
    for part in [&embed["author"]["name"], &embed["title"], &embed["description"]] {
        line(part.as_str().unwrap_or_default());
    }
    for field in embed["fields"].as_array().into_iter().flatten() {
        let part = |key: &str| field[key].as_str().unwrap_or_default().to_owned();
        line(&format!("{}: {}", part("name"), part("value")));
    }
    line(embed["footer"]["text"].as_str().unwrap_or_default());
}
