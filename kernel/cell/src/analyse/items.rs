//! What the items of a cell are, beyond their names: whose functions its blocks `impl` have, what its traits ask for, what its types hold, and
//! which paths it imports.

use std::collections::BTreeSet;

use kernwerk_core::{Implementation, Receiver};
use quote::ToTokens;
use syn::{Fields, FnArg, Generics, ImplItem, Item, Signature, TraitItem, UseTree};

use super::walk::Walk;

impl Walk {
    /// Records what the item is. Those of modules and blocks count like those of the cell: values of their types can be anywhere.
    pub(super) fn note_item(&mut self, item: &Item) {
        match item {
            Item::Impl(item) => {
                let of = item.trait_.as_ref().and_then(|(_, path, _)| path.segments.last());
                let subject = match &*item.self_ty {
                    syn::Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
                    _ => None,
                };
                self.rust.implementations.push(Implementation {
                    subject,
                    of: of.map(|segment| segment.ident.to_string()),
                    functions: item.items.iter().filter_map(implemented).collect(),
                });
            }
            Item::Trait(item) => {
                let functions = item.items.iter().filter_map(asked_for).collect();
                self.rust.traits.insert(item.ident.to_string(), functions);
            }
            Item::Struct(item) => self.note_type(&item.ident, &item.generics, fields([&item.fields])),
            Item::Enum(item) => {
                let all = fields(item.variants.iter().map(|variant| &variant.fields));
                self.note_type(&item.ident, &item.generics, all);
            }
            Item::Union(item) => {
                let all = item.fields.named.iter().map(|field| field.ty.to_token_stream().to_string()).collect();
                self.note_type(&item.ident, &item.generics, all);
            }
            Item::Type(item) => {
                let all = vec![item.ty.to_token_stream().to_string()];
                self.note_type(&item.ident, &item.generics, all);
            }
            Item::Use(item) if self.scopes.is_cell() => paths(&item.tree, "", &mut self.rust.imports),
            _ => {}
        }
    }

    fn note_type(&mut self, name: &syn::Ident, generics: &Generics, types: Vec<String>) {
        let parameters: BTreeSet<String> =
            generics.type_params().map(|parameter| parameter.ident.to_string()).collect();
        // A parameter is whatever the type of a variable says.
        let mut all = types.join(" , ");
        for parameter in parameters {
            let words = all.split(' ').filter(|word| *word != parameter);
            all = words.collect::<Vec<_>>().join(" ");
        }
        self.rust.structures.insert(name.to_string(), all);
    }
}

fn fields<'a>(all: impl IntoIterator<Item = &'a Fields>) -> Vec<String> {
    all.into_iter().flatten().map(|field| field.ty.to_token_stream().to_string()).collect()
}

fn implemented(item: &ImplItem) -> Option<(String, Receiver)> {
    match item {
        ImplItem::Fn(function) => Some((function.sig.ident.to_string(), receiver(&function.sig))),
        ImplItem::Const(constant) => Some((constant.ident.to_string(), Receiver::None)),
        ImplItem::Type(kind) => Some((kind.ident.to_string(), Receiver::None)),
        _ => None,
    }
}

fn asked_for(item: &TraitItem) -> Option<(String, Receiver)> {
    match item {
        TraitItem::Fn(function) => Some((function.sig.ident.to_string(), receiver(&function.sig))),
        TraitItem::Const(constant) => Some((constant.ident.to_string(), Receiver::None)),
        TraitItem::Type(kind) => Some((kind.ident.to_string(), Receiver::None)),
        _ => None,
    }
}

fn receiver(signature: &Signature) -> Receiver {
    match signature.inputs.first() {
        Some(FnArg::Receiver(receiver)) => match (&receiver.reference, &receiver.mutability, &receiver.colon_token) {
            (_, _, Some(_)) => Receiver::Mutable,
            (Some(_), Some(_), None) => Receiver::Mutable,
            (Some(_), None, None) => Receiver::Shared,
            (None, _, None) => Receiver::Value,
        },
        _ => Receiver::None,
    }
}

/// The paths that an import names; one without a name of its own (`as _`, `*`) counts like the others.
fn paths(tree: &UseTree, above: &str, found: &mut BTreeSet<String>) {
    let below = |name: &syn::Ident| if above.is_empty() { name.to_string() } else { format!("{above}::{name}") };
    match tree {
        UseTree::Path(path) => paths(&path.tree, &below(&path.ident), found),
        UseTree::Name(name) if name.ident == "self" => _ = found.insert(above.to_owned()),
        UseTree::Name(name) => _ = found.insert(below(&name.ident)),
        UseTree::Rename(rename) => _ = found.insert(below(&rename.ident)),
        UseTree::Glob(_) => _ = found.insert(format!("{above}::*")),
        UseTree::Group(group) => group.items.iter().for_each(|tree| paths(tree, above, found)),
    }
}
