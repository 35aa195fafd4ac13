//! Makes a certificate and the authority that vouches for it and for nothing else: the authority's key is thrown away.

use std::time::Duration;

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

use super::keyring::Pair;

/// A certificate for these names. It is valid from the day before, since clocks differ, and is to be renewed after two
/// thirds of its life.
///
/// # Errors
/// When a name cannot be in a certificate.
pub fn pair(names: &[String], lifetime: Duration, now: Timestamp) -> anyhow::Result<Pair> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let last = (now + lifetime).to_zoned(TimeZone::UTC).date().saturating_add(1.day());
    let first = today.saturating_sub(1.day());
    let midnight =
        |date: Date| date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs());
    let valid = |params: &mut CertificateParams, name: String| {
        params.not_before = midnight(first);
        params.not_after = midnight(last);
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
    };

    let mut authority = CertificateParams::default();
    // Two authorities of one name would be hard to tell apart in a bundle.
    valid(&mut authority, format!("onager-webhook-ca-{}", now.as_millisecond()));
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let authority_key = KeyPair::generate()?;
    let ca = authority.self_signed(&authority_key)?.pem();
    let issuer = Issuer::new(authority, authority_key);

    let mut server = CertificateParams::new(names.to_vec())?;
    valid(&mut server, names.first().cloned().unwrap_or_default());
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let certificate = server.signed_by(&key, &issuer)?.pem();
    Ok(Pair {
        ca,
        certificate,
        key: key.serialize_pem(),
        renew: now + lifetime * 2 / 3,
        expires: last.to_zoned(TimeZone::UTC)?.timestamp(),
    })
}
