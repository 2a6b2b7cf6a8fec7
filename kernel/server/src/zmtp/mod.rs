//! The little of ZeroMQ that a kernel speaks on its own sockets: the wire format, listening, and the ROUTER.
//!
//! The sockets of `zeromq` 0.7 take a peer's word for the length of a frame, before any signature was checked: eight bytes from
//! a stranger make them ask for more memory than there is, which ends the process. They also wait for a peer that does not
//! read, and keep for it without a bound in bytes. The kernel must outlive both.

mod frames;
mod listen;
mod router;

pub(crate) use frames::{Subscription, encode, handshake, read_subscription};
pub(crate) use listen::{Stream, listen_at};
pub(crate) use router::{Incoming, RouterSender, bind_router};
