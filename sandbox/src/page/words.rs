//! Errors and faults in sentences.

use serde_json::Value;

use crate::driver::ActError;
use crate::faults::{Effect, Fault};
use crate::permissions::Permissions;

/// Why something didn't happen, for the person who tried.
pub(super) fn error(error: &ActError) -> String {
    match error {
        ActError::Refused { message, errors, .. } => {
            let fields =
                serde_json::from_str(errors).map(|errors: Value| field_errors(&errors)).unwrap_or_default();
            if fields.is_empty() { sentence(message) } else { fields.join(" ") }
        }
        ActError::Forbidden { person, missing } => {
            format!("{person} can't do that here: {} is missing.", names(*missing))
        }
        ActError::UnknownCommand(name) => format!("There is no command “{name}”."),
        ActError::Hidden { person, command, needed } if needed.is_empty() => {
            format!("“{command}” isn't offered to {person} here.")
        }
        ActError::Hidden { person, command, needed } => {
            format!("“{command}” isn't offered to {person} here: it needs {}.", names(*needed))
        }
        ActError::BadOption { option, reason } => format!("{option}: {reason}."),
        ActError::NoComponent { .. } => "That can't be used any more.".to_owned(),
        ActError::Offline => "The application did not respond: no bot is connected.".to_owned(),
        ActError::TimedOut { .. } => "The application did not respond.".to_owned(),
        ActError::ErrorPage(_) | ActError::Listen(_) => error.to_string(),
    }
}

/// Discord's words end without a full stop.
fn sentence(text: &str) -> String {
    let text = text.trim_end_matches('.');
    format!("{text}.")
}

/// The messages of Discord's nested `errors`.
fn field_errors(errors: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![errors];
    while let Some(value) = open.pop() {
        for (key, below) in value.as_object().into_iter().flatten() {
            if key == "_errors" {
                let all = below.as_array().into_iter().flatten();
                found.extend(all.filter_map(|one| one["message"].as_str()).map(sentence));
            } else {
                open.push(below);
            }
        }
    }
    found
}

/// `MANAGE_MESSAGES` is called Manage Messages.
fn names(permissions: Permissions) -> String {
    let words = |name: &str| {
        let word = |word: &str| {
            let (first, rest) = word.split_at(1);
            format!("{first}{}", rest.to_lowercase())
        };
        name.split('_').map(word).collect::<Vec<_>>().join(" ")
    };
    permissions.iter_names().map(|(name, _)| words(name)).collect::<Vec<_>>().join(", ")
}

/// What a fault does, and to which requests.
pub(super) fn fault(fault: &Fault) -> String {
    let what = match &fault.effect {
        Effect::Hold(_) => "held back".to_owned(),
        Effect::Delay(time) => format!("{} ms later", time.as_millis()),
        Effect::DelayAnswer(time) => format!("answers {} ms later", time.as_millis()),
        Effect::HoldAnswer(_) => "answers when it is let".to_owned(),
        Effect::Status(status) => format!("HTTP {status}"),
        Effect::Page(status) => format!("HTTP {status}, a page in HTML"),
        Effect::RateLimited { scope, .. } => format!("HTTP 429 ({})", scope.name()),
        Effect::Refuse { status, code, .. } => format!("HTTP {status}, code {code}"),
        Effect::RefuseField { path, .. } => format!("HTTP 400, field {path}"),
        Effect::DropRequest => "request lost".to_owned(),
        Effect::DropAnswer => "answer lost".to_owned(),
        Effect::DropAnswerThen(time) => format!("answer lost, done {} ms later", time.as_millis()),
    };
    let which = match fault.pattern.trim_matches('/') {
        "**" => "all requests",
        "webhooks/**" => "webhooks",
        "interactions/**" => "answers to commands",
        other => other,
    };
    format!("{what} · {which}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_read_as_sentences() {
        let missing = Permissions::MANAGE_MESSAGES;
        let forbidden = ActError::Forbidden { person: "Bob".to_owned(), missing };
        assert_eq!(error(&forbidden), "Bob can't do that here: Manage Messages is missing.");
        let errors =
            r#"{"content": {"_errors": [{"code": "X", "message": "Must be 4000 or fewer in length."}]}}"#;
        let refused = ActError::Refused {
            code: 50035,
            message: "Invalid Form Body".to_owned(),
            errors: errors.to_owned(),
        };
        assert_eq!(error(&refused), "Must be 4000 or fewer in length.");
    }
}
