//! The lines in time: turns, patience, and callers that go away.

use tokio::task::JoinSet;

use super::*;
use crate::rest::call::Verb;

const SECOND: Duration = Duration::from_secs(1);

fn key(webhook: u64) -> LimitKey {
    let route = Route { verb: Verb::Post, template: "/webhooks/{webhook}/{token}" };
    LimitKey {
        route,
        major: MajorParameter::Webhook(WebhookId::new(webhook).unwrap()),
        token: TokenKind::Webhook,
        urgency: Urgency::Background,
        requester: Requester::Program,
    }
}

fn pace(per_second: u32) -> RequestPace {
    RequestPace::PerSecond(per_second.try_into().unwrap())
}

fn answer(remaining: u32, reset_after: Duration) -> AnswerFacts {
    let quota = answer::Quota { limit: 2, remaining, reset_after };
    AnswerFacts {
        bucket: Some("execute".to_owned()),
        quota: Some(quota),
        success: true,
        kind: AnswerKind::Handled,
    }
}

async fn turn(limits: &Arc<RateLimiter>, patience: Duration) -> Result<Permit, RestError> {
    limits.wait_turn(key(1), false, Instant::now() + patience).await
}

#[tokio::test(start_paused = true)]
async fn the_rest_waits_for_the_first_answer_and_goes_in_order() {
    let limits = RateLimiter::new(pace(50), 1000);
    let first = turn(&limits, SECOND).await.unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut waiting = JoinSet::new();
    for number in 0..7 {
        let (limits, order) = (Arc::clone(&limits), Arc::clone(&order));
        waiting.spawn(async move {
            let permit = turn(&limits, 60 * SECOND).await.unwrap();
            order.lock().unwrap().push((number, Instant::now()));
            permit.record_answer(Instant::now(), &answer(u32::from(number % 2 == 1), 2 * SECOND));
        });
        tokio::task::yield_now().await;
    }
    let begun = Instant::now();
    first.record_answer(begun, &answer(1, 2 * SECOND));
    while waiting.join_next().await.is_some() {}
    let order = order.lock().unwrap();
    assert!(order.iter().map(|(number, _)| *number).eq(0..7));
    let last = order[6].1.duration_since(begun);
    assert!(last >= 6 * SECOND && last < 7 * SECOND, "two in two seconds, eight in all: {last:?}");
}

