//! The languages that can be given, found in a text, stemmed, or freed from stop words.

use std::fmt;

use frostem::{Algorithm, Stemmer};
use kernwerk_core::Problem;
use whatlang::Lang;

/// Below so many characters a text is not asked for its language: the answer would be a guess.
const SHORTEST_TELLING: usize = 60;
/// So many bytes of a text are enough to tell.
const LONGEST_TELLING: usize = 4096;

/// A language, by its code in ISO 639-1 (`de`).
#[derive(Clone, Copy)]
pub struct Language(&'static Entry);

/// A language that nobody here knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no language is called `{given}`")]
pub struct UnknownLanguage {
    pub given: String,
}

struct Entry {
    code: &'static str,
    name: &'static str,
    /// None where the language cannot be found in a text; it can be given all the same.
    found_as: Option<Lang>,
    /// None where Snowball has no algorithm; words stay as they are.
    stemmer: Option<Algorithm>,
}

impl Language {
    /// The language that a user means by `text`: a code of ISO 639-1 or 639-3 or the English name, in upper or lower case.
    ///
    /// # Errors
    ///
    /// [`UnknownLanguage`].
    pub fn parse(text: &str) -> Result<Self, UnknownLanguage> {
        let wanted = text.trim().to_lowercase();
        let is_wanted = |entry: &&Entry| {
            entry.code == wanted
                || entry.name.to_lowercase() == wanted
                || entry.found_as.is_some_and(|language| language.code() == wanted)
        };
        match ENTRIES.iter().find(is_wanted) {
            Some(entry) => Ok(Self(entry)),
            None => Err(UnknownLanguage { given: text.to_owned() }),
        }
    }

    /// The language with this code of ISO 639-1, as it is stored.
    pub fn with_code(code: &str) -> Option<Self> {
        ENTRIES.iter().find(|entry| entry.code == code).map(Self)
    }

    /// The language that `text` is written in, or none where it is too short or the answer would not be reliable.
    pub fn detect(text: &str) -> Option<Self> {
        let text = beginning(text.trim());
        if text.chars().count() < SHORTEST_TELLING {
            return None;
        }
        let found = whatlang::detect(text).filter(whatlang::Info::is_reliable)?;
        ENTRIES.iter().find(|entry| entry.found_as == Some(found.lang())).map(Self)
    }

    /// The code of ISO 639-1, such as `de`.
    pub fn code(self) -> &'static str {
        self.0.code
    }

    /// The English name.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// The codes of all languages, in alphabetical order.
    pub fn codes() -> impl Iterator<Item = &'static str> {
        ENTRIES.iter().map(|entry| entry.code)
    }

    pub fn stemmer(self) -> Option<Stemmer> {
        self.0.stemmer.map(Stemmer::new)
    }

    /// The published stop words, in lower case: NLTK's list of function words, or, where NLTK has none, the one that
    /// Stopwords ISO gathered. None are published for some languages.
    pub fn stop_words(self) -> &'static [&'static str] {
        stop_words::lookup(self.0.code).unwrap_or_default()
    }

    /// Whether upper-case `I` belongs to the dotless `ı`.
    pub fn has_dotless_i(self) -> bool {
        matches!(self.0.code, "tr" | "az")
    }
}

impl UnknownLanguage {
    /// The name of the problem.
    pub const NAME: &str = "UnknownLanguage";
    /// What to do about it.
    pub const HINT: &str = "give a code such as `de` or an English name such as `german`";
}

impl From<UnknownLanguage> for Problem {
    fn from(error: UnknownLanguage) -> Self {
        Self::new(UnknownLanguage::NAME, error.to_string()).with_hint(UnknownLanguage::HINT)
    }
}

impl PartialEq for Language {
    fn eq(&self, other: &Self) -> bool {
        self.0.code == other.0.code
    }
}

impl Eq for Language {}

impl PartialOrd for Language {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Language {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.code.cmp(other.0.code)
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.code)
    }
}

impl fmt::Display for Language {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.code)
    }
}

