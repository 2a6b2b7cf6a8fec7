//! The values of parameters in SQL: `$name` becomes a literal of the parameter's type before the query is made ready to run.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::logical_expr::LogicalPlan;
use kernwerk_core::{ParameterValue, name_hint};

use super::explain;
use crate::{Error, Position};

/// Puts values in the places of `$name`, and gives the names that stand there, sorted.
pub(super) fn fill(
    sql: &str,
    plan: LogicalPlan,
    values: &BTreeMap<String, ParameterValue>,
) -> Result<(LogicalPlan, Vec<String>), Error> {
    let names = plan.get_parameter_names().map_err(|error| explain::explain(sql, &error))?;
    let mut used: Vec<String> = names.into_iter().map(|name| name.trim_start_matches('$').to_owned()).collect();
    used.sort();
    if used.is_empty() {
        return Ok((plan, used));
    }
    let mut filled = HashMap::new();
    for name in &used {
        let value = values.get(name).ok_or_else(|| unknown(sql, name, values))?;
        filled.insert(name.clone(), scalar(value).into());
    }
    let plan = plan.with_param_values(ParamValues::Map(filled)).map_err(|error| explain::explain(sql, &error))?;
    Ok((plan, used))
}

fn scalar(value: &ParameterValue) -> ScalarValue {
    match value {
        ParameterValue::Integer(number) => ScalarValue::Int64(Some(*number)),
        ParameterValue::Float(number) => ScalarValue::Float64(Some(*number)),
        ParameterValue::Boolean(value) => ScalarValue::Boolean(Some(*value)),
        ParameterValue::Date(text) => ScalarValue::Date32(days(text)),
        ParameterValue::Text(text) => ScalarValue::Utf8(Some(text.clone())),
    }
}

/// Days since 1970-01-01.
fn days(date: &str) -> Option<i32> {
    let day: NaiveDate = date.parse().ok()?;
    i32::try_from(day.signed_duration_since(NaiveDate::default()).num_days()).ok()
}

fn unknown(sql: &str, name: &str, values: &BTreeMap<String, ParameterValue>) -> Error {
    let position = place(sql, name);
    let hint = name_hint(name, "the parameters are", values.keys().map(String::as_str))
        .unwrap_or_else(|| format!("`%promote param {name}=VALUE` in a cell before declares it"));
    Error::Unknown {
        what: "parameter",
        name: name.to_owned(),
        position,
        excerpt: position.map(|position| explain::excerpt(sql, position)),
        hint: Some(hint),
    }
}

/// Where `$name` stands first.
fn place(sql: &str, name: &str) -> Option<Position> {
    let at = sql.find(&format!("${name}"))?;
    let before = &sql[..at];
    let line = before.matches('\n').count() as u64 + 1;
    let column = before.rsplit('\n').next().map_or(0, |start| start.chars().count()) as u64 + 1;
    Some(Position { line, column })
}
