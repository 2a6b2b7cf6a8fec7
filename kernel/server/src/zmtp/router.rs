//! The ROUTER: takes messages from many peers, each with the identity of its sender in front, and sends to one of them.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jupyter_protocol::ConnectionInfo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::mpsc::{Receiver, Sender, UnboundedReceiver, UnboundedSender, channel, unbounded_channel};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use zeromq::{SocketSend, ZmqError, ZmqMessage, ZmqResult};

use super::frames::{encode, handshake, read_message};
use super::listen::{Stream, listen_at};
use crate::log::log;

/// Who may connect to a ROUTER.
const PEERS: [&str; 3] = ["DEALER", "REQ", "ROUTER"];
/// A peer that connects has to say who it is within this time.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// A peer for which more bytes wait than this is parted with.
const WAITING_LIMIT: usize = 64 * 1024 * 1024;
/// Requests that were taken in and are not dealt with yet may have so many KiB together; beyond that their senders wait.
const REQUESTS_KIB: u32 = 64 * 1024;
/// So many messages are between the peers' tasks and whoever reads them.
const QUEUE: usize = 64;

/// A message that came in.
pub(crate) struct Incoming {
    /// The address to which answers go, then what was sent.
    pub frames: Vec<Bytes>,
    /// Its share of what may wait; given back when the message has been dealt with.
    pub permit: OwnedSemaphorePermit,
}

/// The sending side. Clones share the peers.
#[derive(Clone)]
pub(crate) struct RouterSender {
    name: &'static str,
    peers: Arc<Mutex<BTreeMap<u32, Peer>>>,
}

struct Peer {
    /// The name that the peer chose; empty where it did not.
    identity: Bytes,
    queue: UnboundedSender<Bytes>,
    waiting: Arc<AtomicUsize>,
    leave: Arc<Notify>,
}

/// What the tasks of all peers share.
struct Door {
    sender: RouterSender,
    messages: Sender<Incoming>,
    room: Arc<Semaphore>,
}

/// Peers of all channels so far, so that no two have the same number.
static COUNT: AtomicU32 = AtomicU32::new(0);
/// A peer's address begins with its number, in bytes; its identity follows.
const NUMBER: usize = 4;

/// Listens for the channel `name` on the current runtime from now on.
///
/// # Errors
/// The address is taken, or cannot be listened on.
pub(crate) async fn bind_router(
    name: &'static str,
    info: &ConnectionInfo,
    port: u16,
) -> io::Result<(RouterSender, Receiver<Incoming>)> {
    let sender = RouterSender { name, peers: Arc::default() };
    let (messages, incoming) = channel(QUEUE);
    let room = Arc::new(Semaphore::new(REQUESTS_KIB as usize));
    let door = Arc::new(Door { sender: sender.clone(), messages, room });
    listen_at(info, port, move |stream| serve(stream, door.clone())).await?;
    Ok((sender, incoming))
}

#[async_trait]
impl SocketSend for RouterSender {
    /// Sends to the address in the first frame: to the peer from which it came, or, where that one has left or belongs to another
    /// channel, to the newest of the same identity. Never waits: a peer that does not take what it asked for is parted
    /// with, and what waited for it is dropped.
    async fn send(&mut self, message: ZmqMessage) -> ZmqResult<()> {
        let frames = message.into_vec();
        let Some((address, frames)) = frames.split_first() else {
            return Err(ZmqError::Socket("a message without an address"));
        };
        let wire = encode(frames);
        let mut peers = self.lock();
        let found = find(&peers, address).and_then(|number| Some((number, peers.get(&number)?)));
        let Some((number, peer)) = found else {
            return Err(ZmqError::Other("nobody of this identity is connected"));
        };
        let waiting = peer.waiting.fetch_add(wire.len(), Ordering::Relaxed);
        if waiting > 0 && waiting + wire.len() > WAITING_LIMIT {
            log(format!(
                "kernwerk: a front end takes no replies on the {} channel; {waiting} bytes for it were dropped",
                self.name
            ));
            peer.leave.notify_one();
            peers.remove(&number);
            return Err(ZmqError::Other("the peer takes nothing"));
        }
        peer.queue.send(wire).map_err(|_| ZmqError::Other("the peer has left"))
    }
}

