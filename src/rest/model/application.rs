//! What Discord answers about the application and its gateway.

use serde::Deserialize;

use super::lenient;
use crate::domain::ids::{ApplicationId, UserId};

/// The bot's application.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ApplicationInfo {
    /// Its id.
    pub id: ApplicationId,
    /// Its name.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub name: String,
    /// What is switched on for it. Discord: "Application Flags".
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub flags: u64,
    /// In how many servers it is, about.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub approximate_guild_count: Option<u64>,
    /// Whose it is. If it is a team's, this isn't a person.
    #[serde(default, deserialize_with = "lenient::or_default")]
    owner: Option<ApplicationOwner>,
    /// The team whose it is.
    #[serde(default, deserialize_with = "lenient::or_default")]
    team: Option<Team>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct ApplicationOwner {
    id: UserId,
}

/// Discord: "Teams".
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Team {
    #[serde(default, deserialize_with = "lenient::or_default")]
    members: Vec<TeamMember>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct TeamMember {
    /// 1: invited, 2: accepted.
    membership_state: u8,
    user: ApplicationOwner,
}

impl ApplicationInfo {
    /// The people whose it is: its owner, or the members of its team.
    pub fn people(&self) -> Vec<UserId> {
        match &self.team {
            Some(team) => {
                let accepted = team.members.iter().filter(|member| member.membership_state == 2);
                accepted.map(|member| member.user.id).collect()
            }
            None => self.owner.iter().map(|owner| owner.id).collect(),
        }
    }
}

/// Where the gateway is, and how often it may be entered.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct GatewayBot {
    /// Its address, `wss://…`.
    pub url: String,
    /// How many shards Discord recommends.
    pub shards: u32,
    /// How many sessions may begin.
    pub session_start_limit: SessionStartLimit,
}

/// How many sessions may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct SessionStartLimit {
    /// In a day.
    pub total: u32,
    /// Of these, still free.
    pub remaining: u32,
    /// Milliseconds until all are free again.
    pub reset_after: u64,
    /// At the same time, in 5 seconds.
    pub max_concurrency: u32,
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    #[rstest]
    #[case(json!({ "id": "1", "owner": { "id": "7", "username": "ada" }, "team": null }), &[7])]
    #[case(json!({ "id": "1", "owner": { "id": "9" }, "team": { "id": "9", "owner_user_id": "7", "members": [
        { "membership_state": 2, "user": { "id": "7" }, "role": "admin" },
        { "membership_state": 2, "user": { "id": "8" }, "role": "read_only" },
        { "membership_state": 1, "user": { "id": "6" }, "role": "developer" },
    ] } }), &[7, 8])]
    #[case(json!({ "id": "1" }), &[])]
    #[case(json!({ "id": "1", "owner": 7, "team": { "members": "?" } }), &[])]
    fn a_team_takes_the_place_of_the_owner(#[case] application: Value, #[case] people: &[u64]) {
        let application: ApplicationInfo = serde_json::from_value(application).unwrap();
        let found: Vec<u64> = application.people().into_iter().map(|person| person.get()).collect();
        assert_eq!(found, people);
    }
}
