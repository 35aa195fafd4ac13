//! Says who must act on an error. The rule: what the application was given and cannot be used (a script, its syntax, a
//! table, column or type it names, a bucket, a key, credentials) is bad input; what fails while rows are computed is the
//! application's; executors that never came or all left, and a store that does not answer, are the platform's. It looks
//! at errors alone and never retries.

use datafusion::common::DataFusionError;
use onager_contract::{ErrorClass, Failure};

use crate::{remote_error, stores};

/// What a job returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error with the class that tells who must act.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    class: ErrorClass,
    message: String,
}

impl Error {
    /// The application failed while it ran.
    pub fn application(message: impl Into<String>) -> Self {
        Self { class: ErrorClass::Application, message: message.into() }
    }

    /// What the application was given cannot be used.
    pub fn bad_input(message: impl Into<String>) -> Self {
        Self { class: ErrorClass::BadInput, message: message.into() }
    }

    /// The ground gave way.
    pub fn platform(message: impl Into<String>) -> Self {
        Self { class: ErrorClass::Platform, message: message.into() }
    }

    /// Who must act.
    pub fn class(&self) -> ErrorClass {
        self.class
    }

    /// The same error, told to be at this line of a script.
    pub(crate) fn at_line(mut self, line: u64) -> Self {
        if line > 0 && !self.message.starts_with("line ") {
            self.message = format!("line {line}: {}", self.message);
        }
        self
    }

    pub(crate) fn failure(&self) -> Failure {
        Failure { class: self.class, message: self.message.clone() }
    }

    /// An error from before any row was computed.
    pub(crate) fn planning(error: &DataFusionError) -> Self {
        match error.find_root() {
            DataFusionError::ObjectStore(error) => stores::explain(error, None),
            DataFusionError::External(source) => match source.downcast_ref::<object_store::Error>() {
                Some(error) => stores::explain(error, None),
                None => Self::bad_input(source.to_string()),
            },
            DataFusionError::ArrowError(..) | DataFusionError::Execution(_) => Self::running(error),
            root => Self::bad_input(plain(root)),
        }
    }

    /// An error from while rows were computed; one from an executor arrives as text alone.
    pub(crate) fn running(error: &DataFusionError) -> Self {
        let root = error.find_root();
        if let DataFusionError::ObjectStore(error) = root {
            return stores::explain(error, None);
        }
        let whole = plain(root);
        let text = remote_error::readable(&whole);
        if text.contains("all executors were lost") {
            return Self::platform(text);
        }
        match stores::class_of_text(&whole) {
            Some(class) => Self { class, message: text },
            None => Self::application(text),
        }
    }
}

impl From<DataFusionError> for Error {
    fn from(error: DataFusionError) -> Self {
        match error.find_root() {
            DataFusionError::Plan(_)
            | DataFusionError::SQL(..)
            | DataFusionError::SchemaError(..)
            | DataFusionError::NotImplemented(_)
            | DataFusionError::Configuration(_) => Self::planning(&error),
            _ => Self::running(&error),
        }
    }
}

/// The message without DataFusion's own prefix and without a stack trace.
fn plain(error: &DataFusionError) -> String {
    let message = match error {
        DataFusionError::SQL(error, _) => error.to_string(),
        other => other.message().into_owned(),
    };
    let message = message.split(DataFusionError::BACK_TRACE_SEP).next().unwrap_or_default();
    message.trim_start_matches("sql parser error: ").trim().to_string()
}

/// Wraps what a job returned.
pub(crate) fn of_job(error: Box<dyn std::error::Error + Send + Sync>) -> Error {
    let error = match error.downcast::<Error>() {
        Ok(error) => return *error,
        Err(error) => error,
    };
    match error.downcast::<DataFusionError>() {
        Ok(error) => Error::from(*error),
        Err(error) => Error::application(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_error_is_bad_input_and_keeps_its_words() {
        let error = Error::from(DataFusionError::Plan("table 'x' not found".into()));
        assert_eq!(error.class(), ErrorClass::BadInput);
        assert_eq!(error.to_string(), "table 'x' not found");
    }

    #[test]
    fn an_execution_error_is_the_applications() {
        let error = Error::from(DataFusionError::Execution("Divide by zero".into()));
        assert_eq!(error.class(), ErrorClass::Application);
    }

    #[test]
    fn lost_executors_are_the_platforms() {
        let text = "Job 01A failed: all executors were lost and no executor re-registered within 30s";
        assert_eq!(Error::from(DataFusionError::Execution(text.into())).class(), ErrorClass::Platform);
    }

    #[test]
    fn a_line_is_told_once() {
        assert_eq!(Error::bad_input("no").at_line(3).at_line(9).to_string(), "line 3: no");
    }

    #[test]
    fn a_boxed_error_keeps_its_class() {
        assert_eq!(of_job(Box::new(Error::platform("gone"))).class(), ErrorClass::Platform);
        assert_eq!(of_job("what".into()).class(), ErrorClass::Application);
    }
}
