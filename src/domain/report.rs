//! Why a message is shown in a follower, or isn't: from plain facts to one verdict. The same code serves one
//! follower, and a hundred thousand that the database counts by their facts.

use chrono::{DateTime, Utc};

use super::activity::DeliveryEnding;
use super::follow::{BrokenReason, DeliveryMethod, FollowState};

/// What is known about a message, whoever follows its channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageCondition {
    /// Whether it is a panel's.
    pub panel: bool,
    /// Whether it was recorded when it was posted, and isn't forgotten yet.
    pub recorded: bool,
    /// Whether it was deleted, or counts as deleted.
    pub deleted: bool,
    /// Whether its author doesn't want it mirrored.
    pub withheld: bool,
    /// Whether it was published, so that Discord's own following copies it.
    pub published: bool,
}

/// What is known about a follow with regard to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FollowerFacts {
    /// How it delivers.
    pub method: DeliveryMethod,
    /// Whether it delivers.
    pub state: FollowState,
    /// Whether the message was posted before the follow was made.
    pub before: bool,
    /// Why it doesn't let the message through, where it doesn't. Tags are known only of what was recorded.
    pub left_out: Option<LeftOut>,
    /// The delivery that shows it, where there is one.
    pub delivery: Option<DeliveryFacts>,
}

/// Why a follow doesn't let a message through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeftOut {
    /// By its mode.
    Tags,
    /// It is in a thread.
    Threads,
    /// It is a panel.
    Panels,
}

/// What is known about the delivery that shows a message in a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeliveryFacts {
    /// How far it is.
    pub state: DeliveryState,
    /// What was completely shown.
    pub shown: ShownRevision,
    /// Whether something of it is posted in the target.
    pub mirrored: bool,
    /// Whether it is withdrawn from this target alone.
    pub withdrawn: bool,
}

/// How far a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryState {
    /// Something is to be done.
    Due,
    /// All is shown.
    Shown,
    /// Nothing more is to be done, ever.
    Ended(DeliveryEnding),
}

/// What was completely shown of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ShownRevision {
    /// Nothing yet.
    Never,
    /// An older revision.
    Older,
    /// The newest revision.
    Newest,
}

/// What became of a message in one follower.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeliveryVerdict {
    /// It is shown as it is.
    Shown,
    /// It is shown, and an edit is on its way.
    Updating,
    /// It is shown as it was. Nothing more happens while the follow is paused or broken, or because Discord
    /// refused the edit.
    Outdated,
    /// Its turn will come.
    Waiting,
    /// Published: Discord's own following copies it.
    Published,
    /// Published, but posted before the follow was made: Discord copies it if it was published after that.
    MaybePublished,
    /// Discord's own following copies it once it is published.
    Unpublished,
    /// The follow doesn't let it through.
    LeftOut(LeftOut),
    /// The follow is paused.
    Paused,
    /// The follow is broken.
    Broken(BrokenReason),
    /// Posted before the follow was made.
    Before,
    /// When it was posted, the follow was paused or broken, or had other options.
    Missed,
    /// It is deleted, and its mirrors are about to go.
    Removing,
    /// It is deleted, and nothing shows it any more.
    Deleted,
    /// It is deleted, but a mirror is still posted.
    Left,
    /// Its author doesn't want it mirrored, and nothing shows it.
    Withheld,
    /// The follow doesn't let it through any more, and nothing shows it.
    Withdrawn,
    /// Somebody deleted its mirror.
    RemovedByHand,
    /// Discord refused it.
    Refused,
    /// It failed for too long.
    GaveUp,
    /// Nothing is known about it.
    Unknown,
}

/// Names what became of the message.
pub fn verdict(subject: MessageCondition, facts: &FollowerFacts) -> DeliveryVerdict {
    if facts.method == DeliveryMethod::Native && !subject.panel {
        return natively(subject, facts);
    }
    match facts.delivery {
        Some(delivery) => of_delivery(subject, facts.state, delivery),
        None => without_delivery(subject, facts),
    }
}

/// Discord delivers, so nothing is known but what the follow and the message themselves say.
const fn natively(subject: MessageCondition, facts: &FollowerFacts) -> DeliveryVerdict {
    match facts.state {
        FollowState::Broken(reason) => DeliveryVerdict::Broken(reason),
        FollowState::Paused => DeliveryVerdict::Paused,
        FollowState::Active if !subject.published => DeliveryVerdict::Unpublished,
        FollowState::Active if facts.before => DeliveryVerdict::MaybePublished,
        FollowState::Active => DeliveryVerdict::Published,
    }
}

