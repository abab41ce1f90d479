//! A page in the browser that looks and works like a chat client, and plays all roles: the quickest way to
//! see what a bot does.
//!
//! It has a listener of its own, so that Discord's address stays as it is. What a person sees is pushed over
//! a WebSocket when the bell rings (`socket`, `watch`); what a person does comes in as one request each, and
//! goes through the same handles as in tests (`act`). No rule of Discord's is repeated here.
//!
//! ```text
//!  browser ◄── /live ──── socket ◄─ watch ◄─ view, message, status ◄── World
//!     └───── /act, /upload ──► act, trouble ──► driver ──► ops ──► World
//! ```
//! Only a page that came from here may do anything: `guard` checks Host and Origin of each request.

mod act;
mod assets;
mod consent;
mod files;
mod guard;
mod message;
mod socket;
mod status;
mod trouble;
mod upload;
mod view;
mod watch;
mod words;

pub(crate) use assets::serve as serve_asset;
pub(crate) use consent::{consent, notice};

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use axum::routing::{get, post};
use tokio::net::TcpListener;

use crate::driver::{ActError, Channel, Person, Sandbox};
use crate::shared::Shared;

/// How large an upload may be.
const UPLOAD_BYTES: usize = 100 << 20;

/// A page that is being served, until its sandbox stops.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    address: SocketAddr,
}

impl Page {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its link.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// A link that opens it as this person, with these channels side by side (at most two).
    pub fn url_as(&self, person: &Person, channels: &[&Channel]) -> String {
        let mut url = format!("{}#as={}", self.url(), person.id());
        for (side, channel) in ["left", "right"].into_iter().zip(channels) {
            url.push_str(&format!("&{side}={}", channel.id()));
        }
        url
    }
}

/// Opens a link in the person's browser; `false` when there seems to be none.
pub fn open_in_browser(url: &str) -> bool {
    open::that_detached(url).is_ok()
}

impl Sandbox {
    /// Serves the page on 127.0.0.1, on this port or (0) on any free one.
    pub async fn serve_page(&self, port: u16) -> Result<Page, ActError> {
        let listen = |error: std::io::Error| ActError::Listen(error.to_string());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let router = router(Arc::clone(self.shared()));
        let mut stop = self.shared().shutdown_signal();
        tokio::spawn(async move {
            tokio::select! {
                served = axum::serve(listener, router) => {
                    if let Err(error) = served {
                        tracing::error!(%error, "the page is not served any more");
                    }
                }
                () = async { drop(stop.wait_for(|stop| *stop).await) } => {}
            }
        });
        Ok(Page { address })
    }
}

fn router(shared: Arc<Shared>) -> Router {
    let acts = Router::new()
        .route("/live", get(socket::open))
        .route("/act", post(act::take))
        .route("/upload", post(upload::take).layer(DefaultBodyLimit::max(UPLOAD_BYTES)))
        .layer(from_fn(guard::same_origin));
    Router::new()
        .route("/files/{channel}/{attachment}/{filename}", get(files::serve))
        .fallback(assets::serve)
        .merge(acts)
        .layer(from_fn(guard::loopback))
        .with_state(shared)
}
