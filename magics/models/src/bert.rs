//! BERT (Devlin et al. 2018) as MiniLM-L6-H384 has it: weights from candle, and a forward pass of our own.

use candle_core::Result;
use kernwerk_core::{Cancel, Cancelled};

use crate::kernel::{Activation, Attention, HEAD, Kernels, LONGEST, PANEL, Scratch};
use crate::weights::{Dense, Norm, Weights};

/// Numbers of a token between layers.
pub(crate) const WIDTH: usize = 384;
/// Numbers of a token inside the feed-forward part.
const INNER: usize = 1536;
const LAYERS: usize = 6;
/// The longest sequence that the weights and the kernels are for.
pub(crate) const MOST_TOKENS: usize = LONGEST;
/// Rows that pass the feed-forward part together, so that its inner numbers stay in the second-level cache.
const FEED_ROWS: usize = 96;

const _: () = assert!(WIDTH.is_multiple_of(HEAD) && INNER.is_multiple_of(PANEL));

/// The weights, laid out for the kernels.
pub(crate) struct Bert {
    /// (vocabulary, width).
    words: Vec<f32>,
    /// (positions, width), the embedding of the first segment already added.
    positions: Vec<f32>,
    norm: Norm,
    layers: Vec<Layer>,
}

struct Layer {
    /// Queries, keys and values in one product.
    project: Dense,
    attended: Dense,
    attended_norm: Norm,
    up: Dense,
    down: Dense,
    output_norm: Norm,
}

/// Memory that one thread computes in, kept from one call to the next.
pub(crate) struct Workspace {
    hidden: Vec<f32>,
    projected: Vec<f32>,
    context: Vec<f32>,
    inner: Vec<f32>,
    update: Vec<f32>,
    attention: Scratch,
}

impl Workspace {
    pub(crate) fn new() -> Self {
        Self {
            hidden: Vec::new(),
            projected: Vec::new(),
            context: Vec::new(),
            inner: vec![0.0; FEED_ROWS * INNER],
            update: Vec::new(),
            attention: Scratch::new(),
        }
    }

    fn make_room(&mut self, rows: usize) {
        self.hidden.resize(rows * WIDTH, 0.0);
        self.projected.resize(rows * 3 * WIDTH, 0.0);
        self.context.resize(rows * WIDTH, 0.0);
        self.update.resize(rows * WIDTH, 0.0);
    }
}

impl Bert {
    /// Reads a `model.safetensors`.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        let file = Weights::parse(bytes)?;
        let mut positions = file.numbers("embeddings.position_embeddings.weight")?;
        let segments = file.numbers("embeddings.token_type_embeddings.weight")?;
        for position in positions.chunks_exact_mut(WIDTH) {
            for (number, segment) in position.iter_mut().zip(&segments) {
                *number += segment;
            }
        }
        Ok(Self {
            words: file.numbers("embeddings.word_embeddings.weight")?,
            positions,
            norm: file.norm("embeddings.LayerNorm")?,
            layers: (0..LAYERS).map(|layer| Layer::read(&file, layer)).collect::<Result<_>>()?,
        })
    }

    /// Embeds sequences of token ids together; each vector has length 1. Every row of every product is computed by itself,
    /// so that a sequence's vector does not depend on the others.
    pub(crate) fn forward(
        &self,
        sequences: &[&[u32]],
        kernels: &Kernels,
        workspace: &mut Workspace,
        cancel: &Cancel,
    ) -> std::result::Result<Vec<[f32; WIDTH]>, Cancelled> {
        workspace.make_room(sequences.iter().map(|sequence| sequence.len()).sum());
        self.look_up(sequences, kernels, workspace);
        for layer in &self.layers {
            cancel.check()?;
            layer.attend(sequences, kernels, workspace);
            layer.feed(kernels, workspace);
        }
        let mut first = 0;
        Ok(sequences
            .iter()
            .map(|sequence| {
                let rows = &workspace.hidden[first * WIDTH..(first + sequence.len()) * WIDTH];
                first += sequence.len();
                pool(rows)
            })
            .collect())
    }

    fn look_up(&self, sequences: &[&[u32]], kernels: &Kernels, workspace: &mut Workspace) {
        let rows = workspace.hidden.chunks_exact_mut(WIDTH).zip(workspace.update.chunks_exact_mut(WIDTH));
        let tokens = sequences.iter().flat_map(|sequence| sequence.iter().enumerate());
        for ((hidden, update), (position, id)) in rows.zip(tokens) {
            hidden.copy_from_slice(&self.words[*id as usize * WIDTH..][..WIDTH]);
            update.copy_from_slice(&self.positions[position * WIDTH..][..WIDTH]);
        }
        self.norm.add(&mut workspace.hidden, &workspace.update, kernels);
    }
}

impl Layer {
    fn read(file: &Weights, index: usize) -> Result<Self> {
        let name = |part: &str| format!("encoder.layer.{index}.{part}");
        let attention = ["query", "key", "value"].map(|part| name(&format!("attention.self.{part}")));
        Ok(Self {
            project: file.dense(&attention)?,
            attended: file.dense(&[name("attention.output.dense")])?,
            attended_norm: file.norm(&name("attention.output.LayerNorm"))?,
            up: file.dense(&[name("intermediate.dense")])?,
            down: file.dense(&[name("output.dense")])?,
            output_norm: file.norm(&name("output.LayerNorm"))?,
        })
    }

    fn attend(&self, sequences: &[&[u32]], kernels: &Kernels, workspace: &mut Workspace) {
        self.project.apply(&workspace.hidden, Activation::None, &mut workspace.projected, kernels);
        let mut projected = workspace.projected.as_slice();
        let mut context = workspace.context.as_mut_slice();
        for sequence in sequences {
            let length = sequence.len();
            let (own, others) = context.split_at_mut(length * WIDTH);
            kernels.attention(Attention {
                projected,
                length,
                context: own,
                width: WIDTH,
                scratch: &mut workspace.attention,
            });
            projected = &projected[length * 3 * WIDTH..];
            context = others;
        }
        self.attended.apply(&workspace.context, Activation::None, &mut workspace.update, kernels);
        self.attended_norm.add(&mut workspace.hidden, &workspace.update, kernels);
    }

    fn feed(&self, kernels: &Kernels, workspace: &mut Workspace) {
        let blocks = workspace.hidden.chunks_mut(FEED_ROWS * WIDTH).zip(workspace.update.chunks_mut(FEED_ROWS * WIDTH));
        for (hidden, update) in blocks {
            let inner = &mut workspace.inner[..hidden.len() / WIDTH * INNER];
            self.up.apply(hidden, Activation::Gelu, inner, kernels);
            self.down.apply(inner, Activation::None, update, kernels);
        }
        self.output_norm.add(&mut workspace.hidden, &workspace.update, kernels);
    }
}

/// Mean of the tokens' rows, scaled to length 1.
fn pool(rows: &[f32]) -> [f32; WIDTH] {
    let mut mean = [0.0; WIDTH];
    for row in rows.chunks_exact(WIDTH) {
        for (sum, value) in mean.iter_mut().zip(row) {
            *sum += value;
        }
    }
    let count = (rows.len() / WIDTH) as f32;
    let mut square = 0.0_f64;
    for value in &mut mean {
        *value /= count;
        square += f64::from(*value) * f64::from(*value);
    }
    let length = (square.sqrt() as f32).max(1e-12);
    mean.map(|value| value / length)
}
