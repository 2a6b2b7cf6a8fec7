//! A proxy between programs and a service of the test's own, which answers each request with another number.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kernwerk_cassette::{Mode, Proxy, Secret, Tape, Told, enter_step};

/// Answers with how often it was asked, in chunks, and what it was asked.
struct Service {
    address: String,
    asked: Arc<AtomicU32>,
}

impl Service {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let asked = Arc::new(AtomicU32::new(0));
        let counter = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let counter = counter.clone();
                std::thread::spawn(move || answer(stream.expect("a connection"), &counter));
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }
}

fn answer(mut stream: TcpStream, counter: &AtomicU32) {
    let request = head_and_body(&mut stream);
    let number = counter.fetch_add(1, Ordering::SeqCst) + 1;
    let body = format!("answer {number} to {}", request.lines().last().unwrap_or_default());
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nSet-Cookie: id=7\r\nX-Own: 1\r\nETag: \"e\"\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    let (one, other) = body.split_at(3);
    let chunk = |part: &str| format!("{:x}\r\n{part}\r\n", part.len());
    write!(stream, "{head}{}{}0\r\n\r\n", chunk(one), chunk(other)).expect("sent");
}

/// A message, by its Content-Length.
fn head_and_body(stream: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    let mut piece = [0; 1024];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        match stream.read(&mut piece).expect("read") {
            0 => return text,
            count => bytes.extend_from_slice(&piece[..count]),
        }
    }
}

/// What the proxy answers to a program that keeps its connection.
fn ask(line: &mut Line, url: &str, body: &str) -> String {
    ask_with(line, url, "", body)
}

/// The same with headers, each with the end of its line.
fn ask_with(line: &mut Line, url: &str, headers: &str, body: &str) -> String {
    let (length, login) = (body.len(), &line.login);
    let text = format!("POST {url} HTTP/1.1\r\nHost: x\r\n{login}{headers}Content-Length: {length}\r\n\r\n{body}");
    line.stream.write_all(text.as_bytes()).expect("sent");
    head_and_body(&mut line.stream)
}

/// A connection to a proxy, and what it wants to hear with each request.
struct Line {
    stream: UnixStream,
    login: String,
}

fn record() -> Mode {
    Mode::Record { secrets: Vec::new(), ignored_headers: BTreeSet::new() }
}

fn connect(proxy: &Proxy) -> Line {
    let login = proxy.password().map(|file| {
        let password = std::fs::read_to_string(file).expect("the password");
        format!("Proxy-Authorization: basic {}\r\n", STANDARD.encode(format!("kernwerk:{password}")))
    });
    let stream = UnixStream::connect(proxy.requests()).expect("the proxy listens");
    Line { stream, login: login.unwrap_or_default() }
}

/// Two questions of step 1 and one of step 3, recorded; with the service gone afterwards.
fn recorded(service: &Service) -> (Told, Vec<String>) {
    let secret = Secret { value: "s3cret".to_owned(), placeholder: "__secret_KEY__".to_owned() };
    let proxy =
        Proxy::start(Mode::Record { secrets: vec![secret], ignored_headers: BTreeSet::new() }).expect("a proxy");
    let mut line = connect(&proxy);
    let url = format!("http://{}/ask?key=s3cret", service.address);
    enter_step(&proxy.steps(), 1).expect("told");
    let headers = "Authorization: Bearer s3cret\r\nUser-Agent: a/1\r\n";
    let mut answers = vec![ask_with(&mut line, &url, headers, "one"), ask_with(&mut line, &url, headers, "one")];
    enter_step(&proxy.steps(), 3).expect("told");
    answers.push(ask_with(&mut line, &url, headers, "s3cret"));
    (proxy.end(), answers)
}

#[test]
fn what_was_recorded_is_played_without_the_service() {
    let service = Service::start();
    let (told, answers) = recorded(&service);
    let tape = told.tape.expect("a tape");
    assert_eq!((service.asked(), tape.exchanges.len(), told.unanswered.len()), (3, 3, 0));
    assert_eq!(told.steps, [1, 3].into());
    assert_eq!(tape.exchanges.iter().map(|exchange| exchange.step).collect::<Vec<_>>(), [1, 1, 3]);
    let text = String::from_utf8(tape.write()).expect("text");
    for word in ["s3cret", "Bearer", "id=7", "x-own", "chunked"] {
        assert!(!text.contains(word), "{word} in {text}");
    }
    assert!(answers[0].contains("set-cookie: id=7") && !answers[0].to_lowercase().contains("x-own"), "{}", answers[0]);

    let proxy = Proxy::start(Mode::Play(Tape::read(text.as_bytes()).expect("a tape"))).expect("a proxy");
    let mut line = connect(&proxy);
    let url = format!("http://{}/ask?key=__secret_KEY__", service.address);
    let without_cookie = |answer: &str| answer.replace("set-cookie: id=7\r\n", "");
    let headers = "User-Agent: b/2\r\nAuthorization: Bearer __secret_KEY__\r\n";
    let ask = |line: &mut Line, url: &str, body: &str| ask_with(line, url, headers, body);
    enter_step(&proxy.steps(), 1).expect("told");
    assert_eq!(ask(&mut line, &url, "one"), without_cookie(&answers[0]));
    assert_eq!(ask(&mut line, &url, "one"), without_cookie(&answers[1]));
    enter_step(&proxy.steps(), 3).expect("told");
    let third = ask(&mut line, &url, "__secret_KEY__");
    assert!(third.contains("etag: \"e\"") && third.ends_with("answer 3 to __secret_KEY__"), "{third}");
    let missing = ask(&mut line, &url, "two");
    assert!(
        missing.starts_with("HTTP/1.1 504 ") && missing.contains("is on the cassette with another body alone"),
        "{missing}"
    );
    let told = proxy.end();
    assert_eq!((service.asked(), told.tape, told.steps), (3, None, [1, 3].into()));
    let unanswered = &told.unanswered[..];
    assert_eq!(unanswered.len(), 1);
    assert_eq!(unanswered[0].step, 3);
    assert_eq!(unanswered[0].words, format!("POST {url} is on the cassette with another body alone"));
}

