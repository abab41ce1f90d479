//! The REST API as any HTTP client sees it: authorization, errors, webhooks, following, limits, faults.

use std::time::Duration;

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tributary_sandbox::{
    Channel, Config, Effect, Fault, Guild, LimitScope, Limits, MessageFlags, Permissions, Post, Sandbox,
};

struct Setup {
    sandbox: Sandbox,
    harbour: Guild,
    news: Channel,
    client: Client,
}

impl Setup {
    async fn new() -> Self {
        let sandbox = Sandbox::start(Config::default()).await.expect("a free port");
        let harbour = sandbox.create_guild("Harbour");
        let news = harbour.text("news");
        Self { sandbox, harbour, news, client: Client::new() }
    }

    async fn send(&self, method: Method, path: &str, body: Value) -> reqwest::Response {
        let url = format!("{}/api/v10{path}", self.sandbox.base());
        let mut request =
            self.client.request(method, url).header("authorization", format!("Bot {}", self.sandbox.token()));
        if !body.is_null() {
            request = request.json(&body);
        }
        request.send().await.expect("an answer")
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let answer = self.send(method, path, body).await;
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    }

    /// Calls and expects an error. Returns its status and code.
    async fn refused(&self, method: Method, path: &str, body: Value) -> (u16, u64) {
        let (status, answer) = self.call(method, path, body).await;
        (status, answer["code"].as_u64().expect("a code"))
    }

    /// One of the bot's webhooks in `channel`. Returns the path to execute it.
    async fn webhook(&self, channel: &Channel) -> String {
        let path = format!("/channels/{}/webhooks", channel.id());
        let (status, hook) = self.call(Method::POST, &path, json!({"name": "Relay"})).await;
        assert_eq!(status, 200, "{hook}");
        let text = |key: &str| hook[key].as_str().expect("text").to_owned();
        assert_eq!(text("application_id"), self.sandbox.application_id().to_string());
        format!("/webhooks/{}/{}", text("id"), text("token"))
    }
}

