//! The web pages and the API, used as browsers and programs use them.

mod audit;
mod collections;
mod connections;
mod contract;
mod description;
mod discord_sign_in;
mod discord_sign_in_fails;
mod etag;
mod export;
mod feed;
mod feed_kills;
mod feed_links;
mod feed_page;
mod feed_threads;
mod feed_truth;
mod follow_requests;
mod follows;
mod fuzz;
mod guard;
mod idempotency;
mod limits;
mod operator;
mod own_audit;
mod panel_rights;
mod panels;
mod people;
mod people_privacy;
mod requests;
mod rights;
mod routes;
mod secrets;
mod sessions;
mod sign_in;
mod standby;
mod tokens;
mod two_processes;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Mutex;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use reqwest::header::{COOKIE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tributary_sandbox::{Channel, Guild, Person, Reply};

use crate::harness::{Backend, Bot, SOON, World, admin};

/// A bot with web pages, on this machine.
pub struct Site {
    pub world: World,
    pub bot: Bot,
    pub harbour: Guild,
    pub news: Channel,
    pub alice: Person,
    /// Where the pages are.
    pub url: String,
}

impl Site {
    pub async fn new() -> Self {
        Self::on(Backend::Sqlite).await.expect("SQLite is always there")
    }

    /// `None` where there is no such database.
    pub async fn on(backend: Backend) -> Option<Self> {
        Some(Self::of(World::on(backend).await?, &[]).await)
    }

    /// The same with these settings besides.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        Self::of(World::new().await, settings).await
    }

    async fn of(world: World, settings: &[(&str, &str)]) -> Self {
        // Tests ask faster than people do, and each visitor has an address.
        let usual =
            [("WEB_ADDR", "127.0.0.1:0"), ("API_REQUESTS_PER_MINUTE", "0"), ("TRUSTED_PROXIES", "127.0.0.1")];
        let world = world.with_settings(&usual).with_settings(settings);
        let harbour = world.sandbox.create_guild("Harbour");
        let news = harbour.text("news");
        let alice = admin(&harbour, "Alice");
        let mut bot = world.start().await;
        let url = format!("http://{}", address(&mut bot).await);
        Self { world, bot, harbour, news, alice, url }
    }

    /// Kills the bot, lets something happen meanwhile, and starts it again, as a new session.
    pub async fn killed(self, meanwhile: impl AsyncFnOnce(&World)) -> Self {
        let Self { world, bot, harbour, news, alice, .. } = self;
        bot.kill().await;
        meanwhile(&world).await;
        let mut bot = world.start().await;
        let url = format!("http://{}", address(&mut bot).await);
        Self { world, bot, harbour, news, alice, url }
    }

    /// The same program, after the bot has moved to another address.
    pub fn again(&self, program: Program) -> Program {
        Program { visitor: self.browser(), ..program }
    }

    /// Somebody's browser, in which nobody is signed in.
    pub fn browser(&self) -> Visitor {
        Visitor::new(&self.url)
    }

    /// The private link that `/dashboard` gives Alice.
    pub async fn link(&self) -> String {
        let reply = self.alice.run(&self.news, "/dashboard", ()).await.expect("an answer");
        assert!(reply.is_ephemeral(), "everybody could use it");
        linked(&reply)
    }

    /// A browser in which Alice is signed in.
    pub async fn signed_in(&self) -> Visitor {
        let browser = self.browser();
        let answer = browser.press(&path(&self.link().await), &[]).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/"), "{}", answer.text);
        browser
    }

    /// A browser in which somebody is signed in who ran the command in this channel.
    pub async fn signed_in_as(&self, person: &Person, channel: &Channel) -> Visitor {
        let reply = person.run(channel, "/dashboard", ()).await.expect("an answer");
        let browser = self.browser();
        assert_eq!(browser.press(&path(&linked(&reply)), &[]).await.status, 303);
        browser
    }

    /// A program with a token of this person's, good for reading and changing what servers follow.
    pub async fn program(&self, person: &Person, channel: &Channel) -> Program {
        let browser = self.signed_in_as(person, channel).await;
        self.program_with(&browser, json!({ "name": "a program", "scopes": SERVERS })).await
    }

    /// A program with the token that is asked for in this browser.
    pub async fn program_with(&self, browser: &Visitor, body: Value) -> Program {
        let made = browser.json("POST", "/api/v1/me/tokens", &body).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let token = made.body()["token"].as_str().expect("the token").to_owned();
        Program { visitor: self.browser(), token }
    }

    /// The path of the API for this server.
    pub fn server(&self, rest: &str) -> String {
        format!("/api/v1/servers/{}{rest}", self.harbour.id())
    }

    /// A token of Alice's with these scopes.
    pub async fn token(&self, browser: &Visitor, scopes: &[&str]) -> String {
        let body = serde_json::json!({ "name": "a script", "scopes": scopes });
        let made = browser.json("POST", "/api/v1/me/tokens", &body).await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.body()["token"].as_str().expect("the token").to_owned()
    }

    /// How many rows a table has.
    pub async fn rows(&self, table: &str) -> String {
        let count = format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table}");
        self.world.database.text(&count).await.expect("one row")
    }
}

/// Where a bot's pages are: `127.0.0.1:PORT`.
pub async fn address(bot: &mut Bot) -> String {
    let line = bot.logged("serving the web pages").await;
    let rest = line.split_once("address=").expect("the line names it").1;
    rest.split(' ').next().expect("a word").to_owned()
}

/// Where an answer's button leads.
pub fn linked(reply: &Reply) -> String {
    let button = &reply.components()[0]["components"][0];
    button["url"].as_str().unwrap_or_else(|| panic!("no link: {}", reply.text())).to_owned()
}

