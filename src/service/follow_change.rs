//! `/follow` for a pair that is followed already: what wasn't given stays, what was given changes, by way of native delivery to relay and back.

use crate::domain::channel::ChannelKind;
use crate::domain::follow::{
    Delivery, Door, Exposure, Filter, Follow, FollowOptions, FollowState, Mode, Threads,
};
use crate::domain::tags::TagSet;
use crate::store::Hook;

use super::access::Access;
use super::consent::waiting_or;
use super::follow::{Ends, Followed, already, closed};
use super::tags::read_tags;
use super::{DeliveryChoice, FollowRequest, Follows, Refusal, ServiceError};

/// A follow that was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Its options as they were.
    pub before: FollowOptions,
    /// The follow as it is now.
    pub follow: Follow,
    /// Why it went from native to relay without anybody having asked for that.
    pub why_relay: Option<NotNative>,
}

/// Why Discord's own following can't be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotNative {
    /// It knows no tags.
    Filter,
    /// It knows no threads.
    Threads,
    /// It takes announcement channels, into text or announcement channels.
    Kinds,
}

/// The options that a request comes to.
pub(super) struct Wanted {
    pub(super) options: FollowOptions,
    why_relay: Option<NotNative>,
}

impl Follows {
    /// What is asked for, over what stands.
    pub(super) async fn wanted(
        &self,
        access: &mut Access<'_>,
        ends: &Ends,
        request: &FollowRequest,
        standing: Option<&Follow>,
    ) -> Result<Wanted, ServiceError> {
        let before = standing.map(|standing| &standing.options);
        let tags = match &request.tags {
            Some(typed) => read_tags(access, &ends.source, typed).await?,
            None => None,
        };
        let filter = filter(request.mode, tags, before.map(|before| &before.filter))?;
        let threads = threads(request.threads, before.map(|before| before.threads), ends.source.kind())?;
        let not_native = not_native(ends, &filter, threads);
        let delivery = delivery(request.delivery, before.map(|before| before.delivery), not_native)?;
        let panels = request.panels.or(before.map(|before| before.panels)).unwrap_or(true);
        let forced = before.is_some_and(|before| before.delivery == Delivery::Native)
            && delivery == Delivery::Relay
            && request.delivery != Some(DeliveryChoice::Fixed(Delivery::Relay));
        Ok(Wanted {
            options: FollowOptions { delivery, filter, threads, panels },
            why_relay: not_native.filter(|_| forced),
        })
    }

    /// Changes the options of a follow that stands; one that says the same is refused, unless it is broken and can be repaired.
    pub(super) async fn change(
        &self,
        standing: Follow,
        wanted: Wanted,
        door: Door,
        exposure: Exposure,
    ) -> Result<Followed, ServiceError> {
        let Wanted { options, why_relay } = wanted;
        if exposure == Exposure::Meant {
            self.store.note_meant(standing.guild, standing.id).await?;
        }
        let same = standing.options == options;
        let stays = standing.options.delivery == options.delivery;
        let changed = |follow| Changed { before: standing.options.clone(), follow, why_relay };
        match standing.state {
            FollowState::Active | FollowState::Paused if same => {
                Err(already(standing.pair, standing.state).into())
            }
            FollowState::Paused if !stays && options.delivery == Delivery::Native => {
                Err(Refusal::Paused(standing.id).into())
            }
            FollowState::Active | FollowState::Paused if !stays => {
                self.switch(&standing, &options, door).await.map(changed).map(Followed::Changed)
            }
            FollowState::Active | FollowState::Paused => {
                self.set_options(&standing, &options, None, door).await.map(changed).map(Followed::Changed)
            }
            FollowState::Broken(_) if self.must_wait(&standing).await? => {
                self.ask_again(&standing, &options, door).await
            }
            FollowState::Broken(_) => {
                let repaired = self.repair(&standing, &options, door, exposure).await?;
                Ok(waiting_or(repaired, |follow| Followed::Repaired(changed(follow))))
            }
        }
    }

    /// Makes a broken follow work again, as it is now asked for.
    async fn repair(
        &self,
        standing: &Follow,
        options: &FollowOptions,
        door: Door,
        exposure: Exposure,
    ) -> Result<Follow, ServiceError> {
        if standing.options.delivery != options.delivery {
            self.switch(standing, options, door).await?;
            let now = self.clock.now();
            let resumed = self.store.resume_follow(standing, None, door, now).await;
            return Ok(resumed.map_err(closed)?.ok_or(Refusal::NoSuchFollow(standing.id))?);
        }
        let repaired = self.reconnect(standing, door, exposure).await?;
        if standing.options == *options {
            return Ok(repaired);
        }
        self.set_options(&repaired, options, None, door).await
    }

    /// Changes from native to relay or back: the new way is there before the old one goes. Where the old one can't go, all is as it was.
    async fn switch(
        &self,
        standing: &Follow,
        options: &FollowOptions,
        door: Door,
    ) -> Result<Follow, ServiceError> {
        let connected = self.connect(standing.guild, standing.pair, standing.spot, options.delivery).await?;
        self.watched.add_again(standing, options);
        let changed = match self.set_options(standing, options, Some(&connected.hook), door).await {
            Ok(changed) => changed,
            Err(error) => {
                self.disconnect(connected).await;
                return Err(error);
            }
        };
        if let Err(error) = self.release(standing).await {
            let former = standing.follower_webhook.map(Hook::Native);
            self.set_options(standing, &standing.options, former.as_ref(), Door::Own).await?;
            self.disconnect(connected).await;
            return Err(error);
        }
        Ok(changed)
    }

