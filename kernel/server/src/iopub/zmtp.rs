//! The little of ZMTP 3.0 (the wire format of ZeroMQ, rfc.zeromq.org/spec/23) that a publisher speaks: greeting, the NULL
//! handshake, frames out, subscriptions in.

use std::io;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const GREETING_LENGTH: usize = 64;
const MORE: u8 = 1;
const LONG: u8 = 2;
const COMMAND: u8 = 4;
/// Subscribers send topics and handshakes, never anything long.
const LONGEST_INCOMING: u64 = 64 * 1024;

/// What a subscriber asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Subscription {
    Begin(Vec<u8>),
    End(Vec<u8>),
}

/// Greets the peer and makes sure that it is a subscriber which needs no security.
pub(super) async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> io::Result<()> {
    stream.write_all(&greeting()).await?;
    let mut theirs = [0; GREETING_LENGTH];
    stream.read_exact(&mut theirs).await?;
    if theirs[0] != 0xff || theirs[9] != 0x7f || theirs[10] < 3 {
        return Err(refused("the peer does not speak ZMTP 3"));
    }
    if !theirs[12..32].starts_with(b"NULL\0") {
        return Err(refused("the peer wants a security mechanism"));
    }
    stream.write_all(&ready()).await?;
    let (flags, body) = read_frame(stream).await?;
    if flags & COMMAND == 0 || !body.starts_with(b"\x05READY") {
        return Err(refused("the peer did not say that it is ready"));
    }
    Ok(())
}

/// The next subscription, whichever of the two notations the peer uses (messages, or the commands of ZMTP 3.1).
pub(super) async fn read_subscription<R: AsyncRead + Unpin>(stream: &mut R) -> io::Result<Subscription> {
    loop {
        let (flags, body) = read_frame(stream).await?;
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
pub(super) fn encode(frames: &[Bytes]) -> Bytes {
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

fn ready() -> Bytes {
    let mut body = BytesMut::new();
    body.put_slice(b"\x05READY");
    body.put_slice(b"\x0bSocket-Type");
    body.put_u32(4);
    body.put_slice(b"XPUB");
    let mut wire = BytesMut::new();
    put_frame(&mut wire, COMMAND, &body);
    wire.freeze()
}

async fn read_frame<R: AsyncRead + Unpin>(stream: &mut R) -> io::Result<(u8, Vec<u8>)> {
    let flags = stream.read_u8().await?;
    let length = if flags & LONG == 0 { u64::from(stream.read_u8().await?) } else { stream.read_u64().await? };
    if length > LONGEST_INCOMING {
        return Err(refused("the subscriber sent a frame of more than 64 KiB"));
    }
    let mut body = vec![0; length as usize];
    stream.read_exact(&mut body).await?;
    Ok((flags, body))
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
}
