//! Recording what a lane's holder has done. Recording the same once more changes nothing (but the count of
//! attempts), so that a holder who doesn't know whether its last record arrived can repeat it.

use chrono::{DateTime, Utc};
use sea_orm::DbErr;

use super::connect::Write;
use super::entity::mirrors;
use super::sql::{Sql, stored};
use crate::domain::activity::{DeliveryId, Ending, InFlight, Mirror, Revision};
use crate::domain::ids::MessageId;

/// What was done since the lane was last asked what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// The create in flight made this message.
    Created {
        /// The create.
        in_flight: InFlight,
        /// What it made.
        mirror: Mirror,
    },
    /// The create in flight surely made nothing.
    NotMade {
        /// The create.
        in_flight: InFlight,
    },
    /// Nobody knows whether the create in flight made its message, and nobody can before that time: until then Discord may still
    /// be at it. The lane keeps still.
    InDoubt {
        /// The create.
        in_flight: InFlight,
        /// When the request is surely over.
        settle_at: DateTime<Utc>,
    },
    /// A mirror shows this revision now.
    Edited {
        /// Whose mirror.
        delivery: DeliveryId,
        /// The mirror.
        message: MessageId,
        /// The revision that it showed before.
        was: Revision,
        /// The revision.
        revision: Revision,
    },
    /// A mirror is gone, whoever removed it.
    Deleted {
        /// Whose mirror.
        delivery: DeliveryId,
        /// The mirror.
        message: MessageId,
    },
    /// A mirror is gone, and another is to take its place.
    Cleared {
        /// Whose mirror.
        delivery: DeliveryId,
        /// The mirror that was.
        message: MessageId,
    },
    /// It failed, and is to be tried again. A create in flight for it surely made nothing.
    Postponed {
        /// What failed.
        delivery: DeliveryId,
        /// Not to be tried before.
        until: DateTime<Utc>,
    },
    /// It failed for good, or there is nothing more to do. A create in flight for it is forgotten.
    Ended {
        /// What ended.
        delivery: DeliveryId,
        /// How.
        ending: Ending,
    },
}

/// Writes it down. `mark` is the lane's create in flight, cleared where this answers it.
pub(super) async fn record(txn: &Write, done: Done, mark: &mut Option<InFlight>) -> Result<(), DbErr> {
    match done {
        Done::Created { in_flight, mirror } => {
            insert_mirror(txn, in_flight.delivery, &mirror).await?;
            succeeded(txn, in_flight.delivery).await?;
            mark.take_if(|mark| *mark == in_flight);
        }
        Done::NotMade { in_flight } => {
            mark.take_if(|mark| *mark == in_flight);
            end_if_stopped(txn, in_flight.delivery).await?;
        }
        // Written down with the lane.
        Done::InDoubt { .. } => {}
        Done::Edited { delivery, message, was, revision } => {
            // Not over what was written meanwhile: that the mirror is to be shown anew.
            let update = "UPDATE mirrors SET revision = $3 WHERE message_id = $1 AND delivery_id = $2 AND revision = $4";
            let values = [message.to_db().into(), delivery.0.into(), revision.0.into(), was.0.into()];
            Sql::new(update, values).execute(&**txn).await?;
            succeeded(txn, delivery).await?;
        }
        Done::Deleted { delivery, message } => {
            delete_mirror(txn, delivery, message).await?;
            // Where somebody asked for it, what was deleted by hand comes back.
            let update =
                "UPDATE deliveries SET shown_revision = NULL, remake = FALSE WHERE id = $1 AND remake";
            Sql::new(update, [delivery.0.into()]).execute(&**txn).await?;
        }
        Done::Cleared { delivery, message } => {
            delete_mirror(txn, delivery, message).await?;
            let update = "UPDATE deliveries SET shown_revision = NULL WHERE id = $1";
            Sql::new(update, [delivery.0.into()]).execute(&**txn).await?;
        }
        Done::Postponed { delivery, until } => {
            let update = "UPDATE deliveries SET attempts = attempts + 1, wait_until = $2 \
                WHERE id = $1 AND state = 'due'";
            Sql::new(update, [delivery.0.into(), stored(until).into()]).execute(&**txn).await?;
            mark.take_if(|mark| mark.delivery == delivery);
            end_if_stopped(txn, delivery).await?;
        }
        Done::Ended { delivery, ending } => {
            end(txn, delivery, ending).await?;
            mark.take_if(|mark| mark.delivery == delivery);
        }
    }
    Ok(())
}

/// Ends a delivery for good.
pub(super) async fn end(txn: &Write, delivery: DeliveryId, ending: Ending) -> Result<(), DbErr> {
    let update = "UPDATE deliveries SET state = 'ended', outcome = $2, wait_until = NULL WHERE id = $1";
    Sql::new(update, [delivery.0.into(), ending.as_str().into()]).execute(&**txn).await?;
    Ok(())
}

async fn delete_mirror(txn: &Write, delivery: DeliveryId, message: MessageId) -> Result<(), DbErr> {
    let delete = "DELETE FROM mirrors WHERE message_id = $1 AND delivery_id = $2";
    Sql::new(delete, [message.to_db().into(), delivery.0.into()]).execute(&**txn).await?;
    succeeded(txn, delivery).await
}

async fn insert_mirror(txn: &Write, delivery: DeliveryId, mirror: &Mirror) -> Result<(), DbErr> {
    let row = mirrors::Model {
        message_id: mirror.message.to_db(),
        channel_id: mirror.channel.to_db(),
        webhook_id: mirror.webhook.to_db(),
        delivery_id: delivery.0,
        part: mirror.part.0,
        revision: mirror.revision.0,
        files: i32::from(mirror.files),
    };
    let values = [
        row.message_id.into(),
        row.channel_id.into(),
        row.webhook_id.into(),
        row.delivery_id.into(),
        row.part.into(),
        row.revision.into(),
        row.files.into(),
    ];
    // Only the same message again is passed over; a second message for one part is an error.
    let insert = "INSERT INTO mirrors (message_id, channel_id, webhook_id, delivery_id, part, revision, files) \
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (message_id) DO NOTHING";
    Sql::new(insert, values).execute(&**txn).await?;
    Ok(())
}

async fn succeeded(txn: &Write, delivery: DeliveryId) -> Result<(), DbErr> {
    let update = "UPDATE deliveries SET attempts = 0, wait_until = NULL \
        WHERE id = $1 AND (attempts > 0 OR wait_until IS NOT NULL)";
    Sql::new(update, [delivery.0.into()]).execute(&**txn).await?;
    Ok(())
}

/// Pausing spares the delivery whose create is in flight. If that then turns out to have made nothing, it ends
/// like the others.
async fn end_if_stopped(txn: &Write, delivery: DeliveryId) -> Result<(), DbErr> {
    let update = "UPDATE deliveries SET state = 'ended', outcome = 'follow_ended', wait_until = NULL \
        WHERE id = $1 AND state = 'due' AND shown_revision IS NULL \
        AND NOT EXISTS (SELECT 1 FROM mirrors m WHERE m.delivery_id = deliveries.id) \
        AND NOT EXISTS (SELECT 1 FROM channel_follows f WHERE f.id = deliveries.follow_id AND f.is_active)";
    Sql::new(update, [delivery.0.into()]).execute(&**txn).await?;
    Ok(())
}