#[tokio::test(start_paused = true)]
async fn who_would_wait_too_long_is_told_at_once() {
    let limits = RateLimiter::new(pace(50), 1000);
    let permit = turn(&limits, SECOND).await.unwrap();
    let before = Instant::now();
    let waited = turn(&limits, SECOND).await;
    assert!(matches!(waited, Err(RestError::RateLimited { retry_after: SOON, .. })));
    assert_eq!(before.elapsed(), SECOND, "nobody could know better");
    permit.record_answer(Instant::now(), &answer(0, 30 * SECOND));
    let before = Instant::now();
    let told = turn(&limits, 10 * SECOND).await;
    assert!(matches!(told, Err(RestError::RateLimited { retry_after, .. }) if retry_after > 29 * SECOND));
    assert_eq!(before.elapsed(), Duration::ZERO);
    assert!(turn(&limits, 31 * SECOND).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn who_was_stopped_while_waiting_does_not_go() {
    let limits = RateLimiter::new(pace(50), 1000);
    let permit = turn(&limits, SECOND).await.unwrap();
    permit.record_answer(Instant::now(), &answer(0, 2 * SECOND));
    let waiting = {
        let limits = Arc::clone(&limits);
        tokio::spawn(async move { turn(&limits, 3 * SECOND).await.map(drop) })
    };
    tokio::task::yield_now().await;
    tokio::time::advance(60 * SECOND).await;
    let told = waiting.await.unwrap();
    assert!(matches!(told, Err(RestError::RateLimited { retry_after: Duration::ZERO, .. })), "{told:?}");
    assert!(turn(&limits, SECOND).await.is_ok(), "its turn is another's");
}

#[tokio::test(start_paused = true)]
async fn who_goes_away_holds_up_nobody() {
    let limits = RateLimiter::new(pace(50), 1000);
    let permit = turn(&limits, SECOND).await.unwrap();
    let waiting = |patience| {
        let limits = Arc::clone(&limits);
        tokio::spawn(async move { turn(&limits, patience).await.map(drop) })
    };
    let (gone, stays) = (waiting(60 * SECOND), waiting(60 * SECOND));
    tokio::task::yield_now().await;
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    // The first request is given up without an answer, so the next one goes ahead.
    drop(permit);
    let before = Instant::now();
    assert_eq!(stays.await.unwrap(), Ok(()));
    assert!(before.elapsed() < SECOND);
    assert!(limits.lock().notifiers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_global_limit_takes_the_first_of_each_bucket_in_turn() {
    let limits = RateLimiter::new(pace(2), 1000);
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut waiting = JoinSet::new();
    for webhook in [1, 1, 1, 1, 2, 3] {
        let (limits, order) = (Arc::clone(&limits), Arc::clone(&order));
        waiting.spawn(async move {
            let permit = limits.wait_turn(key(webhook), false, Instant::now() + 60 * SECOND).await.unwrap();
            order.lock().unwrap().push(webhook);
            let unlimited =
                AnswerFacts { bucket: None, quota: None, success: true, kind: AnswerKind::Handled };
            permit.record_answer(Instant::now(), &unlimited);
        });
        tokio::task::yield_now().await;
    }
    let begun = Instant::now();
    while waiting.join_next().await.is_some() {}
    assert_eq!(begun.elapsed().as_secs(), 2, "two in a second, six in all");
    let order = order.lock().unwrap();
    assert_eq!(*order, [1, 1, 1, 2, 3, 1], "a busy bucket goes on after the others that wait");
}

/// How long so many calls of as many webhooks take, each answered like this after 50 ms.
async fn time_of(pace: RequestPace, webhooks: u64, token: TokenKind, answer: &AnswerFacts) -> Duration {
    let limits = RateLimiter::new(pace, 1000);
    let begun = Instant::now();
    let mut calls = JoinSet::new();
    for webhook in 1..=webhooks {
        let (limits, answer) = (Arc::clone(&limits), answer.clone());
        calls.spawn(async move {
            let key = LimitKey { token, ..key(webhook) };
            let permit = limits.wait_turn(key, false, Instant::now() + 60 * SECOND).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
            permit.record_answer(Instant::now(), &answer);
        });
    }
    while calls.join_next().await.is_some() {}
    begun.elapsed()
}

#[tokio::test(start_paused = true)]
async fn webhooks_go_on_at_once_where_no_limit_stands() {
    let (auto, none) = (RequestPace::Auto, AnswerFacts { bucket: None, quota: None, ..answer(1, SECOND) });
    let vast = answer::Quota { limit: 1_000_000, remaining: 999_999, reset_after: SECOND };
    let vast = AnswerFacts { quota: Some(vast), ..none.clone() };
    let two_rounds = Duration::from_millis(110);
    assert!(time_of(auto, 2000, TokenKind::Webhook, &none).await < two_rounds);
    assert!(time_of(auto, 2000, TokenKind::Webhook, &vast).await < two_rounds);
    // But not where the answers are like Discord's, and never with the bot's token.
    assert!(time_of(auto, 200, TokenKind::Webhook, &answer(1, SECOND)).await > 3 * SECOND);
    assert!(time_of(auto, 200, TokenKind::Bot, &none).await > 3 * SECOND);
    // A limit that the operator has set always applies.
    assert!(time_of(pace(100), 400, TokenKind::Webhook, &none).await > 3 * SECOND);
    assert!(time_of(RequestPace::Unlimited, 400, TokenKind::Bot, &answer(1, SECOND)).await < two_rounds);
}

/// Histories of many channels are being read, as after a start, and somebody runs a command that makes five
/// calls, one after the other.
#[tokio::test(start_paused = true)]
async fn people_go_first_and_hold_up_nobody_for_long() {
    let limits = RateLimiter::new(RequestPace::Auto, 1000);
    let unlimited = || AnswerFacts { bucket: None, quota: None, success: true, kind: AnswerKind::Handled };
    let call = |key: LimitKey| {
        let limits = Arc::clone(&limits);
        async move {
            let permit = limits.wait_turn(key, false, Instant::now() + 600 * SECOND).await.unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
            permit.record_answer(Instant::now(), &unlimited());
        }
    };
    let bots = |channel| LimitKey { token: TokenKind::Bot, ..key(channel) };
    let peoples = |channel| LimitKey { urgency: Urgency::People, ..bots(channel) };
    let read = Arc::new(Mutex::new(0));
    let mut background = JoinSet::new();
    for channel in 1..=1500 {
        let (call, read) = (call(bots(channel)), Arc::clone(&read));
        background.spawn(async move {
            call.await;
            *read.lock().unwrap() += 1;
        });
    }
    tokio::time::sleep(3 * SECOND).await;
    for command in 0..20 {
        let begun = Instant::now();
        for question in 0..5 {
            call(peoples(10_000 + command * 5 + question)).await;
        }
        assert!(begun.elapsed() < SECOND / 4, "{:?}", begun.elapsed());
        tokio::time::sleep(Duration::from_millis(37)).await;
    }
    // Somebody who doesn't stop, and asks as much at once as possible.
    let (before, begun) = (*read.lock().unwrap(), Instant::now());
    let mut people = JoinSet::new();
    for channel in 20_000..20_500 {
        people.spawn(call(peoples(channel)));
    }
    while people.join_next().await.is_some() {}
    let (more, took) = (*read.lock().unwrap() - before, begun.elapsed());
    assert!(more >= 150, "{more} histories beside 500 questions");
    assert!(took < 15 * SECOND, "{took:?}");
    background.abort_all();
}

/// The same in one bucket's line. Nobody is overtaken for ever.
#[tokio::test(start_paused = true)]
async fn in_a_buckets_line_people_go_first_for_a_while() {
    let limits = RateLimiter::new(pace(50), 1000);
    let first = turn(&limits, SECOND).await.unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut waiting = JoinSet::new();
    for (name, urgency) in [('a', 1), ('b', 1), ('P', 0), ('Q', 0), ('R', 0), ('S', 0), ('c', 1)] {
        let (limits, order) = (Arc::clone(&limits), Arc::clone(&order));
        let urgency = if urgency == 0 { Urgency::People } else { Urgency::Background };
        waiting.spawn(async move {
            let key = LimitKey { urgency, ..key(1) };
            let permit = limits.wait_turn(key, false, Instant::now() + 60 * SECOND).await.unwrap();
            order.lock().unwrap().push(name);
            permit.record_answer(Instant::now(), &answer(1, 2 * SECOND));
        });
        tokio::task::yield_now().await;
    }
    first.record_answer(Instant::now(), &answer(1, 2 * SECOND));
    while waiting.join_next().await.is_some() {}
    assert_eq!(order.lock().unwrap().iter().collect::<String>(), "PQRabSc");
}

/// Something in front of Discord refuses everything for a minute, and a hundred lanes try again and again.
/// One channel isn't refused.
#[tokio::test(start_paused = true)]
async fn while_all_is_barred_one_at_a_time_tries() {
    let limits = RateLimiter::new(RequestPace::Auto, 1000);
    let begun = Instant::now();
    let barred = AnswerFacts { bucket: None, quota: None, success: false, kind: AnswerKind::RefusedByEdge };
    let good = AnswerFacts { success: true, kind: AnswerKind::Handled, ..barred.clone() };
    let mut lanes = JoinSet::new();
    for webhook in 1..=100 {
        let (limits, barred, good) = (Arc::clone(&limits), barred.clone(), good.clone());
        lanes.spawn(async move {
            let mut refused = 0;
            loop {
                let patience = Instant::now() + 600 * SECOND;
                let permit = limits.wait_turn(key(webhook), false, patience).await.unwrap();
                tokio::time::sleep(Duration::from_millis(20)).await;
                if begun.elapsed() > 60 * SECOND {
                    permit.record_answer(Instant::now(), &good);
                    return (refused, begun.elapsed());
                }
                permit.record_answer(Instant::now(), &barred);
                refused += 1;
            }
        });
    }
    // Each lane has tried once.
    tokio::time::sleep(3 * SECOND).await;
    for _ in 0..50 {
        tokio::time::sleep(SECOND).await;
        let asked = Instant::now();
        let permit = limits.wait_turn(key(500), false, asked + SECOND).await.expect("it isn't refused");
        assert!(asked.elapsed() < SECOND / 2, "{:?}", asked.elapsed());
        permit.record_answer(Instant::now(), &good);
    }
    let (mut refused, mut last) = (0, Duration::ZERO);
    while let Some(lane) = lanes.join_next().await {
        let (times, at) = lane.unwrap();
        refused += times;
        last = last.max(at);
    }
    assert!(refused < 130, "{refused}");
    assert!(last < 72 * SECOND, "all go on when it is over: {last:?}");
    assert!(!limits.fuse().is_open());
}
