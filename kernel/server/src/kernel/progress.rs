//! Progress of magics: one display a task, replaced as the task goes on.

use kernwerk_render::Bar;
use serde_json::{Value, json};

use super::outputs::volatile;

/// A display to publish: `display_data` or `update_display_data`, and its content. `cell` makes its identity unique.
pub(super) fn message(cell: &str, bar: Bar) -> (&'static str, Value) {
    let msg_type = if bar.is_new { "display_data" } else { "update_display_data" };
    let content = json!({
        "data": { "text/plain": bar.text, "text/html": bar.html },
        "metadata": volatile(),
        "transient": { "display_id": format!("{cell}-{}", bar.number) },
    });
    (msg_type, content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_displayed_and_then_replaced() {
        let bar = |is_new| Bar { number: 2, is_new, text: "load: 1 of 2 rows".into(), html: "<b>load</b>".into() };
        let (first, shown) = message("cell", bar(true));
        let (then, replaced) = message("cell", bar(false));
        assert_eq!((first, then), ("display_data", "update_display_data"));
        assert_eq!(shown["transient"]["display_id"], "cell-2");
        assert_eq!(shown, replaced);
        assert_eq!(shown["data"]["text/html"], "<b>load</b>");
        assert_eq!(shown["metadata"]["kernwerk"]["volatile"], true);
    }
}
