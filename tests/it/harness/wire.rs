//! The network between a bot and its PostgreSQL, which a test can freeze.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::Database;

/// Passes everything on, in both directions, until it is frozen.
pub struct Wire {
    url: String,
    frozen: watch::Sender<bool>,
}

impl Wire {
    /// A wire to this database.
    pub async fn to(database: &Database) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (start, rest) = database.url().split_once('@').expect("an address with a user");
        let (server, name) = rest.split_once('/').expect("an address with a database");
        let url = format!("{start}@{address}/{name}");
        let (frozen, thawed) = watch::channel(false);
        tokio::spawn(accept(listener, server.to_owned(), thawed));
        Self { url, frozen }
    }

    /// The database's address, through this wire.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Lets nothing through any more, as if a machine had silently disappeared: connections stay open, and
    /// none is answered.
    pub fn freeze(&self) {
        self.frozen.send_replace(true);
    }
}

async fn accept(listener: TcpListener, server: String, frozen: watch::Receiver<bool>) {
    while let Ok((near, _)) = listener.accept().await {
        let (server, frozen) = (server.clone(), frozen.clone());
        tokio::spawn(async move {
            let far = TcpStream::connect(server).await.expect("the server is there");
            let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
            tokio::join!(pass(near_in, far_out, frozen.clone()), pass(far_in, near_out, frozen));
        });
    }
}

async fn pass(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut frozen: watch::Receiver<bool>,
) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if frozen.wait_for(|frozen| !frozen).await.is_err() || to.write_all(&buffer[..length]).await.is_err()
        {
            return;
        }
    }
    // The other side doesn't learn that one side closed while nothing gets through.
    let _ = frozen.wait_for(|frozen| !frozen).await;
}
