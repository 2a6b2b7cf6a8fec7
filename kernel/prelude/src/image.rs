//! Images in the formats that browsers show.

use std::fmt;
use std::io::{Error, ErrorKind, Result};
use std::path::Path;

use crate::display::display;

/// A PNG, JPEG, GIF or WebP image.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    bytes: Vec<u8>,
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Png,
    Jpeg,
    Gif,
    WebP,
}

impl Image {
    /// An image from the bytes of its file.
    ///
    /// # Errors
    /// They are in none of the formats that browsers show.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self> {
        let bytes = bytes.into();
        let format = Format::of(&bytes).ok_or_else(|| {
            Error::new(ErrorKind::InvalidData, "this is no PNG, JPEG, GIF or WebP image; `display_svg` shows SVG")
        })?;
        Ok(Self { bytes, format })
    }

    /// Reads an image from a file.
    ///
    /// # Errors
    /// The file cannot be read, or holds none of the formats that browsers show.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        std::fs::read(path)
            .and_then(Self::new)
            .map_err(|error| Error::new(error.kind(), format!("{}: {error}", path.display())))
    }

    /// Shows the image.
    pub fn evcxr_display(&self) {
        display(&[(self.format.mime(), &base64(&self.bytes)), ("text/plain", &format!("{self:?}"))]);
    }

    /// Width and height in pixels, where the head of the file tells them plainly.
    fn size(&self) -> Option<(u32, u32)> {
        match self.format {
            Format::Png => {
                let number = |at: usize| Some(u32::from_be_bytes(self.bytes.get(at..at + 4)?.try_into().ok()?));
                Some((number(16)?, number(20)?))
            }
            Format::Gif => {
                let number = |at: usize| Some(u16::from_le_bytes(self.bytes.get(at..at + 2)?.try_into().ok()?));
                Some((number(6)?.into(), number(8)?.into()))
            }
            Format::Jpeg | Format::WebP => None,
        }
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "an image ({}", self.format.name())?;
        if let Some((width, height)) = self.size() {
            write!(formatter, ", {width} × {height} pixels")?;
        }
        write!(formatter, ", {} bytes)", self.bytes.len())
    }
}

impl Format {
    fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            Some(Self::Png)
        } else if bytes.starts_with(b"\xff\xd8\xff") {
            Some(Self::Jpeg)
        } else if bytes.starts_with(b"GIF8") {
            Some(Self::Gif)
        } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            Some(Self::WebP)
        } else {
            None
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::Gif => "GIF",
            Self::WebP => "WebP",
        }
    }

    fn mime(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::WebP => "image/webp",
        }
    }
}

/// Bytes as text, four characters for three of them.
fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for part in bytes.chunks(3) {
        let number = part.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)) << (8 * (3 - part.len()));
        for place in 0..4 {
            let sign = SIGNS[(number >> (18 - 6 * place) & 0x3f) as usize];
            text.push(if place <= part.len() { char::from(sign) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_base64() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xff, 0xfe, 0x3e]), "//4+");
    }

    #[test]
    fn an_image_is_known_by_its_first_bytes() {
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        png.extend_from_slice(&[0, 0, 1, 0x40, 0, 0, 0, 2]);
        assert_eq!(format!("{:?}", Image::new(png).unwrap()), "an image (PNG, 320 × 2 pixels, 24 bytes)");
        assert_eq!(Image::new(*b"\xff\xd8\xff\xe0").unwrap().format.mime(), "image/jpeg");
        assert!(Image::new(*b"\x89PNG\r\n\x1a\n").unwrap().size().is_none(), "a file that is cut off has no size");
        assert!(Image::new(*b"<svg/>").unwrap_err().to_string().contains("display_svg"));
        assert!(Image::open("/nowhere.png").unwrap_err().to_string().starts_with("/nowhere.png: "));
    }
}
