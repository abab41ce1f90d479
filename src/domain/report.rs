//! Why a message is shown in a follower, or isn't: from plain facts to one verdict. The same code serves one
//! follower, and a hundred thousand that the database counts by their facts.

use chrono::{DateTime, Utc};

use super::activity::Ending;
use super::follow::{BrokenReason, Delivery, FollowState};

/// What is known about a message, whoever follows its channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
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
pub struct Facts {
    /// How it delivers.
    pub delivery: Delivery,
    /// Whether it delivers.
    pub state: FollowState,
    /// Whether the message was posted before the follow was made.
    pub before: bool,
    /// Why it doesn't let the message through, where it doesn't. Tags are known only of what was recorded.
    pub left_out: Option<LeftOut>,
    /// The duty to show it, where there is one.
    pub owed: Option<Owed>,
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
pub struct Owed {
    /// How far it is.
    pub state: OwedState,
    /// What was completely shown.
    pub shown: Shown,
    /// Whether something of it is posted in the target.
    pub mirrored: bool,
    /// Whether it is taken back from this target alone.
    pub taken_back: bool,
}

/// How far a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OwedState {
    /// Something is to be done.
    Due,
    /// All is shown.
    Shown,
    /// Nothing more is to be done, ever.
    Ended(Ending),
}

/// What was completely shown of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shown {
    /// Nothing yet.
    Never,
    /// An older revision.
    Older,
    /// The newest revision.
    Newest,
}

/// What became of a message in one follower.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
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
    TakenBack,
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
pub fn verdict(subject: Subject, facts: &Facts) -> Verdict {
    if facts.delivery == Delivery::Native && !subject.panel {
        return natively(subject, facts);
    }
    match facts.owed {
        Some(owed) => of_owed(subject, facts.state, owed),
        None => unowed(subject, facts),
    }
}

/// Discord delivers, so nothing is known but what the follow and the message themselves say.
const fn natively(subject: Subject, facts: &Facts) -> Verdict {
    match facts.state {
        FollowState::Broken(reason) => Verdict::Broken(reason),
        FollowState::Paused => Verdict::Paused,
        FollowState::Active if !subject.published => Verdict::Unpublished,
        FollowState::Active if facts.before => Verdict::MaybePublished,
        FollowState::Active => Verdict::Published,
    }
}

fn of_owed(subject: Subject, follow: FollowState, owed: Owed) -> Verdict {
    if subject.deleted || owed.taken_back {
        return match owed.state {
            OwedState::Due => Verdict::Removing,
            _ if owed.mirrored => Verdict::Left,
            _ if subject.withheld => Verdict::Withheld,
            _ if subject.deleted => Verdict::Deleted,
            _ => Verdict::TakenBack,
        };
    }
    match (owed.state, owed.shown) {
        (OwedState::Due, Shown::Never) => Verdict::Waiting,
        (OwedState::Due | OwedState::Shown, _) if !owed.mirrored => Verdict::RemovedByHand,
        (OwedState::Due, _) => Verdict::Updating,
        (OwedState::Shown, Shown::Newest) => Verdict::Shown,
        (OwedState::Shown, _) => Verdict::Outdated,
        (OwedState::Ended(_), Shown::Older | Shown::Newest) if owed.mirrored => Verdict::Outdated,
        (OwedState::Ended(Ending::Withdrawn), _) => Verdict::TakenBack,
        (OwedState::Ended(Ending::Refused), _) => Verdict::Refused,
        (OwedState::Ended(Ending::GaveUp), _) => Verdict::GaveUp,
        (OwedState::Ended(Ending::FollowEnded), _) => match follow {
            FollowState::Broken(reason) => Verdict::Broken(reason),
            FollowState::Paused => Verdict::Paused,
            FollowState::Active => Verdict::Missed,
        },
    }
}

