//! Rust cut into statements, by the same parser and in the same way as evcxr does it.

use ra_ap_syntax::{AstNode, Edition, SourceFile, SyntaxKind, ast};

/// What surrounds the code so that statements are understood.
const BEFORE: &str = "fn f(){";

/// A statement with the whitespace and comments behind it. Statements follow each other without a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Statement<'a> {
    pub(crate) text: &'a str,
    /// Offset in the code, in bytes.
    pub(crate) start: usize,
    pub(crate) kind: Kind,
}

/// What a statement is, as far as it matters for showing the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An expression without a semicolon.
    Value,
    /// As `Value`, but certainly `()`: a loop, or a macro that prints or asserts.
    Unit,
    /// An import: evcxr takes it apart.
    Use,
    Other,
}

/// Cuts code into statements. What cannot be read is one statement to the end.
pub(crate) fn statements(code: &str) -> Vec<Statement<'_>> {
    let parsed = SourceFile::parse(&format!("{BEFORE}{code}\n}}"), Edition::Edition2024);
    let function = parsed.syntax_node().children().next().and_then(ast::Fn::cast);
    let Some(list) = function.and_then(|function| function.body()).and_then(|body| body.stmt_list()) else {
        return Vec::new();
    };
    let mut statements = Vec::new();
    let mut start = 0;
    let mut children = list.syntax().children().peekable();
    while let Some(child) = children.next() {
        let end = children
            .peek()
            .map_or(code.len(), |next| usize::from(next.text_range().start()).saturating_sub(BEFORE.len()))
            .min(code.len());
        if start >= end {
            break;
        }
        statements.push(Statement { text: &code[start..end], start, kind: kind(&child) });
        start = end;
    }
    statements
}

fn kind(node: &ra_ap_syntax::SyntaxNode) -> Kind {
    match node.kind() {
        SyntaxKind::USE => Kind::Use,
        SyntaxKind::FOR_EXPR | SyntaxKind::WHILE_EXPR => Kind::Unit,
        SyntaxKind::MACRO_EXPR if is_unit_macro(node) => Kind::Unit,
        kind if ast::Expr::can_cast(kind) => Kind::Value,
        _ => Kind::Other,
    }
}

fn is_unit_macro(node: &ra_ap_syntax::SyntaxNode) -> bool {
    let path = node.children().find_map(ast::MacroCall::cast).and_then(|call| call.path());
    let name = path.map(|path| path.syntax().text().to_string()).unwrap_or_default();
    matches!(
        name.trim_start_matches("std::"),
        "println"
            | "print"
            | "eprintln"
            | "eprint"
            | "assert"
            | "assert_eq"
            | "assert_ne"
            | "debug_assert"
            | "debug_assert_eq"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(code: &str) -> Vec<(&str, Kind)> {
        statements(code).into_iter().map(|statement| (statement.text, statement.kind)).collect()
    }

    #[test]
    fn statements_and_the_value_at_the_end() {
        assert_eq!(
            cut("use a::b;\nlet x = 1; // one\nfn f() {}\nx + 1 // two"),
            [
                ("use a::b;\n", Kind::Use),
                ("let x = 1; ", Kind::Other),
                // To the parser a comment belongs to the item below it.
                ("// one\nfn f() {}\n", Kind::Other),
                ("x + 1 // two", Kind::Value)
            ]
        );
        assert_eq!(cut("for i in 0..2 { i; }").last().map(|last| last.1), Some(Kind::Unit));
        assert_eq!(cut("println!(\"x\")"), [("println!(\"x\")", Kind::Unit)]);
        assert_eq!(cut("println!(\"x\");")[0].1, Kind::Other);
        assert_eq!(cut("vec![1]")[0].1, Kind::Value);
        assert!(cut("").is_empty());
    }

    #[test]
    fn nothing_is_left_out() {
        for code in
            ["let x = ;", "x.", "}", "let s = \"open", "a b c", "/* open", "#[derive(Debug)]", "\u{feff}let x = 1;"]
        {
            let whole: String = statements(code).iter().map(|statement| statement.text).collect();
            assert!(code.starts_with(&whole), "{code}");
        }
    }
}
