//! What evcxr makes of a cell, and what we change in it before rustc sees it. Lines keep their numbers.

use super::variables;

/// Begins evcxr's conversion of the errors that `?` meets.
const CONVERSION: &str = "struct EvcxrUserCodeError";
/// evcxr prints the error that `?` met; it belongs into the cell's error instead.
const PRINTED_ERROR: &str = "eprintln!(\"{}\", error);";
const REPORTED_ERROR: &str =
    "::std::println!(\"EVCXR_BEGIN_CONTENT application/x-kernwerk-failed\\n{}\\nEVCXR_END_CONTENT\", error);";

/// Begins the module that evcxr puts into every cell.
const RUNTIME: &str = "\nmod evcxr_internal_runtime {\n";
/// Ends it, and begins the function that is called, whose name ends in a number.
const AFTER_RUNTIME: &str = "\n}\n#[unsafe(no_mangle)]\npub extern \"C\" fn run_user_code_";
/// The compiled one, under the same name.
const OUR_RUNTIME: &str = "\nuse ::kernwerk_support::runtime as evcxr_internal_runtime;";
/// Begins the function that is called.
const FUNCTION: &str = "\npub extern \"C\" fn run_user_code_";
/// The name that it gets in every cell, so that the same cell has the same source again.
pub(crate) const ENTRY: &str = "run_user_code";

/// evcxr's second way to show a trailing expression, as `{:?}`. It takes it also when what was wrong with the first was something else: the first `?`
/// of a notebook, which it allows only then.
const SECOND_WAY: (&str, &str) = ("evcxr_send_text_plain(&format!(\"{:?}\",&(\nkernwerk_trailing(&(\n", "\n))\n)));\n");
const FIRST_WAY: (&str, &str) = ("((\nkernwerk_trailing(&(\n", "\n))\n)).evcxr_display();\n");

/// Says that the value of the trailing expression comes next.
const TRAILING: &str = "\n#[allow(unused_imports)]\nuse ::kernwerk_support::runtime::trailing as kernwerk_trailing;\n";
/// Shows a trailing expression of any type.
const DEBUGGED: &str = "#[allow(unused_imports)]\nuse ::kernwerk_support::runtime::Debugged as _;\n";
/// The prelude has such a trait of its own; both at once would leave the choice open.
const DEBUGGED_BY_PRELUDE: &str = "#[allow(unused_imports)]\nuse ::kernwerk::Debugged as _;\n";
/// How Polars values are shown is said by a further trait of the larger prelude.
const SHOWN_BY_PRELUDE: &str = "#[allow(unused_imports)]\nuse ::kernwerk::Show as _;\n";

/// The source that is compiled for what evcxr generated, in a package with this manifest.
pub(super) fn complete(source: &str, manifest: &str) -> String {
    // Cells' own items stand before evcxr's conversion of errors, and may hold the same words.
    let conversion = source.find(CONVERSION).unwrap_or(source.len());
    let (items, rest) = source.split_at(conversion);
    let mut complete = items.to_owned();
    complete.push_str(&rest.replacen(PRINTED_ERROR, REPORTED_ERROR, 1));
    let mut complete = variables::prune(&with_entry(&with_our_runtime(&complete)));
    complete.push_str(TRAILING);
    complete.push_str(if manifest.contains("\"kernwerk-prelude") { DEBUGGED_BY_PRELUDE } else { DEBUGGED });
    if manifest.contains("\"kernwerk-prelude-polars\"") {
        complete.push_str(SHOWN_BY_PRELUDE);
    }
    complete
}

/// The source with the compiled runtime in place of evcxr's own.
fn with_our_runtime(source: &str) -> String {
    let place = source.find(RUNTIME).and_then(|start| {
        let length = source[start..].find(AFTER_RUNTIME)?;
        Some((start, start + length + "\n}".len()))
    });
    let Some((start, end)) = place else { return source.to_owned() };
    let lines = source[start..end].matches('\n').count() - 1;
    [&source[..start], OUR_RUNTIME, &"\n".repeat(lines), &source[end..]].concat()
}

/// Whether `?` may stand in the cell at its top.
pub(super) fn allows_question_mark(source: &str) -> bool {
    source.contains(CONVERSION)
}

/// The source with its trailing expression shown the first way. Where a value has no way at all, what rustc says of the second is better.
pub(super) fn with_first_way(source: &str) -> String {
    let shown = source.split_once(SECOND_WAY.0).and_then(|(before, rest)| {
        let (value, after) = rest.rsplit_once(SECOND_WAY.1)?;
        Some([before, FIRST_WAY.0, value, FIRST_WAY.1, after].concat())
    });
    shown.unwrap_or_else(|| source.to_owned())
}

/// The source with the name for the function that is called.
fn with_entry(source: &str) -> String {
    let Some((before, after)) = source.rsplit_once(FUNCTION) else { return source.to_owned() };
    let parameters = after.trim_start_matches(|character: char| character.is_ascii_digit());
    format!("{before}\npub extern \"C\" fn {ENTRY}{parameters}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runtime_is_replaced_and_the_function_named() {
        let source = "struct User;\nmod evcxr_internal_runtime {\npub struct VariableStore;\nfn f() {\n}\n}\n#[unsafe(no_mangle)]\n\
                      pub extern \"C\" fn run_user_code_12(\nx";
        let complete = complete(source, "");
        let lines: Vec<&str> = complete.lines().collect();
        assert_eq!(lines[1], "use ::kernwerk_support::runtime as evcxr_internal_runtime;");
        assert_eq!(lines[2..6], [""; 4]);
        assert_eq!(lines[6..9], ["#[unsafe(no_mangle)]", "pub extern \"C\" fn run_user_code(", "x"]);
    }

    #[test]
    fn values_are_shown_the_first_way() {
        let source = "evcxr_send_text_plain(&format!(\"{:?}\",&(\nkernwerk_trailing(&(\nf()?\n))\n)));\nOk(())\n";
        let shown = with_first_way(source);
        assert_eq!(shown, "((\nkernwerk_trailing(&(\nf()?\n))\n)).evcxr_display();\nOk(())\n");
        assert_eq!(with_first_way(&shown), shown);
    }

    #[test]
    fn lines_keep_their_numbers() {
        let source = format!(
            "fn user() {{ {PRINTED_ERROR} }}\nstruct EvcxrUserCodeError {{}}\n    {PRINTED_ERROR}\n{PRINTED_ERROR}\n"
        );
        let complete = complete(&source, "");
        let lines: Vec<&str> = complete.lines().collect();
        assert_eq!(lines[0], format!("fn user() {{ {PRINTED_ERROR} }}"));
        assert_eq!(lines[2], format!("    {REPORTED_ERROR}"));
        assert_eq!(lines[3], PRINTED_ERROR);
    }

    #[test]
    fn the_prelude_brings_its_own_traits() {
        assert!(complete("", "").contains("::kernwerk_support::runtime::Debugged"));
        let small = complete("", "kernwerk = { package = \"kernwerk-prelude\" }");
        assert!(
            small.contains("::kernwerk::Debugged")
                && !small.contains("::kernwerk_support::runtime::Debugged")
                && !small.contains("::kernwerk::Show")
        );
        assert!(complete("", "kernwerk = { package = \"kernwerk-prelude-polars\" }").contains("::kernwerk::Show"));
    }

    #[test]
    fn a_cell_of_the_user_s_is_left_alone() {
        assert!(complete("eprintln!(\"{}\", error);\n", "").starts_with(PRINTED_ERROR));
    }
}
