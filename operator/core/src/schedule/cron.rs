//! The five fields of a cron schedule in the notation of the Kubeflow operator: lists, ranges, steps, names of months and
//! weekdays, `*` and `?`. Only days are matched here; where a time of day lies on the clock is for `timing`.

use jiff::civil::Date;

/// No schedule is looked for further ahead: 29 February is at most eight years away.
const HORIZON_YEARS: i16 = 9;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// One of the five fields.
struct Field {
    name: &'static str,
    least: u32,
    most: u32,
    names: &'static [&'static str],
    hint: &'static str,
}

const MINUTE: Field = Field { name: "minute", least: 0, most: 59, names: &[], hint: "" };
const HOUR: Field = Field { name: "hour", least: 0, most: 23, names: &[], hint: "" };
const DAY: Field = Field { name: "day of month", least: 1, most: 31, names: &[], hint: "" };
const MONTH: Field = Field { name: "month", least: 1, most: 12, names: &MONTHS, hint: ", or a name such as jan" };
const WEEKDAY: Field =
    Field { name: "day of week", least: 0, most: 6, names: &WEEKDAYS, hint: " (Sunday is 0), or a name such as mon" };

/// A set of numbers below 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Set {
    bits: u64,
    /// Whether a `*` without a step is in it: it then does not restrict days.
    any: bool,
}

impl Set {
    fn has(self, number: i8) -> bool {
        u32::try_from(number).is_ok_and(|number| self.bits >> number & 1 == 1)
    }

    fn numbers(self, from: i8) -> impl Iterator<Item = i8> {
        (from..64).filter(move |number| self.has(*number))
    }
}

/// A cron schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    minutes: Set,
    hours: Set,
    days: Set,
    months: Set,
    weekdays: Set,
}

impl Cron {
    /// Reads five fields, or one of `@yearly`, `@annually`, `@monthly`, `@weekly`, `@daily`, `@midnight`, `@hourly`.
    ///
    /// # Errors
    /// What is wrong, and what would be right.
    pub fn read(text: &str) -> Result<Self, String> {
        let text = match text {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            name if name.starts_with('@') => {
                return Err(format!(
                    "{name:?} is not known: write @hourly, @daily, @weekly, @monthly, @yearly or @every 1h30m"
                ));
            }
            fields => fields,
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields[..] else {
            return Err(format!(
                "{text:?} has {} fields: five are needed, minute, hour, day of month, month and day of week",
                fields.len()
            ));
        };
        let cron = Self {
            minutes: MINUTE.read(minutes)?,
            hours: HOUR.read(hours)?,
            days: DAY.read(days)?,
            months: MONTH.read(months)?,
            weekdays: WEEKDAY.read(weekdays)?,
        };
        if cron.never_comes() {
            return Err(format!("{text:?} never comes: no month it names has such a day"));
        }
        Ok(cron)
    }

    /// Whether it names every hour of a day.
    pub fn every_hour(&self) -> bool {
        self.hours.numbers(0).count() == 24
    }

    /// Whether it names this minute.
    pub fn has_minute(&self, minute: i8) -> bool {
        self.minutes.has(minute)
    }

    /// The hours and minutes of a day, in order, that are not before the one given.
    pub fn times(&self, (hour, minute): (i8, i8)) -> impl Iterator<Item = (i8, i8)> {
        let Self { minutes, hours, .. } = *self;
        let after = move |at: i8| if at == hour { minute } else { 0 };
        hours.numbers(hour).flat_map(move |at| minutes.numbers(after(at)).map(move |minute| (at, minute)))
    }

    /// Whether it names this day. Where days of month and of week are both restricted, either will do, as cron has it.
    pub fn has_day(&self, date: Date) -> bool {
        let day = self.days.has(date.day());
        let weekday = self.weekdays.has(date.weekday().to_sunday_zero_offset());
        let days = if self.days.any || self.weekdays.any { day && weekday } else { day || weekday };
        self.months.has(date.month()) && days
    }

    /// The first day it names that is not before the one given.
    pub fn next_day(&self, from: Date) -> Option<Date> {
        let horizon = from.year().checked_add(HORIZON_YEARS)?;
        let mut date = from;
        while date.year() < horizon {
            if self.has_day(date) {
                return Some(date);
            }
            // A month without a match is left at once.
            date = if self.months.has(date.month()) { date } else { date.last_of_month() }.tomorrow().ok()?;
        }
        None
    }

    fn never_comes(&self) -> bool {
        let length = |month: i8| if month == 2 { 29 } else { 30 + (month + month / 8) % 2 };
        let longest = self.months.numbers(1).map(length).max().unwrap_or(0);
        // A day of week comes in every month, and is enough where both are restricted.
        let day = self.days.numbers(1).next().is_some_and(|day| day <= longest);
        let either = !self.days.any && !self.weekdays.any;
        !(day || either)
    }
}

impl Field {
    fn read(&self, text: &str) -> Result<Set, String> {
        let mut set = Set { bits: 0, any: false };
        for item in text.split(',') {
            let Set { bits, any } = self.item(item)?;
            set = Set { bits: set.bits | bits, any: set.any || any };
        }
        Ok(set)
    }

