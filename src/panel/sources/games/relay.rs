//! Stands between the query library and a game server.
//!
//! The library trusts servers: it reads a connection until its end, sets aside as much memory as an answer
//! announces, and answers every challenge. So it speaks to a socket of this machine, and only so much passes,
//! for only so long.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use crate::domain::lock::lock;

use super::GameError;

/// How much a server may send by TCP: a Minecraft server's picture and its list of players fit in well.
const MOST_BYTES: usize = 256 * 1024;
/// How much, if it may be compressed and grow a thousandfold.
const MOST_PACKED: usize = 32 * 1024;
/// How many datagrams may pass, each way.
const MOST_DATAGRAMS: usize = 64;
/// The longest question of the library.
const QUESTION: usize = 4 * 1024;

/// How a game is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    /// By UDP.
    Datagrams,
    /// By UDP, with Valve's long answers in several datagrams, which may be packed.
    ValveDatagrams,
    /// By TCP, one packet with its length before it.
    Packet,
    /// By TCP, until the server is done.
    Stream,
    /// By TCP, what HTTP servers answer.
    Http,
}

impl Transport {
    /// The first thing that is seen of a server is an answer, not a connection.
    pub(super) const fn is_datagrams(self) -> bool {
        matches!(self, Self::Datagrams | Self::ValveDatagrams)
    }
}

/// What the relay has seen of the server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct RelayReport {
    /// How long the first answer took; `None` without one.
    pub(super) latency: Option<Duration>,
    /// The server's machine said that nothing listens there.
    pub(super) refused: bool,
}

/// A connection to a server for one query, closed when it is dropped.
#[derive(Debug)]
pub(super) struct Relay {
    /// Where the library asks.
    pub(super) port: u16,
    seen: Arc<Mutex<RelayReport>>,
    running: JoinHandle<()>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.running.abort();
    }
}

impl Relay {
    /// Connects to this server, for a limited time.
    pub(super) async fn open(
        server: SocketAddr,
        transport: Transport,
        patience: Duration,
    ) -> Result<Self, GameError> {
        let until = Instant::now() + patience * 2;
        match transport {
            Transport::Datagrams | Transport::ValveDatagrams => {
                let inside = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
                let outside = outside(server).await.map_err(failed)?;
                let port = inside.local_addr().map_err(failed)?.port();
                let seen = Arc::<Mutex<RelayReport>>::default();
                let datagrams = Datagrams { inside, outside, transport, seen: Arc::clone(&seen) };
                let running = tokio::spawn(async move { drop(timeout_at(until, datagrams.pass()).await) });
                Ok(Self { port, seen, running })
            }
            Transport::Packet | Transport::Stream | Transport::Http => {
                let began = Instant::now();
                let connected = timeout(patience, TcpStream::connect(server)).await;
                let outside = connected.map_err(|_| GameError::Silent)?.map_err(unconnected)?;
                let seen = RelayReport { latency: Some(began.elapsed()), refused: false };
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
                let port = listener.local_addr().map_err(failed)?.port();
                // However it ends, the library sees the end of its connection.
                let passing =
                    async move { drop(timeout_at(until, connection(listener, outside, transport)).await) };
                Ok(Self { port, seen: Arc::new(Mutex::new(seen)), running: tokio::spawn(passing) })
            }
        }
    }

    /// What it has seen until now.
    pub(super) fn seen(&self) -> RelayReport {
        *lock(&self.seen)
    }
}

fn failed(error: io::Error) -> GameError {
    tracing::warn!(%error, "no socket for a query of a game server");
    GameError::Failed
}

fn unconnected(error: io::Error) -> GameError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => GameError::Refused,
        _ => GameError::Silent,
    }
}

/// A socket that hears only this server.
async fn outside(server: SocketAddr) -> io::Result<UdpSocket> {
    let any = if server.is_ipv4() {
        SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))
    } else {
        SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(server).await?;
    Ok(socket)
}

struct Datagrams {
    inside: UdpSocket,
    outside: UdpSocket,
    transport: Transport,
    seen: Arc<Mutex<RelayReport>>,
}

