//! Keeps the layering that `docs/architecture.md` describes: which part of `src/` may use which, which
//! libraries belong to one part, which folder of the store may use which, and how long a file may be. Also
//! that tests declare what they need.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What each part may use besides itself. `app` and the program's own files may use everything.
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("store", &["domain"]),
    ("rest", &["domain"]),
    ("panel", &["store", "rest", "domain"]),
    ("service", &["panel", "store", "rest", "domain", "metrics"]),
    ("delivery", &["store", "rest", "domain", "metrics", "supervisor"]),
    ("discord", &["service", "domain", "metrics", "supervisor"]),
    ("http", &["service", "domain", "metrics"]),
    ("config", &["domain"]),
    ("cli", &["config"]),
    ("logging", &["config"]),
    ("metrics", &["rest", "domain"]),
    ("supervisor", &[]),
];

/// Parts that assemble the others.
const FREE: &[&str] = &["app", "lib", "main"];

/// Libraries that only one part uses, except in tests.
const BELONGS_TO: &[(&str, &str)] = &[
    ("sea_orm", "store"),
    ("tributary_migration", "store"),
    ("poise", "discord"),
    ("serenity", "discord"),
    ("twilight_gateway", "discord"),
    ("tokio_tungstenite", "discord"),
    ("atom_syndication", "http"),
    ("axum", "http"),
    ("cookie", "http"),
    ("hyper", "http"),
    ("hyper_util", "http"),
    ("maud", "http"),
    ("rss", "http"),
    ("utoipa", "http"),
    ("utoipa_axum", "http"),
    ("serde_path_to_error", "http"),
    ("dejavu", "panel"),
    ("gamedig", "panel"),
    ("plotters", "panel"),
    ("indicatif", "cli"),
    ("png", "panel"),
    ("sysinfo", "panel"),
];

/// How many lines a file may have.
const LONGEST: usize = 400;

/// Longer files, and why they may be.
const LONG: &[(&str, &str)] = &[];

/// Files that spawn tasks without the supervisor, and why they may.
const BARE_SPAWNS: &[(&str, &str)] = &[
    ("delivery/batcher.rs", "a batch's task is awaited where it is spawned"),
    ("discord/gateway/desk.rs", "one answer to one interaction"),
    (
        "discord/gateway/ingest.rs",
        "one deletion of a panel's message; the next look at the panel finds it too",
    ),
    ("http/idempotency.rs", "the work on one request, which ends within a minute if its client hangs up"),
    ("panel/sources/games/relay.rs", "the packets of one question to a game server; ended with it"),
    ("rest/oauth.rs", "one sign-in, which ends within eight seconds if its browser goes away"),
];

#[test]
fn every_part_uses_only_what_it_may() {
    let mut found = Vec::new();
    for (path, text) in sources() {
        found.extend(violations(&path, &text).into_iter().map(|what| format!("src/{path}: {what}")));
    }
    assert!(found.is_empty(), "the layering is broken:\n{}", found.join("\n"));
}

/// The picture in docs/architecture.md draws what the code does: an arrow wherever one module uses another,
/// and no other arrows.
#[test]
fn the_picture_shows_who_uses_whom() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/architecture.md");
    let page = fs::read_to_string(page).expect("the page is there");
    let picture = page.split("```mermaid\n").nth(1).and_then(|rest| rest.split("```").next());
    let lines = picture.expect("it has a picture").lines().filter_map(|line| line.trim().split_once(" --> "));
    let drawn: BTreeSet<(String, String)> =
        lines.map(|(from, to)| (from.to_owned(), to.to_owned())).collect();
    let modules: BTreeSet<&String> = drawn.iter().flat_map(|(from, to)| [from, to]).collect();
    let mut used = BTreeSet::new();
    for (path, text) in sources() {
        let module = module_of(&path);
        for target in paths(&tokens(&text), &module).into_iter().filter(|used| used.ours) {
            used.extend(target.path.first().map(|target| (module[0].clone(), target.clone())));
        }
    }
    used.retain(|(from, to)| from != to && modules.contains(from) && modules.contains(to));
    assert_eq!(drawn, used);
}

