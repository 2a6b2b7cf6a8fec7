//! Cassettes: what programs said over HTTP and what they were answered, written down once and given again as often as somebody asks.
//!
//! - A [`Tape`] is the file: exchange by exchange, the request and its answer, as JSON that people read.
//! - A [`Proxy`] stands between programs and the network. It records a tape, or it answers from one and asks nobody. Programs reach it as any
//!   HTTP proxy, by way of a Unix socket, so that they may live where there is no network at all.
//! - What the programs do happens in steps; [`enter_step`] tells the proxy in which one they are.
//!
//! Headers say much of who asks and nothing that is asked, so a tape holds none of a request. Of an answer it holds those few that say something
//! of the content; the others are not delivered either, lest a program see in a recording what it will not see again.

mod authority;
mod deck;
mod http;
mod proxy;
mod secrets;
mod step;
mod tape;
mod upstream;

pub use proxy::{Mode, Proxy, Told, Unanswered};
pub use secrets::Secret;
pub use step::enter_step;
pub use tape::{Content, Exchange, FORMAT, LARGEST_TAPE, Tape, TapeError};
