//! The proxy: takes requests over a Unix socket, and answers them from the network, which it writes down, or from a tape.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use reqwest::{Client, Url};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;

use crate::authority::Authority;
use crate::deck::{Answer, Miss, Player, Question, Recorder};
use crate::headers::Headers;
use crate::http::{Bad, Request, Wire};
use crate::multipart::with_one_boundary;
use crate::password::{CHALLENGE, Password};
use crate::secrets::{Secret, Sieve};
use crate::step;
use crate::tape::{LARGEST_TAPE, Tape};
use crate::upstream;

/// Of more requests that were not answered the rest is not told.
const MOST_TOLD: usize = 100;
/// The file with the password, beside the sockets.
const PASSWORD: &str = "password";
/// The first byte of TLS: a record of the handshake (RFC 8446, 5.1).
const TLS_HANDSHAKE: u8 = 22;

/// What a proxy does.
#[derive(Debug)]
pub enum Mode {
    /// Asks the network and writes down what is said, without the secrets. Headers of these names do not count, whatever they say.
    Record { secrets: Vec<Secret>, ignored_headers: BTreeSet<String> },
    /// Answers from a tape and asks nobody.
    Play(Tape),
}

/// What went through a proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// What was written down, by a proxy that does.
    pub tape: Option<Tape>,
    /// The steps that were answered at least once.
    pub steps: BTreeSet<u32>,
    pub unanswered: Vec<Unanswered>,
    /// What a secret still stands in on the tape, which therefore must not be kept: the step that asked, and in words what.
    pub leaks: Vec<(u32, String)>,
}

/// Something that a program asked and that got no answer of a service's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// The step that asked; 0 is before the first.
    pub step: u32,
    /// Such as `POST http://service/ask is not on the cassette`; secrets are taken out.
    pub words: String,
    /// The headers of requests, in lower case, for which alone it is not on the tape.
    pub headers: Vec<String>,
}

/// A proxy at work, on a thread of its own; it ends when this is dropped.
#[derive(Debug)]
pub struct Proxy {
    /// Holds the sockets, and the certificate of the authority.
    place: tempfile::TempDir,
    shared: Arc<Shared>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Begins to listen. Only this user can reach it.
    ///
    /// # Errors
    /// There is no place for its sockets, or the system denies it something.
    pub fn start(mode: Mode) -> io::Result<Self> {
        let place = short_directory()?;
        let authority = Authority::new()?;
        std::fs::write(place.path().join("authority.pem"), authority.certificate())?;
        let password = matches!(mode, Mode::Record { .. }).then(Password::new).transpose()?;
        if let Some(password) = &password {
            std::fs::write(place.path().join(PASSWORD), password.text())?;
        }
        let (deck, sieve, headers) = match mode {
            Mode::Record { secrets, ignored_headers } => {
                let client = upstream::client().map_err(io::Error::other)?;
                let headers = Headers::new(ignored_headers);
                let recorder = Recorder::new(Sieve::new(&secrets), headers.clone());
                (Deck::Record(recorder, client), Sieve::new(&secrets), headers)
            }
            Mode::Play(tape) => {
                let headers = Headers::new(tape.ignored_headers.clone());
                (Deck::Play(Player::new(tape, &headers)), Sieve::default(), headers)
            }
        };
        let (deck, told) = (Mutex::new(deck), Mutex::default());
        let shared = Arc::new(Shared { authority, password, sieve, headers, deck, told, step: Arc::default() });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (requests, steps) = {
            let _inside = runtime.enter();
            (UnixListener::bind(place.path().join("requests"))?, UnixListener::bind(place.path().join("steps"))?)
        };
        let (end, ended) = oneshot::channel();
        let working = shared.clone();
        let thread = std::thread::Builder::new().name("cassette".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::spawn(step::follow(steps, working.step.clone()));
                tokio::select! {
                    () = listen(requests, working) => {}
                    _ = ended => {}
                }
            });
            // Requests under way are of programs that nobody waits for.
            runtime.shutdown_background();
        })?;
        Ok(Self { place, shared, end: Some(end), thread: Some(thread) })
    }

    /// Where programs reach it.
    pub fn requests(&self) -> PathBuf {
        self.place.path().join("requests")
    }

    /// Where [`crate::enter_step`] reaches it.
    pub fn steps(&self) -> PathBuf {
        self.place.path().join("steps")
    }

    /// The certificate that programs have to trust, as a file of PEM.
    pub fn authority(&self) -> PathBuf {
        self.place.path().join("authority.pem")
    }

    /// The file that holds the password which programs have to give, with the name `kernwerk`; none where they need none.
    pub fn password(&self) -> Option<PathBuf> {
        self.shared.password.as_ref().map(|_| self.place.path().join(PASSWORD))
    }

    /// Ends it, and tells what went through it.
    pub fn end(mut self) -> Told {
        self.stop();
        let mut told = self.shared.told().clone();
        if let Deck::Record(recorder, _) = &*self.shared.deck() {
            let tape = recorder.tape();
            told.steps = tape.steps();
            told.leaks = recorder.leaks().to_vec();
            told.tape = Some(tape);
        }
        told
    }

    fn stop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // It panics nowhere that is known; what it told until then stands.
            let _ = thread.join();
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A directory of this user's alone, whose path leaves room for a socket's name: systems allow about a hundred bytes.
fn short_directory() -> io::Result<tempfile::TempDir> {
    const LONGEST: usize = 80;
    let here = std::env::temp_dir();
    let place: &Path = if here.as_os_str().len() > LONGEST { Path::new("/tmp") } else { &here };
    tempfile::Builder::new().prefix("kernwerk-").tempdir_in(place)
}

