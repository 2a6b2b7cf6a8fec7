//! Running a query: batch by batch, with progress, and stopped as soon as somebody asks.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::execution_plan::SchedulingType;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::DataFrame;
use futures::StreamExt;
use kernwerk_core::{Cancelled, Work};

use super::query_failed;
use crate::Error;
use crate::source::types::plain_type;

/// How long an interrupt may wait while a query works on its next batch.
const PATIENCE: Duration = Duration::from_millis(50);

/// Runs a query and hands over its batches in order, in plain types. Returns the schema that all of them have.
pub(crate) async fn each_batch(
    frame: DataFrame,
    task: &str,
    work: &Work,
    mut each: impl FnMut(RecordBatch) -> Result<(), Error>,
) -> Result<SchemaRef, Error> {
    let schema = plain_schema(frame.schema().as_arrow());
    let context = Arc::new(frame.task_ctx());
    let plan = frame.create_physical_plan().await.map_err(query_failed)?;
    let mut batches = execute_stream(cooperative(plan).map_err(query_failed)?, context).map_err(query_failed)?;
    let mut rows = 0;
    loop {
        let next = tokio::select! {
            next = batches.next() => next,
            cancelled = stopped(work) => return Err(cancelled.into()),
        };
        let Some(batch) = next else {
            return Ok(schema);
        };
        let batch = plain(&batch.map_err(query_failed)?, &schema)?;
        work.check()?;
        rows += batch.num_rows() as u64;
        work.progress(task, rows, None, "rows");
        if batch.num_rows() > 0 {
            each(batch)?;
        }
    }
}

/// All rows of a query; at least one batch, so that the schema is there.
pub(crate) async fn collect(frame: DataFrame, task: &str, work: &Work) -> Result<(SchemaRef, Vec<RecordBatch>), Error> {
    let mut batches = Vec::new();
    let schema = each_batch(frame, task, work, |batch| {
        batches.push(batch);
        Ok(())
    })
    .await?;
    if batches.is_empty() {
        batches.push(RecordBatch::new_empty(schema.clone()));
    }
    Ok((schema, batches))
}

/// The plan with a place in every operator where it can be stopped. DataFusion has them at the leaves alone, which a join that
/// multiplies rows may not visit for hours.
fn cooperative(plan: Arc<dyn ExecutionPlan>) -> datafusion::common::Result<Arc<dyn ExecutionPlan>> {
    let wrapped = plan.transform_up(|node| {
        if node.children().is_empty() || node.properties().scheduling_type == SchedulingType::Cooperative {
            return Ok(Transformed::no(node));
        }
        Ok(Transformed::yes(Arc::new(CooperativeExec::new(node)) as Arc<dyn ExecutionPlan>))
    })?;
    Ok(wrapped.data)
}

async fn stopped(work: &Work) -> Cancelled {
    loop {
        if let Err(cancelled) = work.check() {
            return cancelled;
        }
        tokio::time::sleep(PATIENCE).await;
    }
}

/// The schema in plain types, with all columns nullable and without what its sources noted on it.
pub(crate) fn plain_schema(schema: &Schema) -> SchemaRef {
    let fields: Vec<Field> =
        schema.fields().iter().map(|field| Field::new(field.name(), plain_type(field.data_type()), true)).collect();
    Arc::new(Schema::new(fields))
}

fn plain(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, Error> {
    let columns = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| cast(column, field.data_type()))
        .collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?)
}
