//! Link buttons as an admin writes them, one per line: `label | address`.

use serde::{Deserialize, Serialize};

use crate::domain::panel::Button;
use crate::domain::rendering::address;
use crate::domain::{limits, text};

use super::kind::InvalidInput;

/// A link button.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PanelLink {
    label: String,
    url: String,
}

impl PanelLink {
    pub(super) fn button(&self) -> Button {
        Button::Link { label: self.label.clone(), url: self.url.clone() }
    }
}

/// Reads link buttons from lines.
pub(super) fn read(written: &str, most: usize) -> Result<Vec<PanelLink>, InvalidInput> {
    let lines = written.lines().map(str::trim).filter(|line| !line.is_empty());
    let links = lines.map(read_one).collect::<Result<Vec<_>, _>>()?;
    if links.len() > most {
        return Err(InvalidInput(format!("There can be {most} links at most.")));
    }
    Ok(links)
}

fn read_one(line: &str) -> Result<PanelLink, InvalidInput> {
    let quoted = text::cut(line, 80).replace('`', "'");
    let form = || {
        InvalidInput(format!("`{quoted}` isn't a link. Write one per line: a label, `|`, and an address."))
    };
    let (label, url) = line.rsplit_once('|').ok_or_else(form)?;
    let label = label.trim();
    if !text::is_visible(label) {
        return Err(form());
    }
    if text::units(label) > limits::BUTTON_LABEL {
        return Err(InvalidInput(format!(
            "The label of `{quoted}` is longer than {} characters.",
            limits::BUTTON_LABEL
        )));
    }
    let url = address::public(url).filter(|url| url.len() <= limits::BUTTON_ADDRESS);
    let url = url.ok_or_else(|| {
        InvalidInput(format!(
            "`{quoted}` doesn't lead to a web address: it must begin with `https://` or `http://`."
        ))
    })?;
    Ok(PanelLink { label: label.to_owned(), url })
}

/// Writes them as the lines that they were read from.
pub(super) fn written(links: &[PanelLink]) -> String {
    links.iter().map(|link| format!("{} | {}", link.label, link.url)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_read_and_written() {
        let text = "A | b | https://example.com/x\nDocs | http://docs.example.com";
        let links = read(text, 5).unwrap();
        assert_eq!((links.len(), links[0].label.as_str()), (2, "A | b"));
        assert_eq!(written(&links), text);
        assert_eq!(read(" \n", 0), Ok(vec![]));
    }

    #[test]
    fn what_is_none_is_refused() {
        for bad in ["x", "| https://example.com", "x | javascript:alert(1)", "x | https://localhost", "a | "]
        {
            assert!(read(bad, 5).is_err(), "{bad}");
        }
        assert!(read("a | https://example.com\nb | https://example.com", 1).is_err());
        assert!(read(&format!("{} | https://example.com", "x".repeat(81)), 1).is_err());
    }
}
