//! Pictures by their pixels: two PNGs that show the same may differ in compression, depth, palette and metadata.
//!
//! PNG: <https://www.w3.org/TR/png-3/>. What an animation shows after its first frame is not decoded, so animations are no matter
//! of this.

use std::io::{Read, Write};

use flate2::read::ZlibDecoder;
use lodepng::{ColorType, Decoder, DecompressSettings, Image};

/// Larger pictures are compared by their bytes.
const MOST_PIXELS: usize = 1 << 24;
/// As much as the largest picture needs: 16 bits for each of four channels, and a byte for each line.
const MOST_BYTES: u64 = MOST_PIXELS as u64 * 8 + (1 << 24);
/// Before the first chunk.
const SIGNATURE: usize = 8;
/// Length, name and checksum of a chunk.
const CHUNK_FRAME: usize = 12;

/// How the pixels of two pictures differ.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PixelDifference {
    None,
    /// In words.
    Some(String),
}

/// Compares two PNGs pixel by pixel; none where one of them is no picture that can be compared so.
pub(super) fn compare_pixels(expected: &[u8], found: &[u8]) -> Option<PixelDifference> {
    let (one, other) = (Header::read(expected)?, Header::read(found)?);
    if (one.width, one.height) != (other.width, other.height) {
        let words = format!("expected {} × {} pixels, found {} × {}", one.width, one.height, other.width, other.height);
        return Some(PixelDifference::Some(words));
    }
    let depth = if one.is_deep || other.is_deep { 16 } else { 8 };
    Some(match (pixels(expected, depth)?, pixels(found, depth)?) {
        (Image::RGBA(one), Image::RGBA(other)) => {
            let pairs = one.buffer.iter().zip(&other.buffer);
            told(
                pairs.map(|(a, b)| differences([a.r, a.g, a.b, a.a], [b.r, b.g, b.b, b.a], u32::from)),
                u8::MAX,
                one.width,
            )
        }
        (Image::RGBA16(one), Image::RGBA16(other)) => {
            // They are as in the file: the higher byte first.
            let value = |channel: u16| u32::from(u16::from_be(channel));
            let pairs = one.buffer.iter().zip(&other.buffer);
            told(
                pairs.map(|(a, b)| differences([a.r, a.g, a.b, a.a], [b.r, b.g, b.b, b.a], value)),
                u16::MAX,
                one.width,
            )
        }
        _ => return None,
    })
}

/// How much each channel of two pixels differs.
fn differences<T: Copy>(one: [T; 4], other: [T; 4], value: impl Fn(T) -> u32) -> [u32; 4] {
    std::array::from_fn(|channel| value(one[channel]).abs_diff(value(other[channel])))
}

struct Header {
    width: usize,
    height: usize,
    /// More than 8 bits a channel.
    is_deep: bool,
}

impl Header {
    /// None where this is no PNG, an animation, or too large.
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut decoder = Decoder::new();
        let (width, height) = decoder.inspect(bytes).ok()?;
        let is_small = width.checked_mul(height).is_some_and(|pixels| pixels <= MOST_PIXELS);
        let is_deep = decoder.info_png().color.bitdepth() == 16;
        (is_small && !is_animated(bytes)).then_some(Self { width, height, is_deep })
    }
}

/// Whether there is a chunk that makes the picture an animation.
fn is_animated(bytes: &[u8]) -> bool {
    let mut rest = bytes.get(SIGNATURE..).unwrap_or_default();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        if after.starts_with(b"acTL") {
            return true;
        }
        let length = u32::from_be_bytes(*length) as usize;
        rest = length.checked_add(CHUNK_FRAME).and_then(|end| rest.get(end..)).unwrap_or_default();
    }
    false
}

/// The pixels with colour and opacity, each of so many bits; none where the file is damaged.
fn pixels(bytes: &[u8], depth: u32) -> Option<Image> {
    let mut decoder = Decoder::new();
    decoder.read_text_chunks(false);
    decoder.info_raw_mut().set_colortype(ColorType::RGBA);
    decoder.info_raw_mut().try_set_bitdepth(depth).ok()?;
    decoder.set_custom_zlib(Some(inflate), std::ptr::null());
    decoder.decode(bytes).ok()
}

