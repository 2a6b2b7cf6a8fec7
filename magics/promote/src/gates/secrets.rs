//! Secrets in what would be published: tokens, keys and passwords by their look, and the secrets of this process's environment by
//! their values.

use kernwerk_detect::{is_secret_name, occurrences, secrets, secrets_in_column};
use kernwerk_store::GateRules;

use super::report::{Demand, Judged};
use super::scan::Search;
use super::{Gate, Subject};
use crate::Error;

pub(super) struct Secrets;

/// A value of the environment that is shorter is a word of many texts.
const SHORTEST_VALUE: usize = 8;

impl Gate for Secrets {
    fn name(&self) -> &'static str {
        "secrets"
    }

    fn demand(&self, _: &GateRules) -> Demand {
        Demand::Require
    }

    fn remedy(&self) -> &'static str {
        "read the secret from the environment or a file outside of the lab, run the cells again, and revoke it, for it stood in a notebook; \
         what is none goes by its fingerprint below `allow` in [promote.gates] of kernwerk.toml"
    }

    fn judge(&self, subject: &Subject<'_>) -> Result<Judged, Error> {
        let mut search = Search::new(subject);
        for (name, value) in subject.spec.environment.iter().filter(|(name, value)| is_worth_hiding(name, value)) {
            for text in &subject.material.texts {
                for (start, _) in occurrences(&text.text, value) {
                    let line = 1 + text.text.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count();
                    let place = format!("{}, line {line}", text.place);
                    search.add(format!("value of the environment variable {name}"), place, value);
                }
            }
            for column in &subject.material.columns {
                let rows = column.texts().filter(|text| text.contains(value.as_str())).count();
                if rows > 0 {
                    search.add(format!("value of the environment variable {name}"), column.place.clone(), value);
                }
            }
        }
        // A parameter's value stands in its cell without quotes, and so looks like no literal.
        for pinned in &subject.pipeline.parameters {
            let value = pinned.parameter.value.to_string();
            if value.len() >= SHORTEST_VALUE && is_secret_name(&pinned.parameter.name) {
                let place = format!("parameter `{}` of cell {}", pinned.parameter.name, pinned.step);
                search.add("value of a parameter that is a secret by its name".to_owned(), place, &value);
            }
        }
        search.texts(secrets)?;
        search.columns(|column| secrets_in_column(&column.name, column.texts()))?;
        Ok(search.judged())
    }
}

/// Whether a variable holds a secret: its name says so, and its value is neither a short word nor a path.
pub(super) fn is_worth_hiding(name: &str, value: &str) -> bool {
    let is_no_word = value.len() >= 2 * SHORTEST_VALUE || value.bytes().any(|byte| byte.is_ascii_digit());
    value.len() >= SHORTEST_VALUE && is_no_word && !value.starts_with('/') && is_secret_name(name)
}
