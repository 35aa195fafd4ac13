//! Bytes that an API server might send: whatever they are, the webhook's rules neither panic nor run away.
//! `make fuzz` runs it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use onager_core::rules::{Kind, accounts, check, defaults, patch};
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let Ok(object) = serde_json::from_slice::<Value>(data) else { return };
    let old = object.get("old").cloned();
    for kind in [Kind::SparkApplication, Kind::ScheduledSparkApplication, Kind::Queue] {
        check(&object, kind, old.as_ref());
        accounts::named(&object, kind);
        accounts::changed(&object, kind, old.as_ref());
        patch::between(&object, &defaults::filled(&object, kind, old.as_ref(), "ann"));
    }
});
