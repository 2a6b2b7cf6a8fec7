//! The walk through a cell's syntax: who reads what, who changes what, under which names that are bound around it.

use std::collections::BTreeSet;

use kernwerk_core::{Names, RustNames, Touch};
use syn::visit::{self, Visit};
use syn::{BinOp, Block, Expr, Generics, Item, Local, Pat, Stmt};

use super::known;
use super::scope::Scopes;

/// A walk through one cell.
pub(super) struct Walk {
    pub(super) names: Names,
    pub(super) rust: RustNames,
    pub(super) scopes: Scopes,
    /// What the pattern that is being bound is matched with may be a part of.
    pub(super) binding: BTreeSet<String>,
    /// What closures that are being visited are given may be a part of.
    pub(super) given: BTreeSet<String>,
    /// Names that imports of the cell bind.
    pub(super) imported: BTreeSet<String>,
}

impl Walk {
    pub(super) fn new(names: Names) -> Self {
        let mut scopes = Scopes::new();
        names.defines.iter().for_each(|name| scopes.bind(name, &BTreeSet::new()));
        let (rust, binding, given, imported) = Default::default();
        Self { names, rust, scopes, binding, given, imported }
    }

    /// Walks what stands in a scope of its own.
    fn within(&mut self, walk: impl FnOnce(&mut Self)) {
        self.scopes.enter();
        walk(self);
        self.scopes.leave();
    }

    /// Binds what is no part of any value.
    fn bind(&mut self, name: &str) {
        self.scopes.bind(name, &BTreeSet::new());
    }

    fn generics(&mut self, generics: &Generics) {
        for parameter in &generics.params {
            match parameter {
                syn::GenericParam::Type(parameter) => self.bind(&parameter.ident.to_string()),
                syn::GenericParam::Const(parameter) => self.bind(&parameter.ident.to_string()),
                syn::GenericParam::Lifetime(_) => {}
            }
        }
    }

    /// The start of a path is what may be another cell's; its arguments may be, too.
    pub(super) fn read_path(&mut self, path: &syn::Path) {
        if let Some(first) = path.segments.first() {
            self.read(&first.ident.to_string());
        }
        if let (2.., Some(last)) = (path.segments.len(), path.segments.last()) {
            self.rust.calls.insert(last.ident.to_string());
        }
        path.segments.iter().for_each(|segment| self.visit_path_arguments(&segment.arguments));
    }

    /// The variable that a place lies in: `x` of `x.a[i].b`, `*x`, `(x)`.
    pub(super) fn change_place(&mut self, place: &Expr) {
        match place {
            Expr::Path(path) if path.qself.is_none() => {
                if let Some(name) = path.path.get_ident() {
                    self.change(&name.to_string());
                } else if let Some(first) = path.path.segments.first() {
                    self.change(&first.ident.to_string());
                }
            }
            Expr::Field(field) => self.change_place(&field.base),
            Expr::Index(index) => self.change_place(&index.expr),
            Expr::Unary(unary) => self.change_place(&unary.expr),
            Expr::Paren(paren) => self.change_place(&paren.expr),
            Expr::Group(group) => self.change_place(&group.expr),
            Expr::Try(tried) => self.change_place(&tried.expr),
            Expr::Cast(cast) => self.change_place(&cast.expr),
            Expr::Tuple(tuple) => tuple.elems.iter().for_each(|element| self.change_place(element)),
            Expr::Array(array) => array.elems.iter().for_each(|element| self.change_place(element)),
            Expr::Reference(reference) => self.change_place(&reference.expr),
            // What a call gives is not a variable's own place.
            _ => {}
        }
    }

    /// Walks a first argument that a macro takes by `&mut`.
    pub(super) fn change_argument(&mut self, argument: &Expr) {
        self.change_place(argument);
        self.visit_expr(argument);
    }

    /// Binds the names of a pattern that `place` is matched with: by `ref mut` they change it.
    fn match_pattern(&mut self, pattern: &Pat, place: &Expr) {
        if borrows_mutably(pattern) {
            self.change_place(place);
            self.touch(place, &Touch::Written);
        }
        self.bind_part(pattern, self.roots(place));
    }

    /// An `if` or `while` with `let` in its condition: what it binds holds in the block.
    fn condition(&mut self, condition: &Expr) {
        match condition {
            Expr::Let(binding) => {
                self.visit_expr(&binding.expr);
                self.match_pattern(&binding.pat, &binding.expr);
            }
            Expr::Binary(binary) if matches!(binary.op, BinOp::And(_)) => {
                self.condition(&binary.left);
                self.condition(&binary.right);
            }
            Expr::Paren(paren) => self.condition(&paren.expr),
            other => self.visit_expr(other),
        }
    }

