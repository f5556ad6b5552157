//! What becomes of a message that is refused, once that is stored: it goes to where
//! people look at it, with the reason on it.
//!
//! A copy with the reason is published, and confirmed, before the message itself is
//! acknowledged: a crash in between leaves two copies, never none. Where that does not
//! work now, or the message's own headers leave no room for more, the broker moves the
//! message itself, without a reason, and as surely. So it does with what nobody can read:
//! a copy would not have its octets.

use broker::{Incoming, Outcome, Publisher, Verdict, together};
use messages::{
    excerpt::{MAX_REASON, excerpt, logged},
    names,
};

/// Sends away what is refused. Clones share the connection.
#[derive(Clone)]
pub(crate) struct Refuser(Publisher);

impl Refuser {
    pub(crate) fn new(publisher: Publisher) -> Self {
        Self(publisher)
    }

    /// What the broker is told of each message of a batch, by why it is refused, if it is.
    pub(crate) async fn verdicts(
        &self,
        batch: &[Incoming],
        reasons: Vec<Option<String>>,
    ) -> Vec<Verdict> {
        // A list first: whoever awaits this could not be sent between threads otherwise.
        let pairs = batch.iter().zip(reasons);
        let verdicts: Vec<_> =
            pairs.map(|(message, reason)| self.verdict(message, reason)).collect();
        together(verdicts).await
    }

    async fn verdict(&self, message: &Incoming, reason: Option<String>) -> Verdict {
        match reason {
            None => Verdict::Done,
            Some(reason) => self.refused(message, reason).await,
        }
    }

    async fn refused(&self, message: &Incoming, reason: String) -> Verdict {
        if message.unreadable().is_some() {
            return Verdict::Reject(reason);
        }
        // Also where there is none: what its publisher wrote there is not what the broker saw.
        let user = message.user().unwrap_or_default();
        let told = excerpt(&reason, MAX_REASON);
        let headers = [(names::REASON_HEADER, &*told), (names::USER_HEADER, user)];
        let copy = message.relayed(names::REFUSED_EXCHANGE, &headers);
        match self.0.relay(copy).await.outcome().await {
            Outcome::Confirmed => {
                log::warn!("message {:?} is refused: {}", message.id(), logged(&reason));
                Verdict::Done
            }
            _ => Verdict::Reject(reason),
        }
    }
}
