//! The page's interface without a browser: who may talk to it, what is pushed to whom, and how refusals read.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tributary_sandbox::{Channel, Config, Guild, Page, Permissions, Person, Post, Sandbox};

const SOON: Duration = Duration::from_secs(60);

struct Setup {
    sandbox: Sandbox,
    harbour: Guild,
    news: Channel,
    alice: Person,
    bob: Person,
    page: Page,
}

impl Setup {
    async fn new() -> Self {
        let sandbox = Sandbox::start(Config::default()).await.expect("a free port");
        let harbour = sandbox.create_guild("Harbour");
        let news = harbour.text("news");
        let alice = harbour.member("Alice", Permissions::MANAGE_MESSAGES);
        let bob = harbour.member("Bob", Permissions::empty());
        let page = sandbox.serve_page(0).await.expect("a free port");
        Self { sandbox, harbour, news, alice, bob, page }
    }

    fn origin(&self) -> String {
        format!("http://{}", self.page.address())
    }

    /// Does something as the page does it.
    async fn act(&self, person: &Person, what: &str, mut details: Value) -> Value {
        details["as"] = json!(person.id());
        details["do"] = json!(what);
        let request = Client::new().post(format!("{}act", self.page.url())).header("origin", self.origin());
        let answer = request.json(&details).send().await.expect("an answer");
        let status = answer.status();
        let text = answer.text().await.expect("a text");
        assert_eq!(status, StatusCode::OK, "{text}");
        serde_json::from_str(&text).expect("JSON")
    }

    async fn live(&self) -> Live {
        let mut request =
            format!("ws://{}/live", self.page.address()).into_client_request().expect("a request");
        request.headers_mut().insert("origin", self.origin().parse().expect("a header"));
        Live { socket: connect_async(request).await.expect("it is let in").0, heard: Vec::new() }
    }
}

/// What a page receives.
struct Live {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    heard: Vec<Value>,
}

impl Live {
    async fn look(&mut self, person: &Person, channels: &[&Channel]) {
        let channels: Vec<Value> =
            channels.iter().map(|channel| json!({ "id": channel.id(), "limit": 50 })).collect();
        let wanted = json!({ "as": person.id(), "channels": channels });
        self.socket.send(Message::text(wanted.to_string())).await.expect("it listens");
    }

    /// Waits for an update that fits.
    async fn hears(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        let waiting = async {
            loop {
                let frame = self.socket.next().await.expect("it goes on").expect("a frame");
                let update: Value = serde_json::from_str(frame.to_text().expect("a text")).expect("JSON");
                self.heard.push(update.clone());
                if fits(&update) {
                    return update;
                }
            }
        };
        let heard = tokio::time::timeout(SOON, waiting).await;
        heard.unwrap_or_else(|_| panic!("it was never heard; but {:#?}", self.heard))
    }

    async fn hears_text(&mut self, text: &str) -> Value {
        self.hears(|update| update["kind"] == "messages" && update["put"].to_string().contains(text)).await
    }
}

#[tokio::test]
async fn only_the_page_itself_may_act() {
    let setup = Setup::new().await;
    let body =
        json!({ "as": setup.alice.id(), "do": "post", "channel": setup.news.id(), "content": "hello" });
    let send = |host: Option<&str>, origin: Option<&str>| {
        let mut request = Client::new().post(format!("{}act", setup.page.url())).json(&body);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        async move { request.send().await.expect("an answer").status() }
    };
    let own = setup.origin();
    assert_eq!(send(None, None).await, StatusCode::FORBIDDEN, "without an Origin");
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1", &own.replace("http", "https")] {
        assert_eq!(send(None, Some(origin)).await, StatusCode::FORBIDDEN, "{origin}");
    }
    // A name that somebody else points at this machine.
    assert_eq!(send(Some("evil.example"), Some("http://evil.example")).await, StatusCode::FORBIDDEN);
    assert!(setup.news.messages().is_empty());
    assert_eq!(send(None, Some(&own)).await, StatusCode::OK);
    let local = format!("localhost:{}", setup.page.address().port());
    assert_eq!(send(Some(&local), Some(&format!("http://{local}"))).await, StatusCode::OK);
    assert_eq!(setup.news.messages().len(), 2);
    // A body that isn't declared as JSON could come from a form elsewhere.
    let form = Client::new().post(format!("{}act", setup.page.url())).header("origin", &own);
    let form = form.header("content-type", "text/plain").body(body.to_string());
    assert_eq!(form.send().await.expect("an answer").status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn only_the_page_itself_may_listen() {
    let setup = Setup::new().await;
    for origin in [None, Some("https://evil.example"), Some("null")] {
        let mut request =
            format!("ws://{}/live", setup.page.address()).into_client_request().expect("a request");
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().expect("a header"));
        }
        assert!(connect_async(request).await.is_err(), "{origin:?} was let in");
    }
    setup.live().await.look(&setup.alice, &[]).await;
}

