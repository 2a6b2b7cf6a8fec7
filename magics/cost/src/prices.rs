//! What models cost, from which day on, and which have no price.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, Utc};
use kernwerk_store::{Lab, Price};

use crate::Error;
use crate::budgets::checked_currency;

/// A price of a model, or that it has none.
#[derive(Clone, Debug, PartialEq)]
pub struct Priced {
    pub model: String,
    /// None: unpriced.
    pub price: Option<Price>,
    /// Whether it is the one of today.
    pub is_current: bool,
}

/// All prices of all models that have any or were ever called, or of one; by model, the oldest first.
pub fn prices(lab: &Lab, only: Option<&str>) -> Result<Vec<Priced>, Error> {
    let prices = lab.prices()?;
    let called: BTreeSet<String> =
        lab.ledger().usage()?.into_iter().filter_map(|row| Some(row.usage.model?.name)).collect();
    let mut models: BTreeMap<&str, Vec<Priced>> = BTreeMap::new();
    for model in prices.keys().chain(&called).map(String::as_str).chain(only) {
        models.entry(model).or_insert_with(|| of_model(model, prices.get(model)));
    }
    models.retain(|model, _| only.is_none_or(|only| only == *model));
    Ok(models.into_values().flatten().collect())
}

fn of_model(model: &str, prices: Option<&kernwerk_store::Prices>) -> Vec<Priced> {
    let current = prices.and_then(|prices| prices.on(Utc::now().date_naive()));
    let history = prices.map(|prices| prices.history()).unwrap_or_default();
    let priced = |price: &Price| Priced {
        model: model.to_owned(),
        price: Some(price.clone()),
        is_current: current == Some(price),
    };
    if history.is_empty() {
        return vec![Priced { model: model.to_owned(), price: None, is_current: true }];
    }
    history.into_iter().map(priced).collect()
}

/// A price as somebody puts it.
#[derive(Clone, Debug, Default)]
pub struct PriceRequest<'a> {
    pub model: &'a str,
    pub currency: Option<&'a str>,
    pub million_tokens_in: Option<f64>,
    pub million_tokens_out: Option<f64>,
    pub cpu_hour: Option<f64>,
    /// A day such as `2026-01-31`; none for today.
    pub from: Option<&'a str>,
}

/// Writes a price into `kernwerk.toml`.
pub fn add_price(lab: &Lab, request: &PriceRequest<'_>) -> Result<Price, Error> {
    let PriceRequest { model, million_tokens_in, million_tokens_out, cpu_hour, .. } = *request;
    if [million_tokens_in, million_tokens_out, cpu_hour].iter().all(Option::is_none) {
        return Err(Error::NoAmount { model: model.to_owned() });
    }
    let from = match request.from {
        None => Utc::now().date_naive(),
        Some(day) => day.parse::<NaiveDate>().map_err(|_| Error::BadDay { given: day.to_owned() })?,
    };
    let price = Price {
        from: Some(from),
        currency: match request.currency {
            Some(currency) => checked_currency(currency)?,
            None => crate::budgets::currency(lab, None)?,
        },
        million_tokens_in,
        million_tokens_out,
        cpu_hour,
    };
    lab.add_price(model, &price)?;
    Ok(price)
}
