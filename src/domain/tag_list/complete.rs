//! Completing the last tag of a list while it is typed. The tags before it stay as they are.

use super::entries::{ListEntry, entries, is_separator, unescape};
use super::{Quoted, Vocabulary};
use crate::domain::tags::{Tag, TagSet, normalise};

/// The beginning of the last tag, and where it starts.
struct Tail {
    start: usize,
    text: String,
    hashtag: bool,
}

impl Vocabulary {
    /// What a list may become: the list with its last tag completed to each of these that fit (the forum's
    /// own come first), and the list itself where it can be read. Each result is read back as the tags before
    /// and the completed one.
    pub fn complete(&self, typed: &str, hashtags: &[Tag]) -> Vec<String> {
        let typed = typed.trim_start();
        let read = self.read(typed).ok().flatten();
        let mut offers: Vec<(String, TagSet)> = Vec::new();
        let mut is_last_blank = false;
        for tail in self.tails(typed) {
            is_last_blank = normalise(&tail.text).is_empty();
            let before = typed[..tail.start].trim_end();
            let before = before.strip_suffix(is_separator).unwrap_or(before).trim_end();
            let Ok(chosen) = self.read(before) else { continue };
            for tag in self.candidates(&tail, hashtags) {
                if let Some(offer) = self.offer(before, chosen.as_ref(), tag)
                    && offers.iter().all(|(_, known)| *known != offer.1)
                {
                    offers.push(offer);
                }
            }
        }
        let itself = read.filter(|read| !is_last_blank && offers.iter().all(|(_, offered)| offered != read));
        let itself = itself.map(|_| typed.trim_end().to_owned());
        itself.into_iter().chain(offers.into_iter().map(|(text, _)| text)).collect()
    }

    /// What the last tag may be so far, the longest first. It may have commas.
    fn tails(&self, typed: &str) -> Vec<Tail> {
        let entries = entries(typed);
        if let Some(open) = entries.iter().find(|entry| entry.open) {
            return vec![Tail {
                start: open.start,
                text: unescape(&typed[open.start + 1..]),
                hashtag: false,
            }];
        }
        let Some(last) = entries.last() else { return Vec::new() };
        let tail = |entry: &ListEntry| {
            let text = if entry.quoted { entry.text.clone() } else { typed[entry.start..].to_owned() };
            Tail { start: entry.start, text, hashtag: entry.is_hashtag() }
        };
        let several =
            entries.iter().rev().take(self.longest_name()).take_while(|entry| !entry.quoted).skip(1);
        let mut tails: Vec<Tail> =
            several.filter(|entry| !entry.is_hashtag() && !entry.text.is_empty()).map(tail).collect();
        tails.reverse();
        tails.push(tail(last));
        tails
    }

    fn candidates<'a>(&'a self, tail: &Tail, hashtags: &'a [Tag]) -> impl Iterator<Item = &'a Tag> {
        let own = self.offered().filter(|_| !tail.hashtag).unwrap_or_default();
        let others = if self.offered().is_none() || tail.hashtag { hashtags } else { &[] };
        let beginning = normalise(&tail.text);
        own.iter().chain(others).filter(move |tag| normalise(&tag.to_string()).starts_with(&beginning))
    }

