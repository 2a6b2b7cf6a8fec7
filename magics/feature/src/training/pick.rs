//! Which features of which views are meant, and what their columns are called.

use arrow::datatypes::Schema;
use kernwerk_core::name_hint;
use kernwerk_store::Lab;

use super::TrainingSpec;
use crate::Error;
use crate::view::View;

/// The features asked for.
pub(super) struct Picked {
    /// Each view once, with those of its features that are asked for.
    pub(super) views: Vec<(View, Vec<String>)>,
    /// In the order they were asked for.
    pub(super) columns: Vec<PickedColumn>,
}

/// A feature among the picked ones.
pub(super) struct PickedColumn {
    /// Its name in the result.
    pub(super) column: String,
    pub(super) view: usize,
    /// Which of the view's picked features.
    pub(super) index: usize,
}

pub(super) fn pick(lab: &Lab, spec: &TrainingSpec, spine: &Schema) -> Result<Picked, Error> {
    let mut picked = Picked { views: Vec::new(), columns: Vec::new() };
    for reference in &spec.features {
        let (view, features) = resolve(lab, reference.trim())?;
        for feature in features {
            picked.add(&view, feature, spec.full_names)?;
        }
    }
    if picked.columns.is_empty() {
        return Err(Error::Training {
            message: "no features were asked for".to_owned(),
            hint: Some("name views or single features, as in --features view,other.feature".to_owned()),
        });
    }
    check_names(spec, spine, &picked)?;
    Ok(picked)
}

impl Picked {
    fn add(&mut self, view: &View, feature: String, full_names: bool) -> Result<(), Error> {
        let index = self.views.iter().position(|(known, _)| known.name == view.name).unwrap_or_else(|| {
            self.views.push((view.clone(), Vec::new()));
            self.views.len() - 1
        });
        let features = &mut self.views[index].1;
        if features.contains(&feature) {
            return Err(Error::Training {
                message: format!("feature `{}.{feature}` is asked for twice", view.name),
                hint: Some("name each feature once; a view's name stands for all of its features".to_owned()),
            });
        }
        self.columns.push(PickedColumn {
            column: if full_names { format!("{}__{feature}", view.name) } else { feature.clone() },
            view: index,
            index: features.len(),
        });
        features.push(feature);
        Ok(())
    }
}

/// The view that a reference means, and which of its features.
fn resolve(lab: &Lab, reference: &str) -> Result<(View, Vec<String>), Error> {
    if let Some(view) = View::find(lab, reference)? {
        let features: Vec<String> = view.features().map(str::to_owned).collect();
        if features.is_empty() {
            return Err(Error::Training {
                message: format!("view `{reference}` has no features: all of its columns are keys or times"),
                hint: Some("let its SQL give more columns".to_owned()),
            });
        }
        return Ok((view, features));
    }
    // A name may hold `__` itself, so every place to cut is tried.
    let dots = reference.split_once('.').into_iter();
    let cuts = reference.match_indices("__").map(|(at, cut)| (&reference[..at], &reference[at + cut.len()..]));
    let mut nearest_view = None;
    for (name, feature) in dots.chain(cuts) {
        let Some(view) = View::find(lab, name)? else { continue };
        if view.features().any(|known| known == feature) {
            return Ok((view, vec![feature.to_owned()]));
        }
        nearest_view = Some((view, feature));
    }
    Err(unknown(lab, reference, nearest_view)?)
}

fn unknown(lab: &Lab, reference: &str, nearest: Option<(View, &str)>) -> Result<Error, Error> {
    if let Some((view, feature)) = nearest {
        let roles = view.roles();
        let hint = match roles.role(feature) {
            Some(role) => Some(format!("`{feature}` is the view's {role}, not a feature")),
            None => name_hint(feature, "the features are", view.features().collect::<Vec<_>>()),
        };
        return Ok(Error::Unknown { what: "feature", name: reference.to_owned(), position: None, excerpt: None, hint });
    }
    let views: Vec<String> = lab.ledger().definitions(View::KIND)?.into_iter().map(|view| view.name).collect();
    let name = reference.split('.').next().unwrap_or(reference);
    Ok(Error::Unknown {
        what: "feature view",
        name: reference.to_owned(),
        position: None,
        excerpt: None,
        hint: name_hint(name, "the feature views are", views.iter().map(String::as_str))
            .or_else(|| Some("define one with `%%feature define`".to_owned())),
    })
}

pub(super) fn reason_column(view: &View) -> String {
    format!("{}__reason", view.name)
}

/// Columns of the result must be told apart by their names.
fn check_names(spec: &TrainingSpec, spine: &Schema, picked: &Picked) -> Result<(), Error> {
    let reasons: Vec<String> =
        picked.views.iter().filter(|_| spec.reasons).map(|(view, _)| reason_column(view)).collect();
    let added: Vec<&str> = picked
        .columns
        .iter()
        .map(|feature| feature.column.as_str())
        .chain(reasons.iter().map(String::as_str))
        .collect();
    for (index, name) in added.iter().enumerate() {
        let clash = if spine.field_with_name(name).is_ok() {
            format!("`{name}` is a feature and a column of `{}`", spec.spine)
        } else if added[..index].contains(name) {
            format!("two views have a feature `{name}`")
        } else {
            continue;
        };
        return Err(Error::Training {
            message: clash,
            hint: Some(if spec.full_names {
                "rename one of them".to_owned()
            } else {
                "--full-names calls features view__feature".to_owned()
            }),
        });
    }
    Ok(())
}