/// Decompresses up to the size of the largest picture: a few bytes may claim to stand for gigabytes.
fn inflate(packed: &[u8], out: &mut dyn Write, _settings: &DecompressSettings) -> Result<(), lodepng::Error> {
    inflate_up_to(MOST_BYTES, packed, out)
}

fn inflate_up_to(most: u64, packed: &[u8], out: &mut dyn Write) -> Result<(), lodepng::Error> {
    /// LodePNG's number for data that cannot be decompressed.
    const BROKEN: u32 = 23;
    let mut plain = ZlibDecoder::new(packed).take(most + 1);
    match std::io::copy(&mut plain, out) {
        Ok(length) if length <= most => Ok(()),
        _ => Err(lodepng::Error::new(BROKEN)),
    }
}

/// How many pixels differ, by how much, in which channels, and where the first of them is; `largest` is a channel's largest value.
fn told(differences: impl Iterator<Item = [u32; 4]>, largest: impl Into<u32>, width: usize) -> PixelDifference {
    let (mut pixels, mut differing, mut first, mut most) = (0usize, 0usize, None, [0u32; 4]);
    for (place, difference) in differences.enumerate() {
        pixels += 1;
        if difference != [0; 4] {
            differing += 1;
            first.get_or_insert(place);
            most = std::array::from_fn(|channel| most[channel].max(difference[channel]));
        }
    }
    let Some(first) = first else { return PixelDifference::None };
    let channels = ["red", "green", "blue", "opacity"].into_iter().zip(most).filter(|(_, most)| *most > 0);
    let channels: Vec<&str> = channels.map(|(name, _)| name).collect();
    PixelDifference::Some(format!(
        "{differing} of {pixels} pixels differ, by at most {} of {} (in {}), first in column {}, row {}",
        most.into_iter().max().unwrap_or_default(),
        largest.into(),
        channels.join(", "),
        first % width + 1,
        first / width + 1,
    ))
}

#[cfg(test)]
mod tests {
    use lodepng::Encoder;
    use proptest::prelude::*;

    use super::*;

    type Pixel = [u8; 4];

    /// A PNG of the pixels, compressed as `level` says, perhaps with words beside.
    fn png(pixels: &[Pixel], width: usize, level: u8, words: Option<&str>, interlaced: bool) -> Vec<u8> {
        let mut encoder = Encoder::new();
        encoder.settings_mut().set_level(level);
        // With a level of its own, the encoder chooses palette and depth itself.
        encoder.set_auto_convert(level > 1);
        encoder.info_raw_mut().set_colortype(ColorType::RGBA);
        encoder.info_png_mut().interlace_method = interlaced.into();
        if let Some(words) = words {
            encoder.info_png_mut().add_text("Creation Time", words).expect("words fit");
        }
        let flat: Vec<u8> = pixels.concat();
        encoder.encode(&flat, width, pixels.len() / width).expect("it can be encoded")
    }

