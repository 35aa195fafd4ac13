//! The operator: `watch -> observe -> core::plan -> act -> report -> watch`. This file puts the parts together and ends
//! them; it decides nothing.

mod act;
mod apart;
mod build;
mod cache;
mod config;
mod context;
mod control;
mod desk;
mod error;
mod events;
mod lease;
mod metrics;
mod observe;
mod pause;
mod progress;
mod reconcile;
mod report;
mod schedule;
mod scope;
mod serve;
mod sides;
mod turns;
mod watch;
mod webhook;
mod why;

use std::{io::IsTerminal, sync::Arc, time::Duration};

use anyhow::Context as _;
use clap::Parser;
use kube::{Client, client::ClientBuilder, runtime::events::Reporter};
use onager_core::Settings;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch as state,
    task::JoinSet,
};
use tracing_subscriber::EnvFilter;

use crate::{
    build::EngineImage,
    cache::Cache,
    config::{Config, LogFormat},
    context::{Context, Triggers},
    control::Control,
    desk::Desk,
    events::Events,
    lease::LeaderLease,
    metrics::Metrics,
    pause::Pauses,
    progress::{Followed, poll},
    sides::Refusals,
    turns::Turns,
    webhook::Webhook,
};

/// No answer of the API server may take longer; watches send bookmarks more often than this.
const READ_LIMIT: Duration = Duration::from_secs(330);
/// How long the steps under way may take at the end.
const STOP_LIMIT: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let config = Config::parse();
    start_log(config.log_format);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let metrics = Arc::new(Metrics::new(&config.metrics_prefix, &config.metrics_labels)?);
    let cache = Arc::new(Cache::default());
    let (ready, is_ready) = state::channel(serve::Readiness::new());
    let mut tasks = JoinSet::new();
    tasks.spawn(serve::metrics(config.metrics_address, metrics.clone(), cache.clone()));
    tasks.spawn(serve::probes(config.probe_address, is_ready));

    let client = connect(&metrics).await?;
    let control = Control::connect(client.clone(), &config.pod_namespace)
        .await
        .context("cannot read or make the Secret with the control key")?;
    let mut webhook =
        Webhook::start(&config.webhook, &config.pod_namespace, &config.namespaces, client.clone(), metrics.registry())
            .await?;
    ready.send_replace(vec![("a webhook certificate that the API server trusts", webhook.ready())]);
    let lease = LeaderLease::new(client.clone(), &config.pod_namespace, &config.lease_name, &config.pod_name);
    if config.leader_elect {
        tracing::info!(lease = config.lease_name, "waiting to lead");
        tokio::select! {
            () = lease.acquire() => {}
            ended = tasks.join_next() => anyhow::bail!("a port cannot be served: {ended:?}"),
            error = webhook.broken() => return Err(error),
            _ = terminate.recv() => {
                webhook.drain().await;
                return Ok(());
            }
            _ = interrupt.recv() => {
                webhook.drain().await;
                return Ok(());
            }
        }
    }
    metrics.leading.set(1);
    tracing::info!(identity = config.pod_name, "leading");

    let reporter = Reporter { controller: "onager-operator".into(), instance: Some(config.pod_name.clone()) };
    let (events, telling) = Events::start(client.clone(), reporter, metrics.events_dropped.clone());
    let (followed, to_follow) = Followed::new(metrics.elastic.clone());
    let context = Arc::new(Context {
        events,
        client,
        cache,
        schedules: schedule::Schedules::default(),
        settings: Settings {
            start_limit: Duration::from_secs(config.start_limit_seconds),
            going_limit: Duration::from_secs(config.going_limit_seconds),
            ..Settings::default()
        },
        engine: EngineImage {
            reference: config.engine_image.clone(),
            pull_policy: config.engine_image_pull_policy.clone(),
        },
        ui: config.ui.settings(),
        control,
        followed: Arc::new(followed),
        metrics,
        turns: Turns::new(config.workers.into()),
        creates: tokio::sync::Semaphore::new(act::CREATES),
        desk: Desk::default(),
        unread: state::channel(0).0,
        pauses: Pauses::default(),
        refusals: Refusals::default(),
        unlisted: state::channel(0).0,
        triggers: Triggers::default(),
        stopping: state::channel(false).0,
    });
    let (mut scopes, mut watches) = start(&config, &context);
    watches.spawn(poll::follow(asker(&context), to_follow));
    let lost = tokio::select! {
        _ = terminate.recv() => false,
        _ = interrupt.recv() => false,
        () = lease.keep(), if config.leader_elect => true,
        ended = tasks.join_next() => anyhow::bail!("a port cannot be served: {ended:?}"),
        error = webhook.broken() => return Err(error),
        // One that decides on what it does not see any more must not lead.
        ended = watches.join_next() => anyhow::bail!("a watch ended: {ended:?}"),
        ended = scopes.join_next() => anyhow::bail!("the work on a namespace ended: {ended:?}"),
    };
    if lost {
        // Whatever is under way must not be written by one who no longer leads.
        anyhow::bail!("the lease was lost");
    }
    tracing::info!("stopping: no new steps, those under way are finished");
    context.stopping.send_replace(true);
    context.triggers.close();
    let finished = async {
        while scopes.join_next().await.is_some() {}
        context.events.end();
        // Whatever was told is written.
        let _ = telling.await;
    };
    if tokio::time::timeout(STOP_LIMIT, finished).await.is_err() {
        tracing::warn!("some steps were not finished in time; they are taken up again by the next leader");
    }
    if config.leader_elect {
        lease.release().await;
    }
    webhook.drain().await;
    Ok(())
}

