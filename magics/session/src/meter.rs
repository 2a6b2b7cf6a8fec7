//! The meter: every model call is recorded with its tokens and its time, and cells with the process tree's.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use kernwerk_core::{CellId, Embedded, Embedder, ModelError, ModelId, Usage, Work};
use kernwerk_store::Lab;

/// An embedder whose every call goes into the ledger, failed and interrupted ones included.
pub(crate) struct Metered {
    inner: Arc<dyn Embedder>,
    lab: Lab,
    cell: Option<CellId>,
    verb: String,
}

impl Metered {
    pub(crate) fn new(inner: Arc<dyn Embedder>, lab: Lab, cell: Option<CellId>, verb: &str) -> Self {
        Self { inner, lab, cell, verb: verb.to_owned() }
    }
}

impl Embedder for Metered {
    fn id(&self) -> &ModelId {
        self.inner.id()
    }

    fn dimensions(&self) -> usize {
        self.inner.dimensions()
    }

    fn max_tokens(&self) -> usize {
        self.inner.max_tokens()
    }

    fn token_spans(&self, text: &str) -> Result<Vec<(usize, usize)>, ModelError> {
        self.inner.token_spans(text)
    }

    fn embed(&self, texts: &[&str], work: &Work) -> Result<Embedded, ModelError> {
        let began = Instant::now();
        let began_cpu = process_tree_seconds();
        let result = self.inner.embed(texts, work);
        let usage = Usage {
            model: Some(self.inner.id().clone()),
            tokens_in: result.as_ref().map_or(0, |embedded| embedded.tokens),
            tokens_out: 0,
            wall_seconds: began.elapsed().as_secs_f64(),
            cpu_seconds: began_cpu.zip(process_tree_seconds()).map(|(from, to)| (to - from).max(0.0)),
        };
        // Spending that cannot be written down does not happen unseen: the answer is withheld.
        self.lab
            .ledger()
            .add_usage(self.cell, &self.verb, &usage, self.lab.config().prices.get(&self.inner.id().name).cloned())
            .map_err(|error| ModelError::Failed {
                message: format!("the model's use cannot be recorded: {error}"),
                hint: Some("see that the lab can be written to; `%lab doctor` tells".to_owned()),
            })?;
        result
    }
}

/// Processor seconds (user and system) of this process, its living descendants and those it waited for; none where the
/// operating system does not account for them. Source: proc(5), `/proc/PID/stat`, fields 14 to 17, in clock ticks.
pub fn process_tree_seconds() -> Option<f64> {
    // SAFETY: sysconf reads a constant and has no preconditions.
    let ticks_per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    if ticks_per_second <= 0 {
        return None;
    }
    let own = std::process::id();
    let mut total = ticks(own)?;
    // A descendant may end between the listing and the reading; what it used is then in its parent's count.
    total += tree_of(own).into_iter().filter_map(ticks).sum::<u64>();
    Some(total as f64 / ticks_per_second as f64)
}

/// The living descendants of `process`, nearest first.
pub fn tree_of(process: u32) -> Vec<u32> {
    let mut found = Vec::new();
    let mut next = vec![process];
    while let Some(parent) = next.pop() {
        for child in children(parent) {
            found.push(child);
            next.push(child);
        }
    }
    found
}

fn children(process: u32) -> Vec<u32> {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{process}/task")) else {
        return Vec::new();
    };
    tasks
        .flatten()
        .filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok())
        .flat_map(|line| line.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<u32>>())
        .collect()
}

fn ticks(process: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(Path::new("/proc").join(process.to_string()).join("stat")).ok()?;
    // The program's name is in parentheses and may hold blanks: fields are counted after the last parenthesis.
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    fields.get(11..15)?.iter().map(|field| field.parse::<u64>().ok()).sum()
}
