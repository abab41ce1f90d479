//! What a process does, where several share the work.

use crate::domain::shards::Shards;

use super::{ConfigError, DatabaseConfig, Env};

/// The part of the work that a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    All(Serving),
    /// Listens to Discord's gateway and answers people; delivers nothing.
    Gateway(Serving),
    /// Delivers.
    Worker,
}

/// The shards that a process takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serving {
    /// As many as Discord recommends, all of them.
    Recommended,
    /// These.
    These(Shards),
}

impl Role {
    /// Its name in the settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::All(_) => "all",
            Self::Gateway(_) => "gateway",
            Self::Worker => "worker",
        }
    }

    /// The shards that it takes; none where it has no connection to the gateway.
    pub const fn serving(self) -> Option<Serving> {
        match self {
            Self::All(serving) | Self::Gateway(serving) => Some(serving),
            Self::Worker => None,
        }
    }

    /// Whether it works on lanes.
    pub const fn delivers(self) -> bool {
        match self {
            Self::All(_) | Self::Worker => true,
            Self::Gateway(_) => false,
        }
    }
}

impl Env<'_> {
    /// What this process does on such a database.
    pub(super) fn role(&self, database: &DatabaseConfig) -> Result<Role, ConfigError> {
        const POSTGRES: &str = "Set DATABASE_URL to a PostgreSQL database, or leave ROLE and SHARDS out: one process then does all.";
        let shards = self.shards()?;
        let serving = shards.map_or(Serving::Recommended, Serving::These);
        let role = match self.get_or_default("ROLE").as_str() {
            "all" => Role::All(serving),
            "gateway" => Role::Gateway(serving),
            "worker" => Role::Worker,
            _ => {
                return Err(ConfigError::new(
                    "ROLE",
                    "(or --role) is none of the three",
                    "Use all, gateway or worker.",
                ));
            }
        };
        if role == Role::Worker && shards.is_some() {
            let problem = "(or --shards) is set for a worker, which has no shards";
            return Err(ConfigError::new("SHARDS", problem, "Leave it out: workers share the lanes of all."));
        }
        if let DatabaseConfig::Sqlite { .. } = database {
            if !matches!(role, Role::All(_)) {
                return Err(ConfigError::new(
                    "ROLE",
                    "(or --role) divides the work among processes, and SQLite has one only",
                    POSTGRES,
                ));
            }
            if shards.is_some_and(|shards| !shards.is_all()) {
                let problem = "(or --shards) leaves shards to other processes, and SQLite has one only";
                return Err(ConfigError::new("SHARDS", problem, POSTGRES));
            }
        }
        Ok(role)
    }

    fn shards(&self) -> Result<Option<Shards>, ConfigError> {
        const REMEDY: &str =
            "Use 0..3/16 for shards 0 to 3 (both included) of 16, or 5/16 for shard 5 alone.";
        let wrong = |error| ConfigError::new("SHARDS", format!("(or --shards) {error}"), REMEDY);
        self.get("SHARDS").map(|text| text.parse().map_err(wrong)).transpose()
    }
}
