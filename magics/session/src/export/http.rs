//! An MLflow server over HTTP.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kernwerk_core::{Cancelled, Problem, Work};
use kernwerk_promote::{Method, MlflowServer, Request, Response, Unanswered};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Url};

use crate::Context;

/// How long a server may take to be there, and to go on with an answer.
const CONNECT: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(120);
/// How often a request looks whether it was interrupted.
const LOOK: Duration = Duration::from_millis(50);

/// A server, and who asks it: as MLflow's own client, by `MLFLOW_TRACKING_TOKEN`, or `MLFLOW_TRACKING_USERNAME` and `MLFLOW_TRACKING_PASSWORD`.
pub(crate) struct HttpServer<'a> {
    context: &'a Context<'a>,
    client: Client,
    address: String,
    authorization: Option<HeaderValue>,
}

impl<'a> HttpServer<'a> {
    /// # Errors
    /// `address` is no address of a server, or holds a password: that would be recorded with the cell.
    pub(crate) fn new(context: &'a Context<'a>, address: &str) -> Result<Self, Problem> {
        let bad = |words: &str| Problem::new("BadServer", words.to_owned());
        let url = Url::parse(address).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let url = url.ok_or_else(|| {
            bad("`--server` is no address of a server").with_hint("write it as in `--server http://127.0.0.1:5000`")
        })?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad("a name or a password in `--server` would be recorded with this cell")
                .with_hint("give them in the environment, as MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"));
        }
        let client = Client::builder().connect_timeout(CONNECT).read_timeout(SILENCE).build();
        let client = client.map_err(|error| bad(&format!("there is no way to ask a server: {}", words(&error))))?;
        let address = url.as_str().trim_end_matches('/').to_owned();
        Ok(Self { context, client, address, authorization: authorization()? })
    }

    async fn ask(&self, request: Request) -> Result<Response, reqwest::Error> {
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut asked = self.client.request(method, format!("{}{}", self.address, request.path));
        if let Some(authorization) = &self.authorization {
            asked = asked.header(AUTHORIZATION, authorization);
        }
        let answer = asked.header(CONTENT_TYPE, request.content_type).body(request.body).send().await?;
        let status = answer.status().as_u16();
        Ok(Response { status, body: answer.bytes().await?.to_vec() })
    }
}

impl MlflowServer for HttpServer<'_> {
    fn send(&self, request: Request, work: &Work) -> Result<Response, Unanswered> {
        let interrupted = async {
            while work.check().is_ok() {
                tokio::time::sleep(LOOK).await;
            }
        };
        self.context.block_on(async {
            tokio::select! {
                answer = self.ask(request) => {
                    answer.map_err(|error| Unanswered::Failed(format!("{}: {}", self.address, words(&error))))
                }
                () = interrupted => Err(Unanswered::Cancelled(Cancelled)),
            }
        })
    }
}

/// The header that says who asks; none where the environment names nobody.
fn authorization() -> Result<Option<HeaderValue>, Problem> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let said = match (variable("MLFLOW_TRACKING_USERNAME"), variable("MLFLOW_TRACKING_TOKEN")) {
        (Some(name), _) => {
            let password = variable("MLFLOW_TRACKING_PASSWORD").unwrap_or_default();
            format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
        }
        (None, Some(token)) => format!("Bearer {token}"),
        (None, None) => return Ok(None),
    };
    let mut header = HeaderValue::from_str(&said)
        .map_err(|_| Problem::new("BadServer", "MLFLOW_TRACKING_TOKEN holds what no header can"))?;
    header.set_sensitive(true);
    Ok(Some(header))
}

/// What went wrong, down to its cause: the error's own words leave that out.
fn words(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    cause.to_string()
}
