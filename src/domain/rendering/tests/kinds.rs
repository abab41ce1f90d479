//! Everything a message can be, by example.

use super::*;
use crate::domain::message::{EmbedField, Forward, InThread, LinkButton, Poll, PostTag, Reply, Sticker};
use crate::domain::place::SourcePlace;

const MIRROR: &str = "https://discord.com/channels/9/8/7";

fn shown(content: &Content, context: &RenderContext) -> Vec<Payload> {
    let payloads = render(content, context);
    payloads.iter().for_each(|payload| check_against_discord(payload, context.file_limit));
    payloads
}

fn only_text(content: &Content) -> String {
    let payloads = shown(content, &here(PartLimit::New));
    assert_eq!(payloads.len(), 1);
    payloads[0].content.clone()
}

fn file(id: u64, name: &str, size: u64) -> File {
    File { id, name: name.to_owned(), size, ..File::default() }
}

fn answer(text: &str) -> Content {
    let reply = Reply {
        channel: "2".parse().unwrap(),
        message: "1".parse().unwrap(),
        link: "https://discord.com/channels/1/2/1".to_owned(),
        author: Some("Bob*".to_owned()),
        author_id: None,
        written_by: None,
        unknown: false,
        published: false,
        text: text.to_owned(),
    };
    Content { reply: Some(reply), ..content("Yes") }
}

#[test]
fn an_answer_says_whom_it_answers() {
    let line = "-# ↪ [**Bob\\***](<https://discord.com/channels/1/2/1>): Really? \\[spoiler\\]\nYes";
    assert_eq!(only_text(&answer("**Really?**\n||secret||")), line);
    let mirrored = RenderContext { answered: Some(MIRROR.to_owned()), ..here(PartLimit::New) };
    assert_eq!(shown(&answer(""), &mirrored)[0].content, format!("-# ↪ [**Bob\\***](<{MIRROR}>)\nYes"));
    let mut gone = answer("");
    gone.reply.iter_mut().for_each(|reply| reply.author = None);
    assert_eq!(only_text(&gone), "-# ↪ a deleted message\nYes");
    gone.reply.iter_mut().for_each(|reply| reply.unknown = true);
    assert_eq!(only_text(&gone), "-# ↪ [a message](<https://discord.com/channels/1/2/1>)\nYes");
}

#[test]
fn where_only_what_is_published_is_shown_nothing_else_is_quoted() {
    let published_only = RenderContext { published_only: true, ..here(PartLimit::New) };
    let mut answer = answer("Really?");
    let link = "-# ↪ [a message](<https://discord.com/channels/1/2/1>)\nYes";
    assert_eq!(shown(&answer, &published_only)[0].content, link);
    let mirrored = RenderContext { answered: Some(MIRROR.to_owned()), ..published_only.clone() };
    assert!(shown(&answer, &mirrored)[0].content.contains("Really?"), "it stands there anyway");
    answer.reply.iter_mut().for_each(|reply| reply.published = true);
    assert!(
        shown(&answer, &published_only)[0]
            .content
            .contains("Bob\\***](<https://discord.com/channels/1/2/1>): Really?")
    );
    answer.reply.iter_mut().for_each(|reply| reply.author = None);
    assert_eq!(shown(&answer, &published_only)[0].content, "-# ↪ a deleted message\nYes");
}

#[test]
fn only_the_first_part_has_the_answers_line() {
    let long = Content { text: "word ".repeat(600), ..answer("Hi") };
    let payloads = shown(&long, &here(PartLimit::New));
    assert_eq!(payloads.len(), 2);
    assert!(payloads[0].content.starts_with("-# ↪ ") && payloads[1].content.starts_with("word"));
}

#[test]
fn a_forward_is_quoted() {
    let forward = |text: &str| Content {
        forward: Some(Forward {
            message: None,
            text: text.to_owned(),
            files: vec![file(1, "a.png", 1)],
            embeds: vec![Embed { title: Some("T".to_owned()), ..Embed::default() }],
            unshown: vec!["sticker".to_owned()],
            ..Forward::default()
        }),
        ..content("")
    };
    let payloads = shown(&forward("one\ntwo"), &here(PartLimit::New));
    assert_eq!(
        payloads[0].content,
        format!("-# ↪ Forwarded\n>>> one\ntwo\n-# + sticker · [original](<{LINK}>)")
    );
    assert_eq!((payloads[0].files.len(), payloads[0].embeds.len()), (1, 1));
    assert!(
        shown(&forward(""), &here(PartLimit::New))[0].content.starts_with("-# ↪ Forwarded\n-# + sticker")
    );
    let mut sticky = forward("one");
    sticky.forward.iter_mut().for_each(|forward| {
        let url = Some("https://media.discordapp.net/stickers/9.png".to_owned());
        forward.stickers = vec![Sticker { name: "Wave".to_owned(), url }];
        forward.links =
            vec![LinkButton { label: "Docs".to_owned(), emoji: None, url: "https://example.com".to_owned() }];
    });
    let payload = shown(&sticky, &here(PartLimit::New)).remove(0);
    let sticker = "[sticker: Wave](https://media.discordapp.net/stickers/9.png)";
    assert!(payload.content.starts_with(&format!("-# ↪ Forwarded\n>>> one\n{sticker}\n")), "{payload:?}");
    assert_eq!(payload.components.len(), 1);
    let code = forward(&format!("```rust\n{}```", "let x = 1;\n".repeat(250)));
    let payloads = shown(&code, &here(PartLimit::New));
    assert!(payloads[0].content.ends_with("let x = 1;\n```"));
    assert!(payloads[1].content.starts_with(">>> ```rust\nlet x = 1;"), "{payloads:?}");
}

