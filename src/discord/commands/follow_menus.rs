//! *Follow* in the menu of a member, and *Follow author* in the menu of a message.

use poise::serenity_prelude as serenity;
use serenity::EditInteractionResponse;

use crate::domain::audit::Via;
use crate::domain::personal::Followee;
use crate::service::ServiceError;
use crate::service::people::{PersonalOutcome, PersonalWish};

use super::super::ids::IntoDomain;
use super::super::personal::answer;
use super::super::{Context, reply};
use super::feed::own_id;

/// Follow a person, or stop following them
///
/// Hold a name (on a computer, right-click it), then choose Apps → Follow. Their posts appear in your feed
/// from now on, which `/feed read` shows. If you follow them already, a button ends that.
#[poise::command(context_menu_command = "Follow", guild_only)]
pub(super) async fn follow_member(ctx: Context<'_>, user: serenity::User) -> Result<(), ServiceError> {
    follow_person(ctx, user.id).await
}

/// Follow whoever wrote a message, or stop following them
///
/// Hold a message (on a computer, right-click it), then choose Apps → Follow author. The rest is as with
/// *Follow*.
#[poise::command(context_menu_command = "Follow author", guild_only)]
pub(super) async fn follow_author(ctx: Context<'_>, message: serenity::Message) -> Result<(), ServiceError> {
    follow_person(ctx, message.author.id).await
}

async fn follow_person(ctx: Context<'_>, person: serenity::UserId) -> Result<(), ServiceError> {
    let (follower, followee) = (own_id(ctx), Followee::User(person.into_domain()));
    let wish = PersonalWish::default();
    let done = ctx.data().people.follow_as_wished(follower, Via::Command, followee, &wish).await?;
    let answer = match done {
        PersonalOutcome::Followed(done) => answer::toggled(&done),
        PersonalOutcome::Asked => EditInteractionResponse::new().embed(answer::asked(followee)),
    };
    reply::deliver(reply::send(ctx, answer).await);
    Ok(())
}
