//! A real bot (poise and serenity, as published) against the sandbox: registering, events, interactions,
//! resuming.

use std::sync::Arc;
use std::time::Duration;

use poise::serenity_prelude as serenity;
use serde_json::json;
use tributary_sandbox::{
    ActError, Channel, Config, GatewayFault, Guild, Intents, Options, Permissions, ReplyKind, Sandbox,
};

const SOON: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Data {
    seen: tokio::sync::watch::Sender<Vec<String>>,
}

type Error = Box<dyn std::error::Error + Send + Sync>;
type Context<'a> = poise::Context<'a, Arc<Data>, Error>;

/// Answers at once.
#[poise::command(slash_command, guild_only, ephemeral)]
async fn ping(ctx: Context<'_>) -> Result<(), Error> {
    ctx.say("pong").await?;
    Ok(())
}

/// Says what the person may do in a channel.
#[poise::command(slash_command, guild_only, default_member_permissions = "MANAGE_CHANNELS")]
async fn inspect(
    ctx: Context<'_>,
    #[description = "Which"] channel: serenity::PartialChannel,
    #[description = "How"]
    #[autocomplete = "complete"]
    how: Option<String>,
) -> Result<(), Error> {
    ctx.defer().await?;
    let permissions = channel.permissions.unwrap_or_default();
    let manages = permissions.manage_webhooks();
    let name = channel.name.unwrap_or_default();
    let how = how.unwrap_or_default();
    let button = serenity::CreateButton::new("more").label("More");
    let reply = poise::CreateReply::default()
        .content(format!("{name} webhooks={manages} {how}"))
        .components(vec![serenity::CreateActionRow::Buttons(vec![button])]);
    ctx.send(reply).await?;
    Ok(())
}

async fn complete(_: Context<'_>, typed: &str) -> serenity::CreateAutocompleteResponse {
    let fitting = ["fast", "slow"].into_iter().filter(|how| how.starts_with(typed));
    let choices = fitting.map(|how| serenity::AutocompleteChoice::new(how, how)).collect();
    serenity::CreateAutocompleteResponse::new().set_choices(choices)
}

/// Says who somebody is.
#[poise::command(
    context_menu_command = "Look up",
    default_member_permissions = "MODERATE_MEMBERS",
    install_context = "Guild|User",
    interaction_context = "Guild|BotDm",
    ephemeral
)]
async fn look_up(ctx: Context<'_>, user: serenity::User) -> Result<(), Error> {
    let poise::Context::Application(of) = ctx else { return Ok(()) };
    let member = of.interaction.data.resolved.members.get(&user.id);
    let nick = member.and_then(|member| member.nick.clone());
    ctx.say(format!("{} is {} ({nick:?})", user.id, user.display_name())).await?;
    Ok(())
}

async fn on_event(
    ctx: &serenity::Context,
    event: &serenity::FullEvent,
    data: &Arc<Data>,
) -> Result<(), Error> {
    let note = |text: String| data.seen.send_modify(|seen| seen.push(text));
    match event {
        serenity::FullEvent::GuildCreate { guild, .. } => note(format!("guild {}", guild.name)),
        serenity::FullEvent::GuildDelete { incomplete, .. } => {
            note(format!("guild gone, unavailable: {}", incomplete.unavailable));
        }
        serenity::FullEvent::Message { new_message } => note(format!("message {}", new_message.content)),
        serenity::FullEvent::WebhookUpdate { belongs_to_channel_id, .. } => {
            note(format!("webhooks {belongs_to_channel_id}"));
        }
        serenity::FullEvent::ThreadCreate { thread } => note(format!("thread {}", thread.name)),
        serenity::FullEvent::Resume { .. } => note("resumed".to_owned()),
        serenity::FullEvent::InteractionCreate { interaction: serenity::Interaction::Component(press) } => {
            let message = serenity::CreateInteractionResponseMessage::new()
                .content(format!("{} pressed by {}", press.data.custom_id, press.user.name));
            let response = serenity::CreateInteractionResponse::UpdateMessage(message);
            press.create_response(ctx, response).await?;
        }
        _ => {}
    }
    Ok(())
}

struct Bot {
    data: Arc<Data>,
    task: tokio::task::JoinHandle<()>,
    shards: Arc<serenity::ShardManager>,
}

