//! The token endpoint, and what access tokens are good for.

use std::time::Duration;

use serde_json::{Value, json};
use tributary_sandbox::{Config, Effect, Fault, Guild, Limits, Permissions, Quota};

use super::{BACK, Setup, VERIFIER, error, location, parameters};

#[tokio::test]
async fn a_code_is_exchanged_once() {
    let setup = Setup::new().await;
    let code = setup.code();
    assert_eq!(setup.exchange(&code, &[]).await.0, 200);
    assert_eq!(error(&setup.exchange(&code, &[]).await), (400, "invalid_grant"));
    let versioned = setup.code();
    let (id, secret) = (setup.sandbox.application_id().to_string(), setup.sandbox.client_secret());
    let url = format!("{}/api/v10/oauth2/token", setup.sandbox.base());
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &versioned),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
    ];
    let basic = setup.client.post(&url).basic_auth(&id, Some(&secret)).form(&fields);
    assert_eq!(basic.send().await.expect("an answer").status(), 200, "under /api/v10, with Basic");
}

#[tokio::test]
async fn wrong_exchanges_are_refused_and_leave_the_code() {
    let setup = Setup::new().await;
    let (code, long) = (setup.code(), "a".repeat(129));
    let (other, short) = ("a".repeat(43), &VERIFIER[..42]);
    for (changes, expected) in [
        (("grant_type", ""), (400, "unsupported_grant_type")),
        (("grant_type", "client_credentials"), (400, "unsupported_grant_type")),
        (("client_id", ""), (401, "invalid_client")),
        (("client_id", "1"), (401, "invalid_client")),
        (("client_secret", ""), (401, "invalid_client")),
        (("client_secret", "wrong"), (401, "invalid_client")),
        (("code", ""), (400, "invalid_request")),
        (("code", "wrong"), (400, "invalid_grant")),
        (("redirect_uri", ""), (400, "invalid_request")),
        (("redirect_uri", "http://127.0.0.1:9/"), (400, "invalid_request")),
        (("code_verifier", ""), (400, "invalid_request")),
        (("code_verifier", short), (400, "invalid_request")),
        (("code_verifier", &long), (400, "invalid_request")),
        (("code_verifier", &other), (400, "invalid_grant")),
    ] {
        assert_eq!(error(&setup.exchange(&code, &[changes]).await), expected, "{changes:?}");
    }
    let url = format!("{}/api/oauth2/token", setup.sandbox.base());
    let (id, secret) = (setup.sandbox.application_id().to_string(), setup.sandbox.client_secret());
    let body = json!({"grant_type": "authorization_code", "client_id": id, "client_secret": secret, "code": code,
        "redirect_uri": BACK, "code_verifier": VERIFIER});
    let as_json = setup.client.post(&url).json(&body).send().await.expect("an answer");
    assert_eq!(as_json.status(), 400, "JSON isn't taken");
    for (id, secret) in [(id.as_str(), "wrong"), ("1", secret.as_str())] {
        let fields = [("grant_type", "authorization_code"), ("code", &code)];
        let answer = setup.client.post(&url).basic_auth(id, Some(secret)).form(&fields);
        assert_eq!(answer.send().await.expect("an answer").status(), 401, "Basic");
    }
    assert_eq!(setup.client.get(&url).send().await.expect("an answer").status(), 405);
    assert_eq!(setup.exchange(&code, &[]).await.0, 200, "nothing of that used it up");

    let bare = setup.link(&[("code_challenge", ""), ("code_challenge_method", "")]);
    let bare = parameters(&setup.alice.authorize(&bare).expect("she may")).remove("code").expect("a code");
    assert_eq!(
        error(&setup.exchange(&bare, &[]).await),
        (400, "invalid_request"),
        "no challenge, no verifier"
    );
    assert_eq!(setup.exchange(&bare, &[("code_verifier", "")]).await.0, 200);
}

#[tokio::test]
async fn codes_and_access_tokens_end_by_themselves() {
    let setup = Setup::with(Config { authorization_code_life: Duration::ZERO, ..Config::default() }).await;
    assert_eq!(error(&setup.exchange(&setup.code(), &[]).await), (400, "invalid_grant"));
    let setup = Setup::with(Config { access_token_life: Duration::ZERO, ..Config::default() }).await;
    let (access, refresh) = setup.tokens("identify").await;
    assert_eq!(setup.ask_for("/users/@me", &access).await.0, 401);
    assert_eq!(setup.refresh(&refresh).await.0, 200, "a refresh token has no end");
}

