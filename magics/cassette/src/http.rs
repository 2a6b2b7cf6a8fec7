//! HTTP/1.1 on a stream of bytes, as far as a proxy needs it (RFC 9112): heads and bodies of requests, and answers that are there as a whole.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::deck::Answer;

/// No head of a request is longer, with all its headers.
const LONGEST_HEAD: usize = 64 << 10;
const MOST_HEADERS: usize = 128;
/// No body of a request has more bytes.
pub(crate) const LARGEST_BODY: usize = 16 << 20;
/// No line that says how long a chunk is, or that follows the last one, is longer.
const LONGEST_LINE: usize = 8 << 10;
/// Bytes that are read at once.
const PIECE: usize = 16 << 10;

/// A request as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    pub method: String,
    /// A URL, a path, or a host and its port, as the method has it.
    pub target: String,
    /// By names in lower case, in their order.
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
    /// The stream ends with the answer.
    pub is_last: bool,
}

/// No request that could be answered.
#[derive(Debug)]
pub(crate) enum Bad {
    /// The stream is gone, or ended between requests.
    Gone,
    /// What came is no request, or too large; with the status that says so.
    Refused(u16, String),
}

impl From<io::Error> for Bad {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

impl Request {
    /// The header's value, where it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name)?;
        std::str::from_utf8(&found.1).ok().map(str::trim)
    }

    /// Whether a header that lists words has this one.
    pub fn says(&self, name: &str, word: &str) -> bool {
        let values = self.headers.iter().filter(|(header, _)| header == name);
        let mut words =
            values.filter_map(|(_, value)| std::str::from_utf8(value).ok()).flat_map(|value| value.split(','));
        words.any(|found| found.trim().eq_ignore_ascii_case(word))
    }
}

/// A stream with what was read of it and not yet used.
pub(crate) struct Wire<S> {
    stream: S,
    buffer: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub fn new(stream: S) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    /// The stream, and what was read of what comes next.
    pub fn into_parts(self) -> (S, Vec<u8>) {
        (self.stream, self.buffer)
    }

    /// The next byte, which stays where it is.
    pub async fn peek(&mut self) -> Result<u8, Bad> {
        loop {
            match self.buffer.first() {
                Some(byte) => return Ok(*byte),
                None => self.more().await?,
            }
        }
    }

    /// Reads the next request, whole.
    pub async fn request(&mut self) -> Result<Request, Bad> {
        let (mut request, minor) = loop {
            if let Some((request, minor, length)) = head(&self.buffer)? {
                self.buffer.drain(..length);
                break (request, minor);
            }
            if self.buffer.len() > LONGEST_HEAD {
                return Err(Bad::Refused(431, format!("its head has more than {LONGEST_HEAD} bytes")));
            }
            self.more().await?;
        };
        request.is_last =
            request.says("connection", "close") || (minor == 0 && !request.says("connection", "keep-alive"));
        let chunked = request.says("transfer-encoding", "chunked");
        let lengths: Vec<_> = request.headers.iter().filter(|(name, _)| name == "content-length").collect();
        let is_odd = request.headers.iter().any(|(name, _)| name == "transfer-encoding") && !chunked;
        if (chunked && !lengths.is_empty()) || lengths.len() > 1 || is_odd {
            return Err(Bad::Refused(
                400,
                "it says in two ways, or in none that is known here, how long its body is".to_owned(),
            ));
        }
        let length =
            lengths.first().map(|(_, value)| std::str::from_utf8(value).ok().and_then(|text| text.trim().parse().ok()));
        let length = length
            .unwrap_or(Some(0))
            .ok_or_else(|| Bad::Refused(400, "the length of its body is no number".to_owned()))?;
        if length > LARGEST_BODY {
            return Err(too_large());
        }
        if (chunked || length > 0) && request.says("expect", "100-continue") {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
            self.stream.flush().await?;
        }
        request.body = if chunked { self.chunks().await? } else { self.take(length).await? };
        Ok(request)
    }

