//! Notebooks are stored as they are written, not as they were run.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::Finding;

/// Everything wrong with one notebook.
pub fn check(path: &str, text: &str) -> Vec<Finding> {
    let Ok(notebook) = serde_json::from_str::<Value>(text) else {
        return vec![Finding::new(path, "is not a notebook: it is not JSON")];
    };
    let mut findings = Vec::new();
    if notebook["metadata"]["kernelspec"]["name"].as_str().is_none() {
        findings.push(Finding::new(path, "does not say which kernel it is for"));
    }
    let mut ids = BTreeSet::new();
    for (index, cell) in notebook["cells"].as_array().into_iter().flatten().enumerate() {
        let place = || format!("{path}, cell {}", index + 1);
        match cell["id"].as_str() {
            Some(id) if ids.insert(id) => {}
            Some(id) => findings.push(Finding::new(place(), format!("has the id {id} of another cell"))),
            None => findings.push(Finding::new(place(), "has no id")),
        }
        if cell["cell_type"] == "code" {
            findings.extend(traces_of_a_run(cell).map(|trace| Finding::new(place(), trace)));
        }
    }
    findings
}

fn traces_of_a_run(cell: &Value) -> Option<&'static str> {
    if !cell["outputs"].as_array().is_some_and(Vec::is_empty) {
        Some("is stored with outputs")
    } else if !cell["execution_count"].is_null() {
        Some("is stored with an execution count")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(cells: &str) -> Vec<String> {
        let text = format!(r#"{{"metadata": {{"kernelspec": {{"name": "kernwerk"}}}}, "cells": [{cells}]}}"#);
        check("a.ipynb", &text).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn a_clean_notebook_passes() {
        let cells = r#"{"cell_type": "code", "id": "a", "outputs": [], "execution_count": null}, {"cell_type": "markdown", "id": "b"}"#;
        assert!(faults(cells).is_empty());
    }

    #[test]
    fn outputs_counts_and_ids_are_found() {
        let run = r#"{"cell_type": "code", "id": "a", "outputs": [{"text": "1"}], "execution_count": null}"#;
        assert_eq!(faults(run), ["a.ipynb, cell 1: is stored with outputs"]);
        let counted = r#"{"cell_type": "code", "id": "a", "outputs": [], "execution_count": 3}"#;
        assert_eq!(faults(counted), ["a.ipynb, cell 1: is stored with an execution count"]);
        let twins =
            r#"{"cell_type": "markdown", "id": "a"}, {"cell_type": "markdown", "id": "a"}, {"cell_type": "markdown"}"#;
        assert_eq!(faults(twins), ["a.ipynb, cell 2: has the id a of another cell", "a.ipynb, cell 3: has no id"]);
    }

    #[test]
    fn a_notebook_without_a_kernel_is_found() {
        assert_eq!(check("a.ipynb", "{}").len(), 1);
        assert_eq!(check("a.ipynb", "no JSON").len(), 1);
    }
}
