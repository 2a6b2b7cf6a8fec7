//! Personal data in text: addresses and numbers by which a person is known, told from other numbers by their forms and check digits.

use std::net::Ipv4Addr;
use std::sync::LazyLock;

use regex::Regex;

use crate::check::{is_german_tax_number, is_iban, is_luhn, is_machine_readable_line};
use crate::{Hit, settle};

/// A form of personal data. `accepts` sees what was found, and the text before it on its line.
struct Form {
    kind: &'static str,
    pattern: &'static str,
    accepts: fn(found: &str, before: &str) -> bool,
    /// Whether it may stand right next to letters, digits or points; a number in the middle of a longer one is none.
    is_inside: bool,
}

const fn form(kind: &'static str, pattern: &'static str, accepts: fn(&str, &str) -> bool) -> Form {
    Form { kind, pattern, accepts, is_inside: false }
}

const PHONE: &str = "phone number";

const FORMS: &[Form] = &[
    Form {
        kind: "e-mail address",
        pattern: r"[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}",
        accepts: is_email,
        is_inside: true,
    },
    form("IBAN", r"[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?", |found, _| is_iban(found)),
    form(
        "passport",
        r"[A-Z0-9<]{9}[0-9][A-Z<]{3}[0-9]{6}[0-9][MFX<][0-9]{6}[0-9][A-Z0-9<]{14}[0-9<][0-9]",
        |found, _| is_machine_readable_line(found),
    ),
    form(
        "payment card",
        r"[2-6][0-9]{3}(?:[ -]?[0-9]{4}){3}|3[47][0-9]{2}[ -]?[0-9]{6}[ -]?[0-9]{5}|3[0689][0-9]{2}[ -]?[0-9]{6}[ -]?[0-9]{4}",
        is_card,
    ),
    form("US social security number", r"[0-8][0-9]{2}-[0-9]{2}-[0-9]{4}", is_social_security),
    form("German tax number", r"[1-9][0-9]{10}|[1-9][0-9](?: [0-9]{3}){3}", |found, _| is_german_tax_number(found)),
    form(
        PHONE,
        r"\+[1-9][0-9]{0,2}[ ./-]?(?:\(0?[0-9]{1,5}\)[ ./-]?)?[0-9]{1,12}(?:[ ./-][0-9]{1,8}){0,5}",
        is_international,
    ),
    form(PHONE, r"\(?[2-9][0-9]{2}\)?[ .-][2-9][0-9]{2}[ .-][0-9]{4}", is_american),
    form(PHONE, r"\(?0[1-9][0-9]{1,4}\)?[ /-]{1,3}[0-9]{3,}(?:[ -][0-9]{1,})*", is_national),
    form("IP address", r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}", is_public_address),
];

static COMPILED: LazyLock<Vec<(&Form, Regex)>> = LazyLock::new(|| {
    let compile =
        |form: &'static Form| (form, Regex::new(form.pattern).expect("the patterns are constants, and tested"));
    FORMS.iter().map(compile).collect()
});

/// Domains of examples (RFC 2606), and ends of file names that look like domains.
const NO_DOMAINS: &[&str] = &[
    "example",
    "test",
    "invalid",
    "localhost",
    "local",
    "internal",
    "png",
    "jpg",
    "jpeg",
    "gif",
    "svg",
    "webp",
    "css",
    "js",
    "json",
    "html",
];
const EXAMPLE_DOMAINS: &[&str] = &["example.com", "example.org", "example.net", "example.edu"];
/// Before an `@` these are no person.
const NO_PEOPLE: &[&str] = &["git", "noreply", "no-reply", "donotreply"];
/// Numbers that card companies publish for tests.
const TEST_CARDS: &[&str] = &[
    "4242424242424242",
    "4111111111111111",
    "5555555555554444",
    "378282246310005",
    "4012888888881881",
    "6011111111111117",
];
const PHONE_WORDS: &[&str] = &["phone", "tel", "mobil", "fon", "fax", "call", "handy", "cell", "whatsapp"];
const VERSION_WORDS: &[&str] =
    &["version", "release", "build", "driver", "firmware", "==", ">=", "<=", "~=", " v", "rev"];
