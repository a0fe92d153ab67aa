//! What speaks to the vendors: pure "build the request" and "read the answer" pairs over one effect, [`Door::send`].
//!
//! No sockets and no SQL live here. A connector never retries, never paces and never sees a token:
//! the door does that, and the caller decides by [`Fault`].
#![warn(missing_docs)]

pub mod about;
mod clock;
pub mod connector;
pub mod door;
pub mod fault;
pub mod hubspot;
pub mod kirim;
pub mod notion;
pub mod oauth;
pub mod objects;
pub mod odoo;
mod phone;
pub mod pipedrive;
pub mod registry;
pub mod salesforce;
#[cfg(test)]
mod script;
mod stand_in;
mod wire;

pub use about::{About, DayLimit, KeyField, TokenForm, Webhooks};
pub use connector::{
    ChangePage, Connector, Create, Cursor, Description, Find, Got, Hint, HintKind, HookRequest, IdPage, Listed,
    Outcome, PropertySpec, RowOutcome, Update, Write,
};
pub use door::{Answer, Call, Door, Memory, Method, Proven, Session, Usage, Window};
pub use fault::{Fault, FaultClass, Next, next};
pub use oauth::Grant;
pub use objects::{Changed, Deed, Found, Objects, Search};
