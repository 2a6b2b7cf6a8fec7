//! Check digits: what tells a number that was issued from one that only looks like it.

/// How long an IBAN is in each country that has them (the SWIFT registry).
const IBAN_LENGTHS: &[(&str, usize)] = &[
    ("AD", 24),
    ("AE", 23),
    ("AL", 28),
    ("AT", 20),
    ("AZ", 28),
    ("BA", 20),
    ("BE", 16),
    ("BG", 22),
    ("BH", 22),
    ("BI", 27),
    ("BR", 29),
    ("BY", 28),
    ("CH", 21),
    ("CR", 22),
    ("CY", 28),
    ("CZ", 24),
    ("DE", 22),
    ("DJ", 27),
    ("DK", 18),
    ("DO", 28),
    ("EE", 20),
    ("EG", 29),
    ("ES", 24),
    ("FI", 18),
    ("FK", 18),
    ("FO", 18),
    ("FR", 27),
    ("GB", 22),
    ("GE", 22),
    ("GI", 23),
    ("GL", 18),
    ("GR", 27),
    ("GT", 28),
    ("HR", 21),
    ("HU", 28),
    ("IE", 22),
    ("IL", 23),
    ("IQ", 23),
    ("IS", 26),
    ("IT", 27),
    ("JO", 30),
    ("KW", 30),
    ("KZ", 20),
    ("LB", 28),
    ("LC", 32),
    ("LI", 21),
    ("LT", 20),
    ("LU", 20),
    ("LV", 21),
    ("LY", 25),
    ("MC", 27),
    ("MD", 24),
    ("ME", 22),
    ("MK", 19),
    ("MN", 20),
    ("MR", 27),
    ("MT", 31),
    ("MU", 30),
    ("NI", 28),
    ("NL", 18),
    ("NO", 15),
    ("OM", 23),
    ("PK", 24),
    ("PL", 28),
    ("PS", 29),
    ("PT", 25),
    ("QA", 29),
    ("RO", 24),
    ("RS", 22),
    ("RU", 33),
    ("SA", 24),
    ("SC", 31),
    ("SD", 18),
    ("SE", 24),
    ("SI", 19),
    ("SK", 24),
    ("SM", 27),
    ("SO", 23),
    ("ST", 25),
    ("SV", 28),
    ("TL", 23),
    ("TN", 24),
    ("TR", 26),
    ("UA", 29),
    ("VA", 22),
    ("VG", 24),
    ("XK", 20),
    ("YE", 30),
];

/// Whether the text is an IBAN (ISO 13616): the length of its country and the remainder of 97. Spaces do not count.
pub fn is_iban(text: &str) -> bool {
    let plain: Vec<u8> = text.bytes().filter(|byte| *byte != b' ').map(|byte| byte.to_ascii_uppercase()).collect();
    let country = plain.get(..2).and_then(|country| std::str::from_utf8(country).ok());
    let length =
        country.and_then(|country| IBAN_LENGTHS.iter().find(|(known, _)| *known == country)).map(|(_, length)| *length);
    if length != Some(plain.len()) || !plain[2..4].iter().all(u8::is_ascii_digit) {
        return false;
    }
    let mut remainder = 0u32;
    for byte in plain[4..].iter().chain(&plain[..4]) {
        remainder = match byte {
            b'0'..=b'9' => remainder * 10 + u32::from(byte - b'0'),
            b'A'..=b'Z' => remainder * 100 + u32::from(byte - b'A') + 10,
            _ => return false,
        } % 97;
    }
    remainder == 1
}

/// Whether the digits end with the check digit of Luhn (ISO/IEC 7812), that of payment cards.
pub fn is_luhn(digits: &str) -> bool {
    let mut sum = 0;
    for (place, byte) in digits.bytes().rev().enumerate() {
        if !byte.is_ascii_digit() {
            return false;
        }
        let digit = u32::from(byte - b'0');
        sum += match place % 2 {
            0 => digit,
            _ if digit > 4 => digit * 2 - 9,
            _ => digit * 2,
        };
    }
    digits.len() > 1 && sum % 10 == 0
}

