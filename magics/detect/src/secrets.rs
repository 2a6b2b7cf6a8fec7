//! Secrets in text: tokens whose issuers document their shape, keys, connection strings, and values that stand next to a name which
//! says what they are.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use regex::Regex;

use crate::names::{Strength, strength};
use crate::value::{has_variety, is_placeholder, is_secret, is_token};
use crate::{Hit, settle};

/// The shape of a kind of secret, as its issuer documents it. Its first group is the secret where it has one.
struct Shape {
    kind: &'static str,
    pattern: &'static str,
    accepts: fn(&str) -> bool,
}

const fn shape(kind: &'static str, pattern: &'static str) -> Shape {
    Shape { kind, pattern, accepts: is_varied }
}

const fn checked(kind: &'static str, pattern: &'static str, accepts: fn(&str) -> bool) -> Shape {
    Shape { kind, pattern, accepts }
}

const SHAPES: &[Shape] = &[
    checked(
        "private key",
        r#"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:[A-Za-z0-9+/=\s\\:,.-]*?-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----)?"#,
        |_| true,
    ),
    checked(
        "connection string with a password",
        r#"\b[A-Za-z][A-Za-z0-9+.-]{1,30}://([^\s:/@"'<>`]{0,64}:[^\s/@"'<>`]{3,128})@"#,
        is_login,
    ),
    shape("AWS access key", r"(?-u:\b)((?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[A-Z0-9]{16})(?-u:\b)"),
    shape("GitHub token", r"(?-u:\b)(gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{36,255})(?-u:\b)"),
    shape("GitLab token", r"(?-u:\b)(gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|soat|oas|ffct)-[A-Za-z0-9_-]{20,255})"),
    shape("Slack token", r"(?-u:\b)(xox[abeoprs]-[A-Za-z0-9-]{10,250}|xapp-[0-9]-[A-Za-z0-9-]{20,250})"),
    shape("Slack webhook", r"https://hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9+/_-]{30,120})"),
    shape("Stripe key", r"(?-u:\b)([rs]k_live_[A-Za-z0-9]{20,247})(?-u:\b)"),
    shape("Stripe webhook secret", r"(?-u:\b)(whsec_[A-Za-z0-9+/=]{32,})"),
    shape("Anthropic key", r"(?-u:\b)(sk-ant-[a-z0-9]{2,12}-[A-Za-z0-9_-]{20,200})"),
    shape(
        "OpenAI key",
        r"(?-u:\b)(sk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,250}|sk-[A-Za-z0-9_-]{0,100}T3BlbkFJ[A-Za-z0-9_-]{20,100}|sk-[A-Za-z0-9]{48})(?-u:\b)",
    ),
    shape("OpenRouter key", r"(?-u:\b)(sk-or-v1-[0-9a-f]{64})(?-u:\b)"),
    checked("Hugging Face token", r"(?-u:\b)(hf_[A-Za-z0-9]{30,64}|api_org_[A-Za-z0-9]{34})(?-u:\b)", is_varied),
    shape("Google API key", r"(?-u:\b)(AIza[A-Za-z0-9_-]{35})(?:[^A-Za-z0-9_-]|$)"),
    shape("Google OAuth secret", r"(?-u:\b)(GOCSPX-[A-Za-z0-9_-]{28}|ya29\.[A-Za-z0-9_-]{30,})"),
    shape("npm token", r"(?-u:\b)(npm_[A-Za-z0-9]{36})(?-u:\b)"),
    shape("PyPI token", r"(?-u:\b)(pypi-[A-Za-z0-9_-]{70,})"),
    shape("Groq key", r"(?-u:\b)(gsk_[A-Za-z0-9]{48,64})(?-u:\b)"),
    shape("xAI key", r"(?-u:\b)(xai-[A-Za-z0-9]{64,100})(?-u:\b)"),
    shape("Replicate token", r"(?-u:\b)(r8_[A-Za-z0-9]{37})(?-u:\b)"),
    shape("Pinecone key", r"(?-u:\b)(pcsk_[A-Za-z0-9_]{40,100})(?-u:\b)"),
    shape("LangSmith key", r"(?-u:\b)(lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10})(?-u:\b)"),
    shape("Databricks token", r"(?-u:\b)(dapi[0-9a-f]{32}(?:-\d)?)(?-u:\b)"),
    shape("DigitalOcean token", r"(?-u:\b)(do[opr]_v1_[0-9a-f]{64})(?-u:\b)"),
    shape("Vault token", r"(?-u:\b)(hv[sbr]\.[A-Za-z0-9_-]{24,})"),
    shape("SendGrid key", r"(?-u:\b)(SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43})"),
    shape("Mailchimp key", r"(?-u:\b)([0-9a-f]{32}-us[0-9]{1,2})(?-u:\b)"),
    shape("Twilio key", r"(?-u:\b)(SK[0-9a-f]{32})(?-u:\b)"),
    shape("Telegram bot token", r"(?-u:\b)([0-9]{8,10}:[A-Za-z0-9_-]{35})(?:[^A-Za-z0-9_-]|$)"),
    shape("Discord bot token", r"(?-u:\b)([MNO][A-Za-z0-9_-]{23,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38})"),
    shape("Square secret", r"(?-u:\b)(sq0(?:csp|atp)-[A-Za-z0-9_-]{22,43})"),
    shape("Shopify token", r"(?-u:\b)(shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32})(?-u:\b)"),
    shape("age key", r"(?-u:\b)(AGE-SECRET-KEY-1[A-Z0-9]{58})(?-u:\b)"),
    shape("Azure storage key", r"(?i:AccountKey)=([A-Za-z0-9+/]{80,90}={0,2})"),
    checked(
        "JSON web token",
        r"(?-u:\b)(eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{10,})",
        is_web_token,
    ),
    checked("bearer token", r"(?i:\bbearer)\s+([A-Za-z0-9._~+/=-]{20,500})", is_token),
    checked("login in an Authorization header", r"(?i:\bbasic)\s+([A-Za-z0-9+/]{12,500}={0,2})", is_basic_login),
];

