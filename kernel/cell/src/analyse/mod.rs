//! Which names a Rust cell makes, uses and may change, found by reading its text: the ground on which promotion slices notebooks.

mod items;
mod known;
mod macros;
mod magics;
mod scope;
mod statics;
mod touch;
mod walk;

use kernwerk_core::Names;
use syn::visit::Visit;

pub use self::magics::magics_in;
pub use self::statics::changing_statics;
use self::walk::Walk;
use crate::text::header;

/// Reads a cell's Rust. Names that the standard library brings into every cell are not among those used. A method call on a name counts as a
/// change of it unless the method is known to take `&self`. Text that is no Rust is a barrier.
pub fn analyse(code: &str) -> Names {
    let mut names = Names::default();
    let Ok(header) = header(code, 0) else {
        names.barrier = true;
        return names;
    };
    for dependency in &header.dependencies {
        let name = dependency.crate_name();
        // These bring each other along.
        match name.as_str() {
            "polars" => names.defines.extend(["polars", "plotters", "kernwerk"].map(str::to_owned)),
            "plotters" => names.defines.extend(["plotters", "kernwerk"].map(str::to_owned)),
            _ => {}
        }
        names.defines.insert(name);
    }
    let body = header.body(code);
    match syn::parse_str::<syn::Block>(&format!("{{{body}\n}}")) {
        Ok(block) => {
            let mut walk = Walk::new(names);
            walk.cell(&block);
            walk.into_names()
        }
        Err(_) => {
            names.barrier = true;
            names
        }
    }
}

impl Walk {
    fn cell(&mut self, block: &syn::Block) {
        self.hoist(&block.stmts, true);
        for statement in &block.stmts {
            self.assigned_whole(statement);
            self.visit_stmt(statement);
        }
    }

