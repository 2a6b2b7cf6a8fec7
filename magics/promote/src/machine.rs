//! The machine that a run was on, as far as it may decide the last digits of a result.

use serde::{Deserialize, Serialize};

/// Where a run was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Such as `linux`.
    pub system: String,
    /// The architecture and those of its extensions by which numerical libraries choose their routines, such as
    /// `x86_64 avx2 fma`.
    pub instruction_set: String,
}

impl Machine {
    /// This one.
    pub(crate) fn here() -> Self {
        let words: Vec<&str> = std::iter::once(std::env::consts::ARCH).chain(extensions()).collect();
        Self { system: std::env::consts::OS.to_owned(), instruction_set: words.join(" ") }
    }

    /// What is otherwise than on this machine, in words.
    pub(crate) fn changed(&self, now: &Self) -> Vec<String> {
        let pairs = [
            ("the system", &self.system, &now.system),
            ("the instruction set", &self.instruction_set, &now.instruction_set),
        ];
        let changed = pairs.into_iter().filter(|(_, then, now)| then != now && !then.is_empty());
        changed.map(|(what, then, now)| format!("{what} is {now} here, published on {then}")).collect()
    }
}

#[cfg(target_arch = "x86_64")]
fn extensions() -> Vec<&'static str> {
    let found = [
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("fma", std::arch::is_x86_feature_detected!("fma")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
        ("avx512vnni", std::arch::is_x86_feature_detected!("avx512vnni")),
    ];
    found.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name).collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn extensions() -> Vec<&'static str> {
    Vec::new()
}
