//! Names of webhooks and channels.

use super::length;
use crate::error::FormErrors;

/// A webhook's name or per-message username: 1–80 characters, without "clyde" and "discord".
pub(crate) fn webhook_name(form: &mut FormErrors, path: &str, name: &str) {
    let trimmed = name.trim();
    if !(1..=80).contains(&length(trimmed)) {
        form.bad_length(path, 1, 80);
    }
    let lower = trimmed.to_lowercase();
    for word in ["clyde", "discord"] {
        if lower.contains(word) {
            form.add(path, "USERNAME_INVALID_CONTAINS", &format!("Username cannot contain \"{word}\""));
        }
    }
}

/// A channel's or thread's name: 1–100 characters.
pub(crate) fn channel_name(form: &mut FormErrors, path: &str, name: &str) {
    if !(1..=100).contains(&length(name.trim())) {
        form.bad_length(path, 1, 100);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(name: &str) -> bool {
        let mut form = FormErrors::default();
        webhook_name(&mut form, "name", name);
        form.finish().is_ok()
    }

    #[test]
    fn webhook_names_have_1_to_80_characters_and_no_forbidden_word() {
        assert!(accepts("a") && accepts(&"é".repeat(80)));
        assert!(!accepts("") && !accepts("   ") && !accepts(&"a".repeat(81)));
        assert!(!accepts("My DISCORD") && !accepts("Clyde"));
    }
}
