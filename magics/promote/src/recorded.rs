//! What a cassette holds, for those who read of it: in the card and in the bill of materials.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::Error;
use crate::artifact::Location;
use crate::cassette::PinnedCassette;
use crate::files::digest;
use crate::pipeline::Pipeline;
use crate::sealed::{self, LARGEST_TEXT};

/// An artifact's cassette in a few words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recorded {
    /// Relative to the artifact.
    pub file: String,
    /// blake3 of the file, as it lies there; hexadecimal.
    pub digest: String,
    /// Who was asked, as in their URLs with a port where one stands there, and how many exchanges are with each.
    pub hosts: BTreeMap<String, usize>,
    /// Headers of requests that it does not look at because somebody said so.
    pub ignored_headers: BTreeSet<String>,
}

/// As much of the file as is read here.
#[derive(Deserialize)]
struct Tape {
    #[serde(default)]
    ignored_headers: BTreeSet<String>,
    exchanges: Vec<Exchange>,
}

#[derive(Deserialize)]
struct Exchange {
    url: String,
}

impl Recorded {
    /// What the artifact's cassette holds; none where it has none.
    ///
    /// # Errors
    /// The file cannot be read, or is no cassette.
    pub fn of(location: &Location, pipeline: &Pipeline) -> Result<Option<Self>, Error> {
        let Some(PinnedCassette { file, .. }) = &pipeline.cassette else { return Ok(None) };
        let bytes = sealed::read(&location.directory, file, LARGEST_TEXT);
        let bytes = bytes.map_err(location.unreadable(file))?;
        let Tape { ignored_headers, exchanges } =
            serde_json::from_slice(&bytes).map_err(|error| location.broken(file, error))?;
        let mut hosts = BTreeMap::new();
        for exchange in &exchanges {
            *hosts.entry(host(&exchange.url).to_owned()).or_default() += 1;
        }
        Ok(Some(Self { file: file.clone(), digest: digest(&bytes), hosts, ignored_headers }))
    }

    pub fn exchanges(&self) -> usize {
        self.hosts.values().sum()
    }

    /// Such as `api.example.com (3), localhost:8000`.
    pub fn hosts_in_words(&self) -> String {
        let host = |(host, count): (&String, &usize)| match count {
            1 => host.clone(),
            count => format!("{host} ({count})"),
        };
        self.hosts.iter().map(host).collect::<Vec<_>>().join(", ")
    }
}

fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    authority.rsplit('@').next().unwrap_or(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_stand_in_urls() {
        for (url, wanted) in [
            ("http://127.0.0.1:8000/draw?key=a@b", "127.0.0.1:8000"),
            ("https://api.example.com", "api.example.com"),
            ("https://[::1]:80?x", "[::1]:80"),
            ("http://a@b/", "b"),
        ] {
            assert_eq!(host(url), wanted);
        }
        let hosts = BTreeMap::from([("a".to_owned(), 1), ("b:1".to_owned(), 2)]);
        let recorded = Recorded { file: String::new(), digest: String::new(), hosts, ignored_headers: BTreeSet::new() };
        assert_eq!((recorded.exchanges(), recorded.hosts_in_words().as_str()), (3, "a, b:1 (2)"));
    }
}
