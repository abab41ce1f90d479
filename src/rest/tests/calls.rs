//! Each call sends what Discord describes, and reads what Discord answers.

use super::*;
use crate::domain::ids::ApplicationId;

#[tokio::test]
async fn presents_itself_and_opens_each_route_with_the_right_token() {
    let fake = Fake::start(|_, seen| match seen.path.as_str() {
        "/api/v10/users/@me" => Reply::json(200, json!({"id": "1", "username": "tributary", "bot": true})),
        _ => Reply::message(9),
    })
    .await;
    let rest = fake.rest();
    assert_eq!(rest.current_user().await.unwrap().username, "tributary");
    assert_eq!(
        send(&rest).await,
        SendOutcome::Shown(PostedMessage { message: message(77), channel: channel(9) })
    );
    assert_eq!(edit(&rest).await, ChangeOutcome::Done);
    let seen = fake.seen();
    let bot = format!("Bot {BOT_TOKEN}");
    assert_eq!(seen[0].header("authorization"), Some(bot.as_str()));
    let agent = seen[0].header("user-agent").unwrap();
    assert!(agent.starts_with("DiscordBot (https://example.org/tributary, "), "{agent}");
    assert_eq!(seen[1].header("authorization"), None, "a webhook's route takes no bot's token");
    assert_eq!(seen[1].path, format!("/api/v10/webhooks/5/{HOOK_TOKEN}?wait=true"));
    assert_eq!(
        (seen[1].body.clone(), seen[1].header("content-type")),
        (json!({"content": "hi"}), Some("application/json"))
    );
    assert_eq!(
        (seen[2].method.as_str(), seen[2].path.as_str()),
        ("PATCH", "/api/v10/webhooks/5/hook-token-s3cret/messages/77")
    );
}

#[tokio::test]
async fn asks_what_discord_describes() {
    let fake = Fake::start(|_, seen| match (seen.method.as_str(), seen.path.split('?').next().unwrap_or_default()) {
        ("GET", "/api/v10/applications/@me") => Reply::error(404, 0),
        ("GET", "/api/v10/oauth2/applications/@me") => Reply::json(200, json!({"id": "3", "flags": 1 << 18})),
        ("GET", "/api/v10/gateway/bot") => Reply::json(200, json!({"url": "wss://x", "shards": 1, "session_start_limit":
            {"total": 1000, "remaining": 999, "reset_after": 5, "max_concurrency": 1}})),
        ("PUT", _) => Reply::json(200, json!({"odd": true})),
        ("GET", "/api/v10/channels/9") => Reply::json(200, json!({"id": "9", "type": 0, "guild_id": "2", "name": "news"})),
        ("GET", "/api/v10/guilds/2") => Reply::json(200, json!({"id": "2", "name": "s", "owner_id": "4", "roles": [{"id": "2", "permissions": "1024"}]})),
        ("GET", "/api/v10/guilds/2/members/4") => Reply::json(200, json!({"user": {"id": "4"}, "roles": ["6"], "nick": null})),
        ("GET", path) if path.contains("members") => Reply::error(404, 10007),
        ("POST", "/api/v10/channels/8/followers") => Reply::json(200, json!({"channel_id": "8", "webhook_id": "5"})),
        ("POST", "/api/v10/channels/9/webhooks") => Reply::json(200, json!({"id": "5", "type": 1, "channel_id": "9", "token": HOOK_TOKEN})),
        ("POST", _) => Reply::message(9),
        ("DELETE", "/api/v10/webhooks/5") => Reply { status: 204, headers: Vec::new(), body: String::new() },
        ("DELETE", _) => Reply::error(404, 10015),
        ("GET", "/api/v10/channels/9/messages") => Reply::json(200, json!([
            {"id": "12", "channel_id": "9", "author": {"id": "1"}, "content": "b"}, {"id": "11", "channel_id": "9", "author": {"id": "1"}, "content": "a"}])),
        _ => Reply::json(200, json!([])),
    })
    .await;
    let rest = fake.rest();
    assert_eq!(rest.application().await.unwrap().flags, 1 << 18);
    assert_eq!(rest.gateway_bot().await.unwrap().session_start_limit.remaining, 999);
    let commands = vec![json!({"name": "follow"})];
    let application = ApplicationId::new(3).unwrap();
    rest.set_global_commands(application, &commands).await.expect("whatever it answers");
    assert_eq!(rest.channel(channel(9)).await.unwrap().name, "news");
    assert_eq!(rest.guild(guild(2)).await.unwrap().roles.len(), 1);
    assert!(rest.guild_channels(guild(2)).await.unwrap().is_empty());
    assert!(rest.member(guild(2), user(4)).await.unwrap().is_some());
    assert!(rest.member(guild(2), user(5)).await.unwrap().is_none());
    assert!(!rest.thread_member(channel(9), user(5)).await.unwrap());
    assert_eq!(rest.follow_announcement(channel(8), channel(9), "").await.unwrap().webhook_id, webhook(5));
    let made = rest.create_webhook(channel(9), "Tributary", "/follow by ada: ü").await.unwrap();
    assert!(made.token.is_some());
    assert!(rest.channel_webhooks(channel(9)).await.unwrap().is_empty());
    assert!(rest.guild_webhooks(guild(2)).await.unwrap().is_empty());
    assert_eq!(rest.delete_webhook(webhook(5), "x").await.unwrap(), WebhookDeletion::Now);
    assert_eq!(rest.delete_webhook(webhook(6), "x").await.unwrap(), WebhookDeletion::AlreadyGone);
    let history = rest.messages_after(channel(9), message(10), 200).await.unwrap();
    assert!(history.iter().map(|message| message.content.as_str()).eq(["a", "b"]), "oldest first");
    assert_eq!(rest.create_message(channel(9), &json!({"content": "x"})).await.unwrap().id, message(77));
    assert_eq!(rest.delete_message(channel(9), message(77), "").await, ChangeOutcome::WebhookGone);
    let seen = fake.seen();
    let of = |end: &str| seen.iter().find(|seen| seen.path.ends_with(end)).unwrap();
    assert_eq!(of("/followers").body, json!({"webhook_channel_id": "9"}));
    assert_eq!(of("/followers").header("x-audit-log-reason"), None);
    let made = seen.iter().find(|seen| seen.method == "POST" && seen.path.ends_with("/webhooks")).unwrap();
    assert_eq!(made.body, json!({"name": "Tributary"}));
    assert_eq!(made.header("x-audit-log-reason"), Some("%2Ffollow%20by%20ada%3A%20%C3%BC"));
    assert!(seen.iter().any(|seen| seen.path == "/api/v10/channels/9/messages?limit=100&after=10"));
}

