//! Fetching an attachment, to upload it again: a copy must not show the original's link, which is signed and
//! expires.
//!
//! Links come out of messages. So only Discord's own file hosts are ever asked (and their stand-in, the API's
//! base address), without the bot's token and without following redirects. A file passes through in chunks
//! and is never held in memory whole. The API's rate limits don't count these requests.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::stream::{BoxStream, Stream, StreamExt, TryStreamExt};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_TYPE};
use reqwest::{Response, StatusCode, Url};

use super::Rest;

/// Where Discord keeps files. Discord: "CDN Formatting", "Signed Attachment CDN URLs".
const FILE_HOSTS: [&str; 2] = ["cdn.discordapp.com", "media.discordapp.net"];
/// A longer media type isn't one.
const LONGEST_MEDIA_TYPE: usize = 120;

/// Why a file can't be fetched. Holds no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum FetchError {
    /// The link leads to a place that isn't Discord's, or is redirected there. Nothing was asked there.
    #[error("the link leads to a place that isn't Discord's")]
    HostNotAllowed,
    /// The link's signature expired, or the file is gone (403, 404, 410, and whatever else asking again for
    /// the same link won't change). The message itself may have a fresh link.
    #[error("the link expired, or the file is gone")]
    Expired,
    /// The file is larger than allowed, or than was announced.
    #[error("the file is larger than allowed")]
    TooLarge,
    /// No connection, silence, a break in the middle, 429 or 5xx. The same may work later.
    #[error("the file couldn't be fetched")]
    Again,
}

/// A file that is being fetched.
#[derive(Debug)]
pub struct FetchedFile {
    /// Its media type, as its host says.
    pub media_type: Option<String>,
    /// Its bytes, and how many they are.
    pub body: FileBody,
}

/// A file's bytes on their way: a stream that ends without an error only after exactly [`FileBody::length`]
/// bytes.
///
/// It isn't read ahead, so it takes a chunk or two of memory. Left unread for long, it breaks.
pub struct FileBody {
    length: u64,
    left: u64,
    chunks: BoxStream<'static, Result<Bytes, FetchError>>,
    watch: FileWatch,
}

/// Tells what became of a file's bytes after they were handed on, for example to an upload.
#[derive(Debug, Clone, Default)]
pub struct FileWatch(Arc<OnceLock<FetchError>>);

impl FileWatch {
    /// Why they broke off, if they did.
    pub fn failure(&self) -> Option<FetchError> {
        self.0.get().copied()
    }
}

impl FileBody {
    /// The bytes of this stream, which must be `length`: with fewer it ends as [`FetchError::Again`], with
    /// more as [`FetchError::TooLarge`].
    pub fn new(length: u64, chunks: impl Stream<Item = Result<Bytes, FetchError>> + Send + 'static) -> Self {
        Self { length, left: length, chunks: chunks.boxed(), watch: FileWatch::default() }
    }

    /// How many bytes the whole has.
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// A view on what becomes of it.
    pub fn watch(&self) -> FileWatch {
        self.watch.clone()
    }
}

impl fmt::Debug for FileBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { length, left, .. } = self;
        f.debug_struct("FileBody").field("length", length).field("left", left).finish_non_exhaustive()
    }
}

impl Stream for FileBody {
    type Item = Result<Bytes, FetchError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(error) = self.watch.failure() {
            return Poll::Ready(Some(Err(error)));
        }
        let error = match ready!(self.chunks.poll_next_unpin(cx)) {
            Some(Ok(chunk)) => {
                let left = u64::try_from(chunk.len()).ok().and_then(|length| self.left.checked_sub(length));
                match left {
                    Some(left) => {
                        self.left = left;
                        return Poll::Ready(Some(Ok(chunk)));
                    }
                    None => FetchError::TooLarge,
                }
            }
            Some(Err(error)) => error,
            None if self.left == 0 => return Poll::Ready(None),
            None => FetchError::Again,
        };
        // Never fails: it wasn't set above.
        let _ = self.watch.0.set(error);
        Poll::Ready(Some(Err(error)))
    }
}