/// How far before a number a word that says what it is may stand, in bytes.
const REACH: usize = 24;
/// Calling codes that are assigned (ITU-T E.164), by their first digits.
const CALLING_CODES: &[&str] = &[
    "1", "20", "211", "212", "213", "216", "218", "22", "23", "24", "25", "260", "261", "262", "263", "264", "265",
    "266", "267", "268", "269", "27", "290", "291", "297", "298", "299", "30", "31", "32", "33", "34", "350", "351",
    "352", "353", "354", "355", "356", "357", "358", "359", "36", "370", "371", "372", "373", "374", "375", "376",
    "377", "378", "379", "380", "381", "382", "383", "385", "386", "387", "389", "39", "40", "41", "420", "421", "423",
    "43", "44", "45", "46", "47", "48", "49", "500", "501", "502", "503", "504", "505", "506", "507", "508", "509",
    "51", "52", "53", "54", "55", "56", "57", "58", "590", "591", "592", "593", "594", "595", "596", "597", "598",
    "599", "60", "61", "62", "63", "64", "65", "66", "670", "672", "673", "674", "675", "676", "677", "678", "679",
    "680", "681", "682", "683", "685", "686", "687", "688", "689", "690", "691", "692", "7", "800", "808", "81", "82",
    "84", "850", "852", "853", "855", "856", "86", "870", "878", "880", "881", "882", "883", "886", "888", "90", "91",
    "92", "93", "94", "95", "960", "961", "962", "963", "964", "965", "966", "967", "968", "970", "971", "972", "973",
    "974", "975", "976", "977", "979", "98", "992", "993", "994", "995", "996", "998",
];

/// The personal data in `text`, by their places.
pub fn personal(text: &str) -> Vec<Hit> {
    find(text, "")
}

/// The same where `heading` stands before each line, such as the name of a column before its values.
pub(crate) fn find(text: &str, heading: &str) -> Vec<Hit> {
    let mut found = Vec::new();
    for (form, pattern) in COMPILED.iter() {
        for place in pattern.find_iter(text) {
            let line = text[..place.start()].rfind('\n').map_or(0, |end| end + 1);
            let before = &text[line..place.start()];
            let before =
                before.get(before.ceil_char_boundary(before.len().saturating_sub(REACH))..).unwrap_or_default();
            let before = format!("{heading} {before}");
            let stands_alone =
                form.is_inside || (ends_apart(&text[..place.start()]) && begins_apart(&text[place.end()..]));
            if stands_alone && (form.accepts)(place.as_str(), &before) {
                found.push(Hit { kind: form.kind, start: place.start(), end: place.end() });
            }
        }
    }
    settle(found)
}

/// Whether a number may begin behind this text: not inside of a word, of another number or of a fraction.
fn ends_apart(before: &str) -> bool {
    let mut letters = before.chars().rev();
    match letters.next() {
        Some('.' | ',' | '-' | '+' | ':') => !letters.next().is_some_and(|letter| letter.is_ascii_digit()),
        Some(letter) => !(letter.is_alphanumeric() || letter == '_'),
        None => true,
    }
}