    fn signature(&mut self, signature: &syn::Signature) {
        self.generics(&signature.generics);
        self.visit_generics(&signature.generics);
        for input in &signature.inputs {
            match input {
                syn::FnArg::Typed(typed) => {
                    self.visit_type(&typed.ty);
                    self.bind_pattern(&typed.pat);
                }
                syn::FnArg::Receiver(receiver) => {
                    self.bind("self");
                    self.visit_type(&receiver.ty);
                }
            }
        }
        self.visit_return_type(&signature.output);
    }

    /// An implementation changes what later code with the type, or with the trait, does.
    fn implementation(&mut self, item: &syn::ItemImpl) {
        let first = |path: &syn::Path| path.segments.first().map(|segment| segment.ident.to_string());
        let subject = match &*item.self_ty {
            syn::Type::Path(path) => first(&path.path),
            _ => None,
        };
        let of = item.trait_.as_ref().and_then(|(_, path, _)| first(path));
        // A type that is always there is changed for those who know the trait.
        let changed = subject.filter(|name| !known::is_always_there(name)).or(of);
        changed.into_iter().for_each(|name| self.change(&name));
    }
}

impl<'ast> Visit<'ast> for Walk {
    fn visit_block(&mut self, block: &'ast Block) {
        self.within(|walk| {
            walk.hoist(&block.stmts, false);
            block.stmts.iter().for_each(|statement| walk.visit_stmt(statement));
        });
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        match statement {
            Stmt::Macro(call) => self.visit_macro(&call.mac),
            other => visit::visit_stmt(self, other),
        }
    }

    fn visit_local(&mut self, local: &'ast Local) {
        if let Some(init) = &local.init {
            self.visit_expr(&init.expr);
            if let Some((_, otherwise)) = &init.diverge {
                self.visit_expr(otherwise);
            }
        }
        match &local.init {
            Some(init) => self.match_pattern(&local.pat, &init.expr),
            None => self.bind_pattern(&local.pat),
        }
    }

