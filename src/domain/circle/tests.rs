//! Circles, bots that repeat themselves, and raids, simulated in memory: the bot that copies is found after a
//! few mirrors, and nobody else's follow breaks.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::domain::ids::MessageId;
use crate::domain::message::Content;

/// How long a mirror takes to be shown.
const SHOWING: i64 = 80;

/// What is posted in a source at a time.
#[derive(Debug, Clone)]
struct Post {
    by_app: bool,
    text: String,
}

/// A source, its follows, and the bridges that copy their mirrors back.
struct World {
    circles: CircleDetector,
    /// The follows that are active.
    follows: BTreeSet<i64>,
    /// By follow: how long its bridges take. Each bridge copies every mirror.
    bridges: BTreeMap<i64, Vec<i64>>,
    prefix: &'static str,
    /// What is going to be posted, by time in milliseconds.
    coming: BTreeMap<i64, Vec<Post>>,
    said: BTreeMap<u64, Post>,
    delivered: BTreeMap<u64, BTreeSet<i64>>,
    shown_at: BTreeMap<u64, i64>,
    broken: Vec<i64>,
    /// Some target can't be reached.
    stuck: bool,
    mirrors: BTreeMap<i64, usize>,
}

fn source() -> ChannelId {
    ChannelId::new(1).unwrap()
}

fn origin(number: u64) -> Origin {
    Origin::Message { channel: source(), message: MessageId::new(number).unwrap() }
}

fn at(ms: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::milliseconds(ms)
}

impl World {
    fn new(follows: i64) -> Self {
        Self {
            circles: CircleDetector::default(),
            follows: (1..=follows).collect(),
            bridges: BTreeMap::new(),
            prefix: "",
            coming: BTreeMap::new(),
            said: BTreeMap::new(),
            delivered: BTreeMap::new(),
            shown_at: BTreeMap::new(),
            broken: Vec::new(),
            stuck: false,
            mirrors: BTreeMap::new(),
        }
    }

    fn comes(&mut self, ms: i64, by_app: bool, text: impl Into<String>) {
        self.coming.entry(ms).or_default().push(Post { by_app, text: text.into() });
    }

    fn deliver(&mut self, number: u64, follows: impl IntoIterator<Item = i64>, now: i64) {
        let post = self.said[&number].clone();
        self.shown_at.insert(number, now + SHOWING);
        for follow in follows.into_iter().filter(|follow| self.follows.contains(follow)).collect::<Vec<_>>() {
            if !self.delivered.entry(number).or_default().insert(follow) {
                continue;
            }
            *self.mirrors.entry(follow).or_default() += 1;
            for delay in self.bridges.get(&follow).cloned().unwrap_or_default() {
                self.comes(now + SHOWING + delay, true, format!("{}{}", self.prefix, post.text));
            }
        }
    }

    fn play(&mut self, until: i64) {
        let mut now = 0;
        while now < until {
            if !self.circles.is_busy() {
                match self.coming.first_key_value() {
                    Some((next, _)) => now = now.max(*next),
                    None => return,
                }
            }
            while let Some(entry) = self.coming.first_entry().filter(|entry| *entry.key() <= now) {
                let (ms, posts) = entry.remove_entry();
                for post in posts {
                    let number = 1_000 + self.said.len() as u64;
                    let fingerprint = fingerprint(&Content { text: post.text.clone(), ..Content::default() });
                    let by_app = post.by_app;
                    self.said.insert(number, post);
                    let posting = SourcePost {
                        source: source(),
                        origin: origin(number),
                        at: at(ms),
                        by_app,
                        fingerprint,
                    };
                    if !self.circles.observe(posting) {
                        let all: Vec<i64> = self.follows.iter().copied().collect();
                        self.deliver(number, all, ms);
                    }
                }
            }
            for (group, shown) in self.circles.awaiting_mirrors(at(now)) {
                let still =
                    |of: &Origin| self.shown_at.get(&of.message().get()).is_some_and(|shown| *shown > now);
                if self.stuck || shown.iter().any(still) {
                    self.circles.delay(group, at(now));
                }
            }
            for action in self.circles.tick(at(now)) {
                self.act(action, now);
            }
            now += 50;
        }
    }

    fn act(&mut self, action: CircleAction, now: i64) {
        match action {
            CircleAction::FindFollows { group, .. } => {
                let all = self.follows.iter().copied().map(FollowId).collect();
                self.circles.test(group, all, at(now));
            }
            CircleAction::ReleaseTo { origin, follows, .. } => {
                self.deliver(origin.message().get(), follows.into_iter().map(|follow| follow.0), now);
            }
            CircleAction::Release(origins) => {
                for number in origins.into_iter().map(|origin| origin.message().get()) {
                    let all: Vec<i64> = self.follows.iter().copied().collect();
                    self.deliver(number, all, now);
                }
            }
            CircleAction::Break(FollowId(follow)) => {
                self.follows.remove(&follow);
                self.broken.push(follow);
            }
        }
    }

