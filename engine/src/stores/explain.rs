//! Says in words what a store's error means for whoever wrote the application. It knows errors by their kind and, for
//! those that come from an executor, by the words S3 uses; it never shows a secret, because stores do not return one.

use object_store::Error as StoreError;
use onager_contract::ErrorClass;
use url::Url;

use crate::Error;

const MISSING: [&str; 4] = ["NoSuchBucket", "NoSuchKey", "404 Not Found", "not found: "];
const REFUSED: [&str; 6] = [
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "AccessDenied",
    "403 Forbidden",
    "lacked the necessary privileges",
    "lacked valid authentication",
];
const SILENT: [&str; 5] =
    ["error sending request", "HTTP error", "connection closed", "Error after", "operation timed out"];

/// Where an error happened and with which key.
pub(crate) struct Place<'a> {
    pub url: &'a Url,
    pub key_id: Option<String>,
}

/// The error in words, with the place where it is known.
pub(crate) fn explain(error: &StoreError, place: Option<Place<'_>>) -> Error {
    let text = error.to_string();
    let Some(Place { url, key_id }) = place else {
        return of_class(class(error, &text), text);
    };
    let bucket = url.host_str().unwrap_or_default();
    match class(error, &text) {
        ErrorClass::BadInput if text.contains("NoSuchBucket") => {
            Error::bad_input(format!("bucket \"{bucket}\" does not exist ({url})"))
        }
        ErrorClass::BadInput if REFUSED.iter().any(|word| text.contains(word)) => {
            let key = key_id.map_or_else(|| "without an access key".into(), |id| format!("with access key \"{id}\""));
            Error::bad_input(format!("bucket \"{bucket}\" refuses access {key}: {}", reason(&text)))
        }
        ErrorClass::BadInput if is_missing(error, &text) => Error::bad_input(format!("{url} does not exist")),
        ErrorClass::Platform => Error::platform(format!("the store of {url} does not answer: {}", shorten(&text))),
        class => of_class(class, format!("{url}: {}", shorten(&text))),
    }
}

/// The class of an error that arrived as text; `None` where no store is to blame.
pub(crate) fn class_of_text(text: &str) -> Option<ErrorClass> {
    let of_store = ["S3 error", "Object Store error", "ObjectStore(", "Object at location", "for path"];
    if !of_store.iter().any(|word| text.contains(word)) {
        return None;
    }
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if has(&MISSING) || has(&REFUSED) {
        Some(ErrorClass::BadInput)
    } else {
        has(&SILENT).then_some(ErrorClass::Platform)
    }
}

fn class(error: &StoreError, text: &str) -> ErrorClass {
    match error {
        StoreError::NotFound { .. }
        | StoreError::InvalidPath { .. }
        | StoreError::NotSupported { .. }
        | StoreError::PermissionDenied { .. }
        | StoreError::Unauthenticated { .. }
        | StoreError::UnknownConfigurationKey { .. } => ErrorClass::BadInput,
        _ if MISSING.iter().chain(&REFUSED).any(|word| text.contains(word)) => ErrorClass::BadInput,
        _ => ErrorClass::Platform,
    }
}

fn is_missing(error: &StoreError, text: &str) -> bool {
    matches!(error, StoreError::NotFound { .. }) || text.contains("NoSuchKey")
}

fn of_class(class: ErrorClass, message: String) -> Error {
    match class {
        ErrorClass::BadInput => Error::bad_input(message),
        ErrorClass::Application => Error::application(message),
        ErrorClass::Platform => Error::platform(message),
    }
}

/// S3 answers with XML; its message says enough.
fn reason(text: &str) -> String {
    let between = |open: &str, close: &str| {
        let rest = text.split_once(open)?.1;
        Some(rest.split_once(close)?.0.trim().to_string())
    };
    between("<Message>", "</Message>")
        .or_else(|| between("<Code>", "</Code>"))
        .unwrap_or_else(|| "access denied".into())
}

/// Error chains repeat themselves; the first sentences carry the news.
fn shorten(text: &str) -> String {
    const LIMIT: usize = 400;
    match text.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(text: &str) -> StoreError {
        StoreError::Generic { store: "S3", source: text.into() }
    }

    fn at<'a>(url: &'a Url) -> Option<Place<'a>> {
        Some(Place { url, key_id: Some("AKIA1".into()) })
    }

    #[test]
    fn a_missing_bucket_is_named() {
        let url = Url::parse("s3a://nowhere/a").expect("URL");
        let error = explain(&generic("404 <Code>NoSuchBucket</Code>"), at(&url));
        assert_eq!(error.class(), ErrorClass::BadInput);
        assert!(error.to_string().contains("bucket \"nowhere\" does not exist"), "{error}");
    }

    #[test]
    fn a_wrong_key_is_named_by_its_id() {
        let url = Url::parse("s3a://lake/a").expect("URL");
        let text = "403 <Code>InvalidAccessKeyId</Code><Message>The key id is not known.</Message>";
        let error = explain(&StoreError::PermissionDenied { path: "a".into(), source: text.into() }, at(&url));
        assert_eq!(error.class(), ErrorClass::BadInput);
        assert_eq!(
            error.to_string(),
            "bucket \"lake\" refuses access with access key \"AKIA1\": The key id is not known."
        );
    }

    #[test]
    fn a_silent_store_is_the_platforms() {
        let url = Url::parse("s3a://lake/a").expect("URL");
        assert_eq!(explain(&generic("error sending request"), at(&url)).class(), ErrorClass::Platform);
        assert_eq!(class_of_text("Generic S3 error: error sending request"), Some(ErrorClass::Platform));
    }

    #[test]
    fn text_without_a_store_has_no_class() {
        assert_eq!(class_of_text("Divide by zero"), None);
    }
}
