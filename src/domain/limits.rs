//! Discord's numbers, each with its place in Discord's documentation. Lengths are counted by [`super::text::units`].

/// A message's text (Discord: "Create Message", `content`).
pub const CONTENT: usize = 2000;
/// A webhook message's author name (Discord: "Execute Webhook", `username`; at least 1).
pub const USERNAME: usize = 80;
/// Any address (Discord's OpenAPI description: `maxLength` of `avatar_url` and of an embed's addresses).
pub const ADDRESS: usize = 2048;
/// Embeds of one message (Discord: "Execute Webhook", `embeds`).
pub const EMBEDS: usize = 10;
/// All texts of all embeds of one message together (Discord: "Embed Limits").
pub const EMBEDS_TOTAL: usize = 6000;
/// An embed's title (Discord: "Embed Limits", as the following).
pub const EMBED_TITLE: usize = 256;
/// An embed's description.
pub const EMBED_DESCRIPTION: usize = 4096;
/// The fields of an embed.
pub const EMBED_FIELDS: usize = 25;
/// A field's name.
pub const FIELD_NAME: usize = 256;
/// A field's value.
pub const FIELD_VALUE: usize = 1024;
/// An embed's bottom line.
pub const EMBED_FOOTER: usize = 2048;
/// An embed's top line.
pub const EMBED_AUTHOR: usize = 256;
/// An embed's colour (Discord's OpenAPI description: `maximum`).
pub const COLOR: u32 = 0x00FF_FFFF;
