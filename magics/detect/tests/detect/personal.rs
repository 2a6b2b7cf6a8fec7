//! Personal data: what is found, and numbers and names that only look like it.

use kernwerk_detect::{personal, personal_in_column};
use proptest::prelude::*;

fn found(text: &str) -> Vec<(&'static str, &str)> {
    personal(text).iter().map(|hit| (hit.kind, hit.text(text))).collect()
}

#[test]
fn each_kind_is_found() {
    for (kind, text) in [
        ("e-mail address", "ada.lovelace@analytical.engine.org"),
        ("phone number", "+49 30 1234567"),
        ("phone number", "+1 (212) 736-5000"),
        ("phone number", "(212) 736-5000"),
        ("IBAN", "DE89 3704 0044 0532 0130 00"),
        ("IBAN", "GB82WEST12345698765432"),
        ("payment card", "4539 1488 0343 6467"),
        ("payment card", "371449635398431"),
        ("US social security number", "536-22-8145"),
        ("German tax number", "86 095 742 719"),
        ("IP address", "93.184.216.34"),
        ("passport", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"),
    ] {
        for place in ["@", "let it = \"@\";", "<td>@</td>", "a\n@\nb", "it is @."] {
            let whole = place.replace('@', text);
            assert_eq!(found(&whole), [(kind, text)], "in {whole}");
        }
    }
}

#[test]
fn what_only_looks_like_it_is_none() {
    for text in [
        "user@example.com",
        "git@github.com:a/b.git",
        "logo@2x.png",
        "@feature sql",
        "1.2.3.4",
        "version 93.184.216.34",
        "127.0.0.1",
        "192.168.178.20",
        "203.0.113.9",
        "==10.20.30.400",
        "4539 1488 0343 6468",
        "4242 4242 4242 4242",
        "0.4539148803436467",
        "x14539148803436467",
        "2026-03-01",
        "536-22-81455",
        "000-22-8145",
        "DE89370400440532013001",
        "+1.23456789012",
        "a+4930123456",
        "555-0123",
        "(212) 555-0123",
        "123-456-7890",
        "ride,1,2026-03-01T08:00:00Z,12.5",
        "86095742718",
        "030 1234567",
        "postgres://ada:word@db.host",
        "1234567890123",
        "[1, 2, 3, 4]",
    ] {
        assert_eq!(found(text), vec![], "in {text}");
    }
}

proptest! {
    #[test]
    fn nothing_panics(text in any::<String>(), name in any::<String>()) {
        let _ = (personal(&text), personal_in_column(&name, [text.as_str()]));
    }

    #[test]
    fn text_of_numbers_does_not_panic(text in "[-+0-9 ().@/:a-c]{0,60}") {
        let _ = personal(&text);
    }

    #[test]
    fn numbers_of_a_table_are_none(numbers in prop::collection::vec(any::<f64>(), 1..8), counts in prop::collection::vec(0u32..1_000_000, 1..8)) {
        let row: Vec<String> = numbers.iter().map(f64::to_string).chain(counts.iter().map(u32::to_string)).collect();
        for separator in [",", " "] {
            let text = row.join(separator);
            prop_assert_eq!(found(&text), vec![], "in {}", text);
        }
    }
}
