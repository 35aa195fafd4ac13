//! Makes a sentence of an executor's error. It arrives as text: the scheduler's words around what Rust prints of an error
//! for its own programmers. What the author of a query needs is inside.

/// The innermost message of `text`; text of another shape stays as it is.
pub(crate) fn readable(text: &str) -> String {
    let Some((_, inner)) = text.split_once(" failed: ").filter(|_| text.starts_with("Job ")) else {
        return text.to_string();
    };
    let marker = "Task failed due to runtime execution error: ";
    let mut inner = inner.split_once(marker).map_or(inner, |(_, rest)| rest).trim();
    loop {
        let before = inner;
        for prefix in ["DataFusion error: ", "Execution error: ", "External error: ", "Arrow error: "] {
            inner = inner.strip_prefix(prefix).unwrap_or(inner);
        }
        if inner == before {
            break;
        }
    }
    innermost(inner).unwrap_or_else(|| inner.to_string())
}

/// What `Outer(Inner("message"), None)` or `Outer(Inner(SomeReason))` holds.
fn innermost(debug: &str) -> Option<String> {
    let mut rest = debug;
    let mut depth = 0;
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            return Some(unquote(quoted)).filter(|_| depth > 0);
        }
        let name = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_').len();
        match rest[name..].chars().next() {
            Some('(') if name > 0 => rest = &rest[name + 1..],
            Some(')' | ',') if name > 0 && depth > 0 => return Some(spaced(&rest[..name])),
            _ => return None,
        }
        depth += 1;
    }
}

/// The text up to its closing quote, without escapes.
fn unquote(quoted: &str) -> String {
    let mut text = String::new();
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => match chars.next() {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some(other) => text.push(other),
                None => break,
            },
            c => text.push(c),
        }
    }
    text
}

/// `DivideByZero` as `Divide by zero`.
fn spaced(name: &str) -> String {
    let mut text = String::new();
    for (index, c) in name.char_indices() {
        if c.is_ascii_uppercase() && index > 0 {
            text.push(' ');
            text.push(c.to_ascii_lowercase());
        } else {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::readable;

    fn of(error: &str) -> String {
        readable(&format!(
            "Job 01A failed: Job failed due to stage 1 failed: Task failed due to runtime execution error: {error}"
        ))
    }

    #[test]
    fn a_name_alone_becomes_words() {
        assert_eq!(of("DataFusionError(Shared(External(ArrowError(DivideByZero))))"), "Divide by zero");
        assert_eq!(of("DataFusionError(ArrowError(DivideByZero, None))\n"), "Divide by zero");
    }

    #[test]
    fn a_quoted_message_is_taken_out() {
        let error = r#"DataFusionError(ArrowError(CastError("Cannot cast string 'a\"b' to Int64"), None))"#;
        assert_eq!(of(error), "Cannot cast string 'a\"b' to Int64");
        assert_eq!(of(r#"DataFusionError(Execution("no \n such"))"#), "no \n such");
    }

    #[test]
    fn displayed_prefixes_are_taken_off() {
        assert_eq!(of("DataFusion error: Arrow error: Divide by zero error"), "Divide by zero error");
    }

    #[test]
    fn other_text_stays() {
        assert_eq!(readable("Divide by zero (really)"), "Divide by zero (really)");
        assert_eq!(of("ObjectStore(Generic { store: \"S3\" })"), "ObjectStore(Generic { store: \"S3\" })");
        assert_eq!(of("something else"), "something else");
    }
}
