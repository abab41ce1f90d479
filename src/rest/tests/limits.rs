//! Rate limits as Discord tells them, through the whole client.

use std::time::Instant;

use super::*;

#[tokio::test]
async fn a_429_is_waited_for_and_repeated_even_for_a_post() {
    let fake = Fake::start(|before, _| match before {
        0 => Reply::limited("shared", "0.01", 0.08),
        _ => Reply::message(9),
    })
    .await;
    let begun = Instant::now();
    assert!(matches!(send(&fake.rest()).await, SendOutcome::Shown(_)));
    assert!(begun.elapsed() >= Duration::from_millis(80), "the larger of both times");
    assert_eq!(fake.seen().len(), 2);
}

#[tokio::test]
async fn a_429_beyond_the_patience_is_handed_over() {
    let fake = Fake::start(|_, _| Reply::limited("user", "41", 41.5)).await;
    let rest = fake.rest().with_patience(Duration::from_secs(1));
    let far = |wait: Duration| wait > Duration::from_secs(41) && wait <= Duration::from_millis(41_500);
    // The second time, nothing is sent: the limit is known already.
    for _ in 0..2 {
        assert!(matches!(send(&rest).await, SendOutcome::Wait(wait) if far(wait)));
    }
    assert_eq!(fake.seen().len(), 1);
    assert_eq!(rest.fuse().invalid, 1);
}

#[tokio::test]
async fn a_global_429_holds_everything() {
    let fake = Fake::start(|_, _| Reply::limited("global", "30", 30.0)).await;
    let rest = fake.rest();
    let limited = |error| matches!(error, RestError::RateLimited { scope: RateLimitScope::Global, .. });
    assert!(limited(rest.channel(channel(9)).await.unwrap_err()));
    assert!(limited(rest.guild(guild(2)).await.unwrap_err()));
    assert!(matches!(send(&rest).await, SendOutcome::Wait(_)));
    assert_eq!(fake.seen().len(), 1);
}

#[tokio::test]
async fn routes_of_one_bucket_share_its_limit_but_not_with_other_channels() {
    let fake = Fake::start(|before, seen| {
        let body = if seen.path.contains("messages/") {
            json!({"id": "1", "channel_id": "9", "author": {"id": "1"}})
        } else {
            json!({"id": "9", "type": 0})
        };
        Reply::json(200, body).bucket("shared-by-both", 2, if before == 0 { 1 } else { 0 }, 30.0)
    })
    .await;
    let rest = fake.rest().with_patience(Duration::from_secs(1));
    rest.channel(channel(9)).await.unwrap();
    rest.message(channel(9), message(1)).await.unwrap();
    assert!(matches!(
        rest.channel(channel(9)).await,
        Err(RestError::RateLimited { scope: RateLimitScope::User, .. })
    ));
    assert!(matches!(rest.message(channel(9), message(1)).await, Err(RestError::RateLimited { .. })));
    rest.channel(channel(10)).await.unwrap();
    assert_eq!(fake.seen().len(), 3);
}

#[tokio::test]
async fn many_at_once_never_go_past_a_fresh_bucket() {
    let window = Mutex::new((None::<Instant>, 0));
    let fake = Fake::start(move |_, _| {
        let mut window = window.lock().unwrap();
        let period = Duration::from_millis(150);
        if window.0.is_none_or(|start| start.elapsed() >= period) {
            *window = (Some(Instant::now()), 0);
        }
        window.1 += 1;
        let left = (period - window.0.unwrap().elapsed().min(period)).as_secs_f64();
        match window.1 {
            used @ 1..=5 => Reply::message(9).bucket("hook", 5, 5 - used, left),
            _ => Reply::limited("user", "1", left),
        }
    })
    .await;
    let rest = fake.rest();
    let sends = (0..23).map(|_| send(&rest));
    for outcome in futures_util::future::join_all(sends).await {
        assert!(matches!(outcome, SendOutcome::Shown(_)), "{outcome:?}");
    }
    assert_eq!(fake.seen().len(), 23, "no 429");
}