#[test]
fn files_are_spread_and_the_large_ones_linked() {
    let mut original = content("Look");
    original.files = (0..12).map(|n| file(n, &format!("{n}.png"), 100)).collect();
    original.files.push(file(20, "big_file.zip", 48 << 20));
    let payloads = shown(&original, &here(PartLimit::New));
    assert_eq!(payloads[0].content, format!("Look\n-# 📎 big\\_file.zip (48 MB) · [original](<{LINK}>)"));
    assert_eq!(payloads.iter().map(|payload| payload.files.len()).collect::<Vec<_>>(), [10, 2]);
    assert_eq!(payloads[1].content, "");
    let boosted = RenderContext { file_limit: 100 << 20, ..here(PartLimit::New) };
    let payloads = shown(&original, &boosted);
    assert_eq!(payloads[0].content, "Look", "a boosted server takes it");
    assert_eq!(payloads.iter().map(|payload| payload.files.len()).collect::<Vec<_>>(), [10, 3]);
    let edit = shown(&original, &here(parts(1)));
    assert!(edit[0].content.contains("-# 📎 11.png (100 bytes)"), "{edit:?}");
}

#[test]
fn an_edited_text_moves_no_file() {
    let with = |text: &str| Content { files: vec![file(1, "a.png", 1)], ..content(text) };
    for text in ["", "short", &"word ".repeat(700)] {
        let payloads = shown(&with(text), &here(PartLimit::New));
        assert_eq!(payloads[0].files.len(), 1);
    }
}

#[test]
fn a_voice_message_is_called_one() {
    let voice = File { voice_seconds: Some("63.4".to_owned()), ..file(1, "voice-message.ogg", 9) };
    let payloads = shown(&Content { files: vec![voice], ..content("") }, &here(PartLimit::New));
    assert_eq!((payloads[0].content.as_str(), payloads[0].files.len()), ("-# 🎤 Voice message, 1:03", 1));
}

#[test]
fn stickers_are_pictures_or_named() {
    let sticker =
        |name: &str, url: Option<&str>| Sticker { name: name.to_owned(), url: url.map(str::to_owned) };
    let url = "https://media.discordapp.net/stickers/9.png";
    let stickers = vec![sticker("Wave", Some(url)), sticker("Line", None)];
    assert_eq!(
        only_text(&Content { stickers, ..content("") }),
        format!("[sticker: Wave]({url})\n-# + sticker · [original](<{LINK}>)")
    );
}

#[test]
fn a_poll_is_written_out() {
    let poll = Poll {
        question: "Which *one*?".to_owned(),
        answers: vec!["🍎 This".to_owned(), "# That".to_owned(), "Both".to_owned()],
        votes: None,
    };
    assert_eq!(
        only_text(&Content { poll: Some(poll.clone()), ..content("") }),
        format!(
            "**Which \\*one\\*?**\n- 🍎 This\n- \\# That\n- Both\n-# Poll · vote in the [original](<{LINK}>)"
        )
    );
    let ended = Poll { votes: Some(vec![1, 2]), ..poll };
    assert_eq!(
        only_text(&Content { poll: Some(ended), ..content("") }),
        format!(
            "**Which \\*one\\*?**\n- 🍎 This · 1 vote\n- **\\# That** · 2 votes\n- Both · 0 votes\n\
             -# Poll · ended with 3 votes · [original](<{LINK}>)"
        )
    );
}

#[test]
fn buttons_stand_under_the_last_part() {
    let button = LinkButton { label: "Docs".to_owned(), emoji: None, url: "https://example.com".to_owned() };
    let with = |text: &str| Content { links: vec![button.clone()], ..content(text) };
    let payloads = shown(&with(&"word ".repeat(600)), &here(PartLimit::New));
    assert_eq!(payloads.iter().map(|payload| payload.components.len()).collect::<Vec<_>>(), [0, 1]);
    let alone = shown(&with(""), &here(PartLimit::New));
    assert_eq!((alone[0].content.as_str(), alone[0].components.len()), ("[Docs](<https://example.com>)", 0));
}

