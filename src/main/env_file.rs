//! The `.env` file in the working directory.

use super::Fatal;

/// Where it is.
const PATH: &str = ".env";

/// Sets what `.env` says, where there is one; what is set in the environment wins. Returns the names in the
/// file.
pub(super) fn load() -> Result<Vec<String>, Fatal> {
    // Not `dotenv()`, which looks in all folders above, too.
    let names = dotenvy::from_path_iter(PATH)
        .and_then(|pairs| pairs.map(|pair| pair.map(|(name, _)| name)).collect());
    match names.and_then(|names: Vec<_>| dotenvy::from_path(PATH).map(|()| names)) {
        Ok(names) => Ok(names),
        Err(error) if error.not_found() => Ok(Vec::new()),
        Err(dotenvy::Error::Io(error)) => Err(format!(
            "the .env file can't be read ({error}). Let the user that runs this program read it, or move it away."
        )
        .into()),
        Err(_) => {
            let line = std::fs::read_to_string(PATH).ok().and_then(|text| first_bad_line(&text));
            let place = line.map_or_else(|| "the .env file".to_owned(), |line| format!("line {line} of the .env file"));
            // The error itself may quote the line, and the line may hold a secret.
            Err(format!("{place} can't be read. Each line must be NAME=value; put values with spaces in quotes.").into())
        }
    }
}

/// The number, from 1, of the line at which the first entry begins that can't be read. An entry in quotes may
/// take several lines.
fn first_bad_line(text: &str) -> Option<usize> {
    let lines: Vec<&str> = text.trim_start_matches('\u{feff}').lines().collect();
    let mut start = 0;
    while start < lines.len() {
        let is_whole = |end: &usize| {
            let entry = lines[start..*end].join("\n") + "\n";
            dotenvy::from_read_iter(entry.as_bytes()).all(|pair| pair.is_ok())
        };
        match (start + 1..=lines.len()).find(is_whole) {
            Some(end) => start = end,
            None => return Some(start + 1),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bad_line_is_named() {
        for (text, line) in [
            ("", None),
            ("# a comment\n\nA=1\nexport B='two words'\n", None),
            ("A=1 \nB two words\nC=3\n", Some(2)),
            ("A=\"first\nsecond\"\nnot a setting\n", Some(3)),
            ("# DISCORD_TOKEN\n\nDISCORD_TOKEN=two words\n", Some(3)),
            ("A=1\r\nDISCORD_TOKEN='hidden\r\nB=2\r\n", Some(2)),
            ("\u{feff}A=1\n=\n", Some(2)),
        ] {
            assert_eq!(first_bad_line(text), line, "{text:?}");
        }
    }
}
