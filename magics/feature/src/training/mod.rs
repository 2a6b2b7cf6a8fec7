//! `training`: features for every row of a spine as they were known at the row's time.

mod pick;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::Column;
use datafusion::logical_expr::Expr;
use kernwerk_core::{Table, Work, name_hint};
use kernwerk_store::Lab;

use crate::engine::{Engine, ReadFrom, collect, each_batch, plain_schema};
use crate::merge::{Matched, Outcome, PointInTime, Spine, SpineIndex, ViewRows, common_key_type};
use crate::source::types::type_name;
use crate::view::View;
use crate::{Error, Roles, foresight};

use pick::Picked;

/// Which features for which rows.
#[derive(Clone, Debug)]
pub struct TrainingSpec {
    /// A table or feature view; every row of it gets its features.
    pub spine: String,
    /// The rows of the spine, where the lab does not hold them.
    pub given: Option<Table>,
    /// Views by name, and single features as `view.feature` or `view__feature`.
    pub features: Vec<String>,
    /// The spine's column of points in time; none is the one that the table was loaded with.
    pub event_time: Option<String>,
    /// Call features `view__feature`.
    pub full_names: bool,
    /// Rows of views with a created time count only from then on. Without it, that time only orders equal event times.
    pub created_cutoff: bool,
    /// Add a column `view__reason` for each view: why a row has no features.
    pub reasons: bool,
}

/// Features for every row of a spine.
#[derive(Clone, Debug)]
pub struct Training {
    /// The spine's columns and rows, in its order, and the features behind them in the order they were asked for.
    pub table: Table,
    /// For each feature, how many rows have it, and why the others do not.
    pub coverage: Vec<Coverage>,
    /// For each view, what became of every row of the spine.
    pub outcomes: Vec<(String, Vec<Outcome>)>,
    /// Ways in which features may know the future.
    pub warnings: Vec<String>,
    pub reads: Vec<ReadFrom>,
}

/// How many rows of a spine have a feature, and why the others do not. The counts add up to the rows of the spine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    pub view: String,
    pub feature: String,
    /// The feature's column in the result.
    pub column: String,
    /// Rows with a value.
    pub found: u64,
    /// Rows for which the view had a row, with a null for this feature.
    pub null_value: u64,
    /// Rows whose own key or time is null.
    pub null_key: u64,
    pub no_key: u64,
    pub expired: u64,
    pub future: u64,
}

/// Joins features to a spine at its points in time.
pub async fn training(lab: &Lab, spec: &TrainingSpec, work: &Work) -> Result<Training, Error> {
    let mut engine = Engine::new(lab)?;
    let (frame, roles) = match &spec.given {
        Some(given) => (engine.frame_of(given)?, Roles::default()),
        None => engine.named(&spec.spine).await?,
    };
    let schema = frame.schema().as_arrow().clone();
    let time = event_time(spec, &schema, &roles)?;
    let picked = pick::pick(lab, spec, &schema)?;
    let (schema, batches) = collect(frame, &format!("reading {}", spec.spine), work).await?;
    let mut matches = Vec::with_capacity(picked.views.len());
    let mut indexes: Vec<(Vec<String>, Vec<DataType>, Arc<SpineIndex>)> = Vec::new();
    for (view, features) in &picked.views {
        let (frame, _) = engine.named(&view.name).await?;
        let types = key_types(&spec.spine, &schema, view, frame.schema().as_arrow())?;
        let known = indexes.iter().find(|(entity, known, _)| *entity == view.entity && *known == types);
        let index = match known {
            Some((.., index)) => index.clone(),
            None => {
                let index = Arc::new(index(&batches, view, &types, &time)?);
                indexes.push((view.entity.clone(), types, index.clone()));
                index
            }
        };
        work.check()?;
        matches.push(join(frame, view, features, index, spec.created_cutoff, work).await?);
    }
    let coverage = coverage(&picked, &matches, batches.iter().map(RecordBatch::num_rows).sum())?;
    let table = assemble(spec, &schema, &batches, &picked, &matches)?;
    let outcomes = picked.views.iter().zip(&matches);
    let warnings = picked.views.iter().filter_map(|(view, _)| foresight::unused_created(&engine, view));
    Ok(Training {
        warnings: warnings.collect(),
        table,
        coverage,
        outcomes: outcomes.map(|((view, _), matched)| (view.name.clone(), matched.outcomes().to_vec())).collect(),
        reads: engine.reads(),
    })
}

