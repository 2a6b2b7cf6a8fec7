//! Every kernel that this machine can run, against the others bit by bit and against candle or doubles by value.

use candle_core::{Device, Tensor};

use super::*;

// On x86 the fused portable kernels exist for the comparison alone: there the multiply-add is a library call.
kernels!(fused, super::FUSED, super::lanes::Portable<true>, 1, 4, || true);

/// All that can run here, the last being the reference of the fused arithmetic.
fn runnable() -> Vec<&'static Kernels> {
    ALL.iter().copied().filter(|kernels| (kernels.available)()).chain([&fused::KERNELS]).collect()
}

/// Numbers in [-range, range) that are the same on every run.
fn numbers(count: usize, seed: u64, range: f32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ((state >> 40) as f32 / (1 << 23) as f32 - 1.0) * range
    };
    std::iter::repeat_with(next).take(count).collect()
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

fn distance(left: &[f32], right: &[f32]) -> f32 {
    assert_eq!(left.len(), right.len());
    left.iter().zip(right).map(|(left, right)| (left - right).abs()).fold(0.0, f32::max)
}

/// Computes with every kernel and asserts that kernels of one arithmetic agree bit by bit; returns the results.
fn all_agree(compute: impl Fn(&Kernels) -> Vec<f32>) -> Vec<Vec<f32>> {
    let reference = bits(&compute(&fused::KERNELS));
    let results: Vec<_> = runnable().into_iter().map(|kernels| (kernels, compute(kernels))).collect();
    for (kernels, result) in &results {
        if kernels.arithmetic() == FUSED {
            assert_eq!(bits(result), reference, "{} differs from the reference", kernels.name());
        }
    }
    results.into_iter().map(|(_, result)| result).collect()
}

/// (columns, depth) as panels.
fn panels(weights: &[f32], columns: usize, depth: usize) -> Vec<f32> {
    let at = |panel: usize, step: usize, column: usize| weights[(panel * PANEL + column) * depth + step];
    let panels = (0..columns / PANEL).flat_map(|panel| (0..depth).map(move |step| (panel, step)));
    panels.flat_map(|(panel, step)| (0..PANEL).map(move |column| at(panel, step, column))).collect()
}

fn multiply(kernels: &Kernels, input: &[f32], depth: usize, panels: &[f32], bias: &[f32], gelu: bool) -> Vec<f32> {
    let rows = input.len() / depth;
    let mut output = vec![f32::NAN; rows * bias.len()];
    kernels.product(Product {
        input,
        input_stride: depth,
        rows,
        depth,
        panels,
        bias,
        activation: if gelu { Activation::Gelu } else { Activation::None },
        output: &mut output,
    });
    output
}

#[test]
fn the_best_kernels_come_first_and_the_portable_ones_run_everywhere() {
    assert_eq!(Kernels::best().name(), runnable()[0].name());
    assert!((ALL[ALL.len() - 1].available)());
}

#[test]
fn products_equal_candle_s_and_have_the_same_bits_everywhere() -> candle_core::Result<()> {
    for rows in [1, 2, 3, 5, 7, 11, 12, 13, 29, 97] {
        let (columns, depth) = (96, 129);
        let input = numbers(rows * depth, rows as u64, 1.0);
        let weights = numbers(columns * depth, 77, 0.2);
        let bias = numbers(columns, 5, 1.0);
        let panels = panels(&weights, columns, depth);

        let device = Device::Cpu;
        let expected = Tensor::from_slice(&input, (rows, depth), &device)?
            .matmul(&Tensor::from_slice(&weights, (columns, depth), &device)?.t()?)?
            .broadcast_add(&Tensor::from_slice(&bias, columns, &device)?)?;
        for gelu in [false, true] {
            let expected = if gelu { expected.gelu_erf()? } else { expected.clone() };
            let expected = expected.flatten_all()?.to_vec1::<f32>()?;
            for result in all_agree(|kernels| multiply(kernels, &input, depth, &panels, &bias, gelu)) {
                let distance = distance(&result, &expected);
                assert!(distance < 1e-5, "{rows} rows are off by {distance}");
            }
        }
    }
    Ok(())
}

#[test]
fn a_row_s_product_does_not_depend_on_the_other_rows() {
    let (columns, depth) = (64, 384);
    let input = numbers(40 * depth, 3, 1.0);
    let panels = numbers(columns * depth, 4, 0.2);
    let bias = numbers(columns, 5, 1.0);
    for kernels in runnable() {
        let together = multiply(kernels, &input, depth, &panels, &bias, true);
        for (row, together) in input.chunks_exact(depth).zip(together.chunks_exact(columns)) {
            assert_eq!(
                bits(&multiply(kernels, row, depth, &panels, &bias, true)),
                bits(together),
                "{}",
                kernels.name()
            );
        }
    }
}

