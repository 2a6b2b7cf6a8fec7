//! What can go wrong with budgets, prices and reports, and what to do about it.

use kernwerk_core::Problem;
use kernwerk_store::{Refusal, Unit};

use crate::words;

/// An error of cost. Its text says what was wrong; [`Error::hint`] says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] kernwerk_store::Error),
    #[error("{}", words::refusal(.refusal, .model))]
    OverBudget { refusal: Box<Refusal>, model: String },
    #[error("`{given}` cannot be a limit: {reason}")]
    BadLimit { given: String, reason: &'static str },
    #[error("`{given}` is no scope of a budget")]
    BadScope { given: String },
    #[error("a budget of money needs to know the currency")]
    NoCurrency {
        /// Those that the lab has prices in.
        known: Vec<String>,
    },
    #[error("`{given}` is no currency: a code of three letters such as EUR")]
    BadCurrency { given: String },
    #[error("no budget has the number {id}")]
    UnknownBudget { id: i64 },
    #[error("`{given}` cannot be a tag: a word of letters, digits and `-_./:`")]
    BadTag { given: String },
    #[error("the usage of {notebook} has no tag `{tag}`")]
    UnknownTag { notebook: String, tag: String },
    #[error("a price for `{model}` needs at least one amount")]
    NoAmount { model: String },
    #[error("`{given}` is no day such as 2026-01-31")]
    BadDay { given: String },
}

impl Error {
    /// What to do about it, where there is something to do.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Store(error) => return error.hint(),
            Self::OverBudget { refusal, model } => match (&refusal.state.budget.allowed.unit, refusal.wanted) {
                (Unit::Money(currency), None) => {
                    format!("`%cost prices {model} --currency {currency} --tokens-in AMOUNT` says what it costs")
                }
                _ => {
                    let id = refusal.state.budget.id;
                    format!(
                        "`%cost budget show {id}` tells more; `%cost budget set` changes it, `%cost budget remove {id}` takes it away"
                    )
                }
            },
            Self::BadLimit { .. } => {
                "for example `--limit 100000 --unit tokens` or `--limit 2.50 --unit money`".to_owned()
            }
            Self::BadScope { .. } => {
                "choose one of lab, notebook, notebook=FILE, tag=TAG, model=MODEL, verb=VERB".to_owned()
            }
            Self::NoCurrency { known } if known.is_empty() => "give one such as `--currency EUR`".to_owned(),
            Self::NoCurrency { known } => {
                format!("give one with `--currency`: there are prices in {}", known.join(", "))
            }
            Self::UnknownBudget { .. } => "`%cost budget list` shows their numbers".to_owned(),
            Self::UnknownTag { .. } => "`%cost tag` shows the tags".to_owned(),
            Self::NoAmount { .. } => {
                "`--tokens-in` and `--tokens-out` are for a million tokens, `--cpu-hour` for an hour of a processor; \
                 what is free is 0"
                    .to_owned()
            }
            Self::BadCurrency { .. } | Self::BadTag { .. } | Self::BadDay { .. } => return None,
        };
        Some(hint)
    }

    /// A stable name of the kind of error.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Store(error) => error.name(),
            Self::OverBudget { .. } => Problem::OVER_BUDGET,
            Self::BadLimit { .. } => "BadLimit",
            Self::BadScope { .. } => "BadScope",
            Self::NoCurrency { .. } | Self::BadCurrency { .. } => "BadCurrency",
            Self::UnknownBudget { .. } => "UnknownBudget",
            Self::BadTag { .. } => "BadTag",
            Self::UnknownTag { .. } => "UnknownTag",
            Self::NoAmount { .. } => "NoAmount",
            Self::BadDay { .. } => "BadDay",
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let error = match error {
            Error::Store(error) => return error.into(),
            error => error,
        };
        Problem::new(error.name(), error.to_string()).with_hint_if(error.hint())
    }
}
