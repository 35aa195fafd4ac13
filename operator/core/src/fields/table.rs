//! The table itself, in the order of docs/fields.md. A reason is what follows the field's path and a colon in a warning.

use super::{
    Exception,
    Fate::{Honoured, Refused, Warned},
    Field,
};

const NO_JVM: &str = "not used: there is no Java virtual machine";
const NO_MAVEN: &str = "not used: Maven packages are for a Java virtual machine, and there is none";
const NO_JMX: &str = "not used: driver and executors serve Prometheus metrics by themselves";

pub(super) const SPEC: &[Field] = &[
    Field { path: "type", fate: Honoured },
    Field { path: "mode", fate: Honoured },
    Field { path: "mainApplicationFile", fate: Honoured },
    Field { path: "mainClass", fate: Honoured },
    Field { path: "arguments", fate: Honoured },
    Field { path: "image", fate: Honoured },
    Field { path: "imagePullPolicy", fate: Honoured },
    Field { path: "imagePullSecrets", fate: Honoured },
    Field { path: "sparkVersion", fate: Honoured },
    Field { path: "pythonVersion", fate: Warned("not used: Python applications do not run yet") },
    Field {
        path: "proxyUser",
        fate: Warned("not used: there is no Hadoop in which to act as somebody else; give keys in a Secret"),
    },
    Field { path: "sparkConf", fate: Honoured },
    Field { path: "hadoopConf", fate: Honoured },
    Field { path: "sparkConfigMap", fate: Honoured },
    Field { path: "hadoopConfigMap", fate: Honoured },
    Field { path: "deps.files", fate: Honoured },
    Field { path: "deps.pyFiles", fate: Honoured },
    Field { path: "deps.archives", fate: Honoured },
    Field { path: "deps.jars", fate: Warned(NO_JVM) },
    Field { path: "deps.packages", fate: Warned(NO_MAVEN) },
    Field { path: "deps.excludePackages", fate: Warned(NO_MAVEN) },
    Field { path: "deps.repositories", fate: Warned(NO_MAVEN) },
    Field { path: "volumes", fate: Honoured },
    Field { path: "nodeSelector", fate: Honoured },
    Field { path: "memoryOverheadFactor", fate: Honoured },
    Field { path: "suspend", fate: Honoured },
    Field { path: "timeToLiveSeconds", fate: Honoured },
    Field { path: "restartPolicy.type", fate: Honoured },
    Field { path: "restartPolicy.onFailureRetries", fate: Honoured },
    Field { path: "restartPolicy.onFailureRetryInterval", fate: Honoured },
    Field { path: "restartPolicy.onSubmissionFailureRetries", fate: Honoured },
    Field { path: "restartPolicy.onSubmissionFailureRetryInterval", fate: Honoured },
    Field {
        path: "failureRetries",
        fate: Warned("not used, nor by the Kubeflow operator: write restartPolicy.onFailureRetries"),
    },
    Field {
        path: "retryInterval",
        fate: Warned("not used, nor by the Kubeflow operator: write restartPolicy.onSubmissionFailureRetryInterval"),
    },
    Field { path: "dynamicAllocation.enabled", fate: Honoured },
    Field { path: "dynamicAllocation.initialExecutors", fate: Honoured },
    Field { path: "dynamicAllocation.minExecutors", fate: Honoured },
    Field { path: "dynamicAllocation.maxExecutors", fate: Honoured },
    Field { path: "dynamicAllocation.shuffleTrackingEnabled", fate: Honoured },
    Field { path: "dynamicAllocation.shuffleTrackingTimeout", fate: Honoured },
    Field { path: "queue", fate: Honoured },
    Field { path: "scheduler", fate: Honoured },
    Field {
        path: "batchScheduler",
        fate: Warned(
            "no other scheduler is called: an application waits until its driver and executors all have room, and starts whole",
        ),
    },
    Field { path: "batchSchedulerOptions.queue", fate: Honoured },
    Field { path: "batchSchedulerOptions.priorityClassName", fate: Honoured },
    Field {
        path: "batchSchedulerOptions.resources",
        fate: Warned("not used: an application asks for what its pods ask for"),
    },
    Field { path: "monitoring.exposeDriverMetrics", fate: Honoured },
    Field { path: "monitoring.exposeExecutorMetrics", fate: Honoured },
    Field { path: "monitoring.prometheus.port", fate: Honoured },
    Field { path: "monitoring.prometheus.portName", fate: Honoured },
    Field { path: "monitoring.prometheus.jmxExporterJar", fate: Warned(NO_JMX) },
    Field { path: "monitoring.prometheus.configFile", fate: Warned(NO_JMX) },
    Field { path: "monitoring.prometheus.configuration", fate: Warned(NO_JMX) },
    Field { path: "monitoring.metricsProperties", fate: Warned(NO_JMX) },
    Field { path: "monitoring.metricsPropertiesFile", fate: Warned(NO_JMX) },
    Field { path: "sparkUIOptions", fate: Honoured },
    Field { path: "driverIngressOptions", fate: Honoured },
    Field { path: "driverPodDisruptionBudget", fate: Honoured },
];