    /// Reads a body in chunks, and what follows the last of them.
    async fn chunks(&mut self) -> Result<Vec<u8>, Bad> {
        let mut body = Vec::new();
        loop {
            let line = self.line().await?;
            let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
            let size =
                std::str::from_utf8(digits).ok().and_then(|digits| usize::from_str_radix(digits.trim(), 16).ok());
            let size = size.ok_or_else(|| Bad::Refused(400, "the length of a chunk is no number".to_owned()))?;
            if size > LARGEST_BODY - body.len() {
                return Err(too_large());
            }
            if size == 0 {
                break;
            }
            body.extend(self.take(size).await?);
            if !self.line().await?.is_empty() {
                return Err(Bad::Refused(400, "a chunk is longer than it says".to_owned()));
            }
        }
        // Trailers say nothing that anybody needs.
        let mut trailers = 0;
        loop {
            match self.line().await?.len() {
                0 => return Ok(body),
                length => trailers += length,
            }
            if trailers > LONGEST_HEAD {
                return Err(Bad::Refused(431, "too much follows its body".to_owned()));
            }
        }
    }

    /// The next line, without its end.
    async fn line(&mut self) -> Result<Vec<u8>, Bad> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
                line.pop();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(line);
            }
            if self.buffer.len() > LONGEST_LINE {
                return Err(Bad::Refused(400, "a line between its chunks is too long".to_owned()));
            }
            self.more().await?;
        }
    }

    /// The next so many bytes.
    async fn take(&mut self, count: usize) -> Result<Vec<u8>, Bad> {
        while self.buffer.len() < count {
            self.more().await?;
        }
        Ok(self.buffer.drain(..count).collect())
    }

    async fn more(&mut self) -> Result<(), Bad> {
        let mut piece = [0; PIECE];
        match self.stream.read(&mut piece).await? {
            0 => Err(Bad::Gone),
            count => {
                self.buffer.extend_from_slice(&piece[..count]);
                Ok(())
            }
        }
    }

    /// Returns when the other side is gone; what it still sends is kept.
    pub async fn gone(&mut self) {
        while self.buffer.len() <= LONGEST_HEAD {
            if self.more().await.is_err() {
                return;
            }
        }
        // It sends and does not wait for answers: it will see when it does.
        std::future::pending::<()>().await;
    }

    /// Sends an answer; `also` are headers that are no part of it.
    pub async fn answer(&mut self, answer: &Answer, also: &[(String, Vec<u8>)], to: &Request) -> io::Result<()> {
        let mut head = format!("HTTP/1.1 {} {}\r\n", answer.status, reason(answer.status)).into_bytes();
        let mut header = |name: &str, value: &[u8]| {
            // A value that would begin another header comes from a tape that somebody made up.
            if !value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
                head.extend_from_slice(name.as_bytes());
                head.extend_from_slice(b": ");
                head.extend_from_slice(value);
                head.extend_from_slice(b"\r\n");
            }
        };
        if let Some(content_type) = &answer.content_type {
            header("content-type", content_type.as_bytes());
        }
        for (name, value) in answer.headers.iter().filter(|(name, _)| is_delivered(name)) {
            header(name, value.as_bytes());
        }
        for (name, value) in also {
            header(name, value);
        }
        let has_body = to.method != "HEAD" && !matches!(answer.status, 204 | 304) && answer.status >= 200;
        if has_body {
            header("content-length", answer.body.len().to_string().as_bytes());
        }
        header("connection", if to.is_last { b"close" } else { b"keep-alive" });
        head.extend_from_slice(b"\r\n");
        if has_body {
            head.extend_from_slice(&answer.body);
        }
        self.stream.write_all(&head).await?;
        self.stream.flush().await
    }

    /// Says that a tunnel is open.
    pub async fn connected(&mut self) -> io::Result<()> {
        self.stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
        self.stream.flush().await
    }

    /// Ends the stream in order.
    pub async fn close(mut self) {
        // The other side may have gone before.
        let _ = self.stream.shutdown().await;
    }
}

/// Headers of an answer that say something of its content, and so are written down and delivered.
const DELIVERED: [&str; 11] = [
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-location",
    "content-range",
    "etag",
    "last-modified",
    "link",
    "location",
    "retry-after",
    "www-authenticate",
];

