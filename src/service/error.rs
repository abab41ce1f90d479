//! Why a use case did not happen: a refusal that the person is told, or a failure whose cause only the
//! operator should see.

mod codes;
mod collection;
mod consent;
mod discord;
mod missing;
mod personal;
mod phrases;

use chrono::{DateTime, Utc};

use crate::domain::channel::ChannelKind;
use crate::domain::follow::{BrokenReason, ChannelPair, FollowId, TagMode};
use crate::domain::ids::ChannelId;
use crate::domain::panel::FieldProblem;
use crate::domain::permissions::Permissions;
use crate::domain::tags::TagSet;
use crate::rest::RestError;
use crate::store::StoreError;

pub use self::codes::{FailureFacts, FailureKind, RetryTime};
pub use self::collection::CollectionRefusal;
pub use self::consent::ConsentRefusal;
pub use self::discord::explain_discord_error;
pub use self::missing::MissingPermissions;
pub use self::personal::PersonalRefusal;
use self::phrases::{code, lacks, later, no_such_tag, not_confirmed, panel_right};

/// A use case that did not happen.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// A rule forbids it, and nothing was changed. The text is for the person who asked.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// Discord did not do its part.
    #[error("discord: {0}")]
    Discord(#[from] RestError),
    /// The database did not do its part.
    #[error("database: {0}")]
    Store(#[from] StoreError),
}

impl ServiceError {
    /// Whether Discord or the database failed, so that the person can't do anything about it. A refusal or a
    /// rate limit of Discord's doesn't count.
    pub(super) const fn is_outage(&self) -> bool {
        match self {
            Self::Store(_) => true,
            Self::Discord(error) => matches!(
                error,
                RestError::Server { .. }
                    | RestError::Edge { .. }
                    | RestError::InDoubt(_)
                    | RestError::NotSent
                    | RestError::Malformed
                    | RestError::Unauthorized
            ),
            Self::Refused(_) => false,
        }
    }
}

/// A rule that forbids a use case. Each text says what is wrong and, if something can be done, what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Outside servers.
    #[error("This works only in servers.")]
    ServersOnly,
    /// The bot isn't in that server, or the person isn't. The text doesn't tell which.
    #[error("I can't find that server: it doesn't exist, or one of us isn't in it.")]
    UnknownServer,
    /// Source and target are the same.
    #[error(
        "A channel can't follow itself. Run this in the channel that should receive the posts, or name it with `into`."
    )]
    SelfFollow,
    /// Neither `channel` nor `link` was given.
    #[error("Which channel? Choose it with `channel`, or paste its link or id as `link`.")]
    NoChannel,
    /// Both were given.
    #[error("Give either `channel` or `link`, not both.")]
    TwoChannels,
    /// The text is no channel's link.
    #[error(
        "That is not a channel link. Right-click the channel, choose Copy Link, and paste it as `link`. A channel id works, too."
    )]
    NotALink,
    /// The same pair with the same options.
    #[error("<#{target}> is already following <#{source_channel}>{how}", how = if *paused { ", but paused. Resume it in `/follows`." } else { ". `/follows` shows it." })]
    AlreadyFollowing {
        /// The follow.
        follow: FollowId,
        /// The channel that is followed.
        source_channel: ChannelId,
        /// The channel that receives.
        target: ChannelId,
        /// Whether somebody paused it.
        paused: bool,
    },
    /// There is no such follow.
    #[error("<#{target}> is not following <#{source_channel}>. `/follows` shows what this server follows.")]
    NotFollowing {
        /// The channel that isn't followed.
        source_channel: ChannelId,
        /// The channel that doesn't receive.
        target: ChannelId,
    },
    /// The follow was removed meanwhile.
    #[error("Follow {0} is gone: somebody removed it. `/follows` shows those that are left.")]
    NoSuchFollow(FollowId),
    /// It makes something public, and whoever asks by a program hasn't confirmed it.
    #[error("{}", not_confirmed(*.0))]
    NotConfirmed(ChannelPair),
    /// A paused follow can't become native.
    #[error(
        "Follow {0} is paused, but Discord's own following would start to post at once. Resume the follow in `/follows` first, then make it native."
    )]
    Paused(FollowId),
    /// `except` and `only` need tags.
    #[error("The mode `{word}` needs at least one tag. Give tags with `tags`, separated by commas.", word = .0.as_str())]
    TagsMissing(TagMode),
    /// Tags without a mode that uses them.
    #[error(
        "Tags work only with the mode `except` or `only`. Choose one of these with `mode`, or leave `tags` out."
    )]
    TagsWithoutMode,
    /// The source's forum has no tag of this name.
    #[error("{}", no_such_tag(*forum, name, offered))]
    NoSuchTag {
        /// The forum.
        forum: ChannelId,
        /// What was typed.
        name: String,
        /// The names of its tags.
        offered: Vec<String>,
    },
    /// Nobody can write this as a hashtag.
    #[error(
        "{} can't be a hashtag. Hashtags have only letters, digits and `_`, no spaces or hyphens. Separate several tags by commas.", code(.0)
    )]
    NotAHashtag(String),
    /// More than can be shown.
    #[error("A follow can have {most} tags at most, of {longest} characters each.", most = TagSet::MOST, longest = TagSet::LONGEST)]
    TooManyTags,
    /// The channel belongs to another server.
    #[error(
        "That channel belongs to another server. Run this command there. To follow a channel of another server, paste its link as `link`."
    )]
    Elsewhere,
    /// That kind can't be a source.
    #[error("<#{channel}> can't be followed: I can't read {kinds}.", kinds = kind.plural())]
    SourceKind {
        /// Which channel.
        channel: ChannelId,
        /// Its kind.
        kind: ChannelKind,
    },
    /// That kind can't be a target.
    #[error("<#{channel}> can't follow: I can't post into {kinds}.", kinds = kind.plural())]
    TargetKind {
        /// Which channel.
        channel: ChannelId,
        /// Its kind.
        kind: ChannelKind,
    },
    /// That kind can't be published.
    #[error("Only channels with messages or posts can be published, not {kinds}.", kinds = .0.plural())]
    PublishKind(ChannelKind),
    /// Native delivery needs an announcement source.
    #[error(
        "Native delivery is Discord's own channel following. It needs an announcement channel as source, a text or announcement channel as target, the mode `all`, and no threads. Use `relay`, or leave `delivery` out."
    )]
    NativeImpossible,
    /// `threads: none` for a forum.
    #[error(
        "A forum holds only threads, so `threads` can't be `none` for it. Choose `starter` for its posts, or `all` for their answers, too."
    )]
    ForumThreads,
    /// `threads` for a thread.
    #[error(
        "A thread has no threads of its own. Leave `threads` out: everything that is posted in the thread is followed."
    )]
    ThreadThreads,
    /// A private thread of another server.
    #[error("A private thread can be followed only in its own server.")]
    PrivateElsewhere,
    /// The person lacks a permission.
    #[error("You need {permissions} in <#{channel}> for this.", permissions = permissions.listed())]
    PersonMay {
        /// Where.
        channel: ChannelId,
        /// What is missing.
        permissions: Permissions,
    },
    /// The person lacks a permission in the whole server.
    #[error("You need {permissions} in this server for this.", permissions = .0.listed())]
    PersonMayInServer(Permissions),
    /// Moderators timed the person out.
    #[error("You are timed out in this server until <t:{}:f>, so you can't change anything until then.", .0.timestamp())]
    PersonTimedOut(DateTime<Utc>),
    /// Its age restriction would be lost.
    #[error(
        "<#{target}> is not age-restricted, but the channel that it would follow is. Make <#{target}> age-restricted under Edit Channel, or choose another channel with `into`."
    )]
    AgeRestricted {
        /// The channel that would receive.
        target: ChannelId,
    },
    /// The bot lacks permissions, in one channel or in several.
    #[error("I need {lacks}. Give me that under Edit Channel → Permissions, then try again.", lacks = lacks(.0))]
    BotMay(Vec<MissingPermissions>),
    /// Moderators timed the bot out: its roles don't count meanwhile.
    #[error(
        "I am timed out in the server of <#{channel}> until <t:{until}:f>, so I can only read there. End my timeout, or try again after that.",
        until = .until.timestamp()
    )]
    BotTimedOut {
        /// A channel of that server.
        channel: ChannelId,
        /// When it ends.
        until: DateTime<Utc>,
    },
    /// The bot can't see the thread in which the command was run.
    #[error(
        "I can't see <#{0}>. If it is a private thread, add me to it by mentioning me there. Otherwise, give me **View Channel** in its channel. Then try again."
    )]
    UnseenThread(ChannelId),
    /// The person or the bot can't see the source, or there is no such channel. The text doesn't tell which.
    #[error(
        "I can't find that channel: it doesn't exist, or one of us can't see it. You can follow a channel that we both see, in a server that I am in."
    )]
    UnknownSource,
    /// The same for a channel that must be of this server.
    #[error("I can't find that channel: it doesn't exist, or one of us can't see it.")]
    UnknownChannel,
    /// The same for a message.
    #[error("I can't find that message: it doesn't exist, or one of us can't see it.")]
    UnknownMessage,
    /// What Discord sent of a message lacks its author or its channel.
    #[error("I can't read that message, so I can't say what became of it.")]
    UnreadableMessage,
    /// The source's server doesn't let other servers follow it.
    #[error(
        "That channel is not open to other servers. Somebody with Manage Channels there can open it with `/publish`."
    )]
    NotPublished,
    /// An announcement channel of another server that isn't public there.
    #[error(
        "Not everyone in its server sees that announcement channel, so other servers can't follow it unless it is opened with `/publish`."
    )]
    NotPublic,
    /// The operator doesn't serve the source's server.
    #[error("This bot's operator doesn't serve the server of that channel.")]
    NotServed,
    /// The operator's limit of follows into one target.
    #[error(
        "<#{channel}> already has {most} follows, and this bot's operator allows no more into one channel. Remove one that isn't needed with `/unfollow`, choose another channel with `into`, or ask the operator."
    )]
    TooManyInto {
        /// The channel that would receive.
        channel: ChannelId,
        /// How many it may have.
        most: u32,
    },
    /// The operator's limit of follows of one source.
    #[error(
        "<#{channel}> already has {most} followers, and this bot's operator allows no more for one channel. Somebody has to stop following it first, or the operator has to allow more."
    )]
    TooManyFollowers {
        /// The channel to follow.
        channel: ChannelId,
        /// How many it may have.
        most: u32,
    },
    /// The operator's limit of follows into one server.
    #[error(
        "This server already has {0} follows, and this bot's operator allows no more in one server. Remove one that isn't needed (`/follows` shows them), or ask the operator."
    )]
    TooManyInServer(u32),
    /// Discord: 15 webhooks per channel, error 30007.
    #[error("<#{channel}> already has 15 webhooks, and Discord allows no more. Delete one that isn't needed under Edit Channel → Integrations → Webhooks, then try again.", channel = .0)]
    TooManyWebhooks(ChannelId),
    /// Discord: 1000 webhooks per server, error 30058.
    #[error(
        "This server already has 1,000 webhooks, and Discord allows no more. Delete some under Server Settings → Integrations → Webhooks, then try again."
    )]
    TooManyServerWebhooks,
    /// The person's actions of this hour are used up.
    #[error("You've made too many changes this hour. Please try again <t:{}:R>.", .0.timestamp())]
    TooManyActions(DateTime<Utc>),
    /// The person's questions that cost many requests are used up.
    #[error("Too many requests in the last few minutes. Please try again <t:{}:R>.", .0.timestamp())]
    TooManyQuestions(DateTime<Utc>),
    /// Too many look-ups of this person, or in this server, found nothing.
    #[error(
        "Too many channels that I can't find were named in this server lately. Check the link, and try again <t:{}:R>.", .0.timestamp()
    )]
    TooManyLookups(DateTime<Utc>),
    /// The question is forgotten: it was asked too long ago, or was answered already.
    #[error("This question is too old. Run the command again.")]
    QuestionTooOld,
    /// What was filled in or pressed can't be done. The text says why.
    #[error("{0}")]
    Panel(String),
    /// A field of a panel's form can't hold what was filled in.
    #[error("{problem}")]
    PanelField {
        /// The field's name.
        field: String,
        /// Why.
        problem: FieldProblem,
    },
    /// The operator doesn't allow this kind of panel in the server. The text says so.
    #[error("{0}")]
    PanelForbidden(String),
    /// There is no such kind of panel.
    #[error("There is no such kind of panel. Choose one of those that `/panel create` offers.")]
    UnknownPanelKind,
    /// That kind of channel holds no messages.
    #[error("<#{channel}> can't hold a panel: I can't post into {kinds}{later}.", kinds = kind.plural(), later = later(*kind))]
    PanelKind {
        /// Which channel.
        channel: ChannelId,
        /// Its kind.
        kind: ChannelKind,
    },
    /// A channel may have only so many.
    #[error(
        "<#{channel}> already has {most} panels, the most that a channel can have. Delete one with `/panel delete`, or move one to another channel with `/panel move`."
    )]
    TooManyPanels {
        /// Which channel.
        channel: ChannelId,
        /// How many there may be.
        most: usize,
    },
    /// A server may have only so many.
    #[error(
        "This server already has {0} panels, and this bot's operator allows no more in one server. Delete one with `/panel delete` (`/panel list` shows them), or ask the operator."
    )]
    TooManyPanelsInServer(u32),
    /// Empty, or too long.
    #[error("A panel's title must have 1 to {0} characters.")]
    PanelTitle(usize),
    /// Out of bounds.
    #[error("A panel's interval must be between 1 and 1440 minutes.")]
    PanelRefresh,
    /// None of this server has this number or title.
    #[error("I can't find that panel. Choose one of those that are offered; `/panel list` shows them all.")]
    NoSuchPanel,
    /// Several have this title.
    #[error("Several panels have that title. Choose one of those that are offered.")]
    ManyPanels,
    /// It was deleted meanwhile.
    #[error("This panel was deleted. Its messages disappear in a moment.")]
    PanelGone,
    /// What was pressed is a mirror of a follow that ended.
    #[error("This channel no longer follows this panel, so its buttons do nothing.")]
    PanelLeft,
    /// It is in that channel already.
    #[error("That panel is already in <#{0}>.")]
    PanelThere(ChannelId),
    /// A form must open within 3 seconds.
    #[error("Discord or my database is too slow at the moment to open a form. Please try again.")]
    TooSlowForForm,
    /// Others changed it each time.
    #[error("Somebody else changed that panel at the same moment. Please try again.")]
    PanelBusy,
    /// It isn't as it was when whoever changes it has read it.
    #[error("Somebody changed that panel since you read it. Read it again, and decide then.")]
    PanelStale,
    /// The person may not change the panel.
    #[error("{}", panel_right(*own, *channel))]
    PanelRight {
        /// Whether it was pressed in the panel's own server.
        own: bool,
        /// The panel's channel.
        channel: ChannelId,
    },
    /// A rule about the followed side's consent.
    #[error(transparent)]
    Consent(#[from] ConsentRefusal),
    /// A rule about personal follows.
    #[error(transparent)]
    Personal(#[from] PersonalRefusal),
    /// A rule about collections.
    #[error(transparent)]
    Collection(#[from] CollectionRefusal),
    /// It is paused already.
    #[error("Follow {0} is already paused.")]
    AlreadyPaused(FollowId),
    /// It is active already.
    #[error("Follow {0} is already active.")]
    AlreadyActive(FollowId),
    /// A broken follow can't be paused.
    #[error("Follow {0} is broken, so there is nothing to pause. {explanation}", explanation = .1.explanation())]
    Broken(FollowId, BrokenReason),
}
