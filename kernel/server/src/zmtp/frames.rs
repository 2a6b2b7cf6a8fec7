//! The wire format of ZeroMQ (ZMTP 3.0, rfc.zeromq.org/spec/23): greeting, the NULL handshake, messages out and in, subscriptions.

use std::io;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const GREETING_LENGTH: usize = 64;
const MORE: u8 = 1;
const LONG: u8 = 2;
const COMMAND: u8 = 4;
/// Topics and handshakes are never long, in bytes.
const LONGEST_COMMAND: u64 = 64 * 1024;
/// The longest message that is taken in, in bytes of all its frames: more than any notebook's cell or widget sends.
const LONGEST_MESSAGE: u64 = 256 * 1024 * 1024;
/// A message of Jupyter's has six frames, those of its way, and its buffers.
const MOST_FRAMES: usize = 4096;

/// What a subscriber asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Subscription {
    Begin(Vec<u8>),
    End(Vec<u8>),
}

/// Greets the peer as a socket of type `ours`, and makes sure that it is of one of the types `theirs` and needs no security.
/// Gives the identity that the peer chose; empty where it did not.
pub(crate) async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    ours: &str,
    theirs: &[&str],
) -> io::Result<Bytes> {
    stream.write_all(&greeting()).await?;
    let mut greeting = [0; GREETING_LENGTH];
    stream.read_exact(&mut greeting).await?;
    if greeting[0] != 0xff || greeting[9] != 0x7f || greeting[10] < 3 {
        return Err(refused("the peer does not speak ZMTP 3"));
    }
    if !greeting[12..32].starts_with(b"NULL\0") {
        return Err(refused("the peer wants a security mechanism"));
    }
    stream.write_all(&ready(ours)).await?;
    let (flags, body) = read_frame(stream, LONGEST_COMMAND).await?;
    let properties = body.strip_prefix(b"\x05READY".as_slice()).filter(|_| flags & COMMAND != 0);
    let Some(properties) = properties else {
        return Err(refused("the peer did not say that it is ready"));
    };
    let peer = Peer::read(properties).ok_or_else(|| refused("the peer's properties cannot be read"))?;
    if !theirs.iter().any(|kind| kind.as_bytes() == peer.socket_type) {
        let kind = String::from_utf8_lossy(peer.socket_type).into_owned();
        return Err(refused(&format!("a peer of type `{kind}` has no business with a {ours}")));
    }
    Ok(Bytes::copy_from_slice(peer.identity))
}

/// What a peer says of itself.
struct Peer<'a> {
    socket_type: &'a [u8],
    identity: &'a [u8],
}

impl<'a> Peer<'a> {
    /// Reads the properties of a READY command: each a name with a length of one byte, and a value with one of four.
    fn read(mut rest: &'a [u8]) -> Option<Self> {
        let mut peer = Self { socket_type: b"", identity: b"" };
        while let Some((length, tail)) = rest.split_first() {
            let (name, tail) = tail.split_at_checked(usize::from(*length))?;
            let (length, tail) = tail.split_first_chunk::<4>()?;
            let (value, tail) = tail.split_at_checked(u32::from_be_bytes(*length) as usize)?;
            if name.eq_ignore_ascii_case(b"Socket-Type") {
                peer.socket_type = value;
            } else if name.eq_ignore_ascii_case(b"Identity") {
                // The wire allows no more.
                peer.identity = value.get(..255).unwrap_or(value);
            }
            rest = tail;
        }
        Some(peer)
    }
}

/// The next message, frame by frame; commands between messages are passed over.
///
/// # Errors
/// The peer is gone, or its message is longer than anything that a front end sends.
pub(crate) async fn read_message<R: AsyncRead + Unpin>(stream: &mut R) -> io::Result<Vec<Bytes>> {
    let mut frames = Vec::new();
    let mut room = LONGEST_MESSAGE;
    loop {
        let (flags, body) = read_frame(stream, room).await?;
        if flags & COMMAND != 0 {
            continue;
        }
        room -= body.len() as u64;
        frames.push(Bytes::from(body));
        if flags & MORE == 0 {
            return Ok(frames);
        }
        if frames.len() == MOST_FRAMES {
            return Err(refused("the peer sent a message of too many frames"));
        }
    }
}

/// The next subscription, whichever of the two notations the peer uses (messages, or the commands of ZMTP 3.1).
pub(crate) async fn read_subscription<R: AsyncRead + Unpin>(stream: &mut R) -> io::Result<Subscription> {
    loop {
        let (flags, body) = read_frame(stream, LONGEST_COMMAND).await?;
        let command = flags & COMMAND != 0;
        let read = match body.split_first() {
            Some((1, topic)) if !command => Some(Subscription::Begin(topic.to_vec())),
            Some((0, topic)) if !command => Some(Subscription::End(topic.to_vec())),
            Some((9, rest)) if command => {
                rest.strip_prefix(b"SUBSCRIBE").map(|topic| Subscription::Begin(topic.to_vec()))
            }
            Some((6, rest)) if command => rest.strip_prefix(b"CANCEL").map(|topic| Subscription::End(topic.to_vec())),
            _ => None,
        };
        if let Some(subscription) = read {
            return Ok(subscription);
        }
    }
}

