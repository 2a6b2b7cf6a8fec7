//! The names that a mixed cell touches: those of its Rust code and of its magics, in order.

use kernwerk_core::Names;
use kernwerk_lang::{MagicLine, Segment};

use super::calls::read;
use super::scope::words;
use super::verbs;

/// Merges the names of the segments. What an earlier segment of the cell defines is no use of an earlier cell.
/// `is_variable` knows the names that earlier magics bound.
pub(super) fn of_cell(segments: &[Segment], is_variable: impl Fn(&str) -> bool) -> Names {
    let mut cell = Names::default();
    for segment in segments {
        match segment {
            Segment::Code { text, .. } => merge(&mut cell, of_code(text, &is_variable)),
            Segment::Magic(line) => merge(&mut cell, of_magic(line, &is_variable)),
        }
    }
    cell
}

fn merge(cell: &mut Names, part: Names) {
    if let Some(rust) = part.rust {
        cell.rust.get_or_insert_default().follow(rust, &cell.defines, &cell.uses);
    }
    cell.uses.extend(part.uses.into_iter().filter(|name| !cell.defines.contains(name)));
    cell.mutates.extend(part.mutates.into_iter().filter(|name| !cell.defines.contains(name)));
    cell.defines.extend(part.defines);
    cell.defines_any |= part.defines_any;
    cell.barrier |= part.barrier;
}

/// Rust code does what its own names say, and what the magics do that it calls. Those see none of its variables, and it sees none that they
/// bind: that takes a later cell.
fn of_code(text: &str, is_variable: &impl Fn(&str) -> bool) -> Names {
    let mut names = kernwerk_cell::analyse(text);
    for magic in kernwerk_cell::magics_in(text) {
        // What cannot be read says so when it runs.
        if let Ok(line) = read(&magic) {
            let called = of_magic(&line, is_variable);
            names.uses.extend(called.uses);
            names.defines.extend(called.defines);
        }
    }
    names
}

fn added_crates(line: &MagicLine) -> Vec<String> {
    if line.magic == verbs::NAME { verbs::defines(line) } else { Vec::new() }
}

/// A magic defines what it binds, and uses each bound variable that a word of its line or an identifier of its body names.
fn of_magic(line: &MagicLine, is_variable: &impl Fn(&str) -> bool) -> Names {
    // What a line declares it does not read.
    let declared = kernwerk_session::parameters_of(line);
    let in_line = line.words.iter().filter(|_| declared.is_empty()).flat_map(|word| word.split([',', '=']));
    let in_body = line.body.iter().flat_map(|body| words(body));
    Names {
        defines: kernwerk_session::bound_by(line).into_iter().chain(added_crates(line)).collect(),
        uses: in_line.chain(in_body).filter(|word| is_variable(word)).map(str::to_owned).collect(),
        ..Names::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_is_declared_again_is_no_use_of_the_earlier_one() {
        let segments = kernwerk_lang::split("%promote param rows=100 date:text=2026-01-31").expect("a cell");
        let names = of_cell(&segments, |name| name == "rows");
        assert!(names.uses.is_empty() && names.defines.len() == 2, "{names:?}");
        assert!(names.defines.contains("rows") && names.defines.contains("date"), "{names:?}");
    }

    #[test]
    fn magics_that_rust_calls_count_like_lines() {
        let segments = kernwerk_lang::split("let x = magic!(\"feature training spine --features busy -> frame\")?;")
            .expect("a cell");
        let names = of_cell(&segments, |name| name == "spine");
        assert!(names.uses.contains("spine") && !names.uses.contains("busy"), "{names:?}");
        assert!(names.defines.contains("x") && names.defines.contains("frame"), "{names:?}");
        let segments =
            kernwerk_lang::split("magic!(\"feature sql SELECT 1 -> y\")?;\nlet z = y.rows();").expect("a cell");
        let names = of_cell(&segments, |_| false);
        assert!(names.uses.contains("y"), "the cell's Rust sees an earlier `y`: {names:?}");
    }
}
