//! What a server follows, over the API: as a program sees it.

use chrono::SecondsFormat;
use rstest::rstest;
use serde_json::{Value, json};
use tributary::domain::ids::MessageId;
use tributary_sandbox::{Channel, Effect, Fault, Hold, Permissions};

use super::{Program, Site};
use crate::harness::{Backend, SOON};

/// The body of a new follow.
fn new(source: &Channel, target: &Channel) -> Value {
    json!({ "sourceChannelId": source.id().to_string(), "targetChannelId": target.id().to_string() })
}

/// Makes a follow, and returns it.
async fn follow(site: &Site, program: &Program, source: &Channel, target: &Channel) -> Value {
    let made = program.json("POST", &site.server("/follows"), new(source, target)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.body()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_follow_is_made_read_changed_paused_resumed_and_ended(#[case] backend: Backend) {
    let Some(site) = Site::on(backend).await else { return };
    let releases = site.harbour.text("releases");
    let program = site.program(&site.alice, &site.news).await;
    let body = json!({
        "sourceChannelId": releases.id().to_string(), "targetChannelId": site.news.id().to_string(),
        "mode": "only", "tags": ["#stable"], "panels": false,
    });
    let made = program.json("POST", &site.server("/follows"), body.clone()).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let row = made.body();
    let path = site.server(&format!("/follows/{}", row["id"].as_str().unwrap()));
    assert_eq!(made.header("location"), path);
    assert_eq!(
        (&row["result"], &row["state"], &row["isActive"]),
        (&json!("created"), &json!("active"), &json!(true))
    );
    assert_eq!(
        (&row["mode"], &row["tags"], &row["panels"]),
        (&json!("only"), &json!(["#stable"]), &json!(false))
    );
    assert_eq!(row["sourceChannelId"], releases.id().to_string());
    assert_eq!((&row["source"]["name"], &row["source"]["sight"]), (&json!("releases"), &json!("here")));
    assert_eq!(row["webhookId"], site.news.webhooks()[0].id.to_string());
    assert_eq!(row["createdBy"], site.alice.id().to_string());

    site.alice.post(&releases, "nightly").unwrap();
    site.alice.post(&releases, "out now #stable").unwrap();
    site.news.wait_for_message(SOON, |message| message.content.starts_with("out now")).await.unwrap();
    assert_eq!(site.news.message_count(), 1);
    let again = program.json("POST", &site.server("/follows"), body).await;
    assert_eq!(again.problem(), (409, "already_following".to_owned()));
    assert_eq!(again.body()["followId"], row["id"]);
    let detail = again.body()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("followId") && !detail.contains("`/"), "{detail}");

    let changed = program.json("PATCH", &path, json!({ "mode": "all" })).await;
    assert_eq!((changed.status, &changed.body()["result"]), (200, &json!("changed")), "{}", changed.text);
    assert_eq!(program.get(&path).await.body()["tags"], json!([]));
    let same = program.json("PATCH", &path, json!({ "mode": "all" })).await;
    assert_eq!(same.body()["result"], "unchanged");

    let paused = program.json("POST", &format!("{path}/pause"), Value::Null).await;
    assert_eq!((&paused.body()["state"], &paused.body()["isActive"]), (&json!("paused"), &json!(false)));
    let twice = program.json("POST", &format!("{path}/pause"), Value::Null).await;
    assert_eq!(twice.problem(), (409, "already_paused".to_owned()));
    let list = program.json("POST", &format!("{path}/resume"), json!([true])).await;
    assert_eq!(list.problem(), (400, "invalid_body".to_owned()), "consent has a name");
    let null = program.request("POST", &format!("{path}/resume")).json(&Value::Null);
    let resumed = program.send(null).await;
    assert_eq!((resumed.status, &resumed.body()["result"]), (200, &json!("resumed")));

    assert_eq!(program.delete(&path).await.status, 204);
    assert_eq!(program.get(&path).await.problem(), (404, "unknown_follow".to_owned()));
    assert_eq!(program.delete(&path).await.problem(), (404, "unknown_follow".to_owned()));
    let by = site.world.database.text("SELECT via FROM audit ORDER BY id DESC LIMIT 1").await;
    assert_eq!(by.as_deref(), Some("api"));
}

#[tokio::test]
async fn what_became_of_messages_is_told() {
    let site = Site::new().await;
    let releases = site.harbour.text("releases");
    let program = site.program(&site.alice, &site.news).await;
    let row = follow(&site, &program, &releases, &site.news).await;
    assert_eq!((&row["lastDeliveredAt"], &row["waiting"]), (&Value::Null, &json!(0)));
    let posted = site.alice.post(&releases, "v1").unwrap();
    let mirror = site.news.wait_for_message(SOON, |message| message.content == "v1").await.unwrap();
    let done = "SELECT CAST(COUNT(*) AS TEXT) FROM deliveries WHERE state <> 'due'";
    site.world.database.eventually(done, "1").await;
    let own = site.server(&format!("/follows/{}", row["id"].as_str().unwrap()));
    let now = program.get(&own).await.body();
    let at = MessageId::new(mirror.id.0).unwrap().created_at().to_rfc3339_opts(SecondsFormat::Millis, true);
    assert_eq!((&now["lastDeliveredAt"], &now["waiting"]), (&json!(at), &json!(0)), "{now}");
    let list = program.get(&site.server("/follows")).await.body();
    assert_eq!(list["items"][0], now);
    let deliveries = format!("{own}/deliveries");
    let last = program.get(&format!("{deliveries}?limit=5")).await.body();
    assert_eq!(
        (&last["items"][0]["verdict"], &last["items"][0]["beginning"]),
        (&json!("shown"), &json!("v1"))
    );
    let link = last["items"][0]["links"][0].as_str().unwrap().to_owned();
    assert!(link.ends_with(&mirror.id.to_string()), "{link}");
    for limit in ["0", "51", "x", "-1", "256"] {
        let answer = program.get(&format!("{deliveries}?limit={limit}")).await;
        assert_eq!(answer.problem(), (400, "invalid_query".to_owned()), "{limit}");
    }

    let report = |channel: &Channel, message: String| {
        site.server(&format!("/messages/{}/{message}/report", channel.id()))
    };
    let of_post = program.get(&report(&releases, posted.id.to_string())).await.body();
    assert_eq!(of_post["followers"][0]["followId"], row["id"]);
    assert_eq!((&of_post["notMirrored"], &of_post["origin"]), (&Value::Null, &Value::Null));
    let of_mirror = program.get(&report(&site.news, mirror.id.to_string())).await.body();
    assert_eq!(of_mirror["origin"]["madeBy"], "relay");
    assert_eq!(of_mirror["origin"]["source"]["name"], "releases");
    let missing = program.get(&report(&releases, "7".to_owned())).await;
    assert_eq!(missing.problem(), (404, "unknown_message".to_owned()));

    let hold = Hold::new();
    let sent = site.world.sandbox.fault(Fault::on("POST", "/webhooks/*/*", Effect::Hold(hold.clone())));
    site.alice.post(&releases, "v2").unwrap();
    site.world.until("it is sent", async || site.world.sandbox.fault_hits(sent) == 1).await;
    let waits = program.get(&own).await.body();
    assert_eq!((&waits["lastDeliveredAt"], &waits["waiting"]), (&json!(at), &json!(1)), "{waits}");
    hold.release();
    site.world.database.eventually(done, "2").await;
}

#[tokio::test]
async fn lists_are_filtered_and_read_page_by_page() {
    let site = Site::new().await;
    let program = site.program(&site.alice, &site.news).await;
    let sources: Vec<Channel> = (1..=5).map(|number| site.harbour.text(&format!("s{number}"))).collect();
    let mut ids = Vec::new();
    for source in &sources {
        ids.insert(0, follow(&site, &program, source, &site.news).await["id"].clone());
    }
    let follows = site.server("/follows");
    let first = program.get(&format!("{follows}?pageSize=2")).await;
    let body = first.body();
    assert_eq!((&body["total"], &body["totalPages"], &body["page"]), (&json!(5), &json!(3), &json!(1)));
    // By its links and its cursors, the whole list is found, in order, once.
    let (mut seen, mut next) = (Vec::new(), Some(format!("{follows}?pageSize=2")));
    while let Some(path) = next.take() {
        let page = program.get(&path).await;
        seen.extend(page.body()["items"].as_array().unwrap().iter().map(|row| row["id"].clone()));
        let links = page.header("link").split(", ").find(|link| link.ends_with("rel=\"next\""));
        next = links.map(|link| super::path(link.split(['<', '>']).nth(1).unwrap()));
        let cursor = page.body()["nextCursor"].as_str().map(ToOwned::to_owned);
        assert_eq!(next.is_some(), cursor.is_some());
        if let (Some(next), Some(cursor)) = (&next, &cursor) {
            assert!(next.contains(cursor.as_str()) && next.contains("pageSize=2"), "{next}");
        }
    }
    assert_eq!(seen, ids);
    let second = program.get(&format!("{follows}?pageSize=2&page=2")).await;
    assert_eq!(second.body()["items"][0]["id"], ids[2]);
    assert!(second.header("link").contains("rel=\"prev\""), "{}", second.header("link"));
    let behind = program.get(&format!("{follows}?page=99")).await;
    assert_eq!((behind.status, &behind.body()["items"]), (200, &json!([])));

    let pause = format!("{follows}/{}/pause", ids[0].as_str().unwrap());
    assert_eq!(program.json("POST", &pause, Value::Null).await.status, 200);
    for (query, expected) in [
        ("state=paused".to_owned(), 1),
        ("state=active".to_owned(), 4),
        ("state=broken".to_owned(), 0),
        ("delivery=native".to_owned(), 0),
        (format!("sourceChannelId={}", sources[0].id()), 1),
        (format!("targetChannelId={}", site.news.id()), 5),
        (format!("channelId={}&state=active", sources[1].id()), 1),
    ] {
        let answer = program.get(&format!("{follows}?{query}")).await;
        assert_eq!(answer.body()["total"], expected, "{query}: {}", answer.text);
    }
}

#[tokio::test]
async fn queries_and_bodies_that_make_no_sense_are_refused_by_their_place() {
    let site = Site::new().await;
    let program = site.program(&site.alice, &site.news).await;
    let follows = site.server("/follows");
    for (query, code) in [
        ("page=0", "invalid_page"),
        ("page=x", "invalid_page"),
        ("pageSize=101", "invalid_page"),
        ("pageSize=0", "invalid_page"),
        ("cursor=x", "invalid_page"),
        ("page=1&cursor=AAAAAAAAAAAA", "invalid_page"),
        ("state=gone", "invalid_query"),
        ("delivery=post", "invalid_query"),
        ("sourceChannelId=0", "invalid_query"),
        ("sourceChannelId=%2B7", "invalid_query"),
        ("who=me", "invalid_query"),
        ("state=active&state=paused", "invalid_query"),
    ] {
        let answer = program.get(&format!("{follows}?{query}")).await;
        assert_eq!(answer.problem(), (400, code.to_owned()), "{query}: {}", answer.text);
    }
    let (source, target) = (site.harbour.text("releases").id().to_string(), site.news.id().to_string());
    let with = |name: &str, value: Value| {
        let mut body = json!({ "sourceChannelId": source, "targetChannelId": target });
        body[name] = value;
        body
    };
    for (body, pointer) in [
        (with("mood", json!("good")), "/mood"),
        (with("mode", json!("some")), "/mode"),
        (with("mode", json!(7)), "/mode"),
        (with("threads", json!("few")), "/threads"),
        (with("delivery", json!("post")), "/delivery"),
        (with("panels", json!("yes")), "/panels"),
        (with("backfill", json!(51)), "/backfill"),
        (with("backfill", json!(-1)), "/backfill"),
        (with("backfill", json!(1e9)), "/backfill"),
        (with("tags", json!(["a", 7])), "/tags/1"),
        (with("tags", json!(vec!["a"; 101])), "/tags"),
        (with("targetChannelId", json!("x")), "/targetChannelId"),
        (with("sourceChannelId", json!("0")), "/sourceChannelId"),
        (with("sourceLink", json!("https://discord.com/channels/1/2")), "/sourceLink"),
        (json!({ "targetChannelId": target }), "/sourceChannelId"),
        (json!([]), ""),
        (json!([source, null, target]), ""),
        (json!("x"), ""),
    ] {
        let answer = program.json("POST", &follows, body.clone()).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text);
        assert_eq!(answer.body()["pointer"].as_str().unwrap_or_default(), pointer, "{body}: {}", answer.text);
    }
    let empty = program.send(program.request("POST", &follows)).await;
    assert_eq!(empty.problem(), (415, "unsupported_media_type".to_owned()));
    let labelled = program.request("POST", &follows).header("content-encoding", "gzip");
    let encoded = program.send(labelled.json(&with("panels", json!(false)))).await;
    assert_eq!(encoded.problem(), (415, "unsupported_media_type".to_owned()));
    for id in ["0", "x", "-1", "%2B1", "99999999999999999999"] {
        let answer = program.get(&format!("{follows}/{id}")).await;
        assert_eq!(answer.problem(), (400, "invalid_id".to_owned()), "{id}");
    }
    assert_eq!(site.rows("channel_follows").await, "0", "nothing was made");
}