#[tokio::test]
async fn errors_are_discords() {
    let setup = Setup::new().await;
    let (news, get, post) = (setup.news.id(), Method::GET, Method::POST);
    let stranger = setup
        .client
        .get(format!("{}/api/v10/users/@me", setup.sandbox.base()))
        .send()
        .await
        .expect("an answer");
    assert_eq!(stranger.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(setup.refused(get.clone(), "/nowhere", Value::Null).await, (404, 0));
    assert_eq!(setup.refused(get.clone(), "/channels/1", Value::Null).await, (404, 10003));
    assert_eq!(setup.refused(get.clone(), "/guilds/1", Value::Null).await, (404, 10004));
    assert_eq!(setup.refused(get.clone(), "/webhooks/1/x", Value::Null).await, (404, 10015));
    assert_eq!(setup.refused(get.clone(), "/channels/abc", Value::Null).await, (400, 50035));
    let messages = format!("/channels/{news}/messages");
    assert_eq!(setup.refused(post.clone(), &messages, json!({"content": " "})).await, (400, 50006));
    let (_, long) = setup.call(post.clone(), &messages, json!({"content": "a".repeat(2001)})).await;
    assert_eq!(long["errors"]["content"]["_errors"][0]["code"], "BASE_TYPE_MAX_LENGTH");

    let hidden = setup.harbour.private_text("hidden");
    let path = format!("/channels/{}/messages", hidden.id());
    assert_eq!(setup.refused(get.clone(), &path, Value::Null).await, (403, 50001));
    setup.harbour.deny_bot(&setup.news, Permissions::READ_MESSAGE_HISTORY | Permissions::SEND_MESSAGES);
    assert_eq!(setup.refused(post, &messages, json!({"content": "a"})).await, (403, 50013));
    setup.harbour.owner().post(&setup.news, "hello").expect("may post");
    assert_eq!(setup.call(get, &messages, Value::Null).await, (200, json!([])), "no history, no error");
    assert_eq!(setup.sandbox.counts().unknown_routes, 1);
}

#[tokio::test]
async fn webhooks_write_edit_and_ping_as_told() {
    let setup = Setup::new().await;
    let bob = setup.harbour.member("Bob", Permissions::empty());
    let hook = setup.webhook(&setup.news).await;
    let body = json!({
        "content": format!("{} @everyone", bob.mention()), "username": "Ada", "avatar_url": "https://x.test/a.png",
        "allowed_mentions": {"parse": []},
    });
    let (status, message) = setup.call(Method::POST, &format!("{hook}?wait=true"), body).await;
    assert_eq!((status, &message["author"]["username"]), (200, &json!("Ada")));
    assert_eq!(message["webhook_id"], message["author"]["id"]);
    let seen = setup.news.messages().pop().expect("a message");
    assert!(seen.pinged.is_empty() && seen.is_app);
    assert_eq!(seen.avatar.as_deref(), Some("https://x.test/a.png"));

    // An edit that doesn't say what is allowed is parsed with the defaults.
    let path = format!("{hook}/messages/{}", seen.id);
    setup.call(Method::PATCH, &path, json!({"content": bob.mention()})).await;
    assert_eq!(setup.news.message(seen.id).expect("there").pinged.users, [bob.id()]);

    assert_eq!(setup.call(Method::POST, &hook, json!({"content": "silent"})).await.0, 204);
    assert_eq!(
        setup.refused(Method::POST, &hook, json!({"content": "a", "username": "my Discord"})).await,
        (400, 50035)
    );
    let wrong = format!("{}x", hook);
    assert_eq!(setup.refused(Method::POST, &wrong, json!({"content": "a"})).await, (401, 50027));
    assert_eq!(setup.call(Method::DELETE, &path, Value::Null).await.0, 204);
    assert_eq!(setup.refused(Method::GET, &path, Value::Null).await, (404, 10008));

    let other = setup.harbour.text("other");
    let id = setup.news.webhooks()[0].id;
    setup.news.move_webhook(id, &other).expect("room");
    let (_, moved) = setup.call(Method::POST, &format!("{hook}?wait=true"), json!({"content": "b"})).await;
    assert_eq!(moved["channel_id"], json!(other.id().to_string()));
    other.delete_webhook(id).expect("there");
    assert_eq!(setup.refused(Method::POST, &hook, json!({"content": "a"})).await, (404, 10015));
}

#[tokio::test]
async fn a_channel_has_fifteen_webhooks_at_most() {
    let setup = Setup::new().await;
    setup.news.add_webhooks(15).expect("room");
    let path = format!("/channels/{}/webhooks", setup.news.id());
    assert_eq!(setup.refused(Method::POST, &path, json!({"name": "one more"})).await, (400, 30007));
}

#[tokio::test]
async fn followers_get_what_is_published_until_their_webhook_goes() {
    let setup = Setup::new().await;
    let releases = setup.harbour.announcement("releases");
    let owner = setup.harbour.owner();
    let path = format!("/channels/{}/followers", releases.id());
    let body = json!({"webhook_channel_id": setup.news.id()});
    let wrong = format!("/channels/{}/followers", setup.news.id());
    assert_eq!(setup.refused(Method::POST, &wrong, body.clone()).await, (400, 50024));
    let (status, followed) = setup.call(Method::POST, &path, body).await;
    assert_eq!((status, &followed["channel_id"]), (200, &json!(releases.id().to_string())));
    let hook = setup.news.webhooks().pop().expect("a follower");
    assert_eq!((hook.follows, hook.token), (Some(releases.id()), None));

    let unpublished = owner.post(&releases, "draft").expect("may post");
    let message = owner.post(&releases, "1.0").expect("may post");
    owner.publish(&releases, message.id).expect("once");
    let copies: Vec<_> = setup.news.messages().into_iter().filter(|copy| copy.webhook.is_some()).collect();
    assert_eq!(copies.len(), 1);
    assert!(copies[0].flags.contains(MessageFlags::IS_CROSSPOST));
    assert_eq!((copies[0].content.as_str(), copies[0].refers_to), ("1.0", Some(message.id)));
    let again = format!("/channels/{}/messages/{}/crosspost", releases.id(), message.id);
    assert_eq!(setup.refused(Method::POST, &again, Value::Null).await, (400, 40033));
    owner.edit(&releases, message.id, "1.0.1").expect("own");
    assert_eq!(setup.news.message(copies[0].id).expect("there").content, "1.0.1");

    assert_eq!(setup.call(Method::DELETE, &format!("/webhooks/{}", hook.id), Value::Null).await.0, 204);
    owner.publish(&releases, unpublished.id).expect("once");
    assert_eq!(setup.news.messages().into_iter().filter(|copy| copy.webhook.is_some()).count(), 1);
}

#[tokio::test]
async fn files_are_kept_and_served_for_a_while() {
    let setup = Setup::new().await;
    let owner = setup.harbour.owner();
    let post = Post::text("look").file("a b.txt", "text/plain", "hello");
    let message = owner.post(&setup.news, post).expect("may post");
    let file = &message.attachments[0];
    assert_eq!(file.filename, "a_b.txt");
    let bytes = setup.client.get(&file.url).send().await.expect("an answer").bytes().await.expect("bytes");
    assert_eq!(&bytes[..], b"hello");
    let forged = file.url.replace("ex=", "ex=1");
    assert_eq!(setup.client.get(forged).send().await.expect("an answer").status(), StatusCode::NOT_FOUND);

    let hook = setup.webhook(&setup.news).await;
    let form = reqwest::multipart::Form::new()
        .text("payload_json", json!({"attachments": [{"id": 0, "description": "alt"}]}).to_string())
        .part("files[0]", reqwest::multipart::Part::bytes(vec![1, 2, 3]).file_name("x.bin"));
    let url = format!("{}/api/v10{hook}?wait=true", setup.sandbox.base());
    let answer: Value =
        setup.client.post(url).multipart(form).send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!(answer["attachments"][0]["description"], "alt");
    assert_eq!(setup.news.messages().pop().expect("there").attachments[0].bytes, [1, 2, 3]);
}

#[tokio::test]
async fn forums_take_posts_and_webhooks_name_their_thread() {
    let setup = Setup::new().await;
    let forum = setup.harbour.forum("ideas");
    let tags = forum.set_tags(&["new"]).expect("a forum");
    let hook = setup.webhook(&forum).await;
    assert_eq!(setup.refused(Method::POST, &hook, json!({"content": "a"})).await, (400, 220_001));
    let both = format!("{hook}?thread_id=1");
    assert_eq!(
        setup.refused(Method::POST, &both, json!({"content": "a", "thread_name": "t"})).await,
        (400, 220_002)
    );
    forum.set_tag_required(true).expect("a forum");
    assert_eq!(
        setup.refused(Method::POST, &hook, json!({"content": "a", "thread_name": "t"})).await,
        (400, 40067)
    );
    let body = json!({"content": "a", "thread_name": "t", "applied_tags": tags});
    let (status, message) = setup.call(Method::POST, &format!("{hook}?wait=true"), body).await;
    assert_eq!(status, 200, "{message}");
    let thread = message["channel_id"].as_str().expect("text");
    let (_, second) = setup
        .call(Method::POST, &format!("{hook}?wait=true&thread_id={thread}"), json!({"content": "b"}))
        .await;
    assert_eq!(second["channel_id"], message["channel_id"]);
    let text_hook = setup.webhook(&setup.news).await;
    let named = json!({"content": "a", "thread_name": "t"});
    assert_eq!(setup.refused(Method::POST, &text_hook, named).await, (400, 220_003));
}

#[tokio::test]
async fn limits_come_with_headers_and_429() {
    let setup = Setup::new().await;
    let hook = setup.webhook(&setup.news).await;
    setup.sandbox.set_limits(Limits::real());
    for left in (0..5).rev() {
        let answer = setup.send(Method::POST, &hook, json!({"content": "a"})).await;
        assert_eq!(answer.headers()["x-ratelimit-remaining"], left.to_string().as_str());
    }
    let refused = setup.send(Method::POST, &hook, json!({"content": "a"})).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["x-ratelimit-scope"], "user");
    let header: f64 = refused.headers()["retry-after"].to_str().expect("text").parse().expect("a number");
    let body: Value = refused.json().await.expect("JSON");
    assert!(body["retry_after"].as_f64().expect("a number") >= header);
    assert_eq!(setup.sandbox.counts().rate_limited, 1);
}