/// The spine's column of points in time.
fn event_time(spec: &TrainingSpec, schema: &Schema, roles: &Roles) -> Result<String, Error> {
    let Some(name) = spec.event_time.as_ref().or(roles.event_time.as_ref()) else {
        return Err(Error::Training {
            message: format!("`{}` has no event time", spec.spine),
            hint: Some("name its column of points in time with --event-time".to_owned()),
        });
    };
    let field = schema.field_with_name(name).map_err(|_| Error::UnknownColumn {
        option: "--event-time",
        column: name.clone(),
        place: format!("`{}`", spec.spine),
        hint: name_hint(name, "the columns are", schema.fields().iter().map(|field| field.name().as_str())),
    })?;
    match field.data_type() {
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => Ok(name.clone()),
        other => Err(Error::Training {
            message: format!("column `{name}` of `{}` is {}, not a point in time", spec.spine, type_name(other)),
            hint: Some("load it with `%feature source … --event-time`, or name another column".to_owned()),
        }),
    }
}

/// The types in which the spine's keys and the view's are compared.
fn key_types(spine: &str, schema: &Schema, view: &View, view_schema: &Schema) -> Result<Vec<DataType>, Error> {
    let columns = || schema.fields().iter().map(|field| field.name().as_str());
    view.entity
        .iter()
        .map(|column| {
            let ours = schema.field_with_name(column).map_err(|_| Error::Training {
                message: format!("view `{}` is joined on `{column}`, which `{spine}` does not have", view.name),
                hint: name_hint(column, "the columns are", columns())
                    .map(|hint| format!("{hint} (a view with another name for its key: SELECT … AS name)")),
            })?;
            let theirs = view_schema.field_with_name(column)?;
            common_key_type(ours.data_type(), theirs.data_type()).ok_or_else(|| Error::Training {
                message: format!(
                    "view `{}` is joined on `{column}`, which is {} there and {} in `{spine}`",
                    view.name,
                    type_name(theirs.data_type()),
                    type_name(ours.data_type()),
                ),
                hint: Some("cast it in the view's SQL".to_owned()),
            })
        })
        .collect()
}

fn index(batches: &[RecordBatch], view: &View, types: &[DataType], time: &str) -> Result<SpineIndex, Error> {
    let spine = batches
        .iter()
        .map(|batch| Ok(Spine { keys: columns(batch, view.entity.iter())?, times: column(batch, time)? }))
        .collect::<Result<Vec<_>, Error>>()?;
    SpineIndex::new(types, &spine)
}

/// Reads a view once, from its first row to its last, and merges it.
async fn join(
    frame: datafusion::prelude::DataFrame,
    view: &View,
    features: &[String],
    index: Arc<SpineIndex>,
    created_cutoff: bool,
    work: &Work,
) -> Result<Matched, Error> {
    let mut names: Vec<&String> =
        view.entity.iter().chain([&view.event_time]).chain(&view.created).chain(features).collect();
    names.sort_unstable();
    names.dedup();
    let wanted = names.into_iter().map(|name| Expr::Column(Column::from_name(name))).collect::<Vec<_>>();
    let frame = frame.select(wanted).map_err(|_| Error::Definition {
        view: view.name.clone(),
        message: "its tables no longer have the columns that it was defined with".to_owned(),
        hint: Some("define it again".to_owned()),
    })?;
    let empty = RecordBatch::new_empty(plain_schema(frame.schema().as_arrow()));
    let schema = project(&empty, features)?.schema();
    let mut merge = PointInTime::new(index, schema, view.ttl, created_cutoff);
    each_batch(frame, &format!("merging {}", view.name), work, |batch| {
        merge.push(&ViewRows {
            keys: columns(&batch, view.entity.iter())?,
            event_times: column(&batch, &view.event_time)?,
            created: view.created.as_ref().map(|name| column(&batch, name)).transpose()?,
            features: project(&batch, features)?,
        })
    })
    .await?;
    merge.finish()
}

