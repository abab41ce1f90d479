//! What can go wrong with the database. Nothing here carries a secret: neither the address with its password, nor
//! a token, nor a text.

use sea_orm::DbErr;

use crate::domain::ids::InvalidId;

/// A failure of the store. None of them says anything to a person in Discord; the boundary logs it once.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address is of neither database, or has a mistake in it. It isn't repeated, as it may hold a password.
    #[error(
        "the database's address can't be read: it must look like sqlite://FILE or postgres://USER:PASSWORD@HOST/NAME"
    )]
    Address,
    /// The database can't be reached or opened.
    #[error("the database can't be opened: {0}")]
    Connect(#[source] DbErr),
    /// A query failed.
    #[error(transparent)]
    Database(#[from] DbErr),
    /// Something stored can't be read with the key at hand.
    #[error("{0} can't be decrypted: ENCRYPTION_KEY isn't the key that this database was written with")]
    Decrypt(&'static str),
    /// The database holds something that the program never writes.
    #[error("the database holds something unreadable in {0}")]
    Unreadable(&'static str),
    /// A follow's options ask for one kind of delivery and the webhook given with them is of the other.
    #[error("the webhook doesn't fit the follow's kind of delivery")]
    WrongHook,
}

impl From<InvalidId> for StoreError {
    fn from(_: InvalidId) -> Self {
        Self::Unreadable("an id")
    }
}