fn of_delivery(subject: MessageCondition, follow: FollowState, delivery: DeliveryFacts) -> DeliveryVerdict {
    let DeliveryFacts { state, shown, mirrored, withdrawn } = delivery;
    if subject.deleted || withdrawn {
        return match state {
            DeliveryState::Due => DeliveryVerdict::Removing,
            _ if mirrored => DeliveryVerdict::Left,
            _ if subject.withheld => DeliveryVerdict::Withheld,
            _ if subject.deleted => DeliveryVerdict::Deleted,
            _ => DeliveryVerdict::Withdrawn,
        };
    }
    match (state, shown) {
        (DeliveryState::Due, ShownRevision::Never) => DeliveryVerdict::Waiting,
        (DeliveryState::Due | DeliveryState::Shown, _) if !mirrored => DeliveryVerdict::RemovedByHand,
        (DeliveryState::Due, _) => DeliveryVerdict::Updating,
        (DeliveryState::Shown, ShownRevision::Newest) => DeliveryVerdict::Shown,
        (DeliveryState::Shown, _) => DeliveryVerdict::Outdated,
        (DeliveryState::Ended(_), ShownRevision::Older | ShownRevision::Newest) if mirrored => {
            DeliveryVerdict::Outdated
        }
        (DeliveryState::Ended(DeliveryEnding::Withdrawn), _) => DeliveryVerdict::Withdrawn,
        (DeliveryState::Ended(DeliveryEnding::Refused), _) => DeliveryVerdict::Refused,
        (DeliveryState::Ended(DeliveryEnding::GaveUp), _) => DeliveryVerdict::GaveUp,
        (DeliveryState::Ended(DeliveryEnding::FollowEnded), _) => match follow {
            FollowState::Broken(reason) => DeliveryVerdict::Broken(reason),
            FollowState::Paused => DeliveryVerdict::Paused,
            FollowState::Active => DeliveryVerdict::Missed,
        },
    }
}

/// What wouldn't change by itself comes first: that the message was posted too early, or isn't wanted.
const fn without_delivery(subject: MessageCondition, facts: &FollowerFacts) -> DeliveryVerdict {
    if subject.withheld {
        return DeliveryVerdict::Withheld;
    }
    if subject.deleted {
        return DeliveryVerdict::Deleted;
    }
    if facts.before {
        return DeliveryVerdict::Before;
    }
    match (facts.left_out, facts.state) {
        (Some(left_out), _) => DeliveryVerdict::LeftOut(left_out),
        (None, FollowState::Broken(reason)) => DeliveryVerdict::Broken(reason),
        // A paused follow's source is read all the same.
        (None, _) if !subject.recorded => DeliveryVerdict::Unknown,
        (None, FollowState::Paused) => DeliveryVerdict::Paused,
        (None, FollowState::Active) => DeliveryVerdict::Missed,
    }
}

/// The position of a delivery in its lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueuePosition {
    /// Failed attempts since the last success.
    pub attempts: u32,
    /// Not to be tried before.
    pub wait_until: Option<DateTime<Utc>>,
    /// The lane does nothing before.
    pub lane_until: Option<DateTime<Utc>>,
    /// Discord was asked for it, and the answer isn't recorded yet.
    pub in_flight: bool,
    /// How many earlier messages are to be shown before it.
    pub ahead: u64,
}

/// Why something still waits, and until when, as far as that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitReason {
    /// It is being posted right now.
    Sending,
    /// Whether Discord took it isn't known. That is checked at this time.
    Doubt(DateTime<Utc>),
    /// So many attempts failed. The next one is at this time.
    Failed(u32, Option<DateTime<Utc>>),
    /// So many earlier messages go first.
    Behind(u64, Option<DateTime<Utc>>),
    /// Discord asks to wait until then.
    Limited(DateTime<Utc>),
    /// It is about to be sent.
    Soon,
}

