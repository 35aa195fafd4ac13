use std::fs;

use super::*;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/e2e/data/kubeflow");

fn convert_one(text: &str) -> (String, Told) {
    let mut converted = convert(text).expect("converted");
    assert_eq!(converted.told.len(), 1, "{:?}", converted.told);
    (converted.text, converted.told.remove(0))
}

fn app(spec: &str) -> String {
    format!("apiVersion: sparkoperator.k8s.io/v1beta2\nkind: SparkApplication\nmetadata: {{name: etl}}\nspec:\n{spec}")
}

const PI: &str = "  type: Scala\n  mainClass: org.apache.spark.examples.SparkPi\n";

#[test]
fn the_kubeflow_operators_examples_become_ours_by_one_line() {
    let mut count = 0;
    for entry in fs::read_dir(EXAMPLES).expect("folder") {
        let path = entry.expect("entry").path();
        let text = fs::read_to_string(&path).unwrap_or_default();
        // This one is a template: its image is `{IMAGE_REGISTRY}/...`.
        if !text.contains("v1beta2") || text.contains("{IMAGE_REGISTRY}") {
            continue;
        }
        let converted = convert(&text).expect("converted");
        assert_eq!(converted.text, text.replace("sparkoperator.k8s.io/v1beta2", "onager.dev/v1alpha1"), "{path:?}");
        assert!(converted.told.iter().all(|told| told.converted), "{path:?}");
        count += 1;
    }
    assert!(count >= 12, "{count}");
}

#[test]
fn comments_order_and_other_documents_stay() {
    let other = "# a chart's\napiVersion: v1\nkind: ConfigMap\ndata: {x: {{ .Values.x }} }\n";
    let text =
        format!("{other}---\n# ours\n{}  driver: {{memory: 1g}} # sparkoperator.k8s.io/v1beta2\n---\n{other}", app(PI));
    let converted = convert(&text).expect("converted");
    assert_eq!(
        converted.text,
        text.replacen("apiVersion: sparkoperator.k8s.io/v1beta2", "apiVersion: onager.dev/v1alpha1", 1)
    );
    assert_eq!(converted.told.len(), 1);
}

#[test]
fn lists_json_and_what_a_cluster_exported_are_understood() {
    let json = r#"{"kind":"List","apiVersion":"v1","items":[{"apiVersion":"sparkoperator.k8s.io/v1beta2","kind":"SparkApplication","metadata":{"name":"a"},"spec":{"type":"R"}},{"apiVersion":"v1","kind":"Secret"}]}"#;
    let (text, told) = convert_one(json);
    assert_eq!(text, json.replace("sparkoperator.k8s.io/v1beta2", "onager.dev/v1alpha1"));
    assert!(told.changes[0].starts_with("spec.type: it will end FAILED"), "{told:?}");

    let exported = "kind: SparkApplication\nmetadata:\n  name: a\n  resourceVersion: '1'\n  annotations:\n    last: |\n      {\"apiVersion\":\"sparkoperator.k8s.io/v1beta2\"}\nspec: {type: R}\napiVersion: sparkoperator.k8s.io/v1beta2\n";
    let (text, told) = convert_one(exported);
    assert!(text.ends_with("\napiVersion: onager.dev/v1alpha1\n") && text.contains("\"sparkoperator.k8s.io/v1beta2\""));
    assert!(told.notes[0].contains("resourceVersion"), "{told:?}");
}

#[test]
fn what_changes_in_meaning_is_told_with_its_path() {
    let text = app(&format!("{PI}  proxyUser: somebody\n  driver: {{javaOptions: -Xss1m}}\n"));
    let (_, told) = convert_one(&text);
    let paths: Vec<&str> = told.changes.iter().filter_map(|line| line.split(':').next()).collect();
    assert_eq!(paths, ["spec.proxyUser", "spec.driver.javaOptions"]);
    assert!(told.faults.is_empty(), "{told:?}");

    let scheduled = text.replace("SparkApplication", "ScheduledSparkApplication").replace("spec:", "spec:\n template:");
    let (_, told) = convert_one(&scheduled);
    assert!(told.changes[0].starts_with("spec.template.proxyUser: "), "{told:?}");
}

