//! What a variable of Rust holds, in the one form that promotion compares: its `{:#?}`, which the process of the cells writes.

use kernwerk_core::Problem;
use kernwerk_session::CanonicalValue;

use super::rust::Cells;

/// Longer texts are told by their length and a digest.
const LONGEST: usize = 1 << 20;
/// Types whose values are another in each process although they are equal to their users: pointers, functions, handles of the system.
const UNTOLD: [&str; 10] =
    ["*mut", "*const", "fn(", "dyn Fn", "File", "JoinHandle", "Instant", "TcpStream", "Child", "Thread"];

impl Cells {
    /// What the variable `name` holds now; none where there is no such variable, where its type has no `Debug` that says it, or where a cell runs.
    pub(super) fn value(&self, name: &str) -> Result<Option<CanonicalValue>, Problem> {
        let variables = self.variables()?;
        let Some(variable) = variables.iter().find(|variable| variable.name == name) else { return Ok(None) };
        if UNTOLD.iter().any(|word| variable.type_name.contains(word)) {
            return Ok(None);
        }
        let bundle = self.look(expression(name))?;
        let text = bundle.into_iter().flatten().find(|(mime, _)| mime == "text/plain");
        Ok(text.map(|(_, text)| CanonicalValue::of_bytes("txt", text.into_bytes())))
    }
}

/// Rust that shows the value of a variable. The order of hash maps is another in each process, so the entries of one whose keys and values
/// take a line each are sorted; a value that holds maps within others shows their order, and does not agree with another process.
fn expression(name: &str) -> String {
    format!(
        r#"{{
    struct KernwerkTold(std::string::String);
    impl std::fmt::Debug for KernwerkTold {{
        fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {{
            out.write_str(&self.0)
        }}
    }}
    let kernwerk_value = &{name};
    let kernwerk_type = std::any::type_name_of_val(kernwerk_value);
    let mut kernwerk_told = std::format!("{{kernwerk_value:#?}}");
    let kernwerk_is_hashed = |part: &str| part.contains("::HashMap<") || part.contains("::HashSet<");
    if kernwerk_is_hashed(kernwerk_type) {{
        let kernwerk_outer = kernwerk_type.split('<').next().unwrap_or_default();
        let kernwerk_is_flat = (kernwerk_outer.ends_with("::HashMap") || kernwerk_outer.ends_with("::HashSet"))
            && kernwerk_told.lines().skip(1).all(|line| line == "}}" || (line.starts_with("    ") && !line.starts_with("     ")))
            && !kernwerk_told.lines().any(|line| line.ends_with(['[', '(']));
        if kernwerk_is_flat {{
            let mut kernwerk_lines: std::vec::Vec<&str> = kernwerk_told.lines().collect();
            let kernwerk_last = kernwerk_lines.len().saturating_sub(1);
            if let Some(kernwerk_entries) = kernwerk_lines.get_mut(1..kernwerk_last) {{
                kernwerk_entries.sort_unstable();
            }}
            kernwerk_told = kernwerk_lines.join("\n");
        }}
    }}
    if kernwerk_told.len() > {LONGEST} {{
        let kernwerk_digest = kernwerk_told.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |digest, byte| {{
            (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        }});
        kernwerk_told = std::format!("{{}} bytes, FNV-1a {{kernwerk_digest:016x}}", kernwerk_told.len());
    }}
    KernwerkTold(kernwerk_told)
}}"#
    )
}