#[tokio::test]
async fn faults_strike_where_they_are_planted() {
    let setup = Setup::new().await;
    let hook = setup.webhook(&setup.news).await;
    let send = async |content: &str| {
        let url = format!("{}/api/v10{hook}", setup.sandbox.base());
        Client::new().post(url).json(&json!({ "content": content })).send().await
    };
    let dropped = setup.sandbox.fault(Fault::on("POST", "/webhooks/*/*", Effect::DropAnswer));
    assert!(send("performed").await.is_err(), "no answer comes");
    setup.sandbox.fault(Fault::on("POST", "/webhooks/**", Effect::DropRequest));
    assert!(send("not performed").await.is_err());
    setup.sandbox.fault(Fault::on("POST", "/webhooks/**", Effect::Status(502)));
    assert_eq!(send("nor this").await.expect("an answer").status(), StatusCode::BAD_GATEWAY);
    let limited = Effect::RateLimited { scope: LimitScope::Global, retry_after: Duration::from_millis(1500) };
    setup.sandbox.fault(Fault::on("*", "/webhooks/**", limited));
    let answer = send("nor this").await.expect("an answer");
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["x-ratelimit-global"]),
        (429, &"true".parse().expect("text"))
    );
    assert!(send("last").await.expect("an answer").status().is_success());
    let contents: Vec<String> = setup.news.messages().into_iter().map(|message| message.content).collect();
    assert_eq!(contents, ["performed", "last"]);
    assert_eq!(setup.sandbox.fault_hits(dropped), 1);
    assert!(!setup.sandbox.exchanges().iter().all(|exchange| exchange.answered));
}

