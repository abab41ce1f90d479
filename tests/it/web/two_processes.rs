//! Two processes of one bot: what holds at one holds at the other.

use serde_json::{Value, json};
use tributary_sandbox::{Channel, Guild, Permissions, Person};

use super::{Answer, Visitor, address, linked, path};
use crate::harness::Crew;

const HOST: &str = "localhost:9";

/// A process, as a browser or a program uses it.
pub struct Door(Visitor);

impl Door {
    pub async fn send(&self, method: &str, path: &str, body: Value, token: Option<&str>) -> Answer {
        let request =
            self.0.request(method, path).header("host", HOST).header("sec-fetch-site", "same-origin");
        let request = if body.is_null() { request } else { request.json(&body) };
        self.0.send(if let Some(token) = token { request.bearer_auth(token) } else { request }).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, Value::Null, None).await
    }
}

fn new(source: &Channel, target: &Channel) -> Value {
    json!({ "sourceChannelId": source.id().to_string(), "targetChannelId": target.id().to_string() })
}

fn follows(guild: &Guild) -> String {
    format!("/api/v1/servers/{}/follows", guild.id())
}

/// Two processes that listen, each with web pages, and one that delivers. The first one has the servers.
pub async fn two_doors() -> Option<(Crew, Door, Door)> {
    let mut crew = Crew::start(0, 0).await?;
    crew.world.set("WEB_ADDR", "127.0.0.1:0");
    crew.world.set("PUBLIC_URL", format!("http://{HOST}"));
    let mut doors = Vec::new();
    for shard in 0..2 {
        let mut gateway = crew.spawn_gateway(shard, 2);
        doors.push(Door(Visitor::new(&format!("http://{}", address(&mut gateway).await))));
        crew.world.ready(&mut gateway).await;
        crew.gateways.push(gateway);
    }
    let mut worker = crew.spawn_worker();
    crew.world.ready(&mut worker).await;
    crew.workers.push(worker);
    let other = doors.pop()?;
    Some((crew, doors.pop()?, other))
}

/// Signs somebody in at both, by the link that they get in this channel.
pub async fn sign_in(person: &Person, channel: &Channel, one: &Door, other: &Door) {
    let link = linked(&person.run(channel, "/dashboard", ()).await.expect("an answer"));
    let pressed = one.0.request("POST", &path(&link)).header("host", HOST);
    let pressed = one.0.send(pressed.header("sec-fetch-site", "same-origin").form(&[("next", "/")])).await;
    assert_eq!(pressed.status, 303, "{}", pressed.text);
    other.0.set_cookie(one.0.cookie());
}

/// Signed in at one, acting at the other: with the cookie, with a token, and not any more.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn who_is_signed_in_at_one_acts_at_the_other() {
    let Some((crew, one, other)) = two_doors().await else { return };
    let (one, other) = (&one, &other);
    // The first process has the server.
    let (harbour, alice) = crew.server(0, "Harbour");
    let (news, docks, target) = (harbour.text("news"), harbour.text("docks"), harbour.text("target"));
    sign_in(&alice, &target, one, other).await;

    let made = other.send("POST", &follows(&harbour), new(&news, &target), None).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let body = json!({ "name": "x", "scopes": ["servers:read", "servers:write"] });
    let token = one.send("POST", "/api/v1/me/tokens", body, None).await;
    assert_eq!(token.status, 201, "{}", token.text);
    let token = token.body()["token"].as_str().unwrap().to_owned();
    let made = other.send("POST", &follows(&harbour), new(&docks, &target), Some(&token)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    for door in [one, other] {
        assert_eq!(door.get(&follows(&harbour)).await.body()["total"], 2);
    }
    // The process that has the server reads what the other one made.
    for (source, text) in [(&news, "from news"), (&docks, "from docks")] {
        alice.post(source, text).unwrap();
        let shown = target.wait_for_message(crate::harness::SOON, |message| message.content == text).await;
        assert!(shown.is_ok(), "{text} is shown");
    }

    let cookie = one.0.cookie();
    let out = one.0.request("POST", "/auth/logout").header("host", HOST);
    let out = one.0.send(out.header("sec-fetch-site", "same-origin").form(&[("a", "b")])).await;
    assert_eq!((out.status, one.0.cookie()), (303, None));
    other.0.set_cookie(cookie);
    assert_eq!(other.get("/api/v1/me").await.problem(), (401, "authentication_required".to_owned()));
    let refused = other.send("POST", &follows(&harbour), new(&docks, &news), None).await;
    assert_eq!(refused.problem(), (401, "authentication_required".to_owned()));
    let still = other.send("GET", "/api/v1/me", Value::Null, Some(&token)).await;
    assert_eq!(still.status, 200, "tokens stay");
}

