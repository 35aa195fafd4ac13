//! The URL of a UI, by a form with placeholders, taken apart into what an Ingress has.

use kube::ResourceExt;
use onager_crds::SparkApplication;

use crate::build::names;

/// What may stand in a form of URL.
const PLACEHOLDERS: [&str; 3] = ["$appName", "$appNamespace", "$appId"];

/// Checks the form of a UI's URL.
///
/// # Errors
/// With what is wrong, when it has a placeholder that nobody fills in, or would be the same for all applications.
pub fn check_url_format(format: &str) -> Result<String, String> {
    let names: Vec<&str> =
        format.split("{{").skip(1).map(|rest| rest.split("}}").next().unwrap_or(rest).trim()).collect();
    if let Some(unknown) = names.iter().find(|name| !PLACEHOLDERS.contains(name)) {
        return Err(format!(
            "{{{{{unknown}}}}} is not known; there are {{{{$appName}}}}, {{{{$appNamespace}}}} and {{{{$appId}}}}"
        ));
    }
    if !names.iter().any(|name| matches!(*name, "$appName" | "$appId")) {
        return Err("it must have {{$appName}} or {{$appId}} in it, or all applications would have the same URL".into());
    }
    Ok(format.to_string())
}

/// A URL, in the parts that an Ingress has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// As it is shown.
    pub url: String,
    /// Without a port; empty for any.
    pub host: String,
    /// Without the slash at its end; empty for the root.
    pub path: String,
}

impl Address {
    /// From a form with `{{$appName}}`, `{{$appNamespace}}` and `{{$appId}}`.
    pub fn of(format: &str, app: &SparkApplication) -> Self {
        let id = names::spark_id(app);
        let namespace = app.namespace().unwrap_or_default();
        let values = [app.name_any(), namespace, id];
        let filled = fill(format, &PLACEHOLDERS.into_iter().zip(values).collect::<Vec<_>>());
        let url = if filled.contains("://") { filled } else { format!("http://{filled}") };
        let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = authority.split(':').next().unwrap_or_default().to_string();
        let path = path.trim_matches('/');
        let path = if path.is_empty() { String::new() } else { format!("/{path}") };
        Self { host, path, url: url.trim_end_matches('/').to_string() }
    }
}

/// Puts values in the place of `{{ $name }}`; what is not known stays.
fn fill(format: &str, values: &[(&str, String)]) -> String {
    let mut filled = String::new();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once("{{") {
        filled.push_str(before);
        let Some((name, behind)) = after.split_once("}}") else { return filled + "{{" + after };
        match values.iter().find(|(known, _)| *known == name.trim()) {
            Some((_, value)) => filled.push_str(value),
            None => filled.push_str(&format!("{{{{{name}}}}}")),
        }
        rest = behind;
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::golden::application;

    #[test]
    fn an_address_is_filled_in_and_taken_apart() {
        let app = application("etl", serde_json::json!({"type": "SQL"}));
        let of = |format: &str| Address::of(format, &app);
        let plain = of("{{$appName}}.{{ $appNamespace }}.example.org");
        assert_eq!((plain.host.as_str(), plain.path.as_str()), ("etl.team-alpha.example.org", ""));
        assert_eq!(plain.url, "http://etl.team-alpha.example.org");
        let path = of("https://ui.example.org:8443/{{$appNamespace}}/{{$appName}}/");
        assert_eq!((path.host.as_str(), path.path.as_str()), ("ui.example.org", "/team-alpha/etl"));
        assert_eq!(of("{{$nobody}}.org").host, "{{$nobody}}.org");
    }

    #[test]
    fn a_form_of_url_that_cannot_work_is_refused() {
        for good in ["{{$appName}}.example.org", "https://ui.example.org/{{ $appNamespace }}/{{$appId}}"] {
            assert_eq!(check_url_format(good).as_deref(), Ok(good));
        }
        let unknown = check_url_format("{{$appname}}.example.org").expect_err("unknown");
        assert!(unknown.starts_with("{{$appname}} is not known; there are {{$appName}}"), "{unknown}");
        let same = check_url_format("ui.example.org/{{$appNamespace}}").expect_err("same");
        assert!(same.contains("must have {{$appName}} or {{$appId}}"), "{same}");
    }
}
