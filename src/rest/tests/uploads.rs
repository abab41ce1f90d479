//! Posting with files: what arrives, what holds it back, and what a broken upload proves.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{DefaultBodyLimit, Multipart, State};
use futures_util::stream::{self, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;

use super::*;

const CHUNK: usize = 64 << 10;

/// A field of a form, as the server got it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Field {
    name: String,
    file_name: Option<String>,
    media_type: Option<String>,
    length: u64,
    /// Its beginning.
    text: String,
}

#[derive(Clone)]
struct Desk {
    /// The forms that arrived whole.
    forms: Arc<Mutex<Vec<Vec<Field>>>>,
    /// How much may still be read, in chunks.
    appetite: Arc<Semaphore>,
    script: Arc<dyn Fn(usize) -> Reply + Send + Sync>,
}

async fn take(State(desk): State<Desk>, mut form: Multipart) -> Response {
    let mut fields = Vec::new();
    loop {
        let mut field = match form.next_field().await {
            Ok(Some(field)) => field,
            Ok(None) => break,
            Err(error) => return error.into_response(),
        };
        let mut taken = Field {
            name: field.name().unwrap_or_default().to_owned(),
            file_name: field.file_name().map(str::to_owned),
            media_type: field.content_type().map(str::to_owned),
            length: 0,
            text: String::new(),
        };
        loop {
            desk.appetite.acquire().await.unwrap().forget();
            match field.chunk().await {
                Ok(Some(chunk)) => {
                    taken.length += chunk.len() as u64;
                    if taken.text.len() < 200 {
                        taken.text.push_str(&String::from_utf8_lossy(&chunk[..chunk.len().min(200)]));
                    }
                }
                Ok(None) => break,
                Err(error) => return error.into_response(),
            }
        }
        fields.push(taken);
    }
    let before = {
        let mut forms = desk.forms.lock().unwrap();
        forms.push(fields);
        forms.len() - 1
    };
    (desk.script)(before).into_response()
}

/// A server that takes forms, with small buffers, so that the operating system's buffers hide nothing.
async fn desk(
    appetite: usize,
    script: impl Fn(usize) -> Reply + Send + Sync + 'static,
) -> (RestConfig, Desk) {
    let script = Arc::new(script);
    let desk =
        Desk { forms: Arc::default(), appetite: Arc::new(Semaphore::new(appetite)), script: script.clone() };
    let router = Router::new()
        .route("/api/v10/webhooks/{webhook}/{token}", axum::routing::post(take))
        .fallback(move || async move { script(0) })
        .layer(DefaultBodyLimit::disable())
        .with_state(desk.clone());
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 << 10).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(8).unwrap();
    let config = config(listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (config, desk)
}

const PLENTY: usize = 1 << 20;

fn text(name: &str, media_type: Option<&str>, text: &'static str) -> Upload {
    let chunks = stream::iter([Ok(Bytes::from_static(text.as_bytes()))]);
    let body = FileBody::new(text.len() as u64, chunks);
    Upload { name: name.to_owned(), media_type: media_type.map(str::to_owned), body }
}

/// A file of this size, and a counter of how much of it was read.
fn large(size: u64) -> (Upload, Arc<AtomicU64>) {
    let given = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&given);
    let chunk = Bytes::from(vec![b'x'; CHUNK]);
    let chunks = stream::iter(0..size / CHUNK as u64).map(move |_| {
        count.fetch_add(CHUNK as u64, Ordering::SeqCst);
        Ok(chunk.clone())
    });
    (Upload { name: "large.bin".to_owned(), media_type: None, body: FileBody::new(size, chunks) }, given)
}

async fn post(rest: &Rest, files: Vec<Upload>) -> SendOutcome {
    let token = SecretString::from(HOOK_TOKEN);
    let access = WebhookAccess { id: webhook(5), token: &token };
    let payload = json!({"content": "hi \u{fc}", "attachments": [{"id": 0, "description": "a \"cat\""}]});
    rest.create_webhook_message_with_files(access, Destination::Channel(channel(9)), &payload, files).await
}

fn shown() -> SendOutcome {
    SendOutcome::Shown(PostedMessage { message: message(77), channel: channel(9) })
}

