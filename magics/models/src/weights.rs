//! Weights as candle reads them, laid out for the kernels.

use candle_core::safetensors::SliceSafetensors;
use candle_core::{Device, Result, Storage, Tensor, bail};

use crate::kernel::{Activation, AddNorm, Kernels, PANEL, Product};

/// The scale and shift of a layer normalisation.
pub(crate) struct Norm {
    scale: Vec<f32>,
    shift: Vec<f32>,
}

/// A product with a bias.
pub(crate) struct Dense {
    /// (columns / 32, depth, 32).
    panels: Vec<f32>,
    bias: Vec<f32>,
    depth: usize,
}

impl Dense {
    /// Lays products of one input, weights of shape (columns, depth) each, out in panels side by side.
    fn pack(parts: &[(Tensor, Tensor)]) -> Result<Self> {
        let mut all = Self { panels: Vec::new(), bias: Vec::new(), depth: 0 };
        for (weights, bias) in parts {
            let (columns, depth) = weights.dims2()?;
            all.depth = depth;
            with_numbers(bias, |bias| all.bias.extend_from_slice(bias))?;
            let first = all.panels.len();
            all.panels.resize(first + columns * depth, 0.0);
            with_numbers(weights, |rows| pack_panels(&mut all.panels[first..], rows, depth))?;
        }
        Ok(all)
    }

    /// `output` = activation(`input` · weights + bias), (rows, depth) to (rows, columns).
    pub(crate) fn apply(&self, input: &[f32], activation: Activation, output: &mut [f32], kernels: &Kernels) {
        kernels.product(Product {
            input,
            input_stride: self.depth,
            rows: input.len() / self.depth,
            depth: self.depth,
            panels: &self.panels,
            bias: &self.bias,
            activation,
            output,
        });
    }
}

impl Norm {
    /// `residual` = normalise(`residual` + `update`), row by row.
    pub(crate) fn add(&self, residual: &mut [f32], update: &[f32], kernels: &Kernels) {
        kernels.add_norm(AddNorm { residual, update, scale: &self.scale, shift: &self.shift });
    }
}

/// Turns rows of weights, (columns, depth), into (columns / 32, depth, 32).
fn pack_panels(panels: &mut [f32], rows: &[f32], depth: usize) {
    for (panel, rows) in panels.chunks_exact_mut(PANEL * depth).zip(rows.chunks_exact(PANEL * depth)) {
        for (step, weights) in panel.chunks_exact_mut(PANEL).enumerate() {
            for (weight, row) in weights.iter_mut().zip(rows.chunks_exact(depth)) {
                *weight = row[step];
            }
        }
    }
}

/// The tensors of a file by name.
pub(crate) struct Weights<'a>(SliceSafetensors<'a>);

impl<'a> Weights<'a> {
    /// Reads the head of a safetensors file.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self> {
        SliceSafetensors::new(bytes).map(Self)
    }

    fn tensor(&self, name: &str) -> Result<Tensor> {
        self.0.load(name, &Device::Cpu)
    }

    /// All numbers of a tensor.
    pub(crate) fn numbers(&self, name: &str) -> Result<Vec<f32>> {
        with_numbers(&self.tensor(name)?, <[f32]>::to_vec)
    }

    /// The layer normalisation `name`.
    pub(crate) fn norm(&self, name: &str) -> Result<Norm> {
        Ok(Norm { scale: self.numbers(&format!("{name}.weight"))?, shift: self.numbers(&format!("{name}.bias"))? })
    }

    /// Several products of one input as one.
    pub(crate) fn dense(&self, names: &[String]) -> Result<Dense> {
        let part = |name: &String| Ok((self.tensor(&format!("{name}.weight"))?, self.tensor(&format!("{name}.bias"))?));
        Dense::pack(&names.iter().map(part).collect::<Result<Vec<_>>>()?)
    }
}

/// Hands the numbers of a contiguous tensor in main memory to `read`, without a copy.
fn with_numbers<T>(tensor: &Tensor, read: impl FnOnce(&[f32]) -> T) -> Result<T> {
    let (storage, layout) = tensor.storage_and_layout();
    match (&*storage, layout.contiguous_offsets()) {
        (Storage::Cpu(numbers), Some((first, end))) => Ok(read(&numbers.as_slice::<f32>()?[first..end])),
        _ => bail!("a tensor is not contiguous in main memory"),
    }
}
