//! One message of a mirror, as it goes to Discord.

use serde::Serialize;

use crate::domain::{
    ids::TagId,
    limits,
    message::{Embed, File},
    panel::Picture,
    text,
};

use super::{controls::ActionRow, files};
use crate::domain::text::shortened;

/// Discord: "Message Flags", `SUPPRESS_EMBEDS`: no link previews.
pub const SUPPRESS_EMBEDS: u64 = 1 << 2;
/// Discord: "Message Flags", `SUPPRESS_NOTIFICATIONS`: no push.
pub const SUPPRESS_NOTIFICATIONS: u64 = 1 << 12;

/// What one message of a mirror shows. Within Discord's limits, and never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// The author's name. Only a create has it: Discord can't change it afterwards.
    pub username: String,
    /// Names to post under should Discord refuse that one, in order.
    pub other_names: Vec<String>,
    /// The author's picture. Only a create has it, too.
    pub avatar_url: Option<String>,
    /// The text. Empty where only embeds or files are shown.
    pub content: String,
    /// The embeds.
    pub embeds: Vec<Embed>,
    /// The files that are uploaded with it, in order. The body's `attachments` name them by their index here,
    /// as the request's parts `files[0]` and so on do.
    pub files: Vec<File>,
    /// A panel's chart: the only file of its message, uploaded again with each edit.
    pub picture: Option<Picture>,
    /// The buttons.
    pub components: Vec<ActionRow>,
    /// [`SUPPRESS_EMBEDS`], [`SUPPRESS_NOTIFICATIONS`].
    pub flags: u64,
}

impl Payload {
    /// The body of Discord's "Execute Webhook". With files, it is the `payload_json` of a multipart request.
    pub fn create_body<'a>(&'a self) -> CreateBody<'a> {
        let files = self.files.iter().enumerate().map(|(place, file)| Upload::of(place, file));
        CreateBody {
            username: &self.username,
            avatar_url: self.avatar_url.as_deref(),
            content: &self.content,
            embeds: &self.embeds,
            attachments: files.chain(self.chart()).collect(),
            components: &self.components,
            flags: self.flags,
            allowed_mentions: NOBODY,
            thread_name: None,
            applied_tags: &[],
        }
    }

    /// The body of Discord's "Edit Webhook Message". Existing files with these ids stay, and the payload's
    /// own files are added. With `None`, all stay, and none is added.
    pub fn edit_body<'a>(&'a self, keep: Option<&'a [String]>) -> EditBody<'a> {
        let new = self.files.iter().enumerate().map(|(place, file)| Attached::New(Upload::of(place, file)));
        let kept = keep.map(|keep| keep.iter().map(|id| Attached::Stays { id }).chain(new).collect());
        EditBody {
            content: &self.content,
            embeds: &self.embeds,
            attachments: kept,
            components: &self.components,
            flags: self.flags,
            allowed_mentions: NOBODY,
        }
    }

    /// The body of an edit that brings its chart along, or removes the former one.
    pub fn redrawn_body(&self) -> EditBody<'_> {
        let attachments = Some(self.chart().map(Attached::New).into_iter().collect());
        EditBody { attachments, ..self.edit_body(None) }
    }

    /// The body of Discord's "Create Message", for the bot's own message: without an author. Discord answers
    /// a second create with the same nonce, within some minutes, with the first one's message
    /// (`enforce_nonce`).
    pub fn own_body<'a>(&'a self, nonce: &'a str) -> OwnBody<'a> {
        OwnBody {
            embeds: &self.embeds,
            attachments: self.chart().into_iter().collect(),
            components: &self.components,
            allowed_mentions: NOBODY,
            nonce,
            enforce_nonce: true,
        }
    }

    fn chart(&self) -> Option<Upload<'_>> {
        let Picture { alt, .. } = self.picture.as_ref()?;
        let id = self.files.len().to_string();
        Some(Upload { id, filename: Picture::NAME, description: Some(alt), is_spoiler: false })
    }

    /// Takes off a file that can't be uploaded after all. A line says where it is, as far as there is room.
    pub fn link_instead(&mut self, file: &File, original: &str) {
        self.files.retain(|other| other.id != file.id);
        let line = files::elsewhere_line(file, Some(original));
        // The text gives way: nothing is left out without a trace.
        let room = limits::CONTENT.saturating_sub(text::units(&line) + 1);
        self.content = shortened(&self.content, room).into_owned();
        if !self.content.is_empty() {
            self.content.push('\n');
        }
        self.content.push_str(&line);
    }

    /// The names under which it may be posted, the author's own first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.username).chain(&self.other_names).map(String::as_str)
    }

    /// Takes off the files that Discord doesn't have under one of these names, as [`Self::link_instead`]
    /// does.
    pub fn link_missing(&mut self, standing: &[&str], original: &str) {
        let missing = |file: &&File| !standing.iter().any(|name| files::is_same(&file.name, name));
        let missing: Vec<File> = self.files.iter().filter(missing).cloned().collect();
        missing.iter().for_each(|file| self.link_instead(file, original));
    }

    /// Whether a message with this author name, content and files looks like this payload, to find out after
    /// a lost answer whether it was made. Compares what Discord keeps ([`text::skeleton`]; names of files
    /// loosely). Embeds aren't compared, so two messages that have only embeds look alike.
    pub fn matches(&self, name: &str, content: &str, file_names: &[&str]) -> bool {
        let mut theirs = file_names.to_vec();
        // Files with exactly that name come first. Files without a recognisable name take what is left.
        let unchanged = |file: &&File| {
            let at = theirs.iter().position(|name| *name == file.name);
            at.map(|at| theirs.swap_remove(at)).is_some()
        };
        let (_, changed): (Vec<_>, Vec<_>) = self.files.iter().partition(unchanged);
        let (named, nameless): (Vec<_>, Vec<_>) =
            changed.into_iter().partition(|file| files::is_recognisable(&file.name));
        let mut found = |file: &File| {
            let at = theirs.iter().position(|name| files::is_same(&file.name, name));
            at.map(|at| theirs.swap_remove(at)).is_some()
        };
        let chart = usize::from(self.picture.is_some());
        self.files.len() + chart == file_names.len()
            && self.names().any(|own| text::skeleton(own) == text::skeleton(name))
            && text::skeleton(&self.content) == text::skeleton(content)
            && named.into_iter().chain(nameless).all(&mut found)
    }
}