    fn item(&self, item: &str) -> Result<Set, String> {
        let (range, step) = item.split_once('/').map_or((item, None), |(range, step)| (range, Some(step)));
        let step = match step.map(str::parse::<u32>) {
            None => 1,
            Some(Ok(step @ 1..=63)) => step,
            Some(_) => return Err(self.wrong(item, "a step must be a number above zero")),
        };
        let any = matches!(range, "*" | "?");
        let (first, last) = match range.split_once('-') {
            _ if any => (self.least, self.most),
            Some((first, last)) => (self.number(item, first)?, self.number(item, last)?),
            // `5/15` goes on to the end, as the Kubeflow operator has it.
            None if item.contains('/') => (self.number(item, range)?, self.most),
            None => (self.number(item, range)?, self.number(item, range)?),
        };
        if first > last {
            return Err(self.wrong(item, "a range must not begin after its end"));
        }
        let numbers = (first..=last).step_by(step as usize);
        Ok(Set { bits: numbers.fold(0, |bits, number| bits | 1 << number), any: any && step == 1 })
    }

    fn number(&self, item: &str, text: &str) -> Result<u32, String> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let named = named.and_then(|at| u32::try_from(at).ok()).map(|at| at + self.least);
        let digits = || text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        named
            .or_else(digits)
            .filter(|number| (self.least..=self.most).contains(number))
            .ok_or_else(|| self.wrong(item, &format!("numbers are {} to {}{}", self.least, self.most, self.hint)))
    }

    fn wrong(&self, item: &str, right: &str) -> String {
        format!("{item:?} is not a {}: {right}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cron(text: &str) -> Cron {
        Cron::read(text).expect(text)
    }

    fn times(text: &str) -> Vec<(i8, i8)> {
        cron(text).times((0, 0)).collect()
    }

    #[test]
    fn lists_ranges_and_steps_name_times() {
        assert_eq!(times("30 4,6 * * *"), [(4, 30), (6, 30)]);
        assert_eq!(times("0-10/5 7 * * *"), [(7, 0), (7, 5), (7, 10)]);
        assert_eq!(times("5/20 7 * * *"), [(7, 5), (7, 25), (7, 45)]);
        assert_eq!(times("*/30 22-23 * * *"), [(22, 0), (22, 30), (23, 0), (23, 30)]);
        assert_eq!(cron("*/30 22-23 * * *").times((22, 1)).next(), Some((22, 30)));
    }

    #[test]
    fn days_of_month_and_of_week_are_joined_as_cron_has_it() {
        let day = |day| Date::constant(2026, 11, day);
        let days = |text: &str| (1..=30).filter(|at| cron(text).has_day(day(*at))).collect::<Vec<i8>>();
        assert_eq!(days("0 0 13 * *"), [13]);
        assert_eq!(days("0 0 * * fri"), [6, 13, 20, 27]);
        assert_eq!(days("0 0 14 * Fri"), [6, 13, 14, 20, 27], "either, where both are restricted");
        assert_eq!(days("0 0 */10 * sun"), [1, 8, 11, 15, 21, 22, 29], "a star with a step restricts");
        assert_eq!(days("0 0 ? NOV mon-tue"), [2, 3, 9, 10, 16, 17, 23, 24, 30]);
        assert!(days("0 0 * dec *").is_empty());
    }

    #[test]
    fn names_stand_for_fields() {
        for (name, fields) in [
            ("@yearly", "0 0 1 1 *"),
            ("@annually", "0 0 1 1 *"),
            ("@monthly", "0 0 1 * *"),
            ("@weekly", "0 0 * * sun"),
            ("@midnight", "0 0 * * *"),
            ("@daily", "0 0 * * *"),
            ("@hourly", "0 0-23 * * *"),
        ] {
            let (name, fields) = (cron(name), cron(fields));
            assert_eq!((name.minutes, name.days, name.weekdays), (fields.minutes, fields.days, fields.weekdays));
            assert_eq!((name.hours.bits, name.months), (fields.hours.bits, fields.months));
        }
    }

    #[test]
    fn what_cannot_be_read_says_what_would_be_right() {
        for (text, words) in [
            ("* * * *", "five are needed"),
            ("* * * * * *", "has 6 fields"),
            ("60 * * * *", "minute: numbers are 0 to 59"),
            ("* 24 * * *", "hour: numbers are 0 to 23"),
            ("* * 0 * *", "day of month: numbers are 1 to 31"),
            ("* * * 13 *", "or a name such as jan"),
            ("* * * * 7", "Sunday is 0"),
            ("* * * * mon-", "day of week"),
            ("*/0 * * * *", "a step must be"),
            ("*/x * * * *", "a step must be"),
            ("1-2-3 * * * *", "minute"),
            ("1/2/3 * * * *", "a step must be"),
            ("30-10 * * * *", "must not begin after"),
            ("-1 * * * *", "minute"),
            ("+1 * * * *", "minute"),
            (", * * * *", "minute"),
            ("* * L * *", "day of month"),
            ("@often", "@hourly"),
            ("0 0 30 2 *", "never comes"),
            ("0 0 31 4,6,9,11 *", "never comes"),
        ] {
            let said = Cron::read(text).expect_err(text);
            assert!(said.contains(words), "{text}: {said}");
        }
        assert!(Cron::read("0 0 30 2 mon").is_ok(), "Mondays come");
    }

    #[test]
    fn the_29th_of_february_is_found_across_a_century() {
        let leap = cron("0 0 29 2 *");
        assert_eq!(leap.next_day(Date::constant(2096, 3, 1)), Some(Date::constant(2104, 2, 29)));
    }
}
