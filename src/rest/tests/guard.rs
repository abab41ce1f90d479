//! A guard is asked before each single request.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::{self, BoxFuture};
use futures_util::{FutureExt, stream};

use super::*;
use crate::domain::ids::ApplicationId;
use crate::rest::limiter::OVERDUE;

/// Admits so many requests, and notes how long each was to take.
#[derive(Default)]
struct Few {
    left: AtomicUsize,
    asked: Mutex<Vec<Duration>>,
}

impl Few {
    fn new(left: usize) -> Arc<Self> {
        Arc::new(Self { left: AtomicUsize::new(left), asked: Mutex::default() })
    }
}

impl RequestGuard for Few {
    fn admit(&self, within: Duration) -> BoxFuture<'_, bool> {
        self.asked.lock().unwrap().push(within);
        let one_less = |left: usize| left.checked_sub(1);
        future::ready(self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok()).boxed()
    }
}

/// A read that fails and is repeated, and a create that would follow it.
#[tokio::test]
async fn repetitions_and_second_requests_are_admitted_too() {
    let fake = Fake::start(|before, _| match before {
        0 => Reply::error(502, 0),
        _ => Reply::json(200, json!([])),
    })
    .await;
    let guard = Few::new(2);
    let rest = fake.rest().guarded(guard.clone());
    let (channel, application) = (ChannelId::new(3).unwrap(), ApplicationId::new(4).unwrap());
    let made = rest.ensure_webhook(channel, application, None).await;
    assert_eq!(made.map(|own| own.made), Err(RestError::NotSent));
    assert_eq!(fake.seen().len(), 2);
    let longest = DEFAULT_PATIENCE + OVERDUE + fake.config.request_timeout;
    assert_eq!(*guard.asked.lock().unwrap(), [longest; 3]);
}

#[tokio::test]
async fn an_upload_is_admitted_for_as_long_as_it_may_take() {
    let fake = Fake::start(|_, _| Reply::message(3)).await;
    let guard = Few::new(1);
    let rest = fake.rest().guarded(guard.clone()).with_patience(Duration::from_secs(1));
    let token = SecretString::from(HOOK_TOKEN);
    let webhook = WebhookAccess { id: WebhookId::new(5).unwrap(), token: &token };
    let destination = Destination::Channel(ChannelId::new(3).unwrap());
    let send = async || {
        let bytes = stream::once(future::ready(Ok(Bytes::from_static(b"x"))));
        let file = Upload { name: "x".to_owned(), media_type: None, body: FileBody::new(1, bytes) };
        rest.create_webhook_message_with_files(webhook, destination, &json!({}), vec![file]).await
    };
    assert!(matches!(send().await, SendOutcome::Shown(_)));
    assert_eq!(send().await, SendOutcome::NotSent);
    assert_eq!(fake.seen().len(), 1);
    assert_eq!(*guard.asked.lock().unwrap(), [Duration::from_secs(1) + OVERDUE + UPLOAD_TIMEOUT; 2]);
}