#[tokio::test]
async fn what_is_served_is_kept_to_itself() {
    let setup = Setup::new().await;
    let get = async |path: &str| {
        Client::new().get(format!("{}{path}", setup.page.url())).send().await.expect("an answer")
    };
    let index = get("").await;
    let policy = index.headers()["content-security-policy"].to_str().expect("a text").to_owned();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(index.headers()["x-content-type-options"], "nosniff");
    assert_eq!(index.headers()["cross-origin-resource-policy"], "same-origin");
    assert_eq!(get("app.js").await.headers()["content-type"], "text/javascript; charset=utf-8");
    assert_eq!(get("../Cargo.toml").await.status(), StatusCode::NOT_FOUND);
    // Pictures are shown; anything that could run is only saved.
    let post = Post::text("")
        .file("a.png", "image/png", "png")
        .file("page.html", "text/html", "<script>alert(1)</script>")
        .file("a.svg", "image/svg+xml", "<svg/>");
    let posted = setup.alice.post(&setup.news, post).expect("she may");
    let mut kinds = Vec::new();
    for file in &posted.attachments {
        let path = file.url.split("/attachments/").nth(1).and_then(|rest| rest.split('?').next());
        let answer = get(&format!("files/{}", path.expect("a path"))).await;
        assert!(answer.headers()["content-security-policy"].to_str().expect("a text").contains("sandbox"));
        kinds.push(answer.headers()["content-type"].to_str().expect("a text").to_owned());
        assert_eq!(answer.bytes().await.expect("bytes"), file.bytes);
    }
    assert_eq!(kinds, ["image/png", "application/octet-stream", "application/octet-stream"]);
}

#[tokio::test]
async fn a_private_channel_is_never_pushed_to_those_who_cannot_see_it() {
    let setup = Setup::new().await;
    let crew = setup.harbour.private_text("crew");
    crew.allow(&setup.alice, Permissions::VIEW_CHANNEL);
    setup.alice.post(&crew, "secret one").expect("she may");
    let mut bobs = setup.live().await;
    bobs.look(&setup.bob, &[&crew, &setup.news]).await;
    let mut alices = setup.live().await;
    alices.look(&setup.alice, &[&crew]).await;
    alices.hears_text("secret one").await;
    setup.alice.post(&crew, "secret two").expect("she may");
    alices.hears_text("secret two").await;
    setup.alice.post(&setup.news, "open").expect("she may");
    bobs.hears_text("open").await;
    assert!(!json!(bobs.heard).to_string().contains("secret"), "{:#?}", bobs.heard);
    assert!(!json!(bobs.heard).to_string().contains("crew"), "{:#?}", bobs.heard);

    // He sees it as soon as he may, and no longer once he may not.
    crew.allow(&setup.bob, Permissions::VIEW_CHANNEL);
    bobs.hears_text("secret two").await;
    crew.deny(&setup.bob, Permissions::VIEW_CHANNEL);
    bobs.hears(|update| update["kind"] == "closed").await;
    bobs.heard.clear();
    setup.alice.post(&crew, "secret three").expect("she may");
    setup.alice.post(&setup.news, "open again").expect("she may");
    bobs.hears_text("open again").await;
    assert!(!json!(bobs.heard).to_string().contains("secret"), "{:#?}", bobs.heard);
}