static COMPILED: LazyLock<Vec<(&Shape, Regex)>> = LazyLock::new(|| {
    let compile =
        |shape: &'static Shape| (shape, Regex::new(shape.pattern).expect("the patterns are constants, and tested"));
    SHAPES.iter().map(compile).collect()
});

/// A name, what joins it to its value, and the value, as code, settings and outputs write it: the groups are the quote of the name,
/// the name, what joins them, and the value in quotes.
static QUOTED: LazyLock<Regex> = LazyLock::new(|| {
    let name = r#"(?P<quote>["'`]?)(?P<name>[A-Za-z][A-Za-z0-9_.-]{1,60})["'`]?\]?"#;
    let kind = r"(?:\s*:\s*&?(?:'static\s+)?[A-Za-z][A-Za-z0-9_<>:\[\] ]{0,40}?)?";
    let join = r"\s*(?P<join>:=|=>|==|=|:|,|\()\s*";
    let value = r#"(?:[A-Za-z_][A-Za-z0-9_:.]{0,40}\(\s*)?[bBrRuUfF]{0,2}#?\\?(?:"(?P<double>[^"\n\\]{6,400})\\?"|'(?P<single>[^'\n\\]{6,400})\\?')"#;
    Regex::new(&format!("{name}{kind}{join}{value}")).expect("the pattern is a constant, and tested")
});

/// The same without quotes, on a line of its own, as environments and YAML have it.
static BARE: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r#"(?m)^[ \t]*(?:export[ \t]+|set[ \t]+|%(?:set_)?env[ \t]+|!export[ \t]+|ENV[ \t]+|#[ \t]*|-[ \t]+)?(?P<name>[A-Za-z][A-Za-z0-9_.-]{1,60})[ \t]*(?P<join>[=:])[ \t]*(?P<value>[A-Za-z0-9+/=_.~!@%^&*-]{6,400})[ \t]*\r?$"#;
    Regex::new(pattern).expect("the pattern is a constant, and tested")
});

/// An option of a command line, or a parameter of an address.
static OPTION: LazyLock<Regex> = LazyLock::new(|| {
    let pattern =
        r#"(?:--|[?&;])(?P<name>[A-Za-z][A-Za-z0-9_-]{1,40})(?:=|[ \t]+)["']?(?P<value>[^\s"'&;<>\\]{6,400})"#;
    Regex::new(pattern).expect("the pattern is a constant, and tested")
});

