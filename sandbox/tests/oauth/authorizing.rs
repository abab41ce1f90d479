//! The authorization page: who is asked what, and where they are sent.

use reqwest::header::{CONTENT_SECURITY_POLICY, COOKIE, LOCATION, SET_COOKIE};
use serde_json::json;
use tributary_sandbox::{ActError, Config};

use super::{BACK, Setup, VERIFIER, location, parameters};

#[tokio::test]
async fn a_person_signs_in_with_a_browser() {
    let setup = Setup::new().await;
    let link = setup.link(&[]);
    let shown = setup.get(&link).await;
    assert_eq!(shown.status(), 200);
    let policy = shown.headers()[CONTENT_SECURITY_POLICY].to_str().expect("a text").to_owned();
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
    let page = shown.text().await.expect("a page");
    for part in
        ["sandbot", "Alice", "Harbour: admin", "See your name", "See which servers", "http://127.0.0.1:9<"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("email"), "it wasn't asked for");
    let style = format!("{}/oauth2/assets/consent.css", setup.sandbox.base());
    assert_eq!(setup.get(&style).await.status(), 200);

    let person = setup.alice.id().to_string();
    let back = location(&setup.press(&link, &[("person", &person), ("answer", "authorize")]).await);
    assert!(back.starts_with(&format!("{BACK}?")), "{back}");
    let answer = parameters(&back);
    assert_eq!((answer["state"].as_str(), answer["iss"].as_str()), ("a state & more", setup.sandbox.base()));
    let (status, tokens) = setup.exchange(&answer["code"], &[]).await;
    assert_eq!((status, &tokens["token_type"]), (200, &json!("Bearer")));
    assert_eq!((&tokens["expires_in"], &tokens["scope"]), (&json!(604_800), &json!("guilds identify")));
    let access = tokens["access_token"].as_str().expect("a text");
    let (status, me) = setup.ask_for("/users/@me", access).await;
    assert_eq!((status, &me["id"], &me["global_name"]), (200, &json!(person), &json!("Alice")));
}

#[tokio::test]
async fn names_are_no_markup() {
    let setup = Setup::with(Config { bot_name: "<i>bot".to_owned(), ..Config::default() }).await;
    setup.alice.rename("<script>alert(1)</script>");
    let page = setup.get(&setup.link(&[])).await.text().await.expect("a page");
    assert!(page.contains("&lt;script&gt;alert") && page.contains("&lt;i&gt;bot"), "{page}");
    assert!(!page.contains("<script>alert") && !page.contains("<i>"), "{page}");
}

#[tokio::test]
async fn whoever_cancels_goes_back_with_access_denied() {
    let setup = Setup::new().await;
    let link = setup.link(&[]);
    let by_hand = location(&setup.press(&link, &[("answer", "cancel")]).await);
    assert_eq!(setup.alice.decline(&link).expect("she may"), by_hand);
    let answer = parameters(&by_hand);
    assert_eq!((answer["error"].as_str(), answer["state"].as_str()), ("access_denied", "a state & more"));
    assert_eq!(answer["iss"], setup.sandbox.base());
    assert!(!answer.contains_key("code") && answer.contains_key("error_description"));
}

#[tokio::test]
async fn nobody_is_sent_to_an_address_that_is_not_registered() {
    let setup = Setup::new().await;
    let id = setup.sandbox.application_id().0;
    let (stranger, neighbour) = ((id + 1).to_string(), format!("{BACK}/"));
    for changes in [
        ("client_id", ""),
        ("client_id", &stranger),
        ("client_id", "x"),
        ("redirect_uri", ""),
        ("redirect_uri", &neighbour),
        ("redirect_uri", "http://127.0.0.1:9/auth/callback?a=1"),
        ("redirect_uri", "http://localhost:9/auth/callback"),
        ("redirect_uri", "https://evil.example/auth/callback"),
    ] {
        let link = setup.link(&[changes]);
        let person = setup.alice.id().to_string();
        for answer in [
            setup.get(&link).await,
            setup.press(&link, &[("person", &person), ("answer", "authorize")]).await,
        ] {
            assert_eq!(
                (answer.status().as_u16(), answer.headers().get(LOCATION)),
                (400, None),
                "{changes:?}"
            );
            assert!(answer.text().await.expect("a page").contains("Something is wrong"), "{changes:?}");
        }
        assert!(matches!(setup.alice.authorize(&link), Err(ActError::ErrorPage(_))), "{changes:?}");
    }
    for elsewhere in
        ["https://discord.com/oauth2/authorize?client_id=1", &format!("{}/gateway", setup.sandbox.base())]
    {
        assert!(matches!(setup.alice.authorize(elsewhere), Err(ActError::ErrorPage(_))), "{elsewhere}");
    }
    let neighbour = setup.link(&[("redirect_uri", &neighbour)]);
    setup.sandbox.register_redirect_uri(&format!("{BACK}/"));
    assert!(setup.alice.authorize(&neighbour).is_ok());
}