    fn visit_item(&mut self, item: &'ast Item) {
        self.note_item(item);
        match item {
            Item::Use(item) => {
                imported_names(&item.tree, None, &mut self.imported);
                self.import_roots(&item.tree);
            }
            Item::ExternCrate(item) => {
                let name = item.ident.to_string();
                if item.rename.is_some() || !self.names.defines.contains(&name) {
                    self.names.uses.insert(name);
                }
            }
            Item::Mod(item) => {
                // A module sees nothing of the cell but through `super`.
                if let Some((_, items)) = &item.content {
                    self.within(|walk| {
                        items.iter().for_each(|item| walk.hoist_item(item, false));
                        items.iter().for_each(|item| walk.visit_item(item));
                    });
                }
            }
            // Its own rules are no expressions; what they name is needed wherever the macro is used.
            Item::Macro(item) if item.ident.is_some() => self.macro_rules(&item.mac),
            Item::Macro(item) => self.visit_macro(&item.mac),
            Item::Impl(item) => {
                self.implementation(item);
                self.within(|walk| {
                    walk.generics(&item.generics);
                    visit::visit_item_impl(walk, item);
                });
            }
            Item::Fn(item) => self.visit_item_fn(item),
            Item::Struct(syn::ItemStruct { generics, .. })
            | Item::Enum(syn::ItemEnum { generics, .. })
            | Item::Trait(syn::ItemTrait { generics, .. })
            | Item::Type(syn::ItemType { generics, .. })
            | Item::Union(syn::ItemUnion { generics, .. }) => self.within(|walk| {
                walk.generics(generics);
                visit::visit_item(walk, item);
            }),
            other => visit::visit_item(self, other),
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        item.attrs.iter().for_each(|attribute| self.visit_attribute(attribute));
        self.within(|walk| {
            walk.signature(&item.sig);
            walk.visit_block(&item.block);
        });
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.within(|walk| {
            walk.signature(&item.sig);
            walk.visit_block(&item.block);
        });
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.within(|walk| {
            walk.signature(&item.sig);
            if let Some(block) = &item.default {
                walk.visit_block(block);
            }
        });
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if attribute.path().is_ident("derive") {
            let derives =
                attribute.parse_args_with(syn::punctuated::Punctuated::<syn::Path, syn::Token![,]>::parse_terminated);
            for path in derives.into_iter().flatten() {
                if let Some(first) = path.segments.first().map(|segment| segment.ident.to_string())
                    && !known::is_standard_derive(&first)
                {
                    self.read(&first);
                }
            }
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.read_path(path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let name = call.path.segments.first().map(|segment| segment.ident.to_string()).unwrap_or_default();
        let last = call.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        if !known::is_standard_macro(&last) {
            self.rust.calls_any = true;
        } else if ["write", "writeln"].contains(&last.as_str()) {
            self.rust.calls.extend(["write_fmt".to_owned(), last.clone()]);
        } else {
            self.rust.calls.insert(last);
        }
        if call.path.segments.len() > 1 || !known::is_standard_macro(&name) {
            self.read(&name);
        }
        self.macro_tokens(call);
    }

    fn visit_type_param_bound(&mut self, bound: &'ast syn::TypeParamBound) {
        if let syn::TypeParamBound::Trait(bound) = bound
            && let Some(last) = bound.path.segments.last()
        {
            self.rust.bounds.insert(last.ident.to_string());
        }
        visit::visit_type_param_bound(self, bound);
    }

    fn visit_expr(&mut self, expression: &'ast Expr) {
        match expression {
            Expr::Assign(assign) => {
                self.visit_expr(&assign.right);
                self.write(&assign.left);
            }
            Expr::Binary(binary) if is_assignment(&binary.op) => {
                self.visit_expr(&binary.right);
                self.write(&binary.left);
            }
            Expr::Reference(reference) if reference.mutability.is_some() => {
                self.touch(&reference.expr, &Touch::Written);
                self.change_place(&reference.expr);
                self.visit_expr(&reference.expr);
            }
            Expr::RawAddr(reference) => {
                self.touch(&reference.expr, &Touch::Written);
                self.change_place(&reference.expr);
                self.visit_expr(&reference.expr);
            }
            Expr::MethodCall(call) => self.method_call(call),
            Expr::Call(call) => self.call(call),
            Expr::Closure(closure) => self.within(|walk| {
                let given = walk.given.clone();
                closure.inputs.iter().for_each(|input| walk.bind_part(input, given.clone()));
                walk.visit_return_type(&closure.output);
                walk.visit_expr(&closure.body);
            }),
            Expr::ForLoop(each) => {
                self.touch(&each.expr, &Touch::Reading("into_iter".to_owned()));
                self.visit_expr(&each.expr);
                let roots = self.roots(&each.expr);
                self.within(|walk| {
                    walk.bind_part(&each.pat, roots);
                    walk.visit_block(&each.body);
                });
            }
            Expr::If(branch) => {
                self.within(|walk| {
                    walk.condition(&branch.cond);
                    walk.visit_block(&branch.then_branch);
                });
                if let Some((_, otherwise)) = &branch.else_branch {
                    self.visit_expr(otherwise);
                }
            }
            Expr::While(repeat) => self.within(|walk| {
                walk.condition(&repeat.cond);
                walk.visit_block(&repeat.body);
            }),
            Expr::Match(choice) => {
                self.visit_expr(&choice.expr);
                if choice.arms.iter().any(|arm| borrows_mutably(&arm.pat)) {
                    self.change_place(&choice.expr);
                    self.touch(&choice.expr, &Touch::Written);
                }
                let roots = self.roots(&choice.expr);
                for arm in &choice.arms {
                    self.within(|walk| {
                        walk.bind_part(&arm.pat, roots.clone());
                        if let Some((_, guard)) = &arm.guard {
                            walk.condition(guard);
                        }
                        walk.visit_expr(&arm.body);
                    });
                }
            }
            Expr::Let(binding) => {
                self.visit_expr(&binding.expr);
                self.match_pattern(&binding.pat, &binding.expr);
            }
            other => visit::visit_expr(self, other),
        }
    }
}

/// Whether a pattern has a name that is bound by `ref mut`.
fn borrows_mutably(pattern: &Pat) -> bool {
    struct Search(bool);
    impl<'ast> Visit<'ast> for Search {
        fn visit_pat_ident(&mut self, ident: &'ast syn::PatIdent) {
            self.0 |= ident.by_ref.is_some() && ident.mutability.is_some();
            visit::visit_pat_ident(self, ident);
        }
    }
    let mut search = Search(false);
    search.visit_pat(pattern);
    search.0
}

fn is_assignment(operator: &BinOp) -> bool {
    matches!(
        operator,
        BinOp::AddAssign(_)
            | BinOp::SubAssign(_)
            | BinOp::MulAssign(_)
            | BinOp::DivAssign(_)
            | BinOp::RemAssign(_)
            | BinOp::BitXorAssign(_)
            | BinOp::BitAndAssign(_)
            | BinOp::BitOrAssign(_)
            | BinOp::ShlAssign(_)
            | BinOp::ShrAssign(_)
    )
}

/// The names that an import binds.
fn imported_names(tree: &syn::UseTree, parent: Option<&syn::Ident>, names: &mut BTreeSet<String>) {
    match tree {
        syn::UseTree::Path(path) => imported_names(&path.tree, Some(&path.ident), names),
        syn::UseTree::Name(name) if name.ident == "self" => names.extend(parent.map(ToString::to_string)),
        syn::UseTree::Name(name) => {
            names.insert(name.ident.to_string());
        }
        syn::UseTree::Rename(rename) => {
            names.insert(rename.rename.to_string());
        }
        syn::UseTree::Glob(_) => {}
        syn::UseTree::Group(group) => group.items.iter().for_each(|tree| imported_names(tree, parent, names)),
    }
}
