//! The bot's sessions, and how an event gets into them.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Display;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::intents::Intents;
use crate::ids::{ChannelId, GuildId, UserId};
use crate::permissions::Permissions;
use crate::world::{World, random_token};

/// One event, before it is decided who gets it.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) name: &'static str,
    /// Decides the shard.
    pub(crate) guild: Option<GuildId>,
    /// The bot must see this channel.
    pub(crate) channel: Option<ChannelId>,
    pub(crate) data: Value,
}

/// What the gateway does to a bot on demand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GatewayFault {
    /// Closes with this code (4000 lets a bot resume, 4004 must not be retried, and so on).
    Close(u16),
    /// Asks for a reconnect (op 7); the connection stays open until the bot closes it.
    Reconnect,
    /// Invalidates the session (op 9); `true` says that it can be resumed.
    InvalidSession(bool),
    /// Breaks the connection without notice.
    Break,
}

/// How the gateway treats new connections during an outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GatewayOutage {
    /// The request that opens a socket breaks the connection.
    Unreachable,
    /// That request is answered with this status.
    Refused(u16),
    /// That request is never answered.
    Silent,
    /// The socket opens, and nothing arrives on it.
    NoHello,
    /// The socket opens, and is immediately closed with this code.
    Closed(u16),
}

/// What a socket is told to send.
#[derive(Clone, Debug)]
pub(crate) enum Outgoing {
    Text(String),
    Close(u16, &'static str),
    Break,
    /// Nothing more is sent or read, but the connection stays.
    Freeze,
}

/// The sending side of one socket.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) socket: u64,
    pub(crate) sender: mpsc::UnboundedSender<Outgoing>,
}

/// One session; it outlives its socket until it is closed properly.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) intents: Intents,
    pub(crate) shard: (u64, u64),
    pub(crate) seq: u64,
    buffer: VecDeque<(u64, String)>,
    /// The highest event number that has fallen out of the buffer.
    forgotten: u64,
    link: Option<Link>,
}

/// All sessions.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    sessions: BTreeMap<String, Session>,
    next_socket: u64,
    outage: Option<(GatewayOutage, Instant)>,
    /// No session can be resumed.
    forgetful: bool,
    pub(crate) identifies: u64,
    pub(crate) resumes: u64,
    /// Requests that open a socket, including those during an outage.
    pub(crate) tries: u64,
}

impl Hub {
    pub(crate) fn new_socket(&mut self) -> u64 {
        self.next_socket += 1;
        self.next_socket
    }

    /// How many IDENTIFYs, RESUMEs and attempts to open a socket there were.
    pub(crate) fn starts(&self) -> (u64, u64, u64) {
        (self.identifies, self.resumes, self.tries)
    }

    pub(crate) fn open(&mut self, intents: Intents, shard: (u64, u64), link: Link) -> String {
        // A new IDENTIFY means that this shard's former sessions were given up; otherwise killed bots would
        // accumulate sessions.
        self.sessions.retain(|_, old| old.link.is_some() || old.shard != shard);
        let id = random_token(32);
        let session =
            Session { intents, shard, seq: 0, buffer: VecDeque::new(), forgotten: 0, link: Some(link) };
        self.sessions.insert(id.clone(), session);
        self.identifies += 1;
        id
    }

    pub(crate) fn session(&self, id: &str) -> Option<&Session> {
        self.sessions.get(id)
    }

    /// Attaches a socket to a session and sends what came after `seq`; `false` if the session is gone or its
    /// buffer doesn't reach back that far.
    pub(crate) fn resume(&mut self, id: &str, seq: u64, link: Link) -> bool {
        let forgetful = self.forgetful;
        let Some(session) = self.sessions.get_mut(id) else { return false };
        if forgetful || seq < session.forgotten || seq > session.seq {
            self.sessions.remove(id);
            return false;
        }
        for (_, text) in session.buffer.iter().filter(|(number, _)| *number > seq) {
            let _ = link.sender.send(Outgoing::Text(text.clone()));
        }
        session.link = Some(link);
        session.dispatch("RESUMED", &json!({ "_trace": [] }), usize::MAX);
        self.resumes += 1;
        true
    }

    /// A socket ended. A session that was closed with 1000 or 1001 can't be resumed.
    pub(crate) fn unlink(&mut self, id: &str, socket: u64, ends_session: bool) {
        if let Some(session) = self.sessions.get_mut(id)
            && session.link.as_ref().is_some_and(|link| link.socket == socket)
        {
            session.link = None;
            if ends_session {
                self.sessions.remove(id);
            }
        }
    }

