//! `channel_follow_tags`.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "channel_follow_tags")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) follow_id: i64,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) tag: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) label: Option<String>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
