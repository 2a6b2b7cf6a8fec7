//! Secrets: the shapes of all issuers made up by chance, wherever they stand; and digests, names and pictures, which are none.

use kernwerk_detect::{secrets, secrets_in_column};
use proptest::prelude::*;
use proptest::string::string_regex;

/// The kinds of secrets as their issuers document them, and how one is made up. None stands in this file.
const SHAPES: &[(&str, &str)] = &[
    ("AWS access key", "(AKIA|ASIA)[A-Z2-7]{16}"),
    ("GitHub token", "gh[pousr]_[A-Za-z0-9]{36}"),
    ("GitHub token", "github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
    ("GitLab token", "glpat-[A-Za-z0-9_-]{20}"),
    ("Slack token", "xox[bp]-[0-9]{12}-[0-9]{12}-[A-Za-z0-9]{24}"),
    ("Stripe key", "[sr]k_live_[A-Za-z0-9]{24}"),
    ("OpenAI key", "sk-proj-[A-Za-z0-9_-]{48}[A-Za-z0-9]"),
    ("OpenAI key", "sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}"),
    ("Anthropic key", "sk-ant-api03-[A-Za-z0-9_-]{93}AA"),
    ("Hugging Face token", "hf_[A-Za-z]{34}"),
    ("Google API key", "AIza[A-Za-z0-9_-]{35}"),
    ("npm token", "npm_[A-Za-z0-9]{36}"),
    ("PyPI token", "pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{70}"),
    ("Groq key", "gsk_[A-Za-z0-9]{52}"),
    ("Replicate token", "r8_[A-Za-z0-9]{37}"),
    ("SendGrid key", "SG\\.[A-Za-z0-9_-]{22}\\.[A-Za-z0-9_-]{43}"),
    ("DigitalOcean token", "dop_v1_[0-9a-f]{64}"),
    ("JSON web token", "eyJhbGciOiJIUzI1NiJ9\\.eyJzdWIiOiIx[A-Za-z0-9_-]{20}\\.[A-Za-z0-9_-]{43}"),
    (
        "private key",
        "-----BEGIN (RSA |EC |OPENSSH |ENCRYPTED |)PRIVATE KEY-----(\n[A-Za-z0-9+/]{64}){3}==\n-----END PRIVATE KEY-----",
    ),
];
/// Where a secret may stand.
const PLACES: &[&str] = &[
    "let client = connect(\"@\");",
    "os.environ['X'] = '@'",
    "curl -H 'x: @' https://host",
    "<td>@</td>",
    "{\"a\": [\"@\"]}",
    "@",
    "value: @\nnext",
];

fn made_up() -> impl Strategy<Value = (usize, String)> {
    let shapes = SHAPES.iter().enumerate();
    let strategies: Vec<_> = shapes
        .map(|(index, (_, shape))| {
            string_regex(shape).expect("a pattern").prop_map(move |secret| (index, secret)).boxed()
        })
        .collect();
    proptest::strategy::Union::new(strategies)
}

fn found(text: &str) -> Vec<(&'static str, &str)> {
    secrets(text).iter().map(|hit| (hit.kind, hit.text(text))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_token_is_found_wherever_it_stands((index, secret) in made_up(), place in 0..PLACES.len()) {
        let text = PLACES[place].replace('@', &secret);
        prop_assert_eq!(found(&text), vec![(SHAPES[index].0, secret.as_str())], "in {}", PLACES[place]);
    }

    #[test]
    fn a_value_under_a_telling_name_is_found(
        name in "(db_password|PASSWORD|api_key|apiKey|CLIENT_SECRET|access_token|auth_token)",
        value in "[a-z][A-Z][0-9][A-Za-z0-9]{17}",
        form in 0..9usize,
    ) {
        let text = match form {
            0 => format!("let {name} = \"{value}\";"),
            1 => format!("{name}='{value}'"),
            2 => format!("{{\"{name}\": \"{value}\"}}"),
            3 => format!("const {name}: &str = \"{value}\";"),
            4 => format!("settings[\"{name}\"] = \"{value}\""),
            5 => format!("std::env::set_var(\"{name}\", \"{value}\");"),
            6 => format!("Client::new({name}=\"{value}\", retries=3)"),
            7 => format!("let {name} = String::from(\"{value}\");"),
            _ => format!("tool --{} {value} --verbose", name.replace('_', "-")),
        };
        let hits = found(&text);
        prop_assert_eq!(hits.len(), 1, "in {}", text);
        prop_assert_eq!(hits[0].1, value.as_str());
    }

    #[test]
    fn digests_and_uuids_are_none(hex in "[0-9a-f]{64}", uuid in "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}") {
        for text in [
            format!("digest = \"{hex}\""), format!("identity {hex}"), format!("key = \"{hex}\""), format!("blake3: {hex}"), format!("sha256:{hex}"),
            format!("\"id\": \"{uuid}\""), format!("key: {uuid}"), format!("{{\"blake3\": \"{hex}\", \"bytes\": 12}}"), uuid.clone(), hex[..40].to_owned(),
        ] {
            prop_assert_eq!(found(&text), vec![], "in {}", text);
        }
    }

    #[test]
    fn pictures_in_base64_are_none(picture in "[A-Za-z0-9+/]{400,900}") {
        let text = format!("<img src=\"data:image/png;base64,{picture}\">\n\"image/png\": \"{picture}\"");
        prop_assert_eq!(found(&text), vec![]);
    }

    #[test]
    fn nothing_panics(text in any::<String>(), name in any::<String>()) {
        let _ = (secrets(&text), secrets_in_column(&name, [text.as_str()]));
    }
}

#[test]
fn what_only_speaks_of_secrets_is_none() {
    for text in [
        "let password = std::env::var(\"DB_PASSWORD\")?;",
        "password = getpass(\"Password, please: \")",
        "api_key=os.environ[\"OPENAI_API_KEY\"]",
        "let token = tokenizer.next();",
        "token: \"cable\"",
        "key = \"zone\"",
        "%feature source rides rides.csv --event-time pickup --key ride",
        "tokenizer = \"all-MiniLM-L6-v2\"",
        "struct Login { password: String, token: Option<String> }",
        "\"password\": \"<your password>\"",
        "password = \"changeme-123\"",
        "postgres://user:password@localhost/db",
        "postgres://user:${PASSWORD}@host/db",
        "https://host:8443/path@2",
        "let secret_name = \"projects/7/secrets/login\";",
        "token_count = 1234567890123456",
        "hf_hub_download(repo_id=\"sentence-transformers/all\")",
        "let key = \"2026-03-01T08:00:00Z\";",
        "AKIAIOSFODNN7EXAMPLE",
        // `ada:__secret_KEY__`
        "Authorization: Basic YWRhOl9fc2VjcmV0X0tFWV9f",
        "api_key = \"xxxxxxxxxxxxxxxxxxxxxxxx\"",
        "sk-learn-contrib-and-its-many-friends",
        "let key = \"aggregates_by_zone_and_hour_2026\";",
        "KEY_COLUMNS = \"zone,hour\"",
        "// the secret: \"keep it simple\"",
        "Password: ",
        "MCowBQYDK2VwAyEA",
        "print(f\"token={token}\")",
        "password_hash == \"sha256\"",
        "sort_key=\"a1b2c3d4e5f6a7b8c9\"",
    ] {
        assert_eq!(found(text), vec![], "in {text}");
    }
}

#[test]
fn passwords_are_found_where_people_write_them() {
    // Put together here, so that nothing that scans this repository stumbles over it.
    let word = ["hun", "ter2x"].concat();
    for text in [
        format!("let password = \"{word}\";"),
        format!("postgres://ada:{word}@db.host/rides"),
        format!("password: {word}"),
        format!("DB_PASSWORD={word}"),
        format!("connect(user=\"ada\", password='{word}')"),
        format!("if passwort == \"{word}\" {{"),
        format!("mysql --password={word}"),
        format!("Server=db;Uid=ada;Pwd=\"{word}\";"),
        format!("export PGPASSWORD={word}"),
    ] {
        let hits = found(&text);
        assert!(hits.iter().any(|(_, secret)| secret.contains(&word)), "in {text}: {hits:?}");
    }
}
