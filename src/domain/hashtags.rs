//! The `#hashtags` in a text.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;

use super::tags::{is_askable, is_hashtag_char, normalise};
use super::text::markup::pieces;

/// The hashtags of a text, normalised. A hashtag begins with `#` (or the full-width `＃`) where a word could
/// begin: not within a word, an address or a mention, and not in code.
pub fn hashtags(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (_, text) in pieces(text).into_iter().filter(|(code, _)| !code) {
        for word in text.split_whitespace().filter(|word| !word.contains("://")) {
            // In the form in which tags are compared: what looks like one character may be several, not all
            // of which go into a tag.
            collect(&word.nfkc().collect::<String>(), &mut found);
        }
    }
    found
}

fn collect(word: &str, found: &mut BTreeSet<String>) {
    let mut before = None;
    for (at, c) in word.char_indices() {
        let begins = before
            .is_none_or(|before| !is_hashtag_char(before) && !matches!(before, '<' | '&' | '/' | '\\' | '#'));
        if c == '#' && begins {
            let rest = &word[at + c.len_utf8()..];
            let end = rest.find(|c| !is_hashtag_char(c)).unwrap_or(rest.len());
            let name = normalise(&rest[..end]);
            // What nobody can ask for would only fill the index, which takes no text of any length.
            if !name.is_empty() && is_askable(&name) {
                found.insert(name);
            }
        }
        before = Some(c);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::domain::tags::{Tag, TagSet};
    use crate::domain::text::alphabet::any_text;

    #[rstest]
    #[case("#Bug in the #build, and (#docs)!", &["bug", "build", "docs"])]
    #[case("＃バグ #Größe #ИЛЬЯ #हिन्दी", &["gr\u{f6}sse", "илья", "हिन्दी", "バグ"])]
    #[case("**#bold** ||#hidden|| #a#b", &["a", "bold", "hidden"])]
    #[case("# Title\n## Next", &[])]
    #[case("<#123> &#39; a#b https://e.com/#frag /#x \\#escaped `#code` ```\n#include\n```", &[])]
    #[case("#¼ #½a #ﬁx #①", &["1", "fix"])]
    #[case("#v1.2 #a_b #a-b #2026", &["2026", "a", "a_b", "v1"])]
    fn finds(#[case] text: &str, #[case] tags: &[&str]) {
        assert_eq!(hashtags(text).iter().map(String::as_str).collect::<Vec<_>>(), tags);
    }

    #[test]
    fn what_is_longer_than_anybody_can_ask_for_is_none() {
        let longest = "語".repeat(TagSet::LONGEST);
        assert_eq!(hashtags(&format!("#{longest}")), BTreeSet::from([longest.clone()]));
        assert!(hashtags(&format!("#{longest}語")).is_empty());
        // One letter, and four once it is normalised.
        assert!(hashtags(&format!("#{}", "\u{FDF2}".repeat(TagSet::LONGEST))).is_empty());
        let follow = TagSet::new(Tag::hashtag(&longest)).unwrap();
        assert!(follow.fits());
    }

    proptest! {
        #[test]
        fn every_hashtag_found_fits_a_follow_and_an_index(text in "[#\\p{L}\u{300}-\u{36f}\u{FDFA} ]{0,300}") {
            for name in hashtags(&text) {
                prop_assert!(TagSet::new([Tag::Hashtag(name.clone())]).unwrap().fits());
                prop_assert!(name.len() <= 4 * TagSet::LONGEST);
            }
        }

        #[test]
        fn what_is_found_can_be_asked_for(text in any_text(8), tag in "[\\p{L}\\p{N}_]{1,12}") {
            for name in hashtags(&text) {
                prop_assert_eq!(Tag::hashtag(&name), Some(Tag::Hashtag(name)));
            }
            let Some(Tag::Hashtag(name)) = Tag::hashtag(&tag) else { return Ok(()) };
            let text = format!("so #{tag} is");
            prop_assert!(hashtags(&text).contains(&name), "{}", text);
        }
    }
}
