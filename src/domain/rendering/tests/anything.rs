//! What holds for any content at all.

use proptest::prelude::*;

use super::any::{any_content, any_context};
use super::*;
use crate::domain::message::EmbedField;
use crate::domain::panel::PanelView;
use crate::domain::text::alphabet::{any_line, any_text};
use crate::domain::text::shortened;

/// Whether what was a spoiler can be read at once.
fn leaks(text: &str) -> bool {
    text.rsplit_once("xyzzy").is_some_and(|(_, behind)| !behind.contains("||"))
}

/// What can be seen of a text.
fn seen(text: &str) -> Vec<char> {
    text.chars().filter(|c| text::is_visible(c.encode_utf8(&mut [0; 4]))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn discord_refuses_nothing(content in any_content(), context in any_context()) {
        let payloads = render(&content, &context);
        let most = match context.part_limit { PartLimit::New => MOST_PARTS, PartLimit::Existing(parts) => parts.get() };
        prop_assert!((1..=most).contains(&payloads.len()));
        payloads.iter().for_each(|payload| check_against_discord(payload, context.file_limit));
        for payload in &payloads {
            let files: Vec<_> = payload.files.iter().map(|file| file.name.as_str()).collect();
            prop_assert!(payload.matches(&payload.username, payload.content.trim(), &files));
        }
    }

    #[test]
    fn nothing_is_lost_where_there_is_room(text in any_text(40)) {
        let shown: String = texts(&content(&text), parts(10_000)).concat();
        let wanted = seen(&text);
        if !wanted.is_empty() {
            // Markers are added where a region is closed and opened again. Everything else comes once and in
            // order.
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
    fn every_file_is_uploaded_or_said(content in any_content(), context in any_context()) {
        let payloads = render(&content, &context);
        let uploaded: Vec<_> = payloads.iter().flat_map(|payload| &payload.files).map(|file| file.id).collect();
        let files = content.files.iter().chain(content.forward.iter().flat_map(|forward| &forward.files));
        let all: Vec<_> = files.map(|file| file.id).collect();
        let mut rest = all.iter();
        prop_assert!(uploaded.iter().all(|id| rest.any(|known| known == id)), "in order, and each once");
        let traces = payloads.iter().any(|payload| ["📎", " file", "…"].iter().any(|trace| payload.content.contains(trace)));
        prop_assert!(uploaded.len() == all.len() || traces, "{payloads:?}");
    }

    #[test]
    fn a_line_of_an_answer_is_one_whole_line(content in any_content(), text in any_text(10), context in any_context()) {
        let reply = content.reply.map(|reply| crate::domain::message::Reply { text, ..reply });
        let content = Content { reply, thread: None, ..content };
        let payloads = render(&content, &context);
        let Some(reply) = content.reply else { return Ok(()) };
        let (line, _) = payloads[0].content.split_once('\n').unwrap_or((&payloads[0].content, ""));
        let line = line.split_once("… [continued]").map_or(line, |(line, _)| line);
        prop_assert!(line.starts_with("-# ↪ "), "{line:?}");
        prop_assert!(text::units(line) <= 1000);
        prop_assert!(payloads[1..].iter().all(|payload| !payload.content.contains("-# ↪ [**") || payload.content != line));
        if reply.author.is_some() {
            // No mark is left that isn't escaped, except for the name's own.
            let named = crate::domain::message::Reply { text: String::new(), ..reply };
            let named = reply::line(&named, Mentions::new(&content.names, &context), &context);
            let excerpt = line.strip_prefix(&named).unwrap_or_default();
            let mut escaped = false;
            let mut link = false;
            for (at, c) in excerpt.char_indices() {
                link = if link { c != '>' } else { excerpt[at..].starts_with("<http") && !escaped };
                if link {
                    continue;
                }
                prop_assert!(escaped || !matches!(c, '*' | '|' | '~' | '`' | '['), "{line:?}");
                escaped = c == '\\' && !escaped;
            }
        }
    }

    #[test]
    fn a_thread_is_told_of_in_whole_lines(content in any_content(), title in any_text(8), context in any_context()) {
        let Some(thread) = content.thread.clone() else { return Ok(()) };
        let thread = crate::domain::message::InThread { title, ..thread };
        let payloads = render(&Content { thread: Some(thread.clone()), ..content }, &context);
        let mut lines = payloads[0].content.split('\n');
        let first = lines.next().unwrap_or_default();
        let wanted = super::thread::lines(&thread, &context);
        prop_assert!(wanted.iter().all(|line| text::units(line) <= 600));
        prop_assert!(wanted.is_empty() || first.starts_with(wanted[0].trim_end()), "{first:?} {wanted:?}");
        prop_assert!(wanted.len() < 2 || lines.next().unwrap_or_default().starts_with("-# 🏷️ "));
    }

    #[test]
    fn a_post_always_has_a_title(content in any_content()) {
        let title = title(&content);
        prop_assert!((1..=100).contains(&text::units(&title)), "{title:?}");
        prop_assert!(text::is_visible(&title) && title.trim() == title, "{title:?}");
        prop_assert!(!title.chars().any(char::is_control), "{title:?}");
    }

    #[test]
    fn a_title_keeps_a_spoiler(before in any_text(6), after in any_text(6)) {
        let title = title(&content(&format!("{before}||xyzzy||{after}")));
        prop_assert!(!title.contains("xyzzy"), "{title:?}");
    }

    #[test]
    fn an_answers_line_keeps_a_spoiler(before in any_text(6), after in any_text(6), same_server in any::<bool>()) {
        let reply = crate::domain::message::Reply {
            channel: "2".parse().unwrap(),
            message: "1".parse().unwrap(),
            link: LINK.to_owned(),
            author: Some("Bob".to_owned()),
            author_id: None,
            written_by: None,
            unknown: false,
            published: false,
            text: format!("{before}||xyzzy||{after}"),
        };
        let content = Content { reply: Some(reply), ..content("Yes") };
        for payload in render(&content, &RenderContext { same_server, ..here(PartLimit::New) }) {
            prop_assert!(!payload.content.contains("xyzzy"), "{:?}", payload.content);
        }
    }

    #[test]
    fn what_gives_way_to_a_link_keeps_its_spoiler(before in 0..350usize, secrets in 1..300usize, name in any_line()) {
        let text = format!("{}||{}||", "word ".repeat(before), "xyzzy ".repeat(secrets).trim());
        let file = File { name, ..File::default() };
        let content = Content { files: vec![file.clone()], ..content(&text) };
        let mut payload = render(&content, &here(parts(1))).remove(0);
        payload.link_instead(&file, LINK);
        prop_assert!(text::units(&payload.content) <= limits::CONTENT);
        prop_assert!(!leaks(&payload.content), "{:?}", payload.content);
    }

    #[test]
    fn an_embed_that_is_cut_keeps_its_spoiler(before in 0..900usize, secrets in 1..1200usize) {
        let text = || format!("{}||{}||", "word ".repeat(before), "xyzzy ".repeat(secrets).trim());
        let field = EmbedField { name: "Plot".to_owned(), value: text(), inline: false };
        let embed = Embed { description: Some(text()), fields: vec![field], ..Embed::default() };
        for payload in render(&Content { embeds: vec![embed.clone()], ..content("") }, &here(PartLimit::New)) {
            check_against_discord(&payload, limits::FILE_BYTES);
            let fields = payload.embeds.iter().flat_map(|embed| &embed.fields).map(|field| &field.value);
            let texts = payload.embeds.iter().filter_map(|embed| embed.description.as_ref()).chain(fields);
            texts.for_each(|text| assert!(!leaks(text), "{text:?}"));
        }
        for embed in PanelView::of(embed).fitted().embeds {
            let texts = embed.description.iter().chain(embed.fields.iter().map(|field| &field.value));
            texts.for_each(|text| assert!(!leaks(text), "{text:?}"));
        }
    }

    #[test]
    fn a_text_is_cut_within_its_limit(text in any_text(20), limit in 0..600usize) {
        for cut in [text::cut(&text, limit), shortened(&text, limit)] {
            prop_assert!(text::units(&cut) <= limit, "{cut:?}");
            prop_assert!(text::units(&text) > limit || cut == text, "{cut:?}");
        }
        let _ = (text::skeleton(&text), text::escape(&text), text::markup::pieces(&text));
    }

    #[test]
    fn no_foreign_mention_is_left(text in any_text(20), content in any_content(), context in any_context()) {
        prop_assume!(!text.contains('`') && !text.contains('\\'));
        let content = Content { text, reply: None, forward: None, unshown: vec![], ..content };
        for payload in render(&content, &RenderContext { same_server: false, ..context }) {
            let whole = ["<@123456789012345678>", "<@&1>", "<#2>"];
            prop_assert!(!whole.iter().any(|mention| payload.content.contains(mention)), "{:?}", payload.content);
        }
    }

    #[test]
    fn the_same_fits_into_the_parts_it_took(content in any_content(), context in any_context()) {
        let first = render(&content, &context);
        prop_assert_eq!(&render(&content, &context), &first);
        prop_assert_eq!(&render(&content, &RenderContext { part_limit: parts(first.len()), ..context }), &first);
    }
}
