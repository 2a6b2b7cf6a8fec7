//! Which headers of a request say what is asked. These stand on the tape, and a request is answered only where they are the same.
//!
//! Services answer by headers as they do by URL and body: by `Accept-Language`, by `Range`, by `X-Tenant`, by names of their own that no list could
//! hold. So every header counts but for those that are known to say nothing of what is asked: what lies between a client and the next station, what
//! clients set by themselves, and what is new with each request. Most recorders begin at the other end (VCR and its kin match no header, WireMock
//! those that one names): whoever writes a test knows what the service answers by. Whoever runs a pipeline with another value does not, and would take
//! an answer to another question for a result. A header that counts for nothing does less harm: the proof run tells its name, and it can be left out
//! from there on.
//!
//! `Vary` of an answer is not asked. It names the headers by which a cache has to tell answers apart. Where it is missing, that says nothing: services
//! answer by headers of their own without a word of it. And what it names is either in the match already or left out above, as `Accept-Encoding`,
//! `User-Agent`, `Origin` and `Cookie` are, the names that stand there most; with `User-Agent` in the match, a new version of Python or of a library
//! would end every replay.
//!
//! Credentials must not be on a tape. A header of theirs stands there with what stands for the secrets in it, and of a login with the user's name, so
//! that one account is told from another, and whoever asks with a key from whoever asks without. Two keys that are no secrets of the environment
//! are one.

use std::collections::{BTreeMap, BTreeSet};

use kernwerk_detect::{is_secret_name, secrets};

use crate::encoded;
use crate::secrets::Sieve;

/// What stands for a secret that has no name of its own.
const SOME_SECRET: &str = "__secret__";
/// How the names of those that have one begin.
const NAMED_SECRET: &str = "__secret_";

/// Headers between a program and the next station (RFC 9110, 7.6.1), and those that the proxy's own client says better.
const BETWEEN: [&str; 13] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// What clients set by themselves: who they are, and of which version.
const OF_CLIENTS: [&str; 9] = [
    "user-agent",
    "x-client-data",
    "x-client-info",
    "x-client-name",
    "x-client-version",
    "x-elastic-client-meta",
    "x-goog-api-client",
    "x-sdk-name",
    "x-sdk-version",
];
/// The same, by how the names begin. The makers of clients for many services have prefixes of their own, browsers have `Sec-` (Fetch, 2.2.2).
const OF_CLIENTS_BEGIN: [&str; 4] = ["sec-", "x-fern-", "x-stainless-", "x-stripe-client-"];
/// Who handed a request on, and how often it may be.
const ON_THE_WAY: [&str; 7] =
    ["forwarded", "max-forwards", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];
/// New with each request: moments, numbers of requests and attempts, and places in traces (of W3C, Zipkin, Jaeger, Datadog, New Relic, Sentry,
/// and of the clouds).
const OF_ONE_REQUEST: [&str; 17] = [
    "amz-sdk-request",
    "b3",
    "baggage",
    "date",
    "idempotency-key",
    "newrelic",
    "nonce",
    "request-start",
    "sentry-trace",
    "traceparent",
    "tracestate",
    "x-amz-date",
    "x-cloud-trace-context",
    "x-ms-date",
    "x-nonce",
    "x-request-start",
    "x-retry-count",
];
const OF_ONE_REQUEST_BEGIN: [&str; 2] = ["x-b3-", "x-datadog-"];
/// The same, by how the names end: `X-Request-Id`, `Client-Request-Id`, `X-Amzn-Trace-Id`.
const OF_ONE_REQUEST_END: [&str; 7] =
    ["-correlation-id", "-idempotency-key", "-invocation-id", "-request-id", "-requestid", "-span-id", "-trace-id"];
/// Digests of the body, which is compared itself. Where a secret was taken out of it, they are another's.
const OF_THE_BODY: [&str; 5] = ["content-digest", "content-md5", "digest", "repr-digest", "x-amz-content-sha256"];
/// What a service had its client keep, which no tape gives again.
const OF_THE_SESSION: [&str; 2] = ["cookie", "cookie2"];
/// Behind a word that speaks of secrets, such a last word says whose or which.
const ABOUT: [&str; 10] =
    ["email", "group", "method", "mode", "organization", "project", "role", "tenant", "user", "username"];
