//! In which order the cells of a notebook ran, as far as their execution counts tell.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use kernwerk_core::StoredCell;

use crate::execution::label;

/// In which order the cells of a notebook are replayed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CellOrder {
    /// As they stand in the file, from top to bottom.
    #[default]
    Document,
    /// As their execution counts say; cells that were not executed stay out.
    Execution,
}

impl CellOrder {
    pub fn name(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Execution => "execution",
        }
    }
}

impl fmt::Display for CellOrder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl FromStr for CellOrder {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Document, Self::Execution]
            .into_iter()
            .find(|order| order.name() == text)
            .ok_or_else(|| format!("`{text}` is neither document nor execution"))
    }
}

/// Whether a cell was executed: it has a count, or something that it showed.
pub(super) fn is_executed(cell: &StoredCell) -> bool {
    cell.execution_count.is_some() || !cell.shown.is_empty()
}

/// The places of the cells to run, in the order in which they run. Cells without a text never run.
pub(super) fn order(cells: &[StoredCell], order: CellOrder) -> Vec<usize> {
    let mut places: Vec<usize> = (0..cells.len()).filter(|place| !cells[*place].source.trim().is_empty()).collect();
    if order == CellOrder::Execution {
        places.retain(|place| cells[*place].execution_count.is_some());
        places.sort_by_key(|place| cells[*place].execution_count);
    }
    places
}

/// What the counts say against cells having run once each, from top to bottom, in words: state that the notebook does not show.
pub(super) fn hidden_state(cells: &[StoredCell], order: CellOrder) -> Vec<String> {
    let mut words = Vec::new();
    let counts: Vec<u32> = cells.iter().filter_map(|cell| cell.execution_count).collect();
    if order == CellOrder::Document
        && let Some(pair) = counts.windows(2).find(|pair| pair[1] < pair[0])
    {
        words.push(format!(
            "the cells ran in another order than they stand: {} stands above {}; `--order execution` runs them as they were numbered",
            label(pair[0]),
            label(pair[1])
        ));
    }
    let different: BTreeSet<u32> = counts.iter().copied().collect();
    if let Some(twice) = different.iter().find(|count| counts.iter().filter(|other| other == count).count() > 1) {
        words.push(format!("{} stands there more than once: its cells ran in several sessions", label(*twice)));
    }
    let missing = missing(&different);
    if let Some(first) = missing.first() {
        let named = match missing.as_slice() {
            [one] => label(*one),
            many => format!("{} and {} more", label(*first), many.len() - 1),
        };
        words.push(format!(
            "executions are missing ({named}): cells were executed again, edited or removed, and what they did may still count"
        ));
    }
    words
}

/// The counts that no cell has, up to the last one that has.
fn missing(counts: &BTreeSet<u32>) -> Vec<u32> {
    /// A file may claim any number.
    const MOST: u32 = 10_000;
    let last = counts.last().copied().unwrap_or(0).min(MOST);
    (1..last).filter(|count| !counts.contains(count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(counts: &[Option<u32>]) -> Vec<StoredCell> {
        let cell =
            |count: &Option<u32>| StoredCell { source: "x".to_owned(), execution_count: *count, shown: Vec::new() };
        counts.iter().map(cell).collect()
    }

    #[test]
    fn hidden_state_is_told_from_a_run_from_top_to_bottom() {
        let words = |counts: &[Option<u32>]| hidden_state(&cells(counts), CellOrder::Document).join("; ");
        assert_eq!(words(&[Some(1), None, Some(2)]), "");
        assert!(
            words(&[Some(1), Some(3), Some(2)])
                .starts_with("the cells ran in another order than they stand: In[3] stands above In[2]")
        );
        assert!(words(&[Some(1), Some(4)]).starts_with("executions are missing (In[2] and 1 more)"));
        assert!(words(&[Some(2)]).starts_with("executions are missing (In[1])"));
        assert!(words(&[Some(1), Some(1)]).starts_with("In[1] stands there more than once"));
        assert!(words(&[Some(u32::MAX)]).contains("and 9998 more"));
        assert!(!hidden_state(&cells(&[Some(2), Some(1)]), CellOrder::Execution).join("").contains("another order"));
    }

    #[test]
    fn cells_run_as_they_stand_or_as_they_ran() {
        let mut notebook = cells(&[Some(3), None, Some(1), Some(2)]);
        assert_eq!(order(&notebook, CellOrder::Document), [0, 1, 2, 3]);
        assert_eq!(order(&notebook, CellOrder::Execution), [2, 3, 0]);
        notebook[2].source = " \n".to_owned();
        assert_eq!(order(&notebook, CellOrder::Document), [0, 1, 3]);
    }
}
