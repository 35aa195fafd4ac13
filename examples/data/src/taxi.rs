//! Taxi trips with the public schema of New York's yellow taxis, made from a seed: one month, several files. Amounts are
//! whole cents while they are computed, so a sum over them as decimals is the same in any order.

mod columns;
mod trip;

use crate::files;
use crate::rng::Rng;
use crate::store::{DataSet, NewFile};
use crate::zones;
use columns::Columns;
use trip::Trip;

/// Each file is made in memory: some 20 MB.
const TRIPS_IN_A_FILE: u64 = 500_000;
const TRIPS_IN_A_BATCH: u64 = 10_000;

/// `taxi/trips/` and the look-up table `taxi/zones/`.
pub fn data_set(trips: u64, seed: u64) -> DataSet {
    let zones = NewFile { path: "zones/zones.parquet".into(), make: Box::new(zones::file) };
    let parts = (0..trips.div_ceil(TRIPS_IN_A_FILE)).map(|part| {
        let count = TRIPS_IN_A_FILE.min(trips - part * TRIPS_IN_A_FILE);
        let make = move || files::parquet(columns::schema(), batches(Rng::new(seed, part), count));
        NewFile { path: format!("trips/part-{part}.parquet"), make: Box::new(make) }
    });
    let recipe = format!("1: {trips} trips, seed {seed}");
    DataSet { folder: "taxi".into(), recipe, files: std::iter::once(zones).chain(parts).collect() }
}

type Batch = Result<arrow::array::RecordBatch, arrow::error::ArrowError>;

fn batches(mut rng: Rng, count: u64) -> impl Iterator<Item = Batch> {
    (0..count).step_by(TRIPS_IN_A_BATCH as usize).map(move |first| {
        let mut columns = Columns::default();
        for _ in first..count.min(first + TRIPS_IN_A_BATCH) {
            columns.push(&Trip::random(&mut rng));
        }
        columns.finish()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_means_the_same_bytes() {
        let make = |seed| (data_set(1000, seed).files[1].make)().expect("file");
        assert_eq!(make(1), make(1));
        assert_ne!(make(1), make(2));
    }

    #[test]
    fn trips_are_spread_over_files() {
        let names: Vec<String> = data_set(TRIPS_IN_A_FILE + 1, 1).files.into_iter().map(|file| file.path).collect();
        assert_eq!(names, ["zones/zones.parquet", "trips/part-0.parquet", "trips/part-1.parquet"]);
        let last = batches(Rng::new(1, 1), 10_001).last().expect("batch").expect("rows");
        assert_eq!(last.num_rows(), 1);
    }
}
