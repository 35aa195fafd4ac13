//! Leaves in order when the pod is to end: the driver hears of it, gives no more tasks, and sends the executor home as soon
//! as nothing needs it. What is still needed at the end of the grace period is made again by others.

use std::time::{Duration, Instant};

use ballista_core::serde::protobuf::executor_status::Status;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::serde::protobuf::{ExecutorStatus, ExecutorStoppedParams, HeartBeatParams};
use ballista_executor::executor_process::{ExecutorProcessConfig, structure_executor_metadata};
use std::sync::Arc;
use tokio::time::{sleep, timeout};
use tonic::transport::Channel;
use tracing::{info, warn};

/// Kept from the grace period for the last words.
const LAST_WORDS: Duration = Duration::from_millis(1_500);
const ANSWER_LIMIT: Duration = Duration::from_secs(1);
const TRY_EVERY: Duration = Duration::from_millis(500);

/// Tells the driver and returns at the end of `grace`; the driver's answer is that it sends the executor home before.
pub(super) async fn in_order(config: &Arc<ExecutorProcessConfig>, signal: &str, grace: Duration) -> String {
    let ends = Instant::now() + grace.saturating_sub(LAST_WORDS);
    info!("asked to leave by {signal}: serves what is needed for at most {} s", grace.as_secs());
    while Instant::now() < ends {
        match timeout(ANSWER_LIMIT, say_leaving(config)).await {
            Ok(Ok(())) => break,
            Ok(Err(reason)) => warn!("cannot tell the driver: {reason}"),
            Err(_) => warn!("cannot tell the driver: no answer"),
        }
        sleep(TRY_EVERY).await;
    }
    sleep(ends.saturating_duration_since(Instant::now())).await;
    // The driver gives its tasks to others at once, and need not find out by itself.
    if !matches!(timeout(ANSWER_LIMIT, say_stopped(config, signal)).await, Ok(Ok(()))) {
        warn!("cannot tell the driver that the grace period is over");
    }
    format!("asked by {signal}, and its grace period of {} s is over", grace.as_secs())
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

async fn say_leaving(config: &Arc<ExecutorProcessConfig>) -> Result<(), Failed> {
    let heartbeat = HeartBeatParams {
        executor_id: config.executor_id.clone(),
        metrics: Vec::new(),
        status: Some(ExecutorStatus { status: Some(Status::Terminating(String::new())) }),
        metadata: Some(structure_executor_metadata(config, config.vcores as u32)),
    };
    driver(config).await?.heart_beat_from_executor(heartbeat).await?;
    Ok(())
}

async fn say_stopped(config: &Arc<ExecutorProcessConfig>, signal: &str) -> Result<(), Failed> {
    let reason = format!("its pod ended ({signal})");
    let stopped = ExecutorStoppedParams { executor_id: config.executor_id.clone(), reason };
    driver(config).await?.executor_stopped(stopped).await?;
    Ok(())
}

async fn driver(config: &ExecutorProcessConfig) -> Result<SchedulerGrpcClient<Channel>, Failed> {
    Ok(SchedulerGrpcClient::connect(format!("http://{}:{}", config.scheduler_host, config.scheduler_port)).await?)
}