/// What stands behind the proxy.
enum Deck {
    /// With what asks the network.
    Record(Recorder, Client),
    Play(Player),
}

/// What all connections share.
struct Shared {
    authority: Authority,
    /// What programs have to give; it is asked of requests, and of those for tunnels, which let in what comes through them.
    password: Option<Password>,
    sieve: Sieve,
    headers: Headers,
    deck: Mutex<Deck>,
    told: Mutex<Told>,
    step: Arc<AtomicU32>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    fn deck(&self) -> MutexGuard<'_, Deck> {
        self.deck.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes an answer down; false where there is no room for it.
    fn finish(&self, place: usize, answer: &Answer) -> bool {
        match &mut *self.deck() {
            Deck::Record(recorder, _) => recorder.finish(place, answer),
            Deck::Play(_) => false,
        }
    }

    fn step(&self) -> u32 {
        self.step.load(Ordering::SeqCst)
    }

    fn unanswered(&self, step: u32, words: &str, headers: Vec<String>) {
        let unanswered = Unanswered { step, words: self.sieve.text(words), headers };
        let mut told = self.told();
        if told.unanswered.len() < MOST_TOLD && !told.unanswered.contains(&unanswered) {
            told.unanswered.push(unanswered);
        }
    }
}

async fn listen(listener: UnixListener, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => _ = tokio::spawn(connection(stream, shared.clone())),
            // Out of descriptors, say: others give theirs back.
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
        }
    }
}

/// Serves one connection of a program's, and what it tunnels through it: TLS, or requests as they are.
async fn connection(stream: UnixStream, shared: Arc<Shared>) {
    let mut wire = Wire::new(stream);
    let Some(authority) = serve(&mut wire, None, &shared).await else { return wire.close().await };
    if wire.connected().await.is_err() {
        return;
    }
    match wire.peek().await {
        Ok(TLS_HANDSHAKE) => encrypted(wire, &authority, &shared).await,
        Ok(_) => {
            let origin = format!("http://{}", authority.strip_suffix(":80").unwrap_or(&authority));
            // Within a tunnel there is no other.
            let _ = serve(&mut wire, Some(&origin), &shared).await;
            wire.close().await;
        }
        Err(_) => {}
    }
}

/// Serves what comes in TLS, as the host that it is for.
async fn encrypted(wire: Wire<UnixStream>, authority: &str, shared: &Shared) {
    let step = shared.step();
    let failed = |words: String| shared.unanswered(step, &format!("CONNECT {authority} {words}"), Vec::new());
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let Ok(acceptor) = shared.authority.acceptor(host.trim_start_matches('[').trim_end_matches(']')) else {
        return failed("names no host that could have a certificate".to_owned());
    };
    let (stream, read) = wire.into_parts();
    let (reader, writer) = stream.into_split();
    match acceptor.accept(tokio::io::join(io::Cursor::new(read).chain(reader), writer)).await {
        Ok(stream) => {
            let origin = format!("https://{}", authority.strip_suffix(":443").unwrap_or(authority));
            let mut wire = Wire::new(stream);
            let _ = serve(&mut wire, Some(&origin), shared).await;
            wire.close().await;
        }
        Err(error) => failed(format!(
            "came to no TLS ({error}): its client has to trust the certificate in the file that `SSL_CERT_FILE` names"
        )),
    }
}

