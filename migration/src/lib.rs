//! Tributary's database schema: one file per migration, each with its way back, for SQLite and PostgreSQL.
//!
//! Tables, columns, indexes and constraints have the same names on both. Uniqueness is enforced by named
//! unique *indexes*, because SQLite can't name a constraint in a way that can be looked up later. Discord's
//! ids are `BIGINT`, times are UTC with time zone, and words (states, modes) are texts guarded by a CHECK.
//!
//! A released migration is never changed; the next one corrects it. On SQLite that means adding: it has no
//! ALTER COLUMN, and rebuilding a table would empty its children by cascade.

use sea_orm_migration::prelude::*;

pub use sea_orm_migration::{MigrationStatus, MigratorTrait};

mod columns;
mod m20261120_000001_create_key_check;
mod m20261120_000002_create_channel_follows;
mod m20261120_000003_create_channels;
mod m20261120_000004_create_deliveries;
mod m20261120_000005_create_lanes;
mod m20261120_000006_create_untold_breaks;
mod m20261120_000007_create_panels;
mod m20261120_000008_threads_and_tags;
mod m20261120_000009_create_retention;
mod m20261120_000010_count_follows;
mod m20261120_000011_index_waiting;
mod m20261129_000011_add_overtaken;
mod m20261129_000012_remember_sends;
mod m20261129_000014_sweeps_and_circles;
mod m20261129_000015_tell_refusals_apart;
mod m20261129_000016_remember_files;
mod m20261129_000017_create_gateway_sessions;
mod m20261129_000021_look_at_doors;
mod m20261129_000022_remember_quotes;
mod m20261129_000023_followed_side;
mod m20261129_000024_let_authors_opt_out;
mod m20261129_000025_block_servers;
mod m20261129_000026_look_again;
mod m20261129_000027_keep_former_servers;
mod m20261130_000028_actions_and_audit;
mod m20261130_000029_open_web;
mod m20261130_000030_keep_answers;
mod m20261130_000031_mark_stale_mirrors;
mod m20261130_000032_follow_people;
mod m20261130_000033_fill_feeds;
mod m20261130_000034_index_delivered;
mod m20261130_000035_collect_channels;
mod m20261130_000036_check_feeds;
mod m20261130_000037_index_followed_threads;
mod m20261130_000038_ask_to_follow;
mod m20261130_000039_index_private_people;
mod m20261130_000040_follow_collections;
mod m20261130_000042_link_feeds;
mod m20261130_000043_send_digests;
mod m20261130_000044_index_source_servers;

/// All migrations, oldest first.
#[derive(Debug, Clone, Copy)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261120_000001_create_key_check::Migration),
            Box::new(m20261120_000002_create_channel_follows::Migration),
            Box::new(m20261120_000003_create_channels::Migration),
            Box::new(m20261120_000004_create_deliveries::Migration),
            Box::new(m20261120_000005_create_lanes::Migration),
            Box::new(m20261120_000006_create_untold_breaks::Migration),
            Box::new(m20261120_000007_create_panels::Migration),
            Box::new(m20261120_000008_threads_and_tags::Migration),
            Box::new(m20261120_000009_create_retention::Migration),
            Box::new(m20261120_000010_count_follows::Migration),
            Box::new(m20261120_000011_index_waiting::Migration),
            Box::new(m20261129_000011_add_overtaken::Migration),
            Box::new(m20261129_000012_remember_sends::Migration),
            Box::new(m20261129_000014_sweeps_and_circles::Migration),
            Box::new(m20261129_000015_tell_refusals_apart::Migration),
            Box::new(m20261129_000016_remember_files::Migration),
            Box::new(m20261129_000017_create_gateway_sessions::Migration),
            Box::new(m20261129_000021_look_at_doors::Migration),
            Box::new(m20261129_000022_remember_quotes::Migration),
            Box::new(m20261129_000023_followed_side::Migration),
            Box::new(m20261129_000024_let_authors_opt_out::Migration),
            Box::new(m20261129_000025_block_servers::Migration),
            Box::new(m20261129_000026_look_again::Migration),
            Box::new(m20261129_000027_keep_former_servers::Migration),
            Box::new(m20261130_000028_actions_and_audit::Migration),
            Box::new(m20261130_000029_open_web::Migration),
            Box::new(m20261130_000030_keep_answers::Migration),
            Box::new(m20261130_000031_mark_stale_mirrors::Migration),
            // This came first: some databases have it without the two that follow.
            Box::new(m20261130_000034_index_delivered::Migration),
            Box::new(m20261130_000032_follow_people::Migration),
            Box::new(m20261130_000033_fill_feeds::Migration),
            Box::new(m20261130_000035_collect_channels::Migration),
            Box::new(m20261130_000036_check_feeds::Migration),
            Box::new(m20261130_000037_index_followed_threads::Migration),
            Box::new(m20261130_000038_ask_to_follow::Migration),
            Box::new(m20261130_000039_index_private_people::Migration),
            Box::new(m20261130_000040_follow_collections::Migration),
            Box::new(m20261130_000042_link_feeds::Migration),
            Box::new(m20261130_000043_send_digests::Migration),
            Box::new(m20261130_000044_index_source_servers::Migration),
        ]
    }
}