    /// What some follow that is active never got.
    fn missing(&self) -> usize {
        let delivered = |number| self.delivered.get(number).cloned().unwrap_or_default();
        self.said.keys().filter(|number| !self.follows.is_subset(&delivered(number))).count()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However fast the bridge is, whatever it adds, and however many others follow: only its follow breaks,
    /// after seven mirrors of a message, or a few more where its target has to be found among others.
    #[test]
    fn a_circle_breaks_after_a_few_mirrors(
        follows in 1..20_i64, delay in 10..15_000_i64, which in 0..20_i64, prefixed: bool, by_app: bool,
    ) {
        let which = which % follows + 1;
        let mut world = World::new(follows);
        world.bridges.insert(which, vec![delay]);
        world.prefix = if prefixed { "<Ada> " } else { "" };
        world.comes(0, by_app, "hello everybody");
        world.play(30 * 60 * 1_000);
        prop_assert_eq!(&world.broken, &vec![which]);
        let tests = 2 + i64::from(follows.ilog2()) + 1;
        let mirrors = world.mirrors[&which] as i64;
        prop_assert!(mirrors <= 5 + tests, "{} mirrors", mirrors);
        prop_assert_eq!(world.missing(), 0);
    }

    /// A bot that says the same again and again, from five a second to one in a quarter of a minute.
    #[test]
    fn a_bot_that_repeats_itself_breaks_nothing(
        every in 200..15_000_i64, jitter in 0..100_i64, times in 2..60_i64, follows in 1..5_i64,
    ) {
        let mut world = World::new(follows);
        for n in 0..times {
            world.comes(n * every + n * 37 % (jitter + 1) * every / 200, true, "Build passed");
        }
        world.play(times * every + 6 * 60 * 1_000);
        prop_assert_eq!(&world.broken, &Vec::<i64>::new());
        prop_assert_eq!(world.missing(), 0);
    }

    /// People, and a few webhooks among them, all say the same at once.
    #[test]
    fn a_raid_breaks_nothing(times in 20..200_i64, gap in 5..800_i64, apps in 0..4_i64) {
        let mut world = World::new(3);
        for n in 0..times {
            world.comes(n * gap + n % 7, n % 5 < apps, "JOIN THE RAID NOW");
        }
        world.play(times * gap + 6 * 60 * 1_000);
        prop_assert_eq!(&world.broken, &Vec::<i64>::new());
        prop_assert_eq!(world.missing(), 0);
    }
}

#[test]
fn a_target_that_cant_be_reached_holds_nothing_up_for_long() {
    let mut world = World::new(3);
    world.stuck = true;
    for n in 0..8 {
        world.comes(n * 1_000, true, "Build passed");
    }
    world.play(5 * 60 * 1_000);
    assert_eq!((world.missing(), world.broken.len()), (0, 0));
}

#[test]
fn two_bridges_that_double_every_message_are_found() {
    let mut world = World::new(4);
    world.bridges.insert(3, vec![150, 260]);
    world.comes(0, false, "hello everybody");
    world.play(10 * 60 * 1_000);
    assert_eq!(world.broken, [3]);
    assert!(world.mirrors[&3] <= 20, "{} mirrors", world.mirrors[&3]);
}

#[test]
fn two_circles_through_two_targets_both_break() {
    let mut world = World::new(6);
    world.bridges.insert(2, vec![300]);
    world.bridges.insert(5, vec![450]);
    world.comes(0, false, "hello everybody");
    world.play(20 * 60 * 1_000);
    assert_eq!(world.broken.iter().copied().collect::<BTreeSet<_>>(), BTreeSet::from([2, 5]));
    assert_eq!(world.missing(), 0);
}

#[test]
fn what_others_say_meanwhile_is_not_held() {
    let mut world = World::new(1);
    world.bridges.insert(1, vec![100]);
    world.comes(0, false, "hello everybody");
    for n in 0..50 {
        world.comes(n * 100, false, format!("talk number {n} of the day"));
    }
    // Bridges copy these, too. The people's own messages are never quarantined.
    world.play(2_000);
    let people = world.said.iter().filter(|(_, post)| !post.by_app);
    assert!(
        people.clone().count() > 10 && people.clone().all(|(number, _)| world.delivered.contains_key(number))
    );
}

#[test]
fn a_circle_that_begins_again_after_it_was_repaired_breaks_again() {
    let mut world = World::new(1);
    world.bridges.insert(1, vec![100]);
    world.comes(0, false, "hello everybody");
    world.play(60_000);
    assert_eq!(world.broken, [1]);
    world.follows.insert(1);
    world.comes(70_000, false, "hello again");
    world.play(200_000);
    assert_eq!(world.broken, [1, 1]);
}
