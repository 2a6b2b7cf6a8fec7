//! Which cells speak of the network: what does is a likely reason where a run without it goes otherwise.

use crate::execution::Execution;
use crate::plan::{Kept, Plan};

/// Whether the text of a cell speaks of the network.
pub(crate) fn asks_network(text: &str) -> bool {
    let words = ["http", "TcpStream", "UdpSocket", "socket", "urllib", "requests", "reqwest", "ureq", "ftp", "boto"];
    words.iter().any(|word| text.contains(word))
}

/// The cell whose code asks the network when `cell` runs: it, or else the nearest of those that it needs, for it may call what they define.
pub(crate) fn asking<'p>(plan: &'p Plan, cell: &'p Kept) -> Option<&'p Execution> {
    let (mut near, mut seen) = (vec![cell], Vec::new());
    while !near.is_empty() {
        if let Some(found) = near.iter().find(|kept| asks_network(&kept.execution.text)) {
            return Some(&found.execution);
        }
        seen.extend(near.iter().map(|kept| kept.execution.execution_count));
        let is_needed = |kept: &&Kept| {
            let count = kept.execution.execution_count;
            !seen.contains(&count) && near.iter().any(|by| by.needs.contains(&count))
        };
        // A later cell is nearer than an earlier one.
        near = plan.kept.iter().rev().filter(is_needed).collect();
    }
    None
}
