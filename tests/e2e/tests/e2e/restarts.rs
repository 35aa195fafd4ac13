//! The operator is killed before and after each of its writes, and started again. There is one driver, ever, no executor is
//! made twice, and the application completes.

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use onager_crds::State;
use onager_e2e::operator::Operator;
use onager_e2e::proxy::{Fault, Proxy, When};
use onager_e2e::{Run, Team, app, in_quiet_namespace, until};

#[tokio::test(flavor = "multi_thread")]
async fn before_each_write() -> Result<()> {
    killed_at_each_write(When::Before).await
}

#[tokio::test(flavor = "multi_thread")]
async fn after_each_write() -> Result<()> {
    killed_at_each_write(When::After).await
}

/// With nothing changing, zero writes: also by one who has just started.
#[tokio::test(flavor = "multi_thread")]
async fn and_writes_nothing_when_nothing_is_to_be_done() -> Result<()> {
    in_quiet_namespace(async |team: Team| {
        let proxy = Proxy::start(&team.cluster, None).await?;
        let mut operator = Operator::start(&team, &proxy)?;
        let done = team.start(app("done").executors(2)).await?;
        done.completes().await?;
        done.comes_to_rest().await?;
        operator.kill().await?;
        operator.wait().await?;

        let proxy = Proxy::start(&team.cluster, None).await?;
        let _operator = Operator::start(&team, &proxy)?;
        // That it serves the namespace is known by the next application; the old one was looked at before.
        team.start(app("next")).await?.completes().await?;
        let old: Vec<String> = proxy.writes().into_iter().filter(|write| write.contains("done")).collect();
        ensure!(old.is_empty(), "{old:?}");
        Ok(())
    })
    .await
}

/// The key, the status, Service, driver, two executors and an event: every run has these.
const LEAST: usize = 7;

async fn killed_at_each_write(when: When) -> Result<()> {
    let (writes, _) = one_run(None).await?;
    ensure!(writes.len() > LEAST, "{writes:?}");
    eprintln!("an undisturbed run has these writes: {writes:#?}");
    // How many there are depends on what is seen at once: another run may have a few more, or less.
    let faults = (1..=writes.len() + 2).map(|write| Fault { write, when });
    let runs = stream::iter(faults).map(|fault| async move {
        let (writes, fired) = one_run(Some(fault)).await.with_context(|| format!("killed at {fault:?}"))?;
        ensure!(fired || fault.write > LEAST, "{fault:?} did not happen: {writes:#?}");
        Ok(())
    });
    runs.buffer_unordered(4).try_collect::<Vec<()>>().await.map(drop)
}

/// One application with an operator of its own; answers the operator's writes, and whether it was killed.
async fn one_run(fault: Option<Fault>) -> Result<(Vec<String>, bool)> {
    let (mut writes, mut fired) = (Vec::new(), false);
    in_quiet_namespace(async |team: Team| {
        let proxy = Proxy::start(&team.cluster, fault).await?;
        let mut operator = Operator::start(&team, &proxy)?;
        let run = team.start(app("pi").executors(2)).await?;
        let result = see_it_through(&team, &run, &proxy, &mut operator).await;
        (writes, fired) = (proxy.writes(), proxy.has_fired());
        result.with_context(|| format!("writes: {writes:#?}\nlog:\n{}", operator.log()))
    })
    .await?;
    Ok((writes, fired))
}

async fn see_it_through(team: &Team, run: &Run, proxy: &Proxy, operator: &mut Operator) -> Result<()> {
    let is_told =
        async || Ok::<_, anyhow::Error>(run.events().await?.contains(&"SparkApplicationCompleted".to_string()));
    until("the operator is killed, or has nothing left to write", async || {
        Ok((proxy.has_fired() || is_told().await?).then_some(()))
    })
    .await?;
    if proxy.has_fired() {
        operator.wait().await?;
        *operator = Operator::start(team, proxy)?;
    }
    run.reaches(State::Completed).await?;
    run.comes_to_rest().await?;
    team.history.check("pi").await
}