#[tokio::test]
async fn a_post_begins_with_a_message_of_its_own_number() {
    let setup = Setup::new().await;
    let forum = setup.harbour.forum("ideas");
    let owner = setup.harbour.owner();
    let (post, first) = owner.start_post(&forum, "lamps", &[], "more lamps").expect("may post");
    let later = owner.post(&post, "yes").expect("may post");
    assert_eq!(first.id.0, post.id().0);
    assert!(later.id > first.id);
    let hook = setup.webhook(&forum).await;
    let body = json!({"content": "a", "thread_name": "t"});
    let (_, made) = setup.call(Method::POST, &format!("{hook}?wait=true"), body).await;
    assert_eq!(made["id"], made["channel_id"]);
    let (_, of_bot) = setup
        .call(
            Method::POST,
            &format!("/channels/{}/threads", forum.id()),
            json!({"name": "b", "message": {"content": "c"}}),
        )
        .await;
    assert_eq!(of_bot["id"], of_bot["message"]["id"]);
    let (_, thread) = setup.call(Method::GET, &format!("/channels/{}", post.id()), Value::Null).await;
    assert_eq!((&thread["message_count"], &thread["total_message_sent"]), (&json!(1), &json!(2)));
    // The first message is gone for good: nothing takes its place.
    owner.delete(&post, first.id).expect("own");
    assert!(owner.post(&post, "no").expect("may post").id > later.id);
}

#[tokio::test]
async fn threads_are_told_of_where_they_begin() {
    let setup = Setup::new().await;
    let owner = setup.harbour.owner();
    let message = owner.post(&setup.news, "who is in?").expect("may post");
    let from = owner.start_thread(&setup.news, "crew", Some(message.id)).expect("may start");
    let inside = from.messages();
    assert_eq!((inside.len(), inside[0].kind, inside[0].refers_to), (1, 21, Some(message.id)));
    assert_eq!(inside[0].json["referenced_message"]["content"], "who is in?");
    assert_eq!(setup.news.message_count(), 1);
    let alone = owner.start_thread(&setup.news, "aside", None).expect("may start");
    let told = setup.news.messages().pop().expect("there");
    assert_eq!((told.kind, told.content.as_str()), (18, "aside"));
    assert_eq!(told.json["message_reference"]["channel_id"], alone.id().to_string());
    assert_eq!(alone.message_count(), 0);
    setup.news.private_thread("hush").expect("a thread");
    assert_eq!(setup.news.message_count(), 2, "nobody is told of a private one");
}

