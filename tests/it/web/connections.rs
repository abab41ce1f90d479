//! Connections: how many one address has, and how slow a client may be.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Site;
use crate::harness::SOON;

/// How slow a client may be.
const PATIENCE: Duration = Duration::from_secs(10);

async fn connect(site: &Site) -> TcpStream {
    TcpStream::connect(site.url.strip_prefix("http://").unwrap()).await.unwrap()
}

/// What the bot sends until it closes the connection.
async fn read(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut text = Vec::new();
    // A reset is an end, too.
    let _ = tokio::time::timeout(SOON, stream.read_to_end(&mut text)).await.expect("it is closed");
    String::from_utf8_lossy(&text).into_owned()
}

/// A line that never ends, a head that comes byte by byte, and a body that never comes.
#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_end_and_hold_up_nobody() {
    let site = Site::new().await;
    let host = site.url.strip_prefix("http://").unwrap();
    let begun = Instant::now();
    let head =
        format!("POST /api/v1/me/tokens HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n");
    let slow: Vec<_> = [
        String::new(),
        "GET /".to_owned(),
        format!("GET / HTTP/1.1\r\nHost: {host}\r\nX: "),
        format!("{head}Origin: {}\r\nCookie: x=y\r\nContent-Length: 50\r\n\r\n{{", site.url),
        format!("{head}Transfer-Encoding: chunked\r\n\r\n1\r\n{{\r\n"),
    ]
    .into_iter()
    .map(|first| {
        let address = host.to_owned();
        async move {
            let stream = TcpStream::connect(address).await.unwrap();
            let (mut reading, mut writing) = stream.into_split();
            writing.write_all(first.as_bytes()).await.unwrap();
            let dripping = tokio::spawn(async move {
                while writing.write_all(b"x").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                }
            });
            let text = read(&mut reading).await;
            dripping.abort();
            (first, text, begun.elapsed())
        }
    })
    .collect();
    let waiting = tokio::spawn(futures_util::future::join_all(slow));
    let browser = site.browser();
    while begun.elapsed() < PATIENCE / 2 {
        let asked = Instant::now();
        assert_eq!(browser.get("/").await.status, 200);
        assert!(asked.elapsed() < PATIENCE / 2, "held up for {:?}", asked.elapsed());
    }
    for (first, text, took) in waiting.await.unwrap() {
        assert!(took < PATIENCE * 2, "{took:?} for {first:?}");
        assert!(text.is_empty() || text.contains(" 401 ") || text.contains(" 503 "), "{first:?}: {text}");
    }
}

/// Somebody who is signed in, and whose body never ends.
#[tokio::test]
async fn a_body_that_never_ends_ends_its_request() {
    let site = Site::new().await;
    let browser = site.signed_in().await;
    let mut stream = connect(&site).await;
    let (host, cookie) = (site.url.strip_prefix("http://").unwrap(), browser.cookie().unwrap());
    let begun = Instant::now();
    let head = format!(
        "POST /api/v1/me/tokens HTTP/1.1\r\nHost: {host}\r\nOrigin: {}\r\nCookie: {cookie}\r\n\
         Content-Type: application/json\r\nContent-Length: 60\r\n\r\n{{\"name\"",
        site.url
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let text = read(&mut stream).await;
    assert!(text.starts_with("HTTP/1.1 503 ") && text.contains("timed_out"), "{text}");
    assert!((PATIENCE / 2..PATIENCE * 3).contains(&begun.elapsed()), "{:?}", begun.elapsed());
}

/// Asks over this connection whether it is served.
async fn is_served(stream: &mut TcpStream, host: &str) -> bool {
    let request = format!("GET /docs HTTP/1.1\r\nHost: {host}\r\n\r\n");
    if stream.write_all(request.as_bytes()).await.is_err() {
        return false;
    }
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.is_ok() && answer.starts_with(b"HTTP/1.1 ")
}

#[tokio::test]
async fn one_address_has_256_connections() {
    let site = Site::with(&[("TRUSTED_PROXIES", "")]).await;
    let host = site.url.strip_prefix("http://").unwrap();
    let mut held = Vec::new();
    for _ in 0..256 {
        held.push(connect(&site).await);
    }
    assert!(!is_served(&mut connect(&site).await, host).await, "one too many");
    assert!(is_served(held.last_mut().unwrap(), host).await);
    held.truncate(200);
    let fits = async || is_served(&mut connect(&site).await, host).await;
    site.world.until("there is room again", fits).await;

    let site = Site::new().await;
    let host = site.url.strip_prefix("http://").unwrap();
    let mut held = Vec::new();
    for _ in 0..400 {
        held.push(connect(&site).await);
    }
    assert!(is_served(&mut connect(&site).await, host).await, "a proxy stands for many");
}

#[tokio::test]
async fn heads_have_a_limit() {
    let site = Site::new().await;
    let browser = site.browser();
    for (size, status) in [(12 * 1024, 401), (17 * 1024, 431), (200 * 1024, 431)] {
        let mut stream = connect(&site).await;
        let host = site.url.strip_prefix("http://").unwrap();
        let head = format!(
            "GET /api/v1/me HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nX: {}\r\n\r\n",
            "x".repeat(size)
        );
        // It may be refused before it is sent.
        let _ = stream.write_all(head.as_bytes()).await;
        let text = read(&mut stream).await;
        assert!(
            text.is_empty() && size > 100_000 || text.starts_with(&format!("HTTP/1.1 {status} ")),
            "{text}"
        );
    }
    assert_eq!(browser.get("/api/v1/me").await.status, 401);
}

/// Connections on which nothing is asked don't keep it from stopping.
#[tokio::test]
async fn idle_connections_end_with_the_bot() {
    let site = Site::new().await;
    let host = site.url.strip_prefix("http://").unwrap();
    let (mut idle, mut asked) = (connect(&site).await, connect(&site).await);
    assert!(is_served(&mut asked, host).await);
    let (status, took) = site.bot.stop().await;
    assert!(status.success() && took < PATIENCE / 2, "{status} after {took:?}");
    assert_eq!(read(&mut idle).await, "");
}
