//! `/panel`.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use poise::serenity_prelude as serenity;
use serenity::{ButtonStyle, CreateActionRow, CreateButton, EditInteractionResponse};

use crate::domain::panel::{Panel, PanelId, PanelState};
use crate::domain::{limits, text};
use crate::service::panels::{Kept, PanelRequest, PanelRow, Panels};
use crate::service::{Actor, Refusal, ServiceError};

use super::super::ids::IntoDomain;
use super::super::options::PanelKind;
use super::super::panel::form::{self, Purpose};
use super::super::reply::{self, mention};
use super::super::{Bot, Context};
use super::OpensForm;

/// Make and manage panels: live messages that the bot keeps current
///
/// A panel is posted once, and every channel that follows its channel (with `panels` on) has a copy that stays current. A channel has 5 at most. Needs Manage Channels in the
/// panel's channel.
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

/// Post a new panel
///
/// Some kinds open a form first. Texts may have placeholders such as `{{server_name}}` or `{{member_count}}`; an unknown one is refused with the list of those that exist.
///
/// Example: `/panel create kind:server channel:#lobby refresh:10`
#[poise::command(slash_command, guild_only, custom_data = "OpensForm")]
async fn create(
    ctx: Context<'_>,
    #[description = "What it shows"] kind: PanelKind,
    #[description = "Where it is posted (default: this channel)"] channel: Option<serenity::ChannelId>,
    #[description = "What stands above it"]
    #[max_length = 80]
    title: Option<String>,
    #[description = "How often it is brought up to date, in minutes (default: 5)"]
    #[min = 1]
    #[max = 1440]
    refresh: Option<u16>,
) -> Result<(), ServiceError> {
    let actor = reply::actor(ctx)?;
    let channel = channel.map_or(actor.channel, IntoDomain::into_domain);
    let request = PanelRequest { kind: kind.0.to_owned(), channel, title, refresh: refresh.map(minutes) };
    let fields = ctx.data().panels.form_to_create(&request)?;
    if !fields.is_empty() {
        let title = format!("New panel: {}", request.kind);
        let opened = form::open(Purpose::Create(request).id(), &title, &fields);
        reply::deliver(ctx.interaction.create_response(ctx.framework.serenity_context, opened).await);
        return Ok(());
    }
    reply::deliver(ctx.defer_ephemeral().await);
    let kept =
        ctx.data().panels.create(actor, request, &std::iter::empty::<(String, String)>().collect()).await?;
    reply::embed(ctx, reply::done(made(&kept))).await;
    Ok(())
}

/// Change a panel's title, contents or interval
///
/// Opens a form with what it says now.
///
/// Example: `/panel edit panel:Welcome refresh:30`
#[poise::command(slash_command, guild_only, custom_data = "OpensForm")]
async fn edit(
    ctx: Context<'_>,
    #[description = "Which one, by its title"]
    #[autocomplete = "complete_panel"]
    panel: String,
    #[description = "What stands above it from now on"]
    #[max_length = 80]
    title: Option<String>,
    #[description = "How often it is brought up to date, in minutes"]
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
    let opened = form::open(Purpose::Edit(id, refresh.map(minutes)).id(), "Edit the panel", &fields);
    reply::deliver(ctx.interaction.create_response(ctx.framework.serenity_context, opened).await);
    Ok(())
}

/// Show this server's panels, and what is wrong with them
///
/// With each panel's channel, interval and state.
///
/// Example: `/panel list`
#[poise::command(slash_command, guild_only)]
async fn list(
    ctx: Context<'_>,
    #[description = "Only those of this channel"] channel: Option<serenity::ChannelId>,
) -> Result<(), ServiceError> {
    let actor = reply::actor(ctx)?;
    let rows = ctx.data().panels.list(actor, channel.map(IntoDomain::into_domain)).await?;
    let title = match rows.len() {
        0 => "No panels".to_owned(),
        1 => "1 panel".to_owned(),
        count => format!("{count} panels"),
    };
    reply::embed(ctx, reply::info(title, blocks(&rows))).await;
    Ok(())
}

/// Bring a panel and all its mirrors up to date now
///
/// A panel whose message was deleted is posted again, and mirrors that somebody deleted come back.
///
/// Example: `/panel refresh panel:Welcome`
#[poise::command(slash_command, guild_only)]
async fn refresh(
    ctx: Context<'_>,
    #[description = "Which one, by its title"]
    #[autocomplete = "complete_panel"]
    panel: String,
) -> Result<(), ServiceError> {
    let (panels, actor, id) = chosen(ctx, &panel).await?;
    let kept = panels.refresh(actor, id).await?;
    let text = match (&kept.link, &kept.panel.error) {
        (_, Some(error)) => format!("{} was looked at, but: {error}", named(&kept)),
        (Some(_), None) => format!("{} is up to date. So are its mirrors.", named(&kept)),
        (None, None) => format!("{} is being posted.", named(&kept)),
    };
    reply::embed(ctx, reply::done(text)).await;
    Ok(())
}

