//! The sandbox itself: starting it, its addresses, its log, its faults, and waiting.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::routing::{any, get};
use tokio::net::TcpListener;

use super::{ActError, Channel, Guild, Person, SeenCommand};
use crate::config::Config;
use crate::exchange::Exchange;
use crate::faults::{Fault, FaultId};
use crate::gateway::{self, GatewayFault, GatewayOutage};
use crate::ids::{ApplicationId, ChannelId, GuildId, UserId};
use crate::limits::Limits;
use crate::lock::lock;
use crate::page;
use crate::rest;
use crate::server::{Door, Wire};
use crate::shared::{Counts, Shared};
use crate::world::World;

/// A running Discord on 127.0.0.1. Clones are handles to the same one; it stops when the last is dropped.
#[derive(Clone, Debug)]
pub struct Sandbox {
    running: Arc<Running>,
}

#[derive(Debug)]
struct Running {
    shared: Arc<Shared>,
    base: String,
    token: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shared.shut_down();
    }
}

impl Sandbox {
    /// Starts listening. Must be called within a tokio runtime.
    pub async fn start(config: Config) -> Result<Self, ActError> {
        let listen = |error: std::io::Error| ActError::Listen(error.to_string());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port)).await.map_err(listen)?;
        let base = format!("http://{}", listener.local_addr().map_err(listen)?);
        let world = World::new(config, base.clone());
        let token = world.app.token.clone();
        let shared = Arc::new(Shared::new(world));
        let router = Router::new()
            .route("/attachments/{channel}/{attachment}/{filename}", get(rest::serve_file))
            .nest("/oauth2/assets", Router::new().fallback(page::serve_asset))
            .route("/gateway", any(open_socket))
            .route("/gateway/", any(open_socket))
            .fallback(rest::entry)
            .with_state(Arc::clone(&shared));
        let mut stop = shared.shutdown_signal();
        tokio::spawn(async move {
            let service = router.into_make_service_with_connect_info::<Wire>();
            tokio::select! {
                served = axum::serve(Door(listener), service) => {
                    if let Err(error) = served {
                        tracing::error!(%error, "the sandbox stopped serving");
                    }
                }
                () = async { drop(stop.wait_for(|stop| *stop).await) } => {}
            }
        });
        Ok(Self { running: Arc::new(Running { shared, base, token }) })
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.running.shared
    }

    /// `http://127.0.0.1:PORT`: what a bot takes for `https://discord.com`.
    pub fn base(&self) -> &str {
        &self.running.base
    }

    /// The bot's token.
    pub fn token(&self) -> &str {
        &self.running.token
    }

    /// The application's client secret, for the token endpoint of OAuth2.
    pub fn client_secret(&self) -> String {
        self.shared().read(|world| world.app.client_secret.clone())
    }

    /// Registers one more address to which people may be sent back after they authorized the application.
    pub fn register_redirect_uri(&self, uri: &str) {
        self.shared().write(|world| world.config.redirect_uris.push(uri.to_owned()));
    }

    /// A person takes back what they authorized: all codes and tokens of theirs end, and they are asked anew
    /// the next time.
    pub fn revoke(&self, person: &Person) {
        self.shared().write(|world| world.revoke_authorization(person.id()));
    }

    /// The application's id; not the bot user's.
    pub fn application_id(&self) -> ApplicationId {
        self.shared().read(|world| world.app.id)
    }

    /// The bot user's id.
    pub fn bot_id(&self) -> UserId {
        self.shared().read(|world| world.app.bot)
    }

    /// A new person, in no guild yet.
    pub fn person(&self, name: &str) -> Person {
        let id = self.shared().write(|world| world.create_user(name));
        Person::new(self.shared(), id)
    }

    /// All people who are in a guild, in the order in which they were made; not the bot.
    pub fn people(&self) -> Vec<Person> {
        let ids: Vec<UserId> = self.shared().read(|world| world.people().map(|user| user.id).collect());
        ids.into_iter().map(|id| Person::new(self.shared(), id)).collect()
    }

    /// The application's owner.
    pub fn app_owner(&self) -> Person {
        Person::new(self.shared(), self.shared().read(|world| world.app.owner))
    }

    /// A new guild with an owner of its own and the bot in it, with [`Config::bot_permissions`].
    pub fn create_guild(&self, name: &str) -> Guild {
        let guild = self.create_guild_without_bot(name);
        let permissions = self.shared().read(|world| world.config.bot_permissions);
        guild.add_bot(permissions);
        guild
    }

    /// A new guild that the bot isn't in.
    pub fn create_guild_without_bot(&self, name: &str) -> Guild {
        let id = self.shared().write(|world| {
            let owner = world.create_user(&format!("{name} owner"));
            world.create_guild(name, owner)
        });
        Guild::new(self.shared(), id)
    }

    /// The handle of a known guild.
    pub fn guild(&self, id: GuildId) -> Guild {
        Guild::new(self.shared(), id)
    }

    /// All guilds.
    pub fn guilds(&self) -> Vec<Guild> {
        let ids: Vec<GuildId> = self.shared().read(|world| world.guilds.keys().copied().collect());
        ids.into_iter().map(|id| self.guild(id)).collect()
    }

    /// The handle of a known channel.
    pub fn channel(&self, id: ChannelId) -> Channel {
        Channel::new(self.shared(), id)
    }

    /// Sets whether a person refuses direct messages from the bot, as the privacy settings of a server do.
    pub fn close_direct_messages(&self, person: &Person, closed: bool) {
        self.shared().write(|world| {
            if let Some(user) = world.users.get_mut(&person.id()) {
                user.closed = closed;
            }
        });
    }

    /// The direct messages between the bot and a person.
    pub fn direct_messages(&self, person: &Person) -> Result<Channel, ActError> {
        Ok(self.channel(self.shared().write(|world| world.direct_message(person.id()))?))
    }

    /// The registered commands: global ones, then those of guilds.
    pub fn commands(&self) -> Vec<SeenCommand> {
        self.shared().read(SeenCommand::all)
    }

    /// Whether a bot is connected to the gateway.
    pub fn is_connected(&self) -> bool {
        self.shared().read(|world| world.gateway.connected())
    }

    /// Waits until a bot is connected and has registered its commands.
    pub async fn wait_until_ready(&self, timeout: Duration) -> Result<(), ActError> {
        self.wait_for("the bot to connect and register its commands", timeout, || {
            self.shared().read(|world| world.gateway.connected() && world.commands_written).then_some(())
        })
        .await
    }

    /// Waits until a bot is connected to the gateway.
    pub async fn wait_until_connected(&self, timeout: Duration) -> Result<(), ActError> {
        self.wait_for("the bot to connect", timeout, || self.is_connected().then_some(())).await
    }

    /// Waits until no bot is connected to the gateway.
    pub async fn wait_until_disconnected(&self, timeout: Duration) -> Result<(), ActError> {
        self.wait_for("the bot to disconnect", timeout, || (!self.is_connected()).then_some(())).await
    }

    /// Waits until `look` finds something. It is asked again after every change in the sandbox, never on a
    /// timer.
    pub async fn wait_for<T>(
        &self,
        what: &str,
        timeout: Duration,
        look: impl FnMut() -> Option<T>,
    ) -> Result<T, ActError> {
        wait(self.shared(), what, timeout, look).await
    }

    /// Waits until the bot has sent no REST request for this long; for showing that something does *not*
    /// happen.
    ///
    /// # Panics
    ///
    /// Where the bot never falls silent: [`Config::patience`] after the silence could have begun, and lasted
    /// that long.
    #[track_caller]
    pub fn wait_quiet(&self, silence: Duration) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            let deadline = Instant::now() + silence + self.shared().read(|world| world.config.patience);
            loop {
                let left = silence.saturating_sub(self.shared().quiet_for());
                if left.is_zero() {
                    return;
                }
                if Instant::now() > deadline {
                    let last = self.exchanges().pop().map(|last| format!("{} {}", last.method, last.path));
                    panic!("{caller}: the bot never fell silent for {silence:?}; its last request: {last:?}");
                }
                tokio::time::sleep(left).await;
            }
        }
    }

    /// All remembered REST exchanges, oldest first.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.shared().exchanges()
    }

    /// How many requests there were, and how many of them were refused.
    pub fn counts(&self) -> Counts {
        self.shared().counts()
    }

    /// Changes the rate limits; all windows start anew.
    pub fn set_limits(&self, limits: Limits) {
        lock(&self.shared().limiter).set(limits);
    }

    /// From now on, webhooks may not post under names that contain this word, as happens with words that
    /// Discord doesn't publish.
    pub fn refuse_names_with(&self, word: &str) {
        self.shared().write(|world| world.config.refused_names.push(word.to_owned()));
    }

    /// Plants a fault.
    pub fn fault(&self, fault: Fault) -> FaultId {
        self.shared().faults.plant(fault)
    }

    /// How often a fault struck.
    pub fn fault_hits(&self, id: FaultId) -> u64 {
        self.shared().faults.hits(id)
    }

    /// Takes a fault away.
    pub fn clear_fault(&self, id: FaultId) {
        self.shared().faults.remove(id);
    }

    /// Takes all faults away.
    pub fn clear_faults(&self) {
        self.shared().faults.clear();
    }

    /// Does something to the gateway connections that are open now.
    pub fn gateway_fault(&self, fault: &GatewayFault) {
        self.shared().write(|world| world.gateway.strike(fault));
    }

    /// Forgets the gateway sessions: the next RESUME is answered with op 9.
    pub fn forget_gateway_sessions(&self) {
        self.shared().write(|world| world.gateway.forget_sessions());
    }

    /// From now on, whether every RESUME is answered with op 9, as by a Discord that was left for too long.
    /// Sessions whose connections stand go on.
    pub fn refuse_gateway_resumes(&self, refuse: bool) {
        self.shared().write(|world| world.gateway.set_forgetful(refuse));
    }

    /// Breaks the gateway connections, and refuses new ones for so long (or until [`Self::restore_gateway`]).
    pub fn gateway_unreachable_for(&self, time: Duration) {
        self.gateway_out_for(GatewayOutage::Unreachable, time);
    }

    /// Breaks the gateway connections, and meets new ones like this for so long (or until
    /// [`Self::restore_gateway`]).
    pub fn gateway_out_for(&self, outage: GatewayOutage, time: Duration) {
        self.shared().write(|world| world.gateway.out_for(outage, time));
    }

    /// Freezes the gateway connections that are open now: they stay, and nothing passes through them in
    /// either direction.
    pub fn freeze_gateway(&self) {
        self.shared().write(|world| world.gateway.freeze());
    }

    /// Sends an event of this name to all sessions, with whatever data: what this sandbox doesn't send by
    /// itself, and Discord may.
    pub fn send_event(&self, name: &'static str, data: &serde_json::Value) {
        self.shared().write(|world| world.gateway.dispatch_to_all(name, data, world.config.resume_buffer));
    }

    /// The same with data as it is written here, such as no JSON library writes it.
    pub fn send_event_text(&self, name: &'static str, data: &str) {
        self.shared().write(|world| world.gateway.dispatch_to_all(name, &data, world.config.resume_buffer));
    }

    /// Ends an unreachable gateway.
    pub fn restore_gateway(&self) {
        self.shared().write(|world| world.gateway.reachable_again());
    }
}

async fn open_socket(
    State(shared): State<Arc<Shared>>,
    wire: ConnectInfo<Wire>,
    request: Request,
) -> axum::response::Response {
    gateway::upgrade(shared, wire, request).await
}

/// Waits on the bell until `look` finds something.
pub(super) async fn wait<T>(
    shared: &Shared,
    what: &str,
    timeout: Duration,
    mut look: impl FnMut() -> Option<T>,
) -> Result<T, ActError> {
    let mut bell = shared.listen();
    let deadline = Instant::now() + timeout;
    loop {
        bell.borrow_and_update();
        if let Some(found) = look() {
            return Ok(found);
        }
        match tokio::time::timeout_at(deadline.into(), bell.changed()).await {
            Ok(Ok(())) => {}
            _ => return Err(ActError::TimedOut { what: what.to_owned(), after: timeout }),
        }
    }
}