    pub(super) async fn set_options(
        &self,
        standing: &Follow,
        options: &FollowOptions,
        hook: Option<&Hook>,
        door: Door,
    ) -> Result<Follow, ServiceError> {
        let now = self.clock.now();
        let changed = self.store.update_options(standing.guild, standing.id, options, hook, door, now).await;
        let changed = changed.map_err(closed)?;
        (self.wake)(vec![standing.pair.target]);
        changed.ok_or_else(|| Refusal::NoSuchFollow(standing.id).into())
    }
}

/// What of a source's threads is let through where nobody chose: of a forum, what its posts begin with.
pub(super) fn usual_threads(source: ChannelKind) -> Threads {
    if source == ChannelKind::Forum { Threads::Starter } else { Threads::None }
}

/// The threads that are asked for, over those that stand.
fn threads(
    chosen: Option<Threads>,
    standing: Option<Threads>,
    source: ChannelKind,
) -> Result<Threads, Refusal> {
    match chosen {
        Some(Threads::None) if source == ChannelKind::Forum => Err(Refusal::ForumThreads),
        Some(Threads::Starter | Threads::All) if source.is_thread() => Err(Refusal::ThreadThreads),
        chosen => Ok(chosen.or(standing).unwrap_or_else(|| usual_threads(source))),
    }
}

/// The mode and tags that are asked for, over those that stand: a mode keeps the tags, tags keep the mode.
fn filter(mode: Option<Mode>, tags: Option<TagSet>, standing: Option<&Filter>) -> Result<Filter, Refusal> {
    let mode = mode.or(standing.map(Filter::mode)).unwrap_or(Mode::All);
    if tags.as_ref().is_some_and(|tags| !tags.fits()) {
        return Err(Refusal::TooManyTags);
    }
    if mode == Mode::All && tags.is_some() {
        return Err(Refusal::TagsWithoutMode);
    }
    let tags = tags.or_else(|| standing.and_then(Filter::tag_set).cloned());
    Filter::new(mode, tags).ok_or(Refusal::TagsMissing(mode))
}

/// What keeps a follow from being Discord's own, if something does.
pub(super) fn not_native(ends: &Ends, filter: &Filter, threads: Threads) -> Option<NotNative> {
    if ends.source.kind() != ChannelKind::Announcement || !ends.target.kind().takes_native() {
        return Some(NotNative::Kinds);
    }
    match (filter, threads) {
        (Filter::Except(_) | Filter::Only(_), _) => Some(NotNative::Filter),
        (Filter::All, Threads::Starter | Threads::All) => Some(NotNative::Threads),
        (Filter::All, Threads::None) => None,
    }
}

/// `auto`, as for a new follow, takes native where it can be. Without a choice a follow stays what it is, as far as it can.
fn delivery(
    choice: Option<DeliveryChoice>,
    standing: Option<Delivery>,
    not_native: Option<NotNative>,
) -> Result<Delivery, Refusal> {
    match (choice, standing) {
        (Some(DeliveryChoice::Fixed(Delivery::Native)), _) if not_native.is_some() => {
            Err(Refusal::NativeImpossible)
        }
        (Some(DeliveryChoice::Fixed(delivery)), _) => Ok(delivery),
        (None, Some(Delivery::Relay)) => Ok(Delivery::Relay),
        (Some(DeliveryChoice::Auto), _) | (None, _) => {
            Ok(if not_native.is_none() { Delivery::Native } else { Delivery::Relay })
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
        let only = Filter::new(Mode::Only, set("bug")).unwrap();
        let asked = |mode, tags| filter(mode, tags, Some(&only));
        assert_eq!(asked(None, None), Ok(only.clone()));
        assert_eq!(asked(Some(Mode::Except), None).ok(), Filter::new(Mode::Except, set("bug")));
        assert_eq!(asked(None, set("idea")).ok(), Filter::new(Mode::Only, set("idea")));
        assert_eq!(asked(Some(Mode::All), None), Ok(Filter::All));
        assert_eq!(asked(Some(Mode::All), set("idea")), Err(Refusal::TagsWithoutMode));
    }

    #[test]
    fn only_and_except_need_a_tag() {
        for standing in [None, Some(&Filter::All)] {
            for mode in [Mode::Only, Mode::Except] {
                assert_eq!(filter(Some(mode), None, standing), Err(Refusal::TagsMissing(mode)));
            }
            assert_eq!(filter(None, None, standing), Ok(Filter::All));
            let tags = TagSet::new(Tag::hashtag("bug"));
            assert_eq!(filter(None, tags, standing), Err(Refusal::TagsWithoutMode));
        }
    }

    #[test]
    fn a_follow_stays_what_it_is_as_far_as_it_can() {
        let (auto, native) = (Some(DeliveryChoice::Auto), Some(DeliveryChoice::Fixed(Delivery::Native)));
        assert_eq!(delivery(None, None, None), Ok(Delivery::Native));
        assert_eq!(delivery(None, Some(Delivery::Relay), None), Ok(Delivery::Relay));
        assert_eq!(delivery(auto, Some(Delivery::Relay), None), Ok(Delivery::Native));
        let tags = Some(NotNative::Filter);
        assert_eq!(delivery(None, Some(Delivery::Native), tags), Ok(Delivery::Relay));
        assert_eq!(delivery(native, Some(Delivery::Native), tags), Err(Refusal::NativeImpossible));
    }
}