    /// Records a name from an earlier cell that the statement gives another value, of which nothing was read before.
    fn assigned_whole(&mut self, statement: &syn::Stmt) {
        if let syn::Stmt::Expr(syn::Expr::Assign(assign), Some(_)) = statement
            && let syn::Expr::Path(place) = &*assign.left
            && let Some(name) = place.path.get_ident().map(ToString::to_string)
            && !self.scopes.knows(&name)
        {
            self.visit_expr(&assign.right);
            if !self.names.uses.contains(&name) {
                self.rust.assigns.insert(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use kernwerk_core::{Receiver, RustNames, Touch};

    use super::*;

    /// Asserts what a cell defines, uses and may change, each as words.
    #[track_caller]
    fn check(code: &str, defines: &str, uses: &str, mutates: &str) {
        let names = analyse(code);
        let words = |names: &std::collections::BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(" ");
        assert!(!names.barrier, "{code} could not be read");
        assert_eq!(
            (words(&names.defines).as_str(), words(&names.uses).as_str(), words(&names.mutates).as_str()),
            (defines, uses, mutates),
            "{code}"
        );
    }

    #[test]
    fn variables() {
        check("let x = 1;", "x", "", "");
        check("let y = x + 1;", "y", "x", "");
        check("let x = x + 1;", "x", "x", "");
        check("let (a, Some(b)) = pair else { panic!() };", "a b", "pair", "");
        check("let Point { x, y: why, .. } = point;", "why x", "Point point", "");
        check("let x = 1; let y = x; y", "x y", "", "");
        check("{ let inside = outside; }", "", "outside", "");
        check("x", "", "x", "");
        check("let f = |a: i32, (b, c): (i32, i32)| a + b + c + d;", "f", "d", "");
        check("let _ = x;", "", "x", "");
    }

    #[test]
    fn changes() {
        check("x = 1;", "", "x", "x");
        check("x += y;", "", "x y", "x");
        check("x.field = y;", "", "x y", "x");
        check("x[i] = 1;", "", "i x", "x");
        check("*x = 1;", "", "x", "x");
        check("f(&mut x, &y);", "", "f x y", "x");
        check("x.push(1);", "", "x", "x");
        check("x.inner.list[0].push(1);", "", "x", "x");
        check("for a in &mut x { *a += 1; }", "", "x", "x");
        check("for a in x.iter_mut() { *a += 1; }", "", "x", "x");
        check("let mut x = vec![1]; x.push(2);", "x", "", "");
        check("write!(text, \"{x}\").unwrap();", "", "text x", "text");
        check("(a, b.c) = (1, 2);", "", "a b", "a b");
    }

    #[test]
    fn methods_that_only_read() {
        check("x.len()", "", "x", "");
        check("let y = frame.clone().lazy().filter(col(\"a\").gt(lit(1))).collect()?;", "y", "col frame lit", "");
        check(
            "by_zone.column(\"zone\")?.str()?.into_no_null_iter().map(String::from).collect::<Vec<_>>()",
            "",
            "by_zone",
            "",
        );
        check("x.do_something_new()", "", "x", "x");
    }

    #[test]
    fn scopes() {
        check("for i in 0..n { println!(\"{}\", i); }", "", "n", "");
        check("match x { Some(y) if y > z => y, None => w, _ => 0 }", "", "w x z", "");
        check("if let Some(y) = x && y > 1 { y } else { z }", "", "x z", "");
        check("while let Some(y) = stack.pop() { seen.push(y); }", "", "seen stack", "seen stack");
        check("let r = { let t = a; t + b };", "r", "a b", "");
        check("let y = { fn helper() -> i32 { 1 } helper() };", "y", "", "");
        check("let x = if c { let q = 1; q } else { q };", "x", "c q", "");
        check("loop { let x = 1; break; } x", "", "x", "");
    }

    #[test]
    fn items() {
        check("fn f<T: Display>(x: &T) -> Kind { g(x) }", "f", "Display Kind g", "");
        check("struct A { b: B, c: Vec<C> }\nimpl A { fn new() -> Self { Self::make(d()) } }", "A", "B C d", "");
        check("const N: usize = 3; static M: [u8; N] = [0; N];", "M N", "", "");
        check("enum E { A(X), B } type T = Option<E>; trait R { fn r(&self) -> Q; }", "E R T", "Q X", "");
        check("fn a() { b() } fn b() { a() }", "a b", "", "");
        check("mod m { pub fn f() {} } m::f();", "m", "", "");
        check("macro_rules! twice { ($x:expr) => { $x + $x } } twice!(y)", "twice", "y", "");
        check("fn main() { println!(\"hi\"); }", "main", "", "");
        check("#[derive(Debug, Serialize)] struct S;", "S", "Serialize", "");
        check("fn f<const N: usize>(a: [u8; N]) -> impl Iterator<Item = u8> + 'static { a.into_iter() }", "f", "", "");
    }

    #[test]
    fn an_implementation_changes_what_it_is_for() {
        check("impl Area for Square { fn area(&self) -> f64 { self.side } }", "", "Area Square", "Square");
        check("struct Mine; impl Area for Mine {}", "Mine", "Area", "");
        check("impl Area for f64 {}", "", "Area", "Area");
        check(
            "impl Display for Square { fn fmt(&self, f: &mut Formatter) -> Result<(), Error> { Ok(()) } }",
            "",
            "Display Error Formatter Square",
            "Square",
        );
    }

    #[test]
    fn imports() {
        check("use std::collections::HashMap;", "HashMap", "", "");
        check("use rand::{Rng, rngs::StdRng as Random};", "Random Rng", "rand", "");
        check("use std::fmt::{self, Write};", "Write fmt", "", "");
        check("extern crate serde as s;", "s", "serde", "");
        let names = analyse("use polars::prelude::*;");
        assert!(names.defines_any && names.defines.is_empty());
        assert_eq!(names.uses.iter().map(String::as_str).collect::<Vec<_>>(), ["polars"]);
        assert!(analyse("use std::fmt::Write as _;").defines_any);
        assert!(!analyse("mod m { use super::*; }").defines_any, "what a module imports stays in it");
    }

    #[test]
    fn what_is_bound_by_ref_mut_changes() {
        check("match pair { (ref mut first, _) => *first += 1 }", "", "pair", "pair");
        check("let (_, ref mut list) = pair;", "list", "pair", "pair");
        check("if let Some(ref mut inner) = held { inner.push(1); }", "", "held", "held");
        check("match pair { (ref first, _) => *first + 1 }", "", "pair", "");
    }

    #[test]
    fn what_a_macro_names_is_needed() {
        check("macro_rules! twice { ($x:expr) => { helper($x) + helper($x) }; }", "twice", "helper", "");
        check(
            "macro_rules! told { ($($x:ident),*) => { println!(\"{prefix}\"); $($x += offset;)* } }",
            "told",
            "offset prefix println",
            "",
        );
    }

    #[test]
    fn macros() {
        check("println!(\"{x} {y:?} {} {0} {{no}} {:width$} {z:>wide$}\", a.b);", "", "a wide width x y z", "");
        check("format!(\"{:?}\", list.iter().map(|i| i + k).collect::<Vec<_>>())", "", "k list", "");
        check("let v = vec![x; n];", "v", "n x", "");
        check("let v = vec![a, b.c(), 3];", "v", "a b", "b");
        check("assert_eq!(left, right, \"{why}\");", "", "left right why", "");
        check("matches!(x, Some(Kind::A) | None)", "", "Kind x", "");
        check("let f = df![\"a\" => [1, 2], \"b\" => values]?;", "f", "df values", "");
        check("println!(\"plain\");", "", "", "");
        check("println!(\"{}\", { let t = q; t });", "", "q", "");
    }

    #[test]
    fn dependencies() {
        check(":dep polars\nlet x = 1;", "kernwerk plotters polars x", "", "");
        check(":dep serde-json = \"1\"\n", "serde_json", "", "");
        check("kernwerk::show!(x);", "", "kernwerk x", "");
        check("::std::mem::drop(x);", "", "x", "");
    }

    #[test]
    fn paths() {
        check("Color::Red", "", "Color", "");
        check("std::mem::swap(&mut a, &mut b);", "", "a b", "a b");
        check("Vec::<Thing>::new()", "", "Thing", "");
        check("let x: Option<Box<dyn Shape>> = None;", "x", "Shape", "");
        check("Point { x, y: 1, ..rest }", "", "Point rest x", "");
        check("x as Meters", "", "Meters x", "");
    }

    /// How a cell touches a name, and what it had from it.
    fn touched(code: &str, name: &str) -> String {
        let rust = analyse(code).rust.expect("the cell can be read");
        let words = |touches: Option<&std::collections::BTreeSet<Touch>>| {
            let told = touches.into_iter().flatten().filter(|touch| **touch != Touch::Read).map(|touch| match touch {
                Touch::Reading(method) => format!("{method}()"),
                Touch::Method(method) => format!("{method}!"),
                other => format!("{other:?}").to_lowercase(),
            });
            told.collect::<Vec<_>>().join(" ")
        };
        let (direct, through) = (words(rust.touches.get(name)), words(rust.through.get(name)));
        if through.is_empty() { direct } else { format!("{direct} > {through}") }
    }

    #[test]
    fn touches() {
        for (code, expected) in [
            ("let y = x + 1;", ""),
            ("x = 1;", "written"),
            ("*x += 1;", "written"),
            ("unsafe { *(x as *mut i32) = 7 };", "written"),
            ("x();", "called"),
            ("f(&x);", "given"),
            ("let y = Rc::clone(&x);", ""),
            ("bump!(x);", "written"),
            ("bump!(x by 2);", "written given"),
            ("show!(x);", "given"),
            ("println!(\"{x} {}\", x.len());", "shown len()"),
            ("x.borrow_mut().push(2);", "borrow_mut! > push!"),
            ("println!(\"{:?}\", x.borrow());", "borrow() > shown"),
            ("let mut guard = x.lock().unwrap(); guard.push(1);", "lock! > unwrap() push!"),
            ("for one in &x { one.set(1); }", "into_iter() > set!"),
            ("x.iter().for_each(|one| one.set(1));", "iter() > for_each! set!"),
            ("if let Some(one) = x.first() { one.set(1); }", "first() > set!"),
            ("let n = x.len(); let mut m = n; m += 1;", "len()"),
            ("PIECES.with(|pieces| pieces.push(x.get()));", "get()"),
            ("let all = vec![x.clone()]; all[0].set(1);", "clone() > set!"),
        ] {
            assert_eq!(touched(code, "x"), expected, "{code}");
        }
    }

    #[test]
    fn values_that_are_replaced_as_a_whole() {
        let assigned =
            |code: &str| analyse(code).rust.expect("the cell can be read").assigns.into_iter().collect::<Vec<_>>();
        assert_eq!(assigned("x = 5; println!(\"{x}\");"), ["x"]);
        for code in ["x = x + 1;", "y = x; x = 1; y", "if c { x = 5; }", "x += 1;", "x[0] = 1;", "let x = 1; x = 2;"] {
            assert!(!assigned(code).contains(&"x".to_owned()), "{code}");
        }
    }

    #[test]
    fn items_say_what_they_have() {
        let rust = analyse(
            "use std::{fmt::Write as _, rc::Rc};\ntrait Area: Debug { fn area(&self) -> f64; fn none() {} }\n\
             struct Held<T>(Rc<T>, Vec<u8>);\nimpl<T> Area for Held<T> { fn area(&self) -> f64 { self.1.sum() } }\n\
             impl Held<u8> { const N: u8 = 1; fn put(&mut self) {} fn take(self) {} fn own(self: Box<Self>) {} }",
        )
        .rust
        .expect("the cell can be read");
        assert_eq!(rust.imports, ["std::fmt::Write", "std::rc::Rc"].map(str::to_owned).into());
        assert_eq!(rust.bounds, ["Debug".to_owned()].into());
        assert_eq!(rust.structures["Held"], "Rc < > , Vec < u8 >");
        let area = &rust.traits["Area"];
        assert_eq!((area["area"], area["none"]), (Receiver::Shared, Receiver::None));
        let [first, second] = &rust.implementations[..] else { panic!("{rust:?}") };
        assert_eq!((first.subject.as_deref(), first.of.as_deref()), (Some("Held"), Some("Area")));
        let functions = ["N", "put", "take", "own"].map(|name| second.functions[name]);
        assert_eq!(functions, [Receiver::None, Receiver::Mutable, Receiver::Value, Receiver::Mutable]);
        assert!(rust.calls.contains("sum") && !rust.calls_any);
        assert!(analyse("own!(x)").rust.is_some_and(|rust| rust.calls_any));
    }

    #[test]
    fn what_cannot_be_read_is_a_barrier() {
        for code in ["let x = ;", "cat file", ":quit", "%magic"] {
            assert!(analyse(code).barrier, "{code}");
        }
        let nothing = Names { rust: Some(RustNames::default()), ..Names::default() };
        assert_eq!(analyse(""), nothing);
        assert_eq!(analyse("// nothing"), nothing);
    }
}
