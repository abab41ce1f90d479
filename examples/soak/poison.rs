//! What goes wrong on purpose while good traffic continues: messages that once stopped a lane or the intake,
//! rows that can't be read, refusals, failures, a sick edge, lost permissions, dead webhooks and sick
//! histories. Shared with the tests, which strike less often.
//!
//! Every good target also follows the poisoned source, so poison and good traffic share the same lanes. Good
//! messages begin with a number, poison never does.

use std::collections::HashSet;
use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use sea_orm::{ConnectionTrait, Database, DbBackend};
use tributary_sandbox::{
    Channel, ChannelKind, Effect, Fault, FaultId, GatewayFault, Guild, LimitScope, Options, Permissions,
    Person, Post, Reply, Sandbox,
};

/// What went wrong with the poisoning itself.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How many sources have a history that can't be read: more than the bot reads at once.
const SICK_HISTORIES: usize = 10;

/// How messages begin that are poisoned by what happens to them.
const NUMBERED: &str = "poison number";

/// One kind of poison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// A message that once stopped a lane or the intake, and a reply to it.
    Text,
    /// A row that the bot can't read any more.
    Unreadable,
    /// Discord refuses a message.
    Refused,
    /// Discord fails with every message into one target.
    Failing,
    /// The edge in front of Discord answers everything with a page of its own, for a moment.
    Edge,
    /// Discord asks for a pause of zero, over and over.
    Limited,
    /// An answer is lost, and the bot may no longer read that channel.
    Forbidden,
    /// A moderator deletes a webhook.
    DeadWebhook,
    /// Histories can't be read while a new session begins.
    SickHistories,
}

impl Trouble {
    /// All of them.
    pub(crate) const ALL: [Self; 9] = [
        Self::Text,
        Self::Unreadable,
        Self::Refused,
        Self::Failing,
        Self::Edge,
        Self::Limited,
        Self::Forbidden,
        Self::DeadWebhook,
        Self::SickHistories,
    ];
}

/// A server in which things go wrong, and a poisoned source that others follow too.
pub(crate) struct Poison {
    sandbox: Sandbox,
    database: String,
    swamp: Guild,
    mallory: Person,
    /// What the good targets follow too.
    pub(crate) source: Channel,
    /// Targets of only the poisoned source; one is a forum.
    sick: Vec<Channel>,
    planted: Vec<FaultId>,
    number: u32,
}

impl Poison {
    /// Makes the poisoned channels and their follows; the good targets follow the poisoned source too.
    /// `admin` manages the good targets' server.
    pub(crate) async fn lay(
        sandbox: &Sandbox,
        database: &str,
        admin: &Person,
        good: &[Channel],
    ) -> Result<Self, Failure> {
        let home = good.first().and_then(Channel::guild).ok_or("there are no good targets")?;
        let source = home.text("poisoned");
        let swamp = sandbox.create_guild("Swamp");
        swamp.join(admin, Permissions::MANAGE_CHANNELS);
        let texts = ["failing", "refusing", "forbidding"];
        let mut sick: Vec<Channel> = texts.into_iter().map(|name| swamp.text(name)).collect();
        let open = Options::new().set("channel", &source).set("audience", "servers");
        admin.run(&source, "/publish", open).await?;
        for target in good {
            follow(admin, target, &source).await?;
        }
        for target in &sick {
            follow(admin, target, &source).await?;
        }
        // Nobody types commands in a forum.
        let forum = swamp.forum("forum");
        let into = Options::new().set("link", source.link()).set("into", &forum);
        made(&admin.run(&sick[0], "/follow", into).await?)?;
        sick.push(forum);
        for number in 0..SICK_HISTORIES {
            follow(admin, &sick[1], &swamp.text(&format!("sick-{number}"))).await?;
        }
        let mallory = home.member("Mallory", Permissions::empty());
        let (sandbox, database) = (sandbox.clone(), database.to_owned());
        Ok(Self { sandbox, database, swamp, mallory, source, sick, planted: Vec::new(), number: 0 })
    }

