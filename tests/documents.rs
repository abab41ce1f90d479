//! What is written next to the code matches the code: lists are complete, and links lead somewhere.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use tributary::domain::follow::BrokenReason;
use tributary::{config, discord};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn operators_find_every_setting_with_its_default() {
    let page = read("docs/settings.md");
    for setting in config::SETTINGS {
        let mut row = format!("| `{}` | ", setting.name);
        if let Some(default) = setting.default {
            row.push_str(&format!("`{default}` |"));
        }
        assert!(page.contains(&row), "docs/settings.md has no row that begins with {row}");
    }
}

/// Settings that compose.yaml decides itself: it knows where its database is, and which port the container
/// serves.
const OF_COMPOSE: [&str; 2] = ["DATABASE_URL", "HTTP_ADDR"];

/// The bot's container's environment: names and values, in the order of the file.
fn composed() -> Vec<(String, String)> {
    let compose = read("compose.yaml");
    let service = compose.split_once("\n  tributary:\n").expect("the bot is a service").1;
    let environment = service.split_once("\n    environment:\n").expect("it has settings").1;
    let lines = environment.lines().take_while(|line| line.starts_with("      "));
    let lines = lines.map(str::trim).filter(|line| !line.starts_with('#'));
    let pairs = lines.map(|line| line.split_once(": ").expect("each line names a setting and its value"));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn compose_hands_every_setting_on() {
    let composed = composed();
    for setting in config::SETTINGS {
        let given = composed.iter().find(|(name, _)| name == setting.name).map(|(_, value)| value);
        if OF_COMPOSE.contains(&setting.name) {
            assert!(
                given.is_none_or(|value| !value.contains(&format!("${{{}", setting.name))),
                "{}",
                setting.name
            );
            continue;
        }
        let value = given.unwrap_or_else(|| panic!("compose.yaml drops {}", setting.name));
        // An empty value counts as not set, so that defaults are written in one place only.
        let passed = *value == format!("${{{}:-}}", setting.name);
        let required = value.starts_with(&format!("${{{}:?", setting.name)) && setting.default.is_none();
        assert!(passed || required, "{}: {value}", setting.name);
    }
    for (name, _) in &composed {
        assert!(config::SETTINGS.iter().any(|setting| setting.name == name), "{name} isn't a setting");
    }
}

/// Whatever starts the bot keeps trying: a database or a disk that is away for an hour must not keep the bot
/// down for good.
#[test]
fn service_managers_do_not_give_up() {
    let operations = read("docs/operations.md");
    let unit = operations.split_once("[Unit]").unwrap().1.split_once("```").unwrap().0;
    for line in ["StartLimitIntervalSec=0", "Restart=on-failure", "RestartSec=15"] {
        assert!(unit.lines().any(|found| found == line), "{line}");
    }
    assert!(!unit.contains("StartLimitBurst"));
    assert_eq!(read("compose.yaml").matches("restart: unless-stopped").count(), 2);
}

/// The settings that the image sets exist.
#[test]
fn the_image_gives_settings_that_there_are() {
    let image = read("Dockerfile");
    let given = image.split_once("\nENV ").unwrap().1.split_once("\nEXPOSE").unwrap().0;
    let names: Vec<&str> =
        given.split_whitespace().filter_map(|word| Some(word.split_once('=')?.0)).collect();
    assert_eq!(names, OF_COMPOSE);
    assert!(names.iter().all(|name| config::SETTINGS.iter().any(|setting| setting.name == *name)));
}

#[test]
fn the_readme_has_every_command() {
    let readme = read("README.md");
    for command in discord::docs::definitions() {
        let name = command["name"].as_str().unwrap();
        let in_menu = command["type"] == 2 || command["type"] == 3;
        let listed = if in_menu { format!("| *{name}* | ") } else { format!("| `/{name}` | ") };
        assert!(readme.contains(&listed), "the README doesn't list {name}");
    }
}

/// What the program logs, and operators look up.
const SAID: [&str; 14] = [
    "a webhook was gone, and is replaced",
    "an event can't be written down and is set aside",
    "another process runs on this database",
    "can't be listened on",
    "can't be read yet",
    "follow broken",
    "forgot what nobody needs any more",
    "going on with the gateway sessions that the last stop left",
    "already has 15 webhooks",
    "is not switched on",
    "standing by",
    "the database can't be reached yet",
    "This bot's operator doesn't serve this server",
    "was rejected by Discord",
];

#[test]
fn operators_find_what_the_program_says() {
    let operations: String = read("docs/operations.md").split_whitespace().collect();
    let sources = sources(&root().join("src"));
    for said in SAID {
        let quoted = operations.contains(&said.split_whitespace().collect::<String>());
        assert!(quoted, "docs/operations.md doesn't quote {said:?}");
        assert!(
            sources.contains(said),
            "docs/operations.md quotes {said:?}, which the program no longer says"
        );
    }
}

/// All sources of a folder, one after another.
fn sources(folder: &Path) -> String {
    let read = |path: PathBuf| fs::read_to_string(path).expect("a readable file");
    let text = |path: PathBuf| if path.is_dir() { sources(&path) } else { read(path) };
    entries(folder).into_iter().map(text).collect()
}

#[test]
fn operators_find_every_metric_and_every_reason() {
    let operations = read("docs/operations.md");
    for file in ["src/metrics.rs", "src/rest/metrics.rs"] {
        let source = read(file);
        let names: Vec<&str> =
            source.lines().filter_map(|line| line.split_once(": &str = \"")?.1.split('"').next()).collect();
        assert!(names.len() > 3, "{file} names its metrics");
        // The others are label values.
        for name in names.iter().filter(|name| name.starts_with("tributary_") || name.starts_with("discord_"))
        {
            let known = operations.contains(&format!("| `{name}")) && name.is_ascii();
            assert!(known, "docs/operations.md doesn't explain {name}");
        }
    }
    for reason in BrokenReason::ALL {
        assert!(
            operations.contains(&format!("| `{}` | ", reason.as_str())),
            "docs/operations.md doesn't explain {reason:?}"
        );
    }
}

/// The guide explains every kind of panel to those who may create one.
#[test]
fn the_guide_has_every_kind_of_panel() {
    let guide = read("docs/guide.md");
    for kind in tributary::panel::KINDS {
        let row = format!("| `{}` | ", kind.name());
        assert!(guide.contains(&row), "docs/guide.md has no row that begins with {row}");
    }
}

/// All pages in Markdown.
fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    for folder in ["", "docs", "docs/adr"] {
        let found = entries(&root().join(folder)).into_iter();
        pages.extend(found.filter_map(|path| Some(Path::new(folder).join(path.file_name()?))));
    }
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    assert!(pages.len() > 20);
    pages
}

