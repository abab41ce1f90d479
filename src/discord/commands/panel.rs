//! `/panel`.

use std::sync::Arc;
use std::time::Duration;

use poise::serenity_prelude as serenity;

use crate::domain::panel::PanelId;
use crate::domain::text;
use crate::service::panels::{PanelListEntry, PanelRequest, Panels};
use crate::service::{Actor, Refusal, ServiceError};

use super::super::ids::IntoDomain;
use super::super::options::PanelKindOption;
use super::super::panel::form::{self, FormPurpose};
use super::super::panel::texts;
use super::super::reply;
use super::super::{Bot, Context};
use super::OpensForm;

/// Create and manage panels: live messages that the bot keeps current
///
/// A panel is posted once. Every channel that follows its channel with `panels` on shows a mirror of it,
/// which is kept current, too. A channel can have 5 panels. Needs Manage Channels in the panel's channel.
#[poise::command(
    slash_command,
    guild_only,
    default_member_permissions = "MANAGE_CHANNELS",
    subcommands("create", "edit", "list", "refresh", "relocate", "delete"),
    subcommand_required
)]
pub(super) async fn panel(_: Context<'_>) -> Result<(), ServiceError> {
    Ok(())
}

/// Create a panel and post it
///
/// Some kinds open a form first. Texts may have placeholders such as `{{server_name}}` or `{{member_count}}`;
/// if you use one that doesn't exist, you get the list of those that do.
///
/// Example: `/panel create kind:server channel:#lobby refresh:10`
#[poise::command(slash_command, guild_only, custom_data = "OpensForm")]
async fn create(
    ctx: Context<'_>,
    #[description = "What it shows"] kind: PanelKindOption,
    #[description = "Where it is posted (default: this channel)"] channel: Option<serenity::ChannelId>,
    #[description = "Its title"]
    #[max_length = 80]
    title: Option<String>,
    #[description = "How often it is refreshed, in minutes (default: 5)"]
    #[min = 1]
    #[max = 1440]
    refresh: Option<u16>,
) -> Result<(), ServiceError> {
    let actor = reply::actor(ctx)?;
    let channel = channel.map_or(reply::here(ctx), IntoDomain::into_domain);
    let request = PanelRequest { kind: kind.0.to_owned(), channel, title, refresh: refresh.map(minutes) };
    let fields = ctx.data().panels.form_to_create(&request)?;
    if !fields.is_empty() {
        let title = format!("New panel: {}", request.kind);
        let modal = form::modal(FormPurpose::Create(request).id(), &title, &fields);
        reply::deliver(ctx.interaction.create_response(ctx.framework.serenity_context, modal).await);
        return Ok(());
    }
    reply::deliver(ctx.defer_ephemeral().await);
    let saved =
        ctx.data().panels.create(actor, request, &std::iter::empty::<(String, String)>().collect()).await?;
    reply::embed(ctx, reply::done(texts::created(&saved))).await;
    Ok(())
}

/// Change a panel's title, contents or interval
///
/// Opens a form that holds the present contents.
///
/// Example: `/panel edit panel:Welcome refresh:30`
#[poise::command(slash_command, guild_only, custom_data = "OpensForm")]
async fn edit(
    ctx: Context<'_>,
    #[description = "Which panel, by its title"]
    #[autocomplete = "complete_panel"]
    panel: String,
    #[description = "Its new title"]
    #[max_length = 80]
    title: Option<String>,
    #[description = "How often it is refreshed, in minutes"]
    #[min = 1]
    #[max = 1440]
    refresh: Option<u16>,
) -> Result<(), ServiceError> {
    let actor = reply::actor(ctx)?;
    let panels = &ctx.data().panels;
    // A form must open within 3 seconds.
    let fields = tokio::time::timeout(Duration::from_secs(2), async {
        let id = panels.named(actor, &panel).await?;
        Ok::<_, ServiceError>((id, panels.form_to_edit(actor, id, title.as_deref()).await?))
    });
    let (id, fields) = fields.await.map_err(|_| Refusal::TooSlowForForm)??;
    let modal = form::modal(FormPurpose::Edit(id, refresh.map(minutes)).id(), "Edit the panel", &fields);
    reply::deliver(ctx.interaction.create_response(ctx.framework.serenity_context, modal).await);
    Ok(())
}

