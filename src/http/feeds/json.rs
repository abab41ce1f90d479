//! JSON Feed 1.1.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::entry::{FeedDocument, FeedEntry};

const VERSION: &str = "https://jsonfeed.org/version/1.1";

#[derive(Serialize)]
struct JsonFeed<'a> {
    version: &'static str,
    title: &'a str,
    home_page_url: &'a str,
    items: Vec<JsonItem<'a>>,
}

#[derive(Serialize)]
struct JsonItem<'a> {
    id: &'a str,
    url: &'a str,
    title: &'a str,
    content_html: &'a str,
    date_published: String,
    authors: [JsonAuthor<'a>; 1],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    tags: &'a [String],
}

#[derive(Serialize)]
struct JsonAuthor<'a> {
    name: &'a str,
}

/// The feed as JSON Feed.
pub(super) fn write(document: &FeedDocument) -> String {
    let feed = JsonFeed {
        version: VERSION,
        title: &document.title,
        home_page_url: &document.page,
        items: document.entries.iter().map(item).collect(),
    };
    serde_json::to_string(&feed).expect("texts always serialise")
}

fn item(entry: &FeedEntry) -> JsonItem<'_> {
    JsonItem {
        id: &entry.link,
        url: &entry.link,
        title: &entry.title,
        content_html: &entry.html,
        date_published: written(entry.posted_at),
        authors: [JsonAuthor { name: &entry.author }],
        tags: &entry.tags,
    }
}

fn written(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
