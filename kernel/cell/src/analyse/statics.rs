//! Statics whose values change: each later cell gets new ones, for evcxr compiles items again with it.

use std::collections::BTreeMap;

use quote::ToTokens;
use syn::visit::Visit;

use crate::text::header;

/// Types that change behind a shared reference. Those of atomics begin with their word.
const CHANGING: [&str; 7] = ["Mutex", "RwLock", "Cell", "RefCell", "UnsafeCell", "OnceLock", "OnceCell"];
const ATOMIC: &str = "Atomic";

/// The statics and thread-locals of a cell that can change, each under every name by which a later cell comes to it: its own, and those of the
/// cell's items that speak of it.
pub fn changing_statics(code: &str) -> BTreeMap<String, String> {
    let Ok(header) = header(code, 0) else { return BTreeMap::new() };
    let Ok(block) = syn::parse_str::<syn::Block>(&format!("{{{}\n}}", header.body(code))) else {
        return BTreeMap::new();
    };
    let mut statics = Statics::default();
    statics.visit_block(&block);
    let mut names: BTreeMap<String, String> = statics.0.into_iter().map(|name| (name.clone(), name)).collect();
    let items: Vec<(String, Vec<String>)> = block.stmts.iter().filter_map(item).collect();
    // An item that calls an item that speaks of it comes to it as well.
    while !names.is_empty() {
        let before = names.len();
        for (name, words) in &items {
            if let Some(reached) = words.iter().find_map(|word| names.get(word)).cloned() {
                names.entry(name.clone()).or_insert(reached);
            }
        }
        if names.len() == before {
            break;
        }
    }
    names
}

/// The name of an item that a later cell may use, and the words in it.
fn item(statement: &syn::Stmt) -> Option<(String, Vec<String>)> {
    let syn::Stmt::Item(item) = statement else { return None };
    let name = match item {
        syn::Item::Fn(item) => item.sig.ident.to_string(),
        syn::Item::Mod(item) => item.ident.to_string(),
        syn::Item::Macro(item) => item.ident.as_ref()?.to_string(),
        syn::Item::Impl(item) => match &*item.self_ty {
            syn::Type::Path(path) => path.path.segments.last()?.ident.to_string(),
            _ => return None,
        },
        _ => return None,
    };
    Some((name, words(item)))
}

fn words(tokens: &impl ToTokens) -> Vec<String> {
    let text = tokens.to_token_stream().to_string();
    text.split(|character: char| !character.is_alphanumeric() && character != '_').map(str::to_owned).collect()
}

fn can_change(words: &[String]) -> bool {
    words.iter().any(|word| word.starts_with(ATOMIC) || CHANGING.contains(&word.as_str()))
}

/// The names of statics that can change, wherever in the cell they stand.
#[derive(Default)]
struct Statics(Vec<String>);

impl Visit<'_> for Statics {
    fn visit_item_static(&mut self, item: &syn::ItemStatic) {
        let is_mutable = matches!(item.mutability, syn::StaticMutability::Mut(_));
        if is_mutable || can_change(&words(&item.ty)) {
            self.0.push(item.ident.to_string());
        }
    }

    fn visit_macro(&mut self, call: &syn::Macro) {
        if call.path.segments.last().is_none_or(|last| last.ident != "thread_local") {
            return;
        }
        let words = words(&call.tokens);
        if can_change(&words) {
            let named = words.iter().filter(|word| !word.is_empty()).collect::<Vec<_>>();
            self.0.extend(named.windows(2).filter(|pair| pair[0] == "static").map(|pair| pair[1].clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(code: &str) -> Vec<(String, String)> {
        changing_statics(code).into_iter().collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, of)| ((*name).to_owned(), (*of).to_owned())).collect()
    }

    #[test]
    fn statics_that_change_are_found_with_what_speaks_of_them() {
        let code = "static N: AtomicU32 = AtomicU32::new(0);\nfn count() { N.fetch_add(1, SeqCst); }\nfn twice() { count(); count() }\nfn other() {}";
        assert_eq!(found(code), pairs(&[("N", "N"), ("count", "N"), ("twice", "N")]));
        assert_eq!(found("static mut LAST: u32 = 0;"), pairs(&[("LAST", "LAST")]));
        assert_eq!(
            found("thread_local! {\n    static SEEN: RefCell<u32> = RefCell::new(0);\n}"),
            pairs(&[("SEEN", "SEEN")])
        );
        let inside = "fn next() -> u32 {\n    static N: Mutex<u32> = Mutex::new(0);\n    1\n}";
        assert_eq!(found(inside), pairs(&[("N", "N"), ("next", "N")]));
    }

    #[test]
    fn what_stays_as_it_is_is_none() {
        for code in [
            "static NAME: &str = \"Atomic\";",
            "static WORDS: LazyLock<Vec<String>> = LazyLock::new(Vec::new);",
            "let shared = Arc::new(Mutex::new(1));",
            "const N: u32 = 1;",
            "this is no Rust",
        ] {
            assert_eq!(found(code), [], "{code}");
        }
    }
}