#[tokio::test]
async fn the_fuse_stops_what_would_end_in_a_ban() {
    let fake = Fake::start(|_, seen| match seen.path.as_str() {
        "/api/v10/channels/1" => Reply::error(403, 50001),
        "/api/v10/channels/2" => Reply::limited("shared", "0", 0.0),
        _ => Reply::error(401, 0),
    })
    .await;
    let mut config = fake.config.clone();
    config.fuse_limit = 3;
    let rest = Rest::new(config).unwrap().with_patience(Duration::ZERO);
    for id in [1, 2, 2, 2, 3] {
        assert!(rest.channel(channel(id)).await.is_err());
        assert!(!rest.fuse().is_open());
    }
    assert_eq!(rest.fuse().invalid, 2, "shared limits don't count");
    assert!(matches!(rest.channel(channel(4)).await, Err(RestError::Unauthorized)));
    assert!(rest.fuse().is_open());
    let asked = fake.seen().len();
    assert!(matches!(rest.channel(channel(5)).await, Err(RestError::FuseOpen { .. })));
    assert_eq!(fake.seen().len(), asked);
    // Mirrors go on until Discord's own limit comes near.
    for _ in 0..3 {
        assert!(matches!(send(&rest).await, SendOutcome::InDoubt(_)));
    }
    assert!(matches!(send(&rest).await, SendOutcome::Wait(wait) if wait > Duration::from_secs(590)));
    assert_eq!(fake.seen().len(), asked + 3);
}

#[tokio::test]
async fn what_one_server_caused_stops_that_server_alone() {
    let fake = Fake::start(|_, seen| match seen.path.as_str() {
        "/api/v10/channels/1" => Reply::error(403, 50001),
        _ => Reply::json(200, json!({"id": "2", "type": 0})),
    })
    .await;
    let mut config = fake.config.clone();
    config.fuse_limit = 60;
    let client = Client::new(config).unwrap();
    let (one, other) = (client.of_server(guild(11)), client.of_server(guild(12)));
    for _ in 0..10 {
        assert!(matches!(one.channel(channel(1)).await, Err(RestError::Forbidden(_))));
    }
    assert!(matches!(one.channel(channel(2)).await, Err(RestError::FuseOpen { .. })));
    assert!(matches!(
        client.of_person(user(5), guild(11)).channel(channel(2)).await,
        Err(RestError::FuseOpen { .. })
    ));
    assert!(other.channel(channel(2)).await.is_ok());
    assert!(client.of_person(user(5), guild(12)).channel(channel(2)).await.is_ok());
    assert!(!client.fuse().is_open());
}

#[tokio::test]
async fn nothing_is_asked_on_behalf_of_a_server_that_was_left() {
    let fake = Fake::start(|_, _| Reply::json(200, json!({"id": "2", "type": 0}))).await;
    let client = Client::new(fake.config.clone()).unwrap();
    client.close_server(guild(11));
    let left = client.of_server(guild(11));
    assert_eq!(left.channel(channel(2)).await, Err(RestError::ServerLeft));
    assert!(matches!(send(&left).await, SendOutcome::Wait(_)));
    assert!(client.of_server(guild(12)).channel(channel(2)).await.is_ok());
    assert_eq!(fake.seen().len(), 1);
    client.open_server(guild(11));
    assert!(left.channel(channel(2)).await.is_ok());
}

#[tokio::test]
async fn counts_what_it_does() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let page = recorder.handle();
    let _guard = ::metrics::set_default_local_recorder(&recorder);
    metrics::describe();
    let fake = Fake::start(|before, _| match before {
        0 => Reply::limited("shared", "0", 0.01),
        _ => Reply::error(403, 50013),
    })
    .await;
    assert!(matches!(send(&fake.rest()).await, SendOutcome::Forbidden(_)));
    let page = page.render();
    for line in [
        r#"discord_requests_total{route="POST /webhooks/{webhook}/{token}",status="429"} 1"#,
        r#"discord_requests_total{route="POST /webhooks/{webhook}/{token}",status="403"} 1"#,
        r#"discord_rate_limited_total{scope="shared"} 1"#,
        "discord_invalid_requests_total 1",
        "discord_fuse_open 0",
    ] {
        assert!(page.contains(line), "{line} in\n{page}");
    }
}
