//! The wall to the network: one exchange of raw HTTP, and what can go wrong with it.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

/// Sends one request and reads one answer. In production this is the egress client, with its address filter;
/// in tests it ends in routers in memory.
#[async_trait]
pub trait Network: Send + Sync {
    /// Exchanges one request for its answer. Redirects are not followed.
    ///
    /// # Errors
    /// See [`NetworkError`]: whether anything was sent is part of the answer.
    async fn exchange(
        &self,
        request: http::Request<Bytes>,
        limits: Limits,
    ) -> Result<http::Response<Bytes>, NetworkError>;
}

/// What one exchange may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the first byte sent to the last byte read.
    pub timeout: Duration,
    /// What is read of the answer's body.
    pub body: Body,
}

/// What is read of an answer's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// All of it; a longer one makes the answer a lost one.
    Whole {
        /// The longest body.
        bytes_max: usize,
    },
    /// Nothing: status and headers are the answer, whatever follows them.
    Unread,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// The address filter refuses the target; nothing was sent.
    #[error("the target is not allowed: {0}")]
    Refused(String),
    /// No connection could be made; nothing was sent.
    #[error("no connection: {0}")]
    NotSent(String),
    /// Sent, but the answer never came, or not whole: it may have been acted on.
    #[error("no answer: {0}")]
    Lost(String),
}
