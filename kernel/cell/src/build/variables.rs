//! evcxr has every cell take all variables out of the store and put them back. Those that a cell does not name stay where they are: the cell
//! compiles faster, and they survive its panic.

use std::collections::HashSet;

const STORE: &str = "evcxr_variable_store.";

/// The source without what it does about variables that it does not name. Lines keep their numbers.
pub(super) fn prune(source: &str) -> String {
    let lines: Vec<(&str, Option<Handled<'_>>)> = source.lines().map(|line| (line, Handled::read(line))).collect();
    let rest = || lines.iter().filter(|(_, handled)| handled.is_none()).map(|(line, _)| *line);
    let named: HashSet<&str> = rest().flat_map(words).collect();
    let defined: HashSet<&str> = rest().flat_map(types).collect();
    let mut pruned = String::with_capacity(source.len());
    for (line, handled) in lines {
        let needed = handled.is_none_or(|handled| match handled.what {
            // A type that cells define may have been defined anew: evcxr wants to hear of it.
            What::Check => {
                named.contains(handled.variable) || words(handled.type_name).any(|word| defined.contains(word))
            }
            What::TakeOrPut => named.contains(handled.variable),
        });
        if needed {
            pruned.push_str(line);
        }
        pruned.push('\n');
    }
    pruned
}

/// A line of evcxr's that handles a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Handled<'a> {
    what: What,
    variable: &'a str,
    type_name: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Check,
    TakeOrPut,
}

impl<'a> Handled<'a> {
    /// Reads `vars_ok &= evcxr_variable_store.check_variable::<T>(stringify!(x));`, `let mut x = evcxr_variable_store.take_variable…` and
    /// `evcxr_variable_store.put_variable::<T>(stringify!(x), x);`.
    fn read(line: &'a str) -> Option<Self> {
        let (before, call) = line.split_once(STORE)?;
        let (method, rest) = call.split_once("_variable::<")?;
        let (type_name, variable) = rest.rsplit_once(">(stringify!(")?;
        let (variable, end) = variable.split_once(')')?;
        let variable = variable.trim();
        let what = match method {
            "check" if before == "vars_ok &= " && end == ");" => What::Check,
            "take" if binds(before, variable) && end == ");" => What::TakeOrPut,
            "put" if before.is_empty() && end.strip_prefix(", ")?.strip_suffix(");")? == variable => What::TakeOrPut,
            _ => return None,
        };
        Some(Self { what, variable: variable.trim_start_matches("r#"), type_name })
    }
}

/// Whether `text` is `let x = ` or `let mut x = `.
fn binds(text: &str, variable: &str) -> bool {
    let name = text.strip_prefix("let ").and_then(|rest| rest.strip_suffix(" = "));
    name.is_some_and(|name| name.strip_prefix("mut ").unwrap_or(name) == variable)
}

/// The identifiers in a text; those within literals count, because a format may name a variable.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !(character.is_alphanumeric() || character == '_')).filter(|word| !word.is_empty())
}

/// The types that a line defines.
fn types(line: &str) -> impl Iterator<Item = &str> {
    let following = words(line).skip(1);
    let pairs = words(line).zip(following);
    pairs.filter(|(word, _)| ["struct", "enum", "union", "type", "trait"].contains(word)).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cell that has these variables, all of the same type.
    fn cell(variables: &[&str], type_name: &str, code: &str) -> String {
        let lines = |form: &str| {
            variables
                .iter()
                .map(|name| format!("{}\n", form.replace("NAME", name).replace("TYPE", type_name)))
                .collect::<String>()
        };
        [
            "{let mut vars_ok = true;\n",
            &lines("vars_ok &= evcxr_variable_store.check_variable::<TYPE>(stringify!(NAME));"),
            "if !vars_ok {return evcxr_variable_store;}}\n",
            &lines("let mut NAME = evcxr_variable_store.take_variable::<TYPE>(stringify!(NAME));"),
            code,
            "\n",
            &lines("evcxr_variable_store.put_variable::<TYPE>(stringify!(NAME), NAME);"),
        ]
        .concat()
    }

    /// How many lines still handle `name`.
    fn handled(source: &str, name: &str) -> usize {
        source.lines().filter(|line| line.contains(&format!("stringify!({name})"))).count()
    }

    #[test]
    fn variables_that_are_not_named_stay_in_the_store() {
        let source = cell(&["used", "unused", "r#type"], "Vec<u8>", "used.len()");
        let pruned = prune(&source);
        assert_eq!([handled(&pruned, "used"), handled(&pruned, "unused"), handled(&pruned, "r#type")], [3, 0, 0]);
        assert_eq!(pruned.lines().count(), source.lines().count());
        assert!(pruned.contains("\nused.len()\n"));
    }

    #[test]
    fn a_name_within_a_text_counts() {
        assert_eq!(handled(&prune(&cell(&["x", "r#type"], "i32", "println!(\"{x} {type}\")")), "x"), 3);
        assert_eq!(handled(&prune(&cell(&["r#type"], "i32", "r#type + 1")), "r#type"), 3);
    }

    #[test]
    fn a_type_that_cells_define_is_checked() {
        let pruned = prune(&format!("pub struct Ride(u8);\n{}", cell(&["rides"], "Vec<Ride>", "1")));
        assert_eq!(handled(&pruned, "rides"), 1);
        assert!(pruned.contains("check_variable::<Vec<Ride>>(stringify!(rides));"));
    }

    #[test]
    fn other_lines_are_left_alone() {
        let source = "evcxr_variable_store.put_variable::<u8>(stringify!(x), y);\nlet a = evcxr_variable_store.take_variable::<u8>(stringify!(b));\n";
        assert_eq!(prune(source), source);
    }
}
