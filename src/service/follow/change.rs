//! `/follow` for a pair that is followed already. Options that aren't given stay as they are, the others
//! change, including from native delivery to relay and back.

use crate::domain::audit::ChangedBy;
use crate::domain::channel::ChannelKind;
use crate::domain::collection_follow::CollectionFollowId;
use crate::domain::follow::{
    DeliveryMethod, Door, Exposure, Follow, FollowOptions, FollowState, TagFilter, TagMode, ThreadScope,
};
use crate::domain::tags::TagSet;
use crate::store::FollowWebhook;

use super::consent::waiting_or;
use super::tags::read_tags;
use super::{FollowChannels, FollowOutcome, already_following, refused_by_store};
use crate::service::access::Access;
use crate::service::{DeliveryChoice, FollowService, OptionsRequest, Refusal, ServiceError};

/// A follow that was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedFollow {
    /// Its former options.
    pub before: FollowOptions,
    /// The follow as it is now.
    pub follow: Follow,
    /// Why it went from native to relay although nobody asked for that.
    pub why_relay: Option<NotNative>,
}

/// Why Discord's own following is not possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotNative {
    /// It has no tags.
    Filter,
    /// It has no threads.
    Threads,
    /// It only takes announcement channels, and only into text or announcement channels.
    Kinds,
}

/// The options that result from a request.
pub(in crate::service) struct RequestedOptions {
    pub(in crate::service) options: FollowOptions,
    why_relay: Option<NotNative>,
}

impl FollowService {
    /// The options that result from a request, on top of those that the follow has.
    pub(in crate::service) async fn requested_options(
        &self,
        access: &mut Access<'_>,
        ends: &FollowChannels,
        request: &OptionsRequest,
        existing: Option<&Follow>,
    ) -> Result<RequestedOptions, ServiceError> {
        let before = existing.map(|existing| &existing.options);
        let tags = match &request.tags {
            Some(typed) => read_tags(access, &ends.source, typed).await?,
            None => None,
        };
        let filter = filter(request.mode, tags, before.map(|before| &before.filter))?;
        let threads = threads(request.threads, before.map(|before| before.threads), ends.source.kind())?;
        let not_native = not_native(ends, &filter, threads);
        let delivery = delivery(request.delivery, before.map(|before| before.delivery), not_native)?;
        let panels = request.panels.or(before.map(|before| before.panels)).unwrap_or(true);
        let forced = before.is_some_and(|before| before.delivery == DeliveryMethod::Native)
            && delivery == DeliveryMethod::Relay
            && request.delivery != Some(DeliveryChoice::Fixed(DeliveryMethod::Relay));
        Ok(RequestedOptions {
            options: FollowOptions { delivery, filter, threads, panels },
            why_relay: not_native.filter(|_| forced),
        })
    }

    /// Changes the options of an existing follow. A request that changes nothing is refused, unless the
    /// follow is broken and can be repaired.
    pub(in crate::service) async fn change_follow(
        &self,
        existing: Follow,
        wanted: RequestedOptions,
        door: Door,
        exposure: Exposure,
        by: ChangedBy,
    ) -> Result<FollowOutcome, ServiceError> {
        let RequestedOptions { options, why_relay } = wanted;
        if exposure == Exposure::Meant {
            self.parts.store.note_meant(existing.guild, existing.id, self.stamp(by)).await?;
        }
        let same = existing.options == options;
        let stays = existing.options.delivery == options.delivery;
        let changed = |follow| ChangedFollow { before: existing.options.clone(), follow, why_relay };
        match existing.state {
            FollowState::Active | FollowState::Paused if same => Err(already_following(&existing).into()),
            FollowState::Paused if !stays && options.delivery == DeliveryMethod::Native => {
                Err(Refusal::Paused(existing.id).into())
            }
            FollowState::Active | FollowState::Paused if !stays => self
                .switch_delivery(&existing, &options, door, by)
                .await
                .map(changed)
                .map(FollowOutcome::Changed),
            FollowState::Active | FollowState::Paused => self
                .set_options(&existing, &options, None, door, by)
                .await
                .map(changed)
                .map(FollowOutcome::Changed),
            FollowState::Broken(_) if self.must_wait(&existing).await? => {
                self.ask_again(&existing, &options, door, by).await
            }
            FollowState::Broken(_) => {
                let repaired = self.repair(&existing, &options, door, exposure, by).await?;
                Ok(waiting_or(repaired, |follow| FollowOutcome::Repaired(changed(follow))))
            }
        }
    }