#[test]
fn the_recorded_answer_is_not_given_to_a_request_with_another_header() {
    let service = Service::start();
    let ignored_headers = ["X-Lap".to_owned()].into();
    let proxy = Proxy::start(Mode::Record { secrets: Vec::new(), ignored_headers }).expect("a proxy");
    let url = format!("http://{}/greet", service.address);
    let english = "Accept-Language: en\r\nX-Lap: 1\r\nX-Request-Id: 1\r\nAccept: */*\r\n";
    ask_with(&mut connect(&proxy), &url, english, "");
    let tape = proxy.end().tape.expect("a tape");
    assert_eq!(tape.ignored_headers, ["x-lap".to_owned()].into());
    assert_eq!(tape.exchanges[0].request_headers, [("accept-language".to_owned(), "en".to_owned())].into());

    let proxy = Proxy::start(Mode::Play(tape)).expect("a proxy");
    let other = ask_with(&mut connect(&proxy), &url, "ACCEPT-language: fr\r\n", "");
    let words = "with another header alone: `accept-language` was `en` when it was recorded, and is `fr` now";
    assert!(other.starts_with("HTTP/1.1 504 ") && other.contains(words), "{other}");
    let again = "X-Request-Id: 2\r\nX-Lap: 2\r\naccept-language:  en \r\n";
    let same = ask_with(&mut connect(&proxy), &url, again, "");
    assert!(same.starts_with("HTTP/1.1 200 ") && same.contains("answer 1 to"), "{same}");
    let unanswered = &proxy.end().unanswered[..];
    assert_eq!(unanswered.len(), 1, "{unanswered:?}");
    assert_eq!(unanswered[0].words, format!("POST {url} is on the cassette {words}"));
    assert_eq!(unanswered[0].headers, ["accept-language"]);
}

#[test]
fn a_secret_within_base64_is_on_no_tape() {
    let service = Service::start();
    let secret = Secret { value: "s3cret-of-ada".to_owned(), placeholder: "__secret_KEY__".to_owned() };
    let mode = Mode::Record { secrets: vec![secret], ignored_headers: BTreeSet::new() };
    let proxy = Proxy::start(mode).expect("a proxy");
    let url = format!("http://{}/login", service.address);
    // `ada:s3cret-of-ada`, and `ada:__secret_KEY__`; the service says it back.
    let (held, stands_for) = ("YWRhOnMzY3JldC1vZi1hZGE=", "YWRhOl9fc2VjcmV0X0tFWV9f");
    let asked = ask_with(&mut connect(&proxy), &url, "X-Login: Basic YWRhOnMzY3JldC1vZi1hZGE=\r\n", held);
    assert!(asked.ends_with(held), "{asked}");
    let told = proxy.end();
    assert_eq!(told.leaks, []);
    let tape = told.tape.expect("a tape");
    let text = String::from_utf8(tape.write()).expect("text");
    assert_eq!((text.matches("YWRhOnMz").count(), text.matches(stands_for).count()), (0, 3), "{text}");

    let proxy = Proxy::start(Mode::Play(tape)).expect("a proxy");
    let headers = format!("X-Login: Basic {stands_for}\r\n");
    let played = ask_with(&mut connect(&proxy), &url, &headers, stands_for);
    assert!(played.starts_with("HTTP/1.1 200 ") && played.ends_with(stands_for), "{played}");
}

