//! `channel_follows`.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "channel_follows")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub(crate) id: i64,
    pub(crate) source_channel_id: i64,
    pub(crate) target_channel_id: i64,
    pub(crate) guild_id: i64,
    pub(crate) source_guild_id: i64,
    #[sea_orm(column_type = "Text")]
    pub(crate) delivery: String,
    pub(crate) webhook_id: Option<i64>,
    #[sea_orm(column_type = "Blob")]
    pub(crate) webhook_token: Option<Vec<u8>>,
    pub(crate) follower_webhook_id: Option<i64>,
    #[sea_orm(column_type = "Text")]
    pub(crate) mode: String,
    pub(crate) panels: bool,
    pub(crate) is_active: bool,
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) broken_reason: Option<String>,
    pub(crate) created_by: i64,
    pub(crate) created_at: DateTimeUtc,
    pub(crate) updated_at: DateTimeUtc,
    #[sea_orm(column_type = "Text")]
    pub(crate) threads: String,
    pub(crate) source_parent_id: Option<i64>,
    pub(crate) target_parent_id: Option<i64>,
    pub(crate) target_forum: bool,
    #[sea_orm(column_type = "Text")]
    pub(crate) exposure: String,
    pub(crate) lacking: i64,
    pub(crate) source_restricted: bool,
    pub(crate) source_private: Option<bool>,
    pub(crate) published_only: bool,
    pub(crate) collection_follow_id: Option<i64>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