/// A new message. What is empty is left out.
#[derive(Debug, Clone, Serialize)]
pub struct CreateBody<'a> {
    username: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar_url: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    content: &'a str,
    #[serde(skip_serializing_if = "<[Embed]>::is_empty")]
    embeds: &'a [Embed],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Upload<'a>>,
    #[serde(skip_serializing_if = "<[ActionRow]>::is_empty")]
    components: &'a [ActionRow],
    #[serde(skip_serializing_if = "is_zero")]
    flags: u64,
    allowed_mentions: AllowedMentions,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_name: Option<&'a str>,
    #[serde(skip_serializing_if = "<[TagId]>::is_empty")]
    applied_tags: &'a [TagId],
}

impl<'a> CreateBody<'a> {
    /// The same as the first message of a forum's post, with the post's title, of 1 to 100 characters, and
    /// its tags, five at most.
    #[must_use]
    pub fn begins_post(self, title: &'a str, tags: &'a [TagId]) -> Self {
        Self { thread_name: Some(title), applied_tags: tags, ..self }
    }
}

/// A file that is uploaded with the message.
#[derive(Debug, Clone, Serialize)]
struct Upload<'a> {
    /// Its index among the uploaded files.
    id: String,
    filename: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    /// Whether it is hidden until somebody presses it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_spoiler: bool,
}

impl<'a> Upload<'a> {
    fn of(place: usize, file: &'a File) -> Self {
        Self {
            id: place.to_string(),
            filename: &file.name,
            description: file.description.as_deref(),
            is_spoiler: file.is_hidden(),
        }
    }
}

/// A changed message. What is empty is sent, too, so that it replaces what was there. All flags are repeated:
/// Discord requires that, and changes only those that it lets change (not `SUPPRESS_NOTIFICATIONS`).
#[derive(Debug, Clone, Serialize)]
pub struct EditBody<'a> {
    content: &'a str,
    embeds: &'a [Embed],
    /// Discord removes the files that aren't named, but none where the field is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    attachments: Option<Vec<Attached<'a>>>,
    components: &'a [ActionRow],
    flags: u64,
    allowed_mentions: AllowedMentions,
}

/// A file of a message that is edited.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
enum Attached<'a> {
    /// It stays.
    Stays { id: &'a str },
    /// It comes with the edit.
    New(Upload<'a>),
}

/// A new message of the bot's own.
#[derive(Debug, Clone, Serialize)]
pub struct OwnBody<'a> {
    embeds: &'a [Embed],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Upload<'a>>,
    #[serde(skip_serializing_if = "<[ActionRow]>::is_empty")]
    components: &'a [ActionRow],
    allowed_mentions: AllowedMentions,
    nonce: &'a str,
    enforce_nonce: bool,
}

