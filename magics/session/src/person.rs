//! Who acts on an artifact: a name for the history, and where that person's keys lie.

use std::path::PathBuf;
use std::process::Command;

use kernwerk_core::Problem;
use kernwerk_promote::{Author, SigningKey};
use kernwerk_store::Lab;

use crate::Context;

/// What the verbs that add to the history are told of it.
#[derive(clap::Args)]
pub(crate) struct Signature {
    /// The reason, for the history
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    /// Who does it; else the principal of the session or the user of the machine
    #[arg(long, value_name = "PERSON")]
    by: Option<String>,
}

impl Signature {
    /// The person that the line names, else the principal of the session, else the user of the machine.
    pub(crate) fn author(self, context: &Context<'_>) -> Result<Author, Problem> {
        self.author_or(context, None)
    }

    /// As [`Signature::author`], but `otherwise` where the line names nobody.
    pub(crate) fn author_or(self, context: &Context<'_>, otherwise: Option<String>) -> Result<Author, Problem> {
        let by = self.by.or(otherwise).or_else(|| context.principal_name()).or_else(user);
        let by = by.map(|by| by.trim().to_owned()).filter(|by| !by.is_empty());
        let nobody =
            || Problem::new("Nobody", "it is not known who does this").with_hint("name yourself with `--by NAME`");
        Ok(Author { by: by.ok_or_else(nobody)?, why: self.why })
    }
}

/// Where keys are looked for.
#[derive(clap::Args)]
pub(crate) struct Keys {
    /// Where keys lie; else `kernwerk/keys` among the settings of the machine's user
    #[arg(long, value_name = "DIRECTORY")]
    directory: Option<String>,
}

impl Keys {
    pub(crate) fn directory(&self, context: &Context<'_>) -> Result<PathBuf, Problem> {
        if let Some(directory) = &self.directory {
            return Ok(context.path(directory));
        }
        let of = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let settings = of("XDG_CONFIG_HOME").or_else(|| of("HOME").map(|home| home.join(".config")));
        let nowhere =
            || Problem::new("NoKeys", "it is not known where keys lie").with_hint("name a place with `--directory`");
        Ok(settings.ok_or_else(nowhere)?.join("kernwerk").join("keys"))
    }

    /// The key of the person who is named, else that of the machine's user, if there is one.
    ///
    /// # Errors
    /// As [`Keys::read`] where somebody is named; that the user's file holds something else.
    pub(crate) fn of(&self, context: &Context<'_>, named: Option<String>) -> Result<Option<SigningKey>, Problem> {
        if let Some(name) = named {
            return self.read(context, &name).map(Some);
        }
        let (Some(name), Ok(directory)) = (user(), self.directory(context)) else { return Ok(None) };
        match SigningKey::read(&directory, &name) {
            // No key has the name of such a user.
            Err(kernwerk_promote::Error::BadKeyName { .. }) => Ok(None),
            read => Ok(read?),
        }
    }

    /// A person's key to sign with.
    ///
    /// # Errors
    /// That there is none, with how to make one; that the file holds something else.
    pub(crate) fn read(&self, context: &Context<'_>, name: &str) -> Result<SigningKey, Problem> {
        let directory = self.directory(context)?;
        if let Some(key) = SigningKey::read(&directory, name)? {
            return Ok(key);
        }
        let missing = format!("there is no key {}", directory.join(format!("{name}.pem")).display());
        Err(Problem::new("NoKey", missing).with_hint(format!("`%promote key {name}` makes one")))
    }
}

/// Whose key it is, in words: `the key of ada`, and what `kernwerk.toml` says of it otherwise.
pub(crate) fn in_words(lab: &Lab, key: &SigningKey) -> Result<String, kernwerk_promote::Error> {
    let name = key.name();
    Ok(match kernwerk_promote::owner(lab, key)? {
        Some(owner) if owner == name => format!("the key of {name}"),
        Some(owner) => format!("the key `{name}`, which is that of {owner} in kernwerk.toml"),
        None => format!("the key of {name}, which kernwerk.toml does not name"),
    })
}

/// The user's name on this machine.
pub(crate) fn user() -> Option<String> {
    // Services and containers often run without the variables.
    let asked = || Command::new("id").arg("-un").output().ok().filter(|output| output.status.success());
    let of_system = || asked().map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok()).or_else(of_system)
}