#[test]
fn the_error_unit_is_exact_over_its_whole_range() -> candle_core::Result<()> {
    // One weight of 1 makes the product the identity, so that only the activation is left.
    let input: Vec<f32> = (-12_000..12_000).map(|step| step as f32 / 1000.0).collect();
    let mut panels = vec![0.0; PANEL];
    panels[0] = 1.0;
    let expected =
        Tensor::from_slice(&input, input.len(), &Device::Cpu)?.to_dtype(candle_core::DType::F64)?.gelu_erf()?;
    let expected = expected.to_vec1::<f64>()?;
    for results in all_agree(|kernels| multiply(kernels, &input, 1, &panels, &[0.0; PANEL], true)) {
        for (index, expected) in expected.iter().enumerate() {
            let error = (f64::from(results[index * PANEL]) - expected).abs();
            let x = f64::from(input[index]).abs();
            assert!(error <= 3e-7 * x.max(1.0), "off by {error} at {x}");
        }
    }
    Ok(())
}

#[test]
fn normalised_rows_equal_doubles_and_have_the_same_bits_everywhere() {
    let (rows, width) = (9, 384);
    let residual = numbers(rows * width, 1, 3.0);
    let update = numbers(rows * width, 2, 3.0);
    let scale = numbers(width, 3, 2.0);
    let shift = numbers(width, 4, 2.0);
    let expected: Vec<f32> = residual
        .chunks_exact(width)
        .zip(update.chunks_exact(width))
        .flat_map(|(residual, update)| normalised(residual, update, &scale, &shift))
        .collect();
    let results = all_agree(|kernels| {
        let mut residual = residual.clone();
        kernels.add_norm(AddNorm { residual: &mut residual, update: &update, scale: &scale, shift: &shift });
        residual
    });
    for result in results {
        assert!(distance(&result, &expected) < 5e-6);
    }
}

fn normalised(residual: &[f32], update: &[f32], scale: &[f32], shift: &[f32]) -> Vec<f32> {
    let sums: Vec<f64> = residual.iter().zip(update).map(|(left, right)| f64::from(left + right)).collect();
    let mean = sums.iter().sum::<f64>() / sums.len() as f64;
    let variance = sums.iter().map(|sum| (sum - mean).powi(2)).sum::<f64>() / sums.len() as f64;
    let normal = sums.iter().map(|sum| (sum - mean) / (variance + 1e-12).sqrt());
    normal.zip(scale.iter().zip(shift)).map(|(normal, (scale, shift))| normal as f32 * scale + shift).collect()
}

#[test]
fn attention_equals_doubles_and_has_the_same_bits_everywhere() {
    let width = 2 * HEAD;
    for length in [1, 2, 15, 16, 17, 33, 100, LONGEST] {
        let projected = numbers(length * 3 * width, length as u64, 2.0);
        let expected = attended(&projected, length, width);
        let results = all_agree(|kernels| {
            let mut context = vec![f32::NAN; length * width];
            // What an earlier sequence left behind must not be seen.
            let mut scratch = Scratch::new();
            let earlier = numbers(LONGEST * 3 * width, 8, 6.0);
            for (projected, length) in [(&earlier, LONGEST), (&projected, length)] {
                let mut all = vec![f32::NAN; length * width];
                kernels.attention(Attention { projected, length, context: &mut all, width, scratch: &mut scratch });
                context = all;
            }
            context
        });
        for result in results {
            let distance = distance(&result, &expected);
            assert!(distance < 2e-5, "{length} tokens are off by {distance}");
        }
    }
}

fn attended(projected: &[f32], length: usize, width: usize) -> Vec<f32> {
    let number = |token: usize, part: usize, at: usize| f64::from(projected[token * 3 * width + part * width + at]);
    let mut context = vec![0.0; length * width];
    for head in (0..width).step_by(HEAD) {
        for query in 0..length {
            let score = |key| (head..head + HEAD).map(|at| number(query, 0, at) * number(key, 1, at)).sum::<f64>();
            let scores: Vec<f64> = (0..length).map(|key| score(key) / (HEAD as f64).sqrt()).collect();
            let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let weights: Vec<f64> = scores.iter().map(|score| (score - most).exp()).collect();
            let total: f64 = weights.iter().sum();
            for at in head..head + HEAD {
                let sum: f64 = weights.iter().enumerate().map(|(key, weight)| weight * number(key, 2, at)).sum();
                context[query * width + at] = (sum / total) as f32;
            }
        }
    }
    context
}

#[test]
#[should_panic]
fn a_product_that_would_leave_its_slices_is_refused() {
    multiply(Kernels::best(), &[1.0; 8], 8, &[0.0; 4 * PANEL], &[0.0; PANEL], false);
}
