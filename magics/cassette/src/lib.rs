//! Cassettes: what programs said over HTTP and what they were answered, written down once and given again as often as somebody asks.
//!
//! - A [`Tape`] is the file: exchange by exchange, the request and its answer, as JSON that people read.
//! - A [`Proxy`] stands between programs and the network. It records a tape, or it answers from one and asks nobody. Programs reach it as any
//!   HTTP proxy, by way of a Unix socket, so that they may live where there is no network at all.
//! - What the programs do happens in steps; [`enter_step`] tells the proxy in which one they are.
//!
//! A request is answered from a tape where its method, its URL, its body and its headers are those of one that was recorded; of the headers those
//! do not count that say nothing of what is asked. Of an answer a tape holds the few that say something of the content; the others
//! are not delivered either, lest a program see in a recording what it will not see again.

mod authority;
mod deck;
mod encoded;
mod headers;
mod http;
mod multipart;
mod password;
mod proxy;
mod secrets;
mod step;
mod tape;
mod upstream;

pub use proxy::{Mode, Proxy, Told, Unanswered};
pub use secrets::Secret;
pub use step::enter_step;
pub use tape::{Content, Exchange, FORMAT, LARGEST_TAPE, Tape, TapeError};