pub(super) const POD: &[Field] = &[
    Field { path: "template", fate: Honoured },
    Field { path: "image", fate: Honoured },
    Field { path: "cores", fate: Honoured },
    Field { path: "coreRequest", fate: Honoured },
    Field { path: "coreLimit", fate: Honoured },
    Field { path: "memory", fate: Honoured },
    Field { path: "memoryOverhead", fate: Honoured },
    Field { path: "memoryLimit", fate: Honoured },
    Field { path: "gpu", fate: Honoured },
    Field { path: "env", fate: Honoured },
    Field { path: "envFrom", fate: Honoured },
    Field { path: "envVars", fate: Honoured },
    Field { path: "envSecretKeyRefs", fate: Honoured },
    Field { path: "configMaps", fate: Honoured },
    Field { path: "secrets", fate: Honoured },
    Field { path: "volumeMounts", fate: Honoured },
    Field { path: "labels", fate: Honoured },
    Field { path: "annotations", fate: Honoured },
    Field { path: "serviceAccount", fate: Honoured },
    Field { path: "podSecurityContext", fate: Honoured },
    Field { path: "securityContext", fate: Honoured },
    Field { path: "nodeSelector", fate: Honoured },
    Field { path: "affinity", fate: Honoured },
    Field { path: "tolerations", fate: Honoured },
    Field { path: "schedulerName", fate: Honoured },
    Field { path: "priorityClassName", fate: Honoured },
    Field { path: "initContainers", fate: Honoured },
    Field { path: "sidecars", fate: Honoured },
    Field { path: "lifecycle", fate: Honoured },
    Field { path: "terminationGracePeriodSeconds", fate: Honoured },
    Field { path: "shareProcessNamespace", fate: Honoured },
    Field { path: "hostNetwork", fate: Honoured },
    Field { path: "hostAliases", fate: Honoured },
    Field { path: "dnsConfig", fate: Honoured },
    Field { path: "ports", fate: Honoured },
    Field { path: "javaOptions", fate: Warned(NO_JVM) },
];

pub(super) const DRIVER: &[Field] = &[
    Field { path: "podName", fate: Honoured },
    Field { path: "serviceAnnotations", fate: Honoured },
    Field { path: "serviceLabels", fate: Honoured },
    Field { path: "kubernetesMaster", fate: Warned("not used: the driver does not call Kubernetes") },
];

pub(super) const EXECUTOR: &[Field] =
    &[Field { path: "instances", fate: Honoured }, Field { path: "deleteOnTermination", fate: Honoured }];

pub(super) const EXCEPTIONS: &[Exception] = &[Exception {
    path: "mode",
    value: "client",
    fate: Refused("must be cluster: the driver runs in a pod of its own, never where the application was submitted"),
}];
