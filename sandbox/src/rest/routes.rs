//! The table of routes: what exists, who may call it, and which rate limit it draws on.

use super::request::{Answer, Request};
use super::{
    applications, authorize, channels, guilds, interactions, messages, oauth, threads, users,
    webhook_messages, webhooks,
};
use crate::error::ApiResult;
use crate::limits::Bucket;
use crate::model::OAuthScope;
use crate::world::World;

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Only the bot, with its `Authorization`.
    Bot,
    /// Only a person's access token, with this scope if one is named.
    Person(Option<OAuthScope>),
    /// The bot, or a person's access token with this scope.
    BotOrPerson(OAuthScope),
    /// Anyone; a token in the path or credentials in the body may decide.
    Anyone,
    /// A person's browser: no exchange of the application's, so it isn't recorded.
    Browser,
}

/// A handler.
pub(crate) type Handler = fn(&mut World, &Request) -> ApiResult<Answer>;

/// One route.
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) pattern: &'static str,
    pub(crate) caller: Caller,
    pub(crate) bucket: Bucket,
    pub(crate) handler: Handler,
}

const fn bot(method: &'static str, pattern: &'static str, handler: Handler) -> Route {
    Route { method, pattern, caller: Caller::Bot, bucket: Bucket::Other, handler }
}

const fn anyone(method: &'static str, pattern: &'static str, handler: Handler) -> Route {
    Route { method, pattern, caller: Caller::Anyone, bucket: Bucket::Other, handler }
}

const fn person(pattern: &'static str, scope: Option<OAuthScope>, handler: Handler) -> Route {
    Route { method: "GET", pattern, caller: Caller::Person(scope), bucket: Bucket::Other, handler }
}

const fn bot_or_person(pattern: &'static str, scope: OAuthScope, handler: Handler) -> Route {
    Route { method: "GET", pattern, caller: Caller::BotOrPerson(scope), bucket: Bucket::Other, handler }
}

/// What browsers ask for draws on no rate limit.
const fn browser(method: &'static str, pattern: &'static str, handler: Handler) -> Route {
    Route { method, pattern, caller: Caller::Browser, bucket: Bucket::Interaction, handler }
}

impl Route {
    const fn in_bucket(mut self, bucket: Bucket) -> Self {
        self.bucket = bucket;
        self
    }
}

