//! The forms in which front ends are shown something, as files: by the suffix that says what their bytes are.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kernwerk_core::ShownForm;
use serde_json::Value;

use crate::capture::bounded;

/// Where the metadata of an output says, as `true`, that it changes from run to run: the key, and the one below it.
pub const VOLATILE: (&str, &str) = ("kernwerk", "volatile");

/// Pictures, which come in base64.
pub(crate) const PICTURES: &[(&str, &str)] =
    &[("image/png", "png"), ("image/jpeg", "jpg"), ("image/gif", "gif"), ("image/webp", "webp")];
/// Others whose suffix everybody knows.
const KNOWN: &[(&str, &str)] = &[
    ("text/plain", "txt"),
    ("text/html", "html"),
    ("text/markdown", "md"),
    ("text/latex", "tex"),
    ("text/csv", "csv"),
    ("image/svg+xml", "svg"),
    ("application/json", "json"),
    ("application/javascript", "js"),
];
/// The view of a widget only names a widget of its process.
const WIDGET: &str = "application/vnd.jupyter.widget-view+json";

/// The forms of a bundle, which are pairs of a MIME type and a text, base64 for pictures. JSON is written in one way, whoever wrote
/// it. A text that only says that there is an object gives way to other forms.
pub(crate) fn forms<'a>(bundle: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<ShownForm> {
    let telling: Vec<(&str, &str)> = bundle.into_iter().filter(|(mime, _)| *mime != WIDGET).collect();
    let is_alone = telling.len() == 1;
    let kept = telling.into_iter().filter(|(mime, text)| is_alone || *mime != "text/plain" || !is_nameless(text));
    kept.map(|(mime, text)| form(mime, text)).collect()
}

fn form(mime: &str, text: &str) -> ShownForm {
    let as_it_is = |format: String| ShownForm { format, bytes: bounded(text.as_bytes().to_vec()) };
    if let Some((_, suffix)) = PICTURES.iter().find(|(picture, _)| *picture == mime) {
        return match decoded(text.as_bytes()) {
            Some(bytes) => ShownForm { format: (*suffix).to_owned(), bytes: bounded(bytes) },
            None => as_it_is("base64".to_owned()),
        };
    }
    let format = match KNOWN.iter().find(|(known, _)| *known == mime) {
        Some((_, suffix)) => (*suffix).to_owned(),
        None => suffix_of(mime),
    };
    let is_json = format == "json" || format.ends_with(".json");
    match serde_json::from_str::<Value>(text) {
        Ok(mut value) if is_json => {
            value.sort_all_objects();
            ShownForm { format, bytes: bounded(value.to_string().into_bytes()) }
        }
        _ => as_it_is(format),
    }
}

/// What base64 stands for; none where it is none. Front ends and libraries break it into lines as they like.
pub(crate) fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let plain: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(plain).ok()
}

/// Such as `plotly.v1.json` for `application/vnd.plotly.v1+json`.
fn suffix_of(mime: &str) -> String {
    let below = mime.split_once('/').map_or(mime, |(_, below)| below);
    let name = below.strip_prefix("vnd.").unwrap_or(below).replace('+', ".");
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect()
}

/// Whether a text is Python's for an object that says nothing of itself, such as `<app.Model object at 0x7f…>`.
fn is_nameless(text: &str) -> bool {
    let Some(words) = text.trim().strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) else { return false };
    let mut parts = words.split(' ');
    let is_name = |name: &str| name.chars().all(|c| c.is_alphanumeric() || "._".contains(c));
    parts.next().is_some_and(is_name)
        && parts.next() == Some("object")
        && match (parts.next(), parts.next(), parts.next()) {
            (None, ..) => true,
            (Some("at"), Some(address), None) => address.starts_with("0x"),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(bundle: &[(&str, &str)]) -> Vec<(String, String)> {
        let forms = forms(bundle.iter().copied());
        forms.into_iter().map(|form| (form.format, String::from_utf8_lossy(&form.bytes).into_owned())).collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(format, text)| ((*format).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn each_form_is_called_by_its_suffix() {
        let bundle = [
            ("text/plain", "1"),
            ("application/vnd.vegalite.v5+json", "{\"b\": 1, \"a\": [2.0]}"),
            ("image/png", "aGVs\nbG8=\n"),
            ("image/jpeg", "no base64!"),
            ("application/x-odd; q", "x"),
            (WIDGET, "{\"model_id\": 1}"),
        ];
        let expected = [
            ("txt", "1"),
            ("vegalite.v5.json", "{\"a\":[2.0],\"b\":1}"),
            ("png", "hello"),
            ("base64", "no base64!"),
            ("x-odd--q", "x"),
        ];
        assert_eq!(told(&bundle), pairs(&expected));
    }

    #[test]
    fn an_object_that_says_nothing_of_itself_gives_way() {
        for nameless in ["<a.B object at 0x7f00>", "<B object>"] {
            assert_eq!(told(&[("text/plain", nameless), ("text/html", "x")]), pairs(&[("html", "x")]));
            assert_eq!(told(&[("text/plain", nameless)]), pairs(&[("txt", nameless)]));
        }
        for telling in ["<b>", "a <B object at 0x1>", "<B object with 3 parts>", "<Figure size 1x1 with 1 Axes>"] {
            assert_eq!(told(&[("text/plain", telling), ("text/html", "x")]).len(), 2, "{telling}");
        }
    }
}
