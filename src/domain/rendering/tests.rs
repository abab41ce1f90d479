//! Rendering as a whole: by example, and against Discord's limits for anything at all.

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::domain::message::{Embed, EmbedAuthor, EmbedField, EmbedFooter, EmbedMedia};

const LINK: &str = "https://discord.com/channels/1/2/3";

fn content(text: &str) -> Content {
    Content { author: "Ada".to_owned(), text: text.to_owned(), link: LINK.to_owned(), ..Content::default() }
}

fn parts(number: usize) -> Room {
    Room::Parts(NonZeroUsize::new(number).unwrap())
}

fn texts(content: &Content, room: Room) -> Vec<String> {
    let payloads = render(content, room);
    payloads.iter().for_each(check_against_discord);
    payloads.into_iter().map(|payload| payload.content).collect()
}

fn split(text: &str) -> Vec<String> {
    texts(&content(text), Room::Any)
}

// ---- by example ----

#[test]
fn a_short_message_stays_as_it_is() {
    let payloads = render(&content("Hello @everyone **world**"), Room::Any);
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
    for payload in render(&original, Room::Any) {
        assert_eq!(payload.flags, 4096 | 4);
        assert_eq!(payload.avatar_url, original.avatar_url);
    }
    let odd = Content { avatar_url: Some("data:image/png;base64,x".to_owned()), ..content("x") };
    assert_eq!(render(&odd, Room::Any)[0].avatar_url, None);
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
    assert_eq!(texts(&with("", &["sticker"]), Room::Any), [format!("-# + sticker · [original](<{LINK}>)")]);
    assert_eq!(
        texts(&with("Look", &["attachment", "poll “*Hi*”", "attachment"]), Room::Any),
        [format!("Look\n-# + 2 attachments, poll “\\*Hi\\*” · [original](<{LINK}>)")]
    );
    let tight = texts(&with(&"x".repeat(2000), &["sticker"]), Room::Any);
    assert_eq!(tight.len(), 2);
    assert_eq!(tight[1], format!("-# + sticker · [original](<{LINK}>)"));
    let tail = format!("{}{}", "x".repeat(1995), "\u{200B}".repeat(3000));
    assert_eq!(texts(&content(&tail), Room::Any).len(), 1, "what can't be seen needs no part of its own");
    assert_eq!(texts(&with(&tail, &["poll"]), Room::Any)[1], format!("-# + poll · [original](<{LINK}>)"));
    let many: Vec<_> = (0..9).map(|n| format!("thing {n}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    assert!(texts(&with("Look", &many), Room::Any)[0].contains("thing 5, 3 more ·"));
    assert_eq!(texts(&Content { link: String::new(), ..with("", &["poll"]) }, Room::Any), ["-# + poll"]);
}

#[test]
fn embeds_stand_under_the_last_of_the_text() {
    let embed = |length: usize| Embed { description: Some("d".repeat(length)), ..Embed::default() };
    let original = Content { embeds: vec![embed(4000), embed(4000)], ..content(&"word ".repeat(600)) };
    let shape = |room: Room| -> Vec<_> {
        let payloads = render(&original, room);
        payloads.iter().for_each(check_against_discord);
        payloads.iter().map(|payload| (payload.content.is_empty(), payload.embeds.len())).collect()
    };
    assert_eq!(shape(Room::Any), [(false, 0), (false, 1), (true, 1)]);
    assert_eq!(shape(parts(2)), [(false, 1), (true, 1)]);
    assert_eq!(shape(parts(1)), [(false, 1)]);
    assert!(render(&original, parts(1))[0].content.contains("-# + embed · [original]"));
    let alone = Content { embeds: vec![embed(1)], ..content("") };
    assert_eq!(texts(&alone, Room::Any), [""]);
    assert_eq!(texts(&Content { embeds_suppressed: true, ..alone }, Room::Any), split(""));
}

// ---- for anything at all ----

/// Discord's limits on a webhook message, stated anew from its documentation and OpenAPI description, on the JSON that is sent.
fn check_against_discord(payload: &Payload) {
    let create = serde_json::to_value(payload.create_body()).unwrap();
    let edit = serde_json::to_value(payload.edit_body()).unwrap();
    for body in [&create, &edit] {
        assert_eq!(body["allowed_mentions"], serde_json::json!({"parse": []}));
        let content = body["content"].as_str().unwrap_or_default();
        length(content, 0, 2000);
        let embeds = body["embeds"].as_array().cloned().unwrap_or_default();
        assert!(embeds.len() <= 10);
        let sanitised: String = content.chars().filter(|c| !c.is_control() && !c.is_whitespace()).collect();
        let stripped = sanitised.trim_matches(|c| ('\u{200B}'..='\u{202E}').contains(&c));
        assert!(!stripped.is_empty() || !embeds.is_empty(), "50006: cannot send an empty message");
        let total: usize = embeds.iter().map(check_embed).sum();
        assert!(total <= 6000, "MAX_EMBED_SIZE_EXCEEDED: {total}");
        assert_eq!(body.get("flags").and_then(Value::as_u64).unwrap_or_default() & !(4 | 4096), 0);
    }
    assert!(edit.get("username").is_none() && edit.get("avatar_url").is_none());
    assert!(edit["content"].is_string() && edit["embeds"].is_array() && edit["flags"].is_u64());

    let name = create["username"].as_str().unwrap();
    let name =
        name.replace(['\u{200B}', '\u{200C}', '\u{200D}', '\u{2060}', '\u{FEFF}', '\u{202E}', '\u{AD}'], "");
    length(name.trim(), 1, 80);
    let lower = name.trim().to_lowercase();
    assert!(!["clyde", "discord", "```"].iter().any(|word| lower.contains(word)), "{name:?}");
    assert!(!["everyone", "here", "system message"].contains(&lower.as_str()));
    if let Some(avatar) = create.get("avatar_url") {
        check_address(avatar, &["http", "https"]);
    }
}

/// Checks an embed, and gives the length that counts.
fn check_embed(embed: &Value) -> usize {
    let texts = [("/title", 256), ("/description", 4096), ("/footer/text", 2048), ("/author/name", 256)];
    let mut total = 0;
    let mut shows = embed.get("image").is_some() || embed.get("thumbnail").is_some();
    for (place, limit) in texts {
        if let Some(text) = embed.pointer(place) {
            total += length(text.as_str().unwrap(), 1, limit);
            assert!(!text.as_str().unwrap().trim().is_empty(), "BASE_TYPE_REQUIRED {place}");
            shows = true;
        }
    }
    let fields = embed.get("fields").and_then(Value::as_array).cloned().unwrap_or_default();
    assert!(fields.len() <= 25);
    for field in &fields {
        for (key, limit) in [("name", 256), ("value", 1024)] {
            let text = field[key].as_str().unwrap();
            assert!(!text.trim().is_empty(), "BASE_TYPE_REQUIRED {key}");
            total += length(text, 1, limit);
            shows = true;
        }
    }
    assert!(shows, "50006: an empty embed");
    for place in ["/url", "/author/url"] {
        embed.pointer(place).iter().for_each(|url| check_address(url, &["http", "https"]));
    }
    for place in ["/image/url", "/thumbnail/url", "/author/icon_url", "/footer/icon_url"] {
        embed.pointer(place).iter().for_each(|url| check_address(url, &["http", "https", "attachment"]));
    }
    if let Some(color) = embed.get("color") {
        assert!(color.as_u64().unwrap() <= 0x00FF_FFFF);
    }
    if let Some(timestamp) = embed.get("timestamp") {
        chrono::DateTime::parse_from_rfc3339(timestamp.as_str().unwrap()).unwrap();
    }
    total
}

fn length(text: &str, least: usize, most: usize) -> usize {
    let length = text.encode_utf16().count().max(text.chars().count());
    assert!((least..=most).contains(&length), "BASE_TYPE_BAD_LENGTH: {length} of {least} to {most}");
    length
}

fn check_address(address: &Value, schemes: &[&str]) {
    let address = address.as_str().unwrap();
    length(address, 1, 2048);
    let url = reqwest::Url::parse(address).unwrap();
    assert!(schemes.contains(&url.scheme()), "URL_TYPE_INVALID_SCHEME: {address}");
    assert!(address.chars().all(|c| c.is_ascii_graphic()), "URL_TYPE_INVALID_URL: {address}");
}

/// Pieces that make texts difficult.
fn piece() -> impl Strategy<Value = String> {
    let fixed = [
        "```",
        "```rust\n",
        "\n```\n",
        "`",
        "``",
        "||",
        "**",
        "*",
        "__",
        "_",
        "~~",
        ">>> ",
        "> ",
        "-# ",
        "# ",
        "\\",
        "\n",
        "\n\n",
        "\r\n",
        " ",
        "<@123456789012345678>",
        "<@&1>",
        "<#2>",
        "<:name:123>",
        "<a:name:123>",
        "<t:1700000000:R>",
        "</a b:1>",
        "@everyone",
        "@here",
        "https://example.com/a_b__c**d",
        "<https://example.com>",
        "[text](https://example.com)",
        "[text](",
        "<",
        "[",
        "👨‍👩‍👧‍👦",
        "🇩🇪",
        "❤\u{FE0F}",
        "e\u{301}",
        "\u{202E}שלום",
        "العربية",
        "日本語。",
        "\u{200B}",
        "\u{200D}",
        "\u{FEFF}",
        "\0",
        "\u{7}",
        "\u{1F}",
        "\u{2800}",
        "clyde",
        "discord",
        "Sentence. ",
        "word ",
        "http://",
        "https://",
    ];
    prop_oneof![
        6 => prop::sample::select(fixed.to_vec()).prop_map(str::to_owned),
        2 => "\\PC{0,20}",
        1 => any::<String>(),
        1 => ("[a-z ]{1,5}", 1..800usize).prop_map(|(text, times)| text.repeat(times)),
        1 => (prop::sample::select(fixed.to_vec()), 1..700usize).prop_map(|(text, times)| text.repeat(times)),
        1 => (1..3000usize).prop_map(|marks| format!("z{}", "\u{309}".repeat(marks))),
    ]
}

fn any_text(pieces: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..pieces).prop_map(|pieces| pieces.concat())
}

fn any_address() -> impl Strategy<Value = String> {
    prop_oneof![
        "https?://[a-z.]{1,12}/\\PC{0,10}",
        "\\PC{0,20}",
        Just("attachment://a.png".to_owned()),
        Just(format!("https://example.com/{}", "ü".repeat(500))),
        Just("https://example.com/a.png".to_owned()),
    ]
}

fn any_embed() -> impl Strategy<Value = Embed> {
    let texts = (
        prop::option::of(any_text(6)),
        prop::option::of(any_text(6)),
        prop::option::of(any_text(6)),
        prop::option::of(any_text(6)),
    );
    let addresses = prop::collection::vec(prop::option::of(any_address()), 6);
    let fields = prop::collection::vec((any_text(6), any_text(6), any::<bool>()), 0..4);
    (
        texts,
        addresses,
        fields,
        1..12usize,
        any::<Option<u32>>(),
        prop::option::of("[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:00:00Z"),
    )
        .prop_map(
            |((title, description, footer, author), mut addresses, fields, times, color, timestamp)| {
                let mut next = || addresses.pop().flatten();
                Embed {
                    title,
                    description,
                    url: next(),
                    timestamp,
                    color,
                    footer: footer.map(|text| EmbedFooter { text, icon_url: next() }),
                    image: next().map(|url| EmbedMedia { url }),
                    thumbnail: next().map(|url| EmbedMedia { url }),
                    author: author.map(|name| EmbedAuthor { name, url: next(), icon_url: next() }),
                    fields: fields
                        .iter()
                        .cycle()
                        .take(fields.len() * times)
                        .map(|(name, value, inline)| EmbedField {
                            name: name.clone(),
                            value: value.clone(),
                            inline: *inline,
                        })
                        .collect(),
                }
            },
        )
}

fn any_content() -> impl Strategy<Value = Content> {
    let link = prop_oneof![4 => Just(LINK.to_owned()), 1 => any_address(), 1 => Just(String::new())];
    let unshown = prop::collection::vec(prop_oneof![Just("attachment".to_owned()), any_text(6)], 0..12);
    (
        any_text(6),
        any_text(40),
        prop::option::of(any_address()),
        prop::collection::vec(any_embed(), 0..4),
        unshown,
        any::<bool>(),
        any::<bool>(),
        link,
    )
        .prop_map(|(author, text, avatar_url, embeds, unshown, silent, embeds_suppressed, link)| {
            Content {
                author,
                avatar_url,
                text,
                embeds,
                unshown,
                silent,
                embeds_suppressed,
                link,
                ..Content::default()
            }
        })
}

/// What can be seen of a text.
fn seen(text: &str) -> Vec<char> {
    text.chars().filter(|c| text::is_visible(c.encode_utf8(&mut [0; 4]))).collect()
}

proptest! {
    #[test]
    fn discord_refuses_nothing(content in any_content(), room in 0..8usize) {
        let payloads = render(&content, NonZeroUsize::new(room).map_or(Room::Any, Room::Parts));
        let most = if room == 0 { MOST_PARTS } else { room };
        prop_assert!((1..=most).contains(&payloads.len()));
        payloads.iter().for_each(check_against_discord);
        for payload in &payloads {
            prop_assert!(payload.matches(&payload.username, payload.content.trim()));
        }
    }

    #[test]
    fn nothing_is_lost_where_there_is_room(text in any_text(40)) {
        let shown: String = texts(&content(&text), parts(10_000)).concat();
        let wanted = seen(&text);
        if !wanted.is_empty() {
            // Markers are added where a region is closed and opened again; all else comes once and in order.
            let markers = |c: &char| !matches!(c, '`' | '|' | '*' | '_' | '~' | '>');
            let mut rest = seen(&shown).into_iter();
            prop_assert!(wanted.iter().all(|c| rest.any(|shown| shown == *c)), "{text:?} became {shown:?}");
            if !text.contains("```") {
                let (wanted, shown) = (wanted.into_iter().filter(markers), seen(&shown).into_iter().filter(markers));
                prop_assert_eq!(wanted.collect::<String>(), shown.collect::<String>());
            }
        }
    }

    #[test]
    fn the_same_fits_into_the_parts_it_took(content in any_content()) {
        let first = render(&content, Room::Any);
        prop_assert_eq!(render(&content, parts(first.len())), first);
    }
}
