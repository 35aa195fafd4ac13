//! Reads from a certificate until when it is valid, and nothing else of it. Knows as much of DER as that takes; what it does
//! not understand it answers with nothing.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// Tags of DER (ITU-T X.690).
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The end of a certificate's validity, as RFC 5280 has it.
pub fn of(certificate: &[u8]) -> Option<Timestamp> {
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (mut rest, _) = element(certificate, SEQUENCE)?;
    if rest.first() == Some(&VERSION) {
        rest = any(rest)?.2;
    }
    // Serial number, algorithm, issuer.
    for _ in 0..3 {
        rest = any(rest)?.2;
    }
    let (validity, _) = element(rest, SEQUENCE)?;
    let (_, _, not_after) = any(validity)?;
    let (tag, text, _) = any(not_after)?;
    let text = std::str::from_utf8(text).ok()?;
    let text = match tag {
        // Two digits of a year stand for 1950 to 2049.
        UTC_TIME => format!("{}{text}", if text >= "50" { "19" } else { "20" }),
        GENERALIZED_TIME => text.to_string(),
        _ => return None,
    };
    let time = DateTime::strptime("%Y%m%d%H%M%SZ", text).ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// The content of the first element, which has this tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    any(der).filter(|(found, ..)| *found == tag).map(|(_, content, rest)| (content, rest))
}

/// Tag and content of the first element, and what follows it.
fn any(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], mut rest) = der.split_first_chunk()?;
    let mut length = usize::from(first);
    if first >= 0x80 {
        let (bytes, after) = rest.split_at_checked(usize::from(first & 0x7f)).filter(|(bytes, _)| bytes.len() <= 4)?;
        length = bytes.iter().fold(0, |length, byte| (length << 8) | usize::from(*byte));
        rest = after;
    }
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};

    use super::*;
    use crate::webhook::certificate::pair;

    fn made_for(days: u64) -> (Vec<u8>, Timestamp) {
        let now = "2026-11-21T13:00:00Z".parse().expect("a time");
        let pair = pair(&["a.b.svc".into()], Duration::from_secs(days * 86_400), now).expect("a pair");
        (CertificateDer::from_pem_slice(pair.certificate.as_bytes()).expect("PEM").to_vec(), pair.expires)
    }

    #[test]
    fn the_end_is_the_one_it_was_made_with() {
        // From 2050 on, times are written in full.
        for days in [1, 365, 30 * 365] {
            let (certificate, expires) = made_for(days);
            assert_eq!(of(&certificate), Some(expires), "{days} days");
        }
    }

    #[test]
    fn what_is_cut_short_has_none() {
        let (certificate, _) = made_for(365);
        assert!((0..certificate.len()).all(|end| of(&certificate[..end]).is_none()));
        assert_eq!(of(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