fn project(batch: &RecordBatch, names: &[String]) -> Result<RecordBatch, Error> {
    let indices = names.iter().map(|name| batch.schema().index_of(name)).collect::<Result<Vec<_>, _>>()?;
    Ok(batch.project(&indices)?)
}

fn columns<'a>(batch: &RecordBatch, names: impl Iterator<Item = &'a String>) -> Result<Vec<ArrayRef>, Error> {
    names.map(|name| column(batch, name)).collect()
}

fn column(batch: &RecordBatch, name: &str) -> Result<ArrayRef, Error> {
    Ok(batch.column(batch.schema().index_of(name)?).clone())
}

/// Spine and features side by side.
fn assemble(
    spec: &TrainingSpec,
    schema: &SchemaRef,
    batches: &[RecordBatch],
    picked: &Picked,
    matches: &[Matched],
) -> Result<Table, Error> {
    let mut fields: Vec<Field> = schema.fields().iter().map(|field| field.as_ref().clone()).collect();
    let mut rows = Vec::with_capacity(batches.len());
    let mut first = 0;
    for batch in batches {
        let range = first..first + batch.num_rows();
        let mut columns = batch.columns().to_vec();
        for feature in &picked.columns {
            columns.push(matches[feature.view].feature(feature.index, range.clone())?);
        }
        if spec.reasons {
            for matched in matches {
                let reasons = matched.outcomes()[range.clone()].iter();
                let missed = reasons.map(|outcome| (*outcome != Outcome::Found).then_some(outcome.name()));
                columns.push(Arc::new(missed.collect::<StringArray>()));
            }
        }
        first = range.end;
        rows.push(columns);
    }
    let added = &rows[0][schema.fields().len()..];
    let names = picked.columns.iter().map(|feature| feature.column.clone());
    let reasons = picked.views.iter().filter(|_| spec.reasons).map(|(view, _)| pick::reason_column(view));
    fields
        .extend(names.chain(reasons).zip(added).map(|(name, array)| Field::new(name, array.data_type().clone(), true)));
    let schema = Arc::new(Schema::new(fields));
    let batches =
        rows.into_iter().map(|columns| RecordBatch::try_new(schema.clone(), columns)).collect::<Result<Vec<_>, _>>()?;
    Ok(Table::new(schema, batches))
}

fn coverage(picked: &Picked, matches: &[Matched], rows: usize) -> Result<Vec<Coverage>, Error> {
    picked
        .columns
        .iter()
        .map(|feature| {
            let matched = &matches[feature.view];
            let count = |outcome: Outcome| matched.outcomes().iter().filter(|found| **found == outcome).count() as u64;
            let values = matched.feature(feature.index, 0..rows)?;
            let found = (values.len() - values.logical_null_count()) as u64;
            let (view, features) = &picked.views[feature.view];
            Ok(Coverage {
                view: view.name.clone(),
                feature: features[feature.index].clone(),
                column: feature.column.clone(),
                found,
                null_value: count(Outcome::Found) - found,
                null_key: count(Outcome::NullKey),
                no_key: count(Outcome::NoKey),
                expired: count(Outcome::Expired),
                future: count(Outcome::Future),
            })
        })
        .collect()
}
