//! The beginning of the program: its arguments are values of its parameters, what it reads is what was published, and the cells find their files
//! where they name them.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::OnceLock;

/// Digests of what the program reads, and the directory of the cells.
const DIGESTS: &str = include_str!("../inputs/digests.txt");
const DIRECTORY: &str = include_str!("../inputs/directory.txt");

/// A value that an argument may set, as NAME=VALUE.
pub struct Parameter {
    pub name: &'static str,
    /// integer, float, boolean, date or text
    pub kind: &'static str,
    pub default: &'static str,
    /// The tables of the program were made with it.
    pub is_fixed: bool,
}

/// The parameters with their values.
static VALUES: OnceLock<Vec<(&'static str, String)>> = OnceLock::new();

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A table that a magic bound.
pub fn input(file: &str) -> PathBuf {
    root().join("inputs").join(file)
}

/// The value of a parameter.
pub fn text(name: &str) -> String {
    let values = VALUES.get().into_iter().flatten();
    let value = values.filter(|(known, _)| *known == name).map(|(_, value)| value.clone()).next();
    value.unwrap_or_else(|| stop(&format!("there is no parameter {name}")))
}

/// The value of a parameter that is a number or a truth value.
pub fn number<T: FromStr>(name: &str) -> T {
    text(name).parse().unwrap_or_else(|_| stop(&format!("{name} has no value of its type")))
}

/// Reads the arguments, checks what the program reads, and enters the directory of the cells.
pub fn start(title: &str, parameters: &[Parameter]) {
    let mut values: Vec<(&'static str, String)> =
        parameters.iter().map(|parameter| (parameter.name, parameter.default.to_owned())).collect();
    for word in std::env::args().skip(1) {
        if word == "--help" || word == "-h" {
            help(title, parameters);
        }
        let (name, value) = word.split_once('=').unwrap_or((&word, ""));
        let known = parameters.iter().zip(&mut values).find(|(parameter, _)| parameter.name == name);
        let Some((parameter, (_, place))) = known.filter(|_| word.contains('=')) else {
            stop(&format!("`{word}` gives no parameter a value; --help lists them"));
        };
        if !is_of(parameter.kind, value) {
            stop(&format!("parameter `{name}` is of type {}, and `{value}` is none", parameter.kind));
        }
        if parameter.is_fixed && value != parameter.default {
            let default = parameter.default;
            stop(&format!("the tables of this program were made with {name}={default}: it cannot have another value here"));
        }
        *place = value.to_owned();
    }
    _ = VALUES.set(values);
    for line in DIGESTS.lines() {
        let Some((digest, file)) = line.split_once("  ") else { continue };
        match std::fs::read(root().join(file)) {
            Ok(bytes) if format!("{:016x}", fnv(&bytes)) == digest => {}
            Ok(_) => stop(&format!("{file} is not what the cells were published with")),
            Err(error) => stop(&format!("{file}: {error}")),
        }
    }
    let directory = root().join("lab").join(DIRECTORY.trim());
    if let Err(error) = std::fs::create_dir_all(&directory).and_then(|()| std::env::set_current_dir(&directory)) {
        stop(&format!("{}: {error}", directory.display()));
    }
}

fn help(title: &str, parameters: &[Parameter]) -> ! {
    println!("{title}\n");
    match parameters {
        [] => println!("It has no parameters."),
        _ => println!("Parameters, as arguments NAME=VALUE:"),
    }
    for Parameter { name, kind, default, is_fixed } in parameters {
        let words = if *is_fixed { ", part of its tables" } else { "" };
        println!("  {name}={default}  ({kind}{words})");
    }
    std::process::exit(0);
}

/// Whether a text is a value of a type of parameters.
fn is_of(kind: &str, text: &str) -> bool {
    match kind {
        "integer" => text.parse::<i64>().is_ok(),
        "float" => text.parse::<f64>().is_ok_and(f64::is_finite),
        "boolean" => text.parse::<bool>().is_ok(),
        "date" => is_date(text),
        _ => true,
    }
}

/// Whether a text is a day such as 2026-01-31.
fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts[..] else { return false };
    let number = |part: &str, digits: usize| {
        let is_number = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        if is_number { part.parse().ok() } else { None::<u32> }
    };
    let (Some(year), Some(month), Some(day)) = (number(year, 4), number(month, 2), number(day, 2)) else { return false };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

fn stop(message: &str) -> ! {
    eprintln!("error: {message}");
    std::process::exit(2);
}

/// The digest FNV-1a, 64 bits: against mistakes, not against people.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |digest, byte| (digest ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
