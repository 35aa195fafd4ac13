//! The look-up table of taxi zones: 265 of them, as many in each borough as the public table has, with plain names. The
//! airports keep their public numbers.

use std::ops::RangeInclusive;
use std::sync::Arc;

use anyhow::Result;
use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};

use crate::files;

/// A borough and the numbers of its zones.
pub struct Borough {
    /// Its name.
    pub name: &'static str,
    /// Numbers of its zones.
    pub zones: RangeInclusive<i32>,
    /// Which taxis may stop there.
    service: &'static str,
}

/// Newark airport, JFK and LaGuardia.
pub const AIRPORTS: [(i32, &str); 3] = [(1, "Newark Airport"), (132, "JFK Airport"), (138, "LaGuardia Airport")];

/// All boroughs; the last two hold what has no borough.
pub const BOROUGHS: [Borough; 8] = [
    Borough { name: "EWR", zones: 1..=1, service: "EWR" },
    Borough { name: "Bronx", zones: 2..=44, service: "Boro Zone" },
    Borough { name: "Brooklyn", zones: 45..=105, service: "Boro Zone" },
    Borough { name: "Queens", zones: 106..=174, service: "Boro Zone" },
    Borough { name: "Manhattan", zones: 175..=243, service: "Yellow Zone" },
    Borough { name: "Staten Island", zones: 244..=263, service: "Boro Zone" },
    Borough { name: "Unknown", zones: 264..=264, service: "N/A" },
    Borough { name: "N/A", zones: 265..=265, service: "N/A" },
];

/// One zone.
pub struct Zone {
    id: i32,
    borough: &'static str,
    name: String,
    service: &'static str,
}

/// All zones by number, from 1.
pub fn all() -> Vec<Zone> {
    BOROUGHS.iter().flat_map(|borough| borough.zones.clone().map(|id| zone(borough, id))).collect()
}

fn zone(borough: &Borough, id: i32) -> Zone {
    let airport = AIRPORTS.iter().find(|(number, _)| *number == id);
    let number = id - borough.zones.start() + 1;
    let name = airport.map_or_else(|| format!("{} Zone {number}", borough.name), |(_, name)| (*name).to_string());
    // Newark has a service of its own; it is not the city's.
    let service = if airport.is_some() && id != 1 { "Airports" } else { borough.service };
    Zone { id, borough: borough.name, name, service }
}

/// The table as a Parquet file.
pub fn file() -> Result<Vec<u8>> {
    let zones = all();
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let schema = Arc::new(Schema::new(vec![
        Field::new("LocationID", DataType::Int32, false),
        text("Borough"),
        text("Zone"),
        text("service_zone"),
    ]));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from_iter_values(zones.iter().map(|zone| zone.id))),
        Arc::new(StringArray::from_iter_values(zones.iter().map(|zone| zone.borough))),
        Arc::new(StringArray::from_iter_values(zones.iter().map(|zone| &zone.name))),
        Arc::new(StringArray::from_iter_values(zones.iter().map(|zone| zone.service))),
    ];
    let batch = RecordBatch::try_new(schema.clone(), columns);
    files::parquet(schema, std::iter::once(batch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_run_from_1_to_265() {
        let ids: Vec<i32> = all().iter().map(|zone| zone.id).collect();
        assert_eq!(ids, (1..=265).collect::<Vec<_>>());
    }

    #[test]
    fn the_airports_of_the_city_are_in_queens() {
        for (id, name) in &AIRPORTS[1..] {
            let zones = all();
            let zone = zones.iter().find(|zone| zone.id == *id).expect("zone");
            assert_eq!((zone.borough, zone.name.as_str(), zone.service), ("Queens", *name, "Airports"));
        }
    }
}
