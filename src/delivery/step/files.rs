//! The files of a message. They are fetched from where the source has them while they are sent on, and never
//! held in memory whole.

use std::time::Duration;

use crate::domain::message::File;
use crate::domain::rendering::Payload;
use crate::rest::{FetchError, FetchedFile, RestError, Upload};
use crate::store::Work;

use crate::delivery::LaneTools;

/// After so many failed attempts, a file that still can't be fetched is linked instead.
const ATTEMPTS: u32 = 3;

/// How long it may take until all files of a message are open. Their contents are sent as they come.
const OPENING: Duration = Duration::from_secs(20);

/// A file can't be fetched now, but maybe later.
pub(super) struct FilesUnavailable;

/// Opens the files of a message, in bounded time. Files that can't be had are taken off it, and linked to
/// where they are.
pub(super) async fn open(
    tools: &LaneTools,
    work: &Work,
    payload: &mut Payload,
) -> Result<Vec<Upload>, FilesUnavailable> {
    match tokio::time::timeout(OPENING, open_each(tools, work, payload)).await {
        Ok(opened) => opened,
        Err(_) if work.delivery.attempts < ATTEMPTS => Err(FilesUnavailable),
        Err(_) => {
            tracing::warn!(channel = %work.target, "the files of a message can't be fetched in time, and are linked instead");
            payload.files.clone().iter().for_each(|file| payload.link_instead(file, work.link()));
            Ok(Vec::new())
        }
    }
}

async fn open_each(
    tools: &LaneTools,
    work: &Work,
    payload: &mut Payload,
) -> Result<Vec<Upload>, FilesUnavailable> {
    let mut uploads = Vec::from_iter(payload.picture.as_ref().map(Upload::chart));
    for file in payload.files.clone() {
        match fetch(tools, work, &file).await {
            Ok(fetched) => {
                uploads.push(Upload { name: file.name, media_type: fetched.media_type, body: fetched.body });
            }
            Err(FetchError::Again) if work.delivery.attempts < ATTEMPTS => return Err(FilesUnavailable),
            Err(error) => {
                tracing::warn!(channel = %work.target, %error, "a file can't be fetched, and is linked instead");
                payload.link_instead(&file, work.link());
            }
        }
    }
    Ok(uploads)
}

/// Fetches a file; where its address has expired while it waited, under the one that its message has now.
async fn fetch(tools: &LaneTools, work: &Work, file: &File) -> Result<FetchedFile, FetchError> {
    let limit = tools.file_limits.limit(work);
    match tools.rest.fetch_file(&file.url, file.size, limit).await {
        Err(FetchError::Expired) => {
            let fresh = fresh_address(tools, work, file.id).await?;
            tools.rest.fetch_file(&fresh, file.size, limit).await
        }
        fetched => fetched,
    }
}

async fn fresh_address(tools: &LaneTools, work: &Work, file: u64) -> Result<String, FetchError> {
    let message = match tools.rest.message(work.source, work.activity.origin.message()).await {
        Ok(message) => message,
        Err(RestError::NotFound(_) | RestError::Forbidden(_)) => return Err(FetchError::Expired),
        Err(_) => return Err(FetchError::Again),
    };
    let wanted = file.to_string();
    let found = message.all_attachments().into_iter().find(|attachment| attachment.id == wanted);
    found.map(|attachment| attachment.url).ok_or(FetchError::Expired)
}