#[test]
fn what_the_kubeflow_operator_does_otherwise_is_told_where_it_is_used() {
    let retries = app(&format!("{PI}  restartPolicy: {{type: OnFailure, onFailureRetries: 2}}\n"));
    let (_, told) = convert_one(&retries);
    let [submissions, wait] = &told.changes[..] else { panic!("{told:?}") };
    assert!(
        submissions.starts_with("spec.restartPolicy.onSubmissionFailureRetries: ") && submissions.contains("3 times")
    );
    assert!(wait.starts_with("spec.restartPolicy.type: ") && wait.contains("doubles"), "{wait}");
    let (_, told) = convert_one(&app(&format!("{PI}  restartPolicy: {{type: Never}}\n")));
    assert_eq!(told.changes, [""; 0]);
    // One of ours means what our pages say.
    assert_eq!(convert(&retries.replace("sparkoperator.k8s.io/v1beta2", text::OURS)).expect("converted").told, []);
}

#[test]
fn what_would_be_refused_is_told_before_the_api_server_does() {
    let text = app(&format!("{PI}  mode: client\n  driver: {{coers: 2, template: {{spec: {{anything: 1}}}}}}\n"));
    let (_, told) = convert_one(&text);
    assert!(told.faults.iter().any(|fault| fault.starts_with("spec.mode: must be cluster")), "{told:?}");
    assert!(told.faults.contains(&"spec.driver.coers: unknown field".to_string()), "{told:?}");
    let (_, told) = convert_one(&app(&format!("{PI}  executor: {{memory: 12potatoes}}\n")));
    assert!(told.faults[0].starts_with("spec.executor.memory: \"12potatoes\""), "{told:?}");
}

#[test]
fn what_the_webhook_would_refuse_is_told_all_at_once() {
    let text = app(&format!(
        "{PI}  sparkConf: {{spark.master: local}}\n  driver: {{template: {{spec: {{hostPID: true}}}}}}\n"
    ));
    let (_, told) = convert_one(&text);
    for path in ["spec.sparkConf[spark.master]", "spec.driver.template.spec.hostPID"] {
        assert!(told.faults.iter().any(|fault| fault.starts_with(&format!("{path}: "))), "{path}: {told:?}");
    }
    let scheduled =
        text.replace("SparkApplication", "ScheduledSparkApplication").replace("spec:\n", "spec:\n template:\n");
    let (_, told) = convert_one(&scheduled.replacen("spec:", "spec:\n schedule: at noon", 1));
    assert!(told.faults.iter().any(|fault| fault.starts_with("spec.schedule: ")), "{told:?}");
    assert!(told.faults.iter().any(|fault| fault.starts_with("spec.template.sparkConf[spark.master]: ")), "{told:?}");
}

#[test]
fn what_is_not_known_here_is_left_and_named() {
    let text = "apiVersion: sparkoperator.k8s.io/v1alpha1\nkind: SparkConnect\nmetadata: {name: c}\n";
    let (same, told) = convert_one(text);
    assert_eq!((same.as_str(), told.converted), (text, false));
    assert_eq!(told.notes, ["Onager has no SparkConnect"]);
    let old = app(PI).replace("v1beta2", "v1beta1");
    assert!(convert_one(&old).1.notes[0].contains("not sparkoperator.k8s.io/v1beta1"));
}

#[test]
fn what_cannot_be_read_is_an_error_with_its_place() {
    let text = format!("a: 1\n---\n{}", app("  image: {IMAGE}/{NAME}:1\n"));
    let error = convert(&text).expect_err("refused").to_string();
    assert!(error.starts_with("document 2: this is no YAML") && error.contains("line 6"), "{error}");
    let helm = app("  image: {{ .Values.image }}\n  {{- if .Values.x }}\n");
    assert!(convert(&helm).expect_err("refused").to_string().contains("helm template"));
    assert!(convert(&app("  type: R\n  type: R\n")).is_err(), "a field that is there twice");
}

#[test]
fn text_that_cannot_be_changed_in_place_is_written_anew() {
    let text = "? apiVersion\n: sparkoperator.k8s.io/v1beta2\nkind: SparkApplication\nspec: {type: R}\n";
    let (text, told) = convert_one(text);
    assert!(text.contains("apiVersion: onager.dev/v1alpha1\n"), "{text}");
    assert!(told.notes[0].starts_with("written anew"), "{told:?}");
}
