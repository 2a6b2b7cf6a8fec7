//! The iopub socket: who subscribed to what, a queue for each subscriber, and the tasks that serve them.
//!
//! `zeromq` 0.7 has two sockets for this. Its PUB drops messages unseen and without a bound in bytes; its XPUB waits for its
//! subscribers in turn, so that one front end that never reads stalls all others. This one gives each subscriber a queue of its
//! own, bounds all queues together in bytes, makes the *cell* wait when they are full, and parts with a subscriber that takes
//! nothing while others wait.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;
use zeromq::{SocketSend, ZmqMessage, ZmqResult};

use super::budget::{Budget, Permit};
use crate::log::log;
use crate::zmtp::{Stream, Subscription, encode, handshake, read_subscription};

/// A subscriber that takes nothing for so long while a cell waits for it is parted with.
const PATIENCE: Duration = Duration::from_secs(10);
/// A peer that connects has to say who it is within this time.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// What is written at once; a slow front end shows that it lives with every such piece.
const PIECE_BYTES: usize = 64 * 1024;

/// A message on its way to some subscribers; its share of the budget is free when the last has it.
struct Published {
    wire: Bytes,
    _permit: Permit,
}

struct Subscriber {
    topics: Vec<Vec<u8>>,
    queue: UnboundedSender<Arc<Published>>,
}

/// Who subscribes; shared by the publisher and the tasks that serve the subscribers.
pub(super) struct Subscribers {
    connected: Mutex<Connected>,
    pub budget: Arc<Budget>,
}

#[derive(Default)]
struct Connected {
    by_number: BTreeMap<u64, Subscriber>,
    count: u64,
}

impl Subscribers {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { connected: Mutex::default(), budget: Arc::default() })
    }

    pub fn subscribe(&self, number: u64, topic: Vec<u8>) {
        if let Some(subscriber) = self.lock().by_number.get_mut(&number) {
            subscriber.topics.push(topic);
        }
    }

    fn unsubscribe(&self, number: u64, topic: &[u8]) {
        if let Some(subscriber) = self.lock().by_number.get_mut(&number)
            && let Some(index) = subscriber.topics.iter().position(|known| known == topic)
        {
            subscriber.topics.remove(index);
        }
    }

    fn add(&self) -> (u64, UnboundedReceiver<Arc<Published>>) {
        let (queue, messages) = unbounded_channel();
        let mut connected = self.lock();
        connected.count += 1;
        let number = connected.count;
        connected.by_number.insert(number, Subscriber { topics: Vec::new(), queue });
        (number, messages)
    }

    fn remove(&self, number: u64) {
        self.lock().by_number.remove(&number);
    }

    fn send(&self, frames: &[Bytes], only: Option<u64>) {
        let Some(topic) = frames.first() else { return };
        let connected = self.lock();
        let receivers: Vec<&Subscriber> = connected
            .by_number
            .iter()
            .filter(|(number, _)| only.is_none_or(|only| only == **number))
            .map(|(_, subscriber)| subscriber)
            .filter(|subscriber| subscriber.topics.iter().any(|prefix| topic.starts_with(prefix)))
            .collect();
        if receivers.is_empty() {
            return;
        }
        let wire = encode(frames);
        let permit = self.budget.take(wire.len());
        let published = Arc::new(Published { wire, _permit: permit });
        for receiver in receivers {
            // A closed queue belongs to a subscriber that is just being removed.
            let _ = receiver.queue.send(published.clone());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Connected> {
        self.connected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sending side, as `jupyter_zmq_client::Connection` wants it: it signs, this delivers.
pub(super) struct Publisher {
    pub subscribers: Arc<Subscribers>,
    /// The next message goes to this subscriber alone.
    pub only: Option<u64>,
}

#[async_trait]
impl SocketSend for Publisher {
    /// Never waits, so that it can be called from any thread.
    async fn send(&mut self, message: ZmqMessage) -> ZmqResult<()> {
        self.subscribers.send(&message.into_vec(), self.only.take());
        Ok(())
    }
}

/// Serves one peer until it leaves; `welcome` is called for each of its subscriptions.
pub(super) async fn serve(mut stream: Box<dyn Stream>, subscribers: Arc<Subscribers>, welcome: impl Fn(u64, Vec<u8>)) {
    match timeout(HANDSHAKE_TIME, handshake(&mut stream, "XPUB", &["SUB", "XSUB"])).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => return log(format!("kernwerk: a peer of iopub was refused: {error}")),
        Err(_) => return log("kernwerk: a peer of iopub did not say who it is"),
    }
    let (mut reader, mut writer) = tokio::io::split(stream);
    let (number, mut messages) = subscribers.add();
    let reading = async {
        while let Ok(subscription) = read_subscription(&mut reader).await {
            match subscription {
                Subscription::Begin(topic) => welcome(number, topic),
                Subscription::End(topic) => subscribers.unsubscribe(number, &topic),
            }
        }
    };
    tokio::select! {
        () = reading => {}
        () = write_messages(&mut writer, &mut messages, &subscribers.budget) => {}
    }
    subscribers.remove(number);
}

/// Writes messages until the peer is gone, or until others have waited for it too long.
async fn write_messages<W: AsyncWrite + Unpin>(
    writer: &mut W,
    messages: &mut UnboundedReceiver<Arc<Published>>,
    budget: &Budget,
) {
    while let Some(message) = messages.recv().await {
        for piece in message.wire.chunks(PIECE_BYTES) {
            let Err(error) = write_piece(writer, piece, budget).await else { continue };
            if error.kind() == io::ErrorKind::TimedOut {
                let (seconds, lost) = (PATIENCE.as_secs(), messages.len() + 1);
                log(format!(
                    "kernwerk: a front end took no output for {seconds} s; {lost} messages for it were dropped"
                ));
            }
            return;
        }
        if writer.flush().await.is_err() {
            return;
        }
    }
}

async fn write_piece<W: AsyncWrite + Unpin>(writer: &mut W, mut piece: &[u8], budget: &Budget) -> io::Result<()> {
    while !piece.is_empty() {
        match timeout(PATIENCE, writer.write(piece)).await {
            Ok(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(Ok(written)) => piece = &piece[written..],
            Ok(Err(error)) => return Err(error),
            Err(_) if budget.is_short() => return Err(io::ErrorKind::TimedOut.into()),
            // It is slow, but nobody waits for it.
            Err(_) => {}
        }
    }
    Ok(())
}
