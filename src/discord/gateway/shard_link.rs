//! One shard's connection, renewed for as long as the process runs. twilight reads it; this file decides how
//! long everything may take, and when to try again.
//!
//! ```text
//! pause ─► connect ─► Hello ─► RESUME, or IDENTIFY in its turn ─► events, in order ─► lost ─┐
//!   ▲                                                                                        │
//!   └────────────────────────────────────────────────────────────────────────────────────────┘
//! ```
//! Each of twilight's shards is used for one connection only. By itself, twilight waits forever for a Hello
//! and for its own close, its pauses grow to minutes, and it finds an event's number by searching the text.
//! So the session and the number of its last event are kept here, as `frame` reads them.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use secrecy::ExposeSecret;
use serde_json::value::RawValue;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};
use twilight_gateway::error::{ReceiveMessageError, ReceiveMessageErrorType};
use twilight_gateway::{CloseFrame, Config, ConfigBuilder, Message, ShardId, ShardState};

use crate::domain::gateway_session::GatewaySession;
use crate::domain::shards::Shard;
use crate::metrics as names;

use super::address::address;
use super::connection::Connection;
use super::events::Fields;
use super::frame::Frame;
use super::ingest::Ingest;
use super::loss::{Loss, io_error, pause};
use super::sessions::{Sessions, say_wait};
use super::skim::unwanted_message;
use super::{FatalGateway, Leave};

/// How long a connection may take until Discord says Hello.
const HELLO: Duration = Duration::from_millis(2_500);
/// The same for a slow network: one in so many tries waits this long.
const SLOW_HELLO: (u32, Duration) = (6, Duration::from_secs(10));
/// After how many failed tries a network that was fast before counts as slow.
const SLOW_NOW: u32 = 120;
/// How long Discord may take to answer a RESUME, or pause while it replays events.
const RESUMED: Duration = Duration::from_secs(10);
/// How long Discord may take to answer an IDENTIFY.
const READY: Duration = Duration::from_secs(30);
/// After so long a silence, a heartbeat checks that the other side is still there.
const SILENCE: Duration = Duration::from_secs(15);
/// How long the answer may take. Together with the silence, this bounds how long a half-open connection goes
/// unnoticed.
const ANSWER: Duration = Duration::from_secs(5);
/// A connection that lasted this long was a good one: the next try follows immediately.
const STEADY: Duration = Duration::from_secs(10);
/// How many frames are still read when a connection is closed.
const LAST_FRAMES: usize = 1_000;

/// A shard, and what is needed to connect it.
pub(super) struct ShardLink {
    shard: Shard,
    config: Config<Sessions>,
    ingest: Ingest,
    session: Option<GatewaySession>,
    /// Failed tries in a row.
    failures: u32,
    /// Whether it has been connected before.
    known: bool,
}

/// Why a connection ended.
#[derive(Debug)]
enum End {
    Left,
    Fatal(FatalGateway),
    /// It must be connected again.
    Lost(Loss),
}

impl ShardLink {
    /// A shard that resumes this session, if there is one.
    pub(super) const fn new(
        config: Config<Sessions>,
        ingest: Ingest,
        session: Option<GatewaySession>,
    ) -> Self {
        Self { shard: ingest.shard, config, ingest, session, failures: 0, known: false }
    }

    /// Stays connected until it has to leave. Returns the session that it left, if that can be resumed.
    ///
    /// # Errors
    /// If trying again is pointless.
    pub(super) async fn run(
        mut self,
        mut leave: watch::Receiver<Leave>,
    ) -> Result<Option<GatewaySession>, FatalGateway> {
        loop {
            if !self.wait_for_budget(&mut leave).await {
                return Ok(None);
            }
            let mut connection = self.connection();
            let end = self.listen(&mut connection, &mut leave).await;
            self.ingest.sinks.state.lost(self.shard);
            let loss = match end {
                End::Left => return Ok(self.session),
                End::Fatal(error) => return Err(error),
                End::Lost(loss) => loss,
            };
            let begun = connection.begun;
            if connection.active.is_some_and(|since| since.elapsed() >= STEADY) {
                self.failures = 0;
            }
            // Closed, if it isn't, before the pause.
            drop(connection);
            self.failures = self.failures.saturating_add(1);
            let pause = pause(self.failures, rand::random());
            self.say(loss, pause);
            tokio::select! {
                () = sleep_until(begun + pause) => {}
                _ = leave.wait_for(|leave| *leave != Leave::No) => return Ok(self.session),
            }
        }
    }