#[tokio::test]
async fn what_would_be_made_public_must_be_confirmed() {
    let site = Site::new().await;
    let program = site.program(&site.alice, &site.news).await;
    let staff = site.harbour.private_text("staff");
    staff.allow(&site.alice, Permissions::VIEW_CHANNEL);
    site.harbour.allow_bot(&staff, Permissions::VIEW_CHANNEL);
    let mut body = new(&staff, &site.news);
    let asked = program.json("POST", &site.server("/follows"), body.clone()).await;
    assert_eq!(asked.problem(), (409, "confirmation_required".to_owned()));
    assert_eq!(site.rows("channel_follows").await, "0");
    body["confirm"] = json!(true);
    let made = program.json("POST", &site.server("/follows"), body).await;
    assert_eq!(made.status, 201, "{}", made.text);
}

#[tokio::test]
async fn a_preview_changes_nothing() {
    let site = Site::new().await;
    let releases = site.harbour.text("releases");
    let program = site.program(&site.alice, &site.news).await;
    site.alice.post(&releases, "v1 #stable").unwrap();
    site.alice.post(&releases, "nightly").unwrap();
    let mut body = new(&releases, &site.news);
    (body["mode"], body["tags"]) = (json!("only"), json!(["#stable"]));
    let preview = program.json("POST", &site.server("/follows/preview"), body).await;
    assert_eq!(preview.status, 200, "{}", preview.text);
    let posts = &preview.body()["posts"];
    assert_eq!((&posts[0]["letThrough"], &posts[0]["reason"]), (&json!(false), &json!("lacks_tags")));
    assert_eq!((&posts[1]["letThrough"], &posts[1]["beginning"]), (&json!(true), &json!("v1 #stable")));
    assert_eq!((site.rows("channel_follows").await.as_str(), site.news.webhooks().len()), ("0", 0));
}

