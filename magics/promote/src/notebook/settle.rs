//! Texts that cells show, without what a terminal would have overwritten and what tells how long something took.

use std::path::Path;

use kernwerk_core::Channel;

/// Magics of IPython that print how long something took.
const TIMERS: [&str; 6] = ["%%time", "%time", "%%timeit", "%timeit", "%%prun", "%prun"];

/// A text as it is compared where it is not the same byte by byte.
pub(super) struct Settled {
    pub text: String,
    /// Lines that tell times were taken out.
    pub had_times: bool,
}

/// The text that is left of what a cell with this source showed.
pub(super) fn settle(source: &str, channel: Channel, text: &str) -> Settled {
    let text = match channel {
        Channel::Stdout | Channel::Stderr => overwritten(text),
        Channel::Error => without_place(text),
        Channel::Display | Channel::Result => text.to_owned(),
    };
    if channel != Channel::Stdout || !has_timer(source) {
        return Settled { text, had_times: false };
    }
    let kept: String = text.split_inclusive('\n').filter(|line| !tells_time(line)).collect();
    Settled { had_times: kept.len() < text.len(), text: kept }
}

fn has_timer(source: &str) -> bool {
    source.lines().any(|line| {
        let code = line.trim_start();
        // As in `x = %time f()`.
        let after = code.split_once('=').map_or(code, |(_, after)| after.trim_start());
        [code, after].into_iter().filter_map(|code| code.split_whitespace().next()).any(|word| TIMERS.contains(&word))
    })
}

/// What `%time` and `%timeit` print.
fn tells_time(line: &str) -> bool {
    let line = line.trim_start();
    ["CPU times:", "Wall time:", "Compiler :", "Compiler time:", "Parser   :"]
        .iter()
        .any(|start| line.starts_with(start))
        || line.contains(" per loop (mean ")
        || line.starts_with("The slowest run took ")
}

/// What a terminal shows of a text that goes back in its line (`\r`, `\b`) and writes over it, as progress does.
fn overwritten(text: &str) -> String {
    if !text.contains(['\r', '\u{8}']) {
        return text.to_owned();
    }
    let lines = text.split('\n').map(|line| {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let (mut shown, mut column): (Vec<char>, usize) = (Vec::new(), 0);
        for character in line.chars() {
            match character {
                '\r' => column = 0,
                '\u{8}' => column = column.saturating_sub(1),
                other => {
                    if column < shown.len() {
                        shown[column] = other;
                    } else {
                        shown.push(other);
                    }
                    column += 1;
                }
            }
        }
        shown.into_iter().collect::<String>()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// An error's text without the name that Python gives to the cell it could not read, as in `(1234.py, line 3)`.
fn without_place(text: &str) -> String {
    let is_file = |name: &str| name.ends_with(".py") || name.starts_with('<');
    if let Some(open) = text.rfind('(')
        && let Some((name, line)) = text[open + 1..].split_once(", line ")
        && is_file(name)
    {
        return format!("{}(line {line}", &text[..open]);
    }
    text.to_owned()
}

/// A text of a run in a copy of a directory, as it would be there; whether that made a difference.
pub(super) fn at_home(text: &str, copy: &Path, home: &Path) -> (String, bool) {
    let (copy, home) = (copy.to_string_lossy(), home.to_string_lossy());
    let told = text.replace(copy.as_ref(), home.as_ref());
    let differs = told != text;
    (told, differs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(source: &str, channel: Channel, text: &str) -> String {
        settle(source, channel, text).text
    }

    #[test]
    fn a_terminal_shows_the_last_that_was_written() {
        for (text, shown) in [
            ("10 %\r20 %\rdone\n", "done\n"),
            ("abc\rx", "xbc"),
            ("ab\u{8}c\r\nd", "ac\nd"),
            ("\u{8}x", "x"),
            ("plain\ntext", "plain\ntext"),
        ] {
            assert_eq!(settled("", Channel::Stdout, text), shown);
        }
        assert_eq!(settled("", Channel::Result, "a\rb"), "a\rb");
    }

    #[test]
    fn times_are_taken_out_where_a_cell_asks_for_them() {
        let text = "CPU times: user 1 ms\nWall time: 2 ms\n42\n";
        assert_eq!(settled("%%time\nprint(42)", Channel::Stdout, text), "42\n");
        assert_eq!(settled("x = %time f()", Channel::Stdout, text), "42\n");
        assert_eq!(settled("print('Wall time: 2 ms')", Channel::Stdout, text), text);
        let loops = "1.2 ms ± 3 µs per loop (mean ± std. dev. of 7 runs)\n";
        assert!(settle("%timeit f()", Channel::Stdout, loops).had_times);
    }

    #[test]
    fn the_name_of_a_cell_that_cannot_be_read_means_nothing() {
        let here = settled("", Channel::Error, "SyntaxError: invalid syntax (12345.py, line 3)");
        assert_eq!(here, settled("", Channel::Error, "SyntaxError: invalid syntax (<ipython-input-1-ab>, line 3)"));
        assert_eq!(here, "SyntaxError: invalid syntax (line 3)");
        assert_eq!(settled("", Channel::Error, "E: f(x, line 3)"), "E: f(x, line 3)");
    }

    #[test]
    fn paths_of_the_copy_are_those_of_the_original() {
        let at_home = |text: &str| at_home(text, Path::new("/tmp/k/nb"), Path::new("/home/ada/nb"));
        assert_eq!(at_home("/tmp/k/nb/a.csv"), ("/home/ada/nb/a.csv".to_owned(), true));
        assert_eq!(at_home("/tmp/k"), ("/tmp/k".to_owned(), false));
    }
}
