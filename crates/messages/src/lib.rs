//! The words that services say to each other: the names on the broker and the
//! types that cross it.
//!
//! Nothing here does I/O. Text is parsed into a type once, at the edge
//! ([`ClientName`], [`EventName`], [`MessageId`]…), and trusted from there on.
//!
//! - [`names`]: exchanges, queues and routing keys, as the class knows them.
//! - [`id`]: what identifies a message, and how a retry keeps its identity.
//! - [`text`]: the texts that a user may send, with their limits.
//! - [`mod@excerpt`]: as much of a text of others as there is room for.
//! - [`json`]: reading JSON of others, and saying why it cannot be read.
//! - [`event`]: the click event itself.
//! - [`standard`]: the message that systems exchange, whatever it carries.
//! - [`log_event`]: what an application says of its own work.

pub mod event;
pub mod excerpt;
pub mod id;
pub mod json;
pub mod log_event;
pub mod names;
pub mod standard;
pub mod text;

pub use event::{ClickEvent, InvalidEvent};
pub use excerpt::excerpt;
pub use id::{IdempotencyKey, InvalidId, MessageId};
pub use json::InvalidJson;
pub use log_event::{InvalidLogEvent, LogEvent, LogLevel};
pub use standard::{InvalidNotification, Notification, StandardMessage};
pub use text::{
    ClientName, Correlation, EventName, InvalidText, MediaType, MessageKind, Note, StateName,
    SystemName,
};
