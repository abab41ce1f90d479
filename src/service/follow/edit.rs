//! Making and changing follows for programs: they name a follow by its number, confirm in the same request,
//! and get the whole follow as answer. What happens is what the commands do.

use crate::domain::follow::{Follow, FollowId};
use crate::domain::permissions::Permissions;

use super::pause::Resumed;
use super::record::FollowRecord;
use super::{ChangedFollow, FollowOutcome};
use crate::service::{
    Actor, FollowRequest, FollowService, OptionsRequest, Refusal, ServiceError, SourceChoice,
};

/// What happened to a follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FollowEdit {
    /// It is new, and begins with so many earlier posts.
    Created {
        /// How many.
        earlier: u64,
    },
    /// Its options have changed.
    Changed,
    /// It was as wanted already.
    Unchanged,
    /// It was broken, and works again.
    Repaired,
    /// It was paused, and is active again.
    Resumed,
    /// It is paused.
    Paused,
    /// It is stored, and waits until the source's moderators approve it.
    Waits,
}

/// A follow after it was made or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditedFollow {
    /// What happened to it.
    pub edit: FollowEdit,
    /// The follow as it is now.
    pub record: FollowRecord,
}

impl FollowService {
    /// Makes a channel follow another, or changes the options of an existing follow, as `/follow` does.
    ///
    /// # Errors
    /// [`Refusal::NotConfirmed`] if it makes something public and isn't `confirmed`.
    #[tracing::instrument(skip_all, fields(server = %actor.guild, channel = %request.target, follow = tracing::field::Empty))]
    pub async fn set_up(
        &self,
        actor: Actor,
        request: FollowRequest,
        confirmed: bool,
    ) -> Result<EditedFollow, ServiceError> {
        let follow = self.follow_as(actor, request, confirmed);
        let (edit, follow) = edited(self.quotas.count_action(actor.user, follow).await?)?;
        self.answer(actor, edit, follow).await
    }

    /// Changes options of a follow of this server. Those that aren't given stay as they are. A broken follow
    /// is repaired, as `/follow` does it.
    ///
    /// # Errors
    /// [`Refusal::NotConfirmed`] if it makes something public and isn't `confirmed`.
    #[tracing::instrument(skip_all, fields(server = %actor.guild, follow = id.0))]
    pub async fn change_options(
        &self,
        actor: Actor,
        id: FollowId,
        options: OptionsRequest,
        confirmed: bool,
    ) -> Result<EditedFollow, ServiceError> {
        let change = async {
            let follow = self.managed_follow(actor, id).await?;
            let source = SourceChoice::Chosen(follow.pair.source);
            let request =
                FollowRequest { options, only: Some(id), ..FollowRequest::new(source, follow.pair.target)? };
            match self.follow_as(actor, request, confirmed).await {
                Err(ServiceError::Refused(Refusal::AlreadyFollowing { .. })) => {
                    Ok((FollowEdit::Unchanged, follow))
                }
                followed => edited(followed?),
            }
        };
        let (edit, follow) = self.quotas.count_action(actor.user, change).await?;
        self.answer(actor, edit, follow).await
    }

    /// Pauses a follow of this server.
    pub async fn pause_by_id(&self, actor: Actor, id: FollowId) -> Result<EditedFollow, ServiceError> {
        let follow = self.pause(actor, id).await?;
        self.answer(actor, FollowEdit::Paused, follow).await
    }

    /// Makes a paused or broken follow of this server active again.
    ///
    /// # Errors
    /// [`Refusal::NotConfirmed`] if it makes something public and isn't `confirmed`.
    #[tracing::instrument(skip_all, fields(server = %actor.guild, follow = id.0))]
    pub async fn resume_by_id(
        &self,
        actor: Actor,
        id: FollowId,
        confirmed: bool,
    ) -> Result<EditedFollow, ServiceError> {
        let resumed = self.quotas.count_action(actor.user, self.resume_as(actor, id, confirmed)).await?;
        let (edit, follow) = match resumed {
            Resumed::Again { follow, was_broken: true } => (FollowEdit::Repaired, follow),
            Resumed::Again { follow, was_broken: false } => (FollowEdit::Resumed, follow),
            Resumed::Waits(follow) => (FollowEdit::Waits, follow),
            Resumed::Asked(question) => return Err(Refusal::NotConfirmed(question.pair).into()),
        };
        self.answer(actor, edit, follow).await
    }

    /// A follow of this server that the person may change. Nothing keeps others from changing it meanwhile.
    async fn managed_follow(&self, actor: Actor, id: FollowId) -> Result<Follow, ServiceError> {
        let rest = self.on_behalf_of(actor);
        let mut access = self.access(&rest, actor);
        let follow = self.known_follow(&mut access, actor, id).await?;
        access.require_actor(actor, follow.pair.target, Permissions::MANAGE_CHANNELS).await?;
        Ok(follow)
    }

    async fn answer(
        &self,
        actor: Actor,
        edit: FollowEdit,
        follow: Follow,
    ) -> Result<EditedFollow, ServiceError> {
        Ok(EditedFollow { edit, record: self.record_of(actor, follow).await? })
    }
}

fn edited(followed: FollowOutcome) -> Result<(FollowEdit, Follow), ServiceError> {
    match followed {
        FollowOutcome::New { follow, earlier } => Ok((FollowEdit::Created { earlier }, follow)),
        FollowOutcome::MadeOwn(follow) => Ok((FollowEdit::Changed, follow)),
        FollowOutcome::Changed(ChangedFollow { follow, .. }) => Ok((FollowEdit::Changed, follow)),
        FollowOutcome::Repaired(ChangedFollow { follow, .. }) => Ok((FollowEdit::Repaired, follow)),
        FollowOutcome::Waits(follow) => Ok((FollowEdit::Waits, follow)),
        FollowOutcome::Asked(question) => Err(Refusal::NotConfirmed(question.pair).into()),
    }
}
