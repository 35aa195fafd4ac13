//! The token with which the operator dials a driver's control channel, and the digest by which the driver knows it. Each side
//! must make the same of it; only the operator has the key.

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

/// The token of an application: HMAC-SHA256 (RFC 2104) of its UID with the operator's key, in hex.
pub fn of(key: &[u8], uid: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        unreachable!("HMAC takes keys of any length");
    };
    mac.update(uid.as_bytes());
    hex(&mac.finalize().into_bytes())
}

/// What a token is known by without being told: its SHA-256, in hex.
pub fn digest(token: &str) -> String {
    hex(&Sha256::digest(token))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf token | sha256sum`
    const OF_TOKEN: &str = "3c469e9d6c5875d37a43f353d4f88e61fcf812c66eee3457465a40b0da4153e0";

    #[test]
    fn only_the_token_has_its_digest() {
        assert_eq!(digest("token"), OF_TOKEN);
        for wrong in ["", "toke", "tokens", OF_TOKEN] {
            assert_ne!(digest(wrong), OF_TOKEN, "{wrong}");
        }
    }

    /// RFC 4231, 4.3.
    #[test]
    fn a_token_is_of_key_and_application() {
        let known = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(of(b"Jefe", "what do ya want for nothing?"), known);
        assert_ne!(of(b"Jeff", "what do ya want for nothing?"), known);
    }
}
