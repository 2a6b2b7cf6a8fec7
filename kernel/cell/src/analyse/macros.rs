//! Macro calls: their tokens read as expressions where they are some, else name by name; and the names in format texts.

use kernwerk_core::Touch;
use proc_macro2::{TokenStream, TokenTree};
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::visit::Visit;
use syn::{Expr, Token};

use super::known;
use super::walk::Walk;

/// Macros whose first argument is written to.
const WRITING: &[&str] = &["write", "writeln"];
/// Macros that put their arguments into texts, or compare them.
const SHOWING: &[&str] = &[
    "assert",
    "assert_eq",
    "assert_ne",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "eprint",
    "eprintln",
    "format",
    "format_args",
    "panic",
    "print",
    "println",
    "todo",
    "unimplemented",
    "unreachable",
    "write",
    "writeln",
];

/// Macros of ours, of Polars and of well-known crates that look at what they are given.
const LOOKING: &[&str] = &["array", "df", "hashmap", "izip", "json", "magic", "polars_bail", "show"];

impl Walk {
    /// Reads what a macro is given.
    pub(super) fn macro_tokens(&mut self, call: &syn::Macro) {
        let name = call.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        self.format_names(call.tokens.clone());
        if name == "matches" && self.pattern_match(call.tokens.clone()) {
            return;
        }
        match expressions(call.tokens.clone()) {
            Some(arguments) => {
                for (index, argument) in arguments.iter().enumerate() {
                    if index == 0 && WRITING.contains(&name.as_str()) {
                        self.change_argument(argument);
                        self.touch(argument, &Touch::Written);
                    } else {
                        if SHOWING.contains(&name.as_str()) {
                            self.touch(argument, &Touch::Shown);
                        } else if LOOKING.contains(&name.as_str()) {
                            self.touch(argument, &Touch::Given);
                        } else if !known::is_standard_macro(&name) {
                            // Its rules may do anything with what they are given.
                            self.touch(argument, &Touch::Written);
                        }
                        self.visit_expr(argument);
                    }
                }
            }
            None => {
                self.loose_names(call.tokens.clone());
                if !known::is_standard_macro(&name) && !LOOKING.contains(&name.as_str()) {
                    self.touch_loose(call.tokens.clone());
                }
            }
        }
    }

    /// Every name in tokens that a macro's rules may do anything with.
    fn touch_loose(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    let name = ident.to_string();
                    if self.names.uses.contains(&name) {
                        self.touch_name(&name, &Touch::Written);
                    }
                }
                TokenTree::Group(group) => self.touch_loose(group.stream()),
                _ => {}
            }
        }
    }

    /// `matches!(expression, pattern if guard)`; whether it could be read so.
    fn pattern_match(&mut self, tokens: TokenStream) -> bool {
        let parse = |input: ParseStream<'_>| {
            let value: Expr = input.parse()?;
            input.parse::<Token![,]>()?;
            let pattern = syn::Pat::parse_multi_with_leading_vert(input)?;
            let guard = if input.peek(Token![if]) {
                input.parse::<Token![if]>()?;
                Some(input.parse::<Expr>()?)
            } else {
                None
            };
            input.parse::<Option<Token![,]>>()?;
            Ok((value, pattern, guard))
        };
        let Ok((value, pattern, guard)) = parse.parse2(tokens) else { return false };
        self.visit_expr(&value);
        self.scopes.enter();
        self.bind_part(&pattern, self.roots(&value));
        if let Some(guard) = guard {
            self.visit_expr(&guard);
        }
        self.scopes.leave();
        true
    }

    /// The names in the rules of a macro: in what they give, and, for its words, in what they take.
    pub(super) fn macro_rules(&mut self, rules: &syn::Macro) {
        // What it is given calls what it likes.
        self.rust.calls_any = true;
        self.loose_names(rules.tokens.clone());
        self.format_names_within(rules.tokens.clone());
    }

    /// The names in format texts, at any depth.
    fn format_names_within(&mut self, tokens: TokenStream) {
        for token in tokens.clone() {
            if let TokenTree::Group(group) = token {
                self.format_names_within(group.stream());
            }
        }
        self.format_names(tokens);
    }

    /// Every name in tokens that are no expressions, but for fields and methods: it may be one of another cell's.
    fn loose_names(&mut self, tokens: TokenStream) {
        let mut after_dot = false;
        let mut after_path = 0;
        let mut dollar = Dollar::None;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    let name = ident.to_string();
                    let is_own =
                        dollar == Dollar::Sign || dollar == Dollar::Colon && FRAGMENTS.contains(&name.as_str());
                    if after_dot || after_path == 2 {
                        self.rust.calls.insert(name.clone());
                    }
                    if !after_dot && !is_own && after_path < 2 && syn::parse_str::<syn::Ident>(&name).is_ok() {
                        self.read(&name);
                        // What becomes of it cannot be told.
                        self.touch_name(&name, &Touch::Given);
                    }
                    (after_dot, after_path) = (false, 0);
                    dollar = if dollar == Dollar::Sign { Dollar::Name } else { Dollar::None };
                }
                TokenTree::Punct(sign) => {
                    after_dot = sign.as_char() == '.';
                    after_path = if sign.as_char() == ':' { after_path + 1 } else { 0 };
                    dollar = match (sign.as_char(), dollar) {
                        ('$', _) => Dollar::Sign,
                        (':', Dollar::Name) => Dollar::Colon,
                        _ => Dollar::None,
                    };
                }
                TokenTree::Group(group) => {
                    self.loose_names(group.stream());
                    (after_dot, after_path, dollar) = (false, 0, Dollar::None);
                }
                TokenTree::Literal(_) => (after_dot, after_path, dollar) = (false, 0, Dollar::None),
            }
        }
    }

    /// The names that the format texts among a macro's own tokens capture. A text that is no format text has braces rarely, and then a name
    /// too many is the lesser harm.
    fn format_names(&mut self, tokens: TokenStream) {
        for token in tokens {
            if let TokenTree::Literal(literal) = token
                && let Ok(syn::Lit::Str(text)) = syn::parse_str::<syn::Lit>(&literal.to_string())
            {
                for name in captured(&text.value()) {
                    self.read(&name);
                    self.touch_name(&name, &Touch::Shown);
                }
            }
        }
    }
}

