//! One trip, drawn from plausible distributions: most are short and within Manhattan, the long ones go to an airport,
//! some were refunded, and some lack what the driver's device did not send.

use crate::rng::Rng;
use crate::zones::{AIRPORTS, BOROUGHS};

/// 1 January 2024, 00:00, in seconds.
const MONTH_START: i64 = 1_704_067_200;
const DAYS: i64 = 31;

/// Trips out of 1,000 that start in each of [`BOROUGHS`], and that end there.
const PICK_UPS: [u64; 8] = [1, 3, 14, 95, 876, 1, 6, 4];
const DROP_OFFS: [u64; 8] = [4, 7, 42, 55, 880, 1, 6, 5];
/// Trips by hour of the day: the night is quiet, the evening is not.
const HOURS: [u64; 24] = [28, 19, 13, 9, 6, 7, 14, 28, 39, 43, 46, 50, 55, 57, 61, 63, 63, 69, 73, 64, 57, 57, 53, 40];
/// Passengers 0 to 6.
const PASSENGERS: [u64; 7] = [11, 750, 140, 32, 18, 12, 8];

const CREDIT_CARD: i64 = 1;
const RATE_STANDARD: i64 = 1;
const RATE_JFK: i64 = 2;
const RATE_NEWARK: i64 = 3;
const RATE_NEGOTIATED: i64 = 5;

/// What the meter's device sends; absent for some trips.
pub struct Meter {
    pub passengers: i64,
    pub rate: i64,
    pub store_and_forward: bool,
    pub congestion: i64,
    pub airport: i64,
}

/// One trip. Amounts are in cents, times in seconds since 1970.
pub struct Trip {
    pub vendor: i32,
    pub pick_up: i64,
    pub drop_off: i64,
    /// In hundredths of a mile.
    pub distance: i64,
    pub from: i32,
    pub to: i32,
    pub payment: i64,
    pub fare: i64,
    pub extra: i64,
    pub mta_tax: i64,
    pub tip: i64,
    pub tolls: i64,
    pub improvement: i64,
    pub total: i64,
    pub meter: Option<Meter>,
}

impl Trip {
    /// The next trip of a stream.
    pub fn random(rng: &mut Rng) -> Self {
        let (from, to) = places(rng);
        let airport = |zone: i32| AIRPORTS.iter().any(|(id, _)| *id == zone);
        let distance = distance(rng, from, to);
        let hour = rng.weighted(&HOURS) as i64;
        let pick_up = MONTH_START + rng.below(DAYS as u64) as i64 * 86_400 + hour * 3600 + rng.below(3600) as i64;
        // 7 to 21 miles an hour, and two minutes to get in and out.
        let speed = 700 + rng.below(1400) as i64;
        let drop_off = pick_up + 120 + distance * 3600 / speed;

        let rate = rate(rng, from, to);
        let fare = match rate {
            RATE_JFK => 7000,
            RATE_NEWARK => 2300 + distance * 35 / 10,
            RATE_NEGOTIATED => 2000 + rng.below(13_000) as i64,
            // A first fee, 70 cents for a fifth of a mile, and the minutes of slow traffic.
            _ => 300 + distance * 35 / 10 + (drop_off - pick_up) / 300 * 70,
        };
        let payment = [CREDIT_CARD, 2, 4, 3][rng.weighted(&[800, 170, 20, 10])];
        let extra = if (16..20).contains(&hour) {
            250
        } else if !(6..20).contains(&hour) {
            100
        } else {
            0
        };
        let tolls = if airport(from) || airport(to) { [0, 694][rng.weighted(&[55, 45])] } else { 0 };
        let congestion = if rng.chance(920) { 250 } else { 0 };
        let mut trip = Self {
            vendor: if rng.chance(750) { 2 } else { 1 },
            pick_up,
            drop_off,
            distance,
            from,
            to,
            payment,
            fare,
            extra,
            mta_tax: 50,
            // Only tips by card are known.
            tip: if payment == CREDIT_CARD { fare * rng.below(32) as i64 / 100 } else { 0 },
            tolls,
            improvement: 100,
            total: 0,
            meter: None,
        };
        let fee = if from == AIRPORTS[1].0 || from == AIRPORTS[2].0 { 175 } else { 0 };
        trip.total = trip.fare + extra + trip.mta_tax + trip.tip + tolls + trip.improvement + congestion + fee;
        if rng.chance(953) {
            let passengers = rng.weighted(&PASSENGERS) as i64;
            let store_and_forward = rng.chance(4);
            trip.meter = Some(Meter { passengers, rate, store_and_forward, congestion, airport: fee });
        } else {
            trip.payment = 0;
        }
        if trip.meter.is_some() && rng.chance(12) {
            trip.refund();
        }
        trip
    }

