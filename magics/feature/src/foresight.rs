//! Ways in which a view may tell what was not known yet, and that no join can see.

use std::collections::BTreeSet;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan, WindowFrameBound};
use kernwerk_core::listed;

use crate::Error;
use crate::engine::{Engine, query_failed};
use crate::view::View;

/// What is lost when a view does not hand on when its rows became known; none where it does, or where nobody knows that.
pub(crate) fn unused_created(engine: &Engine, view: &View) -> Option<String> {
    if view.created.is_some() {
        return None;
    }
    let has_created = |name: &&String| engine.roles(name).is_some_and(|roles| roles.created.is_some());
    let late: Vec<&String> = view.reads.iter().filter(has_created).collect();
    (!late.is_empty()).then(|| {
        format!(
            "{} {} when rows became known, and `{}` does not: late records count from their event time on; hand that \
             time on and name it with --created",
            listed(&late, "and"),
            if late.len() == 1 { "tells" } else { "tell" },
            view.name
        )
    })
}

/// The window functions that look at rows after their own.
pub(crate) fn looks_ahead(plan: &LogicalPlan) -> Result<Option<String>, Error> {
    let mut functions = BTreeSet::new();
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expression| {
            expression.apply(|part| {
                if let Expr::WindowFunction(window) = part {
                    let name = window.fun.name();
                    let ends_later = matches!(window.params.window_frame.end_bound, WindowFrameBound::Following(_));
                    if ends_later || name == "lead" {
                        functions.insert(name.to_owned());
                    }
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })
    .map_err(query_failed)?;
    let functions: Vec<String> = functions.into_iter().collect();
    Ok((!functions.is_empty()).then(|| {
        format!(
            "the window of {} reaches past its own row: where rows are in the order of time, that is the future",
            listed(&functions, "and")
        )
    }))
}