#[tokio::test]
async fn a_refresh_replaces_both_tokens() {
    let setup = Setup::new().await;
    let (access, refresh) = setup.tokens("identify").await;
    let (status, renewed) = setup.refresh(&refresh).await;
    assert_eq!((status, &renewed["scope"]), (200, &json!("identify")));
    assert_eq!(setup.ask_for("/users/@me", &access).await.0, 401);
    assert_eq!(setup.ask_for("/users/@me", renewed["access_token"].as_str().expect("a text")).await.0, 200);
    assert_eq!(error(&setup.refresh(&refresh).await), (400, "invalid_grant"));
    assert_eq!(error(&setup.refresh("").await), (400, "invalid_request"));
}

#[tokio::test]
async fn any_token_revokes_all_of_its_authorization() {
    let setup = Setup::new().await;
    let (first, second) = (setup.tokens("identify").await, setup.tokens("guilds").await);
    let pending = setup.code();
    let (id, secret) = (setup.sandbox.application_id().to_string(), setup.sandbox.client_secret());
    let revoke = async |fields: &[(&str, &str)]| {
        let client = [("client_id", id.as_str()), ("client_secret", secret.as_str())];
        setup.post("/oauth2/token/revoke", &[&client, fields].concat()).await
    };
    assert_eq!(
        error(&setup.post("/oauth2/token/revoke", &[("token", &first.0)]).await),
        (401, "invalid_client")
    );
    assert_eq!(error(&revoke(&[]).await), (400, "invalid_request"));
    assert_eq!(revoke(&[("token", "unknown")]).await, (200, json!({})));
    assert_eq!(setup.ask_for("/users/@me", &first.0).await.0, 200);
    assert_eq!(revoke(&[("token", &second.1), ("token_type_hint", "access_token")]).await.0, 200);
    for (access, path) in [(&first.0, "/users/@me"), (&second.0, "/users/@me/guilds")] {
        assert_eq!(setup.ask_for(path, access).await.0, 401);
    }
    assert_eq!(error(&setup.refresh(&first.1).await), (400, "invalid_grant"));
    assert_eq!(error(&setup.exchange(&pending, &[]).await), (400, "invalid_grant"));

    let bob = setup.harbour.member("Bob", Permissions::empty());
    let (access, _) = setup.tokens("identify").await;
    setup.sandbox.revoke(&bob);
    assert_eq!(setup.ask_for("/users/@me", &access).await.0, 200, "that was somebody else");
    setup.sandbox.revoke(&setup.alice);
    assert_eq!(setup.ask_for("/users/@me", &access).await.0, 401);
}

#[tokio::test]
async fn access_tokens_read_what_their_scopes_allow() {
    let setup = Setup::new().await;
    let strangers = setup.sandbox.create_guild_without_bot("Strangers");
    let secluded = setup.sandbox.create_guild("Secluded");
    strangers.join(&setup.alice, Permissions::empty());
    setup.harbour.nickname(&setup.alice, Some("Countess")).expect("it can");
    let (access, _) = setup.tokens("identify guilds guilds.members.read email").await;
    let (_, me) = setup.ask_for("/users/@me", &access).await;
    assert!(me["email"].is_string() && me["bot"].is_null(), "{me}");
    let (status, guilds) = setup.ask_for("/users/@me/guilds?with_counts=true", &access).await;
    let guilds = guilds.as_array().expect("a list");
    let names: Vec<&str> = guilds.iter().filter_map(|guild| guild["name"].as_str()).collect();
    assert_eq!((status, names), (200, vec!["Harbour", "Strangers"]));
    assert!(guilds[0]["approximate_member_count"].is_number() && guilds[0]["owner"] == false);
    let permissions: u64 =
        guilds[0]["permissions"].as_str().and_then(|bits| bits.parse().ok()).expect("bits");
    assert!(Permissions::from_bits_retain(permissions).contains(Permissions::MANAGE_CHANNELS));
    let member = async |guild: &Guild, access: &str| {
        setup.ask_for(&format!("/users/@me/guilds/{}/member", guild.id()), access).await
    };
    let (status, of) = member(&setup.harbour, &access).await;
    assert_eq!((status, &of["nick"]), (200, &json!("Countess")));
    let (status, of) = member(&secluded, &access).await;
    assert_eq!((status, &of["code"]), (404, &json!(10004)));
    let (status, current) = setup.ask_for("/oauth2/@me", &access).await;
    assert_eq!((status, &current["user"]["id"]), (200, &json!(setup.alice.id())));
    assert_eq!(current["scopes"], json!(["email", "guilds", "guilds.members.read", "identify"]));
    assert_eq!(current["application"]["id"], json!(setup.sandbox.application_id()));

    let owner = setup.sandbox.app_owner();
    let back = owner.authorize(&setup.link(&[("scope", "guilds")])).expect("they may");
    let (_, tokens) = setup.exchange(&parameters(&back)["code"], &[]).await;
    let narrow = tokens["access_token"].as_str().expect("a text");
    assert_eq!(setup.ask_for("/users/@me/guilds", narrow).await, (200, json!([])));
    assert_eq!(setup.ask_for("/users/@me", narrow).await.0, 401);
    assert_eq!(member(&setup.harbour, narrow).await.0, 401);
    assert!(setup.ask_for("/oauth2/@me", narrow).await.1["user"].is_null());
}