/// Who a message may ping. Edits need it, too: without it, the defaults apply.
#[derive(Debug, Clone, Copy, Serialize)]
struct AllowedMentions {
    parse: [&'static str; 0],
}

const NOBODY: AllowedMentions = AllowedMentions { parse: [] };

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_zero(flags: &u64) -> bool {
    *flags == 0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn payload(content: &str) -> Payload {
        Payload {
            username: "Ada".to_owned(),
            other_names: vec!["ada_l".to_owned()],
            avatar_url: None,
            content: content.to_owned(),
            embeds: vec![],
            files: vec![],
            picture: None,
            components: vec![],
            flags: 0,
        }
    }

    #[test]
    fn a_creation_says_who_and_leaves_out_what_is_empty() {
        let mut message = payload("Hello");
        assert_eq!(
            json!(message.create_body()),
            json!({"username": "Ada", "content": "Hello", "allowed_mentions": {"parse": []}})
        );
        message.avatar_url = Some("https://cdn.discordapp.com/a.png".to_owned());
        message.embeds = vec![Embed { title: Some("T".to_owned()), ..Embed::default() }];
        message.content.clear();
        message.flags = SUPPRESS_NOTIFICATIONS;
        assert_eq!(
            json!(message.create_body()),
            json!({
                "username": "Ada",
                "avatar_url": "https://cdn.discordapp.com/a.png",
                "embeds": [{"title": "T"}],
                "flags": 4096,
                "allowed_mentions": {"parse": []},
            })
        );
    }

    #[test]
    fn what_begins_a_post_has_its_title_and_tags() {
        let message = payload("Hello");
        let tags = ["7".parse().unwrap()];
        let body = json!(message.create_body().begins_post("T", &tags));
        assert_eq!((&body["thread_name"], &body["applied_tags"]), (&json!("T"), &json!(["7"])));
        assert!(json!(message.create_body().begins_post("T", &[])).get("applied_tags").is_none());
    }

    fn file(name: &str, description: Option<&str>) -> File {
        File { name: name.to_owned(), description: description.map(str::to_owned), ..File::default() }
    }

    #[test]
    fn files_are_named_by_their_place() {
        let message =
            Payload { files: vec![file("a.png", Some("A cat")), file("b.png", None)], ..payload("") };
        assert_eq!(
            json!(message.create_body())["attachments"],
            json!([{"id": "0", "filename": "a.png", "description": "A cat"}, {"id": "1", "filename": "b.png"}])
        );
        assert_eq!(
            json!(message.edit_body(Some(&["7".to_owned()])))["attachments"],
            json!([{"id": "7"}, {"id": "0", "filename": "a.png", "description": "A cat"}, {"id": "1", "filename": "b.png"}])
        );
        let hidden = Payload { files: vec![file("SPOILER_a.png", None)], ..payload("") };
        assert_eq!(
            json!(hidden.create_body())["attachments"],
            json!([{"id": "0", "filename": "SPOILER_a.png", "is_spoiler": true}])
        );
    }

    #[test]
    fn an_edit_says_what_is_empty_and_not_who() {
        let nobody = json!({"parse": []});
        assert_eq!(
            json!(payload("").edit_body(None)),
            json!({"content": "", "embeds": [], "components": [], "flags": 0, "allowed_mentions": nobody})
        );
        assert_eq!(json!(payload("").edit_body(Some(&[])))["attachments"], json!([]));
        assert_eq!(
            json!(payload("").edit_body(Some(&["7".to_owned()])))["attachments"],
            json!([{"id": "7"}])
        );
    }

    #[test]
    fn is_recognised_as_discord_keeps_it() {
        let message = payload("  Hi\u{202E} <:wave:123>\n\n");
        assert!(message.matches("Ada", "Hi :wave:", &[]));
        assert!(!message.matches("Ada", "Hi", &[]));
        assert!(!message.matches("Bob", "Hi :wave:", &[]));
        assert!(message.matches("ada_l", "Hi :wave:", &[]), "under a name that Discord didn't refuse");
    }

    #[test]
    fn messages_of_files_only_are_told_apart() {
        let message =
            Payload { files: vec![file("my cat.png", None), file("日本.png", None)], ..payload("") };
        assert!(message.matches("Ada", "", &["my_cat.png", "unknown.png"]));
        assert!(!message.matches("Ada", "", &["my_dog.png", "unknown.png"]));
        assert!(!message.matches("Ada", "", &["my_cat.png"]));
        assert!(!message.matches("Ada", "", &[]));
    }
}
