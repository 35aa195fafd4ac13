//! The YAML in the tree is what the types say, in the crate and in the chart, and small enough for client-side apply.

use std::fs;

const FOLDERS: [&str; 2] = ["yaml", "../charts/onager/files/crds"];

#[test]
fn yaml_in_the_tree_is_what_the_types_say() {
    for generated in onager_crds::crd::all().expect("CRDs") {
        let wanted = serde_yaml::to_string(&generated.crd).expect("YAML");
        for folder in FOLDERS {
            let path = format!("{}/{folder}/{}", env!("CARGO_MANIFEST_DIR"), generated.file);
            let found = fs::read_to_string(&path).unwrap_or_default();
            assert!(found == wanted, "{path} is out of date: run `make generate`");
        }
    }
}

#[test]
fn each_crd_is_small_enough_for_client_side_apply() {
    for generated in onager_crds::crd::all().expect("CRDs") {
        let size = generated.crd.to_string().len();
        assert!(size < onager_crds::crd::CRD_LIMIT, "{}: {size} bytes", generated.file);
    }
}
