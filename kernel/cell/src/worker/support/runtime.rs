//! What evcxr puts into the source of every cell, and what shows a cell's value, so that a cell only calls it. Compiled with each cell, as evcxr has it, this took half of the compiler's time.

use std::any::Any;
use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;

pub const VARIABLE_CHANGED_TYPE: &str = "EVCXR_VARIABLE_CHANGED_TYPE:";
pub const USER_ERROR_OCCURRED: &str = "EVCXR_ERROR_OCCURRED";

/// The variables that cells keep, by name. What depends on a variable's type is compiled with the cell, so there is little of it.
#[derive(Default)]
pub struct VariableStore {
    variables: HashMap<String, Box<dyn Any>>,
}

impl VariableStore {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn put_variable<T: 'static>(&mut self, name: &str, value: T) {
        self.put(name, Box::new(value));
    }

    /// Whether the variable has this type, or is gone.
    pub fn check_variable<T: 'static>(&mut self, name: &str) -> bool {
        self.check(name, <dyn Any>::is::<T>)
    }

    pub fn take_variable<T: 'static>(&mut self, name: &str) -> T {
        match self.take(name).downcast() {
            Ok(value) => *value,
            Err(_) => changed(name),
        }
    }

    pub fn lazy_arc<T: 'static, F: FnOnce() -> T>(&mut self, name: &str, create: F) -> Arc<T> {
        if !self.variables.contains_key(name) {
            self.put(name, Box::new(Arc::new(create())));
        }
        match self.variables.get(name).and_then(|value| value.downcast_ref::<Arc<T>>()) {
            Some(value) => Arc::clone(value),
            None => changed(name),
        }
    }

    /// The variable, which stays where it is.
    pub fn kernwerk_look<T: 'static>(&self, name: &str) -> Option<&T> {
        self.variables.get(name)?.downcast_ref()
    }

    pub fn merge(&mut self, other: Self) {
        self.variables.extend(other.variables);
    }

    #[inline(never)]
    fn put(&mut self, name: &str, value: Box<dyn Any>) {
        self.variables.insert(name.to_owned(), value);
    }

    #[inline(never)]
    fn check(&mut self, name: &str, is_right: fn(&dyn Any) -> bool) -> bool {
        let right = self.variables.get(name).is_none_or(|value| is_right(&**value));
        if !right {
            println!("{VARIABLE_CHANGED_TYPE}{name}");
        }
        right
    }

    #[inline(never)]
    fn take(&mut self, name: &str) -> Box<dyn Any> {
        self.variables.remove(name).unwrap_or_else(|| panic!("Variable '{name}' has gone missing"))
    }
}

#[inline(never)]
fn changed(name: &str) -> ! {
    panic!("Variable '{name}' changed type")
}

#[inline(never)]
pub fn create_variable_store() -> *mut VariableStore {
    Box::into_raw(Box::new(VariableStore::new()))
}

/// Says that the value of the trailing expression comes next.
pub fn trailing<T: ?Sized>(value: &T) -> &T {
    announce();
    value
}

#[inline(never)]
fn announce() {
    println!("EVCXR_BEGIN_CONTENT application/x-kernwerk-trailing\nEVCXR_END_CONTENT");
}

/// Shows a trailing expression of any type in one compilation: the trait stands in for a missing `evcxr_display`. It is implemented for
/// references, one step further from the value than a method of the value's own type, so that the type's own comes first.
pub trait Debugged {
    fn evcxr_display(&self);
}

impl<T: Debug + ?Sized> Debugged for &T {
    fn evcxr_display(&self) {
        debug(self);
    }
}

#[inline(never)]
fn debug(value: &dyn Debug) {
    println!("EVCXR_BEGIN_CONTENT text/plain\n{value:?}\nEVCXR_END_CONTENT");
}