    /// Lets one thing go wrong.
    pub(crate) async fn strike(&mut self, trouble: Trouble, random: &mut StdRng) -> Result<(), Failure> {
        match trouble {
            Trouble::Text => {
                let text = TEXTS.choose(random).map_or_else(String::new, |text| text());
                let posted = self.mallory.post(&self.source, text)?;
                self.mallory.post(&self.source, Post::text("an answer to that").reply_to(posted.id))?;
            }
            Trouble::Unreadable => self.garble().await?,
            Trouble::Refused => {
                let (status, code, message) = (400, 50035, "Invalid Form Body".to_owned());
                self.plant(1, Effect::Refuse { status, code, message }, 1);
            }
            Trouble::Failing => self.plant(0, Effect::Status(500), u64::MAX),
            Trouble::Edge => {
                let edge = self.sandbox.fault(Fault::on("*", "/**", Effect::Status(403)).forever());
                self.post()?;
                tokio::time::sleep(Duration::from_millis(random.random_range(100..800))).await;
                self.sandbox.clear_fault(edge);
            }
            Trouble::Limited => {
                let retry_after = Duration::ZERO;
                self.plant(1, Effect::RateLimited { scope: LimitScope::User, retry_after }, 20);
            }
            Trouble::Forbidden => {
                self.plant(2, Effect::DropAnswer, 1);
                self.swamp
                    .deny_bot(&self.sick[2], Permissions::VIEW_CHANNEL | Permissions::READ_MESSAGE_HISTORY);
            }
            Trouble::DeadWebhook => {
                let target = &self.sick[random.random_range(1..self.sick.len())];
                if let Some(webhook) = target.webhooks().first() {
                    target.delete_webhook(webhook.id)?;
                }
            }
            Trouble::SickHistories => {
                for channel in self.swamp.channels().iter().filter(|one| one.name().starts_with("sick-")) {
                    let history = format!("/channels/{}/messages", channel.id());
                    self.planted
                        .push(self.sandbox.fault(Fault::on("GET", &history, Effect::Status(500)).forever()));
                }
                self.sandbox.gateway_fault(&GatewayFault::InvalidSession(false));
            }
        }
        self.post()
    }

    /// Posts something to deliver, so that each trouble meets a message.
    fn post(&mut self) -> Result<(), Failure> {
        self.number += 1;
        self.mallory.post(&self.source, format!("{NUMBERED} {} #bug", self.number))?;
        Ok(())
    }

    /// Makes the next sends into a sick target end like this.
    fn plant(&mut self, target: usize, effect: Effect, times: u64) {
        for webhook in self.sick[target].webhooks() {
            let sends = format!("/webhooks/{}/*", webhook.id);
            self.planted.push(self.sandbox.fault(Fault::on("POST", &sends, effect.clone()).times(times)));
        }
    }

    /// Makes the newest poisoned content unreadable, as a damaged disk would.
    async fn garble(&self) -> Result<(), Failure> {
        self.mallory.post(&self.source, "poison that can't be read any more")?;
        let connection = Database::connect(&self.database).await?;
        let byte =
            if connection.get_database_backend() == DbBackend::Postgres { "'\\x00'::bytea" } else { "X'00'" };
        let newest = format!("SELECT MAX(id) FROM activities WHERE source_channel_id = {}", self.source.id());
        let garble = format!("UPDATE activities SET content = {byte} WHERE id = ({newest})");
        let garbled = connection.execute_unprepared(&garble).await;
        connection.close().await?;
        garbled?;
        Ok(())
    }

    /// Removes the lasting faults.
    pub(crate) fn heal(&mut self) {
        for fault in self.planted.drain(..) {
            self.sandbox.clear_fault(fault);
        }
    }

    /// How many poisoned messages appear twice in a sick channel: trouble is no excuse for that.
    pub(crate) fn doubled(&self) -> usize {
        let channels = self.sick.iter().filter(|target| target.kind() == Some(ChannelKind::Text));
        let doubled = channels.map(|target| {
            let texts = target.messages().into_iter().map(|message| message.content);
            let numbered: Vec<String> = texts.filter(|text| text.starts_with(NUMBERED)).collect();
            numbered.len() - numbered.iter().collect::<HashSet<_>>().len()
        });
        doubled.sum()
    }
}

async fn follow(admin: &Person, target: &Channel, source: &Channel) -> Result<(), Failure> {
    made(&admin.run(target, "/follow", Options::new().set("link", source.link())).await?)
}

fn made(reply: &Reply) -> Result<(), Failure> {
    if reply.text().contains("now follows") { Ok(()) } else { Err(reply.text().into()) }
}

/// Texts that once stopped something.
const TEXTS: &[fn() -> String] = &[
    // Longer than an index entry can be.
    || format!("#{}", ('\u{4e00}'..).take(1_999).collect::<String>()),
    // Characters that join what follows them, before marks that the bot looks for.
    || {
        [
            '\u{600}',
            '\u{605}',
            '\u{6dd}',
            '\u{70f}',
            '\u{8e2}',
            '\u{d4e}',
            '\u{110bd}',
            '\u{110cd}',
            '\u{111c2}',
        ]
        .map(|joiner| {
            format!("a {joiner}:{joiner}:bc: {joiner}||x|| {joiner}<@1> {joiner}https://x.example/{joiner}")
        })
        .join("\n")
    },
    || "e\u{301}\u{200d}\u{fe0f}:".repeat(300),
    || "||**~~__`".repeat(200),
    || "[a](https://x.example/)".repeat(80),
    || "\u{202e}#\u{661}\u{662} <:\u{600}:1> \u{feff}".repeat(60),
    || "#bug ".repeat(390),
];
