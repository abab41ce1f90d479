//! What is read of messages, by example.

use serde_json::json;

use crate::domain::message::File;

use super::*;

fn content(message: Value) -> Content {
    let mut whole = json!({"id": "30", "channel_id": "20", "author": {"id": "40", "username": "ada_l", "global_name": "Ada"}});
    whole.as_object_mut().unwrap().extend(message.as_object().unwrap().clone());
    read(&serde_json::from_value(whole).unwrap(), GuildId::new(10).unwrap(), None)
}

#[test]
fn the_author_is_named_as_the_source_shows_it() {
    assert_eq!(content(json!({})).author, "Ada");
    let in_server = content(json!({"member": {"nick": "Countess", "avatar": "a_1"}}));
    assert_eq!(in_server.author, "Countess");
    assert_eq!(
        in_server.avatar_url.unwrap(),
        "https://cdn.discordapp.com/guilds/10/users/40/avatars/a_1.gif"
    );
    assert_eq!(in_server.handle, "ada_l");
}

#[test]
fn previews_of_links_are_left_to_discord() {
    let embeds = json!([
        {"type": "rich", "title": "mine"},
        {"type": "link", "title": "preview"},
        {"type": "rich", "title": "of a post", "url": "https://twitter.com/a/status/1"},
        {"type": "rich", "title": "of a video", "video": {"url": "https://x.example/v.mp4"}},
        {"type": "rich", "title": "of a page", "provider": {"name": "Page"}},
        {"type": "rich", "title": "mine too", "url": "https://example.com/other"},
    ]);
    let titles = |message: Value| -> Vec<String> {
        content(message).embeds.into_iter().filter_map(|embed| embed.title).collect()
    };
    let text = "see https://x.com/a/status/1?s=20";
    assert!(titles(json!({"content": text, "embeds": embeds})).is_empty(), "people can't make any");
    let by_bot = json!({"id": "40", "username": "ada_l", "bot": true});
    let shown = titles(json!({"content": text, "embeds": embeds, "author": by_bot}));
    assert_eq!(shown, ["mine", "mine too"]);
    assert_eq!(titles(json!({"content": text, "embeds": embeds, "webhook_id": "7"})), shown);
    let silent = json!({"content": "<https://twitter.com/a/status/1>", "embeds": embeds, "webhook_id": "7"});
    assert_eq!(titles(silent), ["mine", "of a post", "mine too"]);
    let copy = json!({"content": text, "embeds": embeds});
    let forward = content(json!({"message_snapshots": [{"message": copy}]})).forward.unwrap();
    assert_eq!(forward.embeds.len(), 2);
}

#[test]
fn an_answer_names_what_it_answers() {
    let shown = content(json!({
        "type": 19, "message_reference": {"type": 0, "message_id": "29", "channel_id": "20"},
        "referenced_message": {"id": "29", "channel_id": "20", "author": {"id": "41", "username": "bob"}, "content": "Hi"},
    }));
    let reply = shown.reply.unwrap();
    assert_eq!((reply.author.as_deref(), reply.text.as_str()), (Some("bob"), "Hi"));
    assert_eq!(reply.link, "https://discord.com/channels/10/20/29");
    let gone = content(
        json!({"type": 19, "message_reference": {"message_id": "29", "channel_id": "20"}, "referenced_message": null}),
    );
    let gone = gone.reply.unwrap();
    assert_eq!((gone.author, gone.unknown), (None, false));
    let unknown = content(json!({"type": 19, "message_reference": {"message_id": "29", "channel_id": "20"}}));
    assert!(unknown.reply.unwrap().unknown);
}

#[test]
fn an_original_is_asked_for_in_the_channel_of_its_answer_only() {
    let asked_for = |reference: Value| {
        let answer = json!({
            "id": "30", "channel_id": "20", "author": {"id": "40"}, "type": 19, "message_reference": reference,
        });
        unknown_original(&serde_json::from_value(answer).unwrap()).map(MessageId::get)
    };
    assert_eq!(asked_for(json!({"message_id": "29", "channel_id": "20"})), Some(29));
    assert_eq!(asked_for(json!({"message_id": "29"})), Some(29));
    assert_eq!(asked_for(json!({"message_id": "29", "channel_id": "21"})), None, "another channel's");
}

