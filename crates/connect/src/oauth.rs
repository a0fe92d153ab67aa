//! The OAuth code flow as data: addresses to open and forms to post. Nothing is sent from here.

/// A vendor's OAuth addresses.
#[derive(Debug)]
pub struct OAuth {
    /// Where a person allows access.
    pub authorize_url: &'static str,
    /// Where codes and refresh tokens are exchanged, below the base address.
    pub token_path: &'static str,
    /// What we ask for and cannot do without.
    pub scopes: &'static [&'static str],
}
