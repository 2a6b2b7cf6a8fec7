//! Texts and tokens per second of the embedding model, best of several runs:
//! `embed_speed CORPUS.jsonl [RUNS] [THREADS]`, where each line holds a `text`.

use std::error::Error;
use std::num::NonZeroUsize;
use std::time::Instant;

use kernwerk_core::{Embedder, Work};
use kernwerk_models::MiniLm;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let corpus = arguments.next().ok_or("usage: embed_speed CORPUS.jsonl [RUNS] [THREADS]")?;
    let runs: usize = arguments.next().map_or(Ok(5), |runs| runs.parse())?;
    let threads: Option<NonZeroUsize> = arguments.next().map(|threads| threads.parse()).transpose()?;

    let started = Instant::now();
    let mut model = MiniLm::load(&MiniLm::find(None)?)?;
    let load = started.elapsed();
    if let Some(threads) = threads {
        model = model.with_threads(threads);
    }

    let lines = std::fs::read_to_string(corpus)?;
    let texts = lines
        .lines()
        .map(|line| {
            Ok(serde_json::from_str::<serde_json::Value>(line)?["text"].as_str().unwrap_or_default().to_owned())
        })
        .collect::<Result<Vec<String>, serde_json::Error>>()?;
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();

    let mut best = f64::INFINITY;
    let mut tokens = 0;
    for _ in 0..runs {
        let started = Instant::now();
        tokens = model.embed(&texts, &Work::silent())?.tokens;
        best = best.min(started.elapsed().as_secs_f64());
    }
    println!("{} kernels, loaded and checked in {load:.0?}", model.instruction_set());
    println!("{} texts, {tokens} tokens in {best:.3} s", texts.len());
    println!("{:.1} texts/s, {:.0} tokens/s", texts.len() as f64 / best, tokens as f64 / best);
    Ok(())
}