/// Answers requests until the stream ends, or until one asks for a tunnel, to the host and port that is returned.
async fn serve<S>(wire: &mut Wire<S>, origin: Option<&str>, shared: &Shared) -> Option<String>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        let request = match wire.request().await {
            Ok(request) => request,
            Err(Bad::Gone) => return None,
            Err(Bad::Refused(status, words)) => {
                shared.unanswered(shared.step(), &format!("a request was refused: {words}"), Vec::new());
                let last = Request { is_last: true, ..Request::default() };
                // What the other side makes of it is its own business.
                let _ = wire.answer(&said(status, &words), &[], &last).await;
                return None;
            }
        };
        if origin.is_none() && shared.password.as_ref().is_some_and(|password| !password.is_given(&request)) {
            challenge(wire, &request, shared).await?;
            if request.is_last {
                return None;
            }
            continue;
        }
        if request.method == "CONNECT" && origin.is_none() {
            return Some(request.target);
        }
        exchange(wire, origin, &request, shared).await?;
        if request.is_last {
            return None;
        }
    }
}

/// Says that a password is wanted; none where the other side is gone.
async fn challenge<S>(wire: &mut Wire<S>, request: &Request, shared: &Shared) -> Option<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let words = format!(
        "{} {} came without the name and the password that stand in `HTTP_PROXY`: its client has to give them to the proxy, as most do",
        request.method, request.target
    );
    shared.unanswered(shared.step(), &words, Vec::new());
    let (name, value) = CHALLENGE;
    wire.answer(&said(407, &words), &[(name.to_owned(), value.to_vec())], request).await.ok()
}

/// Answers one request; none where the other side is gone.
async fn exchange<S>(wire: &mut Wire<S>, origin: Option<&str>, request: &Request, shared: &Shared) -> Option<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let step = shared.step();
    let target = match origin {
        Some(origin) if request.target.starts_with('/') => format!("{origin}{}", request.target),
        _ => request.target.clone(),
    };
    let refuse_for = |status: u16, Miss { words, headers }: Miss| {
        let words = format!("{} {target} {words}", request.method);
        shared.unanswered(step, &words, headers);
        said(status, &words)
    };
    let refuse = |status: u16, words: &str| refuse_for(status, Miss { words: words.to_owned(), headers: Vec::new() });
    let url = Url::parse(&target).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let Some(url) = url else {
        return wire.answer(&refuse(400, "is no request to a proxy"), &[], request).await.ok();
    };
    if request.header("upgrade").is_some_and(|protocol| protocol.to_ascii_lowercase().contains("websocket")) {
        return wire.answer(&refuse(501, "asks for a WebSocket, which no cassette holds"), &[], request).await.ok();
    }
    let mut headers = shared.headers.meant(&request.headers, &shared.sieve);
    let body = with_one_boundary(&mut headers, &request.body);
    let question = Question { method: request.method.clone(), url: plain(&url).to_string(), headers, body };
    let next = match &mut *shared.deck() {
        Deck::Record(recorder, client) => Next::Ask(recorder.begin(step, &question), client.clone()),
        Deck::Play(player) => Next::Give(player.answer(step, &question)),
    };
    let (answer, cookies) = match next {
        Next::Ask(place, client) => {
            // A program that went away asks again, or does without: its exchange was none.
            let asked = tokio::select! {
                asked = upstream::ask(&client, url, request) => asked,
                () = wire.gone() => return None,
            };
            let (answer, cookies) =
                asked.unwrap_or_else(|words| (refuse(502, &format!("was not answered: {words}")), Vec::new()));
            if shared.finish(place, &answer) {
                (answer, cookies)
            } else {
                (refuse(507, &format!("is too much: a cassette has at most {LARGEST_TAPE} bytes")), Vec::new())
            }
        }
        Next::Give(Ok(answer)) => {
            shared.told().steps.insert(step);
            (answer, Vec::new())
        }
        Next::Give(Err(miss)) => (refuse_for(504, miss), Vec::new()),
    };
    wire.answer(&answer, &cookies, request).await.ok()
}

/// How a request gets its answer.
enum Next {
    /// From the network; it stands in this place of the tape.
    Ask(usize, Client),
    /// From the tape, or not.
    Give(Result<Answer, Miss>),
}

/// The URL in the form in which it is written down and looked for.
fn plain(url: &Url) -> Url {
    let mut plain = url.clone();
    plain.set_fragment(None);
    // A URL with a host can do without both.
    let _ = plain.set_username("");
    let _ = plain.set_password(None);
    plain
}

/// An answer of the proxy's own.
fn said(status: u16, words: &str) -> Answer {
    Answer {
        status,
        content_type: Some("text/plain; charset=utf-8".to_owned()),
        headers: Vec::new(),
        body: format!("kernwerk cassette: {words}\n").into_bytes(),
    }
}