/// Keys of things rather than of doors.
const OF_THINGS: [&str; 6] = ["group-key", "item-key", "message-key", "object-key", "record-key", "routing-key"];

/// What counts of requests' headers, by their names and values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Headers {
    /// Names, in lower case, that somebody said are to be left out as well.
    ignored: BTreeSet<String>,
}

impl Headers {
    pub fn new(ignored: BTreeSet<String>) -> Self {
        Self { ignored: ignored.into_iter().map(|name| name.to_ascii_lowercase()).collect() }
    }

    pub fn ignored(&self) -> &BTreeSet<String> {
        &self.ignored
    }

    /// Those of `headers` that say what is asked, by their names in lower case, as they stand on a tape: without secrets. What a header lists in
    /// several lines stands in one (RFC 9110, 5.3).
    pub fn meant(&self, headers: &[(String, Vec<u8>)], sieve: &Sieve) -> BTreeMap<String, String> {
        let mut meant: BTreeMap<String, String> = BTreeMap::new();
        let lists = headers.iter().filter(|(name, _)| name == "connection").flat_map(|(_, value)| words(value));
        let between: BTreeSet<String> = lists.collect();
        for (name, value) in headers.iter().filter(|(name, _)| self.counts(name) && !between.contains(name)) {
            let value = text(value);
            match meant.get_mut(name) {
                Some(known) => known.push_str(&format!(", {value}")),
                None => _ = meant.insert(name.clone(), value),
            }
        }
        meant.retain(|name, value| !says_nothing(name, value));
        for (name, value) in &mut meant {
            let plain = sieve.text(value);
            *value = if is_credential(name) { of_credential(&plain) } else { without_secrets(name, &plain) };
        }
        meant
    }

    /// Whether a header of this name, in lower case, is looked at.
    pub fn counts(&self, name: &str) -> bool {
        let is_one = |names: &[&str]| names.contains(&name);
        let begins = |with: &[&str]| with.iter().any(|with| name.starts_with(with));
        let ends = |with: &[&str]| with.iter().any(|end| name.ends_with(end) || name == &end[1..]);
        let is_left_out = is_between(name)
            || is_one(&OF_CLIENTS)
            || begins(&OF_CLIENTS_BEGIN)
            || ends(&["-user-agent"])
            || is_one(&ON_THE_WAY)
            || is_one(&OF_ONE_REQUEST)
            || begins(&OF_ONE_REQUEST_BEGIN)
            || ends(&OF_ONE_REQUEST_END)
            || is_one(&OF_THE_BODY)
            || is_one(&OF_THE_SESSION)
            // Against requests that another site makes: a service gives it, and wants it back.
            || name.contains("csrf")
            || name.contains("xsrf");
        !is_left_out && !self.ignored.contains(name)
    }
}

/// Whether a header, by its name in lower case, is for the next station alone.
pub(crate) fn is_between(name: &str) -> bool {
    BETWEEN.contains(&name)
}

/// How the headers that were recorded and those that are asked differ: the names, and a sentence about each.
pub(crate) fn differences(
    recorded: &BTreeMap<String, String>,
    asked: &BTreeMap<String, String>,
) -> Vec<(String, String)> {
    let names: BTreeSet<&String> = recorded.keys().chain(asked.keys()).collect();
    let differs = names.into_iter().filter(|name| recorded.get(*name) != asked.get(*name));
    let told = differs.map(|name| {
        let words = match (recorded.get(name), asked.get(name)) {
            (Some(then), Some(now)) => {
                format!("`{name}` was `{}` when it was recorded, and is `{}` now", short(then), short(now))
            }
            (Some(then), None) => format!("`{name}` was `{}` when it was recorded, and is not there now", short(then)),
            (None, now) => format!(
                "`{name}` was not there when it was recorded, and is `{}` now",
                now.map(|now| short(now)).unwrap_or_default()
            ),
        };
        (name.clone(), words)
    });
    told.collect()
}

/// The value, for a sentence.
fn short(value: &str) -> String {
    const LONGEST: usize = 80;
    let plain: String = value.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    match plain.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &plain[..end]),
        None => plain,
    }
}