/// The table in docs/architecture.md says which folder of `store/` uses which, and no folder uses one below
/// it, so there are no circles.
#[test]
fn folders_of_the_store_use_those_above_them_only() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/architecture.md");
    let page = fs::read_to_string(page).expect("the page is there");
    let rows =
        page.split("| folder of `store/` | uses |\n").nth(1).expect("it has the table").lines().skip(1);
    let rows: Vec<Vec<String>> = rows
        .take_while(|row| row.starts_with('|'))
        .map(|row| row.split('`').skip(1).step_by(2).map(str::to_owned).collect())
        .collect();
    let folders: Vec<&String> = rows.iter().map(|row| &row[0]).collect();
    let written: BTreeSet<(String, String)> =
        rows.iter().flat_map(|row| row[1..].iter().map(|used| (row[0].clone(), used.clone()))).collect();
    let sources = sources();
    let store = sources.iter().find(|(path, _)| path == "store/mod.rs").expect("the store's root");
    assert_eq!(
        store_uses(&sources, &store.1, &folders),
        written,
        "docs/architecture.md doesn't say what is so"
    );
    let place = |folder: &String| folders.iter().position(|other| *other == folder);
    let upwards: Vec<_> = written.iter().filter(|(from, to)| place(to) >= place(from)).collect();
    assert!(upwards.is_empty(), "they use folders below them: {upwards:?}");
}

/// Which of these folders of `store/` uses which: by their modules, or by what the store's root re-exports of
/// them.
fn store_uses(sources: &[(String, String)], root: &str, folders: &[&String]) -> BTreeSet<(String, String)> {
    let exported: Vec<(String, String)> = paths(&tokens(root), &[])
        .into_iter()
        .filter(|used| used.path.first().is_some_and(|first| first == "self"))
        .filter_map(|used| Some((used.path.last()?.clone(), used.path.get(1)?.clone())))
        .collect();
    let folder_of = |name: &String| match exported.iter().find(|(exported, _)| exported == name) {
        Some((_, folder)) => folder.clone(),
        None => name.clone(),
    };
    let mut uses = BTreeSet::new();
    for (path, text) in sources {
        let module = module_of(path);
        let Some(own) = module.get(1).filter(|own| module[0] == "store" && folders.contains(own)) else {
            continue;
        };
        let used = paths(&tokens(text), &module);
        let used =
            used.iter().filter(|used| used.ours && used.path.first().is_some_and(|first| first == "store"));
        let used = used.filter_map(|used| used.path.get(1)).map(folder_of);
        uses.extend(
            used.filter(|used| used != own && folders.contains(&used)).map(|used| (own.clone(), used)),
        );
    }
    uses
}

#[test]
fn a_use_of_a_folder_is_found_behind_a_re_export() {
    let folders = ["db", "lane", "follow"].map(str::to_owned);
    let file = |text: &str| vec![("store/follow/state.rs".to_owned(), text.to_owned())];
    let root = "pub use self::lane::leases::{Lease, OpenLane}; pub struct Store;";
    for (text, used) in [
        ("use crate::store::lane::rows; use crate::store::Store;", Some("lane")),
        ("use crate::store::{OpenLane, Store};", Some("lane")),
        ("use super::super::db::sql::Sql;", Some("db")),
        ("fn f(_: crate::store::Lease) {}", Some("lane")),
        ("use super::row; use crate::domain::ids; // crate::store::lane", None),
    ] {
        let found = store_uses(&file(text), root, &folders.iter().collect::<Vec<_>>());
        let expected = used.map(|used| ("follow".to_owned(), used.to_owned()));
        assert_eq!(found, expected.into_iter().collect(), "{text}");
    }
}

