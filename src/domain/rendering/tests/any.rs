//! Any content at all, with what makes it difficult.

use proptest::prelude::*;

use super::super::{PartLimit, RenderContext, ThreadCaption};
use super::LINK;
use crate::domain::message::{
    Content, Embed, EmbedAuthor, EmbedField, EmbedFooter, EmbedMedia, File, Forward, InThread, LinkButton,
    Names, Poll, PostTag, Reply, Sticker,
};
use crate::domain::place::SourcePlace;
use crate::domain::text::alphabet::any_text;

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

fn any_link() -> impl Strategy<Value = String> {
    prop_oneof![4 => Just(LINK.to_owned()), 1 => any_address(), 1 => Just(String::new())]
}

fn any_files() -> impl Strategy<Value = Vec<File>> {
    let name = prop_oneof![any_text(4), "[a-z]{1,9}\\.png", Just("SPOILER_日本.png".to_owned())];
    let size = prop_oneof![0..30_000_000u64, Just(0), Just(10 << 20), Just((10 << 20) + 1), any::<u64>()];
    let voice = prop::option::of(prop_oneof![Just("3.5".to_owned()), any_text(2)]);
    let file = (name, size, prop::option::of(any_text(6)), voice, any::<u64>(), any::<bool>()).prop_map(
        |(name, size, description, voice_seconds, id, spoiler)| File {
            id,
            name,
            size,
            spoiler,
            description,
            voice_seconds,
            ..File::default()
        },
    );
    let file = file.boxed();
    prop_oneof![prop::collection::vec(file.clone(), 0..4), prop::collection::vec(file, 0..40)]
}

fn any_unshown() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(prop_oneof![Just("attachment".to_owned()), any_text(6)], 0..12)
}

fn any_reply() -> impl Strategy<Value = Reply> {
    (prop::option::of(any_text(4)), any_text(12), any_link(), any::<(bool, bool)>()).prop_map(
        |(author, text, link, (unknown, published))| Reply {
            channel: "2".parse().unwrap(),
            message: "3".parse().unwrap(),
            link,
            author,
            author_id: None,
            written_by: None,
            unknown,
            published,
            text,
        },
    )
}

fn any_stickers() -> impl Strategy<Value = Vec<Sticker>> {
    let sticker =
        (any_text(3), prop::option::of(any_address())).prop_map(|(name, url)| Sticker { name, url });
    prop::collection::vec(sticker, 0..4)
}

fn any_forward() -> impl Strategy<Value = Forward> {
    let things = (any_stickers(), any_buttons());
    (any_text(20), prop::collection::vec(any_embed(), 0..2), any_files(), any_unshown(), things).prop_map(
        |(text, embeds, files, unshown, (stickers, links))| Forward {
            message: None,
            text,
            embeds,
            files,
            stickers,
            links,
            unshown,
        },
    )
}

fn any_buttons() -> impl Strategy<Value = Vec<LinkButton>> {
    let button = (any_text(3), prop::option::of(any_text(2)), any_address())
        .prop_map(|(label, emoji, url)| LinkButton { label, emoji, url })
        .boxed();
    prop_oneof![
        Just(Vec::new()),
        prop::collection::vec(button.clone(), 0..4),
        prop::collection::vec(button, 0..60)
    ]
}

fn any_names() -> impl Strategy<Value = Names> {
    (any_text(3), any_text(3), any_text(3)).prop_map(|(person, role, channel)| Names {
        people: [("123456789012345678".parse().unwrap(), person)].into(),
        roles: [("1".parse().unwrap(), role)].into(),
        channels: [("2".parse().unwrap(), channel)].into(),
    })
}

fn any_thread() -> impl Strategy<Value = InThread> {
    let place = prop::sample::select(vec![SourcePlace::Source, SourcePlace::Starter, SourcePlace::Answer]);
    let tag = any_text(2).prop_map(|name| PostTag { id: "4".parse().unwrap(), name });
    (any_text(4), prop::collection::vec(tag, 0..7), place, any_link()).prop_map(
        |(title, tags, place, link)| InThread {
            thread: "5".parse().unwrap(),
            title,
            owner: None,
            title_withheld: false,
            tags,
            place,
            link,
        },
    )
}

pub(super) fn any_content() -> impl Strategy<Value = Content> {
    let said = (any_text(6), any_text(4), any_text(40), prop::option::of(any_address()), any_link());
    let things =
        (prop::collection::vec(any_embed(), 0..4), any_files(), any_unshown(), any_buttons(), any_names());
    let votes = prop::option::of(prop::collection::vec(any::<u64>(), 0..12));
    let poll = (any_text(6), prop::collection::vec(any_text(4), 0..12), votes);
    let poll = poll.prop_map(|(question, answers, votes)| Poll { question, answers, votes });
    let kinds = (
        prop::option::weighted(0.3, any_reply()),
        prop::option::weighted(0.3, any_forward()),
        any_stickers(),
        prop::option::weighted(0.3, poll),
        prop::option::weighted(0.3, any_thread()),
    );
    (said, things, kinds, any::<bool>(), any::<bool>()).prop_map(
        |(
            (author, handle, text, avatar_url, link),
            (embeds, files, unshown, links, names),
            (reply, forward, stickers, poll, thread),
            silent,
            embeds_suppressed,
        )| Content {
            published: false,
            edited: false,
            author,
            handle,
            avatar_url,
            text,
            embeds,
            files,
            reply,
            forward,
            stickers,
            poll,
            links,
            names,
            unshown,
            silent,
            embeds_suppressed,
            link,
            thread,
        },
    )
}

pub(crate) fn any_context() -> impl Strategy<Value = RenderContext> {
    let limit = prop_oneof![Just(10 << 20), Just(100 << 20), Just(0), any::<u64>()];
    let part_limit = (0..8usize)
        .prop_map(|parts| std::num::NonZeroUsize::new(parts).map_or(PartLimit::New, PartLimit::Existing));
    let thread =
        prop::sample::select(vec![ThreadCaption::All, ThreadCaption::StarterOnly, ThreadCaption::Nothing]);
    let links = (prop::option::of(any_link()), prop::option::of(any_link()));
    (part_limit, any::<(bool, bool)>(), links, thread, any::<bool>(), limit).prop_map(
        |(part_limit, (same_server, published_only), (answered, starter), thread, namesake, file_limit)| {
            RenderContext {
                part_limit,
                same_server,
                published_only,
                answered,
                thread,
                starter,
                namesake,
                file_limit,
            }
        },
    )
}