/// What wouldn't change by itself comes first: that the message was posted too early, or isn't wanted.
const fn unowed(subject: Subject, facts: &Facts) -> Verdict {
    if subject.withheld {
        return Verdict::Withheld;
    }
    if subject.deleted {
        return Verdict::Deleted;
    }
    if facts.before {
        return Verdict::Before;
    }
    match (facts.left_out, facts.state) {
        (Some(left_out), _) => Verdict::LeftOut(left_out),
        (None, FollowState::Broken(reason)) => Verdict::Broken(reason),
        // A paused follow's source is read all the same.
        (None, _) if !subject.recorded => Verdict::Unknown,
        (None, FollowState::Paused) => Verdict::Paused,
        (None, FollowState::Active) => Verdict::Missed,
    }
}

/// The position of a delivery in its lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
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
pub enum Wait {
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
pub fn wait(turn: Turn, now: DateTime<Utc>) -> Wait {
    let later = |until: Option<DateTime<Utc>>| until.filter(|until| *until > now);
    let (own, lane) = (later(turn.wait_until), later(turn.lane_until));
    match (turn, own.or(lane)) {
        (Turn { in_flight: true, .. }, _) => lane.map_or(Wait::Sending, Wait::Doubt),
        (Turn { attempts: 1.., .. }, until) => Wait::Failed(turn.attempts, until),
        (Turn { ahead: 1.., .. }, _) => Wait::Behind(turn.ahead, lane),
        (_, Some(until)) => Wait::Limited(until),
        (_, None) => Wait::Soon,
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use rstest::rstest;

    use super::*;

    const POSTED: Subject =
        Subject { panel: false, recorded: true, deleted: false, withheld: false, published: false };
    const RELAY: Facts = Facts {
        delivery: Delivery::Relay,
        state: FollowState::Active,
        before: false,
        left_out: None,
        owed: None,
    };
    const BROKEN: FollowState = FollowState::Broken(BrokenReason::WebhookDeleted);

    fn owed(state: OwedState, shown: Shown, mirrored: bool) -> Facts {
        Facts { owed: Some(Owed { state, shown, mirrored, taken_back: false }), ..RELAY }
    }

    #[rstest]
    #[case(OwedState::Due, Shown::Never, false, Verdict::Waiting)]
    #[case::a_part_of_it(OwedState::Due, Shown::Never, true, Verdict::Waiting)]
    #[case(OwedState::Due, Shown::Older, true, Verdict::Updating)]
    #[case(OwedState::Shown, Shown::Newest, true, Verdict::Shown)]
    #[case::while_it_rests(OwedState::Shown, Shown::Older, true, Verdict::Outdated)]
    #[case::an_edit(OwedState::Ended(Ending::Refused), Shown::Older, true, Verdict::Outdated)]
    #[case(OwedState::Shown, Shown::Newest, false, Verdict::RemovedByHand)]
    #[case::and_edited(OwedState::Due, Shown::Older, false, Verdict::RemovedByHand)]
    #[case(OwedState::Ended(Ending::Refused), Shown::Never, false, Verdict::Refused)]
    #[case(OwedState::Ended(Ending::GaveUp), Shown::Never, true, Verdict::GaveUp)]
    #[case(OwedState::Ended(Ending::FollowEnded), Shown::Never, false, Verdict::Missed)]
    #[case(OwedState::Ended(Ending::Withdrawn), Shown::Never, false, Verdict::TakenBack)]
    fn what_is_owed(
        #[case] state: OwedState,
        #[case] shown: Shown,
        #[case] mirrored: bool,
        #[case] expected: Verdict,
    ) {
        assert_eq!(verdict(POSTED, &owed(state, shown, mirrored)), expected);
    }

    #[test]
    fn what_is_deleted_goes() {
        let deleted = Subject { deleted: true, ..POSTED };
        let of = |state, mirrored| verdict(deleted, &owed(state, Shown::Newest, mirrored));
        assert_eq!(of(OwedState::Due, true), Verdict::Removing);
        assert_eq!(of(OwedState::Ended(Ending::Withdrawn), false), Verdict::Deleted);
        assert_eq!(of(OwedState::Shown, true), Verdict::Left, "deleted while the follow was broken");
        assert_eq!(verdict(deleted, &RELAY), Verdict::Deleted);
        let mut taken_back = owed(OwedState::Due, Shown::Newest, true);
        taken_back.owed.as_mut().unwrap().taken_back = true;
        assert_eq!(verdict(POSTED, &taken_back), Verdict::Removing);
        taken_back.owed.as_mut().unwrap().state = OwedState::Ended(Ending::Withdrawn);
        taken_back.owed.as_mut().unwrap().mirrored = false;
        assert_eq!(verdict(POSTED, &taken_back), Verdict::TakenBack);
    }

    #[test]
    fn of_several_reasons_the_lasting_one_is_named() {
        let paused = Facts { state: FollowState::Paused, ..RELAY };
        let left_out = Facts { left_out: Some(LeftOut::Threads), ..paused };
        let before = Facts { before: true, ..left_out };
        let unrecorded = Subject { recorded: false, ..POSTED };
        assert_eq!(verdict(POSTED, &before), Verdict::Before);
        assert_eq!(verdict(POSTED, &left_out), Verdict::LeftOut(LeftOut::Threads));
        assert_eq!(verdict(POSTED, &paused), Verdict::Paused);
        assert_eq!(verdict(POSTED, &RELAY), Verdict::Missed);
        assert_eq!(verdict(unrecorded, &RELAY), Verdict::Unknown);
        assert_eq!(verdict(unrecorded, &paused), Verdict::Unknown);
        let broken = Facts { state: BROKEN, ..RELAY };
        assert_eq!(verdict(unrecorded, &broken), Verdict::Broken(BrokenReason::WebhookDeleted));
        let ended =
            Facts { state: BROKEN, ..owed(OwedState::Ended(Ending::FollowEnded), Shown::Never, false) };
        assert_eq!(verdict(POSTED, &ended), Verdict::Broken(BrokenReason::WebhookDeleted));
    }

    #[test]
    fn discord_delivers_what_is_published() {
        let native = Facts { delivery: Delivery::Native, ..RELAY };
        let published = Subject { published: true, recorded: false, ..POSTED };
        assert_eq!(verdict(published, &native), Verdict::Published);
        assert_eq!(verdict(published, &Facts { before: true, ..native }), Verdict::MaybePublished);
        assert_eq!(verdict(POSTED, &native), Verdict::Unpublished);
        assert_eq!(verdict(published, &Facts { state: FollowState::Paused, ..native }), Verdict::Paused);
        // Panels come through the bot, whatever brings the messages.
        let panel = Subject { panel: true, ..POSTED };
        let shown = Facts { delivery: Delivery::Native, ..owed(OwedState::Shown, Shown::Newest, true) };
        assert_eq!(verdict(panel, &shown), Verdict::Shown);
    }

    #[test]
    fn the_nearest_reason_to_wait_is_named() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::hours(1);
        let later = now + TimeDelta::seconds(9);
        let soon = Some(later);
        let turn = Turn { attempts: 0, wait_until: None, lane_until: None, in_flight: false, ahead: 0 };
        assert_eq!(wait(turn, now), Wait::Soon);
        assert_eq!(wait(Turn { wait_until: Some(now), lane_until: Some(now), ..turn }, now), Wait::Soon);
        assert_eq!(wait(Turn { lane_until: soon, ..turn }, now), Wait::Limited(later));
        assert_eq!(wait(Turn { wait_until: soon, ..turn }, now), Wait::Limited(later));
        assert_eq!(wait(Turn { lane_until: soon, ahead: 3, ..turn }, now), Wait::Behind(3, soon));
        assert_eq!(
            wait(Turn { attempts: 2, wait_until: soon, ahead: 3, ..turn }, now),
            Wait::Failed(2, soon)
        );
        assert_eq!(wait(Turn { in_flight: true, attempts: 2, ..turn }, now), Wait::Sending);
        assert_eq!(wait(Turn { in_flight: true, lane_until: soon, ..turn }, now), Wait::Doubt(later));
    }
}
