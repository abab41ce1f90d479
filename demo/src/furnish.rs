//! What the two servers have beyond the scene, so that anybody who stays has something to look at and try.

use tributary_sandbox::{ChannelKind, Options, Permissions, Post};

use crate::scene::Cast;
use crate::{Failure, SOON};

/// A picture to post.
const PICTURE: &[u8] = include_bytes!("harbour.png");

/// How far a lamp shines, with formatting that a message can have.
const REACH: &str = "Count the steps:
1. note the height `h` in metres
2. take its root
3. times 3.57, and you have **kilometres**
```rust
fn reach(h: f64) -> f64 {
    3.57 * h.sqrt()
}
```";

/// Adds channels of other kinds, and messages.
pub(crate) async fn furnish(cast: &Cast) -> Result<(), Failure> {
    forum(cast)?;
    panel(cast).await?;
    let Cast { dev, alice, bob, carol, .. } = cast;
    let picture = Post::text("From the boat, last night:").file("harbour.png", "image/png", PICTURE);
    let picture = bob.post(dev, picture)?;
    carol.post(dev, Post::text("**Beautiful!** How far does it shine?").reply_to(picture.id))?;
    alice.post(dev, "Farther than ever.")?;
    Ok(())
}

/// A forum with posts, a private channel and others.
fn forum(cast: &Cast) -> Result<(), Failure> {
    let Cast { harbour, lighthouse, alice, bob, carol, .. } = cast;
    let community = harbour.category("Community");
    let ideas = harbour.create_channel_in(&community, ChannelKind::Forum, "ideas");
    let lounge = harbour.create_channel_in(&community, ChannelKind::Text, "lounge");
    let crew = harbour.create_channel_in(&community, ChannelKind::Text, "crew");
    harbour.create_channel_in(&community, ChannelKind::Voice, "quay");
    crew.deny_everyone(Permissions::VIEW_CHANNEL);
    crew.allow(alice, Permissions::VIEW_CHANNEL);
    crew.allow(bob, Permissions::VIEW_CHANNEL);
    harbour.allow_bot(&crew, Permissions::VIEW_CHANNEL);
    lighthouse.text("keepers");
    lighthouse.join(alice, Permissions::empty());

    let tags = ideas.set_tags(&["Feature", "Question", "Done"])?;
    let fog = "When fog comes in, the horn should sound by itself. A sensor costs little.";
    let (post, _) = carol.start_post(&ideas, "Sound the horn in fog", &tags[..1], fog)?;
    alice.post(&post, "I like it. Who builds it?")?;
    bob.post(&post, "Me, if somebody holds the ladder.")?;
    let east = "Boats from the east see it late. Could it turn faster?";
    bob.start_post(&ideas, "How fast may the lamp turn?", &tags[1..2], east)?;
    let dark = "It's dark at the end of the pier. **Two lamps** would do.";
    let (post, _) = alice.start_post(&ideas, "Lamps on the pier", &[tags[0], tags[2]], dark)?;
    bob.post(&post, "They hang. Come and look tonight!")?;

    alice.post(&crew, "Only the crew sees this channel, and Tributary.")?;
    let question = carol.post(&lounge, "How do I find out how far a lamp shines?")?;
    bob.post(&lounge, Post::text(REACH).reply_to(question.id))?;
    Ok(())
}

/// A panel that greets; its followers show it, too.
async fn panel(cast: &Cast) -> Result<(), Failure> {
    let Cast { dev, news, alice, .. } = cast;
    let form = alice.run(dev, "/panel create", Options::new().set("kind", "welcome")).await?;
    let filled = [
        ("title", "Welcome aboard"),
        (
            "text",
            "Here, {{server_name}} builds its lighthouse: {{member_count}} people, and everyone may ask.",
        ),
        ("rules", "Say what you need.\nLeave the lamp on."),
        ("links", "The plans | https://example.org"),
    ];
    form.submit(&filled).await?;
    news.wait_for_message(SOON, |message| message.text().contains("Leave the lamp on")).await?;
    Ok(())
}
