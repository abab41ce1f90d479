//! What a process does, if several share the work.

use crate::domain::shards::Shards;

use super::{ConfigError, DatabaseConfig, Env};

/// The part of the work that a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessRole {
    /// Everything.
    All(ShardSelection),
    /// Listens to Discord's gateway and answers people; delivers nothing.
    Gateway(ShardSelection),
    /// Delivers.
    Worker,
}

/// Which shards a process takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShardSelection {
    /// All shards, as many as Discord recommends.
    Recommended,
    /// These.
    These(Shards),
}

impl ProcessRole {
    /// Its name in the settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::All(_) => "all",
            Self::Gateway(_) => "gateway",
            Self::Worker => "worker",
        }
    }

    /// Which shards it takes; `None` if it doesn't connect to the gateway.
    pub const fn shards(self) -> Option<ShardSelection> {
        match self {
            Self::All(selection) | Self::Gateway(selection) => Some(selection),
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
    pub(super) fn role(&self, database: &DatabaseConfig) -> Result<ProcessRole, ConfigError> {
        const POSTGRES: &str = "Set DATABASE_URL to a PostgreSQL database, or leave ROLE and SHARDS out: then one process does everything.";
        let shards = self.shards()?;
        let selection = shards.map_or(ShardSelection::Recommended, ShardSelection::These);
        let role = match self.get_or_default("ROLE").as_str() {
            "all" => ProcessRole::All(selection),
            "gateway" => ProcessRole::Gateway(selection),
            "worker" => ProcessRole::Worker,
            _ => {
                return Err(ConfigError::new(
                    "ROLE",
                    "(or --role) is none of the three roles",
                    "Use all, gateway or worker.",
                ));
            }
        };
        if role == ProcessRole::Worker && shards.is_some() {
            let problem = "(or --shards) is set for a worker, which has no shards";
            return Err(ConfigError::new("SHARDS", problem, "Leave it out: workers share all lanes."));
        }
        if let DatabaseConfig::Sqlite { .. } = database {
            if !matches!(role, ProcessRole::All(_)) {
                return Err(ConfigError::new(
                    "ROLE",
                    "(or --role) divides the work among processes, but SQLite allows only one",
                    POSTGRES,
                ));
            }
            if shards.is_some_and(|shards| !shards.is_all()) {
                let problem = "(or --shards) leaves shards to other processes, but SQLite allows only one";
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
