//! What is in scope while a cell is read, and what is found.

use std::collections::{BTreeMap, BTreeSet};

use kernwerk_core::{Names, Touch};
use syn::{Item, Pat, Stmt, UseTree};

use super::known;
use super::walk::Walk;

/// Names bound by the blocks, functions and patterns around the place that is read; the first map is the cell's own. With each name stand the
/// names from earlier cells whose values it may be, or be a part of.
#[derive(Debug)]
pub(super) struct Scopes(Vec<BTreeMap<String, BTreeSet<String>>>);

impl Scopes {
    pub(super) fn new() -> Self {
        Self(vec![BTreeMap::new()])
    }

    pub(super) fn enter(&mut self) {
        self.0.push(BTreeMap::new());
    }

    pub(super) fn leave(&mut self) {
        self.0.pop();
    }

    /// Whether names bound now belong to the cell itself, and so to later cells.
    pub(super) fn is_cell(&self) -> bool {
        self.0.len() == 1
    }

    pub(super) fn bind(&mut self, name: &str, roots: &BTreeSet<String>) {
        if let Some(scope) = self.0.last_mut() {
            scope.insert(name.to_owned(), roots.clone());
        }
    }

    pub(super) fn knows(&self, name: &str) -> bool {
        self.roots(name).is_some()
    }

    /// What a name that is bound here may be a part of; none where it is not bound here.
    pub(super) fn roots(&self, name: &str) -> Option<&BTreeSet<String>> {
        self.0.iter().rev().find_map(|scope| scope.get(name))
    }
}

impl Walk {
    /// Binds a name where the walk stands; in the cell itself it is one that the cell defines.
    pub(super) fn define(&mut self, name: &str) {
        if self.scopes.is_cell() {
            self.names.defines.insert(name.to_owned());
        }
        self.scopes.bind(name, &self.binding);
    }

    /// A name is read. It is another cell's unless it is bound here or always there.
    pub(super) fn read(&mut self, name: &str) {
        if !self.scopes.knows(name) && !known::is_always_there(name) {
            self.names.uses.insert(name.to_owned());
            self.rust.touches.entry(name.to_owned()).or_default().insert(Touch::Read);
        }
    }

    /// A name's value may change in place.
    pub(super) fn change(&mut self, name: &str) {
        if !self.scopes.knows(name) && !known::is_always_there(name) {
            self.names.uses.insert(name.to_owned());
            self.names.mutates.insert(name.to_owned());
        }
    }

    /// Items are in scope in their whole block, also above where they stand.
    pub(super) fn hoist(&mut self, statements: &[Stmt], of_cell: bool) {
        for statement in statements {
            if let Stmt::Item(item) = statement {
                self.hoist_item(item, of_cell);
            }
        }
    }

    pub(super) fn hoist_item(&mut self, item: &Item, of_cell: bool) {
        match item {
            Item::Const(item) => self.define(&item.ident.to_string()),
            Item::Enum(item) => self.define(&item.ident.to_string()),
            Item::ExternCrate(item) => {
                let name = item.rename.as_ref().map_or(&item.ident, |(_, name)| name);
                self.define(&name.to_string());
            }
            Item::Fn(item) => self.define(&item.sig.ident.to_string()),
            Item::Macro(item) => {
                if let Some(name) = &item.ident {
                    self.define(&name.to_string());
                }
            }
            Item::Mod(item) => self.define(&item.ident.to_string()),
            Item::Static(item) => self.define(&item.ident.to_string()),
            Item::Struct(item) => self.define(&item.ident.to_string()),
            Item::Trait(item) => self.define(&item.ident.to_string()),
            Item::TraitAlias(item) => self.define(&item.ident.to_string()),
            Item::Type(item) => self.define(&item.ident.to_string()),
            Item::Union(item) => self.define(&item.ident.to_string()),
            Item::Use(item) => self.import(&item.tree, None, of_cell),
            _ => {}
        }
    }

