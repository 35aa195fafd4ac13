//! The certificates of a cluster: one authority, and what each component shows to the others. Made anew at each start of
//! the control plane where its address changed, otherwise kept.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

/// The authority and the folder its products go to.
pub struct Authority {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

/// Where a certificate and its key were written.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate's file.
    pub certificate: PathBuf,
    /// The key's file.
    pub key: PathBuf,
}

impl Authority {
    /// Reads the authority, or makes it.
    pub fn open(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let files = identity(folder, "ca");
        if !files.certificate.exists() {
            let mut params = CertificateParams::default();
            params.distinguished_name = subject("onager-ca", None);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
            let key = KeyPair::generate()?;
            let certificate = params.self_signed(&key)?;
            write(&files.key, &key.serialize_pem())?;
            write(&files.certificate, &certificate.pem())?;
        }
        let key = KeyPair::from_pem(&fs::read_to_string(&files.key)?).context("the authority's key is damaged")?;
        let mut params = CertificateParams::default();
        params.distinguished_name = subject("onager-ca", None);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        Ok(Self { folder: folder.to_owned(), issuer: Issuer::new(params, key) })
    }

    /// The authority's certificate.
    pub fn certificate(&self) -> PathBuf {
        identity(&self.folder, "ca").certificate
    }

    /// A certificate under the given file name, valid for both ends of a connection.
    pub fn issue(
        &self,
        file: &str,
        name: &str,
        group: Option<&str>,
        hosts: &[&str],
        ips: &[IpAddr],
    ) -> Result<Identity> {
        let mut params = CertificateParams::new(hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>())?;
        params.subject_alt_names.extend(ips.iter().map(|ip| SanType::IpAddress(*ip)));
        params.distinguished_name = subject(name, group);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let files = identity(&self.folder, file);
        write(&files.key, &key.serialize_pem())?;
        write(&files.certificate, &certificate.pem())?;
        Ok(files)
    }

    /// The pair that signs service account tokens: the certificate's place holds the public key.
    pub fn token_keys(&self) -> Result<Identity> {
        let files = identity(&self.folder, "tokens");
        if !files.certificate.exists() {
            let key = KeyPair::generate()?;
            write(&files.key, &key.serialize_pem())?;
            write(&files.certificate, &key.public_key_pem())?;
        }
        Ok(files)
    }
}

fn identity(folder: &Path, file: &str) -> Identity {
    Identity { certificate: folder.join(format!("{file}.crt")), key: folder.join(format!("{file}.key")) }
}

fn subject(name: &str, group: Option<&str>) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    if let Some(group) = group {
        subject.push(DnType::OrganizationName, group);
    }
    subject
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        .with_context(|| format!("cannot guard {}", path.display()))
}
