//! What is written beside the code says what the code does: lists are whole, links lead somewhere.

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
fn the_readme_has_every_setting_with_its_default() {
    let readme = read("README.md");
    for setting in config::SETTINGS {
        let mut row = format!("| `{}` | ", setting.name);
        if let Some(default) = setting.default {
            row.push_str(&format!("`{default}` |"));
        }
        assert!(readme.contains(&row), "the README's table of settings has no row that begins with {row}");
    }
}

#[test]
fn the_readme_has_every_command() {
    let readme = read("README.md");
    for command in discord::docs::definitions() {
        let name = command["name"].as_str().unwrap();
        let listed = if command["type"] == 3 { format!("| *{name}* | ") } else { format!("| `/{name}` | ") };
        assert!(readme.contains(&listed), "the README doesn't list {name}");
    }
}

#[test]
fn operators_find_every_metric_and_every_reason() {
    let operations = read("docs/operations.md");
    for file in ["src/metrics.rs", "src/rest/metrics.rs"] {
        let source = read(file);
        let names: Vec<&str> =
            source.lines().filter_map(|line| line.split_once(": &str = \"")?.1.split('"').next()).collect();
        assert!(names.len() > 3, "{file} names its metrics");
        for name in names {
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

#[test]
fn links_lead_somewhere() {
    let mut pages: Vec<PathBuf> = vec!["README.md".into(), "commands.md".into()];
    for folder in ["docs", "docs/adr"] {
        let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().file_name());
        pages.extend(entries.map(|name| Path::new(folder).join(name)));
    }
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    assert!(pages.len() > 5);
    for page in pages {
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

/// A heading as links name it.
fn anchor(line: &str) -> String {
    let text = line.trim_start_matches('#').trim().to_lowercase();
    text.chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}
