//! How much a cell is to be optimised. Code that runs once is not worth it; code that runs a million times is.

/// Words that begin a loop, or with which one is written as a chain of calls.
const LOOPS: &[&str] =
    &["while", "loop", "iter", "iter_mut", "into_iter", "par_iter", "chars", "bytes", "lines", "sort", "sort_by"];
/// What stands in front of a closure that takes something.
const BEFORE_CLOSURE: &[&str] = &["(|", ", |", "= |", "move |", "{ |"];

/// Whether some code of a cell, or of the functions that it may call, may run many times.
pub(super) fn repeats(source: &str) -> bool {
    BEFORE_CLOSURE.iter().any(|start| takes_something(source, start)) || statements(source).any(has_loop)
}

/// Whether `start` stands before a closure; one without parameters is most probably called once, as evcxr's own are.
fn takes_something(source: &str, start: &str) -> bool {
    source.match_indices(start).any(|(at, _)| !source[at + start.len()..].starts_with(['|', '=']))
}

/// Pieces of source in which one `impl … for …` or one `for … in …` stands.
fn statements(source: &str) -> impl Iterator<Item = &str> {
    source.split(['{', '}', ';'])
}

fn has_loop(statement: &str) -> bool {
    let words = || statement.split(|character: char| !(character.is_alphanumeric() || character == '_'));
    let has = |wanted: &str| words().any(|word| word == wanted);
    words().any(|word| LOOPS.contains(&word)) || (has("for") && has("in") && !has("impl"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_once_does_not_repeat() {
        for source in [
            "let x = 1;",
            "x + 1",
            "impl<T: Display> From<T> for Error { fn from(error: T) -> Self { Self {} } }",
            "match catch_unwind(AssertUnwindSafe(||{ let _ = (|| -> Result<(), E> { f(); Ok(()) })(); })) {}",
            "rides.lazy().filter(col(\"fare\").gt(lit(3))).group_by([col(\"zone\")]).agg([col(\"fare\").mean()]).collect()?",
            "let flags = a | b; let both = (a || b);",
        ] {
            assert!(!repeats(source), "{source}");
        }
    }

    #[test]
    fn loops_and_what_stands_for_them_repeat() {
        for source in [
            "for i in 0..10 { sum += i; }",
            "let mut n = 0; while n < 10 { n += 1 }",
            "fn deep() { loop { break } }",
            "v.iter().sum::<f64>()",
            "(0..10).map(|i| i * i).sum::<i32>()",
            "let square = |x: f64| x * x;",
            "std::thread::spawn(move |x| x)",
        ] {
            assert!(repeats(source), "{source}");
        }
    }
}
