//! Ports of driver and executor. In a network of its own a pod has the usual numbers; on its node's network it has some of
//! its own, which stand in the pod alone: Services lead to them by their names.

use k8s_openapi::api::core::v1::ContainerPort;
use onager_contract::endpoint;
use onager_core::pod::{Kind, ports};
use onager_crds::SparkApplication;

use super::{Site, names};

/// `spark.ui.port`, the only port that Spark's keys decide here.
const UI_PORT_KEY: &str = "spark.ui.port";

/// Numbers and names of a pod's own ports.
pub struct Ports {
    named: Vec<(String, u16)>,
    host: bool,
}

impl Ports {
    /// Those of a pod; `identity` tells it apart from every other.
    pub fn new(app: &SparkApplication, kind: Kind, identity: &str, host: bool, site: &Site<'_>) -> Self {
        let monitoring = app.spec.monitoring.as_ref();
        let exposed = monitoring.is_some_and(|monitoring| match kind {
            Kind::Driver => monitoring.expose_driver_metrics,
            Kind::Executor => monitoring.expose_executor_metrics,
        });
        let prometheus = monitoring.and_then(|monitoring| monitoring.prometheus.as_ref()).filter(|_| exposed);
        let metrics = prometheus.and_then(|prometheus| u16::try_from(prometheus.port?).ok());
        let metrics_name = prometheus.and_then(|prometheus| prometheus.port_name.clone());
        let usual_name = if exposed { names::MONITORING_PORT } else { names::METRICS_PORT };
        let ui = app.spec.spark_conf.get(UI_PORT_KEY).and_then(|text| text.parse().ok()).filter(|port| *port > 0);
        let mut wanted: Vec<(String, Option<u16>, u16)> = match kind {
            Kind::Driver => vec![
                (names::SCHEDULER_PORT.into(), None, endpoint::SCHEDULER_PORT),
                (names::CONTROL_PORT.into(), None, endpoint::CONTROL_PORT),
                (names::UI_PORT.into(), ui, endpoint::UI_PORT),
            ],
            Kind::Executor => vec![
                ("onager-flight".into(), None, endpoint::FLIGHT_PORT),
                ("onager-tasks".into(), None, endpoint::EXECUTOR_PORT),
            ],
        };
        wanted.push((metrics_name.unwrap_or_else(|| usual_name.into()), metrics, endpoint::METRICS_PORT));
        let free = if host { ports::choose(identity, &site.taken_ports).map(Some) } else { [None; 4] };
        let named = wanted
            .into_iter()
            .zip(free)
            .map(|((name, asked, usual), free)| (name, asked.or(free).unwrap_or(usual)))
            .collect();
        Self { named, host }
    }

    /// As the pod's main container declares them, those of the user beside them.
    pub fn declare(&self, there: &mut Vec<ContainerPort>) {
        there.retain(|port| !self.named.iter().any(|(name, _)| port.name.as_ref() == Some(name)));
        there.extend(self.named.iter().map(|(name, port)| ContainerPort {
            name: Some(name.clone()),
            container_port: i32::from(*port),
            host_port: self.host.then_some(i32::from(*port)),
            protocol: Some("TCP".into()),
            ..ContainerPort::default()
        }));
    }

    /// What the process is told of its port at a place: nothing, where it is the usual one.
    pub fn told(&self, at: usize, usual: u16) -> Option<u16> {
        self.named.get(at).map(|(_, port)| *port).filter(|port| *port != usual)
    }

    /// Where metrics are served.
    pub fn metrics(&self) -> u16 {
        self.named.last().map_or(endpoint::METRICS_PORT, |(_, port)| *port)
    }
}