/// A message of several frames as it goes over the wire.
pub(crate) fn encode(frames: &[Bytes]) -> Bytes {
    let length = frames.iter().map(|frame| frame.len() + 9).sum();
    let mut wire = BytesMut::with_capacity(length);
    for (index, frame) in frames.iter().enumerate() {
        let more = if index + 1 < frames.len() { MORE } else { 0 };
        put_frame(&mut wire, more, frame);
    }
    wire.freeze()
}

fn put_frame(wire: &mut BytesMut, flags: u8, body: &[u8]) {
    match u8::try_from(body.len()) {
        Ok(length) => {
            wire.put_u8(flags);
            wire.put_u8(length);
        }
        Err(_) => {
            wire.put_u8(flags | LONG);
            wire.put_u64(body.len() as u64);
        }
    }
    wire.put_slice(body);
}

fn greeting() -> [u8; GREETING_LENGTH] {
    let mut greeting = [0; GREETING_LENGTH];
    greeting[0] = 0xff;
    greeting[9] = 0x7f;
    greeting[10] = 3;
    greeting[12..16].copy_from_slice(b"NULL");
    greeting
}

fn ready(socket_type: &str) -> Bytes {
    let mut body = BytesMut::new();
    body.put_slice(b"\x05READY");
    body.put_slice(b"\x0bSocket-Type");
    body.put_u32(socket_type.len() as u32);
    body.put_slice(socket_type.as_bytes());
    let mut wire = BytesMut::new();
    put_frame(&mut wire, COMMAND, &body);
    wire.freeze()
}

async fn read_frame<R: AsyncRead + Unpin>(stream: &mut R, longest: u64) -> io::Result<(u8, Vec<u8>)> {
    let flags = stream.read_u8().await?;
    let length = if flags & LONG == 0 { u64::from(stream.read_u8().await?) } else { stream.read_u64().await? };
    if length > longest {
        return Err(refused(&format!("the peer announced {length} bytes, where at most {longest} are taken")));
    }
    // Memory grows with what has come, and not with what was announced.
    let mut body = Vec::with_capacity(length.min(LONGEST_COMMAND) as usize);
    stream.take(length).read_to_end(&mut body).await?;
    if (body.len() as u64) < length { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok((flags, body)) }
}

fn refused(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_short_or_long_and_all_but_the_last_say_more() {
        let long = Bytes::from(vec![7; 300]);
        let wire = encode(&[Bytes::from_static(b"ab"), long.clone()]);
        assert_eq!(&wire[..4], [MORE, 2, b'a', b'b']);
        assert_eq!(&wire[4..13], [LONG, 0, 0, 0, 0, 0, 0, 1, 44]);
        assert_eq!(wire[13..], long);
    }

    #[tokio::test]
    async fn both_notations_of_a_subscription_are_read() {
        let mut wire: &[u8] = b"\x00\x03\x01ab\x04\x0b\x09SUBSCRIBEc\x04\x03\x04PI\x00\x01\x00";
        assert_eq!(read_subscription(&mut wire).await.expect("one"), Subscription::Begin(b"ab".to_vec()));
        assert_eq!(read_subscription(&mut wire).await.expect("two"), Subscription::Begin(b"c".to_vec()));
        assert_eq!(read_subscription(&mut wire).await.expect("three"), Subscription::End(Vec::new()));
        assert!(read_subscription(&mut wire).await.is_err());
    }

    #[tokio::test]
    async fn a_message_is_read_with_its_frames_and_without_commands() {
        let frames = [Bytes::from_static(b"a"), Bytes::from(vec![7; 300]), Bytes::new()];
        let wire = [b"\x04\x05\x04PING".as_slice(), &encode(&frames)[..]].concat();
        assert_eq!(read_message(&mut wire.as_slice()).await.expect("a message"), frames);
        for cut in 1..wire.len() {
            assert!(read_message(&mut &wire[..cut]).await.is_err(), "cut after {cut} bytes");
        }
    }

    #[tokio::test]
    async fn what_is_announced_takes_no_memory() {
        for length in [u64::MAX, 1 << 62, 1 << 40, LONGEST_MESSAGE + 1] {
            let wire = [b"\x02".as_slice(), &length.to_be_bytes(), b"short"].concat();
            let error = read_message(&mut wire.as_slice()).await.expect_err("too long");
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
        let endless = b"\x01\x00".repeat(MOST_FRAMES + 1);
        assert_eq!(
            read_message(&mut endless.as_slice()).await.expect_err("too many").kind(),
            io::ErrorKind::InvalidData
        );
    }

    #[test]
    fn a_peer_says_what_it_is() {
        let peer = Peer::read(b"\x0bSocket-Type\0\0\0\x06DEALER\x08identity\0\0\0\x02me").expect("properties");
        assert_eq!((peer.socket_type, peer.identity), (b"DEALER".as_slice(), b"me".as_slice()));
        assert!(Peer::read(b"\x0bSocket-Type\xff\0\0\x06DEALER").is_none());
        assert!(Peer::read(b"\x0bSocket").is_none());
    }
}
