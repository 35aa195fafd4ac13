//! Carries out a plan's actions on runs. A create rests on the run's name: one that is there already and is ours is as good
//! as made. Every write is taken into the cache at once. Decides nothing.

use jiff::Timestamp;
use kube::{Api, ResourceExt, api::PostParams};
use onager_core::schedule::Action;
use onager_crds::{ScheduledSparkApplication, SparkApplication};

use super::{build, cache};
use crate::{
    act::{exactly, gone},
    context::Context,
    error::ActError,
};

/// Carries out all actions, in order.
///
/// # Errors
/// The first that fails; what was done stays done.
pub async fn all(context: &Context, schedule: &ScheduledSparkApplication, actions: &[Action]) -> Result<(), ActError> {
    for action in actions {
        match action {
            Action::CreateRun { name, due } => create(context, schedule, name, *due).await?,
            Action::DeleteRun { name, uid } => delete(context, schedule, name, uid).await?,
        }
    }
    Ok(())
}

fn api(context: &Context, schedule: &ScheduledSparkApplication) -> Api<SparkApplication> {
    Api::namespaced(context.client.clone(), &schedule.namespace().unwrap_or_default())
}

async fn create(
    context: &Context,
    schedule: &ScheduledSparkApplication,
    name: &str,
    due: Timestamp,
) -> Result<(), ActError> {
    let api = api(context, schedule);
    let run = match api.create(&PostParams::default(), &build::run(schedule, name, due)).await {
        Ok(run) => run,
        Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => {
            let there = api.get(name).await?;
            let mine = cache::owner(&there.metadata).map(|owner| &owner.uid) == schedule.metadata.uid.as_ref();
            if !mine {
                return Err(ActError::NameInUse(format!("SparkApplication {name}")));
            }
            there
        }
        // The webhook's answer to this template would be the same again.
        Err(kube::Error::Api(status)) if status.message.contains("denied the request") => {
            return Err(ActError::Rejected(status.message.clone()));
        }
        Err(error) => return Err(ActError::of_create(error)),
    };
    context.schedules.made(&run);
    Ok(())
}

async fn delete(
    context: &Context,
    schedule: &ScheduledSparkApplication,
    name: &str,
    uid: &str,
) -> Result<(), ActError> {
    gone(api(context, schedule).delete(name, &exactly(uid)).await.map(|_| ()))?;
    context.schedules.mark_deleting(&schedule.namespace().unwrap_or_default(), name, uid);
    Ok(())
}