#[tokio::test]
async fn of_several_at_once_one_makes_it() {
    let site = Site::new().await;
    let releases = site.harbour.text("releases");
    let program = site.program(&site.alice, &site.news).await;
    let body = new(&releases, &site.news);
    let path = site.server("/follows");
    let all = futures_util::future::join_all((0..5).map(|_| program.json("POST", &path, body.clone()))).await;
    let mut statuses: Vec<u16> = all.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409]);
    assert_eq!((site.rows("channel_follows").await.as_str(), site.news.webhooks().len()), ("1", 1));
}

#[tokio::test]
async fn a_channel_is_opened_and_its_followers_are_listed() {
    let site = Site::new().await;
    let releases = site.harbour.text("releases");
    let program = site.program(&site.alice, &site.news).await;
    follow(&site, &program, &releases, &site.news).await;
    let audience = site.server(&format!("/channels/{}/audience", releases.id()));
    let opened = program.json("PUT", &audience, json!({ "audience": "servers", "approval": "ask" })).await;
    assert_eq!((opened.status, &opened.body()["audience"]), (200, &json!("servers")), "{}", opened.text);
    let notify = json!({ "notifyChannelId": site.news.id().to_string() });
    assert_eq!(
        program.json("PUT", &audience, notify.clone()).await.body()["notifyChannelId"],
        notify["notifyChannelId"]
    );
    let quiet = program.json("PUT", &audience, json!({ "notifyChannelId": null })).await.body();
    assert_eq!((&quiet["notifyChannelId"], &quiet["approval"]), (&Value::Null, &json!("ask")));
    let wrong = program.json("PUT", &audience, json!({ "audience": "friends" })).await;
    assert_eq!(wrong.body()["pointer"], "/audience");

    let channels = program.get(&site.server("/channels")).await.body();
    let row = channels["items"].as_array().unwrap().iter().find(|row| row["name"] == "releases").unwrap();
    assert_eq!((&row["isOpen"], &row["followers"], &row["kind"]), (&json!(true), &json!(1), &json!("text")));
    let followers = program.get(&site.server(&format!("/channels/{}/followers", releases.id()))).await.body();
    assert_eq!((&followers["total"], &followers["items"][0]["channel"]["name"]), (&json!(1), &json!("news")));
    let stats = program.get(&site.server("/stats")).await.body();
    assert_eq!((&stats["follows"]["active"], &stats["followers"]["channels"]), (&json!(1), &json!(1)));
    let servers = program.get("/api/v1/servers").await.body();
    assert_eq!(servers["items"][0]["permissions"]["manageChannels"], true, "{servers}");
}