/// The first part of a long text, cut between characters.
fn beginning(text: &str) -> &str {
    let mut end = text.len().min(LONGEST_TELLING);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

const fn entry(code: &'static str, name: &'static str, found_as: Option<Lang>, stemmer: Option<Algorithm>) -> Entry {
    Entry { code, name, found_as, stemmer }
}

/// By code. Every Snowball algorithm for a living language is here, and every language that is detected or has a list of
/// stop words.
static ENTRIES: &[Entry] = &[
    entry("af", "Afrikaans", Some(Lang::Afr), None),
    entry("ak", "Akan", Some(Lang::Aka), None),
    entry("am", "Amharic", Some(Lang::Amh), None),
    entry("ar", "Arabic", Some(Lang::Ara), Some(Algorithm::Arabic)),
    entry("az", "Azerbaijani", Some(Lang::Aze), None),
    entry("be", "Belarusian", Some(Lang::Bel), None),
    entry("bg", "Bulgarian", Some(Lang::Bul), None),
    entry("bn", "Bengali", Some(Lang::Ben), None),
    entry("br", "Breton", None, None),
    entry("ca", "Catalan", Some(Lang::Cat), Some(Algorithm::Catalan)),
    entry("cs", "Czech", Some(Lang::Ces), Some(Algorithm::Czech)),
    entry("cy", "Welsh", Some(Lang::Cym), None),
    entry("da", "Danish", Some(Lang::Dan), Some(Algorithm::Danish)),
    entry("de", "German", Some(Lang::Deu), Some(Algorithm::German)),
    entry("el", "Greek", Some(Lang::Ell), Some(Algorithm::Greek)),
    entry("en", "English", Some(Lang::Eng), Some(Algorithm::English)),
    entry("eo", "Esperanto", Some(Lang::Epo), Some(Algorithm::Esperanto)),
    entry("es", "Spanish", Some(Lang::Spa), Some(Algorithm::Spanish)),
    entry("et", "Estonian", Some(Lang::Est), Some(Algorithm::Estonian)),
    entry("eu", "Basque", None, Some(Algorithm::Basque)),
    entry("fa", "Persian", Some(Lang::Pes), Some(Algorithm::Persian)),
    entry("fi", "Finnish", Some(Lang::Fin), Some(Algorithm::Finnish)),
    entry("fr", "French", Some(Lang::Fra), Some(Algorithm::French)),
    entry("ga", "Irish", None, Some(Algorithm::Irish)),
    entry("gl", "Galician", None, None),
    entry("gu", "Gujarati", Some(Lang::Guj), None),
    entry("ha", "Hausa", None, None),
    entry("he", "Hebrew", Some(Lang::Heb), None),
    entry("hi", "Hindi", Some(Lang::Hin), Some(Algorithm::Hindi)),
    entry("hr", "Croatian", Some(Lang::Hrv), None),
    entry("hu", "Hungarian", Some(Lang::Hun), Some(Algorithm::Hungarian)),
    entry("hy", "Armenian", Some(Lang::Hye), Some(Algorithm::Armenian)),
    entry("id", "Indonesian", Some(Lang::Ind), Some(Algorithm::Indonesian)),
    entry("it", "Italian", Some(Lang::Ita), Some(Algorithm::Italian)),
    entry("ja", "Japanese", Some(Lang::Jpn), None),
    entry("jv", "Javanese", Some(Lang::Jav), None),
    entry("ka", "Georgian", Some(Lang::Kat), None),
    entry("kk", "Kazakh", None, None),
    entry("km", "Khmer", Some(Lang::Khm), None),
    entry("kn", "Kannada", Some(Lang::Kan), None),
    entry("ko", "Korean", Some(Lang::Kor), None),
    entry("ku", "Kurdish", None, None),
    entry("la", "Latin", Some(Lang::Lat), None),
    entry("lt", "Lithuanian", Some(Lang::Lit), Some(Algorithm::Lithuanian)),
    entry("lv", "Latvian", Some(Lang::Lav), None),
    entry("mk", "Macedonian", Some(Lang::Mkd), None),
    entry("ml", "Malayalam", Some(Lang::Mal), None),
    entry("mr", "Marathi", Some(Lang::Mar), None),
    entry("ms", "Malay", None, None),
    entry("my", "Burmese", Some(Lang::Mya), None),
    entry("ne", "Nepali", Some(Lang::Nep), Some(Algorithm::Nepali)),
    entry("nl", "Dutch", Some(Lang::Nld), Some(Algorithm::Dutch)),
    entry("no", "Norwegian", Some(Lang::Nob), Some(Algorithm::Norwegian)),
    entry("or", "Odia", Some(Lang::Ori), None),
    entry("pa", "Punjabi", Some(Lang::Pan), None),
    entry("pl", "Polish", Some(Lang::Pol), Some(Algorithm::Polish)),
    entry("pt", "Portuguese", Some(Lang::Por), Some(Algorithm::Portuguese)),
    entry("ro", "Romanian", Some(Lang::Ron), Some(Algorithm::Romanian)),
    entry("ru", "Russian", Some(Lang::Rus), Some(Algorithm::Russian)),
    entry("si", "Sinhala", Some(Lang::Sin), None),
    entry("sk", "Slovak", Some(Lang::Slk), None),
    entry("sl", "Slovenian", Some(Lang::Slv), None),
    entry("sn", "Shona", Some(Lang::Sna), None),
    entry("so", "Somali", None, None),
    entry("sq", "Albanian", None, None),
    entry("sr", "Serbian", Some(Lang::Srp), Some(Algorithm::Serbian)),
    entry("st", "Sesotho", None, Some(Algorithm::Sesotho)),
    entry("sv", "Swedish", Some(Lang::Swe), Some(Algorithm::Swedish)),
    entry("sw", "Swahili", None, None),
    entry("ta", "Tamil", Some(Lang::Tam), Some(Algorithm::Tamil)),
    entry("te", "Telugu", Some(Lang::Tel), None),
    entry("tg", "Tajik", None, None),
    entry("th", "Thai", Some(Lang::Tha), None),
    entry("tk", "Turkmen", Some(Lang::Tuk), None),
    entry("tl", "Tagalog", Some(Lang::Tgl), None),
    entry("tr", "Turkish", Some(Lang::Tur), Some(Algorithm::Turkish)),
    entry("uk", "Ukrainian", Some(Lang::Ukr), None),
    entry("ur", "Urdu", Some(Lang::Urd), None),
    entry("uz", "Uzbek", Some(Lang::Uzb), None),
    entry("vi", "Vietnamese", Some(Lang::Vie), None),
    entry("yi", "Yiddish", Some(Lang::Yid), Some(Algorithm::Yiddish)),
    entry("yo", "Yoruba", None, None),
    entry("zh", "Chinese", Some(Lang::Cmn), None),
    entry("zu", "Zulu", Some(Lang::Zul), None),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_complete() {
        assert!(ENTRIES.is_sorted_by(|one, next| one.code < next.code));
        for language in whatlang::Lang::all() {
            assert!(ENTRIES.iter().any(|entry| entry.found_as == Some(*language)), "{language:?} is missing");
        }
        for code in stop_words::available_languages() {
            assert!(*code == "hinglish" || Language::with_code(code).is_some(), "{code} has stop words");
        }
        // Left out: older and historical variants of English and Dutch, which are no languages of their own.
        let variants = ["porter", "lovins", "earlymodernenglish", "dutch_porter"];
        for algorithm in Algorithm::all().iter().filter(|algorithm| !variants.contains(&algorithm.name())) {
            assert!(ENTRIES.iter().any(|entry| entry.stemmer == Some(*algorithm)), "{algorithm:?} is missing");
        }
    }

    #[test]
    fn each_language_has_its_own_stemmer() {
        for entry in ENTRIES.iter().filter(|entry| entry.stemmer.is_some()) {
            let by_name = Algorithm::from_name(entry.name).expect(entry.name);
            assert_eq!(Some(by_name), entry.stemmer);
        }
    }

    #[test]
    fn codes_and_names_are_understood() {
        for given in ["de", "DE", "deu", "German", " german "] {
            assert_eq!(Language::parse(given).map(Language::code).ok(), Some("de"), "{given}");
        }
        assert!(Language::parse("klingon").is_err());
    }

    #[test]
    fn long_texts_tell_their_language_and_short_ones_do_not() {
        let german = "Die Kabelbahn fährt im Winter nur bis zur Mittelstation, weil oben der Wind zu stark ist.";
        assert_eq!(Language::detect(german).map(Language::code), Some("de"));
        assert_eq!(Language::detect("Kabelbahn"), None);
        assert_eq!(Language::detect(&"1 2 3 ".repeat(40)), None);
    }
}