#[tokio::test]
async fn archived_threads_change_only_as_they_wake() {
    let setup = Setup::new().await;
    let forum = setup.harbour.forum("ideas");
    let hook = setup.webhook(&forum).await;
    let body = json!({"content": "a", "thread_name": "t"});
    let (_, made) = setup.call(Method::POST, &format!("{hook}?wait=true"), body).await;
    let post = forum.threads().pop().expect("a post");
    let message = format!("{hook}/messages/{}?thread_id={}", made["id"].as_str().expect("text"), post.id());
    let edit = json!({"content": "b"});
    let path = format!("/channels/{}", post.id());
    post.set_archived(true).expect("a thread");
    assert_eq!(setup.refused(Method::PATCH, &message, edit.clone()).await, (400, 50083));
    assert_eq!(setup.refused(Method::PATCH, &path, json!({"name": "n"})).await, (400, 50083));
    setup
        .harbour
        .set_bot_permissions(Config::default().bot_permissions.difference(Permissions::MANAGE_THREADS))
        .expect("there");
    let renamed = json!({"name": "n", "archived": false});
    assert_eq!(setup.refused(Method::PATCH, &path, renamed.clone()).await, (403, 50013));
    assert_eq!(setup.call(Method::PATCH, &path, json!({"archived": false})).await.0, 200);
    assert_eq!(setup.call(Method::PATCH, &message, edit).await.0, 200);
    post.set_archived(true).expect("a thread");
    post.set_locked(true).expect("a thread");
    assert_eq!(setup.refused(Method::PATCH, &path, json!({"archived": false})).await, (403, 50013));
    setup.harbour.set_bot_permissions(Config::default().bot_permissions).expect("there");
    assert_eq!(setup.call(Method::PATCH, &path, renamed).await.0, 200);
    assert_eq!((post.name().as_str(), post.is_archived()), ("n", false));
    // Deleting a message doesn't require the thread to be reopened.
    post.set_archived(true).expect("a thread");
    assert_eq!(setup.call(Method::DELETE, &message, Value::Null).await.0, 204);
    post.delete().expect("there");
    assert_eq!(setup.refused(Method::PATCH, &message, json!({"content": "c"})).await, (404, 10003));
}

#[tokio::test]
async fn posts_have_up_to_five_tags_that_their_forum_knows() {
    let setup = Setup::new().await;
    let forum = setup.harbour.forum("ideas");
    let tags = forum.set_tags(&["a", "b", "c", "d", "e", "official"]).expect("a forum");
    let hook = setup.webhook(&forum).await;
    let with =
        |tags: &[tributary_sandbox::TagId]| json!({"content": "a", "thread_name": "t", "applied_tags": tags});
    assert_eq!(setup.refused(Method::POST, &hook, with(&tags)).await, (400, 50035));
    assert_eq!(setup.refused(Method::POST, &hook, with(&[tributary_sandbox::TagId(1)])).await, (404, 10087));
    assert_eq!(forum.threads().len(), 0);
    assert_eq!(setup.call(Method::POST, &hook, with(&tags[..5])).await.0, 204);
    let post = forum.threads().pop().expect("a post");
    assert_eq!(post.applied_tags(), ["a", "b", "c", "d", "e"]);

    forum.set_moderated(tags[5], true).expect("a forum");
    let bob = setup.harbour.member("Bob", Permissions::empty());
    assert!(bob.start_post(&forum, "mine", &tags[5..], "x").is_err(), "for moderators only");
    assert!(setup.harbour.owner().start_post(&forum, "ours", &tags[5..], "x").is_ok());
    forum.set_tag_required(true).expect("a forum");
    let path = format!("/channels/{}", post.id());
    assert_eq!(setup.refused(Method::PATCH, &path, json!({"applied_tags": []})).await, (400, 40067));
    assert_eq!(setup.call(Method::PATCH, &path, json!({"applied_tags": tags[..1]})).await.0, 200);
    assert_eq!(post.applied_tags(), ["a"]);
}
