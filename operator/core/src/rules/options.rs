//! Groups of options: numbers that do not go together, names made from others, ports that are taken twice, and repetitions
//! that would never happen.

use std::collections::BTreeSet;

use super::{At, Verdict, at::distinct};

/// As many as the CRD takes; each has an index and a pod.
const MOST_EXECUTORS: i64 = 10_000;
/// The longest name of a Service.
const SERVICE_NAME: usize = 63;

/// Judges the options of a spec; `name` is the application's, "" where it is not known.
pub fn check(spec: &At<'_>, name: &str, verdict: &mut Verdict) {
    let counts = [
        &["executor", "instances"][..],
        &["dynamicAllocation", "maxExecutors"],
        &["dynamicAllocation", "minExecutors"],
    ];
    for at in counts.iter().filter_map(|path| spec.dig(path)) {
        if at.value.as_i64().is_some_and(|count| count > MOST_EXECUTORS) {
            at.fault(verdict, format!("must be at most {MOST_EXECUTORS}"));
        }
    }
    allocation(spec, verdict);
    restarts(spec, verdict);
    ingress(spec, name, verdict);
}

/// What is refused of dynamic allocation is so where it is read; here is what Spark passes over.
fn allocation(spec: &At<'_>, verdict: &mut Verdict) {
    let Some(options) = spec.field("dynamicAllocation") else { return };
    if !options.field("enabled").is_some_and(|at| at.is_true()) {
        return;
    }
    let number = |at: Option<At<'_>>| at.as_ref().and_then(|at| at.value.as_i64());
    let (least, most) = (number(options.field("minExecutors")), number(options.field("maxExecutors")));
    for at in [options.field("initialExecutors"), spec.dig(&["executor", "instances"])].into_iter().flatten() {
        let count = at.value.as_i64();
        if let (Some(count), Some(most)) = (count, most)
            && count > most
        {
            at.warning(verdict, format!("is {count}, more than dynamicAllocation.maxExecutors: {most} are the most"));
        }
    }
    if let (Some(count), Some(least)) = (number(options.field("initialExecutors")), least)
        && count < least
        && let Some(at) = options.field("initialExecutors")
    {
        at.warning(verdict, format!("is {count}, less than minExecutors: it begins with {least}"));
    }
}

fn restarts(spec: &At<'_>, verdict: &mut Verdict) {
    let Some(policy) = spec.field("restartPolicy") else { return };
    let retries = ["onFailureRetries", "onSubmissionFailureRetries"];
    let given: Vec<At<'_>> = retries.iter().filter_map(|field| policy.field(field)).collect();
    match policy.text_of("type") {
        "" | "Never" => {
            for at in given.iter().filter(|at| at.value.as_i64() != Some(0)) {
                at.warning(verdict, "is not used: restartPolicy.type is Never");
            }
        }
        _ => {}
    }
}

fn ingress(spec: &At<'_>, name: &str, verdict: &mut Verdict) {
    let options = spec.items_of("driverIngressOptions");
    let mut ports = Vec::new();
    for at in options.iter().filter_map(|option| option.field("servicePort")) {
        let port = at.value.to_string();
        let service = format!("{name}-driver-{port}");
        if service.len() > SERVICE_NAME {
            let most = SERVICE_NAME - (service.len() - name.len());
            at.fault(verdict, format!("its Service {service} would have a name of more than {SERVICE_NAME} characters: shorten metadata.name to {most}"));
        }
        ports.push((at, port));
    }
    let mut seen = BTreeSet::new();
    for (at, port) in ports {
        if !seen.insert(port.clone()) {
            at.fault(verdict, format!("port {port} is given twice: each Service needs one of its own"));
        }
    }
    let urls = options.into_iter().filter_map(|option| option.field("ingressURLFormat"));
    distinct(
        urls.map(|at| {
            let text = at.text();
            (at, text)
        }),
        "URL",
        verdict,
    );
}
