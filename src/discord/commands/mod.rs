//! The commands, one file each: read the options, call a service, show the result.

mod about;
mod collection;
mod dashboard;
mod feed;
mod follow;
mod follow_menus;
mod followers;
mod follows;
pub(super) mod panel;
mod privacy;
mod publish;
mod report;
mod unfollow;

use std::sync::Arc;

use poise::serenity_prelude as serenity;
use poise::{BoxFuture, Command, FrameworkContext, FrameworkError, FrameworkOptions};

use crate::service::ServiceError;

use super::{Bot, reply};

/// All commands, in the order of the documentation.
pub fn all() -> Vec<Command<Arc<Bot>, ServiceError>> {
    let mut commands = vec![
        follow::follow(),
        unfollow::unfollow(),
        follows::follows(),
        followers::followers(),
        publish::publish(),
        panel::panel(),
        collection::collection(),
        feed::feed(),
        follow_menus::follow_member(),
        follow_menus::follow_author(),
        report::delivery_report(),
        privacy::privacy(),
        dashboard::dashboard(),
        about::about(),
    ];
    poise::set_qualified_names(&mut commands);
    commands
}

/// The command that needs the web pages.
pub(super) const OF_THE_WEB: &str = "dashboard";

/// Has poise answer commands. poise is given interactions only: as a framework of serenity's it would look at
/// every event, and there are many messages.
pub(super) struct Commands {
    bot: Arc<Bot>,
    options: FrameworkOptions<Arc<Bot>, ServiceError>,
    /// poise requires one. It has no shards.
    manager: Arc<serenity::ShardManager>,
}

impl Commands {
    pub(super) fn new(bot: Arc<Bot>, manager: Arc<serenity::ShardManager>) -> Self {
        Self { bot, options: framework_options(), manager }
    }

    /// Answers a command, or completes what somebody is typing.
    pub(super) async fn answer(&self, ctx: &serenity::Context, interaction: serenity::Interaction) {
        let Self { bot, options, manager: shard_manager } = self;
        let framework = FrameworkContext { serenity_context: ctx, options, user_data: bot, shard_manager };
        poise::dispatch_event(framework, serenity::FullEvent::InteractionCreate { interaction }).await;
    }
}

/// poise's options.
fn framework_options() -> FrameworkOptions<Arc<Bot>, ServiceError> {
    FrameworkOptions {
        commands: all(),
        // Before anything else, so that a slow Discord or database can't exceed the 3 seconds.
        pre_command: |ctx| Box::pin(acknowledge(ctx)),
        on_error: |error| on_error(error),
        initialize_owners: false,
        allowed_mentions: None,
        ..FrameworkOptions::default()
    }
}

/// Marks a command that may open a form, which must be its first answer.
pub(super) struct OpensForm;

async fn acknowledge(ctx: poise::Context<'_, Arc<Bot>, ServiceError>) {
    if ctx.command().custom_data.is::<OpensForm>() {
        return;
    }
    reply::deliver(ctx.defer_ephemeral().await);
}

/// What the person sees for each way in which poise can fail.
fn on_error(error: FrameworkError<'_, Arc<Bot>, ServiceError>) -> BoxFuture<'_, ()> {
    Box::pin(async move {
        match error {
            FrameworkError::Command { error, ctx, .. } => answer(ctx, &error).await,
            FrameworkError::CommandPanic { ctx, .. } => {
                let reference = reply::Reference::new();
                tracing::error!(command = ctx.command().name.as_ref(), %reference, "a command panicked");
                let text =
                    "Something went wrong inside me. My operator can find it in the log. Please try again.";
                explain(ctx, &reference.under(text)).await;
            }
            FrameworkError::ArgumentParse { ctx, .. } => {
                explain(
                    ctx,
                    "I can't read one of the options. Please choose it again from what Discord offers.",
                )
                .await;
            }
            FrameworkError::CommandStructureMismatch { description, ctx, .. } => {
                tracing::warn!(
                    command = ctx.command().name.as_ref(),
                    description,
                    "options don't fit the command"
                );
                let ctx = poise::Context::Application(ctx);
                explain(ctx, "This command has changed. Reload Discord (Ctrl+R), then type it again.").await;
            }
            FrameworkError::GuildOnly { ctx, .. } => explain(ctx, "This works only in servers.").await,
            // Our commands have no cooldowns, checks, owners or prefixes, and Discord always names a
            // subcommand.
            FrameworkError::Setup { .. }
            | FrameworkError::EventHandler { .. }
            | FrameworkError::SubcommandRequired { .. }
            | FrameworkError::CooldownHit { .. }
            | FrameworkError::MissingBotPermissions { .. }
            | FrameworkError::MissingUserPermissions { .. }
            | FrameworkError::PermissionFetchFailed { .. }
            | FrameworkError::NotAnOwner { .. }
            | FrameworkError::DmOnly { .. }
            | FrameworkError::NsfwOnly { .. }
            | FrameworkError::CommandCheckFailed { .. }
            | FrameworkError::DynamicPrefix { .. }
            | FrameworkError::UnknownCommand { .. }
            | FrameworkError::UnknownInteraction { .. }
            | FrameworkError::NonCommandMessage { .. }
            | FrameworkError::__NonExhaustive(_) => {
                tracing::warn!("the command framework reported an unexpected error")
            }
        }
    })
}

async fn answer(ctx: poise::Context<'_, Arc<Bot>, ServiceError>, error: &ServiceError) {
    let embed = reply::error(error, &ctx.command().qualified_name);
    if let poise::Context::Application(ctx) = ctx {
        // A command that opens forms may not be acknowledged yet. A second acknowledgement does nothing.
        reply::deliver(ctx.defer_response(true).await);
        reply::embed(ctx, embed).await;
    }
}

async fn explain(ctx: poise::Context<'_, Arc<Bot>, ServiceError>, text: &str) {
    if let poise::Context::Application(app) = ctx {
        // Some of these errors come before the acknowledgement. A second one does nothing.
        reply::deliver(app.defer_response(true).await);
        reply::embed(app, reply::failed(text)).await;
    }
}
