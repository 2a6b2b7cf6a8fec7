//! Asking the network, for a recording.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Url};

use crate::deck::Answer;
use crate::headers::is_between;
use crate::http::{Request, is_delivered};
use crate::tape::LARGEST_TAPE;

/// How long a service may take to be there. How long it may take to answer is for its client to say.
const CONNECT: Duration = Duration::from_secs(30);
/// A client that does what a program would: it follows nothing and stores nothing.
pub(crate) fn client() -> reqwest::Result<Client> {
    Client::builder().connect_timeout(CONNECT).redirect(Policy::none()).build()
}

/// The answer, and its cookies, which a program gets and no tape.
///
/// # Errors
/// There is none; in words why.
pub(crate) async fn ask(
    client: &Client,
    url: Url,
    request: &Request,
) -> Result<(Answer, Vec<(String, Vec<u8>)>), String> {
    let method = Method::from_bytes(request.method.as_bytes()).map_err(|error| error.to_string())?;
    let asked = client.request(method, url).headers(headers(request)).body(request.body.clone());
    let mut response = asked.send().await.map_err(|error| words(&error))?;
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let mut answer = Answer {
        status: response.status().as_u16(),
        content_type: response.headers().get("content-type").map(text),
        ..Answer::default()
    };
    for (name, value) in response.headers().iter().filter(|(name, _)| is_delivered(name.as_str())) {
        match answer.headers.iter_mut().find(|(known, _)| known == name.as_str()) {
            // A header that comes several times lists what it says.
            Some((_, known)) => known.push_str(&format!(", {}", text(value))),
            None => answer.headers.push((name.as_str().to_owned(), text(value))),
        }
    }
    let cookies = response.headers().get_all("set-cookie").iter();
    let cookies = cookies.map(|value| ("set-cookie".to_owned(), value.as_bytes().to_vec())).collect();
    while let Some(piece) = response.chunk().await.map_err(|error| words(&error))? {
        if answer.body.len() + piece.len() > LARGEST_TAPE {
            return Err(format!("its answer has more than {LARGEST_TAPE} bytes, which no cassette has"));
        }
        answer.body.extend_from_slice(&piece);
    }
    Ok((answer, cookies))
}

/// The headers that go on to the service: all but those between a program and the proxy.
fn headers(request: &Request) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        if is_between(name) || request.says("connection", name) {
            continue;
        }
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    headers
}

/// What went wrong, down to its cause: the error's own words leave that out.
fn words(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    cause.to_string()
}