#[test]
fn no_file_is_too_long() {
    for (path, text) in sources() {
        let lines = text.lines().count();
        let excused = LONG.iter().any(|(name, _)| *name == path);
        assert!(
            lines <= LONGEST || excused,
            "src/{path} has {lines} lines: two subjects? Else list it with a reason."
        );
        assert!(lines > LONGEST || !excused, "src/{path} is short enough now: take it off the list.");
    }
}

/// If a task is spawned without the supervisor, nobody notices how it ends. So each such place must say why
/// that is right.
#[test]
fn tasks_are_spawned_by_the_supervisor() {
    for (path, text) in sources() {
        let ours = path.contains("tests") || path == "supervisor.rs";
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let bare = ["tokio::spawn(", "main_runtime.spawn("].iter().any(|spawn| code.contains(spawn));
        let excused = BARE_SPAWNS.iter().any(|(name, _)| *name == path);
        assert!(ours || !bare || excused, "src/{path} spawns a task that nobody watches");
        assert!(bare || !excused, "src/{path} spawns none any more: take it off the list.");
    }
}

/// Columns that say what people and the bot decided; whoever writes them leaves a record in the audit.
const AUDITED_COLUMNS: &[(&str, &[&str])] = &[
    (
        "channel_follows",
        &["delivery", "mode", "threads", "panels", "is_active", "broken_reason", "exposure = 'meant'"],
    ),
    ("channels", &["audience", "approval", "notify_channel_id"]),
    ("panels", &["title", "config", "refresh_seconds", "state"]),
    ("collections", &["name", "description", "open"]),
];

/// Tables whose rows are decisions.
const AUDITED_TABLES: [&str; 6] =
    ["channel_follows", "panels", "follower_blocks", "blocked_servers", "collections", "collection_channels"];

/// Files of the store that write such a thing without a record, and why they may.
const UNAUDITED: &[(&str, &str)] = &[("store/member/forget.rs", "a person's name is taken out of panels")];

/// Whether a statement writes what the audit covers.
fn is_audited(statement: &str) -> bool {
    let words = statement.split_whitespace().collect::<Vec<_>>().join(" ");
    let whole = AUDITED_TABLES.iter().any(|table| {
        ["INSERT INTO", "DELETE FROM"].iter().any(|verb| words.contains(&format!("{verb} {table} ")))
    });
    let part = AUDITED_COLUMNS.iter().any(|(table, columns)| {
        let set = words.split(&format!("UPDATE {table} SET ")).nth(1);
        let set = set.map(|set| set.split(" WHERE ").next().unwrap_or_default()).unwrap_or_default();
        let assigned = |column: &&str| {
            let column = if column.contains('=') { (*column).to_owned() } else { format!("{column} = ") };
            format!(" {set}").contains(&format!(" {column}"))
        };
        columns.iter().any(assigned)
    });
    whole || part
}

/// Nothing that people can be answerable for changes beside the audit.
#[test]
fn what_the_audit_covers_is_written_in_its_transactions() {
    for (path, text) in sources().into_iter().filter(|(path, _)| path.starts_with("store/")) {
        if path.contains("tests") {
            continue;
        }
        let writes = text.replace("\\\n", " ").split('"').any(is_audited);
        let audited = text.contains("AuditedWrite") || text.contains("audited_write(");
        let excused = UNAUDITED.iter().any(|(name, _)| *name == path);
        assert!(!writes || audited || excused, "src/{path} changes something without a record of it");
        assert!(writes && !audited || !excused, "src/{path} is no exception: take it off the list.");
    }
}

