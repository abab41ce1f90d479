//! Discord's errors: the JSON in the answer to a refused request.

use serde_json::{Map, Value, json};

/// A refusal, as Discord words it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) code: u32,
    pub(crate) message: String,
    pub(crate) errors: Option<Value>,
}

/// What an operation returns.
pub(crate) type ApiResult<T> = Result<T, ApiError>;

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $status:literal $code:literal $message:literal;)*) => {
        impl ApiError {$(
            $(#[$doc])*
            pub(crate) fn $name() -> Self {
                Self::new($status, $code, $message)
            }
        )*}
    };
}

refusals! {
    unauthorized = 401 0 "401: Unauthorized";
    not_found = 404 0 "404: Not Found";
    method_not_allowed = 405 0 "405: Method Not Allowed";
    unknown_channel = 404 10003 "Unknown Channel";
    unknown_guild = 404 10004 "Unknown Guild";
    unknown_member = 404 10007 "Unknown Member";
    unknown_message = 404 10008 "Unknown Message";
    unknown_user = 404 10013 "Unknown User";
    unknown_webhook = 404 10015 "Unknown Webhook";
    unknown_tag = 404 10087 "Unknown Tag";
    unknown_interaction = 404 10062 "Unknown interaction";
    unknown_command = 404 10063 "Unknown application command";
    too_many_webhooks = 400 30007 "Maximum number of webhooks reached (15)";
    too_many_guild_webhooks = 400 30058 "Maximum number of webhooks for server reached (1000)";
    already_crossposted = 400 40033 "This message has already been crossposted";
    already_acknowledged = 400 40060 "Interaction has already been acknowledged.";
    tag_required = 400 40067 "A tag is required to create a forum post in this channel";
    missing_access = 403 50001 "Missing Access";
    cannot_edit_others = 403 50005 "Cannot edit a message authored by another user";
    empty_message = 400 50006 "Cannot send an empty message";
    cannot_message_user = 403 50007 "Cannot send messages to this user";
    non_text_channel = 400 50008 "Cannot send messages in a non-text channel";
    missing_permissions = 403 50013 "Missing Permissions";
    bulk_delete_count = 400 50016 "Provided too few or too many messages to delete. Must provide at least 2 and fewer than 100 messages to delete";
    system_message = 403 50021 "Cannot execute action on a system message";
    wrong_channel_type = 400 50024 "Cannot execute action on this channel type";
    invalid_webhook_token = 401 50027 "Invalid Webhook Token";
    bulk_delete_too_old = 400 50034 "You can only bulk delete messages that are under 14 days old.";
    expired_interaction = 401 50027 "Invalid Webhook Token";
    file_too_large = 413 40005 "Request entity too large";
    thread_exists = 400 160004 "A thread has already been created for this message";
    thread_locked = 403 160005 "Thread is locked";
    forum_webhook_needs_thread = 400 220001 "Webhooks posted to forum channels must have a thread_name or thread_id";
    forum_webhook_both = 400 220002 "Webhooks posted to forum channels cannot have both a thread_name and thread_id";
    webhook_thread_only_in_forum = 400 220003 "Webhooks can only create threads in forum channels";
    invalid_guild = 400 50055 "Invalid Guild";
    thread_archived = 400 50083 "Thread is archived";
    malformed_json = 400 50109 "The request body contains invalid JSON.";
}

impl ApiError {
    pub(crate) fn new(status: u16, code: u32, message: &str) -> Self {
        Self { status, code, message: message.to_owned(), errors: None }
    }

    /// One wrong field of a request body: 50035 with Discord's nested `errors`.
    pub(crate) fn field(path: &str, code: &str, message: &str) -> Self {
        let mut form = FormErrors::default();
        form.add(path, code, message);
        form.into_error()
    }

    /// The body of the answer.
    pub(crate) fn body(&self) -> Value {
        let mut body = json!({ "message": self.message, "code": self.code });
        if self.status == 429 {
            // Every 429 has these; a refusal of this kind (30046) belongs to no bucket, and ends after a time
            // that Discord doesn't name.
            body["retry_after"] = json!(1.0);
            body["global"] = json!(false);
        }
        if let (Some(errors), Some(object)) = (&self.errors, body.as_object_mut()) {
            object.insert("errors".to_owned(), errors.clone());
        }
        body
    }
}

/// All wrong fields of one request body.
#[derive(Debug, Default)]
pub(crate) struct FormErrors {
    root: Map<String, Value>,
}

impl FormErrors {
    /// Records that the field at `path` (dotted, with indices: `embeds.0.title`) is wrong.
    pub(crate) fn add(&mut self, path: &str, code: &str, message: &str) {
        let mut at = &mut self.root;
        for segment in path.split('.').filter(|segment| !segment.is_empty()) {
            let next = at.entry(segment).or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(map) = next else { return };
            at = map;
        }
        let list = at.entry("_errors").or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.push(json!({ "code": code, "message": message }));
        }
    }

    pub(crate) fn too_long(&mut self, path: &str, max: usize) {
        self.add(path, "BASE_TYPE_MAX_LENGTH", &format!("Must be {max} or fewer in length."));
    }

    pub(crate) fn bad_length(&mut self, path: &str, min: usize, max: usize) {
        self.add(path, "BASE_TYPE_BAD_LENGTH", &format!("Must be between {min} and {max} in length."));
    }

    pub(crate) fn required(&mut self, path: &str) {
        self.add(path, "BASE_TYPE_REQUIRED", "This field is required");
    }

    pub(crate) fn into_error(self) -> ApiError {
        ApiError {
            status: 400,
            code: 50035,
            message: "Invalid Form Body".to_owned(),
            errors: Some(Value::Object(self.root)),
        }
    }

    /// `Ok` if nothing is wrong.
    pub(crate) fn finish(self) -> ApiResult<()> {
        if self.root.is_empty() { Ok(()) } else { Err(self.into_error()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_errors_nest_as_discord_nests_them() {
        let error = ApiError::field("embeds.0.title", "BASE_TYPE_MAX_LENGTH", "too long");
        assert_eq!(
            error.body(),
            json!({
                "message": "Invalid Form Body", "code": 50035,
                "errors": {"embeds": {"0": {"title": {"_errors": [
                    {"code": "BASE_TYPE_MAX_LENGTH", "message": "too long"}
                ]}}}}
            })
        );
    }
}
