//! Queries whose right answers are known by another way: plain DataFusion, in one process of the engine, over the same
//! tables of the lake.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Service;
use kube::{Api, Client};
use onager_cluster::Cluster;
use tokio::sync::OnceCell;

use crate::{command, ground};

/// A join that keeps a few executors busy for some seconds, over tables of the data job.
pub const LONG: &str = "\
CREATE EXTERNAL TABLE lineitem STORED AS PARQUET LOCATION 's3a://lake/tpch/sf0.1/lineitem/';
SELECT count(*) AS pairs, sum((a.l_orderkey * b.l_linenumber) % 7) AS sum
FROM lineitem a JOIN lineitem b ON a.l_suppkey = b.l_suppkey
WHERE a.l_orderkey < 300000 AND b.l_orderkey < 300000;
";

/// The query of [`LONG`] so many times: for tests that end it themselves.
pub fn longer(times: usize) -> String {
    let (table, query) = LONG.split_once(";\n").unwrap_or_default();
    format!("{table};\n{}", query.repeat(times))
}

static LONG_ANSWER: OnceCell<Vec<String>> = OnceCell::const_new();

/// Runs a script with plain DataFusion and answers the tables it printed.
///
/// # Errors
/// When it fails.
pub async fn run_plainly(cluster: &Cluster, client: &Client, script: &str) -> Result<Vec<String>> {
    // Its namespace has the cluster's network and the host's names.
    let store = Api::<Service>::namespaced(client.clone(), "minio").get("minio").await?;
    let address = store.spec.and_then(|spec| spec.cluster_ip).context("MinIO's Service has an address")?;
    let engine = ground::program("onager-engine")?;
    let mut run = cluster.inside(&engine.display().to_string());
    run.env_clear().env("AWS_ACCESS_KEY_ID", "onager").env("AWS_SECRET_ACCESS_KEY", "onager-secret");
    run.env("RUST_LOG", "warn").args(["run", script]);
    run.args(["--conf", &format!("spark.hadoop.fs.s3a.endpoint=http://{address}:9000")]);
    run.args(["--conf", "spark.hadoop.fs.s3a.path.style.access=true"]);
    Ok(tables(&command::output(run).await?))
}

/// The right answer to [`LONG`].
///
/// # Errors
/// When it cannot be computed.
pub async fn answer_to_long(cluster: &Cluster, client: &Client) -> Result<&'static [String]> {
    let compute = async || {
        let file = std::env::temp_dir().join(format!("onager-e2e-{}.sql", std::process::id()));
        std::fs::write(&file, LONG)?;
        let answer = run_plainly(cluster, client, &file.display().to_string()).await;
        std::fs::remove_file(&file)?;
        let answer = answer?;
        ensure!(answer.len() == 5, "one table of one row: {answer:?}");
        Ok(answer)
    };
    Ok(LONG_ANSWER.get_or_try_init(compute).await?)
}

/// The lines of the tables in a text.
pub fn tables(text: &str) -> Vec<String> {
    text.lines().filter(|line| line.starts_with(['|', '+'])).map(str::to_string).collect()
}