#[tokio::test]
async fn looks_at_mirrors_history_and_direct_messages() {
    let fake = Fake::start(|_, seen| {
        match (seen.method.as_str(), seen.path.split('?').next().unwrap_or_default()) {
            ("POST", "/api/v10/users/@me/channels") => Reply::json(200, json!({"id": "30", "type": 1})),
            ("GET", "/api/v10/channels/9/messages") => Reply::json(
                200,
                json!([
                    {"id": "12", "channel_id": "9", "author": {"id": "1"}},
                    {"id": "11", "channel_id": "9", "author": {"id": "1"}},
                ]),
            ),
            ("GET", path) if path.ends_with("/messages/78") => Reply::error(404, 10008),
            _ => Reply::json(
                200,
                json!({"id": "77", "channel_id": "9", "author": {"id": "5"}, "attachments": [
                    {"id": "6", "filename": "a.png", "size": 4, "url": "https://cdn.discordapp.com/a.png"},
                ]}),
            ),
        }
    })
    .await;
    let rest = fake.rest();
    let token = SecretString::from(HOOK_TOKEN);
    let access = WebhookAccess { id: webhook(5), token: &token };
    let in_thread = WebhookMessage { id: message(77), thread: Some(channel(9)) };
    assert_eq!(rest.webhook_message(access, in_thread).await.unwrap().attachments[0].id, "6");
    let gone = WebhookMessage { id: message(78), thread: None };
    assert!(rest.webhook_message(access, gone).await.unwrap_err().is_not_found());
    let history = rest.messages_before(channel(9), message(13), 2).await.unwrap();
    assert!(history.iter().map(|message| message.id).eq([message(11), message(12)]), "oldest first");
    assert_eq!(rest.open_direct_messages(user(4)).await.unwrap().id, channel(30));
    let seen = fake.seen();
    assert_eq!(seen[0].path, format!("/api/v10/webhooks/5/{HOOK_TOKEN}/messages/77?thread_id=9"));
    assert_eq!((seen[0].method.as_str(), seen[0].header("authorization")), ("GET", None));
    assert_eq!(seen[2].path, "/api/v10/channels/9/messages?limit=2&before=13");
    assert_eq!(seen[3].body, json!({"recipient_id": "4"}));
}

#[tokio::test]
async fn a_message_that_lands_elsewhere_says_where() {
    let fake = Fake::start(|_, _| Reply::message(1000)).await;
    assert_eq!(
        send(&fake.rest()).await,
        SendOutcome::WebhookMoved(PostedMessage { message: message(77), channel: channel(1000) })
    );
    let token = SecretString::from(HOOK_TOKEN);
    let access = WebhookAccess { id: webhook(5), token: &token };
    let outcome =
        fake.rest().create_webhook_message(access, Destination::Thread(channel(1000)), &json!({})).await;
    assert!(matches!(outcome, SendOutcome::Shown(_)));
    assert!(fake.seen()[1].path.ends_with("?wait=true&thread_id=1000"));
}

#[tokio::test]
async fn lists_threads_page_by_page() {
    let thread = |id: &str| json!({"id": id, "type": 11, "guild_id": "2", "parent_id": "9", "name": "t", "thread_metadata": {"archived": true}});
    let fake = Fake::start(move |_, seen| {
        let more = !seen.path.contains("before=");
        let threads = json!([thread("11"), {"id": "odd"}]);
        Reply::json(200, json!({"threads": threads, "members": [], "has_more": more}))
    })
    .await;
    let rest = fake.rest();
    assert_eq!(rest.active_threads(guild(2)).await.unwrap().len(), 1, "what can't be read is left out");
    let first = rest.archived_threads(channel(9), None).await.unwrap();
    assert!(first.has_more && first.threads[0].is_archived());
    let before = Some("2026-11-20T15:00:00.000000+00:00");
    assert!(!rest.archived_threads(channel(9), before).await.unwrap().has_more);
    let seen = fake.seen();
    assert_eq!(seen[0].path, "/api/v10/guilds/2/threads/active");
    assert_eq!(seen[1].path, "/api/v10/channels/9/threads/archived/public?limit=100");
    assert!(seen[2].path.ends_with("&before=2026-11-20T15%3A00%3A00.000000%2B00%3A00"), "{}", seen[2].path);
}