#[test]
fn people_are_called_as_the_source_calls_them() {
    let shown = content(json!({
        "type": 19, "message_reference": {"message_id": "29", "channel_id": "20"},
        "referenced_message": {"id": "29", "channel_id": "20", "author": {"id": "41", "username": "bob"}, "content": "Hi <@43>",
            "mentions": [{"id": "43", "username": "dee"}]},
        "mentions": [
            {"id": "41", "username": "bob", "member": {"nick": "Captain"}},
            {"id": "42", "username": "cy", "global_name": "Cy", "member": {"nick": null}},
        ],
    }));
    let names: Vec<_> = shown.names.people.values().map(String::as_str).collect();
    assert_eq!(names, ["Captain", "Cy", "dee"]);
    let reply = shown.reply.clone().unwrap();
    assert_eq!((reply.author.as_deref(), reply.author_id), (Some("Captain"), None));
    let mut renamed = shown.clone();
    renamed.names.people.clear();
    renamed.reply.iter_mut().for_each(|reply| reply.author = Some("Bob".to_owned()));
    assert!(renamed.shows_the_same(&shown), "a new nickname is no edit");
}

#[test]
fn what_an_application_thinks_about_is_no_post_yet() {
    let message = |kind: u16, flags: u64| -> Message {
        let message =
            json!({"id": "30", "channel_id": "20", "author": {"id": "40"}, "type": kind, "flags": flags});
        serde_json::from_value(message).unwrap()
    };
    assert!(!is_post(&message(20, LOADING)) && is_post(&message(20, 0)));
}

#[test]
fn spoilers_are_known_by_their_flag() {
    let files = json!([
        {"id": "1", "filename": "a.png", "size": 1, "url": "https://x/a.png", "flags": 8},
        {"id": "2", "filename": "SPOILER_b.png", "size": 1, "url": "https://x/b.png"},
        {"id": "3", "filename": "c.png", "size": 1, "url": "https://x/c.png", "flags": 4, "title": "В"},
    ]);
    let hidden = |files: &[File]| files.iter().map(File::is_hidden).collect::<Vec<_>>();
    let shown = content(json!({"attachments": files}));
    assert_eq!(hidden(&shown.files), [true, true, false]);
    assert_eq!(shown.files[2].name, "В.png");
    let forward =
        content(json!({"message_snapshots": [{"message": {"attachments": files}}]})).forward.unwrap();
    assert_eq!(hidden(&forward.files), [true, true, false]);
}

#[test]
fn what_components_hide_stays_hidden() {
    let attachments = json!([
        {"id": "1", "filename": "a.png", "size": 1, "url": "https://cdn.discordapp.com/attachments/1/1/a.png?ex=1"},
        {"id": "2", "filename": "b.png", "size": 1, "url": "https://cdn.discordapp.com/attachments/1/2/b.png?ex=1"},
        {"id": "3", "filename": "c.pdf", "size": 1, "url": "https://cdn.discordapp.com/attachments/1/3/c.pdf?ex=1"},
        {"id": "4", "filename": "d.png", "size": 1, "url": "https://cdn.discordapp.com/attachments/1/4/d.png?ex=1"},
    ]);
    let link = json!({"type": 2, "style": 5, "label": "Where", "url": "https://x.example/there"});
    let components = json!([
        {"type": 10, "content": "open"},
        {"type": 17, "spoiler": true, "components": [
            {"type": 10, "content": "secret"},
            {"type": 9, "components": [{"type": 10, "content": "beside"}],
                "accessory": {"type": 11, "media": {"url": "https://x.example/t.png"}}},
            {"type": 12, "items": [{"media": {"attachment_id": "1", "url": "https://media.discordapp.net/x"}}]},
            {"type": 1, "components": [link]},
        ]},
        {"type": 12, "items": [
            {"media": {"url": "https://cdn.discordapp.com/attachments/1/2/b.png?ex=2"}, "spoiler": true},
            {"media": {"url": "attachment://d.png"}},
            {"media": {"url": "https://x.example/open.png"}},
        ]},
        {"type": 13, "file": {"attachment_id": "3", "url": "u"}, "spoiler": true},
        {"type": 13, "file": {"attachment_id": "9", "url": "https://cdn.discordapp.com/e.zip"}, "name": "e.zip", "size": 7, "spoiler": true},
    ]);
    let check = |text: &str, files: &[File], embeds: &[crate::domain::message::Embed]| {
        let wanted = "open\n\n||secret||\n\n||beside||\n\n||https://x.example/t.png||\n\n\
            ||[Where](<https://x.example/there>)||";
        assert_eq!(text, wanted);
        let files: Vec<_> = files.iter().map(|file| (file.id, file.is_hidden())).collect();
        assert_eq!(files, [(1, true), (2, true), (3, true), (4, false), (9, true)]);
        assert_eq!(embeds.len(), 1, "the picture that isn't hidden and no file of the message's");
    };
    let message = json!({"flags": 32768, "components": components, "attachments": attachments});
    let shown = content(message.clone());
    check(&shown.text, &shown.files, &shown.embeds);
    assert!(shown.links.is_empty() && shown.unshown.is_empty());
    let forward = content(json!({"message_snapshots": [{"message": message}]})).forward.unwrap();
    check(&forward.text, &forward.files, &forward.embeds);
}

