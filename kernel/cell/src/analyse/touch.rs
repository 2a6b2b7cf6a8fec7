//! How a cell touches values of earlier cells: by which methods, whether it gives them away, and what it does to what it had from them.

use std::collections::BTreeSet;

use kernwerk_core::Touch;
use syn::visit::Visit;
use syn::{Block, Expr, ExprCall, ExprMethodCall, Stmt};

use super::known;
use super::macros::expressions;
use super::walk::Walk;

/// Methods whose values have no part in what they were called on.
const APART: &[&str] = &[
    "capacity",
    "contains",
    "contains_key",
    "count",
    "elapsed",
    "is_empty",
    "is_err",
    "is_none",
    "is_ok",
    "is_some",
    "len",
    "load",
    "parse",
    "sum",
    "to_lowercase",
    "to_string",
    "to_uppercase",
];
/// Methods of the standard library that keep what they are given, or look at it, and do not change it.
const KEEPING: &[&str] = &[
    "append",
    "chain",
    "cmp",
    "contains",
    "contains_key",
    "entry",
    "eq",
    "extend",
    "get",
    "get_or_insert",
    "insert",
    "join",
    "max",
    "min",
    "push",
    "push_back",
    "push_front",
    "push_str",
    "remove",
    "replace",
    "send",
    "set",
    "store",
    "unwrap_or",
    "zip",
];
/// Functions that make something of what they are given, or look at it, and do not change it: the last two parts of their paths.
const KEEPERS: &[&str] = &[
    "Some",
    "Ok",
    "Err",
    "Box::new",
    "Rc::new",
    "Arc::new",
    "Cell::new",
    "RefCell::new",
    "Mutex::new",
    "RwLock::new",
    "Rc::clone",
    "Arc::clone",
    "Rc::downgrade",
    "Arc::downgrade",
    "Rc::ptr_eq",
    "Arc::ptr_eq",
    "Rc::strong_count",
    "Arc::strong_count",
    "Rc::weak_count",
    "Arc::weak_count",
    "String::from",
    "Vec::from",
    "mem::size_of_val",
    "ptr::eq",
];

impl Walk {
    /// Records how the value of a place is touched, or, where the expression is none, what it may be a part of.
    pub(super) fn touch(&mut self, expression: &Expr, touch: &Touch) {
        match expression {
            Expr::Path(path) if path.qself.is_none() => {
                if let Some(first) = path.path.segments.first() {
                    self.touch_name(&first.ident.to_string(), touch);
                }
            }
            Expr::Field(field) => self.touch(&field.base, touch),
            Expr::Index(index) => self.touch(&index.expr, touch),
            Expr::Unary(unary) => self.touch(&unary.expr, touch),
            Expr::Paren(paren) => self.touch(&paren.expr, touch),
            Expr::Group(group) => self.touch(&group.expr, touch),
            Expr::Cast(cast) => self.touch(&cast.expr, touch),
            Expr::Reference(reference) => self.touch(&reference.expr, touch),
            Expr::Tuple(tuple) => tuple.elems.iter().for_each(|element| self.touch(element, touch)),
            Expr::Array(array) => array.elems.iter().for_each(|element| self.touch(element, touch)),
            other => {
                for root in self.roots(other) {
                    self.rust.through.entry(root).or_default().insert(touch.clone());
                }
            }
        }
    }

    /// Records how a name is touched: that of an earlier cell, or one that stands for what was had from some.
    pub(super) fn touch_name(&mut self, name: &str, touch: &Touch) {
        match self.scopes.roots(name) {
            Some(roots) => {
                for root in roots.clone() {
                    self.rust.through.entry(root).or_default().insert(touch.clone());
                }
            }
            None if known::is_always_there(name) => {}
            None => _ = self.rust.touches.entry(name.to_owned()).or_default().insert(touch.clone()),
        }
    }