impl Rest {
    /// Begins to fetch a file of a message from `https://cdn.discordapp.com`, `https://media.discordapp.net`
    /// or the API's base address.
    ///
    /// `expected` is its size as the message says it, `max` the largest size that is accepted, both in bytes.
    /// What the host says about the size takes precedence over `expected`. Where the host says nothing, the
    /// file must have the expected size.
    ///
    /// Errors: see [`FetchError`]. The body can fail in the same ways. A transfer that stands still is given
    /// up after [`RestConfig::file_idle_timeout`](super::RestConfig::file_idle_timeout). A file may take as
    /// long as it likes while it moves.
    pub async fn fetch_file(&self, url: &str, expected: u64, max: u64) -> Result<FetchedFile, FetchError> {
        let url = allowed(url, &self.shared.base).ok_or(FetchError::HostNotAllowed)?;
        if expected > max {
            return Err(FetchError::TooLarge);
        }
        // The file itself is wanted, not a compressed form of it: its length must be known in advance.
        let request = self.shared.file_client.get(url).header(ACCEPT_ENCODING, "identity");
        // The library's errors name the address, so they go no further.
        let response = request.send().await.map_err(|_| FetchError::Again)?;
        let checked = check_status(response.status());
        tracing::debug!(status = response.status().as_u16(), "file answered");
        checked?;
        let length = response.content_length().unwrap_or(expected);
        if length > max {
            return Err(FetchError::TooLarge);
        }
        let media_type = media_type(&response);
        let chunks = response.bytes_stream().map_err(|_| FetchError::Again);
        Ok(FetchedFile { media_type, body: FileBody::new(length, chunks) })
    }
}

/// The address, if a file may be fetched from it. Decided on the parsed address, which is also the one that
/// is asked.
fn allowed(url: &str, base: &Url) -> Option<Url> {
    let url = Url::parse(url).ok()?;
    let bare = url.username().is_empty() && url.password().is_none();
    let discord = url.scheme() == "https"
        && url.port().is_none()
        && url.host_str().is_some_and(|host| FILE_HOSTS.contains(&host));
    (bare && (discord || url.origin() == base.origin())).then_some(url)
}

fn check_status(status: StatusCode) -> Result<(), FetchError> {
    match status.as_u16() {
        200 => Ok(()),
        300..400 => Err(FetchError::HostNotAllowed),
        408 | 425 | 429 => Err(FetchError::Again),
        400..500 => Err(FetchError::Expired),
        _ => Err(FetchError::Again),
    }
}