/// Whom somebody begins to follow at the one, the other listens to; and both show the same feed.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn what_is_followed_at_one_is_heard_by_the_other() {
    let Some((crew, one, other)) = two_doors().await else { return };
    let (harbour, alice) = crew.server(0, "Harbour");
    let (news, town) = (harbour.text("news"), harbour.text("town"));
    let carol = harbour.member("Carol", Permissions::default());
    sign_in(&alice, &news, &one, &other).await;
    for target in [
        json!({ "kind": "user", "id": carol.id().to_string() }),
        json!({ "kind": "channel", "id": news.id().to_string() }),
    ] {
        let body = json!({ "target": target });
        let made = other.send("POST", "/api/v1/me/follows", body, None).await;
        assert_eq!(made.status, 201, "{}", made.text);
    }
    // The notice is on its way: until it arrives, what is posted is nobody's.
    let texts = async |door: &Door| -> Vec<String> {
        let page = door.get("/api/v1/me/feed").await.body();
        let all = page["activities"].as_array().unwrap_or_else(|| panic!("{page}"));
        all.iter().map(|one| one["text"].as_str().unwrap().to_owned()).collect()
    };
    for (author, channel, text) in [(&carol, &town, "by her"), (&carol, &news, "by both")] {
        crew.world
            .until(text, async || {
                author.post(channel, text).unwrap();
                texts(&one).await.iter().any(|shown| shown == text)
            })
            .await;
    }
    // The last of them may still be on its way.
    crew.world.until("one feed at both", async || texts(&one).await == texts(&other).await).await;
}

/// A channel follows a collection at the one, and the process that has its server keeps it in step.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn a_collection_that_is_followed_at_one_is_kept_in_step_by_the_other() {
    let Some((crew, one, other)) = two_doors().await else { return };
    let (harbour, alice) = crew.server(0, "Harbour");
    let (news, town, quay) = (harbour.text("news"), harbour.text("town"), harbour.text("quay"));
    sign_in(&alice, &news, &one, &other).await;
    let path = format!("/api/v1/servers/{}/collections", harbour.id());
    let made = other.send("POST", &path, json!({ "name": "Town" }), None).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let path = format!("{path}/{}", made.body()["id"].as_str().unwrap());
    let put = async |door: &Door, channel: &Channel| {
        let added = door.send("PUT", &format!("{path}/channels/{}", channel.id()), Value::Null, None).await;
        assert_eq!(added.status, 201, "{}", added.text);
    };
    put(&other, &town).await;
    let body = json!({ "targetChannelId": news.id().to_string() });
    let followed = other.send("POST", &format!("{path}/follows"), body, None).await;
    assert_eq!((followed.status, &followed.body()["inStep"]), (201, &json!(true)), "{}", followed.text);
    // Both at once, each at another process.
    let docks = harbour.text("docks");
    tokio::join!(put(&one, &quay), put(&other, &docks));
    crew.world.until("three follows", async || one.get(&follows(&harbour)).await.body()["total"] == 3).await;
    for (source, text) in [(&town, "from town"), (&quay, "from the quay")] {
        alice.post(source, text).unwrap();
        let shown = news.wait_for_message(crate::harness::SOON, |message| message.content == text).await;
        assert!(shown.is_ok(), "{text} is shown");
    }
    assert_eq!(news.webhooks().len(), 1);
    let ended = format!("{path}/follows/{}", followed.body()["id"].as_str().unwrap());
    assert_eq!(other.send("DELETE", &ended, Value::Null, None).await.status, 204);
    assert_eq!(one.get(&follows(&harbour)).await.body()["total"], 0);
}
