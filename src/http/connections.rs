//! Connections: who may have how many, and how long a client may be slow. A client that sends its request's
//! head, or takes its answer, too slowly loses its connection; a slow body ends with its request.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;
use std::{io, pin};

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep};

use crate::domain::lock::lock;
use crate::domain::proxies::{AddressGroup, TrustedProxies};

/// How many connections there may be. Leaves room for others where a process may have 1,024 files open.
const MOST: usize = 768;
/// How many of them one address may have, unless a trusted proxy is there.
const MOST_OF_ONE: usize = 256;
/// How long a client may take to send the head of its request, to begin another one, or to take more of its
/// answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest head of a request, in bytes.
const HEAD: usize = 16 * 1024;
/// How long to wait when no connection can be accepted, because too many files are open, for instance.
const PAUSE: Duration = Duration::from_secs(1);

/// Serves connections until `stop` is true, and then until the last answers are given.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    proxies: Arc<TrustedProxies>,
    mut stop: watch::Receiver<bool>,
) {
    let open = OpenConnections::default();
    let mut tasks = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = tasks.join_next() => continue,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_of_one(&error) => continue,
            Err(error) => {
                tracing::warn!(%error, "no connection to the web pages can be accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let most_of_one = if proxies.trusts(peer.ip()) { MOST } else { MOST_OF_ONE };
        // Without a place, the connection is closed at once: an answer would cost what there is too little
        // of.
        if let Some(place) = open.add(peer.ip().into(), most_of_one) {
            tasks.spawn(connection(stream, peer, router.clone(), stop.clone(), place));
        }
    }
    drop(listener);
    while tasks.join_next().await.is_some() {}
}

/// Whether only this connection failed.
fn is_of_one(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Answers the requests of one connection.
async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    mut stop: watch::Receiver<bool>,
    _place: ConnectionPlace,
) {
    // Answers are written in one go.
    let _ = stream.set_nodelay(true);
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.call(request)
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_header_size(HEAD);
    let connection = builder.serve_connection(TokioIo::new(ImpatientStream::new(stream)), service);
    let mut connection = pin::pin!(connection);
    // That a client hung up, or was too slow, is nobody's concern.
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// How many connections each address has.
#[derive(Debug, Default)]
struct OpenConnections(Arc<Mutex<ConnectionCounts>>);

#[derive(Debug, Default)]
struct ConnectionCounts {
    all: usize,
    of: HashMap<AddressGroup, usize>,
}

impl OpenConnections {
    /// A place for one more, if this address may have it. Nobody may have more than are free, so a few
    /// addresses never take up all of them.
    fn add(&self, from: AddressGroup, most_of_one: usize) -> Option<ConnectionPlace> {
        let mut counts = lock(&self.0);
        let own = counts.of.get(&from).copied().unwrap_or_default();
        let free = MOST - counts.all;
        let may = if most_of_one == MOST { free > 0 } else { own < most_of_one.min(free) };
        may.then(|| {
            counts.all += 1;
            counts.of.insert(from, own + 1);
            ConnectionPlace { counts: Arc::clone(&self.0), from }
        })
    }
}

/// One connection's place, which is free again when this is dropped.
#[derive(Debug)]
struct ConnectionPlace {
    counts: Arc<Mutex<ConnectionCounts>>,
    from: AddressGroup,
}

impl Drop for ConnectionPlace {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        counts.all -= 1;
        let left = counts.of.get(&self.from).map_or(0, |own| own - 1);
        if left == 0 {
            counts.of.remove(&self.from);
        } else {
            counts.of.insert(self.from, left);
        }
    }
}

/// A stream that fails when the other side takes nothing for too long.
struct ImpatientStream<S = TcpStream> {
    stream: S,
    /// When to fail; `None` while nothing waits to be written.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<S> ImpatientStream<S> {
    const fn new(stream: S) -> Self {
        Self { stream, deadline: None }
    }

    /// Passes on what came of writing, unless it has waited too long.
    fn in_time<T>(&mut self, written: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.deadline = None;
            return written;
        }
        let deadline = self
            .deadline
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + PATIENCE)));
        if deadline.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        self.deadline = None;
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ImpatientStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ImpatientStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.in_time(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.in_time(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.in_time(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        self.in_time(shut, context)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    fn address(number: u32) -> AddressGroup {
        AddressGroup::from(IpAddr::from(Ipv4Addr::from_bits(number)))
    }

    /// How many places an address gets until it gets no more.
    fn fill(open: &OpenConnections, from: u32, most: usize) -> Vec<ConnectionPlace> {
        std::iter::from_fn(|| open.add(address(from), most)).collect()
    }

    #[test]
    fn a_few_addresses_leave_places_for_others() {
        let open = OpenConnections::default();
        let mut places = vec![fill(&open, 0, MOST_OF_ONE)];
        assert_eq!(places[0].len(), MOST_OF_ONE);
        places.extend((1..6).map(|from| fill(&open, from, MOST_OF_ONE)));
        let taken: Vec<usize> = places.iter().map(Vec::len).collect();
        assert_eq!(taken, [256, 256, 128, 64, 32, 16]);
        assert!(open.add(address(7), MOST_OF_ONE).is_some());
        // A proxy stands for many.
        places.push(fill(&open, 9, MOST));
        assert_eq!(places.last().map(Vec::len), Some(16));
        assert!(open.add(address(8), MOST_OF_ONE).is_none());
        places.clear();
        let counts = lock(&open.0);
        assert_eq!((counts.all, counts.of.len()), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_given_up() {
        let (near, mut far) = tokio::io::duplex(8);
        let mut near = ImpatientStream::new(near);
        near.write_all(&[1; 8]).await.unwrap();
        let began = Instant::now();
        assert_eq!(near.write_all(&[1]).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(began.elapsed().as_secs(), PATIENCE.as_secs());
        // Whoever takes a little now and then is not.
        let (near, slow) = (async { near.write_all(&[2; 40]).await }, async {
            for _ in 0..48 {
                tokio::time::sleep(PATIENCE / 2).await;
                far.read_u8().await.unwrap();
            }
        });
        assert!(tokio::join!(near, slow).0.is_ok());
    }
}