    /// Binds the names of a pattern that is matched with what may be a part of the values of `roots`.
    pub(super) fn bind_part(&mut self, pattern: &Pat, roots: BTreeSet<String>) {
        let around = std::mem::replace(&mut self.binding, roots);
        self.bind_pattern(pattern);
        self.binding = around;
    }

    /// Binds what an import names; `parent` is the path's segment above.
    fn import(&mut self, tree: &UseTree, parent: Option<&syn::Ident>, of_cell: bool) {
        match tree {
            UseTree::Path(path) => self.import(&path.tree, Some(&path.ident), of_cell),
            UseTree::Name(name) if name.ident == "self" => {
                if let Some(parent) = parent {
                    self.define(&parent.to_string());
                }
            }
            UseTree::Name(name) => self.define(&name.ident.to_string()),
            // A trait without a name still brings its methods.
            UseTree::Rename(rename) if rename.rename == "_" => self.names.defines_any |= of_cell,
            UseTree::Rename(rename) => self.define(&rename.rename.to_string()),
            UseTree::Glob(_) => self.names.defines_any |= of_cell,
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(tree, parent, of_cell);
                }
            }
        }
    }

    /// The crates and modules at the start of an import's paths.
    pub(super) fn import_roots(&mut self, tree: &UseTree) {
        match tree {
            UseTree::Path(path) => self.read_root(&path.ident.to_string()),
            UseTree::Name(name) => self.read_root(&name.ident.to_string()),
            UseTree::Rename(rename) => self.read_root(&rename.ident.to_string()),
            UseTree::Glob(_) => {}
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.import_roots(tree)),
        }
    }

    /// Where an import's path begins. The import itself may bind the same name (`use rand::{self, Rng}`), and still needs the crate.
    fn read_root(&mut self, name: &str) {
        let hoisted_elsewhere = self.names.defines.contains(name) && !self.imports_itself(name);
        if !hoisted_elsewhere && !known::is_always_there(name) {
            self.names.uses.insert(name.to_owned());
        }
    }

    fn imports_itself(&self, name: &str) -> bool {
        self.imported.contains(name)
    }

    /// Binds the names in a pattern, and reads the types and constants in it.
    pub(super) fn bind_pattern(&mut self, pattern: &Pat) {
        match pattern {
            Pat::Ident(ident) => {
                let name = ident.ident.to_string();
                let may_be_constant = ident.by_ref.is_none() && ident.mutability.is_none() && ident.subpat.is_none();
                if may_be_constant && name.starts_with(char::is_uppercase) {
                    self.read(&name);
                } else {
                    self.define(&name);
                }
                if let Some((_, inner)) = &ident.subpat {
                    self.bind_pattern(inner);
                }
            }
            Pat::Or(or) => or.cases.iter().for_each(|case| self.bind_pattern(case)),
            Pat::Paren(paren) => self.bind_pattern(&paren.pat),
            Pat::Reference(reference) => self.bind_pattern(&reference.pat),
            Pat::Slice(slice) => slice.elems.iter().for_each(|element| self.bind_pattern(element)),
            Pat::Struct(record) => {
                self.read_path(&record.path);
                record.fields.iter().for_each(|field| self.bind_pattern(&field.pat));
            }
            Pat::Tuple(tuple) => tuple.elems.iter().for_each(|element| self.bind_pattern(element)),
            Pat::TupleStruct(tuple) => {
                self.read_path(&tuple.path);
                tuple.elems.iter().for_each(|element| self.bind_pattern(element));
            }
            Pat::Type(typed) => {
                syn::visit::visit_type(self, &typed.ty);
                self.bind_pattern(&typed.pat);
            }
            Pat::Path(path) => self.read_path(&path.path),
            other => syn::visit::visit_pat(self, other),
        }
    }

    pub(super) fn into_names(self) -> Names {
        Names { rust: Some(self.rust), ..self.names }
    }
}