/// All routes. Of two that fit a path, the first one takes it: literals stand before parameters.
pub(crate) static ROUTES: &[Route] = &[
    anyone("GET", "/gateway", applications::gateway),
    bot("GET", "/gateway/bot", applications::gateway_bot),
    bot("GET", "/applications/@me", applications::get),
    bot("GET", "/oauth2/applications/@me", applications::get),
    browser("GET", authorize::PATH, authorize::show),
    browser("POST", authorize::PATH, authorize::decide),
    browser("GET", "/oauth2/sign-out", authorize::sign_out),
    anyone("POST", oauth::TOKEN, oauth::token),
    anyone("POST", oauth::REVOKE, oauth::revoke),
    person("/oauth2/@me", None, oauth::current),
    bot("GET", "/applications/{application}", applications::get),
    bot("GET", "/applications/{application}/commands", applications::list_commands),
    bot("PUT", "/applications/{application}/commands", applications::replace_commands),
    bot("POST", "/applications/{application}/commands", applications::create_command),
    bot("GET", "/applications/{application}/commands/{command}", applications::get_command),
    bot("PATCH", "/applications/{application}/commands/{command}", applications::patch_command),
    bot("DELETE", "/applications/{application}/commands/{command}", applications::delete_command),
    bot("GET", "/applications/{application}/guilds/{guild}/commands", applications::list_commands),
    bot("PUT", "/applications/{application}/guilds/{guild}/commands", applications::replace_commands),
    bot("POST", "/applications/{application}/guilds/{guild}/commands", applications::create_command),
    bot("GET", "/applications/{application}/guilds/{guild}/commands/{command}", applications::get_command),
    bot(
        "PATCH",
        "/applications/{application}/guilds/{guild}/commands/{command}",
        applications::patch_command,
    ),
    bot(
        "DELETE",
        "/applications/{application}/guilds/{guild}/commands/{command}",
        applications::delete_command,
    ),
    bot_or_person("/users/@me", OAuthScope::Identify, users::me),
    bot_or_person("/users/@me/guilds", OAuthScope::Guilds, users::my_guilds),
    person("/users/@me/guilds/{guild}/member", Some(OAuthScope::GuildsMembersRead), users::my_member),
    bot("DELETE", "/users/@me/guilds/{guild}", users::leave_guild),
    bot("POST", "/users/@me/channels", users::direct_message),
    bot("GET", "/users/{user}", users::get),
    bot("GET", "/guilds/{guild}", guilds::get),
    bot("GET", "/guilds/{guild}/channels", guilds::channels),
    bot("POST", "/guilds/{guild}/channels", guilds::create_channel),
    bot("GET", "/guilds/{guild}/threads/active", threads::active),
    bot("GET", "/guilds/{guild}/roles", guilds::roles),
    bot("GET", "/guilds/{guild}/webhooks", webhooks::of_guild),
    bot("GET", "/guilds/{guild}/members", guilds::members),
    bot("GET", "/guilds/{guild}/members/{user}", guilds::member),
    bot("GET", "/channels/{channel}", channels::get),
    bot("PATCH", "/channels/{channel}", channels::patch),
    bot("DELETE", "/channels/{channel}", channels::delete),
    bot("POST", "/channels/{channel}/typing", channels::typing),
    bot("POST", "/channels/{channel}/followers", channels::follow),
    bot("GET", "/channels/{channel}/webhooks", webhooks::of_channel),
    bot("POST", "/channels/{channel}/webhooks", webhooks::create),
    bot("GET", "/channels/{channel}/messages", messages::list),
    bot("POST", "/channels/{channel}/messages", messages::post).in_bucket(Bucket::Messages),
    bot("POST", "/channels/{channel}/messages/bulk-delete", messages::bulk_delete),
    bot("GET", "/channels/{channel}/messages/{message}", messages::get),
    bot("PATCH", "/channels/{channel}/messages/{message}", messages::patch).in_bucket(Bucket::Messages),
    bot("DELETE", "/channels/{channel}/messages/{message}", messages::delete),
    bot("POST", "/channels/{channel}/messages/{message}/crosspost", messages::crosspost)
        .in_bucket(Bucket::Crossposts),
    bot("POST", "/channels/{channel}/messages/{message}/threads", threads::start_from_message),
    bot("POST", "/channels/{channel}/threads", threads::start),
    bot("GET", "/channels/{channel}/threads/archived/public", threads::archived_public),
    bot("GET", "/channels/{channel}/threads/archived/private", threads::archived_private),
    bot("GET", "/channels/{channel}/thread-members", threads::members),
    bot("PUT", "/channels/{channel}/thread-members/@me", threads::join),
    bot("DELETE", "/channels/{channel}/thread-members/@me", threads::leave),
    bot("GET", "/channels/{channel}/thread-members/{user}", threads::member),
    bot("PUT", "/channels/{channel}/thread-members/{user}", threads::add_member),
    bot("DELETE", "/channels/{channel}/thread-members/{user}", threads::remove_member),
    anyone("POST", "/interactions/{interaction}/{token}/callback", interactions::callback)
        .in_bucket(Bucket::Interaction),
    bot("GET", "/webhooks/{webhook}", webhooks::get),
    bot("PATCH", "/webhooks/{webhook}", webhooks::patch),
    bot("DELETE", "/webhooks/{webhook}", webhooks::delete),
    anyone("GET", "/webhooks/{webhook}/{token}", webhooks::get_with_token),
    anyone("PATCH", "/webhooks/{webhook}/{token}", webhooks::patch_with_token),
    anyone("DELETE", "/webhooks/{webhook}/{token}", webhooks::delete_with_token),
    anyone("POST", "/webhooks/{webhook}/{token}", webhook_messages::execute).in_bucket(Bucket::Webhook),
    anyone("GET", "/webhooks/{webhook}/{token}/messages/{message}", webhook_messages::get)
        .in_bucket(Bucket::WebhookMessages),
    anyone("PATCH", "/webhooks/{webhook}/{token}/messages/{message}", webhook_messages::patch)
        .in_bucket(Bucket::WebhookMessages),
    anyone("DELETE", "/webhooks/{webhook}/{token}/messages/{message}", webhook_messages::delete)
        .in_bucket(Bucket::WebhookMessages),
];

/// What a path leads to.
pub(crate) enum Found {
    Route(&'static Route, Vec<(&'static str, String)>),
    /// The path exists, with other methods.
    OtherMethod(&'static str),
    Nothing,
}

/// Finds the route of a request.
pub(crate) fn find(method: &str, path: &str) -> Found {
    let mut other = None;
    for route in ROUTES {
        if let Some(params) = params(route.pattern, path) {
            if route.method == method {
                return Found::Route(route, params);
            }
            other.get_or_insert(route.pattern);
        }
    }
    other.map_or(Found::Nothing, Found::OtherMethod)
}

/// Whether this pattern is one of a page for browsers.
pub(crate) fn is_page(pattern: &str) -> bool {
    ROUTES.iter().any(|route| route.pattern == pattern && route.caller == Caller::Browser)
}

/// Whether bodies of this pattern hold what nobody may read in the log.
pub(crate) fn keeps_secrets(pattern: &str) -> bool {
    matches!(pattern, oauth::TOKEN | oauth::REVOKE)
}

fn params(pattern: &'static str, path: &str) -> Option<Vec<(&'static str, String)>> {
    let mut found = Vec::new();
    let mut given = path.trim_end_matches('/').split('/');
    for wanted in pattern.split('/') {
        let segment = given.next()?;
        match wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) if !segment.is_empty() => found.push((name, decode(segment))),
            None if wanted == segment => {}
            _ => return None,
        }
    }
    given.next().is_none().then_some(found)
}

/// Undoes percent-encoding: some clients write `%40original`.
fn decode(segment: &str) -> String {
    segment.replace("%40", "@")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_win_over_parameters() {
        let Found::Route(route, params) = find("GET", "/users/@me") else { panic!("no route") };
        assert_eq!((route.pattern, params.len()), ("/users/@me", 0));
        let Found::Route(route, params) = find("POST", "/channels/7/messages") else { panic!("no route") };
        assert_eq!(route.pattern, "/channels/{channel}/messages");
        assert_eq!(params, [("channel", "7".to_owned())]);
        assert!(matches!(find("PUT", "/users/@me"), Found::OtherMethod(_)));
        assert!(matches!(find("GET", "/nowhere"), Found::Nothing));
    }
}
