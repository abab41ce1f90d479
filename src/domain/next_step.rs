//! The heart of delivery: the one step that brings what is shown closer to what should be shown.
//!
//! A pure function that is asked again after every step; all I/O is around it. So an edit that arrives before
//! the copy is made is simply the first thing shown, ten quick edits become one, and what was deleted while
//! it waited is never sent.

use chrono::{DateTime, Utc};

use super::activity::{Activity, Delivery, DeliveryEnding, InFlight, Mirror, Part};
use super::ids::MessageId;

/// What the decision depends on.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// What is wanted.
    pub activity: &'a Activity,
    /// How many parts its newest revision takes; none where its content isn't kept any more. Ignored when it
    /// is deleted.
    pub parts: usize,
    /// What is due.
    pub delivery: &'a Delivery,
    /// What is shown, by part.
    pub mirrors: &'a [Mirror],
    /// The lane's create whose result isn't known.
    pub in_flight: Option<InFlight>,
    /// The time.
    pub now: DateTime<Utc>,
}

/// The next step of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Find out whether a create that was begun has made its message. Until then, nothing else happens in the
    /// lane.
    Settle(InFlight),
    /// Make this part.
    Create(Part),
    /// Bring this message to the newest revision of its part.
    Edit(MessageId, Part),
    /// Remove this message.
    Delete(MessageId),
    /// Try again at that time.
    Wait(DateTime<Utc>),
    /// Nothing: everything is shown.
    Rest,
    /// End the delivery: nothing is left to do, ever.
    End(DeliveryEnding),
}

