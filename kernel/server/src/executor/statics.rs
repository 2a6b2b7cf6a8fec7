//! Tells once of a static that begins anew: a cell that reads one of an earlier cell does not find what that has put into it.

use std::collections::{BTreeMap, BTreeSet};

use kernwerk_cell::changing_statics;
use kernwerk_core::Names;
use kernwerk_lang::Segment;

/// The statics of earlier cells that can change.
#[derive(Default)]
pub(super) struct Statics {
    /// By each name that comes to one: the static's own name and the cell's number.
    known: BTreeMap<String, (String, u32)>,
    told: BTreeSet<String>,
}

impl Statics {
    /// What is to be told before a cell runs that touches these names, a line for each static.
    pub fn begun_anew(&mut self, names: &Names) -> Vec<String> {
        let mut lines = Vec::new();
        for name in names.uses.iter().filter(|name| !names.defines.contains(*name)) {
            let Some((of, cell)) = self.known.get(name).filter(|(of, _)| !self.told.contains(of)) else { continue };
            let through = if name == of { String::new() } else { format!(", which `{name}` uses,") };
            lines.push(format!(
                "the static `{of}` of In[{cell}]{through} begins anew in each cell: what other cells put into it is not here. Keep what is to last in a \
                 variable"
            ));
            self.told.insert(of.clone());
        }
        lines
    }

    /// A cell has ended well.
    pub fn defined(&mut self, segments: &[Segment], names: &Names, count: u32) {
        self.known.retain(|name, _| !names.defines.contains(name));
        for segment in segments {
            let Segment::Code { text, .. } = segment else { continue };
            // Most cells have none, and need not be read again.
            if !["static", "thread_local"].iter().any(|word| text.contains(word)) {
                continue;
            }
            for (name, of) in changing_statics(text) {
                self.told.remove(&of);
                self.known.insert(name, (of, count));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use kernwerk_lang::split;

    use super::*;

    fn names(defines: &[&str], uses: &[&str]) -> Names {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Names { defines: set(defines), uses: set(uses), ..Names::default() }
    }

    #[test]
    fn a_static_is_told_of_once_in_a_later_cell() {
        let mut statics = Statics::default();
        let cell =
            split("static N: AtomicU32 = AtomicU32::new(0);\nfn count() { N.fetch_add(1, Relaxed); }").expect("a cell");
        let made = names(&["N", "count"], &[]);
        assert!(statics.begun_anew(&made).is_empty());
        statics.defined(&cell, &made, 1);
        let told = statics.begun_anew(&names(&[], &["count", "other"]));
        assert!(told.len() == 1 && told[0].contains("`N` of In[1], which `count` uses,"), "{told:?}");
        assert!(statics.begun_anew(&names(&[], &["N"])).is_empty(), "once");
        // Defined anew, it is another one.
        statics.defined(&cell, &made, 4);
        assert!(statics.begun_anew(&names(&[], &["N"]))[0].contains("`N` of In[4] begins anew"));
        statics.defined(&split("let N = 1;").expect("a cell"), &names(&["N", "count"], &[]), 5);
        statics.told.clear();
        assert!(statics.begun_anew(&names(&[], &["N", "count"])).is_empty(), "the name is a variable's now");
    }
}
