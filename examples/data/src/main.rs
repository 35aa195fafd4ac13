//! `onager-data`: puts the input of the examples under one URL. What is there already, as its marker says, is left alone,
//! so a second run costs a second. It only writes; nothing is ever deleted.

mod files;
mod rng;
mod scripts;
mod store;
mod taxi;
mod tpch;
mod zones;

use anyhow::Result;
use clap::Parser;
use url::Url;

use crate::store::Store;

/// Generates the input of Onager's examples: TPC-H tables, taxi trips, and the SQL scripts.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// Where to: s3://BUCKET[/PREFIX] (endpoint and keys from AWS_* variables) or file:///DIRECTORY.
    #[arg(long, env = "ONAGER_DATA_TO", default_value = "s3://lake")]
    to: Url,
    /// TPC-H scale factor.
    #[arg(long, env = "ONAGER_DATA_SCALE_FACTOR", default_value_t = 0.1)]
    scale_factor: f64,
    /// Taxi trips to make.
    #[arg(long, env = "ONAGER_DATA_TRIPS", default_value_t = 3_000_000)]
    trips: u64,
    /// Seed of the taxi trips: the same seed makes the same trips.
    #[arg(long, env = "ONAGER_DATA_SEED", default_value_t = 2024)]
    seed: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let options = Options::parse();
    let store = Store::open(&options.to)?;
    store.say(&format!("writing to {}", options.to));
    store.ensure(&tpch::data_set(options.scale_factor)).await?;
    store.ensure(&taxi::data_set(options.trips, options.seed)).await?;
    scripts::upload(&store).await?;
    store.say("done");
    Ok(())
}
