//! How far a message has come. News of it arrive late, doubled and out of order.

use serde::{Deserialize, Serialize};

/// How far a message has come, in the order of what the news prove: a delivery proves more than a failure, and a failure
/// that the channel reports more than our own doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageStatus {
    /// The customer's, not read by us yet.
    Received,
    /// Waits to be sent.
    Queued,
    /// Being sent: from here on it is never sent again unless the channel has surely not taken it.
    Sending,
    /// The answer to the send was lost. Only the channel's own news can tell what became of it.
    Unknown,
    /// The channel has taken it.
    Sent,
    /// The channel has given it up.
    Failed,
    /// It reached the other side's device.
    Delivered,
    /// It was read.
    Read,
}

impl MessageStatus {
    /// Every status.
    pub const ALL: [Self; 8] = [
        Self::Received,
        Self::Queued,
        Self::Sending,
        Self::Unknown,
        Self::Sent,
        Self::Failed,
        Self::Delivered,
        Self::Read,
    ];

    /// The status after this one is known and `news` arrive: the later of both, so that order and repeats do not matter.
    #[must_use]
    pub fn join(self, news: Self) -> Self {
        self.max(news)
    }

    /// Whether callers see it as failed.
    pub const fn has_failed(self) -> bool {
        matches!(self, Self::Unknown | Self::Failed)
    }

    /// The name on the wire. What only we tell apart has one name there.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Queued | Self::Sending => "queued",
            Self::Sent => "sent",
            Self::Unknown | Self::Failed => "failed",
            Self::Delivered => "delivered",
            Self::Read => "read",
        }
    }

    /// The statuses that have this name on the wire; none for a name that is none.
    pub fn named(name: &str) -> Vec<Self> {
        Self::ALL.into_iter().filter(|status| status.as_str() == name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn news() -> impl Strategy<Value = Vec<MessageStatus>> {
        proptest::collection::vec(proptest::sample::select(&MessageStatus::ALL[2..]), 0..12)
    }

    fn after(news: &[MessageStatus]) -> MessageStatus {
        news.iter().fold(MessageStatus::Queued, |status, news| status.join(*news))
    }

    proptest! {
        #[test]
        fn order_and_repeats_of_the_news_do_not_matter(news in news(), seed in any::<prop::sample::Index>()) {
            let mut other = news.clone();
            other.reverse();
            if !other.is_empty() {
                let middle = seed.index(other.len());
                other.rotate_left(middle);
                other.push(other[middle]);
            }
            prop_assert_eq!(after(&news), after(&other));
        }

        #[test]
        fn a_status_never_goes_back(news in news()) {
            let mut status = MessageStatus::Queued;
            for next in news {
                let later = status.join(next);
                prop_assert!(later >= status && later >= next);
                status = later;
            }
        }
    }

    #[test]
    fn what_a_channel_proves_overrules_what_we_feared() {
        use MessageStatus::{Delivered, Failed, Queued, Read, Sending, Sent, Unknown};
        assert_eq!(Sending.join(Unknown).join(Sent), Sent);
        assert_eq!(Sent.join(Failed), Failed);
        assert_eq!(Failed.join(Sent), Failed);
        assert_eq!(Failed.join(Delivered), Delivered);
        assert_eq!(Read.join(Delivered).join(Sent), Read);
        assert_eq!(MessageStatus::named("failed"), [Unknown, Failed]);
        assert_eq!(MessageStatus::named("queued"), [Queued, Sending]);
        assert!(MessageStatus::named("sending").is_empty());
    }
}