#[test]
fn statements_that_need_a_record_are_told_from_others() {
    for statement in [
        "INSERT INTO panels (guild_id",
        "DELETE FROM follower_blocks WHERE guild_id = $1",
        "UPDATE channel_follows SET updated_at = $2, is_active = FALSE WHERE id = $1",
        "UPDATE channels SET  audience = $2",
    ] {
        assert!(is_audited(statement), "{statement}");
    }
    for statement in [
        "UPDATE channel_follows SET webhook_id = $2 WHERE is_active = TRUE",
        "UPDATE panels SET next_refresh_at = $3 WHERE state = 'active'",
        "SELECT audience FROM channels",
        "INSERT INTO channel_follow_tags (follow_id",
    ] {
        assert!(!is_audited(statement), "{statement}");
    }
}

#[test]
fn what_is_wrong_is_found() {
    for (path, text) in [
        ("store/lanes.rs", "use crate::service::FollowService;"),
        ("store/lanes.rs", "use super::super::service::FollowService;"),
        ("store/lanes.rs", "use super::{Store, super::rest::Rest};"),
        ("store/mod.rs", "pub use super::service::FollowService;"),
        ("domain/ids.rs", "use crate::{domain::text, store::{self, Store}};"),
        ("domain/ids.rs", "mod tests { use super::super::super::rest::Rest; }"),
        ("discord/gateway/ingest.rs", "fn f() -> crate::store::SourceEvent { loop {} }"),
        ("http/mod.rs", "let x = 'x'; let y = \"\\\"\"; crate::rest::f::<'static>();"),
        ("service/list.rs", "use poise::serenity_prelude as serenity;"),
        ("domain/ids.rs", "use crate::store::*;"),
        ("novel.rs", ""),
    ] {
        assert_eq!(violations(path, text).len(), 1, "{path}: {text}");
    }
}

#[test]
fn what_is_right_is_let_through() {
    for (path, text) in [
        ("store/lanes.rs", "use crate::domain::ids::ChannelId; use super::Store; pub(crate) fn f() {}"),
        (
            "store/lanes.rs",
            "// use crate::service::FollowService;\n/* crate::rest */ const A: &str = \"crate::rest::Rest\";",
        ),
        ("store/lanes.rs", "const A: &str = r#\"\"crate::rest::Rest\"#; fn f<'a>(a: &'a str) {}"),
        ("rest/limiter/mod.rs", "use super::metrics; mod tests { use super::super::metrics::REQUESTS; }"),
        ("discord/commands/follow.rs", "use super::super::reply; use poise::serenity_prelude as serenity;"),
        ("app.rs", "use crate::store::Store; use crate::discord::Bot;"),
    ] {
        assert_eq!(violations(path, text), [""; 0], "{path}: {text}");
    }
}

/// What a test may need, by the words that show it, and the condition that `build.rs` sets if it is
/// available.
const NEEDS: &[(&[&str], &str)] = &[
    (&["Backend::Postgres", "Crew::start(", "Crew::with(", "Scratch::create("], "has_postgres"),
    (&["Browser::open(", "Screen::open("], "has_browser"),
];

#[test]
fn tests_are_ignored_where_what_they_need_is_missing() {
    let mut found = Vec::new();
    for folder in ["src", "tests/it"] {
        for (path, text) in files(folder) {
            let lacking = unconditional(&text).into_iter().map(|what| format!("{folder}/{path}: {what}"));
            found.extend(lacking);
        }
    }
    let how = "put #[cfg_attr(not(has_postgres), ignore = \"needs TEST_POSTGRES_URL\")] (or has_browser) above the \
        test, or above the one #[case] that needs it; #[values] can't be told apart";
    assert!(found.is_empty(), "these would fail where something is missing: {how}\n{}", found.join("\n"));
}