/// A list needs no webhook's token, whatever has become of that.
#[rstest]
#[case::of_another_key("X'01'")]
#[case::a_text("'nothing'")]
#[case::a_number("7")]
#[tokio::test]
async fn a_token_that_cannot_be_read_hides_no_follow(#[case] token: &str) {
    let site = Site::new().await;
    let (releases, docks) = (site.harbour.text("releases"), site.harbour.text("docks"));
    let program = site.program(&site.alice, &site.news).await;
    let row = follow(&site, &program, &releases, &site.news).await;
    follow(&site, &program, &site.news, &docks).await;
    let spoil = format!(
        "UPDATE channel_follows SET webhook_token = {token} WHERE id = {}",
        row["id"].as_str().unwrap()
    );
    site.world.database.execute(&spoil).await;
    let list = program.get(&site.server("/follows")).await;
    assert_eq!((list.status, &list.body()["total"]), (200, &json!(2)), "{}", list.text);
    let one = program.get(&site.server(&format!("/follows/{}", row["id"].as_str().unwrap()))).await;
    assert_eq!((one.status, &one.body()["webhookId"]), (200, &row["webhookId"]), "{}", one.text);
    let shown = site.alice.run(&site.news, "/follows", ()).await.expect("an answer");
    assert!(shown.text().contains(&releases.id().to_string()), "{}", shown.text());
}