/// What a token of a macro's rules stands behind: `$`, `$x`, `$x:`.
#[derive(Clone, Copy, PartialEq)]
enum Dollar {
    None,
    Sign,
    Name,
    Colon,
}

/// What a macro's rules can ask for behind `$x:`.
const FRAGMENTS: &[&str] = &[
    "block",
    "expr",
    "expr_2021",
    "ident",
    "item",
    "lifetime",
    "literal",
    "meta",
    "pat",
    "pat_param",
    "path",
    "stmt",
    "tt",
    "ty",
    "vis",
];

/// Tokens as expressions: `a, b, name = c`, or `value; count`.
pub(super) fn expressions(tokens: TokenStream) -> Option<Vec<Expr>> {
    let list = |input: ParseStream<'_>| Punctuated::<Argument, Token![,]>::parse_terminated(input);
    if let Ok(arguments) = list.parse2(tokens.clone()) {
        return Some(arguments.into_iter().map(|argument| argument.0).collect());
    }
    let repeat = |input: ParseStream<'_>| {
        let value: Expr = input.parse()?;
        input.parse::<Token![;]>()?;
        Ok(vec![value, input.parse()?])
    };
    repeat.parse2(tokens).ok()
}

/// An argument, without the name that a format text gives it.
struct Argument(Expr);

impl syn::parse::Parse for Argument {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.peek(syn::Ident) && input.peek2(Token![=]) && !input.peek2(Token![==]) {
            input.parse::<syn::Ident>()?;
            input.parse::<Token![=]>()?;
        }
        input.parse().map(Self)
    }
}

/// The variables that a format text names: `{x}`, `{x:?}`, and widths as in `{:w$}`.
fn captured(text: &str) -> Vec<String> {
    let is_name = |word: &str| {
        word.starts_with(|first: char| first.is_alphabetic() || first == '_')
            && word.chars().all(|character| character.is_alphanumeric() || character == '_')
    };
    let mut names = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        rest = &rest[open + 1..];
        if let Some(after) = rest.strip_prefix('{') {
            rest = after;
            continue;
        }
        let Some(close) = rest.find('}') else { break };
        let inside = &rest[..close];
        let (name, how) = inside.split_once(':').unwrap_or((inside, ""));
        names.extend(Some(name.trim()).filter(|name| is_name(name)).map(str::to_owned));
        for part in how.split('$').take(how.matches('$').count()) {
            let word =
                part.rsplit(|character: char| !(character.is_alphanumeric() || character == '_')).next().unwrap_or("");
            names.extend(Some(word).filter(|word| is_name(word)).map(str::to_owned));
        }
        rest = &rest[close + 1..];
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_format_texts() {
        assert_eq!(captured("{x} {y:?} {} {0} {{no}} {z:>wide$.deep$}"), ["x", "y", "z", "wide", "deep"]);
        assert!(captured("SELECT {").is_empty());
    }
}