#[tokio::test]
async fn files_arrive_as_they_were_named_and_in_order() {
    let (config, desk) = desk(PLENTY, |_| Reply::message(9)).await;
    let files = vec![
        text("SPOILER_\u{fc}ber \"uns\".png", Some("image/png"), "first"),
        text("a\r\nX-Evil: 1\r\n\r\n.txt", Some("text/plain; charset=utf-8"), "second"),
        text("", Some("not a\r\ntype"), ""),
    ];
    assert_eq!(post(&Rest::new(config).unwrap(), files).await, shown());
    let forms = desk.forms.lock().unwrap().clone();
    let field = |name: &str, file_name: Option<&str>, media_type: Option<&str>, text: &str| Field {
        name: name.to_owned(),
        file_name: file_name.map(str::to_owned),
        media_type: media_type.map(str::to_owned),
        length: text.len() as u64,
        text: text.to_owned(),
    };
    let payload: Value = serde_json::from_str(&forms[0][0].text).unwrap();
    assert_eq!(payload["content"], "hi \u{fc}");
    assert_eq!(payload["attachments"][0]["description"], "a \"cat\"");
    assert_eq!(
        (forms[0][0].name.as_str(), forms[0][0].media_type.as_deref()),
        ("payload_json", Some("application/json"))
    );
    assert_eq!(forms.len(), 1);
    let expected = [
        field("files[0]", Some("SPOILER_\u{fc}ber \"uns\".png"), Some("image/png"), "first"),
        field("files[1]", Some("aX-Evil: 1.txt"), Some("text/plain; charset=utf-8"), "second"),
        field("files[2]", Some("file"), None, ""),
    ];
    assert_eq!(forms[0][1..], expected);
}

#[tokio::test]
async fn without_files_it_is_a_form_too() {
    let (config, desk) = desk(PLENTY, |_| Reply::message(9)).await;
    assert_eq!(post(&Rest::new(config).unwrap(), Vec::new()).await, shown());
    assert_eq!(desk.forms.lock().unwrap()[0].len(), 1);
}

