//! What stands in the two servers beyond the scene, so that whoever stays has something to look at and to try.

use tributary_sandbox::{ChannelKind, Permissions, Post, Sandbox};

use crate::Failure;
use crate::scene::Cast;

/// A picture to post.
const PICTURE: &[u8] = include_bytes!("harbour.png");

/// Adds a forum, a private channel, a voice channel, and messages of several kinds.
pub(crate) async fn furnish(_: &Sandbox, cast: &Cast) -> Result<(), Failure> {
    let Cast { harbour, lighthouse, dev, alice, bob, carol, .. } = cast;
    let community = harbour.category("Community");
    let ideas = harbour.create_channel_in(&community, ChannelKind::Forum, "ideas");
    let lounge = harbour.create_channel_in(&community, ChannelKind::Text, "lounge");
    harbour.create_channel_in(&community, ChannelKind::Voice, "Quay");
    let crew = harbour.create_channel_in(&community, ChannelKind::Text, "crew");
    crew.deny_everyone(Permissions::VIEW_CHANNEL);
    crew.allow(alice, Permissions::VIEW_CHANNEL);
    crew.allow(bob, Permissions::VIEW_CHANNEL);
    harbour.allow_bot(&crew, Permissions::VIEW_CHANNEL);
    lighthouse.text("keepers");
    lighthouse.join(alice, Permissions::empty());

    let tags = ideas.set_tags(&["Feature", "Question", "Done"])?;
    let first = "When fog comes in, the horn should sound by itself. A sensor costs little.";
    let (post, _) = carol.start_post(&ideas, "Sound the horn in fog", &tags[..1], first)?;
    alice.post(&post, "I like it. Who builds it?")?;
    bob.post(&post, "Me, if somebody holds the ladder.")?;
    let first = "Boats from the east see it late. Could it turn faster?";
    bob.start_post(&ideas, "How fast may the lamp turn?", &tags[1..2], first)?;
    let first = "It's dark at the end of the pier. **Two lamps** would do.";
    let (post, _) = alice.start_post(&ideas, "Lamps on the pier", &[tags[0], tags[2]], first)?;
    bob.post(&post, "They hang. Come and look tonight!")?;

    alice.post(&crew, "Only the crew sees this channel, and Tributary.")?;
    carol.post(&lounge, "Who is out sailing on Sunday?")?;
    let question = carol.post(dev, "How do I find out how far it shines?")?;
    let answer = "Count the steps:\n1. note the height `h` in metres\n2. take its root\n3. times 3.57, and you have **kilometres**\n```rust\nfn reach(h: f64) -> f64 {\n    3.57 * h.sqrt()\n}\n```";
    bob.post(dev, Post::text(answer).reply_to(question.id))?;
    bob.post(dev, Post::text("From the boat, last night:").file("harbour.png", "image/png", PICTURE))?;
    Ok(())
}
