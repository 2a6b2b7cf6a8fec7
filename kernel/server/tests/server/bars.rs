//! Bars of Rust cells look like those of magics.

#[path = "../../../prelude/src/bar.rs"]
mod bar;

use std::time::Duration;

use bar::Bar;
use kernwerk_render::Progress;

#[test]
fn bars_of_cells_and_of_magics_are_the_same() {
    let totals = [None, Some(0), Some(1), Some(40), Some(1_000_000)];
    let times = [0, 150, 201, 1_000, 59_600, 61_000, 7_300_000].map(Duration::from_millis);
    for total in totals {
        for done in [0, 1, 40, 999_999] {
            for elapsed in times {
                let (task, unit) = ("load <x> & 'y'".to_owned(), "rows".to_owned());
                let magic = Progress { task: task.clone(), done, total, unit: unit.clone(), elapsed };
                let cell = Bar { task, done, total, unit, elapsed, stopped: false };
                assert_eq!((cell.text(), cell.html()), (magic.text(), magic.html()), "{magic:?}");
            }
        }
    }
}