/// A value as text. What is no UTF-8 is read as ISO 8859-1, as HTTP was once written: no two values become one.
fn text(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) => text.trim().to_owned(),
        Err(_) => value.iter().map(|byte| char::from(*byte)).collect::<String>().trim().to_owned(),
    }
}

fn words(value: &[u8]) -> Vec<String> {
    text(value).split(',').map(|word| word.trim().to_ascii_lowercase()).collect()
}

/// Whether the header says what its absence says, too (RFC 9110, 12.5): some clients send it and others do not.
fn says_nothing(name: &str, value: &str) -> bool {
    matches!((name, value), ("accept", "*/*") | ("accept-language" | "accept-charset", "*"))
}

/// Whether a header gives a credential, or what only its owner can compute.
fn is_credential(name: &str) -> bool {
    let last = name.rsplit(['-', '_', '.']).next().unwrap_or_default();
    let is_computed = name.contains("signature") || matches!(last, "sign" | "hmac");
    let is_of_things = OF_THINGS.iter().any(|thing| name.ends_with(thing));
    last.ends_with("authorization") || is_computed || (is_secret_name(name) && !ABOUT.contains(&last) && !is_of_things)
}

/// What stands for a credential. Of a login (RFC 7617) it is the user's name, too: whose account it is may decide what is answered.
fn of_credential(value: &str) -> String {
    let encoded = value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
    let login = encoded.and_then(|(_, encoded)| encoded::texts(encoded).into_iter().next());
    match login.as_deref().and_then(|login| login.split_once(':')) {
        // Where there is no password, the name is one.
        Some((user, password)) if !password.is_empty() => {
            let user = if is_made_up(user) { stand_in(user) } else { user.to_owned() };
            format!("{user}:{}", stand_in(password))
        }
        _ => stand_in(value),
    }
}

/// Whether a user's name has the look of a key, which some services take there.
fn is_made_up(user: &str) -> bool {
    const LONGEST_NAME: usize = 12;
    let is_plain = |letter: char| letter.is_alphanumeric() || " .@+-_".contains(letter);
    let is_long = |run: &str| run.len() > LONGEST_NAME && run.contains(|letter: char| letter.is_ascii_digit());
    !user.chars().all(is_plain)
        || user.contains(NAMED_SECRET)
        || user.split(|letter: char| !letter.is_alphanumeric()).any(is_long)
        || !secrets(user).is_empty()
}

