//! Errors, split by what follows from them: undo and wait, give up with a reason, or try again.

use thiserror::Error;

/// Why an action failed.
#[derive(Debug, Error)]
pub enum ActError {
    /// A quota was used up between admission and create: the gang is undone and waits.
    #[error("{0}")]
    QuotaExceeded(String),
    /// Refused for now: a right, a service account or a quota's figures may be there in a moment.
    #[error("{0}")]
    Forbidden(String),
    /// The API server will never take what the spec asks for.
    #[error("{0}")]
    Rejected(String),
    /// The namespace is on its way out: nothing can be made in it any more.
    #[error("{0}")]
    NamespaceTerminating(String),
    /// An object of somebody else has the name.
    #[error("{0} belongs to somebody else")]
    NameInUse(String),
    /// Nothing was answered in time; what was asked may have happened.
    #[error("the API server did not answer in time")]
    TooSlow,
    /// Try again.
    #[error(transparent)]
    Kube(#[from] kube::Error),
}

impl ActError {
    /// Sorts the refusal of a create.
    pub fn of_create(error: kube::Error) -> Self {
        match &error {
            kube::Error::Api(status) if status.reason == "Forbidden" && status.message.contains("exceeded quota") => {
                Self::QuotaExceeded(status.message.clone())
            }
            kube::Error::Api(status) if status.message.contains("being terminated") => {
                Self::NamespaceTerminating(status.message.clone())
            }
            kube::Error::Api(status) if status.reason == "Forbidden" && !is_final(&status.message) => {
                Self::Forbidden(status.message.clone())
            }
            kube::Error::Api(status) if matches!(status.reason.as_str(), "Invalid" | "Forbidden" | "BadRequest") => {
                Self::Rejected(status.message.clone())
            }
            _ => Self::Kube(error),
        }
    }
}

/// Refusals of PodSecurity, ResourceQuota and LimitRanger that only another spec, or another policy, would change.
fn is_final(message: &str) -> bool {
    let words = ["violates PodSecurity", "must specify", "usage per Container", "usage per Pod"];
    words.iter().any(|word| message.contains(word))
}

/// Why a reconciliation is tried again.
#[derive(Debug, Error)]
pub enum ReconcileError {
    /// Somebody else wrote the object in between; the watch will bring the news.
    #[error("the application changed in between")]
    Conflict,
    /// The API server did not answer in time; what was asked of it may have happened.
    #[error("the API server did not answer in time")]
    TooSlow,
    /// An action failed.
    #[error(transparent)]
    Act(#[from] ActError),
    /// A status could not be written.
    #[error("cannot write the status: {0}")]
    Status(#[source] kube::Error),
}