/// The contents of a folder.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let found = fs::read_dir(folder).expect("a readable folder");
    found.map(|entry| entry.expect("a readable entry").path()).collect()
}

#[test]
fn links_lead_somewhere() {
    for page in pages() {
        let text = read(page.to_str().unwrap());
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://") && !target.starts_with('<')) {
            let (path, heading) = target.split_once('#').unwrap_or((target, ""));
            let file = if path.is_empty() { page.clone() } else { page.parent().unwrap().join(path) };
            assert!(root().join(&file).exists(), "{}: {target} leads nowhere", page.display());
            if !heading.is_empty() {
                let found = read(file.to_str().unwrap())
                    .lines()
                    .any(|line| line.starts_with('#') && anchor(line) == heading);
                assert!(found, "{}: {target} has no such heading", page.display());
            }
        }
    }
}

/// The folders of the files that pages name by the end of their path.
const CODE: [&str; 2] = ["src", "migration/src"];

/// Names that are patterns.
const PATTERNS: [&str; 1] = ["mYYYYMMDD_NNNNNN_what_it_does.rs"];

/// Pages name source files where they are now.
#[test]
fn files_that_pages_name_exist() {
    let mut paths = Vec::new();
    CODE.iter().for_each(|folder| collect_paths(&root().join(folder), &mut paths));
    for page in pages() {
        let text = read(page.to_str().unwrap());
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "_-./".contains(c)));
        let files = words.filter(|word| word.ends_with(".rs") && !word.starts_with("//"));
        for file in files.map(|file| file.trim_start_matches("../")).filter(|file| !PATTERNS.contains(file)) {
            let found = root().join(file).exists() || paths.iter().any(|path| path.ends_with(file));
            assert!(found, "{}: there is no {file}", page.display());
        }
    }
}

fn collect_paths(folder: &Path, paths: &mut Vec<PathBuf>) {
    for path in entries(folder) {
        if path.is_dir() { collect_paths(&path, paths) } else { paths.push(path) }
    }
}