/// The secrets in `text`, by their places.
pub fn secrets(text: &str) -> Vec<Hit> {
    let mut found = Vec::new();
    for (shape, pattern) in COMPILED.iter() {
        for captures in pattern.captures_iter(text) {
            let Some(secret) = captures.get(1).or_else(|| captures.get(0)) else { continue };
            if (shape.accepts)(secret.as_str()) {
                found.push(Hit { kind: shape.kind, start: secret.start(), end: secret.end() });
            }
        }
    }
    found.extend(named(text, &QUOTED));
    found.extend(named(text, &BARE));
    found.extend(named(text, &OPTION));
    settle(found)
}

/// Where `value` itself stands in `text`.
pub fn occurrences(text: &str, value: &str) -> Vec<(usize, usize)> {
    if value.is_empty() {
        return Vec::new();
    }
    text.match_indices(value).map(|(start, found)| (start, start + found.len())).collect()
}

/// Values next to names that say what they are.
fn named(text: &str, pattern: &Regex) -> Vec<Hit> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(captures) = pattern.captures_at(text, from) {
        let whole = captures.get(0).map_or(0..0, |whole| whole.range());
        let (Some(name), Some(value)) =
            (captures.name("name"), ["double", "single", "value"].iter().find_map(|group| captures.name(group)))
        else {
            break;
        };
        // What was taken for the value may be the name of the next one.
        from = name.end().max(whole.start + 1);
        let join = captures.name("join").map_or("=", |join| join.as_str());
        let is_quoted_name = captures.name("quote").is_some_and(|quote| !quote.as_str().is_empty());
        let is_bare = captures.name("value").is_some() && captures.name("join").is_some();
        let Some(strength) = strength(name.as_str()) else { continue };
        let is_found = match join {
            "," if !is_quoted_name => false,
            // What a function is called with is a prompt more often than a password.
            "(" => is_token(value.as_str()) && is_secret(strength, value.as_str()),
            _ if is_bare => is_bare_secret(strength, name.as_str(), join, value.as_str()),
            _ => is_secret(strength, value.as_str()),
        };
        if is_found {
            found.push(Hit { kind: kind(strength), start: value.start(), end: value.end() });
            from = value.end();
        }
    }
    found
}

/// Whether a value without quotes is a secret, and not an expression of the language around it.
fn is_bare_secret(strength: Strength, name: &str, join: &str, value: &str) -> bool {
    let is_setting =
        join == ":" || name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    let has_digit = value.bytes().any(|byte| byte.is_ascii_digit());
    match strength {
        Strength::Password => is_setting && has_digit && is_secret(strength, value),
        _ => is_token(value) && is_secret(strength, value),
    }
}

pub(crate) fn kind(strength: Strength) -> &'static str {
    match strength {
        Strength::Password => "password",
        Strength::Strong => "API key or secret",
        Strength::Weak => "token or secret",
        Strength::Key => "key",
    }
}

/// That something made it by chance: examples are all of one letter, or say so.
fn is_varied(token: &str) -> bool {
    has_variety(token, 9) && !token.to_ascii_uppercase().contains("EXAMPLE") && !token.contains("xxxx")
}

/// `user:password` of a connection string that is more than an example.
fn is_login(login: &str) -> bool {
    let Some((user, password)) = login.split_once(':') else { return false };
    let is_word =
        ["password", "pass", "passwd", "pwd", "secret", "postgres", "root", "guest", "user"].contains(&password);
    password != user && !is_word && !password.starts_with(['%', '$', '{', '[', '*']) && !is_placeholder(password)
}

/// A JSON web token has a header that says how it is signed.
fn is_web_token(token: &str) -> bool {
    let header = token.split('.').next().and_then(|header| URL_SAFE_NO_PAD.decode(header).ok());
    let header = header.and_then(|header| serde_json::from_slice::<serde_json::Value>(&header).ok());
    header.is_some_and(|header| header.get("alg").is_some())
}

/// `user:password` in base64.
fn is_basic_login(encoded: &str) -> bool {
    let decoded = STANDARD.decode(encoded).or_else(|_| STANDARD_NO_PAD.decode(encoded));
    let text = decoded.ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.is_some_and(|text| text.contains(':') && is_login(&text) && !text.contains(char::is_control))
}
