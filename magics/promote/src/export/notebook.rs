//! A notebook that holds the slice, for people who go on from it.

use serde_json::{Value, json};

use super::Made;
use super::place::MARK;
use super::source::Source;
use crate::Error;
use crate::artifact::NOTEBOOK;
use crate::bundle::to_json;

/// The artifact's notebook, with a cell of words above the others.
pub(super) fn notebook(source: &Source) -> Result<Made, Error> {
    let text = source.location.text(NOTEBOOK)?;
    let mut notebook: Value = source.location.json(NOTEBOOK, text.as_bytes())?;
    let cells = notebook["cells"].as_array_mut();
    let cells = cells.ok_or_else(|| source.location.broken(NOTEBOOK, "it has no cells"))?;
    cells.insert(
        0,
        json!({
            "cell_type": "markdown",
            "id": "exported",
            "metadata": {},
            "source": words(source).split_inclusive('\n').collect::<Vec<_>>(),
        }),
    );
    notebook["metadata"]["kernwerk"] =
        json!({ "artifact": source.location.to_string(), "identity": source.id, "export": MARK });
    let text = String::from_utf8(to_json(&notebook)).expect("JSON is UTF-8");
    Ok(Made {
        name: format!("{}.ipynb", source.location.to_string().replace('@', "-")),
        text,
        is_executable: false,
        notes: vec![place_note(source)],
    })
}

fn words(source: &Source) -> String {
    let mut words = format!(
        "# {}\n\nThe cells of {}, in their order. Their files are named from `{}` in the lab. Identity `{}`.\n",
        source.title(),
        source.location,
        place(source),
        source.id
    );
    for input in source.inputs() {
        let text = |key: &str| input[key].as_str().unwrap_or_default().to_owned();
        let version = input["version"].as_u64().map(|version| format!(" version {version}")).unwrap_or_default();
        words.push_str(&format!("\n- reads the {} `{}`{version}, {}", text("kind"), text("name"), text("digest")));
    }
    words.trim_end().to_owned()
}

fn place(source: &Source) -> &str {
    match source.pipeline.directory.as_str() {
        "" => ".",
        directory => directory,
    }
}

fn place_note(source: &Source) -> String {
    format!("its cells name their files from `{}` in the lab: open it there", place(source))
}
