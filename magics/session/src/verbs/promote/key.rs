//! `%promote key`: a key to sign artifacts with.

use kernwerk_core::{Output, Problem, Value};
use kernwerk_lang::{BodyUse, Example};
use kernwerk_promote::SigningKey;

use crate::person::Keys;
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Key {
    /// Whose key it is
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    keys: Keys,
}

impl Verb for Key {
    const MAGIC: &'static str = "promote";
    const NAME: &'static str = "key";
    const ABOUT: &'static str =
        "make an ed25519 key to sign artifacts with, or show the public part of the one that is there";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] =
        &[Example { about: "a key of one's own", line: "%promote key ada --directory keys", body: None, setup: &[] }];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let directory = self.keys.directory(context)?;
        let key = match SigningKey::read(&directory, &self.name)? {
            Some(key) => key,
            None => SigningKey::create(&directory, &self.name)?,
        };
        let path = directory.join(format!("{}.pem", self.name));
        let output = Output::record(vec![
            ("private key".to_owned(), Value::from(path.display().to_string())),
            ("public key".to_owned(), Value::from(key.public().text())),
            ("key id".to_owned(), Value::from(key.public().id())),
        ]);
        let line = format!("{} = \"{}\"", self.name, key.public().text());
        let note = format!("in kernwerk.toml, below `[promote.keys]`: {line}");
        Ok(output
            .with_note(note)
            .with_note("the private key never leaves this machine; who has it can sign in your name")
            .volatile()
            .into())
    }
}
