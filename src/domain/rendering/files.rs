//! Files: which of them are uploaded with which part, and what is said of the others. A file that its author
//! hid is uploaded hidden. Both the request and the file's name say so, as not everything that reads the
//! message knows the request's field.

use unicode_normalization::UnicodeNormalization;

use crate::domain::{limits, message::File, text};

use super::words;

/// What a request needs beside the files, in bytes: the rest of the message at its longest, and the
/// separators.
const MARGIN: u64 = 512 << 10;
/// The longest name of a file (Discord takes 1024 characters, but cuts names itself), and the longest
/// extension that is kept when a name is cut.
const NAME: usize = 120;
const EXTENSION: usize = 16;
/// How many files get a line of their own.
const LINES: usize = 10;

/// The files of a message as they can be sent.
#[derive(Debug, Default)]
pub(super) struct GroupedFiles {
    /// In order, each group for one message.
    pub(super) groups: Vec<Vec<File>>,
    /// The files that the target doesn't take.
    pub(super) too_large: Vec<File>,
}

/// Brings files within the limits. The groups are in the order of the files.
pub(super) fn grouped<'a>(files: impl Iterator<Item = &'a File>, file_limit: u64) -> GroupedFiles {
    // A boosted server takes larger requests, or else none of its larger files would ever fit into one.
    let together = (limits::REQUEST_BYTES - MARGIN).max(file_limit.min(limits::LARGEST_FILE_BYTES));
    let mut grouped = GroupedFiles::default();
    let mut used = 0;
    for file in files {
        let file = within_limits(file);
        if file.size > file_limit.min(together) {
            grouped.too_large.push(file);
            continue;
        }
        let file = marked(file);
        match grouped.groups.last_mut() {
            Some(group) if group.len() < limits::FILES && used + file.size <= together => {
                used += file.size;
                group.push(file);
            }
            _ => {
                used = file.size;
                grouped.groups.push(vec![file]);
            }
        }
    }
    grouped
}

fn within_limits(file: &File) -> File {
    let description = file.description.as_deref().map(str::trim).filter(|text| text::is_visible(text));
    File {
        name: name(&file.name),
        description: description.map(|text| text::cut(text, limits::FILE_DESCRIPTION).into_owned()),
        ..file.clone()
    }
}

/// A file whose name says whether it is hidden.
fn marked(file: File) -> File {
    let spoiler = file.is_hidden();
    let marks = spoiler && !file.name.starts_with(File::SPOILER);
    let name = if marks { format!("{}{}", File::SPOILER, file.name) } else { file.name };
    File { name, spoiler, ..file }
}

/// A name without the mark of what is hidden.
fn unmarked(name: &str) -> &str {
    if File::is_name_hidden(name) { &name.trim_start()[File::SPOILER.len()..] } else { name }
}

/// A file's name without characters of paths and headers, cut in front of its extension.
fn name(raw: &str) -> String {
    let kept: String = raw
        .trim()
        .chars()
        .filter(|c| !text::is_noise(*c))
        .map(|c| if c.is_control() || matches!(c, '/' | '\\' | '"') { '_' } else { c })
        .collect();
    if !text::is_visible(&kept) {
        return "file".to_owned();
    }
    if text::units(&kept) <= NAME {
        return kept;
    }
    let extension =
        kept.rfind('.').map(|dot| &kept[dot..]).filter(|extension| text::units(extension) <= EXTENSION);
    let extension = extension.unwrap_or_default();
    let mut room = NAME - text::units(extension);
    let fits = |c: &char| room.checked_sub(c.len_utf16()).map(|left| room = left).is_some();
    let stem: String = kept[..kept.len() - extension.len()].chars().take_while(fits).collect();
    stem + extension
}

