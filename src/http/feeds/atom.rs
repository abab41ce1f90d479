//! Atom (RFC 4287).

use atom_syndication::{Category, Content, Entry, Feed, Link, Person, Text};
use chrono::{DateTime, FixedOffset, Utc};

use super::entry::{FeedDocument, FeedEntry};

/// The feed as Atom.
pub(super) fn write(document: &FeedDocument) -> String {
    let feed = Feed {
        title: Text::plain(document.title.as_str()),
        id: document.id.clone(),
        updated: fixed(document.updated),
        links: vec![link(&document.page)],
        entries: document.entries.iter().map(entry).collect(),
        ..Feed::default()
    };
    feed.to_string()
}

fn entry(entry: &FeedEntry) -> Entry {
    Entry {
        title: Text::plain(entry.title.as_str()),
        id: entry.link.clone(),
        updated: fixed(entry.posted_at),
        published: Some(fixed(entry.posted_at)),
        authors: vec![Person { name: entry.author.clone(), ..Person::default() }],
        categories: entry
            .tags
            .iter()
            .map(|tag| Category { term: tag.clone(), ..Category::default() })
            .collect(),
        links: vec![link(&entry.link)],
        content: Some(Content {
            value: Some(entry.html.clone()),
            content_type: Some("html".to_owned()),
            ..Content::default()
        }),
        ..Entry::default()
    }
}

fn link(to: &str) -> Link {
    Link {
        href: to.to_owned(),
        rel: "alternate".to_owned(),
        mime_type: Some("text/html".to_owned()),
        ..Link::default()
    }
}

fn fixed(time: DateTime<Utc>) -> DateTime<FixedOffset> {
    time.fixed_offset()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use roxmltree::Document;

    use super::*;
    use crate::http::feeds::entry::tests::{any_text, document};

    const NAMESPACE: &str = "http://www.w3.org/2005/Atom";

    proptest! {
        /// A parser that isn't the writer's reads the same texts.
        #[test]
        fn any_text_is_read_back(text in any_text()) {
            let document = document(&text);
            let written = write(&document);
            let read = Document::parse(&written).map_err(|error| TestCaseError::fail(format!("{error}: {written}")))?;
            let element = |of: roxmltree::Node<'_, '_>, name: &str| {
                let found = of.children().find(|node| node.has_tag_name((NAMESPACE, name)));
                found.map(|node| node.text().unwrap_or_default().to_owned())
            };
            let root = read.root_element();
            prop_assert_eq!(element(root, "title"), Some(document.title.clone()));
            prop_assert_eq!(element(root, "id"), Some(document.id.clone()));
            let entry = root.children().find(|node| node.has_tag_name((NAMESPACE, "entry"))).unwrap();
            let expected = &document.entries[0];
            prop_assert_eq!(element(entry, "title"), Some(expected.title.clone()));
            prop_assert_eq!(element(entry, "content"), Some(expected.html.clone()));
            prop_assert_eq!(element(entry, "id"), Some(expected.link.clone()));
            let category = entry.children().find(|node| node.has_tag_name((NAMESPACE, "category"))).unwrap();
            prop_assert_eq!(category.attribute("term"), Some(expected.tags[0].as_str()));
            // Nothing of the texts became an element.
            prop_assert_eq!(read.descendants().filter(roxmltree::Node::is_element).count(), 15, "{}", written);
        }
    }
}