/// The same for where it ends.
fn begins_apart(after: &str) -> bool {
    let mut letters = after.chars();
    match letters.next() {
        Some('.' | ',' | '-' | ':') => !letters.next().is_some_and(|letter| letter.is_ascii_digit()),
        Some(letter) => !(letter.is_alphanumeric() || letter == '_'),
        None => true,
    }
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

fn says(before: &str, words: &[&str]) -> bool {
    let before = before.to_lowercase();
    words.iter().any(|word| before.contains(word))
}

fn is_email(found: &str, before: &str) -> bool {
    let Some((person, domain)) = found.split_once('@') else { return false };
    let domain = domain.to_lowercase();
    let is_example =
        EXAMPLE_DOMAINS.iter().any(|example| domain == *example || domain.ends_with(&format!(".{example}")));
    let is_no_domain = domain.rsplit('.').next().is_some_and(|last| NO_DOMAINS.contains(&last));
    // Behind a colon it is the password of a connection string.
    !is_example
        && !is_no_domain
        && !NO_PEOPLE.contains(&person.to_lowercase().as_str())
        && !before.ends_with([':', '/', '@'])
}

/// Luhn's digit, and the first digits and lengths of issuers (ISO/IEC 7812): Visa, Mastercard, American Express, Discover, JCB,
/// Diners Club, UnionPay.
fn is_card(found: &str, _: &str) -> bool {
    let digits = digits(found);
    let begins = |length: usize| digits.get(..length).and_then(|start| start.parse::<u32>().ok()).unwrap_or(0);
    let is_issued = match digits.len() {
        16 => {
            matches!(begins(1), 4)
                || matches!(begins(2), 51..=55 | 62 | 65)
                || matches!(begins(3), 644..=649)
                || matches!(begins(4), 2221..=2720 | 3528..=3589 | 6011)
        }
        15 => matches!(begins(2), 34 | 37),
        14 => matches!(begins(2), 36 | 38 | 39) || matches!(begins(3), 300..=305),
        _ => false,
    };
    is_issued && is_luhn(&digits) && !TEST_CARDS.contains(&digits.as_str())
}

/// The ranges that are never given to anybody (the US Social Security Administration).
fn is_social_security(found: &str, _: &str) -> bool {
    let area = &found[..3];
    area != "000"
        && area != "666"
        && &found[4..6] != "00"
        && &found[7..] != "0000"
        && found != "078-05-1120"
        && found != "219-09-9999"
}

fn is_international(found: &str, before: &str) -> bool {
    let digits = digits(found);
    let is_assigned = CALLING_CODES.iter().any(|code| digits.starts_with(code));
    // One point makes a fraction, and an operand before the sign a sum.
    let is_fraction = found.matches('.').count() == 1;
    let is_sum = before.ends_with(|last: char| last.is_alphanumeric() || last == ')' || last == '.');
    (8..=15).contains(&digits.len()) && is_assigned && !is_fraction && !is_sum && !is_fictitious(&digits)
}

/// The North American plan, with its separators.
fn is_american(found: &str, before: &str) -> bool {
    let is_whole = found.starts_with('(') == found.contains(')');
    // Points alone are of versions and amounts, too.
    let is_said = !found.contains('.') || says(before, PHONE_WORDS);
    let digits = digits(found);
    is_whole && is_said && &digits[1..3] != "11" && &digits[4..6] != "11" && !is_fictitious(&digits)
}

/// Other countries' own forms are those of many numbers: a word before them has to say what they are.
fn is_national(found: &str, before: &str) -> bool {
    (8..=13).contains(&digits(found).len()) && says(before, PHONE_WORDS)
}

/// Numbers that are kept for stories: 555-0100 to 555-0199.
fn is_fictitious(digits: &str) -> bool {
    digits.len() >= 7 && digits[digits.len() - 7..].starts_with("55501")
}

fn is_public_address(found: &str, before: &str) -> bool {
    let Ok(address) = found.parse::<Ipv4Addr>() else { return false };
    let octets = address.octets();
    let is_special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || address.is_documentation()
        || octets[0] == 0
        || octets[0] >= 240
        || (octets[0] == 100 && (64..128).contains(&octets[1]))
        || (octets[0] == 198 && (18..20).contains(&octets[1]));
    let is_resolver = ["8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9"].contains(&found);
    // Four small numbers with a point between them are a version more often.
    let is_small = octets.iter().all(|octet| *octet < 30);
    !is_special && !is_resolver && !is_small && !says(before, VERSION_WORDS)
}
