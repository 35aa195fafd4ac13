//! Queues share the cluster: who saturates gives back what others are guaranteed, gangs start whole or wait and say why, and an
//! operator that is killed in between gives nothing away twice.

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use onager_crds::State;
use onager_e2e::operator::Operator;
use onager_e2e::proxy::{Fault, Proxy, When};
use onager_e2e::share::{cpus, gang, queue, standing, status};
use onager_e2e::{Run, Team, cli, in_namespace, in_quiet_namespace, until};
use serde_json::{Value, json};

/// Two teams without a guarantee, and one with four CPUs of eight.
async fn three_teams(team: &Team) -> Result<()> {
    cpus(team, 8).await?;
    for name in ["theta", "delta"] {
        queue(team, name, json!({})).await?;
    }
    queue(team, "iota", json!({"guarantee": {"cpu": "4"}})).await
}

/// Four gangs of two, which take all there is.
async fn saturate(team: &Team) -> Result<Vec<Run>> {
    let mut runs = Vec::new();
    for (name, queue) in [("t1", "theta"), ("d1", "delta"), ("t2", "theta"), ("d2", "delta")] {
        runs.push(team.start(gang(name, queue, 2)).await?);
    }
    for run in &runs {
        run.reaches(State::Running).await?;
    }
    Ok(runs)
}

