//! Widgets of ipywidgets 8 (protocol 2.1.0): which models a widget of ours consists of, and their states.

use serde_json::{Map, Value, json};

use crate::engine::{Widget, WidgetKind};

/// The comm target of widgets, in both directions.
pub(super) const TARGET: &str = "jupyter.widget";
/// The comm target by which a front end asks for all widgets, as after a reload of its page.
pub(super) const CONTROL_TARGET: &str = "jupyter.widget.control";
/// The widget protocol, which a `comm_open` says in its metadata.
pub(super) const PROTOCOL: &str = "2.1.0";
/// What a front end displays in the place of a widget's model.
pub(super) const VIEW: &str = "application/vnd.jupyter.widget-view+json";

const BASE: &str = "@jupyter-widgets/base";
const CONTROLS: &str = "@jupyter-widgets/controls";
/// Of both modules in ipywidgets 8.
const VERSION: &str = "2.0.0";

impl WidgetKind {
    /// The names of the model, of its view, and of its style's model.
    fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Progress => ("FloatProgressModel", "ProgressView", "ProgressStyleModel"),
            Self::Label => ("LabelModel", "LabelView", "LabelStyleModel"),
            Self::Html => ("HTMLModel", "HTMLView", "HTMLStyleModel"),
            Self::Text => ("TextModel", "TextView", "TextStyleModel"),
        }
    }

    /// What the model has beside its modules, unless the cell says otherwise.
    fn defaults(self) -> Value {
        match self {
            Self::Progress => {
                json!({ "value": 0.0, "min": 0.0, "max": 100.0, "bar_style": "", "orientation": "horizontal" })
            }
            Self::Label | Self::Html => json!({ "value": "", "placeholder": "\u{200b}" }),
            Self::Text => {
                json!({ "value": "", "placeholder": "\u{200b}", "disabled": false, "continuous_update": true })
            }
        }
    }

    /// The state that a cell or a front end may set, and nothing else: which models a widget consists of is not theirs to change.
    pub(super) fn settable(self, state: &Map<String, Value>) -> Map<String, Value> {
        let defaults = self.defaults();
        let known =
            |name: &str| defaults.get(name).is_some() || matches!(name, "description" | "tooltip" | "_view_count");
        let known = state.iter().filter(|(name, _)| known(name));
        known.map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

/// One model: its comm's identity, and all of its state.
pub(super) struct Model {
    pub id: String,
    pub state: Map<String, Value>,
}

/// The models of a new widget in the order in which a front end needs them: layout and style, then the widget itself, whose
/// identity is the widget's name.
pub(super) fn models(widget: &Widget) -> [Model; 3] {
    let (model, view, style) = widget.kind.names();
    let part = |suffix: &str| format!("{}-{suffix}", widget.name);
    let layout = state(BASE, "LayoutModel", BASE, "LayoutView", json!({}));
    let style = state(CONTROLS, style, BASE, "StyleView", json!({ "description_width": "" }));
    let mut own = state(CONTROLS, model, CONTROLS, view, widget.kind.defaults());
    let common = json!({
        // Front ends count their views from zero on: so it is known whether one shows the widget.
        "_view_count": 0,
        "_dom_classes": [],
        "description": "",
        "description_allow_html": false,
        "layout": format!("IPY_MODEL_{}", part("layout")),
        "style": format!("IPY_MODEL_{}", part("style")),
        "tabbable": null,
        "tooltip": null,
    });
    own.extend(object(common));
    own.extend(widget.kind.settable(&widget.state));
    [
        Model { id: part("layout"), state: layout },
        Model { id: part("style"), state: style },
        Model { id: widget.name.clone(), state: own },
    ]
}

/// A model in the form in which all states are told at once.
pub(super) fn described(state: &Map<String, Value>) -> Value {
    json!({
        "model_name": state.get("_model_name"),
        "model_module": state.get("_model_module"),
        "model_module_version": state.get("_model_module_version"),
        "state": state,
    })
}

fn state(module: &str, model: &str, view_module: &str, view: &str, more: Value) -> Map<String, Value> {
    let mut state = object(json!({
        "_model_module": module,
        "_model_module_version": VERSION,
        "_model_name": model,
        "_view_count": null,
        "_view_module": view_module,
        "_view_module_version": VERSION,
        "_view_name": view,
    }));
    state.extend(object(more));
    state
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
