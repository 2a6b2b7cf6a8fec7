//! The pools of threads that a prelude brings: known by their numbers, because a copy of the process can make them anew, and no others.

use std::ffi::c_void;

use super::library::Library;

/// The prelude's functions: to start its pools, to end what can begin again by itself, and to make the pools anew in a copy.
const BEGIN: &str = "kernwerk_begin_pools";
const END: &str = "kernwerk_end_runtime";
const RENEW: &str = "kernwerk_renew_pools";

/// What a prelude says of its pools; laid out as there.
#[repr(C)]
struct Census {
    threads: *const i32,
    thread_count: usize,
    descriptors: *const i32,
    descriptor_count: usize,
}

type Tell = extern "C" fn() -> Census;
type End = extern "C" fn();

/// The pools that there are.
#[derive(Clone, Default)]
pub(super) struct Pools {
    renew: Option<Tell>,
    end: Option<End>,
    /// Their threads, by the system's numbers.
    pub(super) threads: Vec<i32>,
    /// What they leave open for good.
    pub(super) descriptors: Vec<i32>,
}

impl Pools {
    /// Starts the pools of a prelude that comes with a library, unless that was done already. To be called before anything of it runs.
    pub(super) fn begin(&mut self, library: &Library) {
        if self.renew.is_none()
            && let (Some(begin), Some(renew)) = (tell(library, BEGIN), tell(library, RENEW))
        {
            self.renew = Some(renew);
            // SAFETY: the prelude defines it with this signature.
            self.end =
                library.symbol(END).ok().map(|symbol| unsafe { std::mem::transmute::<*mut c_void, End>(symbol) });
            self.count(begin);
        }
    }

    /// Ends what a copy could not make anew and what begins again by itself. To be called where [`super::inside::only_pools`].
    pub(super) fn end(&self) {
        if let Some(end) = self.end {
            end();
        }
    }

    /// Makes the pools anew in a copy of the process, which has none of their threads.
    pub(super) fn renew(&mut self) {
        if let Some(renew) = self.renew {
            self.count(renew);
        }
    }

    fn count(&mut self, tell: Tell) {
        let census = tell();
        // SAFETY: the prelude hands over its own lists, which stay as they are until it is called again.
        unsafe {
            self.threads = std::slice::from_raw_parts(census.threads, census.thread_count).to_vec();
            self.descriptors = std::slice::from_raw_parts(census.descriptors, census.descriptor_count).to_vec();
        }
    }
}

/// A function of a prelude, found by way of a cell that is linked with it.
fn tell(library: &Library, name: &str) -> Option<Tell> {
    let symbol = library.symbol(name).ok()?;
    // SAFETY: the prelude defines both with this signature.
    Some(unsafe { std::mem::transmute::<*mut c_void, Tell>(symbol) })
}
