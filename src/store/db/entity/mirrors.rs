//! `mirrors`.

use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mirrors")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) message_id: i64,
    pub(crate) channel_id: i64,
    pub(crate) webhook_id: i64,
    pub(crate) delivery_id: i64,
    pub(crate) part: i32,
    pub(crate) revision: i32,
    pub(crate) files: i32,
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) file_ids: Option<String>,
    pub(crate) stale: bool,
    pub(crate) stale_marks: i32,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