/// Names why it waits.
pub fn wait_reason(turn: QueuePosition, now: DateTime<Utc>) -> WaitReason {
    let later = |until: Option<DateTime<Utc>>| until.filter(|until| *until > now);
    let (own, lane) = (later(turn.wait_until), later(turn.lane_until));
    match (turn, own.or(lane)) {
        (QueuePosition { in_flight: true, .. }, _) => lane.map_or(WaitReason::Sending, WaitReason::Doubt),
        (QueuePosition { attempts: 1.., .. }, until) => WaitReason::Failed(turn.attempts, until),
        (QueuePosition { ahead: 1.., .. }, _) => WaitReason::Behind(turn.ahead, lane),
        (_, Some(until)) => WaitReason::Limited(until),
        (_, None) => WaitReason::Soon,
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use rstest::rstest;

    use super::*;

    const POSTED: MessageCondition =
        MessageCondition { panel: false, recorded: true, deleted: false, withheld: false, published: false };
    const RELAY: FollowerFacts = FollowerFacts {
        method: DeliveryMethod::Relay,
        state: FollowState::Active,
        before: false,
        left_out: None,
        delivery: None,
    };
    const BROKEN: FollowState = FollowState::Broken(BrokenReason::WebhookDeleted);

    fn delivery(state: DeliveryState, shown: ShownRevision, mirrored: bool) -> FollowerFacts {
        FollowerFacts { delivery: Some(DeliveryFacts { state, shown, mirrored, withdrawn: false }), ..RELAY }
    }

    #[rstest]
    #[case(DeliveryState::Due, ShownRevision::Never, false, DeliveryVerdict::Waiting)]
    #[case::a_part_of_it(DeliveryState::Due, ShownRevision::Never, true, DeliveryVerdict::Waiting)]
    #[case(DeliveryState::Due, ShownRevision::Older, true, DeliveryVerdict::Updating)]
    #[case(DeliveryState::Shown, ShownRevision::Newest, true, DeliveryVerdict::Shown)]
    #[case::while_it_rests(DeliveryState::Shown, ShownRevision::Older, true, DeliveryVerdict::Outdated)]
    #[case::an_edit(
        DeliveryState::Ended(DeliveryEnding::Refused),
        ShownRevision::Older,
        true,
        DeliveryVerdict::Outdated
    )]
    #[case(DeliveryState::Shown, ShownRevision::Newest, false, DeliveryVerdict::RemovedByHand)]
    #[case::and_edited(DeliveryState::Due, ShownRevision::Older, false, DeliveryVerdict::RemovedByHand)]
    #[case(
        DeliveryState::Ended(DeliveryEnding::Refused),
        ShownRevision::Never,
        false,
        DeliveryVerdict::Refused
    )]
    #[case(DeliveryState::Ended(DeliveryEnding::GaveUp), ShownRevision::Never, true, DeliveryVerdict::GaveUp)]
    #[case(
        DeliveryState::Ended(DeliveryEnding::FollowEnded),
        ShownRevision::Never,
        false,
        DeliveryVerdict::Missed
    )]
    #[case(
        DeliveryState::Ended(DeliveryEnding::Withdrawn),
        ShownRevision::Never,
        false,
        DeliveryVerdict::Withdrawn
    )]
    fn what_a_delivery_leads_to(
        #[case] state: DeliveryState,
        #[case] shown: ShownRevision,
        #[case] mirrored: bool,
        #[case] expected: DeliveryVerdict,
    ) {
        assert_eq!(verdict(POSTED, &delivery(state, shown, mirrored)), expected);
    }

    #[test]
    fn what_is_deleted_goes() {
        let deleted = MessageCondition { deleted: true, ..POSTED };
        let of = |state, mirrored| verdict(deleted, &delivery(state, ShownRevision::Newest, mirrored));
        assert_eq!(of(DeliveryState::Due, true), DeliveryVerdict::Removing);
        assert_eq!(of(DeliveryState::Ended(DeliveryEnding::Withdrawn), false), DeliveryVerdict::Deleted);
        assert_eq!(of(DeliveryState::Shown, true), DeliveryVerdict::Left, "while the follow was broken");
        assert_eq!(verdict(deleted, &RELAY), DeliveryVerdict::Deleted);
        let mut withdrawn = delivery(DeliveryState::Due, ShownRevision::Newest, true);
        withdrawn.delivery.as_mut().unwrap().withdrawn = true;
        assert_eq!(verdict(POSTED, &withdrawn), DeliveryVerdict::Removing);
        withdrawn.delivery.as_mut().unwrap().state = DeliveryState::Ended(DeliveryEnding::Withdrawn);
        withdrawn.delivery.as_mut().unwrap().mirrored = false;
        assert_eq!(verdict(POSTED, &withdrawn), DeliveryVerdict::Withdrawn);
    }

    #[test]
    fn of_several_reasons_the_lasting_one_is_named() {
        let paused = FollowerFacts { state: FollowState::Paused, ..RELAY };
        let left_out = FollowerFacts { left_out: Some(LeftOut::Threads), ..paused };
        let before = FollowerFacts { before: true, ..left_out };
        let unrecorded = MessageCondition { recorded: false, ..POSTED };
        assert_eq!(verdict(POSTED, &before), DeliveryVerdict::Before);
        assert_eq!(verdict(POSTED, &left_out), DeliveryVerdict::LeftOut(LeftOut::Threads));
        assert_eq!(verdict(POSTED, &paused), DeliveryVerdict::Paused);
        assert_eq!(verdict(POSTED, &RELAY), DeliveryVerdict::Missed);
        assert_eq!(verdict(unrecorded, &RELAY), DeliveryVerdict::Unknown);
        assert_eq!(verdict(unrecorded, &paused), DeliveryVerdict::Unknown);
        let broken = FollowerFacts { state: BROKEN, ..RELAY };
        assert_eq!(verdict(unrecorded, &broken), DeliveryVerdict::Broken(BrokenReason::WebhookDeleted));
        let ended = FollowerFacts {
            state: BROKEN,
            ..delivery(DeliveryState::Ended(DeliveryEnding::FollowEnded), ShownRevision::Never, false)
        };
        assert_eq!(verdict(POSTED, &ended), DeliveryVerdict::Broken(BrokenReason::WebhookDeleted));
    }

    #[test]
    fn discord_delivers_what_is_published() {
        let native = FollowerFacts { method: DeliveryMethod::Native, ..RELAY };
        let published = MessageCondition { published: true, recorded: false, ..POSTED };
        assert_eq!(verdict(published, &native), DeliveryVerdict::Published);
        assert_eq!(
            verdict(published, &FollowerFacts { before: true, ..native }),
            DeliveryVerdict::MaybePublished
        );
        assert_eq!(verdict(POSTED, &native), DeliveryVerdict::Unpublished);
        assert_eq!(
            verdict(published, &FollowerFacts { state: FollowState::Paused, ..native }),
            DeliveryVerdict::Paused
        );
        // Panels come through the bot, whatever brings the messages.
        let panel = MessageCondition { panel: true, ..POSTED };
        let shown = FollowerFacts {
            method: DeliveryMethod::Native,
            ..delivery(DeliveryState::Shown, ShownRevision::Newest, true)
        };
        assert_eq!(verdict(panel, &shown), DeliveryVerdict::Shown);
    }

    #[test]
    fn the_nearest_reason_to_wait_is_named() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::hours(1);
        let later = now + TimeDelta::seconds(9);
        let soon = Some(later);
        let turn =
            QueuePosition { attempts: 0, wait_until: None, lane_until: None, in_flight: false, ahead: 0 };
        let reason = |turn| wait_reason(turn, now);
        assert_eq!(reason(turn), WaitReason::Soon);
        let over = QueuePosition { wait_until: Some(now), lane_until: Some(now), ..turn };
        assert_eq!(reason(over), WaitReason::Soon);
        assert_eq!(reason(QueuePosition { lane_until: soon, ..turn }), WaitReason::Limited(later));
        assert_eq!(reason(QueuePosition { wait_until: soon, ..turn }), WaitReason::Limited(later));
        let behind = QueuePosition { lane_until: soon, ahead: 3, ..turn };
        assert_eq!(reason(behind), WaitReason::Behind(3, soon));
        let failed = QueuePosition { attempts: 2, wait_until: soon, ahead: 3, ..turn };
        assert_eq!(reason(failed), WaitReason::Failed(2, soon));
        assert_eq!(reason(QueuePosition { in_flight: true, attempts: 2, ..turn }), WaitReason::Sending);
        let in_doubt = QueuePosition { in_flight: true, lane_until: soon, ..turn };
        assert_eq!(reason(in_doubt), WaitReason::Doubt(later));
    }
}
