//! How many requests are answered, and to whom they count.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Answer, Site, Visitor, path, with_token};

const ME: &str = "/api/v1/me";

/// A site with this limit, to which everybody comes from this machine's own address.
async fn open(limit: &str) -> Site {
    Site::with(&[("API_REQUESTS_PER_MINUTE", limit), ("TRUSTED_PROXIES", "")]).await
}

/// The same behind a proxy on this machine that is trusted.
async fn behind_a_proxy(limit: &str) -> Site {
    Site::with(&[("API_REQUESTS_PER_MINUTE", limit), ("TRUSTED_PROXIES", "127.0.0.0/8, ::1")]).await
}

/// A guest's request with this `X-Forwarded-For`.
async fn guest(site: &Site, forwarded: &str) -> Answer {
    let browser = site.browser();
    browser.send(browser.request("GET", ME).header("x-forwarded-for", forwarded)).await
}

fn rate(answer: &Answer) -> [u64; 3] {
    ["limit", "remaining", "reset"].map(|what| {
        let value = answer.header(&format!("ratelimit-{what}"));
        value.parse().unwrap_or_else(|_| panic!("ratelimit-{what}: {value}"))
    })
}

#[tokio::test]
async fn a_token_has_its_requests_and_others_have_theirs() {
    let site = open("6").await;
    let browser = site.signed_in().await;
    let (one, two) =
        (site.token(&browser, &["servers:read"]).await, site.token(&browser, &["servers:read"]).await);
    for left in (0..6).rev() {
        let answer = with_token(&site, "GET", ME, &one).await;
        let [limit, remaining, reset] = rate(&answer);
        assert_eq!((answer.status, limit, remaining), (200, 6, left), "{}", answer.text);
        assert!((1..=60).contains(&reset), "{reset}");
    }
    let refused = with_token(&site, "GET", ME, &one).await;
    assert_eq!(refused.problem(), (429, "too_many_requests".to_owned()));
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    let [limit, remaining, reset] = rate(&refused);
    // The two are computed one after the other.
    assert!((limit, remaining) == (6, 0) && reset.abs_diff(wait) <= 1, "{reset} {wait}");
    assert!((1..=60).contains(&wait), "{wait}");
    // Neither her other token nor her browser, which has made two tokens.
    assert_eq!(rate(&with_token(&site, "GET", ME, &two).await)[1], 5);
    assert_eq!(rate(&browser.get(ME).await)[1], 3);
    // A page says it as a page, and counts for the same.
    for _ in 0..3 {
        assert_eq!(browser.get("/").await.status, 200);
    }
    let page = browser.get("/").await;
    assert_eq!((page.status, page.header("ratelimit-limit")), (429, ""));
    assert!(page.text.contains("</html>") && !page.header("retry-after").is_empty(), "{}", page.text);
    let style = browser.get("/assets/0/none").await;
    assert_eq!(style.status, 404, "pages need their style");
}

/// Guests of an address that used up its requests get a page that says so. Whoever is signed in there goes
/// on.
#[tokio::test]
async fn a_page_is_refused_as_a_page_and_to_guests_only() {
    let site = open("4").await;
    let (browser, guest) = (site.signed_in().await, site.browser());
    assert_eq!(guest.get("/").await.status, 200);
    for path in ["/", "/docs", "/auth/login", "/settings/tokens"] {
        let page = guest.get(path).await;
        assert_eq!((page.status, page.header("content-type")), (429, "text/html; charset=utf-8"), "{path}");
        assert!(page.text.contains("Too many requests") && !page.header("retry-after").is_empty());
    }
    assert_eq!(guest.get(ME).await.problem(), (429, "too_many_requests".to_owned()));
    for _ in 0..4 {
        assert_eq!(browser.get("/settings/tokens").await.status, 200);
    }
    assert_eq!(browser.get("/").await.status, 429, "her own are used up, too");
}

/// The database is asked of none that is over the limit, and neither of a token again and again.
#[tokio::test]
async fn a_wrong_token_counts_for_its_address_before_the_database_is_asked() {
    let site = open("8").await;
    let browser = site.signed_in().await;
    let token = site.token(&browser, &["servers:read"]).await;
    assert_eq!(with_token(&site, "GET", ME, &token).await.status, 200);
    let made_up = |number: u8| tributary::domain::api_token::ApiToken::new([number; 32]).text();
    let wrong = [made_up(1), made_up(2), "trib_x".to_owned()];
    // She has signed in from here, so three are left.
    for token in &wrong {
        assert_eq!(with_token(&site, "GET", ME, token).await.problem(), (401, "invalid_token".to_owned()));
    }
    site.world.database.execute("ALTER TABLE api_tokens RENAME TO elsewhere").await;
    for token in wrong.iter().chain([&made_up(3)]) {
        let refused = with_token(&site, "GET", ME, token).await;
        assert_eq!(refused.problem(), (429, "too_many_requests".to_owned()));
        assert_eq!(rate(&refused)[..2], [4, 0]);
    }
    // What is known goes on, and fails as the database does.
    assert_eq!(with_token(&site, "GET", ME, &token).await.status, 503);
    assert_eq!(browser.get(ME).await.status, 200);
}

