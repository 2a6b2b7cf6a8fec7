//! What the session remembers of what its cells showed: the record of cells has digests alone, and a refused publication is to say what differs.

use std::collections::{BTreeMap, VecDeque};

use kernwerk_core::Captured;
use kernwerk_promote::Known;

use crate::session::Session;
use crate::variables::CanonicalValue;

/// Larger outputs and values are not kept.
const LARGEST: usize = 64 << 10;
/// So many bytes are kept in all, the latest.
const MOST: usize = 8 << 20;

/// The latest outputs by their digests.
#[derive(Default)]
pub(crate) struct Shown {
    bytes: usize,
    order: VecDeque<String>,
    outputs: BTreeMap<String, (String, Vec<u8>)>,
}

impl Shown {
    /// Keeps an output; what has the same digest is there already.
    pub fn keep(&mut self, digest: &str, output: &Captured) {
        if output.volatile || output.bytes.len() > LARGEST || self.outputs.contains_key(digest) {
            return;
        }
        self.bytes += output.bytes.len();
        self.order.push_back(digest.to_owned());
        self.outputs.insert(digest.to_owned(), (output.format.clone(), output.bytes.clone()));
        while self.bytes > MOST {
            let Some(oldest) = self.order.pop_front() else { return };
            self.bytes -= self.outputs.remove(&oldest).map_or(0, |(_, bytes)| bytes.len());
        }
    }
}

impl Session {
    /// What this session knows of its cells' outputs, and of the variable with this name, whose value may be known already.
    pub(crate) fn known(&self, name: Option<&str>, value: Option<CanonicalValue>) -> Known {
        let mut known = Known::default();
        for (digest, (format, bytes)) in &self.shown().outputs {
            known.add(digest.clone(), format, bytes.clone());
        }
        // What a magic bound is a table of the session.
        let table = name.and_then(|name| self.variable(name).ok().flatten());
        let is_small = |table: &kernwerk_core::Table| {
            table.batches.iter().map(|batch| batch.get_array_memory_size()).sum::<usize>() <= LARGEST
        };
        let table = table.filter(is_small).and_then(|table| CanonicalValue::of_table(&table).ok());
        for value in value.into_iter().chain(table).filter(|value| value.bytes.len() <= MOST) {
            known.add(value.digest, value.format, value.bytes);
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use kernwerk_core::Channel;

    use super::*;

    #[test]
    fn the_latest_outputs_are_kept_up_to_a_bound() {
        let mut shown = Shown::default();
        let output = |length: usize, volatile: bool| Captured {
            channel: Channel::Stdout,
            format: "txt".to_owned(),
            bytes: vec![b'x'; length],
            volatile,
        };
        shown.keep("volatile", &output(1, true));
        shown.keep("large", &output(LARGEST + 1, false));
        assert_eq!(shown.outputs.len(), 0);
        for number in 0..2 * MOST / LARGEST {
            shown.keep(&number.to_string(), &output(LARGEST, false));
            shown.keep(&number.to_string(), &output(LARGEST, false));
        }
        assert_eq!((shown.bytes, shown.outputs.len(), shown.order.len()), (MOST, MOST / LARGEST, MOST / LARGEST));
        assert!(shown.outputs.contains_key(&(2 * MOST / LARGEST - 1).to_string()));
    }
}