/// The lines about files: that one is a voice message, and where those are that aren't uploaded. Files
/// without a line are added to what can't be shown.
pub(super) fn lines(
    grouped: &GroupedFiles,
    left_out: &[File],
    link: Option<&str>,
    unshown: &mut Vec<String>,
) -> Vec<String> {
    let voices = grouped.groups.iter().flatten().chain(&grouped.too_large).chain(left_out);
    let voices = voices.filter_map(|file| file.voice_seconds.as_deref()).take(LINES).map(voice);
    let elsewhere = grouped.too_large.iter().chain(left_out);
    unshown.extend(elsewhere.clone().skip(LINES).map(|_| "file".to_owned()));
    let elsewhere = elsewhere.take(LINES).map(|file| elsewhere_line(file, link));
    voices.chain(elsewhere).collect()
}

/// Where a file is that isn't uploaded.
pub(super) fn elsewhere_line(file: &File, link: Option<&str>) -> String {
    let name = words::plain(unmarked(&file.name), NAME);
    let name = if name.is_empty() { "file".to_owned() } else { name };
    format!("-# 📎 {name} ({}){}", size(file.size), words::see_original(link))
}

fn voice(seconds: &str) -> String {
    let known = seconds.parse::<f64>().ok().filter(|seconds| (0.0..86_400.0).contains(seconds));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "its range was just checked")]
    known.map_or_else(
        || "-# 🎤 Voice message".to_owned(),
        |seconds| {
            let seconds = seconds.round() as u32;
            format!("-# 🎤 Voice message, {}:{:02}", seconds / 60, seconds % 60)
        },
    )
}

fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KB", "MB", "GB", "TB"];
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    // In tenths of a MiB.
    let mut size = bytes.saturating_mul(10) / 1024;
    let mut unit = 0;
    while size >= 10_240 && unit < UNITS.len() - 1 {
        size /= 1024;
        unit += 1;
    }
    let tenth =
        if size < 100 && !size.is_multiple_of(10) { format!(".{}", size % 10) } else { String::new() };
    format!("{}{tenth} {}", size / 10, UNITS[unit])
}

/// Whether Discord may keep a file of this name under the other one. It removes or replaces what isn't ASCII,
/// white space and most signs (as werkzeug's `secure_filename` does, discord-api-docs issue 7754), and gives
/// a name of its own where nothing is left (pull request 6945).
pub(super) fn is_same(ours: &str, theirs: &str) -> bool {
    let (ours, theirs) = (unmarked(ours), unmarked(theirs));
    if is_recognisable(ours) || !theirs.is_ascii() {
        let whole =
            |name: &str| name.nfkd().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
        return essence(ours) == essence(theirs) && (theirs.is_ascii() || whole(ours) == whole(theirs));
    }
    let extension =
        |name: &str| name.rsplit_once('.').map_or_else(String::new, |(_, extension)| essence(extension));
    extension(ours) == extension(theirs)
}

/// Whether Discord keeps something of a file's name beside its extension.
pub(super) fn is_recognisable(name: &str) -> bool {
    let name = unmarked(name);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    !essence(stem).is_empty()
}