/// Starts a scope for each namespace, and the watches they share; answers both.
fn start(config: &Config, context: &Arc<Context>) -> (JoinSet<()>, JoinSet<()>) {
    let (pods, mut pods_ready) = state::channel(false);
    let (nodes, mut nodes_ready) = state::channel(false);
    let (synced, is_synced) = state::channel(false);
    let mut watches = JoinSet::new();
    watches.spawn(watch::pods(context.clone(), pods));
    watches.spawn(watch::nodes(context.clone(), nodes));
    watches.spawn(watch::classes(context.clone()));
    watches.spawn(watch::room(context.clone()));
    watches.spawn(desk::run(context.clone()));
    watches.spawn(why::look(context.clone()));
    watches.spawn(async move {
        let pods = pods_ready.wait_for(|ready| *ready).await.is_ok();
        let nodes = nodes_ready.wait_for(|ready| *ready).await.is_ok();
        synced.send_replace(pods && nodes);
        std::future::pending::<()>().await;
    });
    let mut scopes = JoinSet::new();
    if let Some(selector) = config.namespace_selector.clone() {
        let (context, synced) = (context.clone(), is_synced);
        scopes.spawn(async move { watch::namespaces(context, &selector, synced).await });
    } else if config.namespaces.is_empty() {
        scopes.spawn(scope::serve(None, context.clone(), is_synced));
    } else {
        for namespace in &config.namespaces {
            scopes.spawn(scope::serve(Some(namespace.clone()), context.clone(), is_synced.clone()));
        }
    }
    (scopes, watches)
}

/// What asks drivers how far they are.
fn asker(context: &Arc<Context>) -> Arc<poll::Asker> {
    let waking = context.clone();
    Arc::new(poll::Asker {
        control: context.control.clone(),
        cache: context.cache.clone(),
        followed: context.followed.clone(),
        wake: Box::new(move |namespace, name| waking.triggers.wake(namespace, name)),
    })
}

async fn connect(metrics: &Metrics) -> anyhow::Result<Client> {
    let mut config = kube::Config::infer().await.context("no way to the API server")?;
    config.read_timeout = Some(READ_LIMIT);
    // A repeated POST may make a second object; steps are repeated as a whole instead.
    config.default_retry = false;
    Ok(ClientBuilder::try_from(config)?.with_layer(&metrics.requests).build())
}

fn start_log(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,kube_runtime=warn"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(std::io::stdout().is_terminal());
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
}
