//! Deliberate mistakes, to prove that the laboratory's checker sees them. They
//! are compiled in with the feature `mistakes` only, which no released binary
//! has; then `RELEVO_MISTAKE` names the one to make.

#[cfg(all(feature = "mistakes", not(debug_assertions)))]
compile_error!("deliberate mistakes are for test builds only, never for a release");

/// A mistake that teaching material and real services make.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mistake {
    /// `ack-before-commit`: a crash in between loses the batch.
    AckBeforeCommit,
    /// `no-dedup`: a message that is delivered twice counts twice.
    NoDedup,
    /// `no-confirm`: success is answered before the broker has said so.
    NoConfirm,
    /// `no-mandatory`: what no queue takes counts as a success.
    NoMandatory,
    /// `fresh-id`: a retry under the same key gets another id.
    FreshId,
    /// `way-round`: a binding that is to be taken away is made, and leads past the audit.
    WayRound,
    /// `unreadable-ends-link`: what nobody can read ends the connection that it comes by,
    /// and comes again.
    UnreadableEndsLink,
}

impl Mistake {
    /// Whether this process makes it.
    #[cfg(feature = "mistakes")]
    #[must_use]
    pub fn is_made(self) -> bool {
        static MADE: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
        let made = MADE.get_or_init(|| {
            let made = std::env::var("RELEVO_MISTAKE").ok();
            if let Some(made) = &made {
                log::error!("this process makes a mistake on purpose: {made}");
            }
            made
        });
        made.as_deref() == Some(self.name())
    }

    /// Never, in a binary without the feature.
    #[cfg(not(feature = "mistakes"))]
    #[must_use]
    pub const fn is_made(self) -> bool {
        false
    }

    #[cfg(feature = "mistakes")]
    fn name(self) -> &'static str {
        match self {
            Self::AckBeforeCommit => "ack-before-commit",
            Self::NoDedup => "no-dedup",
            Self::NoConfirm => "no-confirm",
            Self::NoMandatory => "no-mandatory",
            Self::FreshId => "fresh-id",
            Self::WayRound => "way-round",
            Self::UnreadableEndsLink => "unreadable-ends-link",
        }
    }
}
