//! Who is signed in at the web pages (`web_sessions`), who is about to be (`sign_ins`), and what programs may
//! do for people (`api_tokens`). Only hashes of their secrets are stored.

use sea_orm_migration::prelude::*;

use crate::columns::{big, big_or_null, drop, index, key, text, text_or_null, time, time_or_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [sign_ins(), sessions(), tokens()] {
            manager.create_table(table).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["api_tokens", "web_sessions", "sign_ins"] {
            manager.drop_table(drop(table)).await?;
        }
        Ok(())
    }
}

fn bytes(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).blob().not_null().take()
}

fn bytes_or_null(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).blob().null().take()
}

fn sign_ins() -> TableCreateStatement {
    Table::create()
        .table("sign_ins")
        // Of a link, or of the state that comes back from Discord.
        .col(bytes("secret_hash").primary_key())
        .col(text("kind"))
        // By a link: who signs in, sealed.
        .col(bytes_or_null("account"))
        // With Discord: the browser in which it was begun, the code verifier, sealed, and where to go then.
        .col(bytes_or_null("browser_hash"))
        .col(bytes_or_null("verifier"))
        .col(text_or_null("next"))
        .col(time("expires_at"))
        .check(("ck_sign_ins_kind", Expr::cust("kind IN ('link', 'oauth')")))
        .take()
}

fn sessions() -> TableCreateStatement {
    Table::create()
        .table("web_sessions")
        .col(key("id"))
        .col(bytes("secret_hash"))
        .col(big("user_id"))
        // Their name and servers, sealed.
        .col(bytes("account"))
        // The kind of browser and its system, as far as it said.
        .col(text("browser"))
        .col(time("created_at"))
        .col(time("seen_at"))
        .col(time("expires_at"))
        .take()
}

fn tokens() -> TableCreateStatement {
    Table::create()
        .table("api_tokens")
        .col(key("id"))
        .col(bytes("secret_hash"))
        .col(big("user_id"))
        .col(text("name"))
        .col(text("scopes"))
        // The only server in which it is good for anything; null for all.
        .col(big_or_null("guild_id"))
        .col(time("created_at"))
        .col(time_or_null("expires_at"))
        // The day of its last use.
        .col(time_or_null("used_on"))
        .take()
}

fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        index("ix_sign_ins_expires_at", "sign_ins", &["expires_at"]),
        index("uq_web_sessions_secret_hash", "web_sessions", &["secret_hash"]).unique().take(),
        index("ix_web_sessions_user_id", "web_sessions", &["user_id", "id"]),
        index("ix_web_sessions_expires_at", "web_sessions", &["expires_at"]),
        index("uq_api_tokens_secret_hash", "api_tokens", &["secret_hash"]).unique().take(),
        index("ix_api_tokens_user_id", "api_tokens", &["user_id", "id"]),
        index("ix_api_tokens_expires_at", "api_tokens", &["expires_at"]),
    ]
}
