//! Names of variables, fields and columns: which of them say that a secret stands behind them.

/// How surely a name speaks of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strength {
    /// Of a password: any word may be one.
    Password,
    /// Of an API key and its like: not of any word, but of little else.
    Strong,
    /// Of a token or a secret, which may be a word of a text or a name as well.
    Weak,
    /// Of a key, which more often is one of a table.
    Key,
}

const PASSWORDS: &[&str] = &["password", "passwd", "pwd", "passphrase", "passwort", "kennwort"];
const STRONG: &[&str] = &[
    "apikey",
    "apitoken",
    "apisecret",
    "secretkey",
    "accesskey",
    "authtoken",
    "accesstoken",
    "privatekey",
    "clientsecret",
    "credential",
    "credentials",
    "accountkey",
    "appsecret",
    "webhooksecret",
];
const PAIRS: &[(&str, &str)] = &[
    ("api", "key"),
    ("api", "token"),
    ("api", "secret"),
    ("secret", "key"),
    ("access", "key"),
    ("auth", "token"),
    ("auth", "key"),
    ("access", "token"),
    ("refresh", "token"),
    ("bearer", "token"),
    ("session", "token"),
    ("private", "key"),
    ("signing", "key"),
    ("encryption", "key"),
    ("account", "key"),
    ("client", "secret"),
    ("app", "secret"),
    ("shared", "secret"),
    ("webhook", "secret"),
];
const WEAK: &[&str] = &["secret", "secrets", "token", "bearer", "auth", "pass"];
/// What makes a name one of something about a secret, or of another kind of key.
const HARMLESS: &[&str] = &["public", "primary", "foreign", "partition", "sort", "cache", "index", "tokenizer"];
/// At its end a name with one of these is not that of the secret itself.
const ABOUT: &[&str] = &[
    "name",
    "file",
    "path",
    "url",
    "uri",
    "id",
    "ids",
    "type",
    "kind",
    "field",
    "column",
    "label",
    "count",
    "length",
    "len",
    "size",
    "limit",
    "env",
    "var",
    "variable",
    "prefix",
    "suffix",
    "format",
    "hint",
    "prompt",
    "message",
    "error",
    "regex",
    "pattern",
    "placeholder",
    "policy",
    "digest",
    "hash",
    "algorithm",
    "scheme",
    "expires",
    "expiry",
    "list",
    "position",
    "header",
    "manager",
    "store",
    "provider",
    "sock",
    "dir",
    "directory",
];

/// Whether a variable of this name holds a secret by what people call things: `API_KEY`, `dbPassword`, `client-secret`.
pub fn is_secret_name(name: &str) -> bool {
    strength(name).is_some_and(|strength| strength != Strength::Key)
        || words(name).last().is_some_and(|last| last == "key" && strength(name).is_some())
}

/// Whether the value behind a name may be a secret: a wider net than [`is_secret_name`], for where one name too many costs little.
pub fn may_name_secret(name: &str) -> bool {
    let words = words(name);
    let whole = words.concat();
    // Short words stand in others; `PWD` is where a shell is, and no password.
    let speaks = |list: &[&str]| list.iter().any(|word| word.len() > 3 && whole.contains(word));
    let last = words.last().map(String::as_str);
    speaks(PASSWORDS)
        || speaks(STRONG)
        || speaks(&["secret", "token", "private"])
        || words.iter().any(|word| word == "key" || word == "auth")
        || (words.len() > 1 && last == Some("pwd"))
}

/// What a name says of the value behind it; none where it speaks of no secret.
pub(crate) fn strength(name: &str) -> Option<Strength> {
    let words = words(name);
    let is = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    if is(HARMLESS) || words.last().is_some_and(|last| ABOUT.contains(&last.as_str())) {
        return None;
    }
    let is_pair = words.windows(2).any(|pair| PAIRS.contains(&(pair[0].as_str(), pair[1].as_str())));
    match () {
        () if is(PASSWORDS) || words.iter().any(|word| word.ends_with("password")) => Some(Strength::Password),
        () if is_pair || is(STRONG) => Some(Strength::Strong),
        () if is(WEAK) => Some(Strength::Weak),
        () if is(&["key"]) => Some(Strength::Key),
        () => None,
    }
}

/// The words of a name, in small letters: `dbPassword` and `DB_PASSWORD` are both `db`, `password`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for letter in name.chars() {
        let begins = letter.is_uppercase() && (before.is_lowercase() || before.is_ascii_digit());
        if !letter.is_alphanumeric() || begins {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| letter.is_alphanumeric()) {
            word.extend(letter.to_lowercase());
        }
        before = letter;
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_secret_is_told_from_what_is_none() {
        for name in [
            "OPENAI_API_KEY",
            "GITHUB_TOKEN",
            "MYTOKEN",
            "db_password",
            "DB_PWD",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_ACCESS_KEY_ID",
            "KEY",
            "BASIC_AUTH",
            "TOKEN_FILE",
            "SSH_PRIVATE_KEY",
            "MYAPIKEY",
            "CREDENTIALS",
        ] {
            assert!(may_name_secret(name), "{name}");
        }
        for name in ["TARIFF", "KEYBOARD", "MONKEY", "REGION", "AUTHOR", "PWD", "OLDPWD", "PATH", "COMPASS"] {
            assert!(!may_name_secret(name), "{name}");
        }
    }

    #[test]
    fn names_of_secrets_are_known_in_every_spelling() {
        for name in [
            "password",
            "DB_PASSWORD",
            "dbPassword",
            "OPENAI_API_KEY",
            "api-key",
            "client_secret",
            "GITHUB_TOKEN",
            "Passwort",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "key_name",
            "PASSWORD_FILE",
            "primary_key",
            "cache_key",
            "public_key",
            "PWD_DIR",
            "tokens",
            "monkey",
            "token_count",
            "AWS_ACCESS_KEY_ID",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }
}
