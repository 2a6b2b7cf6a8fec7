//! Text without what changes from run to run and means nothing: colours, line endings, addresses, temporary paths.

/// The name of a run's scratch directory begins so, wherever it lies.
pub(crate) const SCRATCH_PREFIX: &str = "kernwerk-run-";

/// Where systems put temporary files.
const TEMPORARY: [&str; 4] = ["/tmp/", "/var/tmp/", "/private/tmp/", "/var/folders/"];
/// Hexadecimal numbers of other lengths are values rather than addresses, where no word says what they are.
const ADDRESS: std::ops::RangeInclusive<usize> = 9..=16;
/// Stands before an address, as in `<object at 0x7f31c2>`.
const AT: &str = "at ";
/// Begins the names that programs make up for temporary files and directories.
const MADE_UP: [&str; 4] = ["tmp", "ipykernel_", "tempfile", "."];

/// The text with colours taken out, line ends as `\n`, addresses as `0x…`, paths in a run's scratch directory as
/// `<run>/…`, and other temporary paths as `<temp>`.
pub(crate) fn canonical(text: &str) -> String {
    let plain = without_escapes(text).replace("\r\n", "\n").replace('\r', "\n");
    let mut out = String::with_capacity(plain.len());
    let mut rest = plain.as_str();
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let starts_word = !(before.is_alphanumeric() || "._-/".contains(before));
        let (written, length) = match first {
            '0' if starts_word => address(rest, out.ends_with(AT)),
            '/' if starts_word => path(rest),
            _ => None,
        }
        .unwrap_or_else(|| (rest[..first.len_utf8()].to_owned(), first.len_utf8()));
        out.push_str(&written);
        before = rest[..length].chars().next_back().unwrap_or(' ');
        rest = &rest[length..];
    }
    out
}

/// What stands for the address that begins `text`, and its length. `is_said`: the text before it says that it is one.
fn address(text: &str, is_said: bool) -> Option<(String, usize)> {
    let digits = text.strip_prefix("0x")?;
    let length = digits.bytes().take_while(u8::is_ascii_hexdigit).count();
    (ADDRESS.contains(&length) || (is_said && length > 0)).then(|| ("0x…".to_owned(), "0x".len() + length))
}

/// What stands for the temporary path that begins `text`, and its length.
fn path(text: &str) -> Option<(String, usize)> {
    let end = text.find(|c: char| c.is_whitespace() || c.is_control() || "\"'`<>|,;:()[]{}".contains(c));
    let token = &text[..end.unwrap_or(text.len())];
    if let Some(at) = token.find(&format!("/{SCRATCH_PREFIX}")) {
        let below = token[at + 1..].find('/').map_or("", |slash| &token[at + 1 + slash..]);
        return Some((format!("<run>{below}"), token.len()));
    }
    let below = TEMPORARY.iter().find_map(|prefix| token.strip_prefix(prefix))?;
    // What somebody gave a name has that name in every run; a directory of the system's making stands for what is made up below it.
    let is_made_up = MADE_UP.iter().any(|begin| below.starts_with(begin)) || token.starts_with("/var/folders/");
    is_made_up.then(|| ("<temp>".to_owned(), token.len()))
}

/// The text without the escape sequences of terminals (ECMA-48).
fn without_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        out.push_str(&rest[..at]);
        rest = after_escape(&rest[at + 1..]);
    }
    out.push_str(rest);
    out
}

fn after_escape(rest: &str) -> &str {
    if let Some(control) = rest.strip_prefix('[') {
        // Parameters and intermediates, then one final byte.
        let end = control.find(|c: char| ('\u{40}'..='\u{7e}').contains(&c));
        return end.map_or("", |end| &control[end + 1..]);
    }
    if let Some(command) = rest.strip_prefix(']') {
        // Up to BEL or to the string terminator ESC \.
        let end = command.find(['\u{7}', '\u{1b}']).unwrap_or(command.len());
        let after = &command[end..];
        return after.strip_prefix('\u{7}').or_else(|| after.strip_prefix("\u{1b}\\")).unwrap_or(after);
    }
    let mut characters = rest.chars();
    characters.next();
    characters.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_from_run_to_run_is_taken_out() {
        for (raw, expected) in [
            ("\u{1b}[1;31mred\u{1b}[0m\r\nblue\r", "red\nblue\n"),
            ("\u{1b}]8;;http://x\u{7}link\u{1b}]8;;\u{1b}\\", "link"),
            ("at 0x7f3a09c1d2e0, 0xff", "at 0x…, 0xff"),
            ("read \"/tmp/.tmpX1/a.csv\": no", "read \"<temp>\": no"),
            ("/home/u/p/.kernwerk/tmp/1/kernwerk-run-ab12/lab/x.rs:3:4", "<run>/lab/x.rs:3:4"),
            ("cd /x/kernwerk-run-9", "cd <run>"),
            ("a/tmp/b and /usr/tmp/c", "a/tmp/b and /usr/tmp/c"),
        ] {
            assert_eq!(canonical(raw), expected);
        }
    }
}