#[test]
fn a_forward_has_all_that_its_original_had() {
    let forward = content(json!({"message_snapshots": [{"message": {
        "content": "", "mentions": [{"id": "41", "username": "bob", "global_name": "Bob"}],
        "sticker_items": [{"id": "9", "name": "Wave", "format_type": 1}],
        "components": [{"type": 10, "content": "by <@41>"}, {"type": 1, "components": [
            {"type": 2, "style": 5, "label": "Docs", "url": "https://x.example"}]}],
    }}]}));
    assert_eq!(forward.names.people.values().map(String::as_str).collect::<Vec<_>>(), ["Bob"]);
    let copy = forward.forward.unwrap();
    assert_eq!((copy.text.as_str(), copy.stickers.len(), copy.links.len()), ("by <@41>", 1, 1));
    let nothing = content(json!({"message_snapshots": [{"message": {"content": ""}}]})).forward.unwrap();
    assert_eq!(nothing.unshown, ["forwarded message"]);
}

#[test]
fn a_poll_that_has_ended_has_results() {
    let poll = |is_finalized: bool| {
        content(json!({"content": "vote", "poll": {
            "question": {"text": "Which?"},
            "answers": [{"answer_id": 1, "poll_media": {"text": "This"}}, {"answer_id": 2, "poll_media": {"text": "That"}}],
            "results": {"is_finalized": is_finalized, "answer_counts": [{"id": 2, "count": 3, "me_voted": false}]},
        }}))
    };
    assert_eq!(poll(true).poll.unwrap().votes, Some(vec![0, 3]));
    assert_eq!(poll(false).poll.unwrap().votes, None, "a vote is no edit");
}

#[test]
fn what_was_kept_before_is_still_read() {
    let kept = json!({
        "author": "Ada", "handle": "ada_l", "text": "Hi", "silent": false, "embeds_suppressed": false,
        "files": [{"id": 1, "url": "u", "name": "SPOILER_a.png", "size": 1}, {"id": 2, "url": "u", "name": "b.png", "size": 1}],
        "reply": {"channel": "2", "message": "3", "link": "l", "author": null, "text": ""},
        "forward": {"text": "t", "embeds": [], "files": [], "unshown": []},
        "poll": {"question": "q", "answers": ["a"]},
    });
    let content: Content = serde_json::from_value(kept).unwrap();
    assert_eq!(content.files.iter().map(File::is_hidden).collect::<Vec<_>>(), [true, false]);
    assert!(!content.reply.as_ref().unwrap().unknown && content.poll.as_ref().unwrap().votes.is_none());
    let again: Content = serde_json::from_value(serde_json::to_value(&content).unwrap()).unwrap();
    assert_eq!(again, content);
}

#[test]
fn forwards_polls_stickers_and_voice_are_read() {
    let forward = content(json!({
        "flags": HAS_SNAPSHOT, "message_reference": {"type": 1, "message_id": "5", "channel_id": "6"},
        "message_snapshots": [{"message": {"content": "old", "attachments": [{"id": "8", "filename": "a.png", "size": 3, "url": "https://x/a.png"}]}}],
    }));
    let copy = forward.forward.clone().unwrap();
    assert_eq!((copy.text.as_str(), copy.files.len(), forward.reply.is_none()), ("old", 1, true));
    let poll = content(json!({"poll": {"question": {"text": "Which?"}, "answers": [
        {"poll_media": {"text": "This", "emoji": {"id": null, "name": "🍎"}}}, {"poll_media": {"text": "That"}},
    ]}}));
    assert_eq!(poll.poll.unwrap().answers, ["🍎 This", "That"]);
    let stickers = content(
        json!({"sticker_items": [{"id": "9", "name": "Wave", "format_type": 1}, {"id": "8", "name": "Line", "format_type": 3}]}),
    );
    assert_eq!(stickers.stickers[0].url.as_deref(), Some("https://media.discordapp.net/stickers/9.png"));
    assert_eq!(stickers.stickers[1].url, None);
    let voice = content(
        json!({"attachments": [{"id": "1", "filename": "voice.ogg", "size": 9, "url": "https://x", "duration_secs": 3.5}]}),
    );
    assert_eq!(voice.files[0].voice_seconds.as_deref(), Some("3.5"));
}

#[test]
fn of_components_texts_pictures_and_links_are_shown() {
    let shown = content(json!({"components": [
        {"type": 17, "components": [
            {"type": 10, "content": "# Title"},
            {"type": 9, "components": [{"type": 10, "content": "body"}], "accessory": {"type": 11, "media": {"url": "https://x.example/t.png"}}},
            {"type": 14},
            {"type": 1, "components": [{"type": 2, "style": 5, "label": "Docs", "url": "https://x.example"}, {"type": 2, "style": 1, "custom_id": "a"}]},
        ]},
        {"type": 99},
    ]}));
    assert_eq!(shown.text, "# Title\n\nbody");
    assert_eq!((shown.embeds.len(), shown.links.len()), (1, 1));
    assert_eq!(shown.unshown, ["button", "component"]);
}