#[tokio::test]
async fn the_bot_and_people_are_told_apart() {
    let setup = Setup::new().await;
    let (access, _) = setup.tokens("identify guilds").await;
    let bot = format!("Bot {}", setup.sandbox.token());
    assert_eq!(setup.ask("/users/@me", &bot).await.1["id"], json!(setup.sandbox.bot_id()));
    let harbour = setup.harbour.id();
    for (path, authorization) in [
        ("/oauth2/@me", bot.as_str()),
        (&format!("/users/@me/guilds/{harbour}/member"), &bot),
        (&format!("/guilds/{harbour}"), &format!("Bearer {access}")),
        ("/applications/@me", &format!("Bearer {access}")),
        ("/users/@me", &format!("Bot {access}")),
        ("/users/@me", &format!("Bearer {}", setup.sandbox.token())),
        ("/users/@me", "Bearer "),
        ("/users/@me", &access),
    ] {
        let (status, answer) = setup.ask(path, authorization).await;
        assert_eq!((status, &answer["code"]), (401, &json!(0)), "{path}");
    }
}

#[tokio::test]
async fn people_and_the_bot_have_limits_of_their_own() {
    let setup = Setup::new().await;
    let (access, _) = setup.tokens("identify").await;
    setup.sandbox.set_limits(Limits { other: Some(Quota::new(1, 600)), ..Limits::off() });
    let bot = format!("Bot {}", setup.sandbox.token());
    assert_eq!(setup.ask("/users/@me", &bot).await.0, 200);
    assert_eq!(setup.ask_for("/users/@me", &access).await.0, 200);
    assert_eq!(setup.ask_for("/users/@me", &access).await.0, 429);
    for _ in 0..3 {
        assert_eq!(setup.get(&setup.link(&[])).await.status(), 200, "pages have no limit");
    }
}

#[tokio::test]
async fn faults_strike_here_too() {
    let setup = Setup::new().await;
    let strike = |method: &str, path: &str, effect| setup.sandbox.fault(Fault::on(method, path, effect));
    strike("GET", "/oauth2/authorize", Effect::Page(502));
    assert_eq!(setup.get(&setup.link(&[])).await.status(), 502);
    assert_eq!(setup.get(&setup.link(&[])).await.status(), 200);
    let code = setup.code();
    strike("POST", "/oauth2/token", Effect::Refuse { status: 500, code: 0, message: "500".to_owned() });
    assert_eq!(setup.exchange(&code, &[]).await.0, 500);
    let refreshes = Fault::on("POST", "/oauth2/token", Effect::Status(503)).saying("refresh_token");
    let refreshes = setup.sandbox.fault(refreshes);
    strike("POST", "/oauth2/token", Effect::DropAnswer);
    let url = format!("{}/api/oauth2/token", setup.sandbox.base());
    let (id, secret) = (setup.sandbox.application_id().to_string(), setup.sandbox.client_secret());
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
    ];
    let lost = setup.client.post(url).basic_auth(id, Some(secret)).form(&fields).send().await;
    assert!(lost.is_err(), "no answer comes");
    assert_eq!(error(&setup.exchange(&code, &[]).await), (400, "invalid_grant"), "but the code is used");
    assert_eq!(setup.sandbox.fault_hits(refreshes), 0);
    let (access, _) = setup.tokens("identify").await;
    strike("GET", "/users/@me", Effect::Status(500));
    let url = format!("{}/api/users/@me", setup.sandbox.base());
    assert_eq!(setup.client.get(url).bearer_auth(&access).send().await.expect("an answer").status(), 500);
}

