//! The certificates that are on record, and what is to be done about them next. Pure: the time comes in, the next keyring
//! goes out. A change has two halves: first the next certificate is announced, so that it is trusted before it is served;
//! then it is served, and the old one stays trusted until everybody serves the new one.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A certificate, its key, and who vouches for it; all PEM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    pub ca: String,
    pub certificate: String,
    pub key: String,
    /// When the next one is to be made.
    pub renew: Timestamp,
    /// Until when it is valid.
    pub expires: Timestamp,
}

/// All that is on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keyring {
    /// What the certificates are made for.
    pub names: Vec<String>,
    /// What is served.
    pub current: Pair,
    /// What will be served, and is trusted already.
    pub next: Option<Pair>,
    /// Who vouched for what was served before, and is trusted still.
    pub previous: Option<String>,
    /// When one of these changed last.
    pub changed: Timestamp,
}

/// What is to be done about the keyring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing, for so long.
    Keep(Duration),
    /// This is to be on record.
    Save(Box<Keyring>),
}

/// What decides about the next step, beside what is on record.
pub struct Facts<'a> {
    /// What a certificate is to be made for.
    pub names: &'a [String],
    /// How long old and new are both trusted.
    pub overlap: Duration,
    /// Whether the API server was told to trust all of the keyring.
    pub trusted: bool,
    /// Whether somebody asked for a new certificate.
    pub asked: bool,
    pub now: Timestamp,
}

impl Keyring {
    /// Every authority to be trusted, the current one first.
    pub fn bundle(&self) -> String {
        let next = self.next.as_ref().map(|pair| pair.ca.as_str());
        [Some(self.current.ca.as_str()), next, self.previous.as_deref()].into_iter().flatten().collect()
    }

    /// What is to be done now; `make` makes a certificate.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn step<E>(
        on_record: Option<&Self>,
        facts: &Facts<'_>,
        make: impl FnOnce() -> Result<Pair, E>,
    ) -> Result<Step, E> {
        let now = facts.now;
        let Some(ring) = on_record.filter(|ring| ring.names == facts.names && now < ring.current.expires) else {
            // What replicas of another version serve stays trusted while it is valid.
            let previous = on_record.map(|ring| ring.current.ca.clone());
            let first = Self { names: facts.names.to_vec(), current: make()?, next: None, previous, changed: now };
            return Ok(Step::Save(Box::new(first)));
        };
        let due = ring.changed + facts.overlap;
        let left = |until: Timestamp| Duration::try_from(until.duration_since(now)).unwrap_or_default();
        if let Some(next) = &ring.next {
            if facts.trusted && now >= due {
                let previous = Some(ring.current.ca.clone());
                return Ok(Step::Save(Box::new(Self {
                    current: next.clone(),
                    next: None,
                    previous,
                    changed: now,
                    ..ring.clone()
                })));
            }
            return Ok(Step::Keep(left(due)));
        }
        if ring.previous.is_some() {
            if now >= due {
                return Ok(Step::Save(Box::new(Self { previous: None, changed: now, ..ring.clone() })));
            }
            return Ok(Step::Keep(left(due)));
        }
        if facts.asked || now >= ring.current.renew {
            return Ok(Step::Save(Box::new(Self { next: Some(make()?), changed: now, ..ring.clone() })));
        }
        Ok(Step::Keep(left(ring.current.renew)))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);
    const OVERLAP: Duration = Duration::from_secs(600);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn pair(name: &str, made: Timestamp) -> Pair {
        let text = |what: &str| format!("{name} {what}\n");
        Pair {
            ca: text("ca"),
            certificate: text("certificate"),
            key: text("key"),
            renew: made + DAY * 60,
            expires: made + DAY * 90,
        }
    }

    fn step(ring: Option<&Keyring>, trusted: bool, asked: bool, now: Timestamp, made: &str) -> Step {
        let names = ["svc".to_string()];
        let facts = Facts { names: &names, overlap: OVERLAP, trusted, asked, now };
        Keyring::step(ring, &facts, || Ok::<_, Infallible>(pair(made, now))).expect("a step")
    }

    fn saved(step: Step) -> Keyring {
        match step {
            Step::Save(ring) => *ring,
            Step::Keep(time) => panic!("kept for {time:?}"),
        }
    }

    /// Whoever serves any certificate of either keyring is trusted by whoever was told of either.
    fn overlaps(before: &Keyring, after: &Keyring) {
        assert!(before.bundle().contains(&after.current.ca), "served before it is trusted");
        assert!(after.bundle().contains(&before.current.ca), "not trusted while it is served");
    }

    #[test]
    fn a_certificate_is_renewed_without_a_moment_of_mistrust() {
        let first = saved(step(None, false, false, at(0), "a"));
        assert_eq!(step(Some(&first), true, false, at(10), "x"), Step::Keep(DAY * 60 - Duration::from_secs(10)));

        let renew = first.current.renew;
        let announced = saved(step(Some(&first), true, false, renew, "b"));
        assert_eq!(announced.current, first.current, "announced, not served");
        overlaps(&first, &announced);
        assert_eq!(step(Some(&announced), true, false, renew, "x"), Step::Keep(OVERLAP));
        assert!(
            matches!(step(Some(&announced), false, false, renew + OVERLAP, "x"), Step::Keep(_)),
            "nobody trusts it yet"
        );

        let served = saved(step(Some(&announced), true, false, renew + OVERLAP, "x"));
        assert_eq!(served.current.ca, "b ca\n");
        overlaps(&announced, &served);
        assert!(served.bundle().contains("a ca"), "the old one is trusted while others may serve it");

        let alone = saved(step(Some(&served), true, false, renew + OVERLAP * 2, "x"));
        overlaps(&served, &alone);
        assert_eq!(alone.bundle(), "b ca\n");
        assert!(matches!(step(Some(&alone), true, false, renew + OVERLAP * 3, "x"), Step::Keep(_)));
    }

    #[test]
    fn one_is_made_at_once_where_none_would_do() {
        let first = saved(step(None, false, false, at(0), "a"));
        let after = saved(step(Some(&first), true, false, first.current.expires, "b"));
        assert_eq!(after.current.ca, "b ca\n");
        let renamed = Keyring { names: vec!["another".into()], ..first.clone() };
        let after = saved(step(Some(&renamed), true, false, at(10), "b"));
        assert_eq!((after.current.ca.as_str(), after.previous.as_deref()), ("b ca\n", Some("a ca\n")));
    }

    #[test]
    fn somebody_may_ask_for_another() {
        let first = saved(step(None, false, false, at(0), "a"));
        let announced = saved(step(Some(&first), true, true, at(10), "b"));
        assert_eq!(announced.next.as_ref().map(|pair| pair.ca.as_str()), Some("b ca\n"));
        assert!(matches!(step(Some(&announced), true, true, at(20), "x"), Step::Keep(_)), "one at a time");
    }
}
