//! Rendering as a whole: by example (texts here, everything else in [`kinds`]), and against Discord's limits
//! for any content at all.

use super::*;
use crate::domain::limits;

mod any;
mod anything;
mod check;
mod kinds;

pub(crate) use any::any_context;
pub(crate) use check::check_against_discord;

const LINK: &str = "https://discord.com/channels/1/2/3";

fn content(text: &str) -> Content {
    Content { author: "Ada".to_owned(), text: text.to_owned(), link: LINK.to_owned(), ..Content::default() }
}

fn parts(number: usize) -> PartLimit {
    PartLimit::Existing(NonZeroUsize::new(number).unwrap())
}

/// The source's own server, with nothing special about it.
pub(super) fn here(part_limit: PartLimit) -> RenderContext {
    RenderContext {
        part_limit,
        same_server: true,
        published_only: false,
        answered: None,
        thread: ThreadCaption::All,
        starter: None,
        namesake: false,
        file_limit: limits::FILE_BYTES,
    }
}

fn texts(content: &Content, part_limit: PartLimit) -> Vec<String> {
    let payloads = render(content, &here(part_limit));
    payloads.iter().for_each(|payload| check_against_discord(payload, limits::FILE_BYTES));
    payloads.into_iter().map(|payload| payload.content).collect()
}

fn split(text: &str) -> Vec<String> {
    texts(&content(text), PartLimit::New)
}

#[test]
fn a_short_message_stays_as_it_is() {
    let payloads = render(&content("Hello @everyone **world**"), &here(PartLimit::New));
    assert_eq!(payloads.len(), 1);
    assert_eq!(payloads[0].content, "Hello @everyone **world**");
    assert_eq!((payloads[0].username.as_str(), payloads[0].flags), ("Ada", 0));
}

#[test]
fn flags_and_avatar_stay() {
    let original = Content {
        silent: true,
        embeds_suppressed: true,
        avatar_url: Some("https://cdn.discordapp.com/avatars/1/a.png".to_owned()),
        ..content(&"word ".repeat(600))
    };
    for payload in render(&original, &here(PartLimit::New)) {
        assert_eq!(payload.flags, 4096 | 4);
        assert_eq!(payload.avatar_url, original.avatar_url);
    }
    let odd = Content { avatar_url: Some("data:image/png;base64,x".to_owned()), ..content("x") };
    assert_eq!(render(&odd, &here(PartLimit::New))[0].avatar_url, None);
}

#[test]
fn splits_at_the_best_place_of_the_second_half() {
    let (a, b) = ("a".repeat(1500), "b".repeat(1500));
    assert_eq!(split(&format!("{a}\n\n{b}")), [a.clone(), b.clone()]);
    let sentence = "One two three four. ".repeat(150);
    assert!(split(&sentence)[0].ends_with("four."));
    let paragraph = format!("{}\n\n{}\n{}", "word ".repeat(300), "word ".repeat(60), "word ".repeat(60));
    assert_eq!(split(&paragraph)[0], "word ".repeat(300).trim());
    assert_eq!(split(&"x".repeat(4000)), ["x".repeat(2000), "x".repeat(2000)]);
    assert_eq!(split(&format!("{}\n\nb", "x".repeat(2000))), ["x".repeat(2000), "b".to_owned()]);
}

#[test]
fn graphemes_and_units_stay_whole() {
    let family = "👨‍👩‍👧";
    for part in split(&family.repeat(600)) {
        assert_eq!(part.replace(family, ""), "");
    }
    let long = format!("https://example.com/{}", "a".repeat(300));
    for unit in [
        "<@123456789012345678>",
        "<a:party:123456789012345678>",
        "<t:1700000000:R>",
        "[a b](https://example.com/x)",
        &long,
    ] {
        let pieces = split(&format!("{}{}", "x".repeat(1990), unit));
        assert_eq!(pieces, ["x".repeat(1990), unit.to_owned()]);
    }
}

#[test]
fn code_blocks_are_closed_and_reopened() {
    let line = "    let x = 1;\n";
    let pieces = split(&format!("See:\n```rust\n{}```\nDone.", line.repeat(200)));
    assert_eq!(pieces.len(), 2);
    assert!(pieces[0].starts_with("See:\n```rust\n    let") && pieces[0].ends_with("let x = 1;\n```"));
    assert!(pieces[1].starts_with("```rust\n    let x = 1;\n") && pieces[1].ends_with("\n```\nDone."));
    assert_eq!(pieces.concat().matches("let x = 1;").count(), 200);
}