/// Names the next step.
///
/// Order of preference: a doubt is settled first. A deletion waits for nothing but its own retry. Then
/// missing parts are made in order (in first showings only: an edit never adds a part, as later mirrors may
/// be below it). Then outdated parts are edited, and surplus parts removed.
pub fn next_step(situation: Situation<'_>) -> Step {
    let Situation { activity, parts, delivery, mirrors, in_flight, now } = situation;
    if let Some(in_flight) = in_flight {
        return Step::Settle(in_flight);
    }
    if let Some(until) = delivery.wait_until.filter(|until| *until > now) {
        return Step::Wait(until);
    }
    if activity.deleted {
        return mirrors
            .first()
            .map_or(Step::End(DeliveryEnding::Withdrawn), |mirror| Step::Delete(mirror.message));
    }
    if parts == 0 {
        // Nobody knows what it should show, so what is posted stays.
        return Step::End(DeliveryEnding::GaveUp);
    }
    let first_showing = delivery.shown.is_none();
    let shown = |part: usize| mirrors.iter().find(|mirror| usize::try_from(mirror.part.0) == Ok(part));
    if first_showing && let Some(part) = (0..parts).find(|part| shown(*part).is_none()) {
        return i32::try_from(part)
            .map_or(Step::End(DeliveryEnding::Refused), |part| Step::Create(Part(part)));
    }
    let wanted = |mirror: &&Mirror| usize::try_from(mirror.part.0).is_ok_and(|part| part < parts);
    let outdated = |mirror: &&Mirror| mirror.is_outdated(activity.revision);
    if let Some(mirror) = mirrors.iter().filter(wanted).find(outdated) {
        return Step::Edit(mirror.message, mirror.part);
    }
    let surplus = mirrors.iter().filter(|mirror| !wanted(mirror)).max_by_key(|mirror| mirror.part);
    surplus.map_or(Step::Rest, |mirror| Step::Delete(mirror.message))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::activity::{ActivityId, DeliveryId, Origin, Revision, Staleness};
    use crate::domain::ids::{ChannelId, WebhookId};

    /// A target that does what it is told, and may lose answers.
    struct World {
        activity: Activity,
        parts: usize,
        delivery: Delivery,
        recorded: Vec<Mirror>,
        /// What people see: message, part, revision.
        visible: Vec<(MessageId, Part, Revision)>,
        in_flight: Option<InFlight>,
        next_message: u64,
        ended: bool,
    }

    #[derive(Debug, Clone)]
    enum Event {
        Edit {
            parts: usize,
        },
        Delete,
        /// What a message shows depends on something else that has changed.
        MarkStale,
        /// A step whose answer arrives.
        Step,
        /// A step that happens at Discord but isn't recorded.
        LostAnswer,
        /// A step that fails before it reaches Discord, without our knowing.
        LostRequest,
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            2 => (1..4usize).prop_map(|parts| Event::Edit { parts }),
            1 => Just(Event::Delete),
            1 => Just(Event::MarkStale),
            6 => Just(Event::Step),
            2 => Just(Event::LostAnswer),
            2 => Just(Event::LostRequest),
        ]
    }

    fn id<T>(new: impl Fn(u64) -> Result<T, crate::domain::ids::InvalidId>, value: u64) -> T {
        new(value).unwrap()
    }

    impl World {
        fn new(parts: usize) -> Self {
            let origin = Origin::Message { channel: id(ChannelId::new, 1), message: id(MessageId::new, 2) };
            Self {
                activity: Activity { id: ActivityId(1), origin, revision: Revision(1), deleted: false },
                parts,
                delivery: Delivery { id: DeliveryId(1), shown: None, attempts: 0, wait_until: None },
                recorded: Vec::new(),
                visible: Vec::new(),
                in_flight: None,
                next_message: 10,
                ended: false,
            }
        }

        fn parts(&self) -> usize {
            // Rendering fits an edit into the parts that are posted.
            if self.delivery.shown.is_some() { self.parts.min(self.recorded.len()) } else { self.parts }
        }

        fn step(&self) -> Step {
            next_step(Situation {
                activity: &self.activity,
                parts: self.parts(),
                delivery: &self.delivery,
                mirrors: &self.recorded,
                in_flight: self.in_flight,
                now: DateTime::UNIX_EPOCH,
            })
        }

        fn mirror(message: MessageId, part: Part, revision: Revision) -> Mirror {
            Mirror {
                message,
                channel: id(ChannelId::new, 5),
                webhook: id(WebhookId::new, 6),
                part,
                revision,
                staleness: Staleness::default(),
                files: Vec::new(),
            }
        }

        fn perform(&mut self, reaches_discord: bool, answered: bool) {
            let revision = self.activity.revision;
            match self.step() {
                Step::Settle(doubt) => {
                    let made = self.visible.iter().find(|(message, ..)| *message > doubt.after).copied();
                    if let Some((message, part, revision)) = made {
                        assert_eq!((part, revision), (doubt.part, doubt.revision), "adopted something else");
                        self.recorded.push(Self::mirror(message, part, revision));
                    }
                    self.in_flight = None;
                }
                Step::Create(part) => {
                    let after = id(MessageId::new, self.next_message);
                    let (delivery, webhook) = (self.delivery.id, None);
                    self.in_flight = Some(InFlight { delivery, part, revision, after, webhook });
                    if reaches_discord {
                        self.next_message += 1;
                        let message = id(MessageId::new, self.next_message);
                        self.visible.push((message, part, revision));
                        if answered {
                            self.recorded.push(Self::mirror(message, part, revision));
                            self.in_flight = None;
                        }
                    }
                }
                Step::Edit(message, part) if reaches_discord => {
                    match self.visible.iter_mut().find(|(seen, ..)| *seen == message) {
                        Some(seen) => *seen = (message, part, revision),
                        // Discord says that there is no such message, because an earlier deletion's answer
                        // was lost.
                        None if answered => self.recorded.retain(|mirror| mirror.message != message),
                        None => {}
                    }
                    if answered {
                        let recorded = self.recorded.iter_mut().find(|mirror| mirror.message == message);
                        recorded.into_iter().for_each(|mirror| {
                            mirror.revision = revision;
                            mirror.staleness.is_stale = false;
                        });
                    }
                }
                Step::Delete(message) if reaches_discord => {
                    self.visible.retain(|(seen, ..)| *seen != message);
                    if answered {
                        self.recorded.retain(|mirror| mirror.message != message);
                    }
                }
                Step::Edit(..) | Step::Delete(_) => {}
                Step::Rest => self.delivery.shown = Some(revision),
                Step::End(_) => self.ended = true,
                Step::Wait(_) => panic!("nothing waits here"),
            }
        }

        fn happen(&mut self, event: Event) {
            match event {
                Event::Edit { parts } if !self.activity.deleted => {
                    self.parts = parts;
                    self.activity.revision.0 += 1;
                }
                Event::Delete => self.activity.deleted = true,
                Event::MarkStale => {
                    self.recorded.iter_mut().for_each(|mirror| mirror.staleness.is_stale = true);
                }
                Event::Edit { .. } => {}
                Event::Step => self.perform(true, true),
                Event::LostAnswer => self.perform(true, false),
                Event::LostRequest => self.perform(false, false),
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_happens_the_newest_revision_is_shown_once(parts in 1..4usize, events in proptest::collection::vec(event(), 0..60)) {
            let mut world = World::new(parts);
            for event in events {
                world.happen(event);
                let mut seen: Vec<_> = world.visible.iter().map(|(_, part, _)| *part).collect();
                seen.sort();
                seen.dedup();
                prop_assert_eq!(seen.len(), world.visible.len(), "a part is shown twice");
            }
            for _ in 0..40 {
                world.happen(Event::Step);
            }
            if world.activity.deleted {
                prop_assert!(world.ended && world.visible.is_empty());
            } else {
                prop_assert_eq!(world.step(), Step::Rest);
                prop_assert_eq!(world.visible.len(), world.parts());
                prop_assert!(world.visible.iter().all(|(_, _, revision)| *revision == world.activity.revision));
                prop_assert!(world.visible.is_sorted(), "parts stand in order");
                prop_assert!(world.recorded.iter().all(|mirror| !mirror.staleness.is_stale));
            }
        }
    }

    #[test]
    fn what_was_deleted_while_it_waited_is_never_sent() {
        let mut world = World::new(2);
        world.activity.deleted = true;
        assert_eq!(world.step(), Step::End(DeliveryEnding::Withdrawn));
    }

    #[test]
    fn what_stands_stays_when_its_content_is_gone() {
        let mut world = World::new(2);
        (0..4).for_each(|_| world.happen(Event::Step));
        assert_eq!(world.recorded.len(), 2);
        for shown in [None, Some(world.activity.revision)] {
            world.delivery.shown = shown;
            world.activity.revision.0 += 1;
            world.parts = 0;
            assert_eq!(world.step(), Step::End(DeliveryEnding::GaveUp));
        }
        world.activity.deleted = true;
        assert_eq!(world.step(), Step::Delete(world.recorded[0].message), "a deletion needs no content");
    }

    #[test]
    fn a_retry_waits_for_its_time() {
        let mut world = World::new(1);
        let until = DateTime::UNIX_EPOCH + TimeDelta::seconds(5);
        world.delivery.wait_until = Some(until);
        assert_eq!(world.step(), Step::Wait(until));
        world.delivery.wait_until = Some(DateTime::UNIX_EPOCH);
        assert_eq!(world.step(), Step::Create(Part(0)));
    }
}
