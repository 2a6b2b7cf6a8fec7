//! Frames: four bytes of length, little endian, then that many bytes of JSON.
//!
//! Text is UTF-8 because JSON is; whoever has other bytes makes text of them first, so that no byte of a user's output can break a frame.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The longest frame, in bytes; a longer one is an error on both sides rather than a gigabyte of memory.
pub const LIMIT: usize = 256 << 20;

/// Writes a message as one frame and flushes.
///
/// # Errors
/// The message is longer than [`LIMIT`], or the writer fails.
pub fn write<T: Serialize>(writer: &mut impl Write, message: &T) -> io::Result<()> {
    let body = serde_json::to_vec(message)?;
    let length = u32::try_from(body.len()).ok().filter(|_| body.len() <= LIMIT).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("a message of {} bytes is too long", body.len()))
    })?;
    let mut frame = Vec::with_capacity(body.len() + 4);
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(&body);
    writer.write_all(&frame)?;
    writer.flush()
}

/// Reads one message; `None` when the other side closed between two frames.
///
/// # Errors
/// The other side closed within a frame, the frame is longer than [`LIMIT`], or it is no such message.
pub fn read<T: DeserializeOwned>(reader: &mut impl Read) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    let first = loop {
        match reader.read(&mut length) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => break other?,
        }
    };
    if first == 0 {
        return Ok(None);
    }
    reader.read_exact(&mut length[first..])?;
    let length = u32::from_le_bytes(length) as usize;
    if length > LIMIT {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a frame of {length} bytes is too long")));
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(serde_json::from_slice(&body)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut pipe = Vec::new();
        write(&mut pipe, &("grüße\n\u{0}", 1)).unwrap();
        write(&mut pipe, &("", 2)).unwrap();
        let mut reader = pipe.as_slice();
        assert_eq!(read(&mut reader).unwrap(), Some(("grüße\n\u{0}".to_owned(), 1)));
        assert_eq!(read(&mut reader).unwrap(), Some((String::new(), 2)));
        assert_eq!(read::<(String, i32)>(&mut reader).unwrap(), None);
    }

    #[test]
    fn a_cut_frame_is_an_error() {
        let mut pipe = Vec::new();
        write(&mut pipe, &"text").unwrap();
        for cut in 1..pipe.len() {
            assert!(read::<String>(&mut &pipe[..cut]).is_err(), "cut after {cut} bytes");
        }
    }

    #[test]
    fn a_length_out_of_reach_is_an_error_and_no_allocation() {
        let mut frame: &[u8] = &[0xff, 0xff, 0xff, 0xff, b'1'];
        assert!(read::<i32>(&mut frame).is_err());
    }
}