fn media_type(response: &Response) -> Option<String> {
    let text = response.headers().get(CONTENT_TYPE)?.to_str().ok()?.trim();
    (!text.is_empty() && text.len() <= LONGEST_MEDIA_TYPE).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const BASE: &str = "http://127.0.0.1:8080/api";

    #[rstest]
    #[case("https://cdn.discordapp.com/attachments/1/2/a.png?ex=1&is=2&hm=3")]
    #[case("https://media.discordapp.net/attachments/1/2/a.png")]
    #[case("https://CDN.discordapp.com:443/a")]
    #[case("http://127.0.0.1:8080/attachments/1/2/a.png")]
    #[case("http://0x7f.1:8080/the-same-address-written-oddly")]
    fn files_come_from_these_places(#[case] url: &str) {
        let allowed = allowed(url, &Url::parse(BASE).unwrap()).unwrap();
        assert!(matches!(
            allowed.host_str(),
            Some("cdn.discordapp.com" | "media.discordapp.net" | "127.0.0.1")
        ));
    }

    #[rstest]
    // Another scheme, or another port.
    #[case("http://cdn.discordapp.com/a")]
    #[case("https://cdn.discordapp.com:8443/a")]
    #[case("https://cdn.discordapp.com:80/a")]
    #[case("ftp://cdn.discordapp.com/a")]
    #[case("file:///etc/passwd")]
    #[case("file://cdn.discordapp.com/etc/passwd")]
    #[case("data:text/plain,hello")]
    #[case("blob:https://cdn.discordapp.com/a")]
    #[case("unix:/run/x.sock")]
    // Another host that looks like one of them.
    #[case("https://cdn.discordapp.com.example.org/a")]
    #[case("https://example.org/cdn.discordapp.com")]
    #[case("https://example.org?https://cdn.discordapp.com/")]
    #[case("https://example.org#@cdn.discordapp.com/")]
    #[case("https://xcdn.discordapp.com/a")]
    #[case("https://a.cdn.discordapp.com/a")]
    #[case("https://discordapp.com/a")]
    #[case("https://cdn.discordapp.com./a")]
    #[case("https://cdn\u{2024}discordapp\u{2024}com.example.org/a")]
    #[case("https://cdn.disc\u{043e}rdapp.com/a")]
    // Userinfo, which isn't the host, or hides it.
    #[case("https://cdn.discordapp.com@example.org/a")]
    #[case("https://cdn.discordapp.com:443@example.org/a")]
    #[case("https://user@cdn.discordapp.com/a")]
    #[case("https://:password@cdn.discordapp.com/a")]
    #[case("https://example.org\\@cdn.discordapp.com/a")]
    #[case("https://example.org%2f@cdn.discordapp.com/a")]
    #[case("https://cdn.discordapp.com%00.example.org/a")]
    #[case("http://user@127.0.0.1:8080/a")]
    #[case("http://127.0.0.1:8080@169.254.169.254/a")]
    // Addresses inside, and the base's neighbours.
    #[case("http://169.254.169.254/latest/meta-data")]
    #[case("http://localhost:8080/a")]
    #[case("http://127.0.0.1/a")]
    #[case("http://127.0.0.1:8081/a")]
    #[case("https://127.0.0.1:8080/a")]
    #[case("http://127.0.0.2:8080/a")]
    #[case("http://[::1]:8080/a")]
    #[case("http://[::ffff:127.0.0.1]:8080/a")]
    #[case("http://0:8080/a")]
    #[case("ws://127.0.0.1:8080/a")]
    // No addresses.
    #[case("")]
    #[case("//cdn.discordapp.com/a")]
    #[case("cdn.discordapp.com/a")]
    #[case("https://")]
    #[case("attachment://a.png")]
    fn files_come_from_nowhere_else(#[case] url: &str) {
        assert_eq!(allowed(url, &Url::parse(BASE).unwrap()), None);
    }

    #[tokio::test]
    async fn a_body_ends_well_only_at_its_length() {
        let read = |length, chunks: &[&'static str]| {
            let chunks: Vec<_> =
                chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk.as_bytes()))).collect();
            let mut body = FileBody::new(length, futures_util::stream::iter(chunks));
            let watch = body.watch();
            async move {
                let mut read = Vec::new();
                loop {
                    match body.next().await {
                        Some(Ok(chunk)) => read.extend_from_slice(&chunk),
                        Some(Err(error)) => {
                            assert_eq!(watch.failure(), Some(error));
                            assert_eq!(body.next().await, Some(Err(error)), "it stays broken");
                            return Err((read, error));
                        }
                        None => {
                            assert_eq!(watch.failure(), None);
                            return Ok(read);
                        }
                    }
                }
            }
        };
        assert_eq!(read(4, &["ab", "", "cd"]).await, Ok(b"abcd".to_vec()));
        assert_eq!(read(0, &[]).await, Ok(Vec::new()));
        assert_eq!(read(5, &["ab", "cd"]).await, Err((b"abcd".to_vec(), FetchError::Again)));
        assert_eq!(read(3, &["ab", "cd"]).await, Err((b"ab".to_vec(), FetchError::TooLarge)));
        assert_eq!(read(4, &["ab", "cd", "e"]).await, Err((b"abcd".to_vec(), FetchError::TooLarge)));
    }
}