#[test]
fn a_missing_condition_is_found() {
    let case = "#[case(Backend::Sqlite)]\n#[case(Backend::Postgres)]\n";
    let values = "async fn a(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {\n}\n";
    let body = "async fn a() {\n    Crew::start(1, 1).await;\n}\n";
    let condition = "#[cfg_attr(not(has_postgres), ignore = \"…\")]\n";
    let test = "#[tokio::test]\n";
    for (text, lacking) in [
        (format!("#[rstest]\n{case}{test}async fn a() {{\n}}\n"), 1),
        (format!("#[rstest]\n{condition}{test}{values}"), 1),
        (format!("{test}{body}"), 1),
        (format!("{condition}{test}{body}"), 0),
        (
            format!(
                "#[rstest]\n{}{test}{body}",
                case.replace("#[case(Backend::P", &format!("{condition}#[case(Backend::P"))
            ),
            0,
        ),
        (format!("/// No test.\n{body}"), 0),
    ] {
        assert_eq!(unconditional(&text).len(), lacking, "{text}");
    }
}

/// The tests in a file that need something and don't say so.
fn unconditional(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let indent = &line[..line.len() - line.trim_start().len()];
        if !["#[test]", "#[tokio::test"].iter().any(|test| line.trim_start().starts_with(test)) {
            continue;
        }
        let above = lines[..at].iter().rev().take_while(|line| line.trim_start().starts_with("#[")).count();
        let below = lines[at + 1..].iter().take_while(|line| line.trim_start().starts_with("#[")).count();
        let attributes = &lines[at - above..=at + below];
        let end = lines[at..].iter().position(|line| *line == format!("{indent}}}"));
        let body = &lines[at + below + 1..end.map_or(lines.len(), |end| at + end)];
        for (words, condition) in NEEDS {
            let needs = |line: &&&str| words.iter().any(|word| line.contains(word));
            let is_conditional = |line: &str| line.contains(condition) || line.trim().starts_with("#[ignore");
            let bare_case = attributes
                .windows(2)
                .any(|pair| pair[1].contains("#[case") && needs(&&pair[1]) && !is_conditional(pair[0]));
            let bare_value = body.iter().any(|line| line.contains("#[values(") && needs(&line));
            let bare_body =
                body.iter().any(|line| needs(&line)) && !attributes.iter().any(|line| is_conditional(line));
            if bare_case || bare_value || bare_body {
                found.push(format!("{} ({condition})", body.first().copied().unwrap_or_default().trim()));
            }
        }
    }
    found
}

/// All files in `src/`, by their path in it.
fn sources() -> Vec<(String, String)> {
    files("src")
}

/// All files in a folder, by their path in it.
fn files(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut folders = vec![root.clone()];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    let named = |path: &PathBuf| {
        let name = path.strip_prefix(&root).expect("it is below").to_string_lossy().replace('\\', "/");
        (name, fs::read_to_string(path).expect("a readable file"))
    };
    let sources: Vec<_> = files.iter().map(named).filter(|(name, _)| name.ends_with(".rs")).collect();
    assert!(sources.len() > 50, "the sources are there");
    sources
}

/// What a file uses although it may not.
fn violations(path: &str, text: &str) -> Vec<String> {
    let module: Vec<String> = module_of(path);
    let part = module.first().map_or("lib", String::as_str);
    if FREE.contains(&part) {
        return Vec::new();
    }
    let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == part) else {
        return vec![format!("{part} is not in the list of what may use what")];
    };
    let used = paths(&tokens(text), &module);
    let mut wrong: Vec<String> = used.iter().filter_map(|used| wrong(part, allowed, &module, used)).collect();
    wrong.dedup();
    wrong
}

fn wrong(part: &str, allowed: &[&str], module: &[String], used: &Used) -> Option<String> {
    let first = used.path.first()?.as_str();
    if used.ours {
        let known = MAY_USE.iter().any(|(name, _)| *name == first) || FREE.contains(&first);
        (known && first != part && !allowed.contains(&first)).then(|| format!("{part} may not use {first}"))
    } else {
        if module.iter().any(|name| name == "tests") {
            return None;
        }
        let owner = BELONGS_TO.iter().find(|(library, _)| *library == first).map(|(_, owner)| *owner)?;
        (owner != part).then(|| format!("{part} may not use {first}, which belongs to {owner}"))
    }
}

