//! Fetching files: only from where they may be, in chunks, with errors that say what happened.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use super::*;

const MEGABYTE: u64 = 1 << 20;

/// A host that takes one request at a time and answers with these bytes, then closes the connection or holds
/// it open.
async fn raw(answer: impl Into<Vec<u8>>, hold: bool) -> (RestConfig, String, Arc<AtomicUsize>) {
    let (answer, asked) = (answer.into(), Arc::new(AtomicUsize::new(0)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = config(listener.local_addr().unwrap());
    let url = format!("{}attachments/1/2/a.png?ex=1&hm=signature-s3cret", config.base);
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            let mut buffer = [0; 4096];
            assert!(stream.read(&mut buffer).await.unwrap() > 0);
            stream.write_all(&answer).await.unwrap();
            if hold {
                tokio::spawn(async move { stream.read(&mut buffer).await.map(drop) });
            }
        }
    });
    (config, url, asked)
}

async fn read(mut body: FileBody) -> Result<Vec<u8>, FetchError> {
    let mut whole = Vec::new();
    while let Some(chunk) = body.next().await {
        whole.extend_from_slice(&chunk?);
    }
    Ok(whole)
}

/// Fetches a file that is answered like this, and reads it.
async fn fetch(answer: &str, expected: u64, max: u64) -> Result<Vec<u8>, FetchError> {
    let (config, url, _) = raw(answer, false).await;
    read(Rest::new(config).unwrap().fetch_file(&url, expected, max).await?.body).await
}

#[tokio::test]
async fn asks_for_a_file_without_any_token() {
    let fake = Fake::start(|_, _| Reply {
        status: 200,
        headers: vec![("content-type", "image/png".to_owned())],
        body: "bytes".to_owned(),
    })
    .await;
    let url = format!("{}attachments/1/2/a.png?ex=1&is=2&hm=3", fake.config.base);
    let file = fake.rest().fetch_file(&url, 5, 10).await.unwrap();
    assert_eq!((file.media_type.as_deref(), file.body.length()), (Some("image/png"), 5));
    let watch = file.body.watch();
    assert_eq!(read(file.body).await.unwrap(), b"bytes");
    assert_eq!(watch.failure(), None);
    let seen = &fake.seen()[0];
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("GET", "/attachments/1/2/a.png?ex=1&is=2&hm=3"));
    for header in ["authorization", "cookie", "referer"] {
        assert_eq!(seen.header(header), None);
    }
    assert_eq!(seen.header("accept-encoding"), Some("identity"));
    assert!(seen.header("user-agent").unwrap().starts_with("DiscordBot ("));
}

