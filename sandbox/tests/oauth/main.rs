//! Signing in with the sandbox as with Discord (OAuth2): the authorization page, the token endpoint, and what
//! access tokens are good for.

mod authorizing;
mod tokens;

use std::collections::HashMap;

use reqwest::header::LOCATION;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};
use serde_json::Value;
use tributary_sandbox::{Config, Guild, Permissions, Person, Sandbox};

const BACK: &str = "http://127.0.0.1:9/auth/callback";
/// The example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

struct Setup {
    sandbox: Sandbox,
    harbour: Guild,
    alice: Person,
    client: Client,
}

impl Setup {
    async fn new() -> Self {
        Self::with(Config::default()).await
    }

    async fn with(config: Config) -> Self {
        let config = Config { redirect_uris: vec![BACK.to_owned()], ..config };
        let sandbox = Sandbox::start(config).await.expect("a free port");
        let harbour = sandbox.create_guild("Harbour");
        let alice = harbour.member("Alice", Permissions::MANAGE_CHANNELS);
        let client = Client::builder().redirect(Policy::none()).build().expect("a client");
        Self { sandbox, harbour, alice, client }
    }

    /// A link to the authorization page; `changes` replace parameters, or take away those that are empty.
    fn link(&self, changes: &[(&str, &str)]) -> String {
        let id = self.sandbox.application_id().to_string();
        let mut parameters = vec![
            ("response_type", "code"),
            ("client_id", &id),
            ("scope", "identify guilds"),
            ("redirect_uri", BACK),
            ("state", "a state & more"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        parameters.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        parameters.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
        let base = format!("{}/oauth2/authorize", self.sandbox.base());
        Url::parse_with_params(&base, parameters).expect("a link").to_string()
    }

    async fn get(&self, link: &str) -> Response {
        self.client.get(link).send().await.expect("an answer")
    }

    /// Sends the page's form.
    async fn press(&self, link: &str, fields: &[(&str, &str)]) -> Response {
        self.client.post(link).form(fields).send().await.expect("an answer")
    }

    /// A code that Alice has authorized.
    fn code(&self) -> String {
        let back = self.alice.authorize(&self.link(&[])).expect("she may");
        parameters(&back).remove("code").expect("a code")
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> (u16, Value) {
        let url = format!("{}/api{path}", self.sandbox.base());
        let answer = self.client.post(url).form(fields).send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    /// Exchanges a code with changes, as of [`Self::link`]. The credentials are in the form.
    async fn exchange(&self, code: &str, changes: &[(&str, &str)]) -> (u16, Value) {
        let (id, secret) = (self.sandbox.application_id().to_string(), self.sandbox.client_secret());
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("client_id", &id),
            ("client_secret", &secret),
            ("code", code),
            ("redirect_uri", BACK),
            ("code_verifier", VERIFIER),
        ];
        fields.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        fields.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
        self.post("/oauth2/token", &fields).await
    }

    async fn refresh(&self, token: &str) -> (u16, Value) {
        let changes = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.exchange("", &changes).await
    }

    /// Tokens of Alice's for these scopes: access and refresh.
    async fn tokens(&self, scopes: &str) -> (String, String) {
        let back = self.alice.authorize(&self.link(&[("scope", scopes)])).expect("she may");
        let (status, tokens) = self.exchange(&parameters(&back)["code"], &[]).await;
        assert_eq!(status, 200, "{tokens}");
        let text = |name: &str| tokens[name].as_str().expect("a text").to_owned();
        (text("access_token"), text("refresh_token"))
    }

    async fn ask(&self, path: &str, authorization: &str) -> (u16, Value) {
        let url = format!("{}/api/v10{path}", self.sandbox.base());
        let answer = self.client.get(url).header("authorization", authorization);
        let answer = answer.send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    async fn ask_for(&self, path: &str, access: &str) -> (u16, Value) {
        self.ask(path, &format!("Bearer {access}")).await
    }
}

/// The query of an address.
fn parameters(url: &str) -> HashMap<String, String> {
    Url::parse(url).expect("an address").query_pairs().into_owned().collect()
}

/// Where an answer sends the browser.
fn location(answer: &Response) -> String {
    assert_eq!(answer.status(), 302);
    answer.headers()[LOCATION].to_str().expect("a text").to_owned()
}

fn error(answer: &(u16, Value)) -> (u16, &str) {
    assert!(answer.1["error_description"].is_string(), "{}", answer.1);
    (answer.0, answer.1["error"].as_str().expect("an error"))
}
