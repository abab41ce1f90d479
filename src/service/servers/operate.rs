//! What operators do with servers by subcommands: list, block, unblock, leave. All of it works beside a
//! running bot, and without one.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::time::Duration;

use serde_json::{Value, json};

use crate::domain::clock::Clock;
use crate::domain::ids::GuildId;
use crate::domain::servers::ServerLists;
use crate::rest::model::OwnGuild;
use crate::rest::{Client, LeaveOutcome, RestError, SERVERS_PAGE};
use crate::store::{ServerUsage, Store, StoreError};

/// How long Discord may take to tell a server's name, with all retries.
const NAMING: Duration = Duration::from_secs(3);

/// A server, as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedServer {
    /// What the database knows of it.
    pub usage: ServerUsage,
    /// What Discord says of it; `None` if the bot isn't in it, or if Discord didn't answer.
    pub discord: Option<OwnGuild>,
    /// Whether it is blocked, by the table or the settings.
    pub blocked: bool,
    /// Whether the list of allowed servers leaves it out.
    pub left_out: bool,
}

/// The servers that the bot is in, and those that the database knows.
#[derive(Debug)]
pub struct ServerList {
    /// Sorted by id.
    pub servers: Vec<ListedServer>,
    /// Why Discord didn't list the bot's servers.
    pub unreachable: Option<RestError>,
}

/// Lists all servers.
pub async fn list(store: &Store, rest: &Client, lists: &ServerLists) -> Result<ServerList, StoreError> {
    let usages = store.server_usage().await?;
    let mut servers: BTreeMap<GuildId, (ServerUsage, Option<OwnGuild>)> =
        usages.into_iter().map(|usage| (usage.guild, (usage, None))).collect();
    let unreachable = match own_servers(rest).await {
        Ok(own) => {
            for guild in own {
                let none = (ServerUsage::none(guild.id), None);
                servers.entry(none.0.guild).or_insert(none).1 = Some(guild);
            }
            None
        }
        Err(error) => Some(error),
    };
    let listed = |(id, (usage, discord)): (GuildId, (ServerUsage, Option<OwnGuild>))| ListedServer {
        blocked: usage.blocked || lists.blocks(id),
        left_out: lists.leaves_out(id),
        usage,
        discord,
    };
    Ok(ServerList { servers: servers.into_iter().map(listed).collect(), unreachable })
}

/// All servers that the bot is in, page by page.
async fn own_servers(rest: &Client) -> Result<Vec<OwnGuild>, RestError> {
    let rest = rest.of_program();
    let mut all: Vec<OwnGuild> = Vec::new();
    loop {
        let last = all.last().map(|guild| guild.id);
        let page = rest.own_guilds(last).await?;
        let full = page.len() >= SERVERS_PAGE;
        // A page that doesn't lead on would be requested for ever.
        let leads_on = page.last().is_some_and(|guild| Some(guild.id) > last);
        all.extend(page);
        if !full || !leads_on {
            return Ok(all);
        }
    }
}

impl ServerList {
    /// The list for programs.
    pub fn json(&self) -> String {
        let server = |server: &ListedServer| {
            let ListedServer { usage, discord, blocked, left_out } = server;
            json!({
                "id": usage.guild.to_string(),
                "name": discord.as_ref().map(|guild| &guild.name),
                "members": discord.as_ref().and_then(|guild| guild.approximate_member_count),
                "member": self.unreachable.is_none().then_some(discord.is_some()),
                "follows_into": usage.follows_into,
                "follows_of": usage.follows_of,
                "panels": usage.panels,
                "blocked": blocked,
                "allowed": !left_out,
            })
        };
        let servers: Vec<Value> = self.servers.iter().map(server).collect();
        // JSON leaves some control characters in names as they are, and they would reach a terminal.
        let mut text = String::new();
        for c in
            json!({ "servers": servers, "discord_reached": self.unreachable.is_none() }).to_string().chars()
        {
            match c {
                c if is_unseen(c) => {
                    let mut units = [0; 2];
                    for unit in c.encode_utf16(&mut units) {
                        let _ = write!(text, "\\u{unit:04x}");
                    }
                }
                c => text.push(c),
            }
        }
        text
    }
}

impl ListedServer {
    /// The server's state, in words.
    const fn state(&self, reached: bool) -> &'static str {
        match (self.blocked, self.left_out, self.discord.is_some()) {
            (true, _, true) => "blocked, not left yet",
            (true, _, false) => "blocked",
            (false, true, true) => "not allowed, not left yet",
            (false, true, false) => "not allowed",
            (false, false, true) => "served",
            (false, false, false) if reached || self.usage.left => "left",
            (false, false, false) => "served?",
        }
    }
}

impl fmt::Display for ServerList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<20} {:>9} {:>7} {:>7} {:>6}  {:<25} NAME",
            "ID", "MEMBERS", "INTO", "OF", "PANELS", "STATE"
        )?;
        for server in &self.servers {
            let ListedServer { usage, discord, .. } = server;
            let members = discord.as_ref().and_then(|guild| guild.approximate_member_count);
            let members = members.map_or_else(|| "?".to_owned(), |members| members.to_string());
            let name = discord.as_ref().map_or_else(|| "?".to_owned(), |guild| printable(&guild.name));
            let state = server.state(self.unreachable.is_none());
            let ServerUsage { guild, follows_into, follows_of, panels, .. } = usage;
            writeln!(
                f,
                "{:<20} {members:>9} {follows_into:>7} {follows_of:>7} {panels:>6}  {state:<25} {name}",
                guild.get()
            )?;
        }
        Ok(())
    }
}

