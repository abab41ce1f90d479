//! Keeps one name for one thing: no two public types of the program share a name unless the reason is written
//! here.

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