#[tokio::test]
async fn a_large_file_is_taken_only_as_fast_as_it_is_sent() {
    let size = 20 << 20;
    let (config, desk) = desk(8, |_| Reply::message(9)).await;
    let (file, given) = large(size);
    let rest = Rest::new(config).unwrap();
    let sending = tokio::spawn(async move { post(&rest, vec![file]).await });
    let mut before = u64::MAX;
    // Until the server is full.
    while given.load(Ordering::SeqCst) == 0 || before != given.load(Ordering::SeqCst) {
        before = given.load(Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    assert!(before < 12 << 20, "{before} bytes were taken though nobody read them");
    assert!(!sending.is_finished());
    desk.appetite.add_permits(PLENTY);
    assert_eq!(sending.await.unwrap(), shown());
    assert_eq!(given.load(Ordering::SeqCst), size);
    assert_eq!(desk.forms.lock().unwrap()[0][1].length, size);
}

#[tokio::test]
async fn a_fetched_file_passes_through() {
    let fake = Fake::start(|_, _| Reply {
        status: 200,
        headers: vec![("content-type", "text/x-long".to_owned())],
        body: "0123456789".repeat(2 << 20),
    })
    .await;
    let (config, desk) = desk(PLENTY, |_| Reply::message(9)).await;
    let url = fake.config.base.join("attachments/1/2/a.txt").unwrap();
    let file = fake.rest().fetch_file(url.as_str(), 20 << 20, 25 << 20).await.unwrap();
    let watch = file.body.watch();
    let file = Upload { name: "a.txt".to_owned(), media_type: file.media_type, body: file.body };
    assert_eq!(post(&Rest::new(config).unwrap(), vec![file]).await, shown());
    assert_eq!(watch.failure(), None);
    let forms = desk.forms.lock().unwrap();
    assert_eq!((forms[0][1].length, forms[0][1].media_type.as_deref()), (20 << 20, Some("text/x-long")));
}

#[tokio::test]
async fn a_429_is_handed_over_and_holds_the_next_send() {
    let (config, desk) = desk(PLENTY, |_| Reply::limited("user", "41", 41.5)).await;
    // However patient the caller is: the files can't be sent again.
    let rest = Rest::new(config).unwrap().with_patience(Duration::from_secs(100));
    let far = |wait: Duration| wait > Duration::from_secs(41) && wait <= Duration::from_millis(41_500);
    let files = vec![text("a.txt", None, "a")];
    assert!(matches!(post(&rest, files).await, SendOutcome::Wait(wait) if far(wait)));
    let rest = rest.with_patience(Duration::from_secs(1));
    assert!(matches!(send(&rest).await, SendOutcome::Wait(wait) if far(wait)));
    let (file, given) = large(CHUNK as u64);
    assert!(matches!(post(&rest, vec![file]).await, SendOutcome::Wait(_)));
    assert_eq!(given.load(Ordering::SeqCst), 0, "nothing is read before its turn");
    assert_eq!(desk.forms.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn limits_are_learnt_from_uploads() {
    let (config, desk) =
        desk(PLENTY, |before| Reply::message(9).bucket("hook", 2, 1 - before.min(1) as u32, 30.0)).await;
    let rest = Rest::new(config).unwrap().with_patience(Duration::from_secs(1));
    for _ in 0..2 {
        assert_eq!(post(&rest, vec![text("a.txt", None, "a")]).await, shown());
    }
    let wait = |outcome| matches!(outcome, SendOutcome::Wait(wait) if wait > Duration::from_secs(25));
    assert!(wait(post(&rest, vec![text("a.txt", None, "a")]).await));
    assert!(wait(send(&rest).await), "one bucket for both kinds of send");
    assert_eq!(desk.forms.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn too_large_is_what_discord_says_is() {
    let (config, _) = desk(PLENTY, |before| match before {
        0 => Reply::error(413, 40005),
        1 => Reply::error(400, 40005),
        _ => Reply { status: 413, headers: Vec::new(), body: "<html>".to_owned() },
    })
    .await;
    let rest = Rest::new(config).unwrap();
    for status in [413, 400] {
        let outcome = post(&rest, vec![text("a.txt", None, "a")]).await;
        let SendOutcome::Refused(DiscordRefusal { status: said, code, .. }) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!((said, code), (status, ErrorCode::TOO_LARGE));
    }
    let outcome = post(&rest, vec![text("a.txt", None, "a")]).await;
    assert_eq!(
        outcome,
        SendOutcome::InDoubt(DoubtReason::Edge(413)),
        "what stands before Discord has limits of its own"
    );
}

/// A server that reads that much of a request, answers this, and closes the connection.
async fn hasty(read: usize, answer: &'static str) -> RestConfig {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = config(listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = vec![0; CHUNK];
            let mut all = 0;
            while all < read {
                match stream.read(&mut buffer).await.unwrap() {
                    0 => break,
                    some => all += some,
                }
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    config
}

#[tokio::test]
async fn an_early_answer_is_an_answer() {
    let answer = "HTTP/1.1 413 X\r\ncontent-length: 48\r\nconnection: close\r\n\r\n{\"code\": 40005, \"message\": \"Request too large!\"}";
    let rest = Rest::new(hasty(CHUNK, answer).await).unwrap();
    let outcome = post(&rest, vec![large(20 << 20).0]).await;
    assert!(
        matches!(outcome, SendOutcome::Refused(DiscordRefusal { code: ErrorCode::TOO_LARGE, .. })),
        "{outcome:?}"
    );
    let page = "HTTP/1.1 413 X\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>";
    let rest = Rest::new(hasty(CHUNK, page).await).unwrap();
    assert_eq!(post(&rest, vec![large(20 << 20).0]).await, SendOutcome::NotSent);
}

#[tokio::test]
async fn a_file_that_breaks_off_makes_no_message() {
    let (config, desk) = desk(PLENTY, |_| Reply::message(9)).await;
    let rest = Rest::new(config).unwrap();
    let a = |error: FetchError| (vec![Ok("abc"), Err(error)], error);
    let cases = [
        a(FetchError::Again),
        a(FetchError::TooLarge),
        (vec![Ok("abc")], FetchError::Again),
        (vec![Ok("abcdef")], FetchError::TooLarge),
        (vec![Ok("abcde"), Ok("f")], FetchError::TooLarge),
    ];
    for (chunks, error) in cases {
        let chunks = chunks.into_iter().map(|chunk| chunk.map(|text| Bytes::from_static(text.as_bytes())));
        let body = FileBody::new(5, stream::iter(chunks.collect::<Vec<_>>()));
        let watch = body.watch();
        let broken = Upload { name: "b.txt".to_owned(), media_type: None, body };
        let files = vec![text("a.txt", None, "a"), broken, text("c.txt", None, "c")];
        assert_eq!(post(&rest, files).await, SendOutcome::NotSent);
        assert_eq!(watch.failure(), Some(error));
    }
    assert_eq!(desk.forms.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_a_doubt_only_after_the_whole_was_sent() {
    let early = Rest::new(hasty(CHUNK, "").await).unwrap();
    assert_eq!(post(&early, vec![large(20 << 20).0]).await, SendOutcome::NotSent);
    let whole = Rest::new(hasty(400, "").await).unwrap();
    assert_eq!(post(&whole, vec![text("a.txt", None, "a")]).await, SendOutcome::InDoubt(DoubtReason::Broken));
}

#[tokio::test]
async fn an_upload_has_a_time_of_its_own() {
    let with = |mut config: RestConfig| {
        config.request_timeout = Duration::from_millis(50);
        config.upload_timeout = Duration::from_millis(400);
        Rest::new(config).unwrap()
    };
    let (config, desk) = desk(0, |_| Reply::message(9)).await;
    let rest = with(config);
    let later = async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        desk.appetite.add_permits(PLENTY);
    };
    assert_eq!(tokio::join!(post(&rest, vec![text("a.txt", None, "a")]), later).0, shown());
}

#[tokio::test]
async fn silence_leaves_a_doubt_only_after_the_whole_was_sent() {
    let (mut config, desk) = desk(0, |_| Reply::message(9)).await;
    config.upload_timeout = Duration::from_millis(100);
    let rest = Rest::new(config).unwrap();
    assert_eq!(post(&rest, vec![text("a.txt", None, "a")]).await, SendOutcome::InDoubt(DoubtReason::Timeout));
    // It stands still in the middle, and is given up. The rest of it is never sent.
    let stuck = stream::iter([Ok(Bytes::from_static(b"abc"))]).chain(stream::pending());
    let stuck = Upload { name: "b".to_owned(), media_type: None, body: FileBody::new(5, stuck) };
    assert_eq!(post(&rest, vec![stuck]).await, SendOutcome::NotSent);
    desk.appetite.add_permits(PLENTY);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(desk.forms.lock().unwrap().iter().all(|form| form[1].file_name.as_deref() == Some("a.txt")));
}

#[tokio::test]
async fn nothing_that_is_printed_or_logged_opens_the_webhook_or_a_file() {
    let paper = super::secrets::CapturedLog::default();
    let _listening = paper.listen();
    let (config, _) = desk(PLENTY, |before| Reply::error([400, 401, 403, 404, 500][before % 5], 0)).await;
    let mut printed = format!("{:?}", text("a.txt", None, "a"));
    let rest = Rest::new(config.clone()).unwrap();
    for _ in 0..5 {
        printed += &format!("{:?}", post(&rest, vec![text("a.txt", None, "a")]).await);
    }
    let url = config.base.join("attachments/1/2/a.txt?hm=signature-s3cret").unwrap();
    for _ in 0..2 {
        printed += &format!("{:?}", rest.fetch_file(url.as_str(), 4, 9).await);
    }
    let nowhere = "http://127.0.0.1:1/a.txt?hm=signature-s3cret";
    let mut gone = config;
    gone.base.set_port(Some(1)).unwrap();
    let gone = Rest::new(gone).unwrap().with_patience(Duration::ZERO);
    printed += &format!("{:?}", gone.fetch_file(nowhere, 4, 9).await);
    printed += &format!("{:?}", post(&gone, vec![text("a.txt", None, "a")]).await);
    assert!(!printed.contains("s3cret"), "{printed}");
    let log = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("POST /webhooks/{webhook}/{token}") && log.contains("file answered"));
    assert!(!log.contains("s3cret"), "{log}");
}