pub(crate) fn is_delivered(name: &str) -> bool {
    DELIVERED.contains(&name)
}

fn too_large() -> Bad {
    Bad::Refused(413, format!("its body has more than {LARGEST_BODY} bytes"))
}

/// The head at the beginning of `bytes`, the minor version of its HTTP/1, and its length; none where more has to come.
fn head(bytes: &[u8]) -> Result<Option<(Request, u8, usize)>, Bad> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let length = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(Bad::Refused(400, format!("it is no request of HTTP/1.1 ({error})"))),
    };
    let headers =
        parsed.headers.iter().map(|header| (header.name.to_ascii_lowercase(), header.value.to_vec())).collect();
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let request = Request { method: text(parsed.method), target: text(parsed.path), headers, ..Request::default() };
    Ok(Some((request, parsed.version.unwrap_or(1), length)))
}

/// What people call a status; clients go by its number.
fn reason(status: u16) -> &'static str {
    let known = reqwest::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    known.unwrap_or("Answer")
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    /// What is read of these bytes, and what is said meanwhile.
    fn read(bytes: &[u8]) -> (Result<Request, Bad>, String) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let (here, mut there) = duplex(1 << 20);
            there.write_all(bytes).await.expect("written");
            there.shutdown().await.expect("ended");
            let mut wire = Wire::new(here);
            let read = wire.request().await;
            drop(wire);
            let mut said = String::new();
            there.read_to_string(&mut said).await.expect("text");
            (read, said)
        })
    }

    fn refused(bytes: &[u8]) -> u16 {
        match read(bytes).0 {
            Err(Bad::Refused(status, _)) => status,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn bodies_are_read_by_their_length_and_in_chunks() {
        let (request, said) = read(b"POST http://a/b HTTP/1.1\r\nContent-Length: 5\r\nX: 1, y\r\n\r\nhello");
        let request = request.expect("a request");
        assert_eq!(
            (request.method.as_str(), request.target.as_str(), &request.body[..]),
            ("POST", "http://a/b", &b"hello"[..])
        );
        assert!(request.says("x", "Y") && !request.is_last && said.is_empty());
        let chunked = b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n5;a=b\r\nhello\r\n3\r\n, w\r\n0\r\nT: x\r\n\r\n";
        let (request, said) = read(chunked);
        let request = request.expect("a request");
        assert_eq!((&request.body[..], request.is_last), (&b"hello, w"[..], true));
        assert_eq!(said, "HTTP/1.1 100 Continue\r\n\r\n");
    }

    #[test]
    fn what_is_no_request_is_refused() {
        assert_eq!(refused(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"), 400);
        assert_eq!(refused(b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"), 400);
        assert_eq!(refused(b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
        assert_eq!(refused(b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n"), 400);
        assert_eq!(refused(b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n"), 413);
        assert_eq!(refused(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n"), 413);
        assert_eq!(refused(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n"), 400);
        assert_eq!(refused(format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(LONGEST_HEAD)).as_bytes()), 431);
        assert!(matches!(read(b"GET / HT").0, Err(Bad::Gone)));
    }

    #[test]
    fn no_value_begins_another_header() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let said = runtime.block_on(async {
            let (here, mut there) = duplex(1 << 16);
            let headers = vec![("etag".to_owned(), "a\r\nX-Evil: 1".to_owned()), ("x-evil".to_owned(), "2".to_owned())];
            let answer = Answer { status: 200, content_type: Some("a/b".to_owned()), headers, body: b"c".to_vec() };
            let mut wire = Wire::new(here);
            wire.answer(&answer, &[], &Request::default()).await.expect("sent");
            drop(wire);
            let mut said = String::new();
            there.read_to_string(&mut said).await.expect("text");
            said
        });
        assert_eq!(
            said,
            "HTTP/1.1 200 OK\r\ncontent-type: a/b\r\ncontent-length: 1\r\nconnection: keep-alive\r\n\r\nc"
        );
    }
}
