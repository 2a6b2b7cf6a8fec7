//! rustc's suggestions, worked into the user's cell.

use serde_json::Value;

use super::diagnostics::SourceMap;

/// A piece of the cell to be replaced.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Edit {
    /// Byte offsets in the code.
    start: usize,
    end: usize,
    text: String,
}

/// The code with what rustc suggests in `messages`, its JSON: what it is sure of (`MachineApplicable`), and what is the one thing
/// that it suggests (`MaybeIncorrect`, such as `.to_string()`). None where that is nothing that lies in the code. `above` lines of
/// the cell stand above the code.
pub(super) fn corrected<'a>(
    code: &str,
    above: usize,
    messages: impl Iterator<Item = &'a Value>,
    map: &SourceMap,
) -> Option<String> {
    let mut edits: Vec<Edit> = Vec::new();
    for message in messages {
        // Several suggestions of one message are alternatives.
        let is_suggestion = |child: &&Value| {
            let spans = child["spans"].as_array().into_iter().flatten();
            spans.into_iter().any(|span| span["suggested_replacement"].is_string())
        };
        let suggestions = message["children"].as_array().into_iter().flatten().filter(is_suggestion);
        let suggestions: Vec<&Value> = suggestions.collect();
        let is_only = suggestions.len() == 1;
        let first = suggestions.into_iter().find_map(|child| of_child(child, is_only, code, above, map));
        let new = first.into_iter().flatten().filter(|edit| !edits.contains(edit)).collect::<Vec<_>>();
        let meets = |edit: &Edit| edits.iter().any(|other| edit.start < other.end && other.start < edit.end);
        if !new.iter().any(meets) {
            edits.extend(new);
        }
    }
    if edits.is_empty() {
        return None;
    }
    // From the end, so that offsets stay right.
    edits.sort();
    let mut text = code.to_owned();
    for edit in edits.iter().rev() {
        text.replace_range(edit.start..edit.end, &edit.text);
    }
    Some(text)
}

/// The edits of one suggestion, the only one of its message or not; none where rustc is not sure enough of it, or where a part of it
/// is not in the code.
fn of_child(child: &Value, is_only: bool, code: &str, above: usize, map: &SourceMap) -> Option<Vec<Edit>> {
    let spans = child["spans"].as_array().filter(|spans| !spans.is_empty())?;
    // Several places may be several ways to do it.
    let is_plain = is_only && spans.len() == 1;
    let edit = |span: &Value| {
        let is_sure = match span["suggestion_applicability"].as_str() {
            Some("MachineApplicable") => true,
            Some("MaybeIncorrect") => is_plain,
            _ => false,
        };
        let text = span["suggested_replacement"].as_str().filter(|_| is_sure)?;
        let at = |line: &str, column: &str| {
            let number = |name: &str| usize::try_from(span[name].as_u64()?).ok();
            let (line, column) = map.position(number(line)?, number(column)?)?;
            offset(code, line.checked_sub(above)?, column)
        };
        let (start, end) = (at("line_start", "column_start")?, at("line_end", "column_end")?);
        (start <= end).then(|| Edit { start, end, text: text.to_owned() })
    };
    spans.iter().map(edit).collect()
}

/// The byte offset of a character in a line, both from 0.
fn offset(code: &str, line: usize, column: usize) -> Option<usize> {
    let start: usize = code.split_inclusive('\n').take(line).map(str::len).sum();
    let text = code.split('\n').nth(line)?;
    let within = text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(column)?;
    Some(start + within)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::text::Place;

    /// `text` is a line of ours and the user's lines; evcxr puts each statement on a line of its own.
    fn map(text: &str, above: usize, generated: &str) -> SourceMap {
        let places: Vec<Place> = std::iter::once(Place { line: None, column: 0, verbatim: false })
            .chain((0..).map(|line| Place { line: Some(above + line), column: 0, verbatim: true }))
            .take(text.lines().count())
            .collect();
        SourceMap::new(text, &places, generated)
    }

    fn span(line: usize, columns: (usize, usize), text: &str, sure: bool) -> Value {
        let applicability = if sure { "MachineApplicable" } else { "MaybeIncorrect" };
        json!({ "line_start": line, "line_end": line, "column_start": columns.0, "column_end": columns.1,
                "suggested_replacement": text, "suggestion_applicability": applicability })
    }

    #[test]
    fn what_rustc_is_sure_of_is_worked_in() {
        let code = "let é = \"a\"; let s: String = \"b\";\nlet n: u64 = 1u32;";
        let generated = "fn run() {\n/**/\nlet é = \"a\"; \nlet s: String = \"b\";\nlet n: u64 = 1u32;\n}\n";
        let map = map(&format!("/**/\n{code}\n"), 4, generated);
        let first = json!({ "children": [{ "spans": [span(4, (20, 20), ".to_string()", true)] }] });
        let second = json!({ "children": [
            { "spans": [] },
            { "spans": [span(5, (14, 18), "wrong", false)] },
            { "spans": [span(5, (15, 18), "u64", true)] },
            { "spans": [span(5, (1, 4), "an alternative", true)] },
        ] });
        let expected = "let é = \"a\"; let s: String = \"b\".to_string();\nlet n: u64 = 1u64;";
        assert_eq!(corrected(code, 4, [&first, &second, &first].into_iter(), &map).as_deref(), Some(expected));
    }

    #[test]
    fn one_of_several_ways_is_not_chosen() {
        let code = "let a = 1;";
        let map = map(&format!("/**/\n{code}\n"), 0, "fn run() {\n/**/\nlet a = 1;\n}\n");
        let way = |text| span(3, (9, 10), text, false);
        let several = json!({ "children": [{ "spans": [way("2")] }, { "spans": [way("3")] }] });
        assert_eq!(corrected(code, 0, [&several].into_iter(), &map), None);
        let several = json!({ "children": [{ "spans": [way("2"), way("3")] }] });
        assert_eq!(corrected(code, 0, [&several].into_iter(), &map), None);
        let one = json!({ "children": [{ "spans": [] }, { "spans": [way("2")] }] });
        assert_eq!(corrected(code, 0, [&one].into_iter(), &map).as_deref(), Some("let a = 2;"));
    }

    #[test]
    fn nothing_is_offered_for_lines_that_are_not_the_user_s() {
        let code = "let a = 1;";
        let map = map(&format!("/**/\n{code}\n"), 0, "fn run() {\n/**/\nlet a = 1;\n}\n");
        let outside = json!({ "children": [{ "spans": [span(1, (1, 3), "fn", true), span(3, (5, 6), "b", true)] }] });
        assert_eq!(corrected(code, 0, [&outside].into_iter(), &map), None);
        assert_eq!(corrected(code, 0, [&json!({})].into_iter(), &map), None);
    }
}