#[tokio::test]
async fn only_what_changed_is_pushed() {
    let setup = Setup::new().await;
    let posted: Vec<_> =
        (0..60).map(|n| setup.alice.post(&setup.news, format!("number {n}.")).expect("she may")).collect();
    let mut live = setup.live().await;
    live.look(&setup.bob, &[&setup.news]).await;
    let first = live.hears(|update| update["kind"] == "messages").await;
    assert_eq!((first["put"].as_array().map(Vec::len), &first["more"]), (Some(50), &json!(true)));
    setup.alice.edit(&setup.news, posted[30].id, "edited").expect("hers");
    let update = live.hears_text("edited").await;
    assert_eq!((update["put"].as_array().map(Vec::len), &update["fresh"]), (Some(1), &json!(false)));
    setup.alice.delete(&setup.news, posted[31].id).expect("hers");
    let update = live.hears(|update| update["gone"] == json!([posted[31].id])).await;
    assert_eq!(update["put"], json!([]));
    // Older messages don't disappear when new ones arrive.
    setup.alice.post(&setup.news, "one more").expect("she may");
    let update = live.hears_text("one more").await;
    assert_eq!((update["put"].as_array().map(Vec::len), &update["gone"]), (Some(1), &json!([])));
}

#[tokio::test]
async fn refusals_are_sentences() {
    let setup = Setup::new().await;
    let Setup { news, alice, bob, .. } = &setup;
    let hers = alice.post(news, "hers").expect("she may");
    let place = json!({ "channel": news.id(), "message": hers.id });
    let refused = |answer: Value| answer["error"].as_str().expect("it is refused").to_owned();
    assert_eq!(
        refused(setup.act(bob, "delete", place.clone()).await),
        "Bob can't do that here: Manage Messages is missing."
    );
    let mut edit = place.clone();
    edit["content"] = json!("his");
    assert_eq!(
        refused(setup.act(bob, "edit", edit).await),
        "Cannot edit a message authored by another user."
    );
    let post = json!({ "channel": news.id(), "content": "x".repeat(5000) });
    assert_eq!(refused(setup.act(bob, "post", post).await), "Must be 4000 or fewer in length.");
    let run = json!({ "channel": news.id(), "command": "nothing", "options": [] });
    assert_eq!(refused(setup.act(bob, "run", run).await), "There is no command “nothing”.");
    let stranger = setup.sandbox.person("Eve");
    let post = json!({ "channel": news.id(), "content": "hello" });
    assert!(refused(setup.act(&stranger, "post", post).await).starts_with("Eve can't do that here"));
    assert_eq!(news.messages().len(), 1);
    assert!(setup.act(alice, "delete", place).await["error"].is_null());
    assert!(news.messages().is_empty());
}

#[tokio::test]
async fn files_come_with_messages() {
    let setup = Setup::new().await;
    let act = json!({ "as": setup.bob.id(), "do": "post", "channel": setup.news.id(), "content": "look" });
    let file = reqwest::multipart::Part::bytes(b"abc".to_vec()).file_name("notes.txt");
    let form = reqwest::multipart::Form::new().text("act", act.to_string()).part("file", file);
    let request = Client::new().post(format!("{}upload", setup.page.url())).header("origin", setup.origin());
    let answer = request.multipart(form).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    let [message] = &setup.news.messages()[..] else { panic!("one message") };
    assert_eq!((message.content.as_str(), message.author.as_str()), ("look", "Bob"));
    assert_eq!(message.attachments[0].bytes, b"abc");
}

#[tokio::test]
async fn faults_are_planted_listed_and_cleared() {
    let setup = Setup::new().await;
    let mut live = setup.live().await;
    live.look(&setup.alice, &[]).await;
    setup.act(&setup.alice, "latency", json!({ "ms": 300 })).await;
    setup.act(&setup.alice, "latency", json!({ "ms": 500 })).await;
    setup.act(&setup.alice, "fail", json!({ "how": "internal_error", "times": 3, "at": "webhooks" })).await;
    let status = live.hears(|update| update["faults"].as_array().is_some_and(|all| all.len() == 2)).await;
    let what: Vec<&str> =
        status["faults"].as_array().expect("a list").iter().filter_map(|one| one["what"].as_str()).collect();
    assert_eq!(what, ["500 ms later · all requests", "HTTP 500 · webhooks"]);
    setup.act(&setup.alice, "clear_faults", json!({})).await;
    live.hears(|update| update["kind"] == "status" && update["faults"] == json!([])).await;
    setup.act(&setup.alice, "gateway", json!({ "how": "unreachable" })).await;
    live.hears(|update| update["reachable"] == false).await;
    setup.act(&setup.alice, "clear_faults", json!({})).await;
    live.hears(|update| update["reachable"] == true).await;
    let hook = setup.news.add_webhooks(1).expect("room")[0];
    let details = json!({ "channel": setup.news.id(), "webhook": hook });
    setup.act(&setup.alice, "delete_webhook", details).await;
    assert!(setup.news.webhooks().is_empty());
}