fn essence(name: &str) -> String {
    name.nfkd().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn file(size: u64) -> File {
        File { id: size, name: "a.png".to_owned(), size, ..File::default() }
    }

    #[rstest]
    #[case(&[1; 10], &[10])]
    #[case(&[1; 12], &[10, 2])]
    #[case(&[10 << 20, 10 << 20, 10 << 20], &[2, 1])]
    #[case(&[11 << 20, 1], &[1])]
    fn are_grouped_in_order(#[case] sizes: &[u64], #[case] groups: &[usize]) {
        let files: Vec<_> = sizes.iter().map(|size| file(*size)).collect();
        let grouped = grouped(files.iter(), limits::FILE_BYTES);
        assert_eq!(grouped.groups.iter().map(Vec::len).collect::<Vec<_>>(), groups);
    }

    #[test]
    fn a_boosted_server_takes_larger_files() {
        let groups = |sizes: &[u64], limit| {
            let files: Vec<_> = sizes.iter().map(|size| file(size << 20)).collect();
            let grouped = grouped(files.iter(), limit);
            (grouped.groups.iter().map(Vec::len).collect::<Vec<_>>(), grouped.too_large.len())
        };
        assert_eq!(groups(&[11, 50], limits::file_bytes(1)), (vec![], 2));
        assert_eq!(groups(&[50, 1, 51], limits::file_bytes(2)), (vec![1, 1], 1));
        assert_eq!(groups(&[100, 60, 40, 101], limits::file_bytes(3)), (vec![1, 2], 1));
        assert_eq!(groups(&[101], u64::MAX), (vec![], 1));
    }

    #[rstest]
    #[case("cat.png", "cat.png")]
    #[case("SPOILER_cat.png", "SPOILER_cat.png")]
    #[case("../a\\\"b\u{202E}.png", ".._a__b.png")]
    #[case(" \u{200B}", "file")]
    fn names(#[case] raw: &str, #[case] kept: &str) {
        assert_eq!(name(raw), kept);
    }

    #[rstest]
    #[case("cat.png", true, "SPOILER_cat.png")]
    #[case("SPOILER_cat.png", false, "SPOILER_cat.png")]
    #[case("spoiler_cat.png", false, "SPOILER_spoiler_cat.png")]
    #[case("cat.png", false, "cat.png")]
    fn what_is_hidden_is_uploaded_hidden(#[case] name: &str, #[case] spoiler: bool, #[case] sent: &str) {
        let file = File { name: name.to_owned(), spoiler, ..file(1) };
        let sent_file = grouped([file.clone()].iter(), 10).groups.remove(0).remove(0);
        assert_eq!((sent_file.name.as_str(), sent_file.spoiler), (sent, sent.starts_with(File::SPOILER)));
        let linked = &grouped([file].iter(), 0).too_large[0];
        assert!(elsewhere_line(linked, None).starts_with("-# 📎 cat.png"));
    }

    #[test]
    fn a_long_name_keeps_its_extension() {
        let cut = name(&format!("SPOILER_{}.tar.gz", "x".repeat(300)));
        assert!(cut.starts_with("SPOILER_x") && cut.ends_with("x.gz"), "{cut}");
        assert_eq!(text::units(&cut), NAME);
        assert_eq!(name(&"x.".repeat(200)).len(), NAME);
    }

    #[rstest]
    #[case(0, "0 bytes")]
    #[case(1536, "1.5 KB")]
    #[case(10 << 20, "10 MB")]
    #[case(48 << 20, "48 MB")]
    #[case(u64::MAX, "1677721 TB")]
    fn sizes(#[case] bytes: u64, #[case] said: &str) {
        assert_eq!(size(bytes), said);
    }

    #[rstest]
    #[case("hello (world).png", "hello_world.png", true)]
    #[case("_a.png", "a.png", true)]
    #[case("日本.png", "unknown.png", true)]
    #[case("日本.png", "unknown.gif", false)]
    #[case("a.png", "b.png", false)]
    #[case("é.png", "e.png", true)]
    #[case("SPOILER_a.png", "a.png", true)]
    #[case("SPOILER_日本.png", "unknown.png", true)]
    #[case("План работ.pdf", "План работ.pdf", true)]
    #[case("План работ.pdf", "План.pdf", false)]
    #[case("日本 1.png", "日本 1.png", true)]
    #[case("日本 1.png", "中国 1.png", false)]
    fn are_recognised(#[case] ours: &str, #[case] theirs: &str, #[case] same: bool) {
        assert_eq!(is_same(ours, theirs), same);
    }

    #[rstest]
    #[case("3.5", "-# 🎤 Voice message, 0:04")]
    #[case("61", "-# 🎤 Voice message, 1:01")]
    #[case("NaN", "-# 🎤 Voice message")]
    fn voices(#[case] seconds: &str, #[case] said: &str) {
        assert_eq!(voice(seconds), said);
    }
}