/// A text from outside, made safe for a terminal: characters that would move the cursor, change colours or
/// turn the direction of writing are shown as codes.
fn printable(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars() {
        if is_unseen(c) { shown.extend(c.escape_unicode()) } else { shown.push(c) }
    }
    shown
}

/// Whether a terminal would obey a character, or show nothing for it.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A server as operators read of it: by its name where Discord tells it, and by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedServer {
    /// Its id.
    pub guild: GuildId,
    /// Its name; `None` where the bot isn't in it, or Discord doesn't answer.
    pub name: Option<String>,
}

impl NamedServer {
    /// Asks Discord for the server's name, if it can be asked. A failure costs only the name.
    pub async fn find(rest: Option<&Client>, guild: GuildId) -> Self {
        let name = match rest {
            Some(rest) => name(&rest.with_patience(NAMING), guild).await.unwrap_or_default(),
            None => None,
        };
        Self { guild, name }
    }
}

/// A server's name, from the list of the bot's own servers: so nothing is asked about a server that the bot
/// isn't in.
async fn name(rest: &Client, guild: GuildId) -> Result<Option<String>, RestError> {
    let before = GuildId::new(guild.get() - 1).ok();
    let found = rest.of_program().own_guilds(before).await?;
    Ok(found.into_iter().find(|found| found.id == guild).map(|found| found.name))
}

impl fmt::Display for NamedServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{} ({})", printable(name), self.guild),
            None => write!(f, "{}", self.guild),
        }
    }
}

/// What came of blocking a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockOutcome {
    /// The server.
    pub server: NamedServer,
    /// Whether it wasn't blocked before.
    pub new: bool,
    /// How many follows deliver into its channels, and how many have their source there: none of them
    /// delivers any more.
    pub follows: (u64, u64),
}

/// Blocks a server: from now on nothing is posted there, its follows are broken, and whichever process has
/// its shard leaves it.
pub async fn block(store: &Store, clock: Clock, server: NamedServer) -> Result<BlockOutcome, StoreError> {
    let guild = server.guild;
    let new = store.block_server(guild, clock.now()).await?;
    // A running bot may have closed it first.
    store.close_server(guild, clock.now()).await?;
    let usage = store.usage_of(guild).await?;
    Ok(BlockOutcome { server, new, follows: (usage.follows_into, usage.follows_of) })
}

impl fmt::Display for BlockOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, new, follows: (into, of) } = self;
        let already = if *new { "" } else { " already" };
        writeln!(f, "Server {server} is blocked{already}.")?;
        if *into + *of > 0 {
            writeln!(
                f,
                "Its follows don't deliver any more: {into} into its channels, and {of} from them into others."
            )?;
        }
        writeln!(f, "If the bot is in that server, it leaves within seconds, or when it next runs.")
    }
}

/// Unblocks a server. Whether it was blocked.
pub async fn unblock(store: &Store, clock: Clock, guild: GuildId) -> Result<bool, StoreError> {
    store.unblock_server(guild, clock.now()).await
}

/// What leaving a server ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeavePreview {
    server: NamedServer,
    usage: ServerUsage,
}

/// What would end if the bot left this server.
pub async fn preview_leaving(store: &Store, server: NamedServer) -> Result<LeavePreview, StoreError> {
    let usage = store.usage_of(server.guild).await?;
    Ok(LeavePreview { server, usage })
}

impl fmt::Display for LeavePreview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, usage: ServerUsage { follows_into, follows_of, panels, .. } } = self;
        if follows_into + follows_of + panels == 0 {
            return writeln!(f, "The bot leaves server {server}. It has neither follows nor panels.");
        }
        writeln!(
            f,
            "The bot leaves server {server}. Follows into its channels end: {follows_into}. Follows of its channels end: {follows_of}. Panels that stop updating: {panels}."
        )?;
        writeln!(
            f,
            "Whoever made the follows is told once. If the bot is invited again within a week, they can be resumed; after that, the server is forgotten."
        )
    }
}

/// Leaves a server without blocking it. Whether the bot was in it. The running bot hears it from Discord, as
/// it hears of any removal.
pub async fn leave(rest: &Client, guild: GuildId) -> Result<bool, RestError> {
    Ok(rest.of_program().leave_guild(guild).await? == LeaveOutcome::Now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_nothing_to_a_terminal() {
        let name = "\u{1b}[31mred\u{7}\r\n\u{9b}2J\u{202e}ü🎉";
        assert_eq!(printable(name), "\\u{1b}[31mred\\u{7}\\u{d}\\u{a}\\u{9b}2J\\u{202e}ü🎉");
        let guild = GuildId::new(7).unwrap();
        let discord = OwnGuild { id: guild, name: name.to_owned(), approximate_member_count: None };
        let server = ListedServer {
            usage: ServerUsage::none(guild),
            discord: Some(discord),
            blocked: false,
            left_out: false,
        };
        let json = ServerList { servers: vec![server], unreachable: None }.json();
        assert!(!json.chars().any(is_unseen), "{json}");
        let read: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read["servers"][0]["name"], name);
    }
}
