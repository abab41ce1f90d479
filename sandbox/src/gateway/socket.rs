//! One WebSocket: frames in, frames out.

use std::sync::Arc;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, FromRequestParts as _};
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::hub::{GatewayOutage, Link, Outgoing, frame};
use super::start::Closed;
use crate::server::Wire;
use crate::shared::Shared;

/// Answers the request that opens a socket, as the outage demands if there is one.
pub(crate) async fn upgrade(
    shared: Arc<Shared>,
    wire: ConnectInfo<Wire>,
    request: Request<axum::body::Body>,
) -> Response {
    let (mut parts, _) = request.into_parts();
    let outage = shared.write(|world| {
        world.gateway.tries += 1;
        world.gateway.outage()
    });
    match outage {
        Some((GatewayOutage::Unreachable, _)) => {
            wire.0.cut();
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        Some((GatewayOutage::Refused(status), _)) => {
            return StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE).into_response();
        }
        // A request that waits here waits forever: the end of an outage affects only new requests.
        Some((GatewayOutage::Silent, _)) => return std::future::pending().await,
        Some((GatewayOutage::NoHello | GatewayOutage::Closed(_), _)) | None => {}
    }
    match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade.on_upgrade(move |mut socket| async move {
            match outage {
                Some((GatewayOutage::NoHello, _)) => while let Some(Ok(_)) = socket.recv().await {},
                Some((GatewayOutage::Closed(code), _)) => close(&mut socket, code, "").await,
                _ => Connection::new(shared, wire.0).run(socket).await,
            }
        }),
        Err(refused) => refused.into_response(),
    }
}

struct Connection {
    shared: Arc<Shared>,
    wire: Wire,
    socket: u64,
    session: Option<String>,
    sender: mpsc::UnboundedSender<Outgoing>,
    receiver: mpsc::UnboundedReceiver<Outgoing>,
}

impl Connection {
    fn new(shared: Arc<Shared>, wire: Wire) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let socket = shared.write(|world| world.gateway.new_socket());
        Self { shared, wire, socket, session: None, sender, receiver }
    }

    async fn run(mut self, mut socket: WebSocket) {
        let interval = self.shared.read(|world| world.config.heartbeat_interval);
        let interval = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
        let hello = frame(10, &json!({ "heartbeat_interval": interval, "_trace": [] }));
        if socket.send(Message::text(hello)).await.is_err() {
            return;
        }
        let mut shutdown = self.shared.shutdown_signal();
        let mut ends_session = false;
        loop {
            tokio::select! {
                outgoing = self.receiver.recv() => match outgoing {
                    Some(Outgoing::Text(text)) => {
                        if socket.send(Message::text(text)).await.is_err() {
                            break;
                        }
                    }
                    Some(Outgoing::Close(code, reason)) => {
                        close(&mut socket, code, reason).await;
                        break;
                    }
                    Some(Outgoing::Freeze) => {
                        drop(shutdown.wait_for(|stop| *stop).await);
                        break;
                    }
                    Some(Outgoing::Break) | None => {
                        self.wire.cut();
                        break;
                    }
                },
                incoming = socket.recv() => match incoming {
                    Some(Ok(Message::Text(text))) => match self.take(text.as_str()) {
                        Ok(()) => {}
                        Err(Closed(code, reason)) => {
                            close(&mut socket, code, reason).await;
                            break;
                        }
                    },
                    Some(Ok(Message::Close(frame))) => {
                        ends_session = frame.is_none_or(|frame| matches!(frame.code, 1000 | 1001));
                        break;
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => break,
                },
                () = async { drop(shutdown.wait_for(|stop| *stop).await) } => break,
            }
        }
        if let Some(session) = self.session.take() {
            self.shared.write(|world| world.gateway.unlink(&session, self.socket, ends_session));
        }
    }

    fn take(&mut self, text: &str) -> Result<(), Closed> {
        let Ok(sent) = serde_json::from_str::<Value>(text) else {
            return Err(Closed(4002, "Error while decoding payload."));
        };
        let link = || Link { socket: self.socket, sender: self.sender.clone() };
        match sent["op"].as_u64() {
            Some(1) => self.reply(frame(11, &Value::Null)),
            Some(2) if self.has_session() => return Err(Closed(4005, "Already authenticated.")),
            Some(2) => {
                self.session = Some(self.shared.write(|world| world.identify(&sent["d"], link()))?);
            }
            Some(6) => {
                self.session = self.shared.write(|world| world.resume(&sent["d"], link()))?;
                if self.session.is_none() {
                    self.reply(frame(9, &json!(false)));
                }
            }
            // Presence, voice state and member chunks: accepted, but without effect.
            Some(3 | 4 | 8) if self.session.is_some() => {}
            Some(3 | 4 | 8) => return Err(Closed(4003, "Not authenticated.")),
            _ => return Err(Closed(4001, "Unknown opcode.")),
        }
        Ok(())
    }

    /// Whether this socket's session still exists: after op 9, a bot may identify again on the same socket.
    fn has_session(&self) -> bool {
        let Some(id) = &self.session else { return false };
        self.shared.read(|world| world.gateway.session(id).is_some())
    }

    fn reply(&self, frame: String) {
        let _ = self.sender.send(Outgoing::Text(frame));
    }
}

async fn close(socket: &mut WebSocket, code: u16, reason: &'static str) {
    let _ = socket.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await;
}
