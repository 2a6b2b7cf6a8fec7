//! `%cost prices`: what models cost.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, StringArray};
use kernwerk_core::{Output, Problem};
use kernwerk_cost::{PriceRequest, Priced};
use kernwerk_lang::{BodyUse, Example};
use kernwerk_store::Price;

use crate::verbs::table;
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Prices {
    /// Only this model
    #[arg(value_name = "MODEL")]
    model: Option<String>,
    /// Its price for a million tokens that it reads; what is free is 0
    #[arg(long, value_name = "AMOUNT", requires = "model")]
    tokens_in: Option<f64>,
    /// Its price for a million tokens that it writes; without it, where tokens are priced, they are unpriced and not free
    #[arg(long, value_name = "AMOUNT", requires = "model")]
    tokens_out: Option<f64>,
    /// Its price for an hour of processor time; alone it is the whole price
    #[arg(long, value_name = "AMOUNT", requires = "model")]
    cpu_hour: Option<f64>,
    /// The currency of the amounts; without it the one that the lab has prices in
    #[arg(long, value_name = "CODE", requires = "model")]
    currency: Option<String>,
    /// The first day of the price, such as 2026-01-31; without it today
    #[arg(long, value_name = "DAY", requires = "model")]
    from: Option<String>,
}

impl Verb for Prices {
    const MAGIC: &'static str = "cost";
    const NAME: &'static str = "prices";
    const ABOUT: &'static str =
        "what models cost and since when, or that nobody said it; with amounts: write a price into kernwerk.toml";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[
        Example {
            about: "all models that were called or have a price",
            line: "%cost prices",
            body: None,
            setup: &["%lab init"],
        },
        Example {
            about: "from today on two cents for a million tokens",
            line: "%cost prices all-MiniLM-L6-v2 --tokens-in 0.02 --currency EUR",
            body: None,
            setup: &[],
        },
    ];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let asks_only = [self.tokens_in, self.tokens_out, self.cpu_hour].iter().all(Option::is_none)
            && self.currency.is_none()
            && self.from.is_none();
        let lab = match &self.model {
            Some(model) if !asks_only => {
                let lab = context.lab_for_writing()?;
                let request = PriceRequest {
                    model,
                    currency: self.currency.as_deref(),
                    million_tokens_in: self.tokens_in,
                    million_tokens_out: self.tokens_out,
                    cpu_hour: self.cpu_hour,
                    from: self.from.as_deref(),
                };
                kernwerk_cost::add_price(&lab, &request)?;
                lab
            }
            _ => context.lab()?,
        };
        let prices = kernwerk_cost::prices(&lab, self.model.as_deref())?;
        let mut output = Output::table(table(columns(&prices))?);
        if prices.is_empty() {
            output = output.with_note("no model was called yet and kernwerk.toml has no price");
        }
        if prices.iter().any(|priced| !unpriced(priced).is_empty()) {
            output = output.with_note(
                "`unpriced`: nobody said what that costs; a call that uses it has no cost in any sum, and is not taken for free",
            );
        }
        Ok(output.volatile().into())
    }
}

fn columns(prices: &[Priced]) -> Vec<(&'static str, ArrayRef)> {
    let amounts = |of: fn(&Price) -> Option<f64>| -> ArrayRef {
        Arc::new(prices.iter().map(|priced| priced.price.as_ref().and_then(of)).collect::<Float64Array>())
    };
    let texts =
        |of: &dyn Fn(&Priced) -> String| -> ArrayRef { Arc::new(StringArray::from_iter_values(prices.iter().map(of))) };
    let from = |priced: &Priced| match &priced.price {
        None => String::new(),
        Some(price) => price.from.map_or_else(|| "ever".to_owned(), |day| day.to_string()),
    };
    let currency =
        |priced: &Priced| priced.price.as_ref().map_or_else(|| "unpriced".to_owned(), |price| price.currency.clone());
    vec![
        ("model", texts(&|priced| priced.model.clone())),
        ("currency", texts(&currency)),
        ("million_tokens_in", amounts(|price| price.million_tokens_in)),
        ("million_tokens_out", amounts(|price| price.million_tokens_out)),
        ("cpu_hour", amounts(|price| price.cpu_hour)),
        ("unpriced", texts(&unpriced)),
        ("from", texts(&from)),
        ("current", Arc::new(BooleanArray::from_iter(prices.iter().map(|priced| Some(priced.is_current))))),
    ]
}

/// What of a model's use nobody said a price for; empty where there is nothing.
fn unpriced(priced: &Priced) -> String {
    let parts = priced.price.as_ref().map_or([true, true], Price::unpriced);
    let names = ["tokens_in", "tokens_out"].into_iter().zip(parts);
    names.filter_map(|(name, is_unpriced)| is_unpriced.then_some(name)).collect::<Vec<_>>().join(", ")
}