    /// The names from earlier cells that the value of an expression may be a part of, or lead to.
    pub(super) fn roots(&self, expression: &Expr) -> BTreeSet<String> {
        match expression {
            Expr::Path(path) if path.qself.is_none() && path.path.segments.len() == 1 => {
                let name = path.path.segments[0].ident.to_string();
                match self.scopes.roots(&name) {
                    Some(roots) => roots.clone(),
                    None if known::is_always_there(&name) => BTreeSet::new(),
                    None => BTreeSet::from([name]),
                }
            }
            Expr::Field(field) => self.roots(&field.base),
            Expr::Index(index) => self.roots(&index.expr),
            Expr::Unary(unary) => self.roots(&unary.expr),
            Expr::Paren(paren) => self.roots(&paren.expr),
            Expr::Group(group) => self.roots(&group.expr),
            Expr::Cast(cast) => self.roots(&cast.expr),
            Expr::Reference(reference) => self.roots(&reference.expr),
            Expr::RawAddr(reference) => self.roots(&reference.expr),
            Expr::Try(tried) => self.roots(&tried.expr),
            Expr::Await(waited) => self.roots(&waited.base),
            Expr::MethodCall(call) if APART.contains(&call.method.to_string().as_str()) => BTreeSet::new(),
            Expr::MethodCall(call) => self.roots_of_all(call.args.iter().chain([&*call.receiver])),
            Expr::Call(call) => self.roots_of_all(&call.args),
            Expr::Tuple(tuple) => self.roots_of_all(&tuple.elems),
            Expr::Array(array) => self.roots_of_all(&array.elems),
            Expr::Struct(record) => {
                let fields = record.fields.iter().map(|field| &field.expr);
                self.roots_of_all(fields.chain(record.rest.as_deref()))
            }
            Expr::If(branch) => {
                let otherwise = branch.else_branch.iter().map(|(_, otherwise)| &**otherwise);
                self.roots_of_block(&branch.then_branch).into_iter().chain(self.roots_of_all(otherwise)).collect()
            }
            Expr::Match(choice) => {
                let arms = choice.arms.iter().map(|arm| &*arm.body);
                self.roots_of_all(arms.chain([&*choice.expr]))
            }
            Expr::Block(block) => self.roots_of_block(&block.block),
            Expr::Unsafe(block) => self.roots_of_block(&block.block),
            Expr::Macro(call) if call.mac.path.is_ident("vec") => {
                let elements = expressions(call.mac.tokens.clone()).unwrap_or_default();
                self.roots_of_all(&elements)
            }
            _ => BTreeSet::new(),
        }
    }

    fn roots_of_all<'a>(&self, expressions: impl IntoIterator<Item = &'a Expr>) -> BTreeSet<String> {
        expressions.into_iter().flat_map(|expression| self.roots(expression)).collect()
    }

    fn roots_of_block(&self, block: &Block) -> BTreeSet<String> {
        match block.stmts.last() {
            Some(Stmt::Expr(value, None)) => self.roots(value),
            _ => BTreeSet::new(),
        }
    }

    /// Walks the left side of an assignment.
    pub(super) fn write(&mut self, place: &Expr) {
        // A name of the cell's own gets another value by it; what had it from an earlier cell stays as it is there.
        let is_own = matches!(place, Expr::Path(path) if path.path.get_ident().is_some_and(|name| self.scopes.knows(&name.to_string())));
        if !is_own {
            self.touch(place, &Touch::Written);
        }
        self.change_place(place);
        self.visit_expr(place);
    }

    pub(super) fn method_call(&mut self, call: &ExprMethodCall) {
        let method = call.method.to_string();
        self.rust.calls.insert(method.clone());
        let only_reads = known::only_reads(&method);
        let touch = if only_reads { Touch::Reading(method.clone()) } else { Touch::Method(method.clone()) };
        self.touch(&call.receiver, &touch);
        if !only_reads {
            self.change_place(&call.receiver);
        }
        if !only_reads && !KEEPING.contains(&method.as_str()) {
            call.args.iter().for_each(|argument| self.touch(argument, &Touch::Given));
        }
        self.visit_expr(&call.receiver);
        call.turbofish.iter().for_each(|arguments| self.visit_angle_bracketed_generic_arguments(arguments));
        let given = self.roots_of_all(call.args.iter().chain([&*call.receiver]));
        self.visit_given(&call.args, given);
    }

    pub(super) fn call(&mut self, call: &ExprCall) {
        let is_keeper = match &*call.func {
            Expr::Path(path) => {
                let parts: Vec<String> = path.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
                let last = parts[parts.len().saturating_sub(2)..].join("::");
                KEEPERS.contains(&last.as_str())
            }
            _ => false,
        };
        self.touch(&call.func, &Touch::Called);
        if !is_keeper {
            call.args.iter().for_each(|argument| self.touch(argument, &Touch::Given));
        }
        self.visit_expr(&call.func);
        let given = self.roots_of_all(call.args.iter().chain([&*call.func]));
        self.visit_given(&call.args, given);
    }

    /// Walks arguments, whose closures are given what `given` may lead to.
    fn visit_given<'a>(&mut self, arguments: impl IntoIterator<Item = &'a Expr>, given: BTreeSet<String>) {
        let around = std::mem::replace(&mut self.given, given);
        arguments.into_iter().for_each(|argument| self.visit_expr(argument));
        self.given = around;
    }
}