    /// The same trip with every amount taken back.
    fn refund(&mut self) {
        for amount in [
            &mut self.fare,
            &mut self.extra,
            &mut self.mta_tax,
            &mut self.tip,
            &mut self.tolls,
            &mut self.improvement,
            &mut self.total,
        ] {
            *amount = -*amount;
        }
        if let Some(meter) = &mut self.meter {
            meter.congestion = -meter.congestion;
            meter.airport = -meter.airport;
        }
    }
}

/// Where it starts and ends. Trips from Queens mostly start at its airports.
fn places(rng: &mut Rng) -> (i32, i32) {
    let start = rng.weighted(&PICK_UPS);
    // Short trips stay where they are; outside Manhattan that is less sure.
    let end = if rng.chance(550) { start } else { rng.weighted(&DROP_OFFS) };
    let from = if start == 3 && rng.chance(850) { AIRPORTS[1 + rng.weighted(&[60, 40])].0 } else { zone(rng, start) };
    let to = if end == 3 && rng.chance(500) { AIRPORTS[1 + rng.weighted(&[50, 50])].0 } else { zone(rng, end) };
    (from, to)
}

/// A zone of a borough; low numbers are the busy ones.
fn zone(rng: &mut Rng, borough: usize) -> i32 {
    let zones = &BOROUGHS[borough].zones;
    let count = f64::from(zones.end() - zones.start() + 1);
    zones.start() + (rng.unit() * rng.unit() * count) as i32
}

/// Hundredths of a mile: an exponential distribution around what the boroughs suggest.
fn distance(rng: &mut Rng, from: i32, to: i32) -> i64 {
    let borough = |zone: i32| BOROUGHS.iter().position(|borough| borough.zones.contains(&zone));
    let (least, mean) = match (borough(from), borough(to)) {
        _ if from == to => (20, 90.0),
        (Some(0), _) | (_, Some(0)) => (1200, 500.0),
        (start, end) if start == end => (40, 170.0),
        _ => (350, 600.0),
    };
    // The longest of all is some 17 times the mean: unit() is at most 1 - 2^-53, and 1 % is enough for a tail.
    let drawn = -(1.0 - rng.unit()).max(1e-7).ln() * mean;
    least + drawn as i64
}

fn rate(rng: &mut Rng, from: i32, to: i32) -> i64 {
    let manhattan = &BOROUGHS[4].zones;
    let jfk = AIRPORTS[1].0;
    if to == AIRPORTS[0].0 {
        RATE_NEWARK
    } else if (from == jfk && manhattan.contains(&to)) || (to == jfk && manhattan.contains(&from)) {
        RATE_JFK
    } else if rng.chance(8) {
        RATE_NEGOTIATED
    } else {
        RATE_STANDARD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trips() -> Vec<Trip> {
        let mut rng = Rng::new(7, 0);
        (0..20_000).map(|_| Trip::random(&mut rng)).collect()
    }

    #[test]
    fn every_trip_makes_sense() {
        for trip in trips() {
            assert!((1..=265).contains(&trip.from) && (1..=265).contains(&trip.to));
            assert!((MONTH_START..MONTH_START + DAYS * 86_400).contains(&trip.pick_up));
            assert!(trip.drop_off > trip.pick_up);
            assert!((1..20_000).contains(&trip.distance), "{}", trip.distance);
            assert!(trip.fare.abs() >= 300, "{}", trip.fare);
            assert!(trip.total.abs() > trip.fare.abs());
        }
    }

    #[test]
    fn they_are_spread_as_the_city_is() {
        let trips = trips();
        let share = |what: fn(&Trip) -> bool| trips.iter().filter(|trip| what(trip)).count() * 1000 / trips.len();
        assert!((850..900).contains(&share(|trip| BOROUGHS[4].zones.contains(&trip.from))));
        assert!((5..20).contains(&share(|trip| trip.fare < 0)));
        assert!((50..250).contains(&share(|trip| trip.fare > 3000)));
        assert!((35..60).contains(&share(|trip| trip.meter.is_none())));
    }
}
