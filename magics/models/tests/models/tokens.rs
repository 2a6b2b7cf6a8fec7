//! Tokens: byte ranges for chunkers, the cut after 256, and how many were read.

use kernwerk_core::{Embedder, Work};
use proptest::prelude::*;

use crate::{embed, model};

fn tokens_read(texts: &[&str]) -> Option<u64> {
    Some(model()?.embed(texts, &Work::silent()).expect("texts can be embedded").tokens)
}

#[test]
fn spans_are_byte_ranges_of_the_words() {
    let Some(model) = model() else { return };
    let text = "Die Über-Düse naïve 流体 unaffable";
    let spans = model.token_spans(text).expect("the text has tokens");
    let pieces: Vec<&str> = spans.iter().map(|&(start, end)| &text[start..end]).collect();
    assert_eq!(pieces, ["Die", "Über", "-", "Dü", "se", "naïve", "流", "体", "una", "ffa", "ble"]);
}

#[test]
fn spans_cover_a_long_text_to_its_end() {
    let Some(model) = model() else { return };
    let text = "word ".repeat(3000);
    let spans = model.token_spans(&text).expect("the text has tokens");
    assert_eq!(spans.len(), 3000);
    assert_eq!(spans.last(), Some(&(14_995, 14_999)));
}

#[test]
fn tokens_are_counted_after_the_cut_with_special_ones() {
    let Some(empty) = tokens_read(&[""]) else { return };
    assert_eq!(empty, 2);
    assert_eq!(tokens_read(&["one two", "", "word ".repeat(254).as_str()]), Some(4 + 2 + 256));
    assert_eq!(tokens_read(&["word ".repeat(255).as_str()]), Some(256));
    // One word without a blank, longer than a word may be: one unknown token.
    assert_eq!(tokens_read(&["x".repeat(100_000).as_str()]), Some(3));
}

#[test]
fn what_stands_after_the_cut_changes_nothing() {
    let Some(model) = model() else { return };
    // Long words make tokens rare, so that the first look at the text is too short.
    let words: Vec<String> = (0..400).map(|index| "y".repeat(101 + index % 7)).collect();
    for blank in [" ", "\t", "\n", "\r\n"] {
        let cut = words[..254].join(blank);
        let whole = words.join(blank);
        assert_eq!(embed(model, &[&cut]), embed(model, &[&whole]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn spans_of_any_text_are_ordered_and_on_character_boundaries(text in "\\PC{0,200}|[ \\n\\u{0}äß́🙂a-z]{0,200}") {
        let Some(model) = model() else { return Ok(()) };
        let mut end_before = 0;
        for (start, end) in model.token_spans(&text).expect("any text has tokens") {
            prop_assert!(end_before <= start && start <= end, "{start}..{end} after {end_before}");
            prop_assert!(text.get(start..end).is_some());
            end_before = end;
        }
    }
}