impl Datagrams {
    async fn pass(self) -> io::Result<()> {
        let mut question = [0; QUESTION];
        let mut answer = vec![0; usize::from(u16::MAX)];
        // The first socket that asks is the library's; others are ignored.
        let mut asker = None;
        let mut began = None;
        for _ in 0..MOST_DATAGRAMS {
            tokio::select! {
                read = self.inside.recv_from(&mut question) => {
                    let (length, from) = read?;
                    if *asker.get_or_insert(from) == from {
                        began.get_or_insert_with(Instant::now);
                        self.outside.send(&question[..length]).await?;
                    }
                }
                read = self.outside.recv(&mut answer) => {
                    let (Some(asker), Some(began)) = (asker, began) else { continue };
                    let length = self.note(read, began);
                    if !(self.transport == Transport::ValveDatagrams && is_packed(&answer[..length])) {
                        self.inside.send_to(&answer[..length], asker).await?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Datagrams {
    /// Notes that an answer came, or that none will. Then the library gets an empty one, which ends its wait.
    fn note(&self, read: io::Result<usize>, began: Instant) -> usize {
        let mut seen = lock(&self.seen);
        match read {
            Ok(length) => {
                seen.latency.get_or_insert_with(|| began.elapsed());
                length
            }
            Err(error) => {
                seen.refused = error.kind() == io::ErrorKind::ConnectionRefused;
                0
            }
        }
    }
}

/// Whether it is part of a compressed answer in Valve's protocol. Those announce their size, up to 4 GiB, and
/// no present game sends them.
fn is_packed(datagram: &[u8]) -> bool {
    datagram.first() == Some(&0xfe) && datagram.get(7).is_some_and(|id| id & 0x80 != 0)
}

/// Passes what one connection asks, and what the server answers.
async fn connection(listener: TcpListener, mut outside: TcpStream, transport: Transport) -> io::Result<()> {
    let (mut inside, _) = listener.accept().await?;
    drop(listener);
    let (mut from_library, mut to_library) = inside.split();
    let (from_server, mut to_server) = outside.split();
    let asking = async {
        tokio::io::copy(&mut from_library, &mut to_server).await?;
        // The library is done, or has closed its side: the answer may still come.
        std::future::pending::<io::Result<()>>().await
    };
    let answering = async {
        match transport {
            Transport::Packet => {
                let packet = packet(from_server).await?;
                to_library.write_all(&packet).await
            }
            _ => {
                let most = if transport == Transport::Http { MOST_PACKED } else { MOST_BYTES };
                tokio::io::copy(&mut from_server.take(most as u64), &mut to_library).await.map(drop)
            }
        }
    };
    tokio::select! {
        done = asking => done,
        done = answering => done,
    }
}

/// A Minecraft server's first packet, whole, with a text in it that is as long as it says
/// (<https://minecraft.wiki/w/Java_Edition_protocol>).
async fn packet(mut from: impl AsyncRead + Unpin) -> io::Result<Vec<u8>> {
    let mut read = Vec::with_capacity(QUESTION);
    loop {
        if let Some((length, start)) = varint(&read) {
            let end = start.saturating_add(length);
            if length > MOST_BYTES {
                return Err(io::ErrorKind::InvalidData.into());
            }
            if read.len() >= end {
                read.truncate(end);
                return if is_status(&read[start..]) {
                    Ok(read)
                } else {
                    Err(io::ErrorKind::InvalidData.into())
                };
            }
        } else if read.len() >= 5 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if from.read_buf(&mut read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Whether it is packet 0 with one text that fills it.
fn is_status(packet: &[u8]) -> bool {
    let Some((0, at)) = varint(packet) else { return false };
    varint(&packet[at..]).is_some_and(|(length, start)| at + start + length == packet.len())
}

/// A number of seven bits a byte, and how many bytes it takes.
fn varint(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0;
    for (at, byte) in bytes.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((value, at + 1));
        }
    }
    None
}
