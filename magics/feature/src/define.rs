//! `define`: SQL becomes a feature view, checked at once and stored with its versions.

use arrow::datatypes::{DataType, Schema};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility};
use kernwerk_core::{Resource, Work, name_hint};
use kernwerk_store::Lab;

use crate::engine::{Engine, ReadFrom, query_failed};
use crate::merge::common_key_type;
use crate::source::types::type_name;
use crate::view::{View, ViewColumn};
use crate::{Error, Ttl, foresight};

/// A feature view to define.
#[derive(Clone, Debug, Default)]
pub struct ViewSpec {
    pub name: String,
    /// Key columns on which it is joined; none makes one value for all rows.
    pub entity: Vec<String>,
    pub event_time: String,
    pub created: Option<String>,
    pub ttl: Ttl,
    pub sql: String,
}

/// A view as it was defined.
#[derive(Clone, Debug)]
pub struct Defined {
    pub view: View,
    /// False when the latest version was the same already.
    pub changed: bool,
    /// What the SQL was checked against.
    pub reads: Vec<ReadFrom>,
    /// Ways in which its features may know the future.
    pub warnings: Vec<String>,
}

/// Checks a feature view against the lab's tables and stores it as its next version; the same definition as the latest is
/// that version again.
pub async fn define(lab: &Lab, spec: &ViewSpec, work: &Work) -> Result<Defined, Error> {
    check_name(lab, &spec.name)?;
    let mut engine = Engine::without(lab, &spec.name)?;
    let frame = engine.plan(&spec.sql).await?;
    check_repeatable(frame.logical_plan(), &spec.name)?;
    let schema = frame.schema().as_arrow();
    check_columns(spec, schema)?;
    work.check()?;
    let view = View {
        name: spec.name.clone(),
        version: 0,
        sql: spec.sql.clone(),
        entity: spec.entity.clone(),
        event_time: spec.event_time.clone(),
        created: spec.created.clone(),
        ttl: spec.ttl,
        reads: engine.reads().into_iter().map(|read| read.name).collect(),
        columns: schema
            .fields()
            .iter()
            .map(|field| ViewColumn { name: field.name().clone(), type_name: type_name(field.data_type()) })
            .collect(),
    };
    let before = View::find(lab, &spec.name)?.map(|view| view.version);
    let body = serde_json::to_value(&view).map_err(|error| arrow::error::ArrowError::JsonError(error.to_string()))?;
    let definition = lab.ledger().define(View::KIND, &spec.name, &body)?;
    let view = View::read(&definition)?;
    let warnings = [foresight::unused_created(&engine, &view), foresight::looks_ahead(frame.logical_plan())?];
    Ok(Defined {
        changed: before != Some(definition.version),
        warnings: warnings.into_iter().flatten().collect(),
        reads: engine.reads(),
        view,
    })
}

/// Views share their names with tables; the rules for names are the same.
fn check_name(lab: &Lab, name: &str) -> Result<(), Error> {
    let bad = |reason: &str| Error::Option {
        option: "NAME",
        message: format!("`{name}` cannot name a feature view: {reason}"),
        hint: Some("a name begins with a letter or `_` and has at most 64 letters, digits, `_` and `-`".to_owned()),
    };
    if !name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
        return Err(bad("it does not begin with a letter or `_`"));
    }
    if !name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_' || char == '-') {
        return Err(bad("it has characters other than letters, digits, `_` and `-`"));
    }
    if name.len() > 64 {
        return Err(bad("it is longer than 64 characters"));
    }
    if lab.names(Resource::Table).iter().any(|table| table == name) {
        return Err(Error::NameTaken {
            name: name.to_owned(),
            taken: "table",
            hint: "tables and feature views share their names in SQL: choose another".to_owned(),
        });
    }
    Ok(())
}

fn check_columns(spec: &ViewSpec, schema: &Schema) -> Result<(), Error> {
    let wrong = |message: String, hint: &str| Error::Definition {
        view: spec.name.clone(),
        message,
        hint: Some(hint.to_owned()),
    };
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    for (index, name) in names.iter().enumerate() {
        if name.contains('(') {
            return Err(wrong(format!("column {} is called `{name}`", index + 1), "give it a name with AS"));
        }
        if names[..index].contains(name) {
            return Err(wrong(format!("the SQL gives two columns `{name}`"), "give one of them another name with AS"));
        }
    }
    let data_type = |option: &'static str, column: &str| {
        let field = schema.field_with_name(column).map_err(|_| Error::UnknownColumn {
            option,
            column: column.to_owned(),
            place: "the SQL".to_owned(),
            hint: name_hint(column, "the columns are", names.iter().copied()),
        })?;
        Ok::<_, Error>(field.data_type().clone())
    };
    for (index, column) in spec.entity.iter().enumerate() {
        let key = data_type("--entity", column)?;
        if common_key_type(&key, &key).is_none() {
            let message = format!("rows cannot be joined on `{column}`, which is {}", type_name(&key));
            return Err(wrong(message, "use a column of numbers, text, times, dates or booleans"));
        }
        if spec.entity[..index].contains(column) {
            return Err(wrong(format!("`{column}` is named twice as --entity"), "name each column once"));
        }
    }
    let times = [("--event-time", Some(&spec.event_time)), ("--created", spec.created.as_ref())];
    for (option, column) in times {
        let Some(column) = column else { continue };
        let found = data_type(option, column)?;
        if !matches!(found, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64) {
            let message = format!("{option}: `{column}` is {}, not a point in time", type_name(&found));
            return Err(wrong(message, "cast it in the SQL, for instance with to_timestamp()"));
        }
        if spec.entity.contains(column) {
            return Err(wrong(format!("`{column}` cannot be both --entity and {option}"), "name it once"));
        }
    }
    if spec.created.as_ref() == Some(&spec.event_time) {
        return Err(wrong(
            format!("`{}` cannot be both --event-time and --created", spec.event_time),
            "leave --created out",
        ));
    }
    Ok(())
}

/// A view must give the same rows whenever it is asked: nothing random, and no clock.
fn check_repeatable(plan: &LogicalPlan, view: &str) -> Result<(), Error> {
    const CLOCKS: [&str; 6] = ["now", "current_timestamp", "current_date", "current_time", "today", "localtimestamp"];
    let mut changing = None;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expression| {
            expression.apply(|part| {
                if let Expr::ScalarFunction(call) = part
                    && (call.func.signature().volatility == Volatility::Volatile || CLOCKS.contains(&call.name()))
                {
                    changing = Some(call.name().to_owned());
                    return Ok(TreeNodeRecursion::Stop);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })
    .map_err(query_failed)?;
    match changing {
        None => Ok(()),
        Some(function) => Err(Error::Definition {
            view: view.to_owned(),
            message: format!("{function}() gives another value each time, so that the view would not be repeatable"),
            hint: Some(
                "use the tables' own times; ages are best worked out from the spine's time afterwards".to_owned(),
            ),
        }),
    }
}
