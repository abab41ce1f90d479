//! The followed side: who may follow a channel from other servers, who does, and what its moderators do about
//! that.

pub(super) mod decide;
pub(super) mod followers;
pub(super) mod publications;
pub(super) mod publish;
