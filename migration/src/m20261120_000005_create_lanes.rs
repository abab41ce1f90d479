//! `lanes`: who sends into a target, and the create whose answer hasn't been recorded yet.

use sea_orm_migration::prelude::*;

use crate::columns::{big, big_or_null, drop, int_or_null, text_or_null, time_or_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// A create in flight is known completely or not at all.
const IN_FLIGHT: &str = "(in_flight_delivery_id IS NULL) = (in_flight_part IS NULL) AND \
    (in_flight_delivery_id IS NULL) = (in_flight_revision IS NULL) AND \
    (in_flight_delivery_id IS NULL) = (in_flight_after_id IS NULL)";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("lanes")
            .col(big("target_channel_id").primary_key())
            .col(text_or_null("lease_owner"))
            .col(time_or_null("lease_until"))
            .col(big("epoch").default(0))
            .col(time_or_null("wait_until"))
            .col(big_or_null("in_flight_delivery_id"))
            .col(int_or_null("in_flight_part"))
            .col(int_or_null("in_flight_revision"))
            .col(big_or_null("in_flight_after_id"))
            .col(time_or_null("settle_at"))
            // No cascade: a delivery whose create is in doubt can't be deleted before the doubt is settled.
            .foreign_key(
                ForeignKey::create()
                    .name("fk_lanes_in_flight_delivery_id")
                    .from("lanes", "in_flight_delivery_id")
                    .to("deliveries", "id"),
            )
            .check(("ck_lanes_lease", Expr::cust("(lease_owner IS NULL) = (lease_until IS NULL)")))
            .check(("ck_lanes_in_flight", Expr::cust(IN_FLIGHT)))
            .take();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(drop("lanes")).await
    }
}