    /// Makes a follow that came from a collection one of its own, and changes it as `/follow` does.
    pub(in crate::service) async fn make_own(
        &self,
        existing: Follow,
        from: CollectionFollowId,
        wanted: RequestedOptions,
        (door, exposure): (Door, Exposure),
        by: ChangedBy,
    ) -> Result<FollowOutcome, ServiceError> {
        let stamp = self.stamp(by);
        let own = self.parts.store.pass_follow(existing.guild, existing.id, from, None, stamp).await?;
        let own = own.ok_or(Refusal::NoSuchFollow(existing.id))?;
        match self.change_follow(own.clone(), wanted, door, exposure, by).await {
            Err(ServiceError::Refused(Refusal::AlreadyFollowing { .. })) => Ok(FollowOutcome::MadeOwn(own)),
            changed => changed,
        }
    }

    /// Makes a broken follow work again, with these options.
    async fn repair(
        &self,
        existing: &Follow,
        options: &FollowOptions,
        door: Door,
        exposure: Exposure,
        by: ChangedBy,
    ) -> Result<Follow, ServiceError> {
        if existing.options.delivery != options.delivery {
            self.switch_delivery(existing, options, door, by).await?;
            let resumed = self.parts.store.resume_follow(existing, None, door, self.stamp(by)).await;
            return Ok(resumed.map_err(refused_by_store)?.ok_or(Refusal::NoSuchFollow(existing.id))?);
        }
        let repaired = self.reconnect(existing, door, exposure, by).await?;
        if existing.options == *options {
            return Ok(repaired);
        }
        self.set_options(&repaired, options, None, door, by).await
    }

    /// Changes from native to relay or back. The new connection is made before the old one goes; if the old
    /// one can't be removed, everything is restored.
    async fn switch_delivery(
        &self,
        existing: &Follow,
        options: &FollowOptions,
        door: Door,
        by: ChangedBy,
    ) -> Result<Follow, ServiceError> {
        let connected =
            self.connect(existing.guild, existing.pair, existing.target_kind, options.delivery).await?;
        self.parts.watched.update_follow(existing, options);
        let changed = match self.set_options(existing, options, Some(&connected.hook), door, by).await {
            Ok(changed) => changed,
            Err(error) => {
                self.disconnect(connected).await;
                return Err(error);
            }
        };
        if let Err(error) = self.release_hook(existing).await {
            let former = existing.follower_webhook.map(FollowWebhook::Native);
            self.set_options(existing, &existing.options, former.as_ref(), Door::Own, by).await?;
            self.disconnect(connected).await;
            return Err(error);
        }
        Ok(changed)
    }

    pub(in crate::service) async fn set_options(
        &self,
        existing: &Follow,
        options: &FollowOptions,
        hook: Option<&FollowWebhook>,
        door: Door,
        by: ChangedBy,
    ) -> Result<Follow, ServiceError> {
        let stamp = self.stamp(by);
        let changed =
            self.parts.store.update_options(existing.guild, existing.id, options, hook, door, stamp).await;
        let changed = changed.map_err(refused_by_store)?;
        (self.parts.wake)(vec![existing.pair.target]);
        tracing::info!(follow = existing.id.0, "the options of a follow were changed");
        changed.ok_or_else(|| Refusal::NoSuchFollow(existing.id).into())
    }
}

/// Which threads of a source are let through if nobody chose: of a forum, the first message of each post.
pub(in crate::service) fn usual_threads(source: ChannelKind) -> ThreadScope {
    if source == ChannelKind::Forum { ThreadScope::Starter } else { ThreadScope::None }
}

/// The threads that result from a request, on top of those that the follow has.
fn threads(
    chosen: Option<ThreadScope>,
    existing: Option<ThreadScope>,
    source: ChannelKind,
) -> Result<ThreadScope, Refusal> {
    match chosen {
        Some(ThreadScope::None) if source == ChannelKind::Forum => Err(Refusal::ForumThreads),
        Some(ThreadScope::Starter | ThreadScope::All) if source.is_thread() => Err(Refusal::ThreadThreads),
        chosen => Ok(chosen.or(existing).unwrap_or_else(|| usual_threads(source))),
    }
}