#[tokio::test]
async fn what_else_is_wrong_with_a_link_is_told_the_application() {
    let setup = Setup::new().await;
    let wrong: [(&[(&str, &str)], &str); 11] = [
        (&[("response_type", "")], "invalid_request"),
        (&[("response_type", "token")], "unsupported_response_type"),
        (&[("scope", "")], "invalid_scope"),
        (&[("scope", "identify everything")], "invalid_scope"),
        (&[("code_challenge_method", "plain")], "invalid_request"),
        (&[("code_challenge_method", "")], "invalid_request"),
        (&[("code_challenge", "")], "invalid_request"),
        (&[("code_challenge", "short")], "invalid_request"),
        (&[("code_challenge", VERIFIER), ("code_challenge_method", "s256")], "invalid_request"),
        (&[("prompt", "login")], "invalid_request"),
        (&[("scope", "identify,guilds")], "invalid_scope"),
    ];
    for (changes, error) in wrong {
        let link = setup.link(changes);
        let back = location(&setup.get(&link).await);
        let answer = parameters(&back);
        assert_eq!(
            (answer["error"].as_str(), answer["state"].as_str()),
            (error, "a state & more"),
            "{changes:?}"
        );
        assert!(answer.contains_key("iss") && !answer.contains_key("code"), "{changes:?}");
        assert_eq!(setup.alice.authorize(&link), Ok(back.clone()), "{changes:?}");
        assert_eq!(location(&setup.press(&link, &[("answer", "authorize")]).await), back, "{changes:?}");
    }
    let stateless = parameters(&setup.alice.authorize(&setup.link(&[("state", "")])).expect("she may"));
    assert!(stateless.contains_key("code") && !stateless.contains_key("state"));
}

#[tokio::test]
async fn somebody_must_be_chosen() {
    let setup = Setup::new().await;
    let (link, bot) = (setup.link(&[]), setup.sandbox.bot_id().to_string());
    for person in ["", "1", "nobody", &bot] {
        let answer = setup.press(&link, &[("person", person), ("answer", "authorize")]).await;
        assert_eq!((answer.status().as_u16(), answer.headers().get(LOCATION)), (400, None), "{person}");
        assert!(answer.text().await.expect("a page").contains("Who are you?"), "{person}");
    }
}

#[tokio::test]
async fn whoever_authorized_it_before_sees_no_page_unless_it_is_wanted() {
    let setup = Setup::new().await;
    let silent = setup.link(&[("prompt", "none")]);
    let person = setup.alice.id().to_string();
    let chosen = setup.press(&silent, &[("person", &person), ("answer", "authorize")]).await;
    let cookie = chosen.headers()[SET_COOKIE].to_str().expect("a text").to_owned();
    assert!(cookie.contains("HttpOnly"), "{cookie}");
    let cookie = cookie.split(';').next().expect("a cookie").to_owned();
    let again = async |link: &str, cookie: &str| {
        let answer = setup.client.get(link).header(COOKIE, cookie).send().await.expect("an answer");
        answer.headers().get(LOCATION).map(|to| parameters(to.to_str().expect("a text")))
    };
    let back = again(&silent, &format!("other=1; {cookie}")).await.expect("straight back");
    assert_eq!(setup.exchange(&back["code"], &[]).await.0, 200);
    let fewer = setup.link(&[("prompt", "none"), ("scope", "identify")]);
    assert!(again(&fewer, &cookie).await.is_some());
    let more = setup.link(&[("prompt", "none"), ("scope", "identify email")]);
    for (link, cookie) in
        [(&more, cookie.as_str()), (&silent, ""), (&silent, "sandbox_person=1"), (&setup.link(&[]), &cookie)]
    {
        assert_eq!(again(link, cookie).await, None, "{link} {cookie}");
    }
    setup.sandbox.revoke(&setup.alice);
    assert_eq!(again(&silent, &cookie).await, None, "taken back");
    let out = setup.get(&format!("{}/oauth2/sign-out", setup.sandbox.base())).await;
    assert!(out.headers()[SET_COOKIE].to_str().expect("a text").contains("Max-Age=0"));
}