/// A heading's anchor, as links name it.
fn anchor(line: &str) -> String {
    let text = line.trim_start_matches('#').trim().to_lowercase();
    text.chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// How many columns a line of text may have.
const WIDEST: usize = 110;

/// Pages that the program generates: their lines are as long as its texts.
const MADE: [&str; 1] = ["commands.md"];

#[test]
fn text_is_wrapped() {
    for page in pages().iter().filter(|page| !MADE.iter().any(|made| page.ends_with(made))) {
        let long = too_wide(&read(page.to_str().unwrap()));
        assert!(long.is_empty(), "{}: lines {long:?} have more than {WIDEST} columns", page.display());
    }
}

#[test]
fn comments_are_wrapped() {
    let mut paths = Vec::new();
    for folder in ["src", "migration", "sandbox", "tests", "demo", "examples", "benches"] {
        collect_paths(&root().join(folder), &mut paths);
    }
    let code = ["rs", "js", "css"];
    for path in paths.iter().filter(|path| code.iter().any(|code| path.extension() == Some(OsStr::new(code))))
    {
        let long = too_wide(&comments(&read(path.to_str().unwrap())));
        assert!(long.is_empty(), "{}: lines {long:?} have more than {WIDEST} columns", path.display());
    }
}

/// A file's comments on lines of their own, with slashes and stars blanked; all other lines are empty.
fn comments(code: &str) -> String {
    let mut comments = String::with_capacity(code.len());
    for line in code.lines() {
        let text = line.trim_start();
        if ["//", "/*", "* "].iter().any(|mark| text.starts_with(mark)) {
            let bare = text.trim_start_matches(['/', '*']).trim_start_matches('!');
            let blank = line.chars().count() - bare.chars().count();
            comments.extend(std::iter::repeat_n(' ', blank));
            comments.push_str(bare);
        }
        comments.push('\n');
    }
    comments
}

#[test]
fn what_is_too_wide_is_found() {
    let (word, wide) = ("word ", "word ".repeat(23));
    assert_eq!(too_wide(&format!("{word}\n{wide}\n- {wide}")), [2, 3]);
    for free in [
        format!("| {wide} |"),
        format!("![{wide}](picture.png)"),
        format!("```text\n{wide}\n```"),
        format!("<!-- measured: rows -->\n{wide}\n<!-- end -->"),
        format!("[{word}](https://example.com/{})", "x".repeat(WIDEST)),
    ] {
        assert_eq!(too_wide(&free), [0; 0], "{free}");
    }
    assert_eq!(too_wide(&format!("```text\n```\n{wide}")), [3]);
}

/// The numbers of the lines that are too wide. Tables, pictures, code and measurements can't be wrapped, and
/// neither can addresses.
fn too_wide(text: &str) -> Vec<usize> {
    let (mut code, mut measured) = (false, false);
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let start = line.trim_start();
        if start.starts_with("```") {
            code = !code;
        }
        measured = (measured || start.starts_with("<!-- measured")) && !start.starts_with("<!-- end");
        let free = code || measured || start.starts_with('|') || start.starts_with("![");
        if !free && without_addresses(line).chars().count() > WIDEST {
            found.push(number);
        }
    }
    found
}

/// A line without its links' addresses.
fn without_addresses(line: &str) -> String {
    let mut parts = line.split("](");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        shown.push(']');
        shown.push_str(part.split_once(')').map_or("", |(_, rest)| rest));
    }
    shown
}

/// Somebody who makes a release finds everything in it that the workflow packs.
#[test]
fn a_release_has_what_its_workflow_packs() {
    let workflow = read(".github/workflows/release.yml");
    let packed = workflow
        .lines()
        .find_map(|line| line.trim().strip_prefix("cp \"target/$TARGET/release/tributary\" "));
    let names: Vec<&str> =
        packed.expect("it packs files").split(' ').filter(|name| !name.contains('"')).collect();
    assert!(names.len() > 3);
    for name in names {
        assert!(root().join(name).exists(), "{name}");
    }
    for target in ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"] {
        assert!(workflow.contains(target) && read("deny.toml").contains(target), "{target}");
    }
}

#[path = "../demo/src/plain.rs"]
mod plain;

#[test]
fn the_demo_shows_text_without_markdown() {
    for (markdown, shown) in [
        ("[This message](https://discord.com/channels/1/2/3) was posted.", "This message was posted."),
        ("· [original](<https://discord.com/channels/1/2/3>) · [2](https://a.b/c)", "· original · 2"),
        ("**[Server](http://127.0.0.1:1/x)** is posted", "Server is posted"),
        ("-# `only` \\*news\\*", "only *news*"),
        ("an array[0](1) stays", "an array[0](1) stays"),
    ] {
        assert_eq!(plain::without_markdown(markdown), shown);
    }
}
