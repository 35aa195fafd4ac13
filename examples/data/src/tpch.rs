//! The eight TPC-H tables at a scale factor, each one Parquet file, as the benchmark defines them.

use arrow::record_batch::RecordBatchReader;
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator, PartSuppGenerator,
    RegionGenerator, SupplierGenerator,
};
use tpchgen_arrow::{
    CustomerArrow, LineItemArrow, NationArrow, OrderArrow, PartArrow, PartSuppArrow, RegionArrow, SupplierArrow,
};

use crate::files;
use crate::store::{DataSet, NewFile};

/// All eight tables under `tpch/sf<scale_factor>/<table>/`.
pub fn data_set(scale_factor: f64) -> DataSet {
    let files = vec![
        table("region", move || RegionArrow::new(RegionGenerator::new(scale_factor, 1, 1))),
        table("nation", move || NationArrow::new(NationGenerator::new(scale_factor, 1, 1))),
        table("supplier", move || SupplierArrow::new(SupplierGenerator::new(scale_factor, 1, 1))),
        table("customer", move || CustomerArrow::new(CustomerGenerator::new(scale_factor, 1, 1))),
        table("part", move || PartArrow::new(PartGenerator::new(scale_factor, 1, 1))),
        table("partsupp", move || PartSuppArrow::new(PartSuppGenerator::new(scale_factor, 1, 1))),
        table("orders", move || OrderArrow::new(OrderGenerator::new(scale_factor, 1, 1))),
        table("lineitem", move || LineItemArrow::new(LineItemGenerator::new(scale_factor, 1, 1))),
    ];
    DataSet { folder: format!("tpch/sf{scale_factor}"), recipe: format!("1: tpchgen 4, sf {scale_factor}"), files }
}

fn table<R: RecordBatchReader>(name: &str, rows: impl Fn() -> R + Send + Sync + 'static) -> NewFile {
    let make = move || {
        let rows = rows();
        files::parquet(rows.schema(), rows)
    };
    NewFile { path: format!("{name}/part-0.parquet"), make: Box::new(make) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_a_parquet_file() {
        let set = data_set(0.001);
        assert_eq!(set.folder, "tpch/sf0.001");
        for file in &set.files {
            let bytes = (file.make)().expect("rows");
            assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"), "{}", file.path);
        }
        assert_eq!(set.files.len(), 8);
    }
}