    pub(crate) fn dispatch_to(&mut self, id: &str, name: &str, data: &Value, capacity: usize) {
        if let Some(session) = self.sessions.get_mut(id) {
            session.dispatch(name, data, capacity);
        }
    }

    pub(crate) fn dispatch_to_all(&mut self, name: &str, data: &impl Display, capacity: usize) {
        self.sessions.values_mut().for_each(|session| session.dispatch(name, data, capacity));
    }

    /// Freezes all sockets; the sessions continue without them.
    pub(crate) fn freeze(&mut self) {
        for session in self.sessions.values_mut() {
            if let Some(link) = session.link.take() {
                let _ = link.sender.send(Outgoing::Freeze);
            }
        }
    }

    /// Whether any session has a live socket.
    pub(crate) fn connected(&self) -> bool {
        self.sessions.values().any(|session| session.link.is_some())
    }

    /// Whether the session that serves this guild has a live socket.
    pub(crate) fn serves(&self, guild: Option<GuildId>) -> bool {
        self.sessions.values().any(|session| session.link.is_some() && session.takes(guild))
    }

    pub(crate) fn strike(&mut self, fault: &GatewayFault) {
        for session in self.sessions.values_mut() {
            let frames = match fault {
                GatewayFault::Close(code) => vec![Outgoing::Close(*code, "")],
                GatewayFault::Reconnect => vec![Outgoing::Text(frame(7, &Value::Null))],
                GatewayFault::InvalidSession(resumable) => {
                    vec![Outgoing::Text(frame(9, &json!(resumable)))]
                }
                GatewayFault::Break => vec![Outgoing::Break],
            };
            if let Some(link) = &session.link {
                for frame in frames {
                    let _ = link.sender.send(frame);
                }
            }
        }
        let ended = match fault {
            GatewayFault::Close(code) => matches!(code, 1000 | 1001 | 4004 | 4007 | 4009..=4014),
            GatewayFault::InvalidSession(resumable) => !resumable,
            GatewayFault::Reconnect | GatewayFault::Break => false,
        };
        if ended {
            self.sessions.clear();
        }
    }

    /// Forgets all sessions, so that the next RESUME is answered with op 9.
    pub(crate) fn forget_sessions(&mut self) {
        self.sessions.clear();
    }

    /// Sets whether sessions are forgotten as soon as somebody asks for them.
    pub(crate) fn set_forgetful(&mut self, forgetful: bool) {
        self.forgetful = forgetful;
    }

    /// Breaks all connections, and treats new ones like this for this long.
    pub(crate) fn out_for(&mut self, outage: GatewayOutage, time: Duration) {
        self.strike(&GatewayFault::Break);
        self.outage = Some((outage, Instant::now() + time));
    }

    pub(crate) fn reachable_again(&mut self) {
        self.outage = None;
    }

    /// How new connections are treated during an outage, and until when.
    pub(crate) fn outage(&self) -> Option<(GatewayOutage, Instant)> {
        self.outage.filter(|(_, until)| Instant::now() < *until)
    }

    pub(crate) fn is_reachable(&self) -> bool {
        self.outage().is_none()
    }

    /// The sandbox stops.
    pub(crate) fn hang_up(&mut self) {
        self.strike(&GatewayFault::Break);
        self.sessions.clear();
    }
}

impl Session {
    pub(crate) fn takes(&self, guild: Option<GuildId>) -> bool {
        let (shard, shards) = self.shard;
        guild.map_or(0, |guild| (guild.0 >> 22) % shards) == shard
    }

    fn dispatch(&mut self, name: &str, data: &impl Display, capacity: usize) {
        self.seq += 1;
        let text = event(name, self.seq, data);
        if let Some(link) = &self.link {
            let _ = link.sender.send(Outgoing::Text(text.clone()));
        }
        self.buffer.push_back((self.seq, text));
        while self.buffer.len() > capacity {
            if let Some((number, _)) = self.buffer.pop_front() {
                self.forgotten = number;
            }
        }
    }
}

