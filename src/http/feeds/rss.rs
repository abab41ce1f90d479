//! RSS 2.0.

use ::rss::extension::dublincore::DublinCoreExtension;
use ::rss::{Category, Channel, Guid, Item};

use super::entry::{FeedDocument, FeedEntry};

/// The feed as RSS.
pub(super) fn write(document: &FeedDocument) -> String {
    let channel = Channel {
        title: document.title.clone(),
        link: document.page.clone(),
        description: "What the people and channels posted that you follow".to_owned(),
        last_build_date: Some(document.updated.to_rfc2822()),
        items: document.entries.iter().map(item).collect(),
        ..Channel::default()
    };
    channel.to_string()
}

fn item(entry: &FeedEntry) -> Item {
    Item {
        title: Some(entry.title.clone()),
        link: Some(entry.link.clone()),
        description: Some(entry.html.clone()),
        categories: entry
            .tags
            .iter()
            .map(|tag| Category { name: tag.clone(), ..Category::default() })
            .collect(),
        guid: Some(Guid { value: entry.link.clone(), permalink: true }),
        pub_date: Some(entry.posted_at.to_rfc2822()),
        // RSS's own author is an e-mail address.
        dublin_core_ext: Some(DublinCoreExtension {
            creators: vec![entry.author.clone()],
            ..DublinCoreExtension::default()
        }),
        ..Item::default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use roxmltree::Document;

    use super::*;
    use crate::http::feeds::entry::tests::{any_text, document};

    proptest! {
        /// A parser that isn't the writer's reads the same texts.
        #[test]
        fn any_text_is_read_back(text in any_text()) {
            let document = document(&text);
            let written = write(&document);
            let read = Document::parse(&written).map_err(|error| TestCaseError::fail(format!("{error}: {written}")))?;
            let element = |of: roxmltree::Node<'_, '_>, name: &str| {
                let found = of.children().find(|node| node.tag_name().name() == name);
                // Text in several parts is one text.
                found.map(|node| {
                    node.children().filter_map(|part| part.text()).collect::<String>()
                })
            };
            let channel = read.root_element().first_element_child().unwrap();
            prop_assert_eq!(element(channel, "title"), Some(document.title.clone()));
            let item = channel.children().find(|node| node.has_tag_name("item")).unwrap();
            let expected = &document.entries[0];
            prop_assert_eq!(element(item, "title"), Some(expected.title.clone()));
            prop_assert_eq!(element(item, "description"), Some(expected.html.clone()));
            prop_assert_eq!(element(item, "link"), Some(expected.link.clone()));
            prop_assert_eq!(element(item, "creator"), Some(expected.author.clone()));
            prop_assert_eq!(element(item, "category"), Some(expected.tags[0].clone()));
            prop_assert_eq!(read.descendants().filter(roxmltree::Node::is_element).count(), 14, "{}", written);
        }
    }
}
