//! What `tributary forget` does, and how it reports that.

use std::fmt;

use crate::domain::clock::Clock;
use crate::domain::ids::UserId;
use crate::store::{Forgotten, Store, StoreError};

/// The result of forgetting a person, as text for the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForgetReport {
    user: UserId,
    forgotten: Forgotten,
}

/// Forgets a person, and if asked for, deletes their mirrors, too. `None` if nothing is kept of them.
pub async fn forget(
    store: &Store,
    clock: Clock,
    user: UserId,
    mirrors: bool,
) -> Result<Option<ForgetReport>, StoreError> {
    let forgotten = store.forget_user(user, mirrors, clock.now()).await?;
    Ok((!forgotten.is_nothing()).then_some(ForgetReport { user, forgotten }))
}

impl fmt::Display for ForgetReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Forgotten {
            messages,
            mirrors_going,
            mirrors_staying,
            follows,
            panels,
            mentions,
            blocks,
            collections,
            changes,
            access,
            personal,
        } = self.forgotten;
        let going = match mirrors_going {
            0 => String::new(),
            count => format!(
                " ({}: by the running bot now, or when it next runs)",
                counted(count, "mirror is being deleted", "mirrors are being deleted")
            ),
        };
        writeln!(f, "Forgot user {}: {}{going}.", self.user, counted(messages, "message", "messages"))?;
        if mirrors_staying > 0 {
            let stay = counted(mirrors_staying, "mirror stays", "mirrors stay");
            writeln!(
                f,
                "{stay}. Who wrote the original is not known any more; its deletion still reaches the mirror."
            )?;
        }
        if follows > 0 {
            let names = counted(follows, "follow doesn't say", "follows don't say");
            writeln!(f, "{names} any more who made it, and whoever that was isn't told when it breaks.")?;
        }
        if panels > 0 {
            writeln!(
                f,
                "{} any more.",
                counted(panels, "panel doesn't name them", "panels don't name them")
            )?;
        }
        if mentions > 0 {
            let names = counted(mentions, "message", "messages");
            writeln!(f, "Their name was taken out of {names} of others.")?;
        }
        if blocks > 0 {
            let names = counted(blocks, "blocked server doesn't say", "blocked servers don't say");
            writeln!(f, "{names} any more who blocked it.")?;
        }
        if collections > 0 {
            let names = counted(collections, "collection doesn't say", "collections don't say");
            writeln!(f, "{names} any more who made it, or what they added to it.")?;
        }
        if changes > 0 {
            let names = counted(changes, "change in the audit doesn't say", "changes in the audit don't say");
            writeln!(f, "{names} any more who made it.")?;
        }
        if access > 0 {
            let ended = counted(access, "session or token", "sessions and tokens");
            writeln!(f, "{ended} at the web pages ended.")?;
        }
        if personal > 0 {
            writeln!(f, "Their personal follows, their followers and their feed are forgotten.")?;
        }
        writeln!(f, "What they post or edit from now on is kept like anybody's.")
    }
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