/// While it records, anybody on the machine may come to its port.
#[test]
fn who_does_not_know_the_password_asks_nobody() {
    let service = Service::start();
    let proxy = Proxy::start(record()).expect("a proxy");
    let url = format!("http://{}/", service.address);
    let mut line = connect(&proxy);
    let right = std::mem::take(&mut line.login);
    for login in [
        "",
        "Proxy-Authorization: Basic a2Vybndlcms6\r\n",
        &right.replace("basic", "bearer"),
        &right.replace("basic ", ""),
    ] {
        login.clone_into(&mut line.login);
        let answer = ask(&mut line, &url, "");
        assert!(answer.starts_with("HTTP/1.1 407 ") && answer.contains("proxy-authenticate: Basic realm="), "{answer}");
    }
    for tunnel in [service.address.as_str(), "localhost:443"] {
        write!(line.stream, "CONNECT {tunnel} HTTP/1.1\r\nHost: x\r\n\r\n").expect("sent");
        assert!(head_and_body(&mut line.stream).starts_with("HTTP/1.1 407 "));
    }
    assert_eq!(service.asked(), 0);
    // Who was asked for it gives it on the same connection.
    right.clone_into(&mut line.login);
    assert!(ask(&mut line, &url, "").starts_with("HTTP/1.1 200 "));
    write!(line.stream, "CONNECT {} HTTP/1.1\r\n{right}\r\n", service.address).expect("sent");
    assert!(head_and_body(&mut line.stream).starts_with("HTTP/1.1 200 "));
    line.login.clear();
    assert!(ask(&mut line, "/", "").starts_with("HTTP/1.1 200 "), "within the tunnel nobody asks for it");
    let told = proxy.end();
    assert_eq!((service.asked(), told.tape.expect("a tape").exchanges.len()), (2, 2));
    assert!(told.unanswered[0].words.contains("came without the name and the password that stand in `HTTP_PROXY`"));
}

#[test]
fn many_programs_at_once_each_get_what_they_asked_for() {
    let service = Service::start();
    let everyone = |proxy: &Proxy| {
        let programs = (0..16).map(|number| {
            let mut line = connect(proxy);
            let url = format!("http://{}/{number}", service.address);
            std::thread::spawn(move || {
                (0..8).map(|time| ask(&mut line, &url, &format!("{number} {time}"))).collect::<Vec<_>>()
            })
        });
        programs.collect::<Vec<_>>().into_iter().map(|program| program.join().expect("answers")).collect::<Vec<_>>()
    };
    let recording = Proxy::start(record()).expect("a proxy");
    let first = everyone(&recording);
    let tape = recording.end().tape.expect("a tape");
    assert_eq!((tape.exchanges.len(), service.asked()), (128, 128));
    let playing = Proxy::start(Mode::Play(tape)).expect("a proxy");
    let without_cookie = |answers: Vec<Vec<String>>| -> Vec<Vec<String>> {
        answers
            .iter()
            .map(|some| some.iter().map(|answer| answer.replace("set-cookie: id=7\r\n", "")).collect())
            .collect()
    };
    assert_eq!(everyone(&playing), without_cookie(first));
    assert_eq!(playing.end().unanswered, []);
    assert_eq!(service.asked(), 128);
}

#[test]
fn a_service_that_is_not_there_is_told() {
    let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let proxy = Proxy::start(record()).expect("a proxy");
    let url = format!("http://127.0.0.1:{port}/");
    let answer = ask(&mut connect(&proxy), &url, "");
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    let told = proxy.end();
    assert!(told.unanswered[0].words.contains("was not answered"), "{told:?}");
    assert_eq!(told.tape.expect("a tape").exchanges[0].status, 502);
}

#[test]
fn what_is_no_request_to_a_proxy_is_refused() {
    let proxy =
        Proxy::start(Mode::Play(Tape::read(br#"{"format": 1, "exchanges": []}"#).expect("a tape"))).expect("a proxy");
    let refused = |bytes: &[u8]| {
        let mut line = connect(&proxy);
        line.stream.write_all(bytes).expect("sent");
        head_and_body(&mut line.stream)
    };
    assert!(refused(b"GET /path HTTP/1.1\r\nHost: a\r\n\r\n").starts_with("HTTP/1.1 400 "));
    assert!(refused(b"GET ftp://a/b HTTP/1.1\r\nHost: a\r\n\r\n").starts_with("HTTP/1.1 400 "));
    assert!(refused(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").starts_with("HTTP/1.1 400 "));
    let socket = b"GET http://a/b HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n";
    assert!(refused(socket).starts_with("HTTP/1.1 501 "));
    let mut tunnel = connect(&proxy);
    tunnel.stream.write_all(b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n").expect("sent");
    assert!(head_and_body(&mut tunnel.stream).starts_with("HTTP/1.1 200 "));
    tunnel.stream.write_all(b"GET /b HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
    let answer = head_and_body(&mut tunnel.stream);
    assert!(
        answer.starts_with("HTTP/1.1 504 ") && answer.contains("GET http://a/b is not on the cassette"),
        "{answer}"
    );
}

/// A program that goes away before it was answered asks again: only what somebody took is on the tape.
#[test]
fn an_answer_that_nobody_took_is_not_recorded() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let proxy = Proxy::start(record()).expect("a proxy");
    let mut line = connect(&proxy);
    let login = &line.login;
    write!(line.stream, "GET http://{address}/ HTTP/1.1\r\nHost: x\r\n{login}\r\n").expect("sent");
    let (mut asked, _) = listener.accept().expect("the proxy asks");
    drop(line);
    // The proxy lets go of the service once its program is gone.
    head_and_body(&mut asked);
    let mut rest = Vec::new();
    asked.read_to_end(&mut rest).expect("the end");
    assert_eq!(proxy.end().tape.expect("a tape").exchanges, []);
}
