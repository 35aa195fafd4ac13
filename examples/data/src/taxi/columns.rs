//! Trips to Arrow columns, under the names and types of the public files.

use std::sync::{Arc, LazyLock};

use arrow::array::{
    ArrayRef, Float64Builder, Int32Builder, Int64Builder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;

use super::trip::Trip;

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let time = DataType::Timestamp(TimeUnit::Microsecond, None);
    let fields = [
        ("VendorID", DataType::Int32),
        ("tpep_pickup_datetime", time.clone()),
        ("tpep_dropoff_datetime", time),
        ("passenger_count", DataType::Int64),
        ("trip_distance", DataType::Float64),
        ("RatecodeID", DataType::Int64),
        ("store_and_fwd_flag", DataType::Utf8),
        ("PULocationID", DataType::Int32),
        ("DOLocationID", DataType::Int32),
        ("payment_type", DataType::Int64),
        ("fare_amount", DataType::Float64),
        ("extra", DataType::Float64),
        ("mta_tax", DataType::Float64),
        ("tip_amount", DataType::Float64),
        ("tolls_amount", DataType::Float64),
        ("improvement_surcharge", DataType::Float64),
        ("total_amount", DataType::Float64),
        ("congestion_surcharge", DataType::Float64),
        ("Airport_fee", DataType::Float64),
    ];
    Arc::new(Schema::new(fields.map(|(name, kind)| Field::new(name, kind, true)).to_vec()))
});

/// The public schema; every column may be null, as there.
pub fn schema() -> SchemaRef {
    SCHEMA.clone()
}

/// A batch that is being filled.
#[derive(Default)]
pub struct Columns {
    vendor: Int32Builder,
    pick_up: TimestampMicrosecondBuilder,
    drop_off: TimestampMicrosecondBuilder,
    passengers: Int64Builder,
    distance: Float64Builder,
    rate: Int64Builder,
    store_and_forward: StringBuilder,
    from: Int32Builder,
    to: Int32Builder,
    payment: Int64Builder,
    fare: Float64Builder,
    extra: Float64Builder,
    mta_tax: Float64Builder,
    tip: Float64Builder,
    tolls: Float64Builder,
    improvement: Float64Builder,
    total: Float64Builder,
    congestion: Float64Builder,
    airport: Float64Builder,
}

impl Columns {
    /// Adds a row.
    pub fn push(&mut self, trip: &Trip) {
        let meter = trip.meter.as_ref();
        self.vendor.append_value(trip.vendor);
        self.pick_up.append_value(trip.pick_up * 1_000_000);
        self.drop_off.append_value(trip.drop_off * 1_000_000);
        self.passengers.append_option(meter.map(|meter| meter.passengers));
        self.distance.append_value(hundredths(trip.distance));
        self.rate.append_option(meter.map(|meter| meter.rate));
        self.store_and_forward.append_option(meter.map(|meter| if meter.store_and_forward { "Y" } else { "N" }));
        self.from.append_value(trip.from);
        self.to.append_value(trip.to);
        self.payment.append_value(trip.payment);
        self.fare.append_value(hundredths(trip.fare));
        self.extra.append_value(hundredths(trip.extra));
        self.mta_tax.append_value(hundredths(trip.mta_tax));
        self.tip.append_value(hundredths(trip.tip));
        self.tolls.append_value(hundredths(trip.tolls));
        self.improvement.append_value(hundredths(trip.improvement));
        self.total.append_value(hundredths(trip.total));
        self.congestion.append_option(meter.map(|meter| hundredths(meter.congestion)));
        self.airport.append_option(meter.map(|meter| hundredths(meter.airport)));
    }

    /// The batch.
    pub fn finish(mut self) -> Result<RecordBatch, ArrowError> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.vendor.finish()),
            Arc::new(self.pick_up.finish()),
            Arc::new(self.drop_off.finish()),
            Arc::new(self.passengers.finish()),
            Arc::new(self.distance.finish()),
            Arc::new(self.rate.finish()),
            Arc::new(self.store_and_forward.finish()),
            Arc::new(self.from.finish()),
            Arc::new(self.to.finish()),
            Arc::new(self.payment.finish()),
            Arc::new(self.fare.finish()),
            Arc::new(self.extra.finish()),
            Arc::new(self.mta_tax.finish()),
            Arc::new(self.tip.finish()),
            Arc::new(self.tolls.finish()),
            Arc::new(self.improvement.finish()),
            Arc::new(self.total.finish()),
            Arc::new(self.congestion.finish()),
            Arc::new(self.airport.finish()),
        ];
        RecordBatch::try_new(schema(), columns)
    }
}

/// Cents to dollars, hundredths of a mile to miles.
fn hundredths(value: i64) -> f64 {
    value as f64 / 100.0
}
