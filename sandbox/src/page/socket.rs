//! One page's WebSocket: the page says who looks at what, and receives whatever changes there.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;

use super::watch::Watcher;
use crate::shared::Shared;

/// Changes within this time are sent together.
const GATHER: Duration = Duration::from_millis(20);

/// `GET /live`
pub(super) async fn open(State(shared): State<Arc<Shared>>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|socket| run(shared, socket))
}

async fn run(shared: Arc<Shared>, mut socket: WebSocket) {
    let mut bell = shared.listen();
    let mut stop = shared.shutdown_signal();
    let mut watcher = Watcher::default();
    loop {
        tokio::select! {
            incoming = socket.recv() => match incoming {
                Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                    Ok(wanted) => watcher.want(wanted),
                    Err(_) => return,
                },
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => return,
            },
            rung = bell.changed() => if rung.is_err() {
                return;
            },
            stopped = stop.changed() => if stopped.is_err() || *stop.borrow() {
                return;
            },
        }
        tokio::time::sleep(GATHER).await;
        bell.borrow_and_update();
        for update in watcher.look(&shared) {
            if socket.send(Message::text(update)).await.is_err() {
                return;
            }
        }
    }
}
