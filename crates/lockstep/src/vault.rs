//! Secrets at rest: sealed under a key ring, bound to the place they are stored in.
//!
//! A ring is text: `k2:BASE64,k1:BASE64`, 32 bytes a key, the active key first. A new key is put in front and the old
//! ones stay for what they sealed.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use lockstep_core::env::Env;
use secrecy::SecretString;

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// A key's id is one short word, so that its length fits the first byte of what it sealed.
const KEY_ID_CHARS_MAX: usize = 32;
const RING_BYTES_MAX: u64 = 64 * 1024;

/// The key ring. Clones share it.
#[derive(Clone)]
pub struct Vault {
    ring: Arc<Vec<RingKey>>,
}

struct RingKey {
    id: String,
    cipher: XChaCha20Poly1305,
}

/// The place a secret is stored in. A sealed text that is moved to another row or column does not open there.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The table.
    pub table: &'a str,
    /// The row's id.
    pub row: &'a str,
    /// The column.
    pub column: &'a str,
}

/// Why a vault cannot be had or a secret cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The ring's text is malformed.
    #[error("the key ring is malformed: {0}. It is one line such as k1:BASE64 with 32 bytes a key")]
    Malformed(&'static str),
    /// The ring lacks the key, or the sealed text was altered or moved.
    #[error("the key ring does not open what is stored: use the ring this database was made with")]
    WrongKey,
    /// The ring's file cannot be read or written.
    #[error("the key ring {path}: {error}")]
    File {
        /// The file.
        path: String,
        /// What the system says.
        error: io::Error,
    },
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ring.iter().map(|key| &key.id)).finish()
    }
}

impl Vault {
    /// Reads a ring.
    ///
    /// # Errors
    /// When the text is malformed.
    pub fn from_text(text: &str) -> Result<Self, VaultError> {
        let ring = text.trim().split(',').map(RingKey::parse).collect::<Result<Vec<_>, _>>()?;
        let repeated = ring.iter().enumerate().any(|(n, key)| ring[..n].iter().any(|other| other.id == key.id));
        if repeated {
            return Err(VaultError::Malformed("a key id comes twice"));
        }
        Ok(Self { ring: Arc::new(ring) })
    }

    /// Reads the ring's file, or makes one with a fresh key that only its owner can read.
    ///
    /// # Errors
    /// When the file cannot be read or written, or is malformed.
    pub fn load_or_create(path: &Path, env: &Env) -> Result<Self, VaultError> {
        let file = |error| VaultError::File { path: path.display().to_string(), error };
        match File::open(path) {
            Ok(ring) => {
                let mut text = String::new();
                ring.take(RING_BYTES_MAX).read_to_string(&mut text).map_err(file)?;
                Self::from_text(&text)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let text = format!("k1:{}", STANDARD.encode(env.random_bytes::<KEY_BYTES>()));
                create_private(path, &text).map_err(file)?;
                Self::from_text(&text)
            }
            Err(error) => Err(file(error)),
        }
    }

    /// Seals a secret for its place, under the active key.
    ///
    /// # Errors
    /// When the secret is too long for the cipher (256 GiB).
    pub fn seal(&self, place: Place<'_>, secret: &[u8], env: &Env) -> Result<Vec<u8>, VaultError> {
        let active = self.ring.first().ok_or(VaultError::Malformed("it is empty"))?;
        let nonce = env.random_bytes::<NONCE_BYTES>();
        let payload = Payload { msg: secret, aad: &place.bytes() };
        let sealed = active.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| VaultError::WrongKey)?;
        let id_length = u8::try_from(active.id.len()).map_err(|_| VaultError::Malformed("a key id is too long"))?;
        Ok([&[id_length], active.id.as_bytes(), &nonce, &sealed].concat())
    }

    /// Opens what was sealed for this place.
    ///
    /// # Errors
    /// [`VaultError::WrongKey`] when the ring lacks the key, or the sealed text was altered or belongs elsewhere.
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<SecretString, VaultError> {
        let (id, nonce, sealed) = parts(sealed).ok_or(VaultError::WrongKey)?;
        let key = self.ring.iter().find(|key| key.id.as_bytes() == id).ok_or(VaultError::WrongKey)?;
        let payload = Payload { msg: sealed, aad: &place.bytes() };
        let secret = key.cipher.decrypt(&XNonce::from(nonce), payload).map_err(|_| VaultError::WrongKey)?;
        String::from_utf8(secret).map(SecretString::from).map_err(|_| VaultError::WrongKey)
    }
}