#[tokio::test]
async fn anybody_can_write_where_they_come_from_and_nobody_believes_it() {
    let site = open("6").await;
    for last in 1..=3 {
        assert_eq!(guest(&site, &format!("9.9.9.{last}")).await.status, 401);
    }
    assert_eq!(guest(&site, "9.9.9.4").await.status, 429);

    let site = behind_a_proxy("6").await;
    for last in 1..=3 {
        let forged = format!("9.9.9.{last}, 1.1.1.1");
        assert_eq!(guest(&site, &forged).await.status, 401);
    }
    for forged in ["9.9.9.4, 1.1.1.1", "1.1.1.1", "nonsense, 1.1.1.1", "127.0.0.1, 1.1.1.1, 127.0.0.9"] {
        assert_eq!(guest(&site, forged).await.status, 429, "{forged}");
    }
    // A network of IPv6 is one customer.
    for last in 1..=3 {
        assert_eq!(guest(&site, &format!("2001:db8::{last}")).await.status, 401);
    }
    assert_eq!(guest(&site, "2001:db8::ffff:1").await.status, 429);
    assert_eq!(guest(&site, "2001:db8:0:1::1").await.status, 401);
    // What is no address counts for the proxy itself.
    for nonsense in ["x", "1.1.1.2, ", "1.1.1.2, 300.0.0.1"] {
        assert_eq!(guest(&site, nonsense).await.status, 401, "{nonsense}");
    }
    assert_eq!(guest(&site, "1.1.1.2, unknown").await.status, 429);
    assert_eq!(guest(&site, "1.1.1.2").await.status, 401);
}

/// Sends many requests over one connection, without waiting for the answers. Returns how many there were
/// with status 429.
async fn flood(url: &str, first: u32, count: u32) -> usize {
    let address = url.strip_prefix("http://").unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    let host = address.to_owned();
    let sending = tokio::spawn(async move {
        for number in first..first + count {
            let mut secret = [0; 32];
            secret[..4].copy_from_slice(&number.to_be_bytes());
            let token = tributary::domain::api_token::ApiToken::new(secret).text();
            let close = if number + 1 == first + count { "close" } else { "keep-alive" };
            let request = format!(
                "GET {ME} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: 6.6.6.6\r\n\
                 Authorization: Bearer {token}\r\nConnection: {close}\r\n\r\n"
            );
            write.write_all(request.as_bytes()).await.unwrap();
        }
        write
    });
    let mut text = Vec::new();
    read.read_to_end(&mut text).await.unwrap();
    sending.await.unwrap();
    String::from_utf8_lossy(&text).matches("HTTP/1.1 429").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_made_up_tokens_excludes_nobody() {
    let site = behind_a_proxy("120").await;
    let browser = site.signed_in().await;
    let token = site.token(&browser, &["servers:read"]).await;
    let from = async |address: &str, token: Option<&str>| {
        let browser = site.browser();
        let request = browser.request("GET", ME).header("x-forwarded-for", address);
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        browser.send(request).await.status
    };
    // She works at the address from which the flood comes.
    assert_eq!(from("6.6.6.6", Some(&token)).await, 200);
    let floods = (0..4).map(|part| flood(&site.url, part * 25_000, 25_000));
    let refused: usize = futures_util::future::join_all(floods).await.into_iter().sum();
    // A flood that takes longer than a minute has sixty more.
    assert!(refused > 98_000, "{refused} of 100,000");
    assert_eq!(from("6.6.6.6", None).await, 429);
    assert_eq!(from("6.6.6.6", Some(&token)).await, 200, "what is known goes on");
    assert_eq!(from("7.7.7.7", None).await, 401);
    assert_eq!(from("7.7.7.7", Some(&token)).await, 200);
}

#[tokio::test]
async fn an_address_may_try_ten_sign_ins() {
    let site = behind_a_proxy("0").await;
    let press = async |browser: &Visitor, path: &str, from: &str| {
        let request = browser.request("POST", path).header("sec-fetch-site", "same-origin");
        browser.send(request.header("x-forwarded-for", from).form(&[("next", "/")])).await
    };
    let (browser, wrong) = (site.browser(), format!("/auth/link/{}", "A".repeat(43)));
    for _ in 0..10 {
        assert_eq!(press(&browser, &wrong, "6.6.6.6").await.status, 410);
    }
    let link = path(&site.link().await);
    let refused = press(&browser, &link, "6.6.6.6").await;
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!(refused.status == 429 && (540..=600).contains(&wait), "{wait}: {}", refused.text);
    // Everything else goes on, and the link still works elsewhere.
    assert_eq!(guest(&site, "6.6.6.6").await.status, 401);
    assert_eq!(press(&browser, &link, "7.7.7.7").await.status, 303);
}
