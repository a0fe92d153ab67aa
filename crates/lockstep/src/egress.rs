//! The way out: https to public addresses, redirects not followed, answers no longer than allowed.
//!
//! Names are resolved here and every address is judged before a connection is made, so that neither a name that points
//! inwards nor one that changes its mind between check and use reaches a private network.

use std::collections::BTreeSet;
use std::error::Error;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use url::{Host, Url};

use crate::network::{Body, Limits, Network, NetworkError};

/// Which targets may be reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// `host:port` of single targets that may be anywhere and need no https, such as an on-premises Odoo.
    pub allow: BTreeSet<String>,
    /// Whether loopback may be reached, by plain http too.
    pub allow_local_targets: bool,
}

/// Why an address will not do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTarget {
    /// Not an absolute URL with a host.
    #[error("it is not a full address such as https://example.com/hook")]
    Malformed,
    /// A user name or a password in it.
    #[error("it must not hold a user name or password")]
    Credentials,
    /// Plain http where https is demanded.
    #[error("it must start with https://")]
    NotHttps,
    /// A host inside.
    #[error("its host is not public; the operator can open it with egress.allow or --allow-local-targets")]
    NotPublic,
}

impl Rules {
    /// Judges an address before anything is resolved: its form, its scheme, and its host where that is an IP address or
    /// a name that never leaves the machine. Answers it in the form that can be sent to: spaces escaped, names in ASCII.
    ///
    /// # Errors
    /// See [`BadTarget`].
    pub fn check_url(&self, text: &str) -> Result<Url, BadTarget> {
        let url = Url::parse(text).map_err(|_| BadTarget::Malformed)?;
        // What sends has a stricter reading of addresses than what parses.
        url.as_str().parse::<http::Uri>().map_err(|_| BadTarget::Malformed)?;
        let host = url.host().ok_or(BadTarget::Malformed)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(BadTarget::NotHttps);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BadTarget::Credentials);
        }
        if self.is_listed(&url) {
            return Ok(url);
        }
        let (public, local) = match host {
            Host::Ipv4(ip) => (is_public(ip.into()), ip.is_loopback()),
            Host::Ipv6(ip) => (is_public(ip.into()), ip.is_loopback()),
            Host::Domain(name) => {
                let local = is_local_name(name);
                (!local, local)
            }
        };
        if local && self.allow_local_targets {
            return Ok(url);
        }
        if !public {
            return Err(BadTarget::NotPublic);
        }
        if url.scheme() == "https" { Ok(url) } else { Err(BadTarget::NotHttps) }
    }

    fn is_listed(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        url.port_or_known_default().is_some_and(|port| self.allow.contains(&format!("{host}:{port}")))
    }

    fn allows_ip(&self, ip: IpAddr) -> bool {
        is_public(ip) || (self.allow_local_targets && ip.to_canonical().is_loopback())
    }
}

fn is_local_name(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost")
}

/// Whether an address belongs to the public internet (IANA's special-purpose registries say which do not).
pub fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let protocol = a == 192 && b == 0 && c == 0;
    let benchmark = a == 198 && (b == 18 || b == 19);
    !(a == 0
        || a >= 224
        || ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation()
        || shared
        || protocol
        || benchmark)
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, c, ..] = ip.segments();
    // Only 2000::/3 is handed out. In it, these lead to an embedded IPv4 address or to nowhere: Teredo and its
    // neighbours, documentation, 6to4.
    let global = a & 0xe000 == 0x2000;
    let special = (a == 0x2001 && (b < 0x200 || b == 0xdb8)) || a == 0x2002 || (a == 0x3fff && b < 0x1000);
    // NAT64 carries an IPv4 address in its last half.
    let nat64 = a == 0x64 && b == 0xff9b && c == 0;
    let [.., high, low] = ip.segments();
    let embedded = Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    (global && !special) || (nat64 && is_public_v4(embedded))
}

/// The client behind [`Network`].
pub struct Egress {
    rules: Rules,
    /// Judges every address that a name resolves to.
    judged: reqwest::Client,
    /// For listed targets only, which may be anywhere.
    listed: reqwest::Client,
}

impl Egress {
    /// A client with these rules.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(rules: Rules) -> Result<Self, reqwest::Error> {
        let base = || {
            reqwest::Client::builder()
                .redirect(Policy::none())
                .no_proxy()
                .referer(false)
                .pool_max_idle_per_host(16)
                .connect_timeout(std::time::Duration::from_secs(5))
        };
        let judged = base().dns_resolver(Arc::new(JudgingResolver(rules.clone()))).build()?;
        Ok(Self { judged, listed: base().build()?, rules })
    }
}

#[async_trait]
impl Network for Egress {
    async fn exchange(
        &self,
        request: http::Request<Bytes>,
        limits: Limits,
    ) -> Result<http::Response<Bytes>, NetworkError> {
        let url =
            self.rules.check_url(&request.uri().to_string()).map_err(|bad| NetworkError::Refused(bad.to_string()))?;
        let client = if self.rules.is_listed(&url) { &self.listed } else { &self.judged };
        let mut outgoing =
            reqwest::Request::try_from(request).map_err(|error| NetworkError::Refused(error.to_string()))?;
        *outgoing.timeout_mut() = Some(limits.timeout);
        let answer = client.execute(outgoing).await.map_err(|error| unsent_or_lost(&error))?;
        read(answer, limits.body).await
    }
}