/// The modules that lead to a file: `store/lanes.rs` is `store::lanes`.
fn module_of(path: &str) -> Vec<String> {
    let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').map(str::to_owned).collect()
}

/// A path in the code: from our crate's root, or beginning with a library's name.
struct Used {
    ours: bool,
    path: Vec<String>,
}

/// All paths of a file in this module.
fn paths(tokens: &[String], module: &[String]) -> Vec<Used> {
    let mut found = Vec::new();
    let mut here = module.to_vec();
    // How many braces are open, and at which of them an inline module began.
    let (mut open, mut inline) = (0, Vec::new());
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let next = tokens.get(at + 1).map_or("", String::as_str);
        match token.as_str() {
            "mod" if tokens.get(at + 2).is_some_and(|brace| brace == "{") => {
                here.push(next.to_owned());
                inline.push(open);
                at += 1;
            }
            "{" => open += 1,
            "}" => {
                open -= 1;
                if inline.last() == Some(&open) {
                    inline.pop();
                    here.pop();
                }
            }
            "crate" if next == "::" => at = tree(tokens, at + 2, Vec::new(), true, &mut found),
            "super" if next == "::" => at = tree(tokens, at, here.clone(), true, &mut found),
            word if next == "::" && is_word(word) => at = tree(tokens, at, Vec::new(), false, &mut found),
            _ => {}
        }
        at += 1;
    }
    found
}

/// Follows a path, and all branches of a group in it; returns where its last token is.
fn tree(tokens: &[String], mut at: usize, mut path: Vec<String>, ours: bool, found: &mut Vec<Used>) -> usize {
    loop {
        match tokens.get(at).map(String::as_str) {
            Some("super") => drop(path.pop()),
            Some("{") => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token != "}") {
                    let branch = is_word(&tokens[at]) || tokens[at] == "{";
                    at = if branch { tree(tokens, at, path.clone(), ours, found) } else { at } + 1;
                }
                return at;
            }
            Some(word) if is_word(word) => path.push(word.to_owned()),
            // A glob, or types in `<>`.
            _ => {
                found.push(Used { ours, path });
                return at - 1;
            }
        }
        if tokens.get(at + 1).is_none_or(|token| token != "::") {
            found.push(Used { ours, path });
            return at;
        }
        at += 2;
    }
}

fn is_word(token: &str) -> bool {
    token.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Words, `::` and single characters, without comments and strings.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = literal(rest) {
            length
        } else if rest.starts_with("::") {
            tokens.push("::".to_owned());
            2
        } else if first.is_alphanumeric() || first == '_' {
            let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            tokens.push(rest[..length].to_owned());
            length
        } else {
            if !first.is_whitespace() {
                tokens.push(first.to_string());
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    tokens
}

/// The length of the string, raw string or character that begins here, if one does.
fn literal(rest: &str) -> Option<usize> {
    let quoted = |quote: char| {
        let mut escaped = false;
        let end = rest.char_indices().skip(1).find(|(_, c)| {
            let ends = *c == quote && !escaped;
            escaped = *c == '\\' && !escaped;
            ends
        });
        end.map_or(rest.len(), |(at, _)| at + 1)
    };
    let raw = rest.strip_prefix('r').map(|raw| raw.len() - raw.trim_start_matches('#').len());
    if let Some(hashes) = raw.filter(|hashes| rest[1 + hashes..].starts_with('"')) {
        let end = format!("\"{}", "#".repeat(hashes));
        let begin = hashes + 2;
        return Some(rest[begin..].find(&end).map_or(rest.len(), |at| begin + at + end.len()));
    }
    let mut chars = rest.chars();
    match (chars.next()?, chars.next(), chars.next()) {
        ('"', ..) => Some(quoted('"')),
        ('\'', Some('\\'), _) | ('\'', Some(_), Some('\'')) => Some(quoted('\'')),
        _ => None,
    }
}