/// What stands for the secrets in a value, as far as they have names.
fn stand_in(value: &str) -> String {
    let mut names: Vec<String> = Vec::new();
    for text in std::iter::once(value.to_owned()).chain(encoded::texts(value)) {
        for (start, _) in text.match_indices(NAMED_SECRET) {
            let rest = &text[start..];
            let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
            let end = rest.find(|letter| !is_name(letter)).unwrap_or(rest.len());
            // Two may stand side by side.
            let name = rest[NAMED_SECRET.len()..end].split("__").next().unwrap_or_default();
            let name = format!("{NAMED_SECRET}{name}__");
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    if names.is_empty() { SOME_SECRET.to_owned() } else { names.join(", ") }
}

/// The value without what has the look of a secret.
fn without_secrets(name: &str, value: &str) -> String {
    let lead = format!("{name}: ");
    let mut line = format!("{lead}{value}");
    for hit in secrets(&line).into_iter().rev().filter(|hit| hit.start >= lead.len()) {
        let stand_in = stand_in(hit.text(&line));
        line.replace_range(hit.start..hit.end, &stand_in);
    }
    line.split_off(lead.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::secrets::Secret;

    fn meant(headers: &[(&str, &str)]) -> BTreeMap<String, String> {
        meant_by(&Headers::default(), &Sieve::default(), headers)
    }

    fn meant_by(rules: &Headers, sieve: &Sieve, headers: &[(&str, &str)]) -> BTreeMap<String, String> {
        let raw: Vec<(String, Vec<u8>)> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
        rules.meant(&raw, sieve)
    }

    fn sieve() -> Sieve {
        Sieve::new(&[
            Secret { value: "k3y-of+ada".to_owned(), placeholder: "__secret_ADA_KEY__".to_owned() },
            Secret { value: "k3y-of-grace".to_owned(), placeholder: "__secret_GRACE_KEY__".to_owned() },
        ])
    }

    fn shown(headers: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// As they come from these clients themselves, asked for nothing but a URL.
    #[test]
    fn what_clients_set_by_themselves_is_left_out() {
        let urllib = [
            ("accept-encoding", "identity"),
            ("host", "a"),
            ("user-agent", "Python-urllib/3.11"),
            ("connection", "close"),
        ];
        let requests = [
            ("host", "a"),
            ("user-agent", "python-requests/2.34.2"),
            ("accept-encoding", "gzip, deflate"),
            ("accept", "*/*"),
            ("connection", "keep-alive"),
        ];
        let curl =
            [("host", "a"), ("user-agent", "curl/7.88.1"), ("accept", "*/*"), ("proxy-connection", "Keep-Alive")];
        let openai = [
            ("host", "a"),
            ("accept", "application/json"),
            ("content-type", "application/json"),
            ("user-agent", "OpenAI/Python 2.8.1"),
            ("x-stainless-lang", "python"),
            ("x-stainless-retry-count", "0"),
            ("x-stainless-runtime-version", "3.11.2"),
            ("idempotency-key", "stainless-python-retry-1f0c"),
            ("authorization", "Bearer k3y"),
            ("content-length", "31"),
        ];
        let traced = [
            ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            ("x-request-id", "7"),
            ("request-id", "|7.1."),
            ("x-amzn-trace-id", "Root=1-5759e988"),
            ("x-b3-spanid", "05e3"),
            ("cookie", "session=7"),
            ("x-csrftoken", "8"),
            ("connection", "X-Hop, close"),
            ("x-hop", "1"),
        ];
        for none in [&urllib[..], &requests, &curl, &traced] {
            assert_eq!(shown(&meant(none)), [], "{none:?}");
        }
        let left = meant(&openai);
        let wanted =
            [("accept", "application/json"), ("authorization", "__secret__"), ("content-type", "application/json")];
        assert_eq!(shown(&left), wanted);
    }

    #[test]
    fn what_services_answer_by_stays() {
        let headers = [
            ("accept", "text/csv"),
            ("accept", "text/html;q=0.5"),
            ("accept-language", "fr"),
            ("anthropic-version", "2023-06-01"),
            ("if-none-match", "\"e\""),
            ("prefer", "return=minimal"),
            ("range", "bytes=0-9"),
            ("x-amz-target", "DynamoDB_20120810.Query"),
            ("x-auth-user", "ada"),
            ("x-object-key", "rides/2026"),
            ("x-tenant", "  eu  "),
        ];
        let mut wanted = headers[1..].to_vec();
        wanted[0] = ("accept", "text/csv, text/html;q=0.5");
        wanted[9] = ("x-tenant", "eu");
        assert_eq!(shown(&meant(&headers)), wanted);
    }

    #[test]
    fn credentials_stand_there_as_what_stands_for_them() {
        let of = |name: &str, value: &str| {
            let meant = meant_by(&Headers::default(), &sieve(), &[(name, value)]);
            meant.get(name).cloned().unwrap_or_default()
        };
        assert_eq!(of("authorization", "Bearer k3y-of+ada"), "__secret_ADA_KEY__");
        assert_eq!(of("authorization", "Bearer k3y-of-grace"), "__secret_GRACE_KEY__");
        // `ada:k3y-of+ada` and `ada:__secret_ADA_KEY__`: what is recorded, and what is asked in a replay.
        assert_eq!(of("authorization", "Basic YWRhOmszeS1vZithZGE="), "ada:__secret_ADA_KEY__");
        assert_eq!(of("authorization", "basic YWRhOl9fc2VjcmV0X0FEQV9LRVlfXw=="), "ada:__secret_ADA_KEY__");
        // `ada:hard-coded`, `7f3a9c1e5b2d4f60:k3y-of-grace`, `sk4f9a8b7c6d5e:` and `k3y-of-grace:`.
        assert_eq!(of("authorization", "Basic YWRhOmhhcmQtY29kZWQ="), "ada:__secret__");
        assert_eq!(
            of("authorization", "Basic N2YzYTljMWU1YjJkNGY2MDprM3ktb2YtZ3JhY2U="),
            "__secret__:__secret_GRACE_KEY__"
        );
        assert_eq!(of("authorization", "Basic c2s0ZjlhOGI3YzZkNWU6"), "__secret__");
        assert_eq!(of("authorization", "Basic azN5LW9mLWdyYWNlOg=="), "__secret_GRACE_KEY__");
        assert_eq!(of("authorization", "Bearer of-nobody"), "__secret__");
        assert_eq!(of("x-api-key", "k3y-of+ada"), "__secret_ADA_KEY__");
        for name in [
            "x-api-key",
            "api-key",
            "x-goog-api-key",
            "private-token",
            "x-signature",
            "ocp-apim-subscription-key",
            "cb-access-sign",
            "x-password",
        ] {
            assert_eq!(of(name, "anything"), "__secret__", "{name}");
        }
        assert_eq!(of("x-tenant", "k3y-of-grace/7"), "__secret_GRACE_KEY__/7");
        let token = format!("ghp_{}", "aB3dE6gH9jK2".repeat(3));
        assert_eq!(of("x-note", &format!("use {token}, please")), "use __secret__, please");
    }

    #[test]
    fn a_difference_names_the_header_and_both_values() {
        let then = meant(&[("accept-language", "en"), ("range", "bytes=0-9")]);
        let now = meant(&[("accept-language", "fr"), ("x-tenant", "\u{1}eu")]);
        let told = differences(&then, &now);
        assert_eq!(
            told.iter().map(|(_, words)| words.as_str()).collect::<Vec<_>>(),
            [
                "`accept-language` was `en` when it was recorded, and is `fr` now",
                "`range` was `bytes=0-9` when it was recorded, and is not there now",
                "`x-tenant` was not there when it was recorded, and is ` eu` now",
            ]
        );
        assert_eq!(differences(&now, &now), []);
    }

    /// A name that services may have, which nobody knows.
    fn own_name() -> impl Strategy<Value = String> {
        "x-[a-z]{2,8}(-[a-z]{2,8})?"
            .prop_filter("a credential, or of clients", |name| Headers::default().counts(name) && !is_credential(name))
    }

    proptest! {
        #[test]
        fn two_values_of_an_own_header_are_two(name in own_name(), one in "[a-z0-9/;=. ]{0,12}", other in "[a-z0-9/;=. ]{0,12}") {
            let (first, second) = (meant(&[(&name, &one)]), meant(&[(&name, &other)]));
            prop_assert_eq!(first == second, one.trim() == other.trim());
            prop_assert_ne!(first, meant(&[]));
        }

        #[test]
        fn what_is_meant_is_meant_again(headers in prop::collection::vec(("[a-z-]{1,20}", any::<Vec<u8>>()), 0..6)) {
            let rules = Headers::default();
            let once = rules.meant(&headers, &sieve());
            let again: Vec<_> = once.iter().map(|(name, value)| (name.clone(), value.as_bytes().to_vec())).collect();
            let twice = rules.meant(&again, &Sieve::default());
            prop_assert_eq!(once.keys().collect::<Vec<_>>(), twice.keys().collect::<Vec<_>>());
        }

        #[test]
        fn no_secret_passes(name in "[a-z-]{1,20}", before in "[ -~]{0,9}", after in "[ -~]{0,9}") {
            for secret in ["k3y-of+ada", "k3y-of-grace"] {
                let meant = meant_by(&Headers::default(), &sieve(), &[(&name, &format!("{before}{secret}{after}"))]);
                prop_assert!(meant.values().all(|value| !value.contains(secret)), "{:?}", meant);
            }
        }

        #[test]
        fn what_is_ignored_is_not_there(name in "[A-Za-z-]{1,20}", value in "[ -~]{0,9}") {
            let rules = Headers::new([name.clone()].into());
            prop_assert_eq!(meant_by(&rules, &Sieve::default(), &[(&name.to_ascii_lowercase(), &value)]), BTreeMap::new());
        }
    }
}
