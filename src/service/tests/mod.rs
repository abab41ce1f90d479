//! What programs do with follows, against the sandbox: the use cases that no command reaches.

mod editing;
mod listing;
mod looking;

use std::cell::Cell;
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{SecretBox, SecretString};
use tempfile::TempDir;
use tokio::sync::watch;
use tributary_sandbox::{self as sandbox, Channel, Guild, Limits, Permissions as May, Person, Sandbox};

use super::access::lookups::Lookups;
use super::access::quotas::UserQuotas;
use super::gateway_view::{GatewayView, Membership};
use super::intake::{Intake, IntakeProgress};
use super::servers::{Admission, AdmissionSettings};
use super::watch::Watched;
use super::*;
use crate::domain::catch_up::CatchUp;
use crate::domain::follow::{DeliveryMethod, FollowFilter};
use crate::domain::ids::WebhookId;
use crate::domain::paging::{Cursor, Page, PageSize, PageStart};
use crate::domain::servers::FollowLimits;
use crate::rest::{RestConfig, user_agent};
use crate::store::Cipher;

/// What people may who manage follows.
const MANAGE: May = May::MANAGE_CHANNELS.union(May::MANAGE_MESSAGES);

thread_local! {
    /// How many seconds this test's clock is ahead.
    static AHEAD: Cell<i64> = const { Cell::new(0) };
}

#[expect(clippy::disallowed_methods, reason = "the sandbox's messages are dated by the machine's clock")]
fn now() -> DateTime<Utc> {
    DateTime::<Utc>::from(SystemTime::now()) + TimeDelta::seconds(AHEAD.get())
}

/// Moves the clock of this test.
fn pass(seconds: i64) {
    AHEAD.set(AHEAD.get() + seconds);
}

/// A gateway that knows exactly the servers that the bot is in.
#[derive(Default)]
struct KnownServers(Mutex<HashSet<GuildId>>);

impl GatewayView for KnownServers {
    fn membership(&self, guild: GuildId) -> Membership {
        if self.servers().contains(&guild) { Membership::Member } else { Membership::NotMember }
    }

    fn session_age(&self, _: GuildId) -> Option<Duration> {
        None
    }

    fn servers(&self) -> HashSet<GuildId> {
        self.0.lock().unwrap().clone()
    }

    fn sessions(&self) -> watch::Receiver<u64> {
        watch::channel(0).1
    }
}

/// The use cases, a Discord and a database.
struct World {
    sandbox: Sandbox,
    store: Store,
    follows: FollowService,
    servers: Arc<KnownServers>,
    _folder: TempDir,
}

impl World {
    async fn new() -> Self {
        let config = sandbox::Config { limits: Limits::off(), ..sandbox::Config::default() };
        let sandbox = Sandbox::start(config).await.unwrap();
        let folder = TempDir::new().unwrap();
        let address = format!("sqlite://{}?mode=rwc", folder.path().join("test.db").display());
        let cipher = Cipher::new(&SecretBox::new(Box::new([1; 32])));
        let store = Store::connect_for_command(&SecretString::from(address), cipher).await.unwrap();
        store.migrate_up().await.unwrap();
        let token = SecretString::from(sandbox.token().to_owned());
        let base = reqwest::Url::parse(sandbox.base()).unwrap();
        let agent = user_agent("https://example.org/tributary");
        let rest = Client::new(RestConfig::new(base, token, agent)).unwrap();
        let admission = Admission::load(&store, &AdmissionSettings::default()).await.unwrap();
        let clock = Clock::new(now);
        let parts = ServiceParts {
            store: store.clone(),
            rest,
            clock,
            identity: Identity {
                application: sandbox.application_id().to_string().parse().unwrap(),
                user: sandbox.bot_id().to_string().parse().unwrap(),
            },
            watched: Arc::new(Watched::default()),
            wake: Arc::new(|_| ()),
            shards: Shards::all(1),
            checks: Arc::default(),
            syncs: Arc::default(),
            permissions: Arc::default(),
            admission: Arc::new(admission),
            follow_limits: FollowLimits::default(),
        };
        let catch_up = CatchUp { window: TimeDelta::days(1), messages: 100 };
        let intake = Arc::new(Intake::new(parts.clone(), catch_up, IntakeProgress::default()));
        let quotas = Arc::new(UserQuotas::new(store.clone(), None, clock));
        let servers = Arc::new(KnownServers::default());
        let view: Arc<dyn GatewayView> = Arc::<KnownServers>::clone(&servers);
        let lookups = Arc::new(Lookups::new(view, clock));
        let follows = FollowService::new(parts, intake, quotas, lookups);
        Self { sandbox, store, follows, servers, _folder: folder }
    }

    /// A server with the bot.
    fn server(&self, name: &str) -> Guild {
        let guild = self.sandbox.create_guild(name);
        self.servers.0.lock().unwrap().insert(guild_id(&guild));
        guild
    }

    /// How many requests Discord got until now.
    fn requests(&self) -> usize {
        self.sandbox.exchanges().len()
    }

    /// Makes a relay follow.
    async fn follow(&self, who: Actor, source: &Channel, target: &Channel) -> FollowRecord {
        let request = request(source, target, OptionsRequest::default());
        self.follows.set_up(who, request, true).await.unwrap().record
    }

    /// The first page of all that a server follows.
    async fn list(&self, who: Actor) -> Result<Page<FollowRecord>, ServiceError> {
        self.list_of(who, &FollowFilter::default()).await
    }

    async fn list_of(&self, who: Actor, wanted: &FollowFilter) -> Result<Page<FollowRecord>, ServiceError> {
        let newest = PageStart::At(Cursor::Newest);
        self.follows.follow_records(who, wanted, newest, PageSize::default()).await
    }
}

/// A channel that the bot sees, and few others do.
fn private(guild: &Guild, name: &str) -> Channel {
    let channel = guild.private_text(name);
    guild.allow_bot(&channel, May::VIEW_CHANNEL | May::READ_MESSAGE_HISTORY | May::MANAGE_WEBHOOKS);
    channel
}

fn guild_id(guild: &Guild) -> GuildId {
    guild.id().to_string().parse().unwrap()
}

fn channel_id(channel: &Channel) -> ChannelId {
    channel.id().to_string().parse().unwrap()
}

/// A person who acts for a server from the web.
fn from_web(person: &Person, guild: &Guild) -> Actor {
    let user = person.id().to_string().parse().unwrap();
    Actor { user, guild: guild_id(guild), channel: None, via: Via::Web }
}

/// A relay follow as somebody asks for it.
fn request(source: &Channel, target: &Channel, options: OptionsRequest) -> FollowRequest {
    let relay = Some(DeliveryChoice::Fixed(DeliveryMethod::Relay));
    let options = OptionsRequest { delivery: options.delivery.or(relay), ..options };
    let source = SourceChoice::new(None, Some(&channel_id(source).to_string())).unwrap();
    FollowRequest { options, ..FollowRequest::new(source, channel_id(target)).unwrap() }
}

/// The code of a failure.
#[track_caller]
fn code<T: std::fmt::Debug>(failed: Result<T, ServiceError>) -> &'static str {
    failed.unwrap_err().code()
}

/// A channel that the person sees.
fn here(channel: &Channel) -> ChannelView {
    ChannelView::Here { channel: channel_id(channel), name: channel.name() }
}