/// Take a panel to another channel of this server
///
/// It is posted there anew; its message here and the mirrors of this channel's followers go.
///
/// Example: `/panel move panel:Welcome channel:#lobby`
#[poise::command(slash_command, guild_only, rename = "move")]
async fn relocate(
    ctx: Context<'_>,
    #[description = "Which one, by its title"]
    #[autocomplete = "complete_panel"]
    panel: String,
    #[description = "Where it goes"] channel: serenity::ChannelId,
) -> Result<(), ServiceError> {
    let (panels, actor, id) = chosen(ctx, &panel).await?;
    let kept = panels.move_to(actor, id, channel.into_domain()).await?;
    let text = format!("{} has moved to {}.", named(&kept), mention(kept.panel.channel));
    reply::embed(ctx, reply::done(text)).await;
    Ok(())
}

/// Remove a panel with its message and all its mirrors
///
/// Asks first.
///
/// Example: `/panel delete panel:Welcome`
#[poise::command(slash_command, guild_only)]
async fn delete(
    ctx: Context<'_>,
    #[description = "Which one, by its title"]
    #[autocomplete = "complete_panel"]
    panel: String,
) -> Result<(), ServiceError> {
    let (panels, actor, id) = chosen(ctx, &panel).await?;
    let panel = panels.to_remove(actor, id).await?;
    let text = format!(
        "Remove **{}** from {}? Its message and its mirrors in all followers go, and what was configured is lost.",
        text::escape(&panel.title),
        mention(panel.channel)
    );
    let buttons = vec![
        CreateButton::new(format!("panels:delete:{id}")).label("Remove").style(ButtonStyle::Danger),
        CreateButton::new("panels:keep").label("Keep").style(ButtonStyle::Secondary),
    ];
    let answer = EditInteractionResponse::new()
        .embed(reply::info("Are you sure?", text))
        .components(vec![CreateActionRow::Buttons(buttons)]);
    reply::deliver(reply::send(ctx, answer).await);
    Ok(())
}

/// Who asks, and which panel is meant.
async fn chosen<'a>(ctx: Context<'a>, panel: &str) -> Result<(&'a Panels, Actor, PanelId), ServiceError> {
    let actor = reply::actor(ctx)?;
    let panels = &ctx.data().panels;
    Ok((panels, actor, panels.named(actor, panel).await?))
}

/// What came of `/panel create`.
pub(in crate::discord) fn made(kept: &Kept) -> String {
    let channel = mention(kept.panel.channel);
    match (&kept.link, &kept.panel.error) {
        (Some(_), None) => format!(
            "{} is posted in {channel}. Channels that follow it with panels show it, too.",
            named(kept)
        ),
        (_, Some(error)) => format!("{} is made in {channel}, but: {error}", named(kept)),
        (None, None) => format!("{} is made, and is being posted in {channel}.", named(kept)),
    }
}

/// What came of `/panel edit`.
pub(in crate::discord) fn changed(kept: &Kept) -> String {
    match &kept.panel.error {
        Some(error) => format!("{} is changed, but: {error}", named(kept)),
        None => format!("{} is changed. So are its mirrors.", named(kept)),
    }
}

/// The panel's title, leading to its message where there is one.
fn named(kept: &Kept) -> String {
    titled(&kept.panel, kept.link.as_deref())
}

fn titled(panel: &Panel, link: Option<&str>) -> String {
    let title = text::escape(&panel.title);
    match link {
        Some(link) => format!("**[{title}]({link})**"),
        None => format!("**{title}**"),
    }
}

/// As many of the panels as fit into an embed, and a word about the others.
fn blocks(rows: &[PanelRow]) -> String {
    const TAIL: usize = 100;
    let mut text = String::new();
    for (place, row) in rows.iter().enumerate() {
        let block = describe(row);
        if text::units(&text) + text::units(&block) + TAIL > limits::EMBED_DESCRIPTION {
            let left = rows.len() - place;
            let _ = write!(text, "… and {left} more: `/panel list channel:` shows those of one channel.");
            return text;
        }
        let _ = write!(text, "{block}\n\n");
    }
    if text.is_empty() {
        return "There are none yet that you may manage. `/panel create` makes one.".to_owned();
    }
    text
}

/// A panel in the list.
fn describe(row: &PanelRow) -> String {
    let PanelRow { panel, link, .. } = row;
    let state = match (panel.state, &panel.error) {
        (PanelState::Active, None) => "🟢 current",
        (PanelState::Active, Some(_)) => "🟡 has trouble",
        (PanelState::Inactive | PanelState::Removed, _) => "🔴 inactive",
    };
    let title = titled(panel, link.as_deref());
    let minutes = panel.refresh.as_secs().div_ceil(60);
    let mut text =
        format!("{title} in {}\n{state} · {} · every {minutes} min", mention(panel.channel), panel.kind);
    if let Some(at) = panel.refreshed_at {
        let _ = write!(text, " · looked at <t:{}:R>", at.timestamp());
    }
    if let Some(error) = &panel.error {
        let _ = write!(text, "\n> {error}");
    }
    text
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

/// A panel as the list of choices shows it; Discord: at most 100 characters, and no mentions.
fn label(row: &PanelRow) -> String {
    let text = format!("{} · {} · {}", row.panel.title, row.panel.kind, row.channel);
    text::cut(&text, 100).into_owned()
}

fn minutes(minutes: u16) -> Duration {
    Duration::from_secs(u64::from(minutes) * 60)
}
