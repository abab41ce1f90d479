//! Who somebody is: apart from everything that the bot itself asks.

use super::*;
use crate::domain::ids::ApplicationId;
use crate::domain::secret::WebSecret;

const SECRET: &str = "client-s3cret";
const BACK: &str = "https://bot.example.org/auth/callback";

fn oauth(fake: &Fake) -> (Client, Arc<OAuthClient>) {
    let client = Client::new(fake.config.clone()).unwrap();
    let application = ApplicationId::new(42).unwrap();
    let (base, secret) = (fake.config.base.clone(), SecretString::from(SECRET));
    let oauth = client.oauth(OAuthConfig { base, application, secret });
    (client, Arc::new(oauth))
}

async fn identify(oauth: &Arc<OAuthClient>) -> Result<OAuthPerson, OAuthError> {
    oauth.identify("a code", &WebSecret::new([7; 32]), BACK).await
}

fn discord(seen: &Seen) -> Reply {
    Reply::json(
        200,
        match seen.path.as_str() {
            "/api/oauth2/token" => {
                json!({"access_token": "person-s3cret", "token_type": "Bearer", "scope": "guilds identify"})
            }
            "/api/v10/users/@me" => json!({"id": "5", "username": "alice"}),
            "/api/v10/users/@me/guilds" => json!([{"id": "9", "name": "Harbour", "permissions": "8"}]),
            _ => json!({}),
        },
    )
}

#[tokio::test]
async fn the_bots_own_token_is_not_used() {
    let fake = Fake::start(|_, seen| discord(seen)).await;
    let (_, oauth) = oauth(&fake);
    let person = identify(&oauth).await.unwrap();
    assert_eq!((person.user.id, person.guilds[0].name.as_str()), (user(5), "Harbour"));
    let asked: Vec<(String, String)> = fake
        .seen()
        .iter()
        .map(|seen| (seen.path.clone(), seen.header("authorization").unwrap().to_owned()))
        .collect();
    let (basic, bearer) = ("Basic NDI6Y2xpZW50LXMzY3JldA==", "Bearer person-s3cret");
    let expected = [
        ("/api/oauth2/token", basic),
        ("/api/v10/users/@me", bearer),
        ("/api/v10/users/@me/guilds", bearer),
        ("/api/oauth2/token/revoke", basic),
    ];
    assert_eq!(asked, expected.map(|(path, header)| (path.to_owned(), header.to_owned())));
    let form = fake.seen()[0].header("content-type").unwrap().to_owned();
    assert_eq!(form, "application/x-www-form-urlencoded");
}

/// Neither do refusals of people count towards the bot's fuse, nor does a limit on them hold up the bot.
#[tokio::test]
async fn the_bots_limits_and_its_fuse_know_nothing_of_people() {
    let limited = Reply::limited("global", "300", 300.0).body;
    for (status, body) in [(429, limited), (401, json!({"error": "invalid_client"}).to_string())] {
        let fake = Fake::start(move |_, seen| match seen.path.as_str() {
            "/api/oauth2/token" => Reply { status, headers: Vec::new(), body: body.clone() },
            _ => Reply::json(200, json!({"id": "5", "username": "bot"})),
        })
        .await;
        let (client, oauth) = oauth(&fake);
        let error = identify(&oauth).await.unwrap_err();
        assert!(matches!(error, OAuthError::Limited(_) | OAuthError::Secret), "{error}");
        let bot = client.with_patience(Duration::ZERO).of_program();
        assert!(bot.current_user().await.is_ok());
        assert_eq!((client.fuse().invalid, fake.seen().len()), (0, 2));
    }
}

#[tokio::test]
async fn what_is_no_answer_of_discords_names_nobody() {
    for (path, status, body, error) in [
        ("/api/oauth2/token", 200, json!({}), OAuthError::Malformed),
        ("/api/oauth2/token", 400, json!({"error": "invalid_grant"}), OAuthError::Code("invalid_grant")),
        ("/api/oauth2/token", 400, json!("x"), OAuthError::Status(400)),
        ("/api/oauth2/token", 200, json!({"access_token": "x", "scope": "identify"}), OAuthError::Scopes),
        (
            "/api/oauth2/token",
            200,
            json!({"access_token": "x", "scope": "identify guilds.join"}),
            OAuthError::Scopes,
        ),
        ("/api/oauth2/token", 302, json!({}), OAuthError::Status(302)),
        ("/api/v10/users/@me", 200, json!({"username": "alice"}), OAuthError::Malformed),
        ("/api/v10/users/@me", 401, json!({"code": 0, "message": "401"}), OAuthError::Status(401)),
        ("/api/v10/users/@me/guilds", 200, json!({}), OAuthError::Malformed),
    ] {
        let answer = body.clone();
        let fake = Fake::start(move |_, seen| match seen.path == path {
            true => Reply::json(status, answer.clone()),
            false => discord(seen),
        })
        .await;
        assert_eq!(identify(&oauth(&fake).1).await, Err(error), "{path} {status} {body}");
    }
}

#[test]
fn an_issuer_is_discord_or_what_stands_in_for_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let _entered = runtime.enter();
    let client = Client::new(config("127.0.0.1:9".parse().unwrap())).unwrap();
    let (application, secret) = (ApplicationId::new(42).unwrap(), SecretString::from(SECRET));
    let base = Url::parse("http://127.0.0.1:9").unwrap();
    let config = OAuthConfig { base, application, secret };
    assert!(!format!("{config:?}").contains("s3cret"));
    let oauth = client.oauth(config);
    for (issuer, is) in [
        ("https://discord.com", true),
        ("http://127.0.0.1:9", true),
        ("http://127.0.0.1:9/", false),
        ("http://discord.com", false),
        ("", false),
    ] {
        assert_eq!(oauth.is_issuer(issuer), is, "{issuer}");
    }
    let page = oauth.authorize_url(BACK, &WebSecret::new([1; 32]), "challenge");
    assert!(
        page.starts_with("http://127.0.0.1:9/oauth2/authorize?response_type=code&client_id=42&"),
        "{page}"
    );
}