    /// If a new session is needed, waits until the day's budget allows one. Returns whether to go on.
    async fn wait_for_budget(&self, leave: &mut watch::Receiver<Leave>) -> bool {
        while self.session.is_none() {
            let (now, at) = (Instant::now(), self.config.queue().next_at());
            if at <= now {
                break;
            }
            say_wait(self.shard.id, at - now);
            tokio::select! {
                () = sleep_until(at) => {}
                _ = leave.wait_for(|leave| *leave != Leave::No) => return false,
            }
        }
        true
    }

    fn connection(&self) -> Connection {
        let mut config = ConfigBuilder::from(self.config.clone());
        if let Some(GatewaySession { id, address, number, .. }) = &self.session {
            config = config.session(twilight_gateway::Session::new(*number, id.expose_secret().to_owned()));
            // In case that can't be reached, every third try goes to where all begin.
            if let Some(address) = address.as_ref().filter(|_| self.failures % 3 != 2) {
                config = config.resume_url(address.clone());
            }
        }
        let id = ShardId::new(self.shard.id, self.shard.total);
        let (shard, now) = (twilight_gateway::Shard::with_config(id, config.build()), Instant::now());
        Connection { shard, begun: now, greeted: false, active: None, heard: now, asked: None }
    }

    /// Reads a connection until it ends.
    async fn listen(&mut self, connection: &mut Connection, leave: &mut watch::Receiver<Leave>) -> End {
        loop {
            let limit = self.limit(connection);
            let next = tokio::select! {
                next = timeout_at(limit, connection.next()) => next,
                left = leave.wait_for(|leave| *leave != Leave::No) => {
                    // Another process that has these shards needs no session of this one's.
                    let for_good = left.is_ok_and(|leave| *leave == Leave::AtOnce);
                    self.hang_up(connection, if for_good { CloseFrame::NORMAL } else { CloseFrame::RESUME });
                    return End::Left;
                }
            };
            let went_on = match next {
                Ok(Some(Ok(Message::Text(text)))) => self.take(connection, &text),
                Ok(Some(Ok(Message::Close(frame)))) => {
                    Err(self.closed(connection, frame.map(|frame| frame.code)))
                }
                Ok(Some(Err(error))) => match unread(&error) {
                    Some(text) => self.take(connection, text),
                    None => Err(End::Lost(Loss::Refused(io_error(&error)))),
                },
                Ok(None) => Err(End::Lost(Loss::Closed(None))),
                Err(_) => self.overdue(connection),
            };
            if let Err(end) = went_on {
                return end;
            }
        }
    }

    /// By when something has to arrive.
    fn limit(&self, connection: &Connection) -> Instant {
        let Connection { begun, heard, asked, .. } = *connection;
        if !connection.greeted {
            let (every, long) = SLOW_HELLO;
            let slow = (!self.known || self.failures > SLOW_NOW) && self.failures % every == every - 1;
            begun + if slow { long } else { HELLO }
        } else if connection.active.is_some() {
            asked.map_or(heard + SILENCE, |asked| asked + ANSWER)
        } else if self.session.is_some() {
            heard + RESUMED
        } else {
            // While it waits for its turn to begin, nothing has to be heard but what twilight looks after.
            let allowed = self.config.queue().allowed_at(self.shard.id).filter(|at| *at >= begun);
            allowed.map_or_else(|| Instant::now() + SILENCE, |allowed| allowed + READY)
        }
    }