/// Show this server's panels, and what is wrong with them
///
/// Shows each panel's channel, interval and state.
///
/// Example: `/panel list`
#[poise::command(slash_command, guild_only)]
async fn list(
    ctx: Context<'_>,
    #[description = "Only the panels of this channel"] channel: Option<serenity::ChannelId>,
) -> Result<(), ServiceError> {
    let actor = reply::actor(ctx)?;
    let rows = ctx.data().panels.list(actor, channel.map(IntoDomain::into_domain)).await?;
    reply::embed(ctx, texts::list(&rows)).await;
    Ok(())
}

/// Refresh a panel and all its mirrors now
///
/// A panel whose message was deleted is posted again, and mirrors that somebody deleted come back.
///
/// Example: `/panel refresh panel:Welcome`
#[poise::command(slash_command, guild_only)]
async fn refresh(
    ctx: Context<'_>,
    #[description = "Which panel, by its title"]
    #[autocomplete = "complete_panel"]
    panel: String,
) -> Result<(), ServiceError> {
    let (panels, actor, id) = chosen(ctx, &panel).await?;
    let saved = panels.refresh(actor, id).await?;
    reply::embed(ctx, reply::done(texts::refreshed(&saved))).await;
    Ok(())
}

/// Move a panel to another channel of this server
///
/// It is posted anew in that channel. Its former message and its former mirrors are deleted.
///
/// Example: `/panel move panel:Welcome channel:#lobby`
#[poise::command(slash_command, guild_only, rename = "move")]
async fn relocate(
    ctx: Context<'_>,
    #[description = "Which panel, by its title"]
    #[autocomplete = "complete_panel"]
    panel: String,
    #[description = "The channel to move it to"] channel: serenity::ChannelId,
) -> Result<(), ServiceError> {
    let (panels, actor, id) = chosen(ctx, &panel).await?;
    let saved = panels.move_to(actor, id, channel.into_domain()).await?;
    reply::embed(ctx, reply::done(texts::moved(&saved))).await;
    Ok(())
}

/// Delete a panel with its message and all its mirrors
///
/// Asks first.
///
/// Example: `/panel delete panel:Welcome`
#[poise::command(slash_command, guild_only)]
async fn delete(
    ctx: Context<'_>,
    #[description = "Which panel, by its title"]
    #[autocomplete = "complete_panel"]
    panel: String,
) -> Result<(), ServiceError> {
    let (panels, actor, id) = chosen(ctx, &panel).await?;
    let panel = panels.panel_to_remove(actor, id).await?;
    reply::deliver(reply::send(ctx, texts::ask_to_delete(&panel)).await);
    Ok(())
}

/// Who asks, and which panel they mean.
async fn chosen<'a>(ctx: Context<'a>, panel: &str) -> Result<(&'a Panels, Actor, PanelId), ServiceError> {
    let actor = reply::actor(ctx)?;
    let panels = &ctx.data().panels;
    Ok((panels, actor, panels.named(actor, panel).await?))
}

/// Offers the panels that the person may manage, by title.
async fn complete_panel(
    ctx: poise::ApplicationContext<'_, Arc<Bot>, ServiceError>,
    typed: &str,
) -> serenity::CreateAutocompleteResponse {
    let Ok(actor) = reply::actor(ctx) else { return serenity::CreateAutocompleteResponse::new() };
    let rows = ctx.data().panels.choices(actor).await.unwrap_or_default();
    let typed = typed.trim().to_lowercase();
    let choices = rows.iter().map(|row| (label(row), row.panel.id));
    let matching =
        choices.filter(|(label, id)| label.to_lowercase().contains(&typed) || id.to_string() == typed);
    matching.take(25).fold(serenity::CreateAutocompleteResponse::new(), |answer, (label, PanelId(id))| {
        answer.add_string_choice(label, id.to_string())
    })
}

/// A panel's label among the choices (Discord: at most 100 characters, and no mentions).
fn label(row: &PanelListEntry) -> String {
    let text = format!("{} · {} · {}", row.panel.title, row.panel.kind, row.channel);
    text::cut(&text, 100).into_owned()
}

fn minutes(minutes: u16) -> Duration {
    Duration::from_secs(u64::from(minutes) * 60)
}
