use super::*;
use crate::domain::follow::tests::follow;

const READING: Permissions = POSTING;

fn facts() -> ChannelFacts {
    ChannelFacts {
        kind: ChannelKind::Text,
        everyone_sees: true,
        everyone_reads: true,
        age_restricted: false,
        audience: Audience::Nobody,
        bot: Permissions::all(),
    }
}

fn judge(follow: &Follow, source: ChannelFacts, target: ChannelFacts) -> FollowVerdict {
    CheckedChannels { source: Some(&source), target: Some(&target) }.judge(follow)
}

#[test]
fn another_servers_channel_must_stay_open() {
    let across = follow(1, 2);
    let closed = FollowVerdict::Broken(BrokenReason::Unpublished, Permissions::empty());
    assert_eq!(judge(&across, facts(), facts()), closed);
    assert_eq!(
        judge(&across, ChannelFacts { audience: Audience::Servers, ..facts() }, facts()),
        FollowVerdict::Stands
    );
    let board = ChannelFacts { kind: ChannelKind::Announcement, ..facts() };
    assert_eq!(judge(&across, board, facts()), FollowVerdict::Stands);
    assert_eq!(judge(&across, ChannelFacts { everyone_sees: false, ..board }, facts()), closed);
    let shut = ChannelFacts { audience: Audience::Closed, ..board };
    assert_eq!(judge(&across, shut, facts()), closed, "whatever Discord itself allows");
    assert_eq!(judge(&follow(1, 1), shut, facts()), FollowVerdict::Stands);
    let hidden = ChannelFacts { everyone_sees: false, audience: Audience::Servers, ..facts() };
    assert_eq!(judge(&across, hidden, facts()), FollowVerdict::Stands, "to publish is to consent");
    assert_eq!(judge(&follow(1, 1), facts(), facts()), FollowVerdict::Stands);
}

#[test]
fn what_becomes_public_is_stopped_unless_it_is_meant() {
    let mut within = follow(1, 1);
    let silent = ChannelFacts { everyone_reads: false, ..facts() };
    let hidden = ChannelFacts { everyone_sees: false, ..silent };
    assert_eq!(judge(&within, hidden, facts()), FollowVerdict::Exposed);
    assert_eq!(judge(&within, hidden, hidden), FollowVerdict::Stands);
    assert_eq!(judge(&within, silent, facts()), FollowVerdict::Exposed, "to see a channel is not to read it");
    assert_eq!(judge(&within, facts(), silent), FollowVerdict::Stands);
    let thread = Follow { source_private: Some(true), ..within.clone() };
    assert_eq!(
        judge(&thread, facts(), facts()),
        FollowVerdict::Exposed,
        "a private thread of an open channel"
    );
    assert_eq!(judge(&thread, facts(), hidden), FollowVerdict::Stands);
    within.exposure = Exposure::Meant;
    assert_eq!(judge(&within, hidden, facts()), FollowVerdict::Stands);
}

#[test]
fn what_the_bot_lacks_is_named_and_discords_own_following_needs_no_bot() {
    let mut within = follow(1, 1);
    let without = |lacking| ChannelFacts { bot: Permissions::all().difference(lacking), ..facts() };
    let (history, hooks) = (Permissions::READ_MESSAGE_HISTORY, Permissions::MANAGE_WEBHOOKS);
    let broken = |reason, lacking| FollowVerdict::Broken(reason, lacking);
    assert_eq!(judge(&within, without(history), facts()), broken(BrokenReason::SourceForbidden, history));
    let voice = ChannelFacts { kind: ChannelKind::Voice, ..without(Permissions::CONNECT) };
    let lacking = Permissions::CONNECT;
    assert_eq!(judge(&within, voice, facts()), broken(BrokenReason::SourceForbidden, lacking));
    assert_eq!(judge(&within, without(lacking), facts()), FollowVerdict::Stands);
    let both = READING | hooks;
    assert_eq!(judge(&within, facts(), without(both)), broken(BrokenReason::TargetForbidden, both));
    // Its webhook works without that permission. So it is noted, and breaks nothing.
    assert_eq!(judge(&within, facts(), without(hooks)), FollowVerdict::Stands);
    let target = without(hooks);
    assert_eq!(CheckedChannels { source: None, target: Some(&target) }.lacking_now(&within), Some(hooks));
    within.options.delivery = DeliveryMethod::Native;
    let board = ChannelFacts { kind: ChannelKind::Announcement, ..without(READING) };
    assert_eq!(judge(&within, board, without(both)), FollowVerdict::Stands);
    let text = ChannelFacts { kind: ChannelKind::Text, ..board };
    assert_eq!(judge(&within, text, facts()), broken(BrokenReason::NoAnnouncement, Permissions::empty()));
}

#[test]
fn age_restriction_is_known_from_either_side() {
    let mut across = follow(1, 2);
    let restricted = ChannelFacts { age_restricted: true, audience: Audience::Servers, ..facts() };
    let broken = FollowVerdict::Broken(BrokenReason::AgeRestricted, Permissions::empty());
    assert_eq!(judge(&across, restricted, facts()), broken);
    assert_eq!(judge(&across, restricted, restricted), FollowVerdict::Stands);
    let target = facts();
    let seen_from_the_target =
        |follow: &Follow| CheckedChannels { source: None, target: Some(&target) }.judge(follow);
    assert_eq!(seen_from_the_target(&across), FollowVerdict::Stands);
    across.source_restricted = true;
    assert_eq!(seen_from_the_target(&across), broken);
}