impl Bot {
    async fn start(sandbox: &Sandbox) -> Self {
        let data = Arc::new(Data::default());
        let shared = Arc::clone(&data);
        let framework = poise::Framework::builder()
            .options(poise::FrameworkOptions {
                commands: vec![ping(), inspect(), look_up()],
                event_handler: |framework, event| {
                    Box::pin(async move {
                        let data = framework.user_data().await;
                        on_event(framework.serenity_context, event, data).await
                    })
                },
                ..Default::default()
            })
            .setup(move |ctx, _, framework| {
                Box::pin(async move {
                    poise::builtins::register_globally(ctx, &framework.options().commands).await?;
                    Ok(shared)
                })
            })
            .build();
        let http = serenity::HttpBuilder::new(sandbox.token())
            .proxy(sandbox.base())
            .ratelimiter_disabled(true)
            .build();
        let intents = serenity::GatewayIntents::non_privileged() | serenity::GatewayIntents::MESSAGE_CONTENT;
        let mut client = serenity::ClientBuilder::new_with_http(http, intents)
            .framework(framework)
            .await
            .expect("a client");
        let shards = Arc::clone(&client.shard_manager);
        let task = tokio::spawn(async move {
            let _ = client.start().await;
        });
        sandbox.wait_until_ready(SOON).await.expect("ready");
        Self { data, task, shards }
    }

    async fn stop(self) {
        self.shards.shutdown_all().await;
        let _ = self.task.await;
    }

    /// Waits until the bot has seen an event.
    async fn sees(&self, what: &str) {
        let mut seen = self.data.seen.subscribe();
        let found =
            tokio::time::timeout(SOON, seen.wait_for(|seen| seen.iter().any(|one| one == what))).await;
        assert!(found.is_ok(), "no {what:?} among {:?}", self.data.seen.borrow());
    }
}

async fn world() -> (Sandbox, Guild, Channel) {
    // Discord's own deadline for a first answer is too short for a busy machine.
    let config = Config { interaction_deadline: SOON, patience: SOON, ..Config::default() };
    let sandbox = Sandbox::start(config).await.expect("a free port");
    let harbour = sandbox.create_guild("Harbour");
    let news = harbour.text("news");
    (sandbox, harbour, news)
}

#[tokio::test]
async fn a_poise_bot_lives_in_it() {
    let (sandbox, harbour, news) = world().await;
    let releases = harbour.announcement("releases");
    harbour.forum("ideas");
    harbour.voice("deck");
    harbour.category("archive");
    let alice = harbour.member("Alice", Permissions::MANAGE_CHANNELS | Permissions::MANAGE_WEBHOOKS);
    let bob = harbour.member("Bob", Permissions::empty());
    releases.thread("v1").expect("a thread");
    let bot = Bot::start(&sandbox).await;
    bot.sees("guild Harbour").await;

    alice.post(&news, "hello").expect("may post");
    bot.sees("message hello").await;
    news.add_webhooks(1).expect("room");
    bot.sees(&format!("webhooks {}", news.id())).await;
    alice.start_thread(&news, "side", None).expect("may start");
    bot.sees("thread side").await;
    harbour.outage().expect("a guild");
    bot.sees("guild gone, unavailable: true").await;
    harbour.recover().expect("a guild");

    let reply = bob.run(&news, "/ping", ()).await.expect("an answer");
    assert_eq!((reply.content().as_str(), reply.is_ephemeral()), ("pong", true));
    assert!(
        news.messages().iter().all(|message| message.content != "pong"),
        "ephemeral messages are private"
    );

    let options = Options::new().set("channel", &releases);
    let hidden = bob.run(&news, "/inspect", options.clone()).await.expect_err("needs Manage Channels");
    assert!(matches!(hidden, ActError::Hidden { .. }));
    let forced = bob.run_unchecked(&news, "/inspect", options.clone()).await.expect("an answer");
    assert_eq!(forced.content(), "releases webhooks=false");
    let reply = alice.run(&news, "/inspect", options.clone().set("how", "fast")).await.expect("an answer");
    assert_eq!(reply.kind(), Some(ReplyKind::DeferredMessage));
    assert_eq!(reply.content(), "releases webhooks=true fast");
    let choices = alice.autocomplete(&news, "/inspect", options, "how", "s").await.expect("choices");
    assert_eq!(choices.iter().map(|choice| choice.name.as_str()).collect::<Vec<_>>(), ["slow"]);

    let pressed = reply.press("More").await.expect("an update");
    assert_eq!(
        (pressed.kind(), pressed.content().as_str()),
        (Some(ReplyKind::Update), "more pressed by alice")
    );
    assert!(matches!(reply.press("Less").await, Err(ActError::NoComponent { .. })));

    bot.stop().await;
    sandbox.wait_until_disconnected(SOON).await.expect("gone");
    assert_eq!(alice.run(&news, "/ping", ()).await.expect_err("nobody there"), ActError::Offline);
    let again = Bot::start(&sandbox).await;
    sandbox.wait_until_connected(SOON).await.expect("back");
    let pressed = reply.press_as(&bob, "more").await.expect("works after a restart");
    assert_eq!(pressed.content(), "more pressed by bob");
    again.stop().await;
    assert_eq!(sandbox.counts().unknown_routes, 0);
}

