//! What turns one object into another, as a JSON patch (RFC 6902). Lists are replaced as a whole.

use serde_json::{Value, json};

/// The operations that turn `from` into `to`; none where they are equal.
pub fn between(from: &Value, to: &Value) -> Vec<Value> {
    let mut operations = Vec::new();
    walk(from, to, "", &mut operations);
    operations
}

fn walk(from: &Value, to: &Value, path: &str, operations: &mut Vec<Value>) {
    let (Value::Object(old), Value::Object(new)) = (from, to) else {
        if from != to {
            operations.push(json!({"op": "replace", "path": path, "value": to}));
        }
        return;
    };
    let below = |key: &str| format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"));
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        operations.push(json!({"op": "remove", "path": below(key)}));
    }
    for (key, value) in new {
        match old.get(key) {
            Some(before) => walk(before, value, &below(key), operations),
            None => operations.push(json!({"op": "add", "path": below(key), "value": value})),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_in_the_patch() {
        let from = json!({"a": 1, "b": {"c": [1], "d": 2}, "e": 3});
        let to = json!({"a": 1, "b": {"c": [1, 2]}, "e": 4, "f/g~h": 5});
        let patch = between(&from, &to);
        let expected = [
            json!({"op": "remove", "path": "/b/d"}),
            json!({"op": "replace", "path": "/b/c", "value": [1, 2]}),
            json!({"op": "replace", "path": "/e", "value": 4}),
            json!({"op": "add", "path": "/f~1g~0h", "value": 5}),
        ];
        assert!(patch.len() == 4 && expected.iter().all(|operation| patch.contains(operation)), "{patch:#?}");
        assert!(between(&to, &to).is_empty());
    }
}
