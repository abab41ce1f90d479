//! Discord's limits, each with its place in Discord's documentation. Lengths are counted by
//! [`super::text::units`].

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
/// Files of one message (Discord: "Uploading Files"; its OpenAPI description: `maxItems` of `attachments`).
pub const FILES: usize = 10;
/// One file in bytes, where the server isn't boosted (Discord: "Uploading Files": 10 MiB, see there for
/// more).
pub const FILE_BYTES: u64 = 10 << 20;
/// The same where it is boosted most.
pub const LARGEST_FILE_BYTES: u64 = 100 << 20;
/// One file in bytes, in a server of this boost level (Discord: "Premium Tier", and its help centre's page on
/// file sizes).
pub const fn file_bytes(boost_level: u8) -> u64 {
    match boost_level {
        0 | 1 => FILE_BYTES,
        2 => 50 << 20,
        _ => LARGEST_FILE_BYTES,
    }
}
/// A whole request in bytes, where no single file may be larger (Discord: "Uploading Files").
pub const REQUEST_BYTES: u64 = 25 << 20;
/// A file's alternative text (Discord: "Attachment Object", `description`).
pub const FILE_DESCRIPTION: usize = 1024;
/// Rows of components of one message (Discord: "Component Reference", as the following).
pub const ROWS: usize = 5;
/// Buttons of a row.
pub const ROW_BUTTONS: usize = 5;
/// What is written on a button.
pub const BUTTON_LABEL: usize = 80;
/// Where a button leads.
pub const BUTTON_ADDRESS: usize = 512;
/// The name of a channel or a thread, or the title of a forum's post.
pub const CHANNEL_NAME: usize = 100;