#[tokio::test]
async fn a_broken_connection_is_resumed_without_a_gap() {
    let (sandbox, harbour, news) = world().await;
    let bot = Bot::start(&sandbox).await;
    bot.sees("guild Harbour").await;
    sandbox.gateway_fault(&GatewayFault::Close(4000));
    sandbox.wait_until_disconnected(SOON).await.expect("gone");
    harbour.owner().post(&news, "meanwhile").expect("may post");
    bot.sees("message meanwhile").await;
    assert_eq!(sandbox.counts().resumes, 1);
    bot.stop().await;
}

#[tokio::test]
async fn an_invalidated_session_is_started_anew() {
    let (sandbox, harbour, news) = world().await;
    let bot = Bot::start(&sandbox).await;
    bot.sees("guild Harbour").await;
    sandbox.gateway_fault(&GatewayFault::InvalidSession(false));
    let anew = || (sandbox.counts().identifies == 2 && sandbox.is_connected()).then_some(());
    sandbox.wait_for("a second IDENTIFY", SOON * 2, anew).await.expect("identified");
    harbour.owner().post(&news, "afterwards").expect("may post");
    bot.sees("message afterwards").await;
    bot.stop().await;
}

#[tokio::test]
async fn an_intent_that_is_not_switched_on_closes_with_4014() {
    let config = Config { privileged_intents: Intents::empty(), ..Config::default() };
    let sandbox = Sandbox::start(config).await.expect("a free port");
    let http =
        serenity::HttpBuilder::new(sandbox.token()).proxy(sandbox.base()).ratelimiter_disabled(true).build();
    let mut client = serenity::ClientBuilder::new_with_http(http, serenity::GatewayIntents::all())
        .await
        .expect("a client");
    let error = tokio::time::timeout(SOON, client.start()).await.expect("ends").expect_err("refused");
    assert!(matches!(error, serenity::Error::Gateway(serenity::GatewayError::DisallowedGatewayIntents)));
}

#[tokio::test]
async fn user_commands_are_in_the_menus_of_people() {
    let (sandbox, harbour, news) = world().await;
    let alice = harbour.member("Alice", Permissions::MODERATE_MEMBERS);
    let bob = harbour.member("Bob", Permissions::empty());
    harbour.nickname(&bob, Some("Bobby")).expect("it can");
    let bot = Bot::start(&sandbox).await;
    let command = alice.commands(&news).into_iter().find(|command| command.kind == 2).expect("it is offered");
    assert_eq!(command.name, "Look up");
    assert_eq!(
        (&command.json["contexts"], &command.json["integration_types"]),
        (&json!([0, 1]), &json!([0, 1]))
    );
    let reply = alice.run_on_person(&news, &bob, "Look up").await.expect("an answer");
    assert_eq!(reply.content(), format!("{} is Bob (Some(\"Bobby\"))", bob.id()));
    assert!(reply.is_ephemeral());
    let stranger = sandbox.person("Stranger");
    let reply = alice.run_on_person(&news, &stranger, "Look up").await.expect("an answer");
    assert_eq!(reply.content(), format!("{} is Stranger (None)", stranger.id()));

    assert!(bob.commands(&news).iter().all(|command| command.kind != 2));
    let hidden = bob.run_on_person(&news, &alice, "Look up").await;
    assert!(matches!(hidden, Err(ActError::Hidden { .. })), "{hidden:?}");
    assert!(bob.run_on_person_unchecked(&news, &alice, "Look up").await.is_ok());
    let unknown = alice.run_on_person(&news, &bob, "ping").await;
    assert!(matches!(unknown, Err(ActError::UnknownCommand(_))), "a slash command: {unknown:?}");
    let direct = sandbox.direct_messages(&bob).expect("a channel");
    let reply = bob.run_on_person(&direct, &bob, "Look up").await.expect("in direct messages, too");
    assert_eq!(reply.content(), format!("{} is Bob (None)", bob.id()));
    bot.stop().await;
}