/// A frame that isn't an event, with its keys in Discord's order: what comes last can be long.
pub(super) fn frame(op: u8, data: &Value) -> String {
    format!(r#"{{"t":null,"s":null,"op":{op},"d":{data}}}"#)
}

/// An event, in the same order.
fn event(name: &str, number: u64, data: &impl Display) -> String {
    format!(r#"{{"t":{},"s":{number},"op":0,"d":{data}}}"#, json!(name))
}

impl World {
    /// Whether the bot receives this event about a channel: it must see the channel, and the chat of a voice
    /// channel is only for those who may connect.
    fn hears(&self, event: &str, channel: ChannelId) -> bool {
        let permissions = self.permissions(self.app.bot, channel);
        let is_voice = self.channels.get(&channel).is_some_and(|of| of.kind.is_voice());
        permissions.contains(Permissions::VIEW_CHANNEL)
            && !(is_voice && event.starts_with("MESSAGE_") && permissions == Permissions::VIEW_CHANNEL)
    }

    /// Sends an event to each session that asked for it, in the order of the steps.
    pub(crate) fn emit(&mut self, event: &Event) {
        if let Some(guild) = event.guild
            && !self.bot_in(guild)
            && event.name != "GUILD_DELETE"
        {
            return;
        }
        if let Some(channel) = event.channel
            && !self.hears(event.name, channel)
        {
            return;
        }
        // Discord: "Guild Member Update is sent for current-user updates regardless of whether the
        // GUILD_MEMBERS intent is set".
        let own = event.name == "GUILD_MEMBER_UPDATE" && event.data["user"]["id"] == json!(self.app.bot);
        let needed =
            if own { Intents::GUILDS } else { Intents::needed_for(event.name, event.guild.is_some()) };
        let capacity = self.config.resume_buffer;
        let bot = self.app.bot;
        for session in self.gateway.sessions.values_mut().filter(|session| session.takes(event.guild)) {
            if !session.intents.contains(needed) {
                continue;
            }
            let hides_content = event.guild.is_some() && !session.intents.contains(Intents::MESSAGE_CONTENT);
            if hides_content && matches!(event.name, "MESSAGE_CREATE" | "MESSAGE_UPDATE") {
                session.dispatch(event.name, &without_content(&event.data, bot), capacity);
            } else {
                session.dispatch(event.name, &event.data, capacity);
            }
        }
    }
}

/// What a bot without the MESSAGE_CONTENT intent sees of a message that isn't its own and doesn't mention it.
fn without_content(message: &Value, bot: UserId) -> Value {
    let bot = bot.to_string();
    let own = message["author"]["id"] == bot.as_str();
    let mentioned = message["mentions"]
        .as_array()
        .is_some_and(|users| users.iter().any(|user| user["id"] == bot.as_str()));
    let mut message = message.clone();
    if own || mentioned {
        return message;
    }
    if let Some(fields) = message.as_object_mut() {
        fields.insert("content".to_owned(), json!(""));
        for list in ["embeds", "attachments", "components"] {
            fields.insert(list.to_owned(), json!([]));
        }
        fields.remove("poll");
        fields.remove("message_snapshots");
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resume_replays_what_came_after_and_no_more() {
        let mut hub = Hub::default();
        let (sender, mut first) = mpsc::unbounded_channel();
        let id = hub.open(Intents::all(), (0, 1), Link { socket: 1, sender });
        for number in 0..4 {
            hub.dispatch_to(&id, "TEST", &json!(number), 2);
        }
        assert_eq!(std::iter::from_fn(|| first.try_recv().ok()).count(), 4);
        let (sender, mut second) = mpsc::unbounded_channel();
        assert!(hub.resume(&id, 3, Link { socket: 2, sender }));
        let replayed: Vec<String> = std::iter::from_fn(|| match second.try_recv() {
            Ok(Outgoing::Text(text)) => Some(text),
            _ => None,
        })
        .collect();
        assert_eq!(replayed.len(), 2);
        assert!(replayed[0].contains("\"d\":3") && replayed[1].contains("RESUMED"));
        let (sender, _third) = mpsc::unbounded_channel();
        assert!(!hub.resume(&id, 1, Link { socket: 3, sender }), "2 fell out of the buffer");
    }

    #[test]
    fn content_is_hidden_from_bots_without_the_intent() {
        let message = json!({"author": {"id": "7"}, "mentions": [], "content": "secret", "embeds": [{}]});
        assert_eq!(without_content(&message, UserId(1))["content"], "");
        assert_eq!(without_content(&message, UserId(7))["content"], "secret");
    }
}