#[test]
fn a_spoiler_never_leaks() {
    let secret = "secret ".repeat(100);
    let pieces = split(&format!("{}||{secret}||", "word ".repeat(300)));
    assert_eq!(pieces, ["word ".repeat(300).trim(), &format!("||{secret}||")], "one that fits is moved");
    for part in split(&format!("||{}||", "secret ".repeat(600).trim())) {
        assert!(
            part.starts_with("||secret") && part.ends_with("secret||"),
            "one that doesn't is closed and opened"
        );
    }
    let cut = texts(&content(&format!("||{}||", "secret ".repeat(600))), parts(1));
    assert!(cut[0].contains("secret|| … [continued]"), "{cut:?}");
}

#[test]
fn what_has_no_room_ends_with_a_link() {
    let shown = texts(&content(&"word ".repeat(2000)), parts(2));
    assert_eq!(shown.len(), 2);
    assert!(shown[1].ends_with(&format!("word … [continued](<{LINK}>)")));
    assert!(!shown[0].contains("continued"));
    let endless = split(&"word ".repeat(10_000));
    assert_eq!(endless.len(), MOST_PARTS);
    assert!(endless[4].ends_with(&format!("… [continued](<{LINK}>)")));
    let code = texts(&content(&format!("```\n{}```", "line\n".repeat(1000))), parts(1));
    assert!(code[0].ends_with(&format!("\n```\n… [continued](<{LINK}>)")), "{code:?}");
}

#[test]
fn what_is_not_shown_is_named() {
    let with = |text: &str, unshown: &[&str]| Content {
        unshown: unshown.iter().map(|&name| name.to_owned()).collect(),
        ..content(text)
    };
    assert_eq!(split(""), [format!("-# A message that can't be shown here · [original](<{LINK}>)")]);
    assert_eq!(split(" \u{200B}\n"), split(""));
    assert_eq!(
        texts(&with("", &["sticker"]), PartLimit::New),
        [format!("-# + sticker · [original](<{LINK}>)")]
    );
    assert_eq!(
        texts(&with("Look", &["attachment", "poll “*Hi*”", "attachment"]), PartLimit::New),
        [format!("Look\n-# + 2 attachments, poll “\\*Hi\\*” · [original](<{LINK}>)")]
    );
    let tight = texts(&with(&"x".repeat(2000), &["sticker"]), PartLimit::New);
    assert_eq!(tight.len(), 2);
    assert_eq!(tight[1], format!("-# + sticker · [original](<{LINK}>)"));
    let tail = format!("{}{}", "x".repeat(1995), "\u{200B}".repeat(3000));
    assert_eq!(
        texts(&content(&tail), PartLimit::New).len(),
        1,
        "what can't be seen needs no part of its own"
    );
    assert_eq!(
        texts(&with(&tail, &["poll"]), PartLimit::New)[1],
        format!("-# + poll · [original](<{LINK}>)")
    );
    let many: Vec<_> = (0..9).map(|n| format!("thing {n}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    assert!(texts(&with("Look", &many), PartLimit::New)[0].contains("thing 5, 3 more ·"));
    assert_eq!(texts(&Content { link: String::new(), ..with("", &["poll"]) }, PartLimit::New), ["-# + poll"]);
}

#[test]
fn embeds_stand_under_the_last_of_the_text() {
    let embed = |length: usize| Embed { description: Some("d".repeat(length)), ..Embed::default() };
    let original = Content { embeds: vec![embed(4000), embed(4000)], ..content(&"word ".repeat(600)) };
    let shape = |part_limit: PartLimit| -> Vec<_> {
        let payloads = render(&original, &here(part_limit));
        payloads.iter().for_each(|payload| check_against_discord(payload, limits::FILE_BYTES));
        payloads.iter().map(|payload| (payload.content.is_empty(), payload.embeds.len())).collect()
    };
    assert_eq!(shape(PartLimit::New), [(false, 0), (false, 1), (true, 1)]);
    assert_eq!(shape(parts(2)), [(false, 1), (true, 1)]);
    assert_eq!(shape(parts(1)), [(false, 1)]);
    assert!(render(&original, &here(parts(1)))[0].content.contains("-# + embed · [original]"));
    let alone = Content { embeds: vec![embed(1)], ..content("") };
    assert_eq!(texts(&alone, PartLimit::New), [""]);
    assert_eq!(texts(&Content { embeds_suppressed: true, ..alone }, PartLimit::New), split(""));
}
