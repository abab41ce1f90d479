//! No token in anything that is printed or logged.

use std::io::Write;

use tracing::Dispatch;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

use super::*;

/// Keeps what is written.
#[derive(Clone, Default)]
pub(super) struct CapturedLog(pub(super) Arc<Mutex<Vec<u8>>>);

impl Write for CapturedLog {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for CapturedLog {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl CapturedLog {
    /// Captures everything that this thread logs, as long as the returned guard lives.
    pub(super) fn listen(&self) -> (DefaultGuard, Dispatch) {
        // With a single listener, tracing asks only the thread that reaches a place in the code first. If
        // that were another test's thread, it would conclude that nobody listens there.
        let other = Dispatch::new(tracing_subscriber::registry());
        let subscriber =
            tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(self.clone());
        (tracing::subscriber::set_default(subscriber.finish()), other)
    }
}

fn assert_clean(text: &str) {
    assert!(!text.contains("s3cret"), "{text}");
}

#[tokio::test]
async fn tokens_stay_out_of_logs_errors_and_debug_texts() {
    let paper = CapturedLog::default();
    let _listening = paper.listen();
    let fake = Fake::start(|before, seen| {
        let echo = format!("Cannot {} {} for Bot {BOT_TOKEN}", seen.method, seen.path);
        let status = [400, 401, 403, 404, 405, 413, 429, 500, 200][before % 9];
        let code = if status == 400 { 50_035 } else { 0 };
        Reply::json(status, json!({"code": code, "message": echo, "retry_after": 0.0, "global": false}))
    })
    .await;
    // Each has its own client, as refusals make the next call wait.
    let rest = || fake.rest().with_patience(Duration::ZERO);
    for _ in 0..9 {
        assert_clean(&format!("{:?}", send(&rest()).await));
    }
    for _ in 0..9 {
        assert_clean(&format!("{:?}", edit(&rest()).await));
    }
    for _ in 0..9 {
        let error = rest().channel(channel(9)).await.unwrap_err();
        assert_clean(&format!("{error} {error:?}"));
        assert!(!error.to_string().contains('\n'));
    }
    let mut gone = fake.config.clone();
    gone.base = Url::parse("http://127.0.0.1:1").unwrap();
    assert_clean(&format!("{:?}", send(&Rest::new(gone).unwrap().with_patience(Duration::ZERO)).await));
    assert_clean(&format!("{:?} {:?}", rest(), fake.config));
    let token = SecretString::from(HOOK_TOKEN);
    assert_clean(&format!("{:?}", WebhookAccess { id: webhook(5), token: &token }));
    let log = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("POST /webhooks/{webhook}/{token}"), "something was logged:\n{log}");
    let ours = log.lines().filter(|line| line.contains("tributary::rest"));
    assert!(ours.clone().count() >= 27, "something was logged of each call");
    ours.for_each(assert_clean);
    assert_clean(&log);
}