impl RingKey {
    fn parse(text: &str) -> Result<Self, VaultError> {
        let (id, key) = text.trim().split_once(':').ok_or(VaultError::Malformed("a key lacks its id"))?;
        let fits = (1..=KEY_ID_CHARS_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric());
        if !fits {
            return Err(VaultError::Malformed("a key id is not a short word of letters and digits"));
        }
        let key = STANDARD.decode(key).map_err(|_| VaultError::Malformed("a key is not base64"))?;
        let key = <[u8; KEY_BYTES]>::try_from(key).map_err(|_| VaultError::Malformed("a key is not 32 bytes long"))?;
        Ok(Self { id: id.to_owned(), cipher: XChaCha20Poly1305::new(&Key::from(key)) })
    }
}

impl Place<'_> {
    fn bytes(&self) -> Vec<u8> {
        [self.table, self.row, self.column].join("\u{0}").into_bytes()
    }
}

fn parts(sealed: &[u8]) -> Option<(&[u8], [u8; NONCE_BYTES], &[u8])> {
    let (id_length, rest) = sealed.split_first()?;
    let (id, rest) = rest.split_at_checked(usize::from(*id_length))?;
    let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>()?;
    Some((id, *nonce, sealed))
}

fn create_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use lockstep_core::env::Time;
    use secrecy::ExposeSecret;

    use super::*;

    const PLACE: Place<'_> = Place { table: "connections", row: "con_1", column: "grant_sealed" };

    fn env() -> Env {
        Env::manual(Time::from_secs(1_700_000_000), 7).0
    }

    fn key(byte: u8) -> String {
        STANDARD.encode([byte; KEY_BYTES])
    }

    #[test]
    fn a_secret_opens_in_its_place_only() {
        let vault = Vault::from_text(&format!("k1:{}", key(1))).unwrap();
        let sealed = vault.seal(PLACE, b"pat-1", &env()).unwrap();
        assert_eq!(vault.open(PLACE, &sealed).unwrap().expose_secret(), "pat-1");
        assert!(!sealed.windows(5).any(|window| window == b"pat-1"));
        let elsewhere = Place { row: "con_2", ..PLACE };
        assert!(matches!(vault.open(elsewhere, &sealed), Err(VaultError::WrongKey)));
        for n in 0..sealed.len() {
            assert!(vault.open(PLACE, &sealed[..n]).is_err(), "cut at {n}");
        }
    }

    #[test]
    fn an_older_key_still_opens_and_a_foreign_ring_does_not() {
        let old = Vault::from_text(&format!("k1:{}", key(1))).unwrap();
        let sealed = old.seal(PLACE, b"pat-1", &env()).unwrap();
        let rotated = Vault::from_text(&format!("k2:{},k1:{}", key(2), key(1))).unwrap();
        assert!(rotated.open(PLACE, &sealed).is_ok());
        let foreign = Vault::from_text(&format!("k1:{}", key(3))).unwrap();
        assert!(matches!(foreign.open(PLACE, &sealed), Err(VaultError::WrongKey)));
    }

    #[test]
    fn malformed_rings_are_refused() {
        for text in ["", "k1", "k1:", "k1:AAAA", "k 1:AAAA", &format!("k1:{0},k1:{0}", key(1))] {
            assert!(matches!(Vault::from_text(text), Err(VaultError::Malformed(_))), "{text}");
        }
    }

    #[test]
    fn a_ring_is_made_once_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keyring");
        let sealed = Vault::load_or_create(&path, &env()).unwrap().seal(PLACE, b"pat-1", &env()).unwrap();
        assert!(Vault::load_or_create(&path, &env()).unwrap().open(PLACE, &sealed).is_ok());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