    /// Nothing has arrived for too long.
    fn overdue(&self, connection: &mut Connection) -> Result<(), End> {
        if !connection.greeted {
            return Err(End::Lost(Loss::NoHello));
        }
        if connection.active.is_some() {
            if connection.asked.is_some() {
                return Err(End::Lost(Loss::Silent));
            }
            connection.asked = Some(Instant::now());
            let number = self.session.as_ref().map_or(0, |session| session.number);
            connection.shard.send(format!(r#"{{"op":1,"d":{number}}}"#));
            return Ok(());
        }
        // The limit moves with the turn.
        if self.limit(connection) > Instant::now() { Ok(()) } else { Err(End::Lost(Loss::Unanswered)) }
    }

    /// Processes a frame. Our own reading of it decides whether the connection goes on.
    fn take(&mut self, connection: &mut Connection, text: &str) -> Result<(), End> {
        (connection.greeted, connection.heard, connection.asked) = (true, Instant::now(), None);
        if connection.active.is_some()
            && let Some(session) = &mut self.session
            && let Some(number) =
                unwanted_message(text, |channel| self.ingest.wants(channel), self.ingest.wants_author())
        {
            session.number = number;
            return goes_on(connection);
        }
        let Some(Frame { op, event, number, data }) = Frame::read(text) else {
            metrics::counter!(names::EVENTS_UNREADABLE, "event" => "frame").increment(1);
            tracing::warn!(
                shard = self.shard.id,
                bytes = text.len(),
                "the gateway sent something that is no JSON object"
            );
            return Ok(());
        };
        if let (Some(session), Some(number)) = (&mut self.session, number) {
            session.number = number;
        }
        match (op, event, data) {
            (Some(0), Some(event), data) => {
                let sent = connection.sent();
                self.note_going_on(connection, &event);
                self.note(connection, &event, data, number);
                if let Some(data) = data {
                    self.ingest.take(&event, data, sent);
                }
            }
            (Some(7), ..) => {
                self.hang_up(connection, CloseFrame::RESUME);
                return Err(End::Lost(Loss::ToReconnect));
            }
            (Some(9), _, data) => {
                let goes_on = data.is_some_and(|data| data.get() == "true");
                if !goes_on {
                    self.session = None;
                }
                self.hang_up(connection, if goes_on { CloseFrame::RESUME } else { CloseFrame::NORMAL });
                return Err(End::Lost(Loss::InvalidSession));
            }
            _ => {}
        }
        goes_on(connection)
    }

    /// Notes what an event says about the session.
    fn note(
        &mut self,
        connection: &mut Connection,
        event: &str,
        data: Option<&RawValue>,
        number: Option<u64>,
    ) {
        match event {
            "READY" => {
                let ready = data.map(Fields::of).unwrap_or_default();
                let address = ready.resume_address().and_then(|url| address(&url));
                let number = number.unwrap_or_default();
                let shard = self.shard;
                self.session =
                    ready.session().map(|id| GatewaySession { shard, id: id.into(), address, number });
            }
            "RESUMED" => {}
            _ => return,
        }
        connection.active = Some(Instant::now());
        self.known = true;
    }

    /// Discord closed the connection, or it broke (1006).
    fn closed(&mut self, connection: &Connection, code: Option<u16>) -> End {
        if connection.shard.state() == ShardState::FatallyClosed {
            let error = FatalGateway::of_close(code);
            tracing::error!(shard = self.shard.id, code, "the gateway closed the connection for good");
            return End::Fatal(error);
        }
        // Discord: "Gateway Close Event Codes". A session that is refused this way would be again.
        let refused = match code {
            Some(4007) => true,
            Some(4001..=4006 | 4009) => connection.greeted && connection.active.is_none(),
            _ => false,
        };
        if refused {
            self.session = None;
        }
        End::Lost(Loss::Closed(code))
    }

    /// Closes the connection, and reads what has arrived already. It waits for nothing: the other side may be
    /// gone.
    fn hang_up(&mut self, connection: &mut Connection, frame: CloseFrame<'static>) {
        let connected = connection.greeted || !connection.is_given_up();
        // Where twilight couldn't go on, it is given no occasion to try.
        if !connected || connection.shard.resume_url().is_some_and(|url| address(url).is_none()) {
            return;
        }
        connection.shard.close(frame);
        for _ in 0..LAST_FRAMES {
            let Some(Some(Ok(Message::Text(text)))) = connection.shard.next().now_or_never() else { return };
            let Some(Frame { op: Some(0), event: Some(event), number: Some(number), data: Some(data) }) =
                Frame::read(&text)
            else {
                return;
            };
            if let Some(session) = &mut self.session {
                session.number = number;
            }
            self.note_going_on(connection, &event);
            self.ingest.take(&event, data, connection.sent());
        }
    }

    /// An event before READY and RESUMED means that the session goes on.
    fn note_going_on(&self, connection: &Connection, event: &str) {
        if connection.active.is_none() && event != "READY" {
            self.ingest.sinks.state.session_goes_on(self.shard);
        }
    }

    /// Logs that a connection was lost: at a low level the first time, then each time that the number of
    /// tries doubles.
    fn say(&self, loss: Loss, pause: Duration) {
        let (shard, failures, resumes) = (self.shard.id, self.failures, self.session.is_some());
        metrics::counter!(names::GATEWAY_LOSSES).increment(1);
        self.ingest.sinks.intake.connection_lost(self.shard);
        if failures > 1 && failures.is_power_of_two() {
            let again_in = pause.as_secs_f32();
            tracing::warn!(shard, why = %loss, failures, again_in, "the gateway can't be reached, or doesn't stay");
        } else if failures == 1 {
            tracing::info!(shard, why = %loss, resumes, "the connection to the gateway was lost");
        }
    }
}

/// Whether a connection that we didn't end goes on. If not, it must not be closed properly: that would end
/// the session.
const fn goes_on(connection: &Connection) -> Result<(), End> {
    if connection.is_given_up() { Err(End::Lost(Loss::Misread)) } else { Ok(()) }
}

/// A frame that twilight couldn't read. The error contains it, so the error is never logged.
fn unread(error: &ReceiveMessageError) -> Option<&str> {
    match error.kind() {
        ReceiveMessageErrorType::Deserializing { event } => Some(event),
        _ => None,
    }
}
