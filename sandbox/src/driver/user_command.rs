//! User commands: those in the menu of a person.

use super::command::Invocation;
use super::{ActError, Channel, Person, Reply};

impl Person {
    /// Runs a user command on a person (or a bot), seen in this channel, and waits for the bot's whole answer.
    pub async fn run_on_person(
        &self,
        channel: &Channel,
        person: &Person,
        command: &str,
    ) -> Result<Reply, ActError> {
        let reply = self.invoke(channel, Invocation::on_user(command, person.id)).await?;
        reply.settled(self.patience()).await
    }

    /// Like [`Self::run_on_person`], past `default_member_permissions` and contexts (a server admin may have
    /// lifted them).
    pub async fn run_on_person_unchecked(
        &self,
        channel: &Channel,
        person: &Person,
        command: &str,
    ) -> Result<Reply, ActError> {
        let reply = self.invoke(channel, Invocation::on_user(command, person.id).unchecked()).await?;
        reply.settled(self.patience()).await
    }

    /// Like [`Self::run_on_person`], but doesn't wait for the bot at all.
    pub fn start_command_on_person(
        &self,
        channel: &Channel,
        person: &Person,
        command: &str,
    ) -> Result<Reply, ActError> {
        Invocation::on_user(command, person.id).send(&self.shared, self.id, channel.id())
    }
}