impl RouterSender {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u32, Peer>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number of the peer that an address means.
fn find(peers: &BTreeMap<u32, Peer>, address: &[u8]) -> Option<u32> {
    let (number, identity) = address.split_first_chunk::<NUMBER>()?;
    let number = u32::from_be_bytes(*number);
    if peers.contains_key(&number) {
        return Some(number);
    }
    let namesake = |peer: &Peer| !identity.is_empty() && peer.identity == identity;
    peers.iter().rev().find(|(_, peer)| namesake(peer)).map(|(number, _)| *number)
}

fn address(number: u32, identity: &[u8]) -> Bytes {
    Bytes::from([number.to_be_bytes().as_slice(), identity].concat())
}

/// Serves one peer until it leaves or is parted with.
async fn serve(mut stream: Box<dyn Stream>, door: Arc<Door>) {
    let name = door.sender.name;
    let identity = match timeout(HANDSHAKE_TIME, handshake(&mut stream, "ROUTER", &PEERS)).await {
        Ok(Ok(identity)) => identity,
        Ok(Err(error)) => return log(format!("kernwerk: a peer of the {name} channel was refused: {error}")),
        Err(_) => return log(format!("kernwerk: a peer of the {name} channel did not say who it is")),
    };
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let address = address(number, &identity);
    let (queue, outgoing) = unbounded_channel();
    let (waiting, leave) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let peer = Peer { identity, queue, waiting: waiting.clone(), leave: leave.clone() };
    door.sender.lock().insert(number, peer);
    let (reader, writer) = tokio::io::split(stream);
    tokio::select! {
        error = read_messages(BufReader::new(reader), &address, &door) => {
            if error.kind() == io::ErrorKind::InvalidData {
                log(format!("kernwerk: a peer of the {name} channel was parted with: {error}"));
            }
        }
        () = write_messages(writer, outgoing, &waiting) => {}
        () = leave.notified() => {}
    }
    door.sender.lock().remove(&number);
}

async fn read_messages<R: AsyncRead + Unpin>(mut reader: R, address: &Bytes, door: &Door) -> io::Error {
    loop {
        let mut frames = match read_message(&mut reader).await {
            Ok(frames) => frames,
            Err(error) => return error,
        };
        let bytes: usize = frames.iter().map(Bytes::len).sum();
        let share = u32::try_from(bytes / 1024 + 1).unwrap_or(REQUESTS_KIB).min(REQUESTS_KIB);
        // The semaphore and the queue close only with the kernel.
        let Ok(permit) = door.room.clone().acquire_many_owned(share).await else {
            return io::ErrorKind::BrokenPipe.into();
        };
        frames.insert(0, address.clone());
        if door.messages.send(Incoming { frames, permit }).await.is_err() {
            return io::ErrorKind::BrokenPipe.into();
        }
    }
}

async fn write_messages<W: AsyncWrite + Unpin>(
    mut writer: W,
    mut outgoing: UnboundedReceiver<Bytes>,
    waiting: &AtomicUsize,
) {
    while let Some(wire) = outgoing.recv().await {
        if writer.write_all(&wire).await.is_err() || writer.flush().await.is_err() {
            return;
        }
        waiting.fetch_sub(wire.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(sender: &RouterSender, number: u32, identity: &'static [u8]) -> (UnboundedReceiver<Bytes>, Arc<Notify>) {
        let (queue, outgoing) = unbounded_channel();
        let leave = Arc::new(Notify::new());
        let identity = Bytes::from_static(identity);
        let peer = Peer { identity, queue, waiting: Arc::default(), leave: leave.clone() };
        sender.lock().insert(number, peer);
        (outgoing, leave)
    }

    fn sender() -> RouterSender {
        RouterSender { name: "test", peers: Arc::default() }
    }

    fn message(number: u32, identity: &[u8], bytes: usize) -> ZmqMessage {
        let mut message = ZmqMessage::from(Bytes::from(vec![0; bytes]));
        message.push_front(address(number, identity));
        message
    }

    #[tokio::test]
    async fn a_peer_that_takes_nothing_is_parted_with_and_costs_no_more_than_the_limit() {
        let mut sender = sender();
        let (_outgoing, leave) = add(&sender, 1, b"asleep");
        let mut sent = 0;
        while sender.send(message(1, b"asleep", 1 << 20)).await.is_ok() {
            sent += 1;
        }
        assert_eq!(sent, WAITING_LIMIT / (1 << 20) - 1);
        timeout(Duration::from_secs(1), leave.notified()).await.expect("it is told to leave");
        assert!(sender.lock().is_empty());
    }

    #[tokio::test]
    async fn one_message_may_be_longer_than_the_limit() {
        let mut sender = sender();
        let (mut outgoing, _leave) = add(&sender, 1, b"");
        sender.send(message(1, b"", WAITING_LIMIT + 1)).await.expect("sent");
        assert!(outgoing.recv().await.expect("a message").len() > WAITING_LIMIT);
    }

    #[test]
    fn an_answer_goes_where_the_question_came_from_or_to_its_newest_namesake() {
        let sender = sender();
        let _peers =
            [(3, b"one".as_slice()), (5, b"one"), (6, b""), (7, b"two")].map(|(n, name)| add(&sender, n, name));
        let peers = sender.lock();
        let found = |number, identity: &[u8]| find(&peers, &address(number, identity));
        assert_eq!(found(3, b"one"), Some(3), "both of a name are served");
        assert_eq!(found(5, b"one"), Some(5));
        assert_eq!(found(4, b"one"), Some(5), "of another channel, or gone");
        assert_eq!(found(4, b"three"), None);
        assert_eq!(found(4, b""), None, "no name is no name in common");
        assert_eq!(find(&peers, b"abc"), None);
    }

    #[tokio::test]
    async fn requests_wait_with_their_sender_while_those_before_them_are_not_dealt_with() {
        let (messages, mut incoming) = channel(QUEUE);
        let door = Door { sender: sender(), messages, room: Arc::new(Semaphore::new(2)) };
        let (mut peer, ours) = tokio::io::duplex(1 << 16);
        for _ in 0..3 {
            peer.write_all(&encode(&[Bytes::from_static(b"x")])).await.expect("written");
        }
        let reading = tokio::spawn(async move { read_messages(ours, &Bytes::from_static(b"one"), &door).await });
        let first = incoming.recv().await.expect("the first");
        assert_eq!(first.frames, [b"one".as_slice(), b"x"]);
        let _second = incoming.recv().await.expect("the second");
        assert!(timeout(Duration::from_millis(50), incoming.recv()).await.is_err(), "there is no room for the third");
        drop(first);
        timeout(Duration::from_secs(5), incoming.recv()).await.expect("now there is").expect("the third");
        reading.abort();
    }
}