#[tokio::test]
async fn no_secret_is_recorded() {
    let setup =
        Setup::with(Config { client_secret: Some("of-the-client".to_owned()), ..Config::default() }).await;
    assert_eq!(setup.sandbox.client_secret(), "of-the-client");
    let link = setup.link(&[]);
    let person = setup.alice.id().to_string();
    let back = location(&setup.press(&link, &[("person", &person), ("answer", "authorize")]).await);
    let code = parameters(&back).remove("code").expect("a code");
    let (_, tokens) = setup.exchange(&code, &[]).await;
    let text = |tokens: &Value, name: &str| tokens[name].as_str().expect("a text").to_owned();
    let (_, renewed) = setup.refresh(&text(&tokens, "refresh_token")).await;
    let client = [("client_id", "1"), ("client_secret", "of-the-client"), ("token", "of-a-person")];
    setup.post("/oauth2/token/revoke?client_secret=of-the-client", &client).await;
    let url = format!("{}/api/oauth2/token", setup.sandbox.base());
    let misplaced = json!({"client_secret": "of-the-client", "code": code});
    setup.client.post(url).json(&misplaced).send().await.expect("an answer");

    let recorded = setup.sandbox.exchanges();
    let of_tokens = recorded.iter().filter(|one| one.path.starts_with("/oauth2/token"));
    assert_eq!(of_tokens.count(), 4);
    assert!(recorded.iter().all(|one| one.path != "/oauth2/authorize"), "a browser's pages are no exchanges");
    assert_eq!(recorded[0].request.as_ref().expect("a form")["grant_type"], "authorization_code");
    assert_eq!(recorded[0].request.as_ref().expect("a form")["code"], "[secret]");
    let recorded = format!("{recorded:?}");
    let mut secrets = vec![code, "of-the-client".to_owned(), "of-a-person".to_owned(), VERIFIER.to_owned()];
    for tokens in [&tokens, &renewed] {
        secrets.extend(["access_token", "refresh_token"].map(|name| text(tokens, name)));
    }
    for secret in secrets {
        assert!(!recorded.contains(&secret), "{secret}: {recorded}");
    }
    assert_eq!(setup.sandbox.counts().unknown_routes, 0);
}

#[tokio::test]
async fn the_application_shows_what_is_registered() {
    let setup = Setup::new().await;
    let (_, application) = setup.ask("/applications/@me", &format!("Bot {}", setup.sandbox.token())).await;
    assert_eq!(application["redirect_uris"], json!([BACK]));
}

/// The token endpoint isn't in Discord's description; whoever checks exchanges against it must let it pass.
#[cfg(feature = "openapi")]
#[cfg_attr(not(has_description), ignore = "needs DISCORD_OPENAPI")]
#[tokio::test]
async fn answers_are_as_discord_describes_them() {
    use tributary_sandbox::openapi::{Call, Contract};

    let description = std::env::var("DISCORD_OPENAPI").expect("DISCORD_OPENAPI must name the description");
    let contract = Contract::load(description.as_ref()).expect("it can be used");
    let setup = Setup::new().await;
    let (access, refresh) = setup.tokens("identify guilds guilds.members.read email").await;
    let member = format!("/users/@me/guilds/{}/member", setup.harbour.id());
    for path in
        ["/users/@me", "/users/@me/guilds", "/users/@me/guilds?with_counts=true", &member, "/oauth2/@me"]
    {
        assert_eq!(setup.ask_for(path, &access).await.0, 200, "{path}");
        assert_eq!(setup.ask_for(path, "another").await.0, 401, "{path}");
    }
    assert_eq!(setup.ask_for("/users/@me/guilds/1/member", &access).await.0, 404);
    let (id, secret) = (setup.sandbox.application_id().to_string(), setup.sandbox.client_secret());
    let fields = [("client_id", id.as_str()), ("client_secret", &secret), ("token", &refresh)];
    assert_eq!(setup.post("/oauth2/token/revoke", &fields).await.0, 200);
    let violations = setup.sandbox.exchanges().into_iter().flat_map(|one| {
        contract.check(&Call {
            method: &one.method,
            path: &one.path,
            query: one.query.as_deref(),
            request: one.request.as_ref(),
            status: one.status,
            response: one.response.as_ref(),
        })
    });
    let violations: Vec<String> = violations.map(|violation| violation.to_string()).collect();
    assert_eq!(
        violations,
        [
            "POST /oauth2/token: route: the description has no such path",
            "POST /oauth2/token/{?}: route: the description has no such path",
        ]
    );
}