async fn read(mut answer: reqwest::Response, body: Body) -> Result<http::Response<Bytes>, NetworkError> {
    let body = match body {
        Body::Whole { bytes_max } => whole(&mut answer, bytes_max).await?,
        Body::Unread => Bytes::new(),
    };
    let mut response = http::Response::new(body);
    *response.status_mut() = answer.status();
    *response.headers_mut() = std::mem::take(answer.headers_mut());
    Ok(response)
}

async fn whole(answer: &mut reqwest::Response, bytes_max: usize) -> Result<Bytes, NetworkError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| NetworkError::Lost(innermost(&error)))? {
        if body.len() + chunk.len() > bytes_max {
            return Err(NetworkError::Lost(format!("the answer is over {bytes_max} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn unsent_or_lost(error: &reqwest::Error) -> NetworkError {
    let refused = chain(error).any(|cause| {
        cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref).is_some_and(|inner| inner.is::<BadTarget>())
    });
    if refused {
        NetworkError::Refused(BadTarget::NotPublic.to_string())
    } else if error.is_connect() || error.is_builder() {
        NetworkError::NotSent(innermost(error))
    } else {
        NetworkError::Lost(innermost(error))
    }
}

fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause: &&(dyn Error + 'static)| (*cause).source())
}

/// The cause that says most; the outer ones repeat the URL, which may hold secrets.
fn innermost(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it took too long".to_owned();
    }
    chain(error).last().map_or_else(|| "the exchange failed".to_owned(), ToString::to_string)
}

struct JudgingResolver(Rules);

impl Resolve for JudgingResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = self.0.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let allowed: Vec<SocketAddr> =
                found.iter().copied().filter(|address| rules.allows_ip(address.ip())).collect();
            if allowed.is_empty() && !found.is_empty() {
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, BadTarget::NotPublic).into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_https_is_reached_by_default() {
        let rules = Rules::default();
        assert!(rules.check_url("https://example.com/hook?x=1").is_ok());
        assert!(rules.check_url("https://93.184.215.14:8443/hook").is_ok());
        for (url, why) in [
            ("http://example.com/hook", BadTarget::NotHttps),
            ("ftp://example.com/hook", BadTarget::NotHttps),
            ("https://user:secret@example.com/", BadTarget::Credentials),
            ("example.com/hook", BadTarget::Malformed),
            ("https://", BadTarget::Malformed),
            ("https://a{b}.example/hook", BadTarget::Malformed),
            ("", BadTarget::Malformed),
            ("https://localhost/", BadTarget::NotPublic),
            ("https://a.LOCALHOST./", BadTarget::NotPublic),
            ("https://127.0.0.1/", BadTarget::NotPublic),
            ("https://0x7f.1/", BadTarget::NotPublic),
            ("https://2130706433/", BadTarget::NotPublic),
            ("https://10.0.0.5/", BadTarget::NotPublic),
            ("https://169.254.169.254/latest/meta-data", BadTarget::NotPublic),
            ("https://100.64.0.1/", BadTarget::NotPublic),
            ("https://0.0.0.0/", BadTarget::NotPublic),
            ("https://224.0.0.1/", BadTarget::NotPublic),
            ("https://[::1]/", BadTarget::NotPublic),
            ("https://[::]/", BadTarget::NotPublic),
            ("https://[::ffff:10.0.0.5]/", BadTarget::NotPublic),
            ("https://[fe80::1]/", BadTarget::NotPublic),
            ("https://[fd00::1]/", BadTarget::NotPublic),
            ("https://[64:ff9b::a00:5]/", BadTarget::NotPublic),
            ("https://[2002:a00:5::1]/", BadTarget::NotPublic),
            ("https://[ff02::1]/", BadTarget::NotPublic),
        ] {
            assert_eq!(rules.check_url(url).map(|_| ()), Err(why), "{url}");
        }
    }

    #[test]
    fn the_operator_can_open_single_targets_and_loopback() {
        let rules = Rules { allow: BTreeSet::from(["10.0.0.5:8069".to_owned()]), allow_local_targets: true };
        assert!(rules.check_url("http://10.0.0.5:8069/json/2").is_ok());
        assert_eq!(rules.check_url("http://10.0.0.5:8070/").map(|_| ()), Err(BadTarget::NotPublic));
        assert!(rules.check_url("http://127.0.0.1:9000/hook").is_ok());
        assert!(rules.check_url("http://localhost:9000/hook").is_ok());
        assert!(rules.check_url("http://[::1]:9000/hook").is_ok());
        assert_eq!(rules.check_url("https://192.168.1.1/").map(|_| ()), Err(BadTarget::NotPublic));
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_refused_after_its_resolution() {
        let resolve = |rules| JudgingResolver(rules).resolve("localhost".parse().unwrap());
        let refused = resolve(Rules::default()).await.err().unwrap();
        assert_eq!(refused.to_string(), BadTarget::NotPublic.to_string());
        let local = Rules { allow_local_targets: true, ..Rules::default() };
        assert!(resolve(local).await.unwrap().all(|address| address.ip().is_loopback()));
    }

    #[test]
    fn public_addresses_stay_reachable() {
        for ip in
            ["8.8.8.8", "100.128.0.1", "172.32.0.1", "2606:4700::6810:84e5", "2a00:1450:4001::1", "64:ff9b::808:808"]
        {
            assert!(is_public(ip.parse().unwrap()), "{ip}");
        }
    }
}