#[tokio::test]
async fn nothing_is_asked_elsewhere() {
    let (_, elsewhere, asked) = raw("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", false).await;
    let (config, url, _) =
        raw(format!("HTTP/1.1 302 Found\r\nlocation: {elsewhere}\r\ncontent-length: 0\r\n\r\n"), false).await;
    let host = config.base.authority().to_owned();
    let rest = Rest::new(config).unwrap();
    let disguised = elsewhere.replacen("http://", &format!("http://{host}@"), 1);
    // The last of them is the base's own, which redirects to the other.
    for url in [&elsewhere, &disguised, &elsewhere.replace("127.0.0.1", "localhost"), &url] {
        assert_eq!(rest.fetch_file(url, 2, 10).await.unwrap_err(), FetchError::HostNotAllowed);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn statuses_end_as_what_to_do_about_them() {
    let cases = [
        (FetchError::Expired, [403, 404, 410, 400, 451].as_slice()),
        (FetchError::Again, [408, 429, 500, 502, 503, 204, 206].as_slice()),
        (FetchError::HostNotAllowed, [301, 307, 308].as_slice()),
    ];
    for (error, statuses) in cases {
        for status in statuses {
            let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
            assert_eq!(fetch(&answer, 0, 10).await, Err(error), "{status}");
        }
    }
}

#[tokio::test]
async fn what_the_host_says_about_the_size_goes_first() {
    let said = |length: u64, body: &str| format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}");
    assert_eq!(fetch(&said(4, "abcd"), 4, 4).await, Ok(b"abcd".to_vec()));
    assert_eq!(fetch(&said(4, "abcd"), 3, 4).await, Ok(b"abcd".to_vec()), "other than the message said");
    assert_eq!(fetch(&said(5, "abcde"), 4, 4).await, Err(FetchError::TooLarge));
    assert_eq!(fetch(&said(5, "abc"), 5, 9).await, Err(FetchError::Again), "truncated");
    let unsaid = |body: &str| format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{body}");
    assert_eq!(fetch(&unsaid("abcd"), 4, 9).await, Ok(b"abcd".to_vec()));
    assert_eq!(fetch(&unsaid("abc"), 4, 9).await, Err(FetchError::Again));
    assert_eq!(fetch(&unsaid("abcde"), 4, 9).await, Err(FetchError::TooLarge));
    let chunked = |body: &str| format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{body}");
    assert_eq!(fetch(&chunked("2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n"), 4, 9).await, Ok(b"abcd".to_vec()));
    assert_eq!(fetch(&chunked("2\r\nab\r\n2\r\nc"), 4, 9).await, Err(FetchError::Again), "truncated");
}

#[tokio::test]
async fn what_is_too_large_anyway_is_not_asked_for() {
    let (config, url, asked) = raw("", false).await;
    assert_eq!(Rest::new(config).unwrap().fetch_file(&url, 11, 10).await.unwrap_err(), FetchError::TooLarge);
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn silence_and_no_connection_are_given_up() {
    for answer in ["", "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab"] {
        let (mut config, url, _) = raw(answer, true).await;
        config.file_idle_timeout = Duration::from_millis(80);
        let rest = Rest::new(config).unwrap();
        let outcome = match rest.fetch_file(&url, 4, 10).await {
            Ok(file) => read(file.body).await,
            Err(error) => Err(error),
        };
        assert_eq!(outcome, Err(FetchError::Again));
    }
    let (mut config, _, _) = raw("", false).await;
    config.base.set_port(Some(1)).unwrap();
    let url = config.base.join("a.png").unwrap();
    let rest = Rest::new(config).unwrap();
    assert_eq!(rest.fetch_file(url.as_str(), 4, 10).await.unwrap_err(), FetchError::Again);
}

#[tokio::test]
async fn a_file_is_not_read_ahead() {
    let size = 20 * MEGABYTE;
    let given = Arc::new(AtomicUsize::new(0));
    // Small buffers, so that the operating system's buffers hide nothing.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(64 << 10).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(8).unwrap();
    let config = config(listener.local_addr().unwrap());
    let count = Arc::clone(&given);
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buffer = [0; 4096];
        assert!(stream.read(&mut buffer).await.unwrap() > 0);
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {size}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let chunk = vec![7; 64 << 10];
        for _ in 0..size / (64 << 10) {
            stream.write_all(&chunk).await.unwrap();
            count.fetch_add(chunk.len(), Ordering::SeqCst);
        }
    });
    let url = config.base.join("a.bin").unwrap();
    let file = Rest::new(config).unwrap().fetch_file(url.as_str(), size, size).await.unwrap();
    let mut before = usize::MAX;
    // Until the host is stuck.
    while before != given.load(Ordering::SeqCst) {
        before = given.load(Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    assert!(before < 12 << 20, "{before} bytes were taken though nobody read them");
    let mut body = file.body;
    let (mut all, mut largest) = (0, 0);
    while let Some(chunk) = body.next().await {
        let chunk = chunk.unwrap();
        (all, largest) = (all + chunk.len() as u64, largest.max(chunk.len()));
        assert!(chunk.iter().all(|byte| *byte == 7));
    }
    assert_eq!(all, size);
    assert!(largest <= 1 << 20, "{largest}");
}

#[tokio::test]
async fn errors_and_debug_texts_hold_no_address() {
    let (config, url, _) =
        raw("HTTP/1.1 200 OK\r\ncontent-length: 9\r\ncontent-type: text/plain\r\n\r\nabc", false).await;
    let rest = Rest::new(config).unwrap();
    let file = rest.fetch_file(&url, 9, 9).await.unwrap();
    let printed = format!("{file:?}");
    let error = read(file.body).await.unwrap_err();
    let all = [FetchError::HostNotAllowed, FetchError::Expired, FetchError::TooLarge, FetchError::Again];
    let texts = all.iter().chain([&error]).map(|error| format!("{error} {error:?}"));
    for text in texts.chain([printed]) {
        assert!(!text.contains("s3cret") && !text.contains("127.0.0.1"), "{text}");
    }
    assert!(std::error::Error::source(&error).is_none());
}
