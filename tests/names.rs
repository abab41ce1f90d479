//! Keeps one name for one thing: no two public types of the program share a name, and no two modules of one
//! layer, unless the reason is written here.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Names that several types have, and why.
const SHARED: &[(&str, &str)] = &[
    ("Config", "each kind of panel has one; they are only ever named with their module"),
    ("Data", "likewise: what each kind of panel shows"),
    ("Model", "SeaORM calls a table's row so in each entity"),
    ("Relation", "likewise: an entity's relations"),
];

/// Modules that share a name with another one of their layer, and why. Layers are the folders of `src`; that
/// a subject has a module of its name in each of them is how the program is built.
const SHARED_MODULES: &[(&str, &str)] = &[
    ("discord/answer", "what people are answered about follows, panels, and their own follows"),
    ("discord/followers", "a command, and what it shows"),
    ("discord/follows", "a command, and what it shows"),
    ("discord/list", "the lists of `/follows` and `/followers`"),
    ("discord/panel", "a command, and what it shows"),
    ("discord/press", "presses on the components of each subject"),
    ("discord/privacy", "a command, and what it answers"),
    ("discord/report", "a menu's command, and what it shows"),
    ("domain/feed", "feeds, and how their posts look"),
    ("domain/filter", "the filter of a channel's follow, and of a person's"),
    ("domain/panel", "panels, and how they look"),
    ("domain/thread", "what a message knows of its thread, and how that looks"),
    ("http/body", "how bodies are read, and those of follows"),
    ("http/feed", "an endpoint and a page of one subject"),
    ("http/follows", "those of a server, and those of a collection"),
    ("http/sessions", "likewise"),
    ("http/tokens", "likewise"),
    ("http/view", "what answers show, in each group of endpoints"),
    ("panel/follows", "a kind of panel, and where its data is from"),
    ("panel/render", "how each kind of panel looks"),
    ("panel/server", "a kind of panel, and where its data is from"),
    ("rest/application", "calls about the application, and what Discord answers"),
    ("service/authors", "one subject: `/privacy`, what of them is recorded, and what is known in memory"),
    ("service/collections", "managing collections, and following them"),
    ("service/consent", "who consents to a follow, and the refusals around it"),
    ("service/discord", "signing in with Discord, and Discord's refusals"),
    ("service/follow", "follows of channels, and of people"),
    ("service/list", "lists of follows, panels and people"),
    ("service/manage", "managing panels, and collections"),
    ("service/permissions", "computing permissions, and watching their changes"),
    ("service/record", "recording events; a follow and a panel as programs read them"),
    ("service/require", "what use cases demand, and what panels demand"),
    ("service/threads", "one subject: what the gateway reports of threads, and what is known in memory"),
    ("store/blocks", "blocks between servers, and between people"),
    ("store/candidates", "what a lane may send next, and what a feed may show"),
    ("store/changes", "what a lane's holder did, and what somebody did to a panel"),
    ("store/channels", "how far channels are read, and those of a collection"),
    ("store/contents", "contents for lanes, and for reports"),
    ("store/follows", "those of people, and those of collections"),
    ("store/list", "lists of follows, of people, and of the audit"),
    ("store/mirrors", "the table's entity, and mirrors of messages and of panels"),
    ("store/row", "the row of a channel's follow, and of a person's"),
    ("store/rows", "the rows of lanes, and rows as they are copied"),
];

/// All files with code below this folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a readable folder");
    let paths = entries.map(|entry| entry.expect("a readable entry").path());
    let found = paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] });
    found.filter(|path| path.extension().is_some_and(|ending| ending == "rs")).collect()
}

/// The type that this line makes public, at least within a part of the program.
fn public_type(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix("pub")?;
    let rest = match rest.strip_prefix('(') {
        Some(scoped) => scoped.split_once(')')?.1,
        None => rest,
    };
    let (keyword, rest) = rest.trim_start().split_once(' ')?;
    let name = rest.split(|c: char| !c.is_alphanumeric()).next()?;
    // In a macro, the name is a variable.
    (matches!(keyword, "struct" | "enum" | "trait" | "type") && !name.is_empty()).then_some(name)
}

/// Where each public type is, by its name. Test code is left out.
fn public_types() -> BTreeMap<String, Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut types: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in files(&root) {
        let name = file.strip_prefix(&root).expect("it is below").display().to_string();
        let text = fs::read_to_string(&file).expect("a readable file");
        if name.contains("tests") {
            continue;
        }
        for found in text.lines().filter_map(public_type) {
            types.entry(found.to_owned()).or_default().push(name.clone());
        }
    }
    assert!(types.len() > 300, "the types are found");
    types
}

#[test]
fn no_two_public_types_share_a_name_without_a_reason() {
    let types = public_types();
    let shared = types.iter().filter(|(_, files)| files.len() > 1);
    let shared: Vec<_> = shared.filter(|(name, _)| !SHARED.iter().any(|(known, _)| known == name)).collect();
    assert!(shared.is_empty(), "one name for several things: {shared:#?}");
    for (name, _) in SHARED {
        assert!(
            types.get(*name).is_some_and(|files| files.len() > 1),
            "{name} is one type: take it off the list"
        );
    }
}

/// The layer and the name of a module, by its path within `src`; `None` for one that is a layer or a test.
fn module(path: &str) -> Option<String> {
    let path = path.strip_suffix(".rs")?;
    let path = path.strip_suffix("/mod").unwrap_or(path);
    let (layer, rest) = path.split_once('/')?;
    let name = rest.rsplit('/').next()?;
    (!path.contains("tests")).then(|| format!("{layer}/{name}"))
}

#[test]
fn no_two_modules_of_a_layer_share_a_name_without_a_reason() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut modules: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in files(&root) {
        let path = file.strip_prefix(&root).expect("it is below").display().to_string();
        if let Some(module) = module(&path) {
            modules.entry(module).or_default().push(path);
        }
    }
    assert!(modules.len() > 300, "the modules are found");
    modules.retain(|_, paths| paths.len() > 1);
    let unexplained: Vec<_> =
        modules.iter().filter(|(name, _)| !SHARED_MODULES.iter().any(|(known, _)| known == name)).collect();
    assert!(
        unexplained.is_empty(),
        "modules of one name: rename one, or add a line to SHARED_MODULES that says why: {unexplained:#?}"
    );
    for (name, _) in SHARED_MODULES {
        assert!(modules.contains_key(*name), "{name} is one module: take it off the list");
    }
}

#[test]
fn a_module_has_the_name_of_its_file_or_folder() {
    for (path, name) in [
        ("store/lane/pick.rs", Some("store/pick")),
        ("store/lane/mod.rs", Some("store/lane")),
        ("domain/follow.rs", Some("domain/follow")),
        ("main.rs", None),
        ("store/tests/follows.rs", None),
        ("http/style.css", None),
    ] {
        assert_eq!(module(path).as_deref(), name, "{path}");
    }
}

#[test]
fn a_public_type_is_found_in_its_line() {
    for (line, name) in [
        ("pub struct Lane {", Some("Lane")),
        ("    pub(in crate::store) enum LaneRef {", Some("LaneRef")),
        ("pub type Answer = Result<(), Error>;", Some("Answer")),
        ("pub(super) trait Reads: Send {", Some("Reads")),
        ("struct Lane(u8);", None),
        ("pub fn lane() {}", None),
        ("// pub struct Lane", None),
    ] {
        assert_eq!(public_type(line), name, "{line}");
    }
}