/// The gang of four runs, whole, and of the others one of each queue does, whole; those that gave way wait and say so.
async fn is_shared(team: &Team, saturating: &[Run], back: &Run) -> Result<()> {
    back.reaches(State::Running).await?;
    let all: Vec<&Run> = saturating.iter().chain([back]).collect();
    until("two wait without pods, and the others run whole", async || {
        let standing = standing(&all).await?;
        let waits = standing.iter().filter(|one| **one == (State::Queued, 0)).count();
        let whole = standing[..4].iter().filter(|one| **one == (State::Running, 2)).count();
        ensure!((waits, whole, standing[4]) == (2, 2, (State::Running, 4)), "{standing:?}");
        Ok(Some(()))
    })
    .await?;
    for queues in [["t1", "t2"], ["d1", "d2"]] {
        let pair: Vec<&Run> = saturating.iter().filter(|run| queues.contains(&run.name.as_str())).collect();
        let waits = standing(&pair).await?.iter().filter(|(state, _)| *state == State::Queued).count();
        ensure!(waits == 1, "of {queues:?} {waits} gave way");
    }
    let most = team.history.most_at_once().await?;
    ensure!(most <= 8, "{most} pods of one CPU each were there at once, where eight may be");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_third_team_takes_its_guarantee_back() -> Result<()> {
    in_namespace(async |team: Team| {
        three_teams(&team).await?;
        let saturating = saturate(&team).await?;
        until("what they borrow is told", async || {
            let theta = status(&team, "theta").await?;
            Ok((theta.used.get("cpu").is_some_and(|cpu| cpu.0 == "4") && theta.admitted == 2).then_some(()))
        })
        .await?;
        let back = team.start(gang("i1", "iota", 4)).await?;
        is_shared(&team, &saturating, &back).await?;
        // Who gave way does not take it back, but runs again when there is room.
        back.delete().await?;
        for run in &saturating {
            run.reaches(State::Running).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_killed_between_reclaim_and_admission_gives_nothing_twice() -> Result<()> {
    // Each write from the moment the third team asks: evictions, deletes of pods, the admission, its pods.
    let writes = taken_back(None).await?;
    eprintln!("undisturbed: {writes:#?}");
    ensure!(writes.len() > 8, "{writes:?}");
    let mut faults = Vec::new();
    for write in 1..=writes.len() {
        let when = if write % 2 == 0 { When::Before } else { When::After };
        faults.push(Fault { write, when });
    }
    let runs = faults.into_iter().map(|fault| async move {
        taken_back(Some(fault)).await.map(drop).with_context(|| format!("killed at {fault:?}"))
    });
    stream::iter(runs).buffer_unordered(4).try_collect::<Vec<()>>().await.map(drop)
}

/// A third team takes its guarantee back, from an operator that is killed at a write; answers the writes.
async fn taken_back(fault: Option<Fault>) -> Result<Vec<String>> {
    let mut writes = Vec::new();
    in_quiet_namespace(async |team: Team| {
        three_teams(&team).await?;
        let proxy = Proxy::start(&team.cluster, None).await?;
        let mut operator = Operator::start(&team, &proxy)?;
        let saturating = saturate(&team).await?;
        for run in &saturating {
            run.until("has all its executors", |status| {
                status.executors.as_ref().is_some_and(|executors| executors.running == 1)
            })
            .await?;
        }
        operator.kill().await?;
        operator.wait().await?;

        // Writes are counted from here on.
        let proxy = Proxy::start(&team.cluster, fault).await?;
        let mut operator = Operator::start(&team, &proxy)?;
        let back = team.start(gang("i1", "iota", 4)).await?;
        let result = async {
            if fault.is_some() {
                until("the operator is killed, or through", async || {
                    let runs =
                        back.object().await?.status.unwrap_or_default().application_state.state == State::Running;
                    Ok((proxy.has_fired() || runs).then_some(()))
                })
                .await?;
                if proxy.has_fired() {
                    operator.wait().await?;
                    operator = Operator::start(&team, &proxy)?;
                }
            }
            is_shared(&team, &saturating, &back).await
        }
        .await;
        writes = proxy.writes();
        result.with_context(|| format!("writes: {writes:#?}\nlog:\n{}", operator.log()))
    })
    .await?;
    Ok(writes)
}

/// Waits until `onager` says all of these words: figures of queues follow a moment later.
async fn says(team: &Team, arguments: &[&str], words: &[&str]) -> Result<()> {
    until("the command says it", async || {
        let said = cli::onager(team, arguments, None).await?.exits(0)?.out;
        let missing = words.iter().find(|words| !said.contains(**words));
        ensure!(missing.is_none(), "{missing:?} is not in\n{said}");
        Ok(Some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gang_without_room_waits_whole_and_says_why() -> Result<()> {
    in_namespace(async |team: Team| {
        cpus(&team, 8).await?;
        queue(&team, "theta", json!({"capability": {"cpu": "4"}})).await?;
        let first = team.start(gang("first", "theta", 3)).await?;
        first.reaches(State::Running).await?;
        let second = team.start(gang("second", "theta", 2)).await?;
        let message = second.queues("QueueFull").await?;
        let expect = format!("it needs cpu 2, and queue {}/theta has 1 left of 4, 1 too little", team.name);
        ensure!(message.starts_with(&expect), "{message}");

        let first_in_line = "Position:    1: it is the first in line";
        says(
            &team,
            &["why", "second"],
            &["(QueueFull): it needs cpu 2", first_in_line, "Short:       1", "theta (blocks)  3 "],
        )
        .await?;
        let json = cli::onager(&team, &["why", "second", "-o", "json"], None).await?.exits(0)?.out;
        let json: Value = serde_json::from_str(&json)?;
        ensure!(
            (&json["waits"], &json["resource"], &json["short"]) == (&json!(true), &json!("cpu"), &json!("1")),
            "{json}"
        );
        says(&team, &["queues"], &[&format!("  {}/theta ", team.name), "cpu 3", " yes"]).await?;

        let never = team.start(gang("never", "theta", 5)).await?;
        let message = never.queues("TooLarge").await?;
        ensure!(message.contains("it never fits"), "{message}");
        let ever = team.history.all().await?;
        ensure!(ever.iter().all(|pod| pod.app == "first"), "a gang that waits had pods: {ever:?}");

        first.delete().await?;
        second.reaches(State::Running).await?;
        says(&team, &["why", "second"], &["does not wait: it runs"]).await?;
        Ok(())
    })
    .await
}

/// Somebody who may read his own namespace, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn why_is_answered_with_the_rights_of_who_asks() -> Result<()> {
    in_namespace(async |team: Team| {
        cpus(&team, 1).await?;
        queue(&team, "theta", json!({})).await?;
        let run = team.start(gang("etl", "theta", 2)).await?;
        run.queues("TooLarge").await?;
        let reads = json!([{"apiGroups": ["onager.dev"], "resources": ["sparkapplications", "queues"], "verbs": ["get", "list"]}]);
        team.allow("reader", reads).await?;
        let said = cli::onager_as(&team, "reader", &["why", "etl"]).await?.exits(0)?.out;
        ensure!(said.contains("(TooLarge)") && said.contains("note: nodes may not be read"), "{said}");
        let tree = cli::onager_as(&team, "reader", &["queues", "-A"]).await?.exits(0)?;
        ensure!(tree.out.contains("/theta ") && tree.err.contains("may not be listed"), "{tree:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn in_strict_order_room_is_held_for_the_first() -> Result<()> {
    in_namespace(async |team: Team| {
        cpus(&team, 6).await?;
        queue(&team, "theta", json!({"order": "StrictFIFO"})).await?;
        let first = team.start(gang("first", "theta", 3)).await?;
        first.reaches(State::Running).await?;
        let second = team.start(gang("second", "theta", 4)).await?;
        second.queues("QueueFull").await?;
        // Three are free, and held for the second.
        let third = team.start(gang("third", "theta", 2)).await?;
        third.queues("BehindInQueue").await?;
        says(&team, &["why", "third"], &[&format!("2 in line, after {}/second (QueueFull)", team.name)]).await?;
        let ever = team.history.all().await?;
        ensure!(ever.iter().all(|pod| pod.app == "first"), "somebody passed the first in line: {ever:?}");
        first.delete().await?;
        second.reaches(State::Running).await?;
        third.reaches(State::Running).await?;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_queue_drains() -> Result<()> {
    in_namespace(async |team: Team| {
        cpus(&team, 8).await?;
        queue(&team, "theta", json!({})).await?;
        let first = team.start(gang("first", "theta", 2)).await?;
        first.reaches(State::Running).await?;
        queue(&team, "theta", json!({"closed": true})).await?;
        until("it says that it is closed", async || {
            let conditions = status(&team, "theta").await?.conditions;
            Ok(conditions.iter().any(|one| one.type_ == "Ready" && one.reason == "Closed").then_some(()))
        })
        .await?;
        let second = team.start(gang("second", "theta", 2)).await?;
        second.queues("QueueClosed").await?;
        ensure!(standing(&[&first]).await? == [(State::Running, 2)], "what runs goes on");
        queue(&team, "theta", json!({"closed": false})).await?;
        second.reaches(State::Running).await?;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespaces_quota_that_others_race_for_is_kept() -> Result<()> {
    in_namespace(async |team: Team| {
        cpus(&team, 8).await?;
        queue(&team, "theta", json!({})).await?;
        let quota = json!({
            "apiVersion": "v1", "kind": "ResourceQuota",
            "metadata": {"name": "race", "namespace": team.name}, "spec": {"hard": {"requests.cpu": "5"}},
        });
        team.apply(&quota).await?;
        // Room for two of the three: each counts on the same quota, at the same time.
        let mut runs = Vec::new();
        for name in ["a", "b", "c"] {
            runs.push(team.start(gang(name, "theta", 2)).await?);
        }
        let all: Vec<&Run> = runs.iter().collect();
        until("two run whole, and one waits whole", async || {
            let mut standing = standing(&all).await?;
            standing.sort();
            let expect = [(State::Queued, 0), (State::Running, 2), (State::Running, 2)];
            ensure!(standing == expect, "{standing:?}");
            Ok(Some(()))
        })
        .await?;
        let mut waiting = None;
        for run in &runs {
            if run.object().await?.status.unwrap_or_default().application_state.state == State::Queued {
                waiting = Some(run);
            }
        }
        let message = waiting.context("one waits")?.queues("QuotaExceeded").await?;
        ensure!(message.contains("requests.cpu 2") && message.contains("quota race has 1 left of 5"), "{message}");
        Ok(())
    })
    .await
}