/// The path of an address.
pub fn path(url: &str) -> String {
    let rest = url.split_once("://").expect("an address").1;
    rest.split_once('/').map_or_else(String::new, |(_, path)| format!("/{path}"))
}

/// The session's cookie, without encryption.
const SESSION: &str = "tributary";

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// The address of the next visitor, as a proxy passes it on: 10.0.0.1 is the first one's.
static VISITORS: AtomicU32 = AtomicU32::new(0x0a00_0001);

/// A browser: it keeps the cookies that it is given, and goes nowhere by itself.
pub struct Visitor {
    client: Client,
    url: String,
    /// The values by their names.
    cookies: Mutex<BTreeMap<String, String>>,
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Visitor {
    pub fn new(url: &str) -> Self {
        let client = Client::builder().redirect(Policy::none()).no_proxy().timeout(SOON);
        let client =
            client.user_agent("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0");
        let address = Ipv4Addr::from_bits(VISITORS.fetch_add(1, Relaxed)).to_string();
        let address = HeaderValue::try_from(address).expect("digits and dots");
        let client = client.default_headers(HeaderMap::from_iter([(FORWARDED_FOR, address)]));
        Self { client: client.build().expect("a client"), url: url.to_owned(), cookies: Mutex::default() }
    }

    /// Its session's cookie, as it sends it.
    pub fn cookie(&self) -> Option<String> {
        self.cookie_named(SESSION)
    }

    /// A cookie of this name, as it sends it.
    pub fn cookie_named(&self, name: &str) -> Option<String> {
        let cookies = self.cookies.lock().expect("nobody panics with it");
        cookies.get(name).map(|value| format!("{name}={value}"))
    }

    /// Gives it another cookie for its session.
    pub fn set_cookie(&self, cookie: Option<String>) {
        let mut cookies = self.cookies.lock().expect("nobody panics with it");
        cookies.remove(SESSION);
        let cookie = cookie.as_deref().and_then(|cookie| cookie.split_once('='));
        cookies.extend(cookie.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    /// All its cookies, as it sends them.
    fn sent_cookies(&self) -> Option<String> {
        let cookies = self.cookies.lock().expect("nobody panics with it");
        let cookies: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        (!cookies.is_empty()).then(|| cookies.join("; "))
    }

    /// A request with its cookies and nothing else.
    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method: Method = method.parse().expect("a method");
        let request = self.client.request(method, format!("{}{path}", self.url));
        match self.sent_cookies() {
            Some(cookies) => request.header(COOKIE, cookies),
            None => request,
        }
    }

    /// Sends a request, and keeps the cookies that come back.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let request = request.build().expect("a request");
        let (method, path) = (request.method().to_string(), request.url().path().to_owned());
        let answer = self.client.execute(request).await.expect("an answer");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        for cookie in headers.get_all(SET_COOKIE).iter().map(|cookie| cookie.to_str().expect("a text")) {
            let (name, rest) = cookie.split_once('=').expect("a name and a value");
            let value = rest.split(';').next().expect("a word").to_owned();
            let mut cookies = self.cookies.lock().expect("nobody panics with it");
            match cookie.contains("Max-Age=0") {
                true => cookies.remove(name),
                false => cookies.insert(name.to_owned(), value),
            };
        }
        let answer = Answer { status, headers, text: answer.text().await.expect("a text") };
        contract::check(&self.client, &self.url, &method, &path, &answer).await;
        answer
    }

    /// Opens a page.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path)).await
    }

    /// Sends a form of one of our pages.
    pub async fn press(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = self.request("POST", path).header("sec-fetch-site", "same-origin");
        self.send(request.form(fields)).await
    }

    /// Sends JSON from one of our pages.
    pub async fn json(&self, method: &str, path: &str, body: &Value) -> Answer {
        let request = self.request(method, path).header("sec-fetch-site", "same-origin");
        self.send(request.json(body)).await
    }
}

impl Answer {
    /// A header's value; empty if it isn't there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a text"))
    }

    /// The body as JSON.
    #[track_caller]
    pub fn body(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    /// The status, and the problem's code.
    #[track_caller]
    pub fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text);
        let body = self.body();
        assert_eq!(body["status"], self.status);
        assert_eq!(body["requestId"], self.header("x-request-id"));
        (self.status, body["code"].as_str().expect("a code").to_owned())
    }

    /// The answer without what is different each time: its status, its body, and the names of its headers.
    #[track_caller]
    pub fn told(&self) -> (u16, Value, Vec<String>) {
        let mut body = self.body();
        body["requestId"] = Value::Null;
        let mut headers: Vec<String> = self.headers.keys().map(ToString::to_string).collect();
        headers.sort_unstable();
        (self.status, body, headers)
    }
}

/// Asks for a path of the API with a token.
pub async fn with_token(site: &Site, method: &str, path: &str, token: &str) -> Answer {
    let browser = site.browser();
    browser.send(browser.request(method, path).bearer_auth(token)).await
}

/// The scopes for what servers follow.
pub const SERVERS: [&str; 2] = ["servers:read", "servers:write"];

/// A program with a token.
pub struct Program {
    visitor: Visitor,
    pub token: String,
}

impl Program {
    /// A request of it, to be sent with [`Program::send`].
    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.visitor.request(method, path).bearer_auth(&self.token)
    }

    pub async fn send(&self, request: RequestBuilder) -> Answer {
        self.visitor.send(request).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request("DELETE", path)).await
    }

    /// Sends JSON; no body at all for null.
    pub async fn json(&self, method: &str, path: &str, body: Value) -> Answer {
        let request = self.request(method, path);
        self.send(if body.is_null() { request } else { request.json(&body) }).await
    }
}
