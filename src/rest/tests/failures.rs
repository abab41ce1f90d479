//! Refusals, failures, silence and broken connections end as what they are.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// A server that reads a request and then does that with the connection.
async fn rude<F>(then: impl Fn(tokio::net::TcpStream) -> F + Send + Sync + 'static) -> RestConfig
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = config(listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 4096];
            let read = stream.read(&mut buffer).await.unwrap();
            assert!(read > 0);
            tokio::spawn(then(stream));
        }
    });
    config
}

fn impatient(config: RestConfig) -> Rest {
    Rest::new(config).unwrap().with_patience(Duration::ZERO)
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let fake = Fake::start(|before, _| match before {
        0 => Reply::error(401, 50027),
        1 => Reply::error(404, 10015),
        2 => Reply::error(403, 50013),
        3 => Reply::error(404, 10003),
        4 => Reply::error(400, 50035),
        5 => Reply::error(502, 0),
        6 => Reply { status: 200, headers: Vec::new(), body: "<html>".to_owned() },
        _ => Reply {
            status: 301,
            headers: vec![("location", "http://127.0.0.1:1/".to_owned())],
            body: String::new(),
        },
    })
    .await;
    let rest = fake.rest();
    let refused = |status, code, message: &str| {
        SendOutcome::Refused(DiscordRefusal {
            status,
            code,
            fields: RefusedFields::default(),
            message: message.to_owned(),
        })
    };
    let expected = [
        SendOutcome::WebhookGone,
        SendOutcome::WebhookGone,
        SendOutcome::Forbidden(ForbiddenReason::Permissions),
        SendOutcome::TargetGone,
        refused(400, ErrorCode::INVALID_FORM_BODY, "Discord's words"),
        SendOutcome::InDoubt(DoubtReason::Failed(502)),
        SendOutcome::InDoubt(DoubtReason::Edge(200)),
        SendOutcome::InDoubt(DoubtReason::Edge(301)),
    ];
    for (number, outcome) in expected.into_iter().enumerate() {
        assert_eq!(send(&rest).await, outcome);
        assert_eq!(fake.seen().len(), number + 1, "a send is never repeated");
    }
}

#[tokio::test]
async fn what_may_be_done_twice_is_repeated() {
    let fake = Fake::start(|before, _| match before {
        0 => Reply::error(503, 0),
        _ => Reply::json(200, json!({"id": "9", "type": 0})),
    })
    .await;
    assert_eq!(fake.rest().channel(channel(9)).await.unwrap().id, channel(9));
    assert_eq!(fake.seen().len(), 2);
}

#[tokio::test]
async fn no_repetition_beyond_the_patience() {
    let fake = Fake::start(|_, _| Reply::error(503, 0)).await;
    let rest = fake.rest().with_patience(Duration::ZERO);
    assert_eq!(rest.channel(channel(9)).await, Err(RestError::Server { status: 503 }));
    assert_eq!(edit(&rest).await, ChangeOutcome::Again);
    assert_eq!(fake.seen().len(), 2);
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_a_doubt() {
    let rest = impatient(rude(|stream| async move { drop(stream) }).await);
    assert_eq!(send(&rest).await, SendOutcome::InDoubt(DoubtReason::Broken));
    assert_eq!(edit(&rest).await, ChangeOutcome::Again);
    let half = rude(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{\"id\"").await.unwrap();
    });
    assert_eq!(send(&impatient(half.await)).await, SendOutcome::InDoubt(DoubtReason::Broken));
}

#[tokio::test]
async fn silence_leaves_a_doubt() {
    let mut config = rude(|stream| async move {
        // Held open until the test ends.
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    config.request_timeout = Duration::from_millis(100);
    assert_eq!(send(&impatient(config)).await, SendOutcome::InDoubt(DoubtReason::Timeout));
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = config(listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(send(&impatient(config)).await, SendOutcome::NotSent);
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused() {
    let good = Url::parse("https://discord.com").unwrap();
    let with = |base: &Url, token: &str| {
        Rest::new(RestConfig::new(base.clone(), SecretString::from(token), user_agent("x"))).map(|_| ())
    };
    assert_eq!(with(&good, "abc"), Ok(()));
    assert_eq!(with(&good, "a\nb"), Err(RestSetupError::Token));
    assert_eq!(with(&good, ""), Err(RestSetupError::Token));
    assert_eq!(with(&Url::parse("ftp://discord.com").unwrap(), "abc"), Err(RestSetupError::Base));
}

const PAGE: &str = "<!DOCTYPE html><html><title>Access denied</title></html>";

fn page(status: u16) -> Reply {
    Reply { status, headers: vec![("content-type", "text/html".to_owned())], body: PAGE.to_owned() }
}

/// Something between the bot and Discord answers with any status, and Discord's own edge with a code (40333)
/// that says nothing about the call.
#[tokio::test]
async fn only_discords_own_json_with_a_known_code_is_believed() {
    let statuses = [301, 302, 400, 401, 403, 404, 405, 408, 410, 413, 415, 451];
    for status in statuses {
        for body in
            [PAGE, "", "404 page not found", r#"{"error": "denied"}"#, r#"{"message": "no", "code": 0}"#]
        {
            let fake =
                Fake::start(move |_, _| Reply { status, headers: Vec::new(), body: body.to_owned() }).await;
            // Each has its own client, as refusals make the next call wait.
            let rest = || fake.rest().with_patience(Duration::ZERO);
            assert_eq!(
                send(&rest()).await,
                SendOutcome::InDoubt(DoubtReason::Edge(status)),
                "{status} {body}"
            );
            assert_eq!(edit(&rest()).await, ChangeOutcome::Again, "{status} {body}");
            let error = rest().channel(channel(9)).await.unwrap_err();
            // Discord answers like this when it doesn't accept the bot's token.
            let token = status == 401 && body.contains("\"code\": 0");
            assert_eq!(error == RestError::Unauthorized, token, "{status} {body}");
            assert!(error.passes() && !error.is_not_found() && !error.is_forbidden(), "{error}");
        }
    }
    let fake = Fake::start(|_, _| Reply::error(403, 40_333)).await;
    let rest = fake.rest().with_patience(Duration::ZERO);
    assert_eq!(send(&rest).await, SendOutcome::InDoubt(DoubtReason::Edge(403)));
    assert!(rest.guild(guild(2)).await.unwrap_err().passes());
}

/// A captive portal's page says 200.
#[tokio::test]
async fn a_page_is_no_success() {
    let fake = Fake::start(|_, _| page(200)).await;
    let rest = fake.rest().with_patience(Duration::ZERO);
    assert_eq!(send(&rest).await, SendOutcome::InDoubt(DoubtReason::Edge(200)));
    assert_eq!(edit(&rest).await, ChangeOutcome::Again);
    assert!(matches!(rest.messages_latest(channel(9), 5).await, Err(RestError::Edge { status: 200, .. })));
    assert!(rest.delete_webhook(webhook(5), "x").await.is_err());
}

/// They count towards Discord's ban.
#[tokio::test]
async fn a_page_that_forbids_is_not_asked_for_again_at_once() {
    let fake = Fake::start(|_, _| page(403)).await;
    assert!(matches!(fake.rest().channel(channel(9)).await, Err(RestError::Edge { status: 403, .. })));
    assert_eq!(fake.seen().len(), 1);
}