/// Whether the eleven digits are a German tax number (`Steuer-Identifikationsnummer`): of the first ten digits one stands twice or
/// three times and no other more than once, three times not in a row; then the check digit of ISO 7064, modulus 11, 10.
pub fn is_german_tax_number(digits: &str) -> bool {
    let digits: Vec<u32> = digits.bytes().filter(u8::is_ascii_digit).map(|byte| u32::from(byte - b'0')).collect();
    let [first, ..] = digits[..] else { return false };
    if digits.len() != 11 || first == 0 {
        return false;
    }
    let count = |digit: u32| digits[..10].iter().filter(|other| **other == digit).count();
    let repeated: Vec<usize> = (0..10).map(count).filter(|count| *count > 1).collect();
    if !matches!(repeated[..], [2 | 3])
        || digits[..10].windows(3).any(|three| three[0] == three[1] && three[1] == three[2])
    {
        return false;
    }
    let mut product = 10;
    for digit in &digits[..10] {
        let sum = (digit + product) % 10;
        product = (if sum == 0 { 10 } else { sum }) * 2 % 11;
    }
    (11 - product) % 10 == digits[10]
}

/// Whether the text is the second line of a passport's machine-readable zone (ICAO 9303, TD3), with all of its check digits.
pub fn is_machine_readable_line(line: &str) -> bool {
    let line = line.as_bytes();
    let holds = |checked: &[u8], check: usize| {
        let weights = [7, 3, 1].into_iter().cycle();
        let sum: u32 = checked.iter().zip(weights).map(|(byte, weight)| value(*byte) * weight).sum();
        sum % 10 == value(line[check])
    };
    line.len() == 44
        && holds(&line[0..9], 9)
        && holds(&line[13..19], 19)
        && holds(&line[21..27], 27)
        && holds(&line[28..42], 42)
        && holds(&[&line[0..10], &line[13..20], &line[21..43]].concat(), 43)
}

/// What a character of the machine-readable zone counts.
fn value(byte: u8) -> u32 {
    match byte {
        b'0'..=b'9' => u32::from(byte - b'0'),
        b'A'..=b'Z' => u32::from(byte - b'A') + 10,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn published_specimens_hold() {
        assert!(
            is_iban("DE89 3704 0044 0532 0130 00")
                && is_iban("GB82WEST12345698765432")
                && is_iban("CH9300762011623852957")
        );
        assert!(
            !is_iban("DE89370400440532013001")
                && !is_iban("DE8937040044053201300")
                && !is_iban("ZZ89370400440532013000")
        );
        assert!(is_luhn("4539148803436467") && !is_luhn("4539148803436468") && !is_luhn("0") && !is_luhn("45x"));
        assert!(is_german_tax_number("86095742719") && is_german_tax_number("36574261809"));
        assert!(
            !is_german_tax_number("86095742718") && !is_german_tax_number("11111111111") && !is_german_tax_number("")
        );
        assert!(is_machine_readable_line("L898902C36UTO7408122F1204159ZE184226B<<<<<10"));
        assert!(!is_machine_readable_line("L898902C36UTO7408123F1204159ZE184226B<<<<<10"));
    }

    proptest! {
        #[test]
        fn one_other_digit_breaks_them(place in 4usize..22, digit in 0u8..10) {
            let text = "DE89370400440532013000";
            let mut changed = text.as_bytes().to_vec();
            changed[place] = b'0' + digit;
            let changed = String::from_utf8(changed).expect("digits");
            prop_assert_eq!(is_iban(&changed), changed == text);
        }

        #[test]
        fn exactly_one_check_digit_of_luhn_fits(digits in "[0-9]{8,18}") {
            let fitting = (0..10).filter(|check| is_luhn(&format!("{digits}{check}"))).count();
            prop_assert_eq!(fitting, 1);
        }

        #[test]
        fn nothing_panics(text in any::<String>()) {
            let _ = (is_iban(&text), is_luhn(&text), is_german_tax_number(&text), is_machine_readable_line(&text));
        }
    }
}