/// The mode and tags that result from a request, on top of those that the follow has: a mode keeps the tags,
/// and tags keep the mode.
fn filter(
    mode: Option<TagMode>,
    tags: Option<TagSet>,
    existing: Option<&TagFilter>,
) -> Result<TagFilter, Refusal> {
    let mode = mode.or(existing.map(TagFilter::mode)).unwrap_or(TagMode::All);
    if tags.as_ref().is_some_and(|tags| !tags.fits()) {
        return Err(Refusal::TooManyTags);
    }
    if mode == TagMode::All && tags.is_some() {
        return Err(Refusal::TagsWithoutMode);
    }
    let tags = tags.or_else(|| existing.and_then(TagFilter::tag_set).cloned());
    TagFilter::new(mode, tags).ok_or(Refusal::TagsMissing(mode))
}

/// Why a follow can't be Discord's own, if it can't.
pub(in crate::service) fn not_native(
    ends: &FollowChannels,
    filter: &TagFilter,
    threads: ThreadScope,
) -> Option<NotNative> {
    if ends.source.kind() != ChannelKind::Announcement || !ends.target.kind().takes_native() {
        return Some(NotNative::Kinds);
    }
    match (filter, threads) {
        (TagFilter::Except(_) | TagFilter::Only(_), _) => Some(NotNative::Filter),
        (TagFilter::All, ThreadScope::Starter | ThreadScope::All) => Some(NotNative::Threads),
        (TagFilter::All, ThreadScope::None) => None,
    }
}

/// `auto` takes native if possible, as for a new follow. Without a choice, a follow stays what it is, if
/// possible.
fn delivery(
    choice: Option<DeliveryChoice>,
    existing: Option<DeliveryMethod>,
    not_native: Option<NotNative>,
) -> Result<DeliveryMethod, Refusal> {
    match (choice, existing) {
        (Some(DeliveryChoice::Fixed(DeliveryMethod::Native)), _) if not_native.is_some() => {
            Err(Refusal::NativeImpossible)
        }
        (Some(DeliveryChoice::Fixed(delivery)), _) => Ok(delivery),
        (None, Some(DeliveryMethod::Relay)) => Ok(DeliveryMethod::Relay),
        (Some(DeliveryChoice::Auto), _) | (None, _) => {
            Ok(if not_native.is_none() { DeliveryMethod::Native } else { DeliveryMethod::Relay })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::tags::Tag;

    #[test]
    fn what_is_not_given_stays() {
        let set = |tag| TagSet::new(Tag::hashtag(tag));
        let only = TagFilter::new(TagMode::Only, set("bug")).unwrap();
        let asked = |mode, tags| filter(mode, tags, Some(&only));
        assert_eq!(asked(None, None), Ok(only.clone()));
        assert_eq!(asked(Some(TagMode::Except), None).ok(), TagFilter::new(TagMode::Except, set("bug")));
        assert_eq!(asked(None, set("idea")).ok(), TagFilter::new(TagMode::Only, set("idea")));
        assert_eq!(asked(Some(TagMode::All), None), Ok(TagFilter::All));
        assert_eq!(asked(Some(TagMode::All), set("idea")), Err(Refusal::TagsWithoutMode));
    }

    #[test]
    fn only_and_except_need_a_tag() {
        for existing in [None, Some(&TagFilter::All)] {
            for mode in [TagMode::Only, TagMode::Except] {
                assert_eq!(filter(Some(mode), None, existing), Err(Refusal::TagsMissing(mode)));
            }
            assert_eq!(filter(None, None, existing), Ok(TagFilter::All));
            let tags = TagSet::new(Tag::hashtag("bug"));
            assert_eq!(filter(None, tags, existing), Err(Refusal::TagsWithoutMode));
        }
    }

    #[test]
    fn a_follow_stays_what_it_is_as_far_as_it_can() {
        let (auto, native) =
            (Some(DeliveryChoice::Auto), Some(DeliveryChoice::Fixed(DeliveryMethod::Native)));
        assert_eq!(delivery(None, None, None), Ok(DeliveryMethod::Native));
        assert_eq!(delivery(None, Some(DeliveryMethod::Relay), None), Ok(DeliveryMethod::Relay));
        assert_eq!(delivery(auto, Some(DeliveryMethod::Relay), None), Ok(DeliveryMethod::Native));
        let tags = Some(NotNative::Filter);
        assert_eq!(delivery(None, Some(DeliveryMethod::Native), tags), Ok(DeliveryMethod::Relay));
        assert_eq!(delivery(native, Some(DeliveryMethod::Native), tags), Err(Refusal::NativeImpossible));
    }
}