#[test]
fn elsewhere_mentions_are_names() {
    let abroad = RenderContext { same_server: false, ..here(PartLimit::New) };
    let mut original = answer("<@1>");
    original.text = "<@1> in <#5>, `<@1>`".to_owned();
    original.names.people.insert("1".parse().unwrap(), "Cy".to_owned());
    original.embeds = vec![Embed {
        description: Some("by <@1>".to_owned()),
        fields: vec![EmbedField { name: "n".to_owned(), value: "<@&4>".to_owned(), inline: false }],
        ..Embed::default()
    }];
    let payload = &shown(&original, &abroad)[0];
    assert!(payload.content.ends_with("): @Cy\n@Cy in #unknown channel, `<@1>`"), "{}", payload.content);
    assert_eq!(payload.embeds[0].description.as_deref(), Some("by @Cy"));
    assert_eq!(payload.embeds[0].fields[0].value, "@unknown role");
    assert!(shown(&original, &here(PartLimit::New))[0].content.ends_with("): <@1>\n<@1> in <#5>, `<@1>`"));
}

#[test]
fn a_namesake_shows_the_handle() {
    let original = Content { handle: "ada_l".to_owned(), ..content("Hi") };
    assert_eq!(
        shown(&original, &RenderContext { namesake: true, ..here(PartLimit::New) })[0].username,
        "Ada (ada_l)"
    );
    assert_eq!(shown(&original, &here(PartLimit::New))[0].username, "Ada");
}

fn in_thread(place: SourcePlace, text: &str) -> Content {
    let tag = |name: &str| PostTag { id: "4".parse().unwrap(), name: name.to_owned() };
    let thread = InThread {
        thread: "5".parse().unwrap(),
        title: "Lamps [on] the *pier*".to_owned(),
        owner: None,
        title_withheld: false,
        tags: vec![tag("bug"), tag("new_idea")],
        place,
        link: "https://discord.com/channels/1/5".to_owned(),
    };
    Content { thread: Some(thread), ..content(text) }
}

#[test]
fn a_thread_begins_with_title_and_tags() {
    let title = "### [Lamps \\[on\\] the \\*pier\\*](<https://discord.com/channels/1/5>)";
    let post = in_thread(SourcePlace::Starter, "It is dark.");
    assert_eq!(only_text(&post), format!("{title}\n-# 🏷️ bug, new\\_idea\nIt is dark."));
    let followed = RenderContext { thread: ThreadCaption::StarterOnly, ..here(PartLimit::New) };
    assert_eq!(shown(&post, &followed)[0].content, only_text(&post));
    let in_forum = RenderContext { thread: ThreadCaption::Nothing, ..here(PartLimit::New) };
    assert_eq!(shown(&post, &in_forum)[0].content, "It is dark.");
    let long = shown(&in_thread(SourcePlace::Starter, &"word ".repeat(600)), &here(PartLimit::New));
    assert!(long[0].content.starts_with(title) && long[1].content.starts_with("word"));
}

#[test]
fn an_answer_says_in_which_thread_it_stands() {
    let answer = Content { reply: answer("Hi").reply, ..in_thread(SourcePlace::Answer, "Yes") };
    let rest = "-# ↪ [**Bob\\***](<https://discord.com/channels/1/2/1>): Hi\nYes";
    let title = "**Lamps \\[on\\] the \\*pier\\***";
    assert_eq!(only_text(&answer), format!("-# 💬 in [{title}](<https://discord.com/channels/1/5>)\n{rest}"));
    let mirrored = RenderContext { starter: Some(MIRROR.to_owned()), ..here(PartLimit::New) };
    assert_eq!(shown(&answer, &mirrored)[0].content, format!("-# 💬 in [{title}](<{MIRROR}>)\n{rest}"));
    for thread in [ThreadCaption::StarterOnly, ThreadCaption::Nothing] {
        assert_eq!(shown(&answer, &RenderContext { thread, ..here(PartLimit::New) })[0].content, rest);
    }
}

#[test]
fn a_post_has_a_title_whatever_it_shows() {
    assert_eq!(title(&in_thread(SourcePlace::Answer, "Yes")), "Lamps [on] the *pier*");
    let mut original = content("\n> **Ahoy** <@1>, look at <#5>\nmore");
    original.names.people.insert("1".parse().unwrap(), "Cy_*".to_owned());
    assert_eq!(title(&original), "Ahoy @Cy_*, look at #unknown channel");
    let embeds = vec![Embed { description: Some("News\nmore".to_owned()), ..Embed::default() }];
    assert_eq!(title(&Content { embeds, ..content("") }), "News");
    assert_eq!(title(&Content { files: vec![file(1, "a_b.png", 1)], ..content("") }), "a_b.png");
    assert_eq!(title(&content("\u{200B}")), "Message by Ada");
    assert_eq!(title(&content(&"🦀".repeat(80))), format!("{}…", "🦀".repeat(49)));
}