#[test]
fn a_new_signature_is_no_edit() {
    let with =
        |url: &str| content(json!({"attachments": [{"id": "1", "filename": "a", "size": 1, "url": url}]}));
    assert!(with("https://x/a?ex=1").shows_the_same(&with("https://x/a?ex=2")));
    let renamed = Content { author: "New".to_owned(), ..with("u") };
    assert!(renamed.shows_the_same(&with("u")));
    assert!(!content(json!({"content": "a"})).shows_the_same(&content(json!({"content": "b"}))));
}

#[test]
fn what_is_quoted_says_what_it_was() {
    let answered = |original: Value| {
        let mut referenced =
            json!({"id": "29", "channel_id": "20", "author": {"id": "41", "username": "bob"}});
        referenced.as_object_mut().unwrap().extend(original.as_object().unwrap().clone());
        let reference = json!({"message_id": "29", "channel_id": "20"});
        content(json!({"type": 19, "message_reference": reference, "referenced_message": referenced}))
            .reply
            .unwrap()
            .text
    };
    let copy = json!([{"message": {"content": "the news"}}]);
    assert_eq!(answered(json!({"content": "own", "message_snapshots": copy})), "own");
    assert_eq!(answered(json!({"content": "", "message_snapshots": copy})), "the news");
    assert_eq!(answered(json!({"poll": {"question": {"text": "Tea?"}, "answers": []}})), "Tea?");
    assert_eq!(answered(json!({"sticker_items": [{"id": "1", "name": "Wave", "format_type": 1}]})), "");
}

#[test]
fn forwards_of_forwards_and_of_polls_leave_a_trace() {
    let inner = json!([{"message": {"content": "deep", "attachments": [
        {"id": "8", "filename": "a.png", "size": 3, "url": "https://x/a.png", "flags": 8},
    ]}}]);
    let outer =
        content(json!({"message_snapshots": [{"message": {"content": "", "message_snapshots": inner}}]}));
    let copy = outer.forward.unwrap();
    assert_eq!((copy.text.as_str(), copy.files[0].is_hidden()), ("deep", true));
    let poll = json!({"question": {"text": "Tea?"}, "answers": []});
    let copy = content(json!({"message_snapshots": [{"message": {"content": "Vote!", "poll": poll}}]}))
        .forward
        .unwrap();
    assert_eq!((copy.text.as_str(), copy.unshown), ("Vote!", vec!["poll".to_owned()]));
}

#[test]
fn answers_of_polls_are_never_blank() {
    let poll = content(json!({"poll": {"question": {"text": "Which?"}, "answers": [
        {"poll_media": {"emoji": {"id": null, "name": "🍎"}}},
        {"poll_media": {"emoji": {"id": "5", "name": "pear"}}},
        {"poll_media": {"text": "Plum", "emoji": {"id": "6", "name": "plum"}}},
        {"poll_media": {"text": "None", "emoji": null}},
    ]}}));
    assert_eq!(poll.poll.unwrap().answers, ["🍎", ":pear:", "Plum", "None"]);
}

#[test]
fn pictures_of_components_stay_where_previews_are_taken_off() {
    let gallery = json!([{"type": 12, "items": [{"media": {"url": "https://x.example/a.png"}}]}, {"type": 9, "accessory": null,
        "components": [{"type": 10, "content": "beside"}]}]);
    let shown = content(json!({"flags": 4 | 32768, "components": gallery}));
    assert_eq!((shown.embeds.len(), shown.embeds_suppressed, shown.unshown.len()), (1, false, 0));
    assert!(content(json!({"flags": 4})).embeds_suppressed);
}

#[test]
fn only_what_people_and_applications_post_is_a_post() {
    let kind = |kind: Value| -> Message {
        serde_json::from_value(json!({"id": "30", "channel_id": "20", "author": {"id": "40"}, "type": kind}))
            .unwrap()
    };
    let posts: Vec<u64> = (0..=60).filter(|number| is_post(&kind(json!(number)))).collect();
    assert_eq!(posts, [0, 19, 20, 23]);
    for odd in [json!(61), json!(70_000), json!(-1), json!("x"), json!({})] {
        assert!(!is_post(&kind(odd.clone())), "{odd}");
    }
    assert!(is_post(&kind(Value::Null)), "an old message without a kind is a post");
}

#[test]
fn flags_may_be_texts() {
    let files = json!([{"id": "1", "filename": "a.png", "size": 1, "url": "u", "flags": "8"}]);
    assert!(content(json!({"attachments": files})).files[0].is_hidden());
    assert!(content(json!({"flags": "4"})).embeds_suppressed);
}
