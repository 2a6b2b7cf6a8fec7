//! Charts: drawn by plotters as SVG, which is the same text everywhere.

use std::error::Error;

use kernwerk_prelude::display;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::prelude::{SVGBackend, WHITE};

/// A chart, ready to be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Plot {
    width: u32,
    height: u32,
    svg: String,
}

/// Draws a chart of `width` by `height` pixels, on white unless it fills its area with something else.
///
/// # Panics
/// The drawing fails.
pub fn plot<Draw>(width: u32, height: u32, draw: Draw) -> Plot
where
    Draw: FnOnce(&DrawingArea<SVGBackend<'_>, Shift>) -> Result<(), Box<dyn Error>>,
{
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
    // Black lines on a dark theme's ground would not be seen.
    let ground: Result<(), Box<dyn Error>> = area.fill(&WHITE).map_err(Into::into);
    let drawn = ground.and_then(|()| draw(&area)).and_then(|()| area.present().map_err(Into::into));
    drop(area);
    match drawn {
        Ok(()) => Plot { width, height, svg },
        Err(error) => panic!("the chart could not be drawn: {error}"),
    }
}

impl Plot {
    /// The chart's SVG.
    pub fn svg(&self) -> &str {
        &self.svg
    }

    /// Shows the chart.
    pub fn evcxr_display(&self) {
        display(&[("image/svg+xml", &self.svg), ("text/plain", &format!("{self:?}"))]);
    }
}

impl std::fmt::Debug for Plot {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "a chart of {} × {} pixels", self.width, self.height)
    }
}
