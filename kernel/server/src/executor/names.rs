//! The names that a mixed cell touches: those of its Rust code and of its magics, in order.

use kernwerk_core::Names;
use kernwerk_lang::{MagicLine, Segment};

use super::scope::words;
use super::verbs;

/// Merges the names of the segments. What an earlier segment of the cell defines is no use of an earlier cell.
/// `is_variable` knows the names that earlier magics bound.
pub(super) fn of_cell(segments: &[Segment], is_variable: impl Fn(&str) -> bool) -> Names {
    let mut cell = Names::default();
    for segment in segments {
        match segment {
            Segment::Code { text, .. } => merge(&mut cell, kernwerk_cell::analyse(text)),
            Segment::Magic(line) => merge(&mut cell, of_magic(line, &is_variable)),
        }
    }
    cell
}

fn merge(cell: &mut Names, part: Names) {
    cell.uses.extend(part.uses.into_iter().filter(|name| !cell.defines.contains(name)));
    cell.mutates.extend(part.mutates.into_iter().filter(|name| !cell.defines.contains(name)));
    cell.defines.extend(part.defines);
    cell.defines_any |= part.defines_any;
    cell.barrier |= part.barrier;
}

fn added_crates(line: &MagicLine) -> Vec<String> {
    if line.magic == verbs::NAME { verbs::defines(line) } else { Vec::new() }
}

/// A magic defines what it binds, and uses each bound variable that a word of its line or an identifier of its body names.
fn of_magic(line: &MagicLine, is_variable: &impl Fn(&str) -> bool) -> Names {
    let in_line = line.words.iter().flat_map(|word| word.split([',', '=']));
    let in_body = line.body.iter().flat_map(|body| words(body));
    Names {
        defines: line.bind.iter().cloned().chain(added_crates(line)).collect(),
        uses: in_line.chain(in_body).filter(|word| is_variable(word)).map(str::to_owned).collect(),
        ..Names::default()
    }
}
