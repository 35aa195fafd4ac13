//! The table of fields and the CRD's schema name the same fields, and docs/fields.md says what both say. With
//! ONAGER_GOLDEN=write the page is written anew.

use std::{collections::BTreeMap, env, fs};

use onager_core::fields::{self, Fate, Field};
use onager_crds::crd::{self, KUBERNETES_FIELDS};
use serde_json::Value;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/fields.md");

fn spec() -> Value {
    let all = crd::all().expect("CRDs");
    let crd =
        all.into_iter().find(|generated| generated.file == "sparkapplications.yaml").expect("SparkApplication").crd;
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"].clone()
}

/// A field of the CRD.
struct Node {
    description: String,
    /// Whether there are fields of ours in it.
    group: bool,
}

/// Every field in our own types; what is inside of Kubernetes' types is not ours to judge.
fn nodes(schema: &Value, path: &str, found: &mut BTreeMap<String, Node>) {
    for (name, property) in schema["properties"].as_object().expect("properties") {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let ours = !KUBERNETES_FIELDS.contains(&name.as_str());
        let (one, many) =
            (ours && property["properties"].is_object(), ours && property["items"]["properties"].is_object());
        if one {
            nodes(property, &path, found);
        } else if many {
            nodes(&property["items"], &format!("{path}[]"), found);
        }
        let description = property["description"].as_str().unwrap_or_default().to_string();
        found.insert(path, Node { description, group: one || many });
    }
}

fn fields_of_the_crd() -> BTreeMap<String, Node> {
    let mut found = BTreeMap::new();
    nodes(&spec(), "", &mut found);
    found
}

/// Whether a path of the table covers a field: it is the field, or what holds it.
fn covers(entry: &str, field: &str) -> bool {
    field.strip_prefix(entry).is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || rest.starts_with("[]."))
}

#[test]
fn each_field_of_the_crd_has_one_verdict() {
    let found = fields_of_the_crd();
    let entries: Vec<String> = fields::all().map(|(path, _)| path).collect();
    for (field, _) in found.iter().filter(|(_, node)| !node.group) {
        let covering: Vec<&String> = entries.iter().filter(|entry| covers(entry, field)).collect();
        assert_eq!(covering.len(), 1, "spec.{field} needs one entry in operator/core/src/fields, has {covering:?}");
    }
    for entry in &entries {
        assert!(found.contains_key(entry), "the table has {entry}, which the CRD has not");
    }
    let exceptions = fields::EXCEPTIONS.iter().map(|exception| exception.path);
    for path in exceptions.chain(fields::DIFFERENCES.iter().map(|difference| difference.path)) {
        assert!(found.contains_key(path), "something is said about {path}, which the CRD has not");
    }
}

#[test]
fn a_reason_reads_well_after_a_path_and_fits_into_a_warning() {
    let exceptions = fields::EXCEPTIONS.iter().map(|exception| (exception.path.to_string(), exception.fate));
    for (path, fate) in fields::all().chain(exceptions) {
        if let Fate::Warned(why) | Fate::Refused(why) = fate {
            let warning = format!("spec.{path}: {why}");
            assert!(warning.len() <= 250 && !why.ends_with('.') && !why.contains("  "), "{warning}");
        }
    }
}

#[test]
fn the_page_says_what_the_table_says() {
    let page = page();
    if env::var("ONAGER_GOLDEN").is_ok_and(|mode| mode == "write") {
        fs::write(PAGE, &page).expect("written");
    }
    let found = fs::read_to_string(PAGE).unwrap_or_default();
    assert!(found == page, "docs/fields.md is out of date: ONAGER_GOLDEN=write cargo test --workspace --test fields");
}

fn page() -> String {
    let found = fields_of_the_crd();
    let mut page = String::from(HEAD);
    let mut section = |title: &str, root: &str, fields: &[Field]| {
        page += &format!("\n## {title}\n| field | | what it does, or why it does not |\n| --- | --- | --- |\n");
        for field in fields {
            let node = found.get(&format!("{root}{}", field.path)).expect("a field of the CRD");
            page += &row(field.path, field.fate, &node.description);
        }
    };
    section("Of the application: `spec`", "", fields::SPEC);
    section("Of both pods: `spec.driver` and `spec.executor`", "driver.", fields::POD);
    section("Of the driver alone: `spec.driver`", "driver.", fields::DRIVER);
    section("Of the executors alone: `spec.executor`", "executor.", fields::EXECUTOR);
    page += "\n## Values that fare otherwise than their field\n| value | | why |\n| --- | --- | --- |\n";
    for exception in fields::EXCEPTIONS {
        page += &row(&format!("{}: {}", exception.path, exception.value), exception.fate, "");
    }
    page +=
        "\n## What the Kubeflow operator does otherwise\nWhere a manifest uses these, `onager convert` says so.\n\n";
    page += "| field | of which applications | the difference |\n| --- | --- | --- |\n";
    for difference in fields::DIFFERENCES {
        page += &format!("| `{}` | {} | {} |\n", difference.path, difference.applies, difference.why);
    }
    page
}

fn row(path: &str, fate: Fate, description: &str) -> String {
    let (word, text) = match fate {
        Fate::Honoured => ("honoured", description),
        Fate::Warned(why) => ("**warned**", why),
        Fate::Refused(why) => ("**refused**", why),
    };
    format!("| `{path}` | {word} | {} |\n", text.replace('|', "\\|").replace('\n', " "))
}

const HEAD: &str = "\
# Fields of a SparkApplication
What becomes of each field of `sparkoperator.k8s.io/v1beta2`, and of the two that are Onager's own, `queue` and `scheduler`.
A manifest needs no more than another `apiVersion`; `onager convert` writes it and lists what changes in meaning.

- **honoured**: it means what it says; tests look at the pods and objects that come of it.
- **warned**: it is accepted, and `kubectl apply` prints why it changes nothing, or less than one may think.
- **refused**: the object is not accepted, and the answer says what would be right.

The page is generated from [the table](../operator/core/src/fields/table.rs) and the descriptions in the CRD; a test holds them
together. What is in a field is judged by further rules: amounts, names, keys of `sparkConf` that contradict a field.
Amounts of memory are Spark's (`512m`, `4g`) or Kubernetes' (`512Mi`, `4Gi`), both in powers of 1024; a number without a unit is
refused but for `memoryOverhead`, where it is in mebibytes. How template, fields and defaults are put together: [pods.md](pods.md).
";