    fn deep(values: &[u16]) -> Vec<u8> {
        let mut encoder = Encoder::new();
        encoder.set_auto_convert(false);
        encoder.info_raw_mut().set_colortype(ColorType::GREY);
        encoder.info_raw_mut().set_bitdepth(16);
        encoder.info_png_mut().color.set_colortype(ColorType::GREY);
        encoder.info_png_mut().color.set_bitdepth(16);
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_be_bytes()).collect();
        encoder.encode(&bytes, values.len(), 1).expect("it can be encoded")
    }

    fn pictures() -> impl Strategy<Value = (usize, Vec<Pixel>)> {
        let few = prop::collection::vec(any::<Pixel>(), 1..4);
        (1usize..9, 1usize..9, few).prop_flat_map(|(width, height, few)| {
            let colours = prop_oneof![any::<Pixel>(), prop::sample::select(few)];
            (Just(width), prop::collection::vec(colours, width * height))
        })
    }

    proptest! {
        #[test]
        fn the_same_pixels_are_the_same_however_they_are_packed(
            (width, pixels) in pictures(), level in 0u8..=9, other in 0u8..=9, interlaced: bool,
        ) {
            let one = png(&pixels, width, level, None, false);
            let again = png(&pixels, width, other, Some("now"), interlaced);
            prop_assert_eq!(compare_pixels(&one, &again), Some(PixelDifference::None));
        }

        #[test]
        fn each_other_pixel_is_counted(
            (width, pixels) in pictures(), at in any::<prop::sample::Index>(), channel in 0usize..4, by in 1u8..=255,
        ) {
            let mut others = pixels.clone();
            let place = at.index(pixels.len());
            let value = &mut others[place][channel];
            let was = *value;
            *value = value.wrapping_add(by);
            let most = was.abs_diff(*value);
            let (one, other) = (png(&pixels, width, 6, None, false), png(&others, width, 6, None, false));
            let Some(PixelDifference::Some(words)) = compare_pixels(&one, &other) else {
                return Err(TestCaseError::fail("they differ"));
            };
            let expected = format!("1 of {} pixels differ, by at most {most} of 255", pixels.len());
            prop_assert!(words.starts_with(&expected), "{}", words);
            let place = format!("first in column {}, row {}", place % width + 1, place / width + 1);
            prop_assert!(words.ends_with(&place), "{}", words);
        }

        #[test]
        fn damaged_files_are_no_pictures((width, pixels) in pictures(), at in any::<prop::sample::Index>(), by in 1u8..=255) {
            let good = png(&pixels, width, 6, None, false);
            let mut bad = good.clone();
            bad[at.index(good.len())] ^= by;
            // It is told or not comparable, and never the same by chance of a panic.
            let _ = compare_pixels(&good, &bad);
            prop_assert_eq!(compare_pixels(&good, &good[..good.len() - 12]), None);
        }
    }

    #[test]
    fn sixteen_bits_are_not_rounded_to_eight() {
        let (one, other) = (deep(&[0x1234, 7]), deep(&[0x1235, 7]));
        let Some(PixelDifference::Some(words)) = compare_pixels(&one, &other) else { panic!("they differ") };
        assert!(words.starts_with("1 of 2 pixels differ, by at most 1 of 65535 (in red, green, blue)"), "{words}");
        assert_eq!(
            compare_pixels(&deep(&[0xabab]), &png(&[[0xab, 0xab, 0xab, 255]], 1, 6, None, false)),
            Some(PixelDifference::None)
        );
    }

    #[test]
    fn sizes_are_told_and_animations_left_alone() {
        let (one, other) = (png(&[[1; 4]; 6], 3, 6, None, false), png(&[[1; 4]; 6], 2, 6, None, false));
        let words = "expected 3 × 2 pixels, found 2 × 3".to_owned();
        assert_eq!(compare_pixels(&one, &other), Some(PixelDifference::Some(words)));
        let mut animated = one.clone();
        // Behind the header.
        animated.splice(33..33, *b"\0\0\0\x08acTL\0\0\0\x01\0\0\0\0\0\0\0\0");
        assert_eq!(compare_pixels(&one, &animated), None);
        assert_eq!(compare_pixels(&one, b"GIF89a"), None);
    }

    #[test]
    fn a_few_bytes_do_not_become_gigabytes() {
        use flate2::Compression;
        use flate2::write::ZlibEncoder;

        const MOST: u64 = 100_000;
        let packed = |bytes: usize| {
            let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
            packed.write_all(&vec![0; bytes]).expect("memory takes it");
            packed.finish().expect("memory takes it")
        };
        let mut counted = Counter(0);
        assert!(inflate_up_to(MOST, &packed(MOST as usize), &mut counted).is_ok() && counted.0 == MOST);
        let mut counted = Counter(0);
        assert!(inflate_up_to(MOST, &packed(1 << 20), &mut counted).is_err() && counted.0 == MOST + 1);
    }

    struct Counter(u64);

    impl Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len() as u64;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
}