    /// The list with this tag at its end, written so that it is read back.
    fn offer(&self, before: &str, chosen: Option<&TagSet>, tag: &Tag) -> Option<(String, TagSet)> {
        let chosen = chosen.map_or(&[][..], TagSet::as_slice);
        if chosen.contains(tag) {
            return None;
        }
        let set = TagSet::new(chosen.iter().chain([tag]).cloned())?;
        let join = |tag: String| if before.is_empty() { tag } else { format!("{before}, {tag}") };
        // A quote in a name could be taken for a quote around it, as soon as more is typed.
        let plain = Some(tag.to_string()).filter(|name| !name.contains('"'));
        let mut written = plain.into_iter().chain([Quoted(tag).to_string()]).map(join);
        let text = written.find(|text| self.read(text).ok().flatten().as_ref() == Some(&set))?;
        Some((text, set))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::ids::TagId;

    fn forum(names: &[impl AsRef<str>]) -> Vocabulary {
        let tag = |(at, name): (usize, &_)| Tag::Forum {
            id: TagId::new(at as u64 + 1).unwrap(),
            name: AsRef::<str>::as_ref(name).to_owned(),
        };
        Vocabulary::forum(names.iter().enumerate().map(tag).collect())
    }

    fn hashtags(names: &[&str]) -> Vec<Tag> {
        names.iter().filter_map(|name| Tag::hashtag(name)).collect()
    }

    #[test]
    fn completes_hashtags() {
        let (text, known) = (Vocabulary::hashtags(), hashtags(&["bug", "build", "größe"]));
        assert_eq!(text.complete("bu", &known), ["bu", "#bug", "#build"]);
        assert_eq!(text.complete("BUG", &known), ["#bug"]);
        assert_eq!(text.complete("#GRÖ", &known), ["#GRÖ", "#grösse"]);
        assert_eq!(text.complete("bug, b", &known), ["bug, b", "bug, #build"]);
        assert_eq!(text.complete("bug,", &known), ["bug, #build", "bug, #grösse"]);
        assert_eq!(text.complete("", &known), ["#bug", "#build", "#grösse"]);
        assert_eq!(text.complete("off-topic", &known), [""; 0]);
    }

    #[test]
    fn completes_a_forums_names() {
        let (ideas, known) = (forum(&["Bug", "Q, A", "Question", "#meta"]), hashtags(&["bug", "meta"]));
        assert_eq!(ideas.complete("b", &known), ["Bug"]);
        assert_eq!(ideas.complete("q", &known), ["Q, A", "Question"]);
        assert_eq!(ideas.complete("bug, q, ", &known), ["bug, Q, A"]);
        assert_eq!(ideas.complete("bug, q, a", &known), ["bug, Q, A"]);
        assert_eq!(ideas.complete("bug, \"q, ", &known), ["bug, Q, A"]);
        assert_eq!(ideas.complete("bug, m", &known), ["bug, \"#meta\""]);
        assert_eq!(ideas.complete("bug, #", &known), ["bug, #bug", "bug, #meta"]);
        assert_eq!(ideas.complete("bug, ", &known), ["bug, Q, A", "bug, Question", "bug, \"#meta\""]);
        assert_eq!(ideas.complete("bgu, q", &known), [""; 0], "what stands before can't be read");
        let tricky = forum(&["x", "y", "x, y"]);
        assert_eq!(tricky.complete("x, y", &known), ["x, y", "x, \"y\""]);
    }

    proptest! {
        /// Whatever names there are, and whatever was typed before.
        #[test]
        fn what_is_offered_is_read_back(
            names in proptest::collection::btree_set("[a-cA-C#\", 、ß]{1,6}", 1..6),
            picks in proptest::collection::vec(any::<prop::sample::Index>(), 0..4),
        ) {
            let names: Vec<String> = names.into_iter().collect();
            let vocabulary = forum(&names);
            let known = hashtags(&["a", "b"]);
            let mut typed = String::new();
            let mut chosen: Vec<Tag> = Vec::new();
            for pick in picks {
                let offers = vocabulary.complete(&typed, &known);
                if offers.is_empty() { break }
                let offer = pick.get(&offers);
                let set = vocabulary.read(offer).unwrap().unwrap();
                // What was chosen stays, unless what was typed last turns out to be the beginning of a name
                // with a comma.
                let longer = set.as_slice().iter().any(|tag| tag.to_string().contains(is_separator));
                let kept = chosen.iter().all(|tag| set.as_slice().contains(tag));
                prop_assert!(longer || kept && set.as_slice().len() == chosen.len() + 1, "{} after {}", offer, typed);
                chosen = set.as_slice().to_vec();
                typed = format!("{offer}, ");
            }
        }

        #[test]
        fn every_name_is_offered(names in proptest::collection::btree_set("[a-c#\", ß]{0,4}[a-c]", 1..6)) {
            let names: Vec<String> = names.into_iter().collect();
            let vocabulary = forum(&names);
            let offers = vocabulary.complete("", &[]);
            let read: Vec<TagSet> = offers.iter().map(|offer| vocabulary.read(offer).unwrap().unwrap()).collect();
            for tag in vocabulary.offered().unwrap() {
                let alone = TagSet::new([tag.clone()]).unwrap();
                prop_assert!(read.contains(&alone), "{} in {:?}", tag, offers);
            }
        }

        #[test]
        fn anything_can_be_typed(typed in "[a-c\"#, 、\\PC]{0,30}", names in proptest::collection::vec("[a-c\", ]{0,5}", 0..4)) {
            for vocabulary in [forum(&names), Vocabulary::hashtags()] {
                let _ = vocabulary.read(&typed);
                for offer in vocabulary.complete(&typed, &hashtags(&["a", "abc"])) {
                    prop_assert!(vocabulary.read(&offer).unwrap().is_some());
                }
            }
        }
    }
}
