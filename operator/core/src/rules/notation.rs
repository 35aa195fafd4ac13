//! Names, labels and paths as Kubernetes writes them. Each function says what would be right, or nothing.

/// What is wrong with the name of an object: a DNS subdomain (RFC 1123), at most 253 characters.
pub fn subdomain(name: &str) -> Option<&'static str> {
    let right = !name.is_empty() && name.len() <= 253 && name.split('.').all(is_label_1123);
    (!right).then_some("must be a name of a-z, 0-9, '-' and '.', at most 253 characters")
}

/// What is wrong with a DNS label (RFC 1123), at most 63 characters: names of containers and volumes.
pub fn label(name: &str) -> Option<&'static str> {
    (name.len() > 63 || !is_label_1123(name)).then_some("must be a name of a-z, 0-9 and '-', at most 63 characters")
}

/// What is wrong with what names a Queue: `name`, or `namespace/name`.
pub fn queue(text: &str) -> Option<&'static str> {
    let (namespace, name) = text.split_once('/').map_or((None, text), |(namespace, name)| (Some(namespace), name));
    let right = namespace.is_none_or(|namespace| label(namespace).is_none()) && subdomain(name).is_none();
    (!right).then_some("must be the name of a Queue, or its namespace and name, such as platform/teams")
}

/// What is wrong with the key of a label or annotation.
pub fn key(key: &str) -> Option<&'static str> {
    let (prefix, name) = key.rsplit_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let right = prefix.is_none_or(|prefix| subdomain(prefix).is_none()) && name.len() <= 63 && is_word(name);
    (!right).then_some("must be a key such as team or example.org/team, its name at most 63 characters")
}

/// What is wrong with the value of a label.
pub fn value(value: &str) -> Option<&'static str> {
    let right = value.is_empty() || (value.len() <= 63 && is_word(value));
    (!right)
        .then_some("must be at most 63 characters of letters, digits, '-', '_' and '.', letters or digits at its ends")
}

/// What is wrong with the name of an environment variable.
pub fn variable(name: &str) -> Option<&'static str> {
    let right = !name.is_empty() && name.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'=');
    (!right).then_some("must be the name of an environment variable: printable ASCII without '='")
}

/// What is wrong with a path in a container.
pub fn path(path: &str) -> Option<&'static str> {
    if !path.starts_with('/') {
        return Some("must be an absolute path, such as /data");
    }
    if path.contains(':') || path.split('/').any(|part| part == "..") {
        return Some("must be a path without ':' and without '..'");
    }
    None
}

fn is_label_1123(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    let ends = bytes.first().is_some_and(|byte| plain(*byte)) && bytes.last().is_some_and(|byte| plain(*byte));
    ends && bytes.iter().all(|byte| plain(*byte) || *byte == b'-')
}

fn is_word(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends = [bytes.first(), bytes.last()].into_iter().all(|byte| byte.is_some_and(u8::is_ascii_alphanumeric));
    ends && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_kubernetes_takes() {
        for right in ["a", "team-1", "my.secret-2"] {
            assert_eq!(subdomain(right), None, "{right}");
        }
        for wrong in ["", "-a", "a-", "A", "a_b", "other/secret", "a..b", &"a".repeat(254)] {
            assert!(subdomain(wrong).is_some(), "{wrong}");
        }
        assert!(label("a.b").is_some() && label(&"a".repeat(64)).is_some() && label("a-b").is_none());
        assert!(
            key("example.org/team").is_none() && key("a/b/c").is_some() && key("").is_some() && key("Team_1").is_none()
        );
        assert!(value("").is_none() && value("v1.2_3").is_none() && value("a b").is_some() && value("-a").is_some());
        assert!(path("/a/b").is_none() && path("a").is_some() && path("/a/../b").is_some());
    }
}
