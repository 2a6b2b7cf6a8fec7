//! What evcxr makes of a cell, and what we add to it before rustc sees it. Lines keep their numbers.

/// Begins evcxr's conversion of the errors that `?` meets.
const CONVERSION: &str = "struct EvcxrUserCodeError";
/// evcxr prints the error that `?` met; it belongs into the cell's error instead.
const PRINTED_ERROR: &str = "eprintln!(\"{}\", error);";
const REPORTED_ERROR: &str =
    "::std::println!(\"EVCXR_BEGIN_CONTENT application/x-kernwerk-failed\\n{}\\nEVCXR_END_CONTENT\", error);";

/// Says that the value of the trailing expression comes next.
const TRAILING: &str = r#"
#[doc(hidden)]
fn kernwerk_trailing<T: ?Sized>(value: &T) -> &T {
    ::std::println!("EVCXR_BEGIN_CONTENT application/x-kernwerk-trailing\nEVCXR_END_CONTENT");
    value
}
"#;

/// Shows a trailing expression of any type in one compilation: the trait stands in for a missing `evcxr_display`. It is implemented for
/// references, one step further from the value than a method of the value's own type, so that the type's own comes first.
const DEBUGGED: &str = r#"
#[doc(hidden)]
trait KernwerkTrailing {
    fn evcxr_display(&self);
}
impl<T: ::std::fmt::Debug + ?Sized> KernwerkTrailing for &T {
    fn evcxr_display(&self) {
        ::std::println!("EVCXR_BEGIN_CONTENT text/plain\n{:?}\nEVCXR_END_CONTENT", self);
    }
}
"#;
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
    complete.push_str(TRAILING);
    complete.push_str(if manifest.contains("\"kernwerk-prelude") { DEBUGGED_BY_PRELUDE } else { DEBUGGED });
    if manifest.contains("\"kernwerk-prelude-polars\"") {
        complete.push_str(SHOWN_BY_PRELUDE);
    }
    complete
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(complete("", "").contains("trait KernwerkTrailing"));
        let small = complete("", "kernwerk = { package = \"kernwerk-prelude\" }");
        assert!(
            small.contains("::kernwerk::Debugged")
                && !small.contains("KernwerkTrailing")
                && !small.contains("::kernwerk::Show")
        );
        assert!(complete("", "kernwerk = { package = \"kernwerk-prelude-polars\" }").contains("::kernwerk::Show"));
    }

    #[test]
    fn a_cell_of_the_user_s_is_left_alone() {
        assert!(complete("eprintln!(\"{}\", error);\n", "").starts_with(PRINTED_ERROR));
    }
}
