//! Vectors: length 1, meaning, and the same bits whatever is embedded beside them, on however many threads.

use std::num::NonZeroUsize;
use std::sync::OnceLock;

use kernwerk_core::{Embedder, Work};
use kernwerk_models::MiniLm;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use crate::{directory, embed, model};

/// Texts of many lengths, in several scripts; some twice as long as the model reads.
fn texts() -> Vec<String> {
    let words =
        ["lift", "of", "a", "wing", "at", "supersonic", "speed", "Grenzschicht", "über", "流体", "naïve", "№7", "🙂"];
    let long = |count: usize, step: usize| {
        let words: Vec<_> = (0..count).map(|at| words[at * step % words.len()]).collect();
        words.join(" ")
    };
    let lengths = [0, 1, 2, 3, 5, 8, 13, 14, 15, 16, 17, 30, 31, 32, 47, 64, 90, 128, 200, 260, 600];
    lengths.iter().enumerate().map(|(index, &count)| long(count, index + 1)).collect()
}

/// Each text's vector when it is embedded by itself.
fn alone(model: &MiniLm) -> &'static [Vec<u32>] {
    static ALONE: OnceLock<Vec<Vec<u32>>> = OnceLock::new();
    ALONE.get_or_init(|| texts().iter().flat_map(|text| embed(model, &[text])).collect())
}

/// The model on 1, 2 and 5 threads.
fn models() -> &'static [MiniLm] {
    static MODELS: OnceLock<Vec<MiniLm>> = OnceLock::new();
    MODELS.get_or_init(|| {
        let directory = directory().expect("the model was found before");
        let threads = [1, 2, 5].map(|threads| NonZeroUsize::new(threads).expect("is not 0"));
        threads.map(|threads| MiniLm::load(&directory).expect("the model is intact").with_threads(threads)).into()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_vector_does_not_depend_on_batch_mates_order_or_threads(
        picked in prop::collection::vec(0..texts().len(), 1..24),
        threads in 0..3_usize,
    ) {
        let Some(model) = model() else { return Ok(()) };
        let alone = alone(model);
        let texts = texts();
        let batch: Vec<&str> = picked.iter().map(|&index| texts[index].as_str()).collect();
        let together = embed(&models()[threads], &batch);
        for (&index, together) in picked.iter().zip(&together) {
            prop_assert_eq!(together, &alone[index], "text {} has another vector in this batch", index);
        }
    }
}

#[test]
fn more_texts_than_a_window_keep_their_order() {
    let Some(model) = model() else { return };
    let few = ["one", "two words", "now three words"];
    let alone = embed(model, &few);
    let many: Vec<&str> = (0..2500).map(|index| few[index % few.len()]).collect();
    for (index, vector) in embed(model, &many).iter().enumerate() {
        assert_eq!(vector, &alone[index % few.len()], "text {index}");
    }
}

#[test]
fn the_bits_are_the_same_on_every_machine_with_a_fused_multiply_add() {
    let Some(model) = model() else { return };
    if model.arithmetic() != "f32-fused" {
        eprintln!("skipped: this machine has no fused multiply-add");
        return;
    }
    let mut digest = Sha256::new();
    for number in embed(model, &texts().iter().map(String::as_str).collect::<Vec<_>>()).concat() {
        digest.update(number.to_le_bytes());
    }
    let digest: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    // A change here means that no vector made before can be replayed: it must be meant, and said in the commit.
    assert_eq!(digest, "b3a821f43dfd1fb4304d96d1475ca13f209df69152be0d827c631f0ae0b5c1a4");
}

#[test]
fn vectors_have_length_1_and_near_texts_are_near() {
    let Some(model) = model() else { return };
    let texts = ["a cat sits on the mat", "a kitten is lying on a rug", "interest rates rose again"];
    let embedded = model.embed(&texts, &Work::silent()).expect("texts can be embedded");
    let vectors: Vec<&[f32]> = embedded.vectors.chunks_exact(model.dimensions()).collect();
    let cosine = |left: usize, right: usize| -> f32 {
        vectors[left].iter().zip(vectors[right]).map(|(left, right)| left * right).sum()
    };
    for text in 0..texts.len() {
        assert!((cosine(text, text) - 1.0).abs() < 1e-6);
    }
    assert!(cosine(0, 1) > 0.4 && cosine(0, 2) < 0.2, "{} and {}", cosine(0, 1), cosine(0, 2));
}

#[test]
fn no_texts_give_no_vectors() {
    let Some(model) = model() else { return };
    let embedded = model.embed(&[], &Work::silent()).expect("nothing can be embedded");
    assert!(embedded.vectors.is_empty() && embedded.tokens == 0);
}
