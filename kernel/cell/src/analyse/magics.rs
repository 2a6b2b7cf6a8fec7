//! The magics that Rust code calls, as far as its text tells which.

use proc_macro2::{TokenStream, TokenTree};

use crate::text::header;

/// The texts of all calls of `magic!` that begin with a text of their own, in their order. Where a text has places for values, those stay in
/// it as they are written, in braces.
pub fn magics_in(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    // Most cells have none, and are not read a second time.
    if code.contains("magic")
        && let Ok(header) = header(code, 0)
        && let Ok(tokens) = header.body(code).parse()
    {
        collect(tokens, &mut found);
    }
    found
}

fn collect(tokens: TokenStream, found: &mut Vec<String>) {
    // What the last two tokens were: `magic`, then `!`.
    let (mut named, mut called) = (false, false);
    for token in tokens {
        if let TokenTree::Group(group) = &token {
            if called && let Some(text) = first_text(group.stream()) {
                found.push(text.replace("{{", "{").replace("}}", "}"));
            }
            collect(group.stream(), found);
        }
        called = named && matches!(&token, TokenTree::Punct(sign) if sign.as_char() == '!');
        named = matches!(&token, TokenTree::Ident(name) if name == "magic");
    }
}

fn first_text(tokens: TokenStream) -> Option<String> {
    let TokenTree::Literal(literal) = tokens.into_iter().next()? else { return None };
    match syn::parse_str(&literal.to_string()).ok()? {
        syn::Lit::Str(text) => Some(text.value()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_calls_are_found_wherever_they_stand() {
        let code = ":dep polars\nlet a = magic!(\"lab status\")?;\nfor x in 0..3 { println!(\"{}\", kernwerk::magic!(r#\"rag search \"d\" {x}\"#)?.text()); }\nlet f = || magic![\"feature list\", 1];";
        assert_eq!(magics_in(code), ["lab status", "rag search \"d\" {x}", "feature list"]);
    }

    #[test]
    fn what_is_no_literal_call_is_none() {
        let codes = [
            "magic(\"lab status\")",
            "magic!(line)",
            "let magic = 1; !magic",
            "\"magic!(\\\"x\\\")\"",
            "// magic!(\"x\")",
            "magic!(",
            "",
        ];
        for code in codes {
            assert!(magics_in(code).is_empty(), "{code}");
        }
    }
}
