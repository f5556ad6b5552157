//! What the panel asks of analytics again and again.

use crate::{
    neighbour::{Away, Neighbour},
    report::{Latest, Report},
    states::AnalyticsState,
};

/// Clients and events asked for: what one page shows.
pub const SHOWN: usize = 20;

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The counts.
    pub report: Report,
    /// The newest events, newest first.
    pub latest: Latest,
    /// How it does, and what it sees of the broker.
    pub state: AnalyticsState,
}

/// Asks for all of it, at the same time.
///
/// # Errors
/// [`Away`] unless all is there in time and as agreed.
pub async fn ask(analytics: &Neighbour) -> Result<Answer, Away> {
    let (reporte, eventos) = (format!("reporte?limite={SHOWN}"), format!("eventos?limite={SHOWN}"));
    let (report, latest, state) = tokio::try_join!(
        analytics.get(&reporte),
        analytics.get(&eventos),
        analytics.get("estado"),
    )?;
    Ok(Answer { report, latest, state })
}
